"""The command line: `python -m tinygen COMMAND`, or `tinygen COMMAND`.

Exit codes: 0 done; 1 refused or failed, and one line says why; 2 the words were not understood;
130 stopped by Ctrl-C.
"""

import argparse
import io
import os
import re
import shutil
import sys
import textwrap
from importlib.metadata import version
from typing import NoReturn

from tinygen.commands import check, data, evaluate, list_systems, report, sample, train
from tinygen.commands.train_options import of_others
from tinygen.names import nearest

COMMANDS = {
    "list": list_systems,
    "data": data,
    "train": train,
    "sample": sample,
    "evaluate": evaluate,
    "report": report,
    "check": check,
}

# What the library raises on purpose: the message says what to do.
EXPECTED = (ValueError, TypeError, RuntimeError, OSError, ArithmeticError, MemoryError)

DESCRIPTION = """\
Deep generative models, every backward pass written by hand and checked.

A first walk:
  tinygen list                                    what there is
  tinygen data                                    on what it can be trained
  tinygen train vae --data digits --epochs 100    learn real digits in a minute
  tinygen report runs/vae-digits                  one page: curves, pictures, numbers
  tinygen check Conv2d                            is the backward pass the derivative?
"""


class Parser(argparse.ArgumentParser):
    """Errors in one line, with the nearest name and without the usage."""

    def error(self, message: str) -> NoReturn:
        """Print and exit with 2."""
        found = re.search(r"invalid choice: '?([^' ]*)'? \(choose from (.*)\)", message)
        if found:
            message += nearest(found[1], re.findall(r"[\w-]+", found[2]))
        print(f"{self.prog}: {message} (`{self.prog} --help` shows what there is)", file=sys.stderr)
        sys.exit(2)


def parser(words: list[str]) -> Parser:
    """The parser of all commands; `words` is the command line."""
    top = Parser(
        prog="tinygen",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"tinygen {version('tinygen')}")
    width = min(79, max(20, shutil.get_terminal_size().columns - 2))
    commands = top.add_subparsers(title="commands", dest="command", metavar="COMMAND")
    for name, command in COMMANDS.items():
        sub = commands.add_parser(
            name,
            help=command.HELP,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        command.add(sub, words[1:]) if command is train else command.add(sub)
        sub.description = textwrap.fill(sub.description or "", width)
        sub.set_defaults(run=command.run, parser=sub)
    return top


def main(words: list[str] | None = None) -> int:
    """Do what the command line says; the exit code."""
    words = sys.argv[1:] if words is None else words
    for stream in (sys.stdout, sys.stderr):  # a path that the terminal cannot show stops nothing
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")
    top = parser(words)
    args, unknown = top.parse_known_args(words)
    if args.command is None:
        top.print_help()
        return 2
    if unknown:
        flag = unknown[0].partition("=")[0]
        if args.command == "train" and (told := of_others(args.system, flag)):
            args.parser.error(told)
        if args.command == "train" and args.resume:
            args.parser.error(f"{flag}: a run keeps what it was begun with: begin another run")
        known = [name for action in args.parser._actions for name in action.option_strings]
        hint = nearest(flag, known) if flag.startswith("-") else ""
        args.parser.error(f"unknown argument {unknown[0]}{hint}")
    try:
        return int(args.run(args))
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of a pipe has gone
        sys.stderr.close()
        return 1
    except Exception as error:
        if os.environ.get("TINYGEN_TRACEBACK"):
            raise
        text = re.sub(r"^\[Errno \d+\] ", "", " ".join(str(error).split())) or type(error).__name__
        if not isinstance(error, EXPECTED):
            text = f"{type(error).__name__}: {text}: a fault; TINYGEN_TRACEBACK=1 shows where"
        text = text.removeprefix(f"{args.command}: ")  # what a command refuses names it already
        text = re.sub(r"^option (\w+)", lambda m: "--" + m[1].replace("_", "-"), text)
        print(f"tinygen {args.command}: {text}", file=sys.stderr)
        return 1
