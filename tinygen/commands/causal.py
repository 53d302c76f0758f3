"""tinygen check --causal: does a network see what it must not? The library's, or one's own.

tinygen check --causal                               all claims of the library, in a table
tinygen check --causal net.py:f --shape 9,9,1        every leak of a function of your own
                                                       docs/derivations/check.md
"""

import argparse
import inspect
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tinygen import atomic, check_all
from tinygen.cases.common import jittered
from tinygen.check import CausalReport, check_causal
from tinygen.check.own_file import run_file
from tinygen.likelihoods import Gaussian
from tinygen.models.autoregressive import Autoregressive
from tinygen.names import nearest

EXAMPLES = 2  # in the input that --shape draws
PATIENCE = 2.0  # seconds, before a bar shows how far a check is
SHAPE = re.compile(r"\d+(,\d+){0,2}")


def add(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    own = parser.add_argument_group("with --causal")
    own.add_argument(
        "--causal", action="store_true",
        help="causality alone: every output k that sees an input j >= k; NAME may be FILE.py:f, "
        "your own function f(x) -> y, layer or model",
    )  # fmt: skip
    own.add_argument("--shape", help="of one example, D or T,C or H,W,C (else the file says x)")
    own.add_argument("--levels", type=int, help="draw x from 0 .. LEVELS - 1 (default: normal)")
    own.add_argument("--channels", type=int, help="ordered groups inside a position (default 1)")
    own.add_argument("--itself", action="store_true", help="it may see its own input, as mask B")
    own.add_argument("--out", metavar="DIR", help="pictures of who sees whom, and all leaks")


def run(args: argparse.Namespace) -> int:
    """Print what was found; 1 where something leaks."""
    files = [name for name in args.names if ".py" in name]
    names = [name for name in args.names if name not in files]
    found: dict[str, CausalReport] = {}
    passed = True
    for name in files:
        title, report = of_file(name, args)
        found[title] = report
        print(report, end="\n\n" if name != args.names[-1] else "\n")
        passed &= report.passed
    if names or not files:
        result = check_all.table_of(claims(names))
        print(result)
        passed &= result.passed
        for line in result.lines:
            for part in line.reports:
                if isinstance(part, CausalReport):
                    found[line.name] = part
    if args.out:
        leave(Path(args.out), found)
    return 0 if passed else 1


def claims(names: Sequence[str]) -> list[Any]:
    """The causal claims of the library, or of these names. Raises ValueError."""
    found = [case for case in check_all.chosen(names) if getattr(case, "kind", "") == "causal"]
    if not found:
        having = {of.__name__ for case in claims(()) for of in case.of}
        raise ValueError(
            f"check --causal: nothing is claimed of {', '.join(names)}; what has an order is "
            f"{', '.join(sorted(having, key=str.lower))}; of your own: FILE.py:name"
        )
    return found


def of_file(name: str, args: argparse.Namespace) -> tuple[str, CausalReport]:
    """The title and the report of what FILE.py:name is. Raises ValueError."""
    file, _, wanted = name.partition(".py")
    path = Path(file + ".py")
    module = run_file(path)
    chosen, value = thing(module, path, wanted.removeprefix(":"))
    f, p, x = point(value, given(module, path, args))
    what = f"check --causal: {path.name}:{chosen}"
    try:
        report = check_causal(f, p, x, not args.itself, args.channels or 1, bar)
    except Exception as error:
        if str(error).startswith("check_causal"):
            raise
        raise ValueError(
            f"{what} failed on an input {x.dtype} {x.shape}: {type(error).__name__}: {error}: it "
            "is called as f(x) with a NumPy array; wrap another framework's net in such a function"
        ) from error
    report.title = f"causality of {path.name}:{chosen}"
    return f"{path.stem}_{chosen}", report


def bar(steps: range) -> Iterable[int]:
    """The steps of a sweep, with a bar on stderr where that is a terminal and it takes long."""
    from tqdm import tqdm

    return tqdm(steps, desc="check", unit="step", leave=False, disable=None, delay=PATIENCE)


def thing(module: Any, path: Path, wanted: str) -> tuple[str, Any]:
    """What a file holds under a name; without one `f`, or the only thing that can be checked."""
    own = {key: v for key, v in vars(module).items() if checkable(v, module) and key[0] != "_"}
    if wanted:
        if not hasattr(module, wanted):
            raise ValueError(f"check --causal: {path} has no {wanted!r}{nearest(wanted, own)}")
        return wanted, getattr(module, wanted)
    if "f" in own:
        return "f", own["f"]
    if len(own) != 1:
        what = f"it holds {', '.join(sorted(own))}" if own else "it holds none"
        raise ValueError(
            f"check --causal: say which function of {path} to check, as {path}:name; {what}. It "
            "may be a function f(x) -> y of arrays, a layer, a model, or a tuple (f, p, x)"
        )
    return next(iter(own.items()))


def checkable(value: Any, module: Any) -> bool:
    """Whether it is a function of this file, a layer, a model, or a tuple (f, p, x)."""
    if isinstance(value, tuple) and len(value) == 3:
        return callable(value[0]) or hasattr(value[0], "forward")
    if isinstance(value, type):
        return False
    own = inspect.isfunction(value) and value.__module__ == module.__name__
    return own or hasattr(value, "forward") or hasattr(value, "conditionals")


def given(module: Any, path: Path, args: argparse.Namespace) -> np.ndarray | None:
    """The input: drawn in the shape of --shape, else `x` of the file, else None."""
    rng = np.random.default_rng(0)
    if args.shape is None:
        return getattr(module, "x", None)
    if not SHAPE.fullmatch(args.shape) or "0" in args.shape.split(","):
        raise ValueError(
            f"check --causal: --shape is that of one example, such as 16 or 20,3 or 9,9,1, got "
            f"{args.shape!r}"
        )
    shape = (EXAMPLES, *map(int, args.shape.split(",")))
    if args.levels is None:
        return rng.normal(size=shape)
    if args.levels < 2:
        raise ValueError(f"check --causal: --levels must be at least 2, got {args.levels}")
    return rng.integers(args.levels, size=shape)


def point(value: Any, x: Any) -> tuple[Any, Any, Any]:
    """(f, p, x) as `check_causal` takes them. Raises ValueError where there is no input."""
    rng = np.random.default_rng(1)
    if isinstance(value, tuple) and len(value) == 3:
        return value
    if isinstance(value, Autoregressive):
        if x is None:
            shape, levels = (EXAMPLES, *value.shape), value.levels
            normal = isinstance(value.likelihood, Gaussian)
            x = rng.normal(size=shape) if normal else rng.integers(levels or 2, size=shape)
            x = x if levels else x.astype(np.float64)
        return value.conditionals, jittered(rng, value.init(rng, np.float64)), x
    if x is None:
        raise ValueError(
            "check --causal: on what input? Give --shape, that of one example, such as 16 or 20,3 "
            "or 9,9,1, or let the file hold an array x (N, D), (N, T, C) or (N, H, W, C)"
        )
    if hasattr(value, "forward") and hasattr(value, "init"):
        return value, jittered(rng, value.init(rng, np.float64)), x
    return value, None, x


def leave(out: Path, found: dict[str, CausalReport]) -> None:
    """A picture of each report, and a text of all its leaks, in a folder."""
    from tinygen.plots import causality, png

    out.mkdir(parents=True, exist_ok=True)

    for title, report in found.items():
        name = re.sub(r"\W+", "_", title).strip("_").lower()
        atomic.write_bytes(out / f"{name}.png", png(causality(report)))
        if report.leaks:
            told = "\n".join(report.told(outputs=None, inputs=None))
            atomic.write_text(out / f"{name}_leaks.txt", told + "\n")
    print(f"\n{out}: {len(found)} picture{'s' * (len(found) != 1)} of who sees whom")
