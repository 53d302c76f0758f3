"""tinygen data: the data sets, where they are, and a contact sheet of one."""

import argparse
from pathlib import Path

from tinygen.arguments import check_whole
from tinygen.contact_sheet import contact_sheet
from tinygen.data import load
from tinygen.data.listing import describe, table
from tinygen.names import listed

HELP = "the data sets: sizes, licences, where they are; a contact sheet of one"


def add(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    parser.description = (
        "Without NAME: every data set, one line each. With NAME: how it is split, its source and "
        "licence, its files with their SHA-256, and a contact sheet of examples. Files are looked "
        "for in the folder that TINYGEN_DATA names, then in a cache folder; where they are "
        "missing and may be downloaded, they are, and checked."
    )
    parser.epilog = """
examples:
  tinygen data
  tinygen data sprites
  TINYGEN_DATA=~/data tinygen data mnist-static --sheet digits.png
"""
    parser.add_argument("name", nargs="?", metavar="NAME", help="a data set")
    parser.add_argument(
        "--sheet", help="the picture file of the contact sheet (default runs/data/NAME.png)"
    )
    parser.add_argument("-n", type=int, help="examples on the sheet (default: as many as fit well)")


def run(args: argparse.Namespace) -> int:
    """Print what is known; draw the sheet where a set is named."""
    if args.name is None:
        if args.sheet or args.n is not None:
            raise ValueError(
                "a contact sheet is of one data set: name it, as in `tinygen data moons`"
            )
        print(table())
        return 0
    file = Path(args.sheet or f"runs/data/{args.name}.png")
    if file.suffix.lower() not in (".png", ".jpg", ".pdf", ".svg"):
        raise ValueError(f"--sheet {file}: give a file whose name ends in .png, .jpg, .pdf or .svg")
    if args.n is not None:
        check_whole("data", "-n", args.n)
    print(describe(args.name))
    dataset = load(args.name)
    if dataset.classes:
        print(f"  classes  {listed(dataset.classes)}")
    figure = contact_sheet(dataset, args.n)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=110)
    print(f"\ncontact sheet: {file}")
    return 0
