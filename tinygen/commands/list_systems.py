"""tinygen list: every system, grouped as the taxonomy of generative models has it."""

import argparse

from tinygen.systems import GROUPS, SYSTEMS

HELP = "the systems, by what they know of the density p(x)"


def add(parser: argparse.ArgumentParser) -> None:
    """No arguments."""
    parser.description = "Every system of the library: its name for `train`, paper and demo."


def run(args: argparse.Namespace) -> int:
    """Print the groups that have systems."""
    wide = max(map(len, SYSTEMS)) + 2
    for group, title in GROUPS.items():
        members = [s for s in SYSTEMS.values() if s.group == group]
        if not members:
            continue
        print(title)
        for s in members:
            print(f"  {s.name:<{wide}}{s.title}")
            print(f"  {'':<{wide}}{s.idea}")
            print(f"  {'':<{wide}}{s.paper}   {s.demo}")
        print()
    print("train one:  tinygen train NAME    its options:  tinygen train NAME --help")
    return 0
