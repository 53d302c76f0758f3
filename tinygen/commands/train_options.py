"""What `tinygen train SYSTEM` can be told beside what all can be: the fields of its options."""

import argparse
import dataclasses
from typing import Any, get_origin

from tinygen.systems import SYSTEMS, System

EXAMPLES = """
examples:
  tinygen train vae                              784-400-20 on MNIST, 50 epochs
  tinygen train vae --data digits --epochs 100   on the digits that come with the package
  tinygen train --resume runs/vae-mnist          go on where a run stopped or was killed
  tinygen train vae --help                       what VAEs can be told: nets, priors, ...
"""


def examples_of(kind: System) -> str:
    """The same for one system."""
    again = f"tinygen train --resume runs/{kind.name}-{kind.data}"
    lines = {f"tinygen train {kind.name} {told}": what for told, what in kind.uses.items()}
    lines[again] = "go on where a run stopped or was killed"
    lines[f"{again} --epochs {2 * kind.epochs}"] = "train it for longer"
    wide = max(map(len, lines))
    return "\nexamples:\n" + "".join(f"  {line:{wide}}   {what}\n" for line, what in lines.items())


def add_options(parser: argparse.ArgumentParser, words: list[str]) -> System | None:
    """The options of the system that `words`, the command line, names, and it, if it names one."""
    # the value of an option, as in `--out vae`, is no system
    chosen = next(
        (
            SYSTEMS[w]
            for before, w in zip(["", *words], words, strict=False)
            if w in SYSTEMS and (before in ("-h", "--help") or "=" in before or before[:1] != "-")
        ),
        None,
    )
    if chosen:
        group = parser.add_argument_group(f"options of {chosen.name} ({chosen.paper})")
        for f in dataclasses.fields(chosen.options):
            add_option(group, f)
    return chosen


def add_option(group: Any, f: Any) -> None:
    """One option of a system, from the field of its dataclass."""
    several = get_origin(f.type) is tuple
    default = ",".join(map(str, f.default)) if several else f.default
    group.add_argument(
        f"--{f.name.replace('_', '-')}",
        dest=f.name,
        type=whole_numbers if several else f.type,
        choices=f.metadata["choices"] or None,
        metavar=None
        if f.metadata["choices"]
        else f.type.__name__.upper()
        if not several
        else "N,N",
        default=argparse.SUPPRESS,
        help=f.metadata["help"] + (f" (default {default})" if default != "" else ""),
    )


def of_others(name: str | None, flag: str) -> str:
    """In words, that it is other systems that have this option; nothing where none has.

    Nor where this one has it too, which was then misspelt: `lr`, `--penalty_weight`.
    """
    option = flag.removeprefix("--").replace("-", "_")
    having = [s.name for s in SYSTEMS.values() if option in s.options.__dataclass_fields__]
    if name not in SYSTEMS or name in having or not having or not flag.startswith("--"):
        return ""
    return f"{name} has no option {flag}, {', '.join(having)} {'have' if having[1:] else 'has'} it"


def whole_numbers(text: str) -> tuple[int, ...]:
    """ "256,256" -> (256, 256). Raises ArgumentTypeError, whose message argparse prints."""
    try:
        return tuple(int(part) for part in text.split(",")) if text else ()
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected whole numbers as in 256,64, got {text!r}"
        ) from None
