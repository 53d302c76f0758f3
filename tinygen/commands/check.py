"""tinygen check: gradients and claims of layers and models, in one table."""

import argparse

from tinygen import check_all
from tinygen.commands import causal

HELP = "check gradients and probability statements, of one layer or of everything"


def add(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    parser.description = (
        "Compare every hand-written backward pass with central differences in float64, and check "
        "what models claim: that nothing sees the future, that probabilities sum to one, that a "
        "transposed convolution is the adjoint of the convolution. One line a case; the exit code "
        "is 1 where one fails."
    )
    areas = "".join(f"\n  {area}: {', '.join(found)}" for area, found in check_all.known().items())
    parser.epilog = f"""
examples:
  tinygen check                  everything, in a few seconds
  tinygen check conv2d lstm      two layers
  tinygen check my_layers.py     the list CASES of a file of your own
  tinygen check --causal         who sees whom: all that the library claims
  tinygen check --causal net.py:f --shape 9,9,1 --out seen     every leak of your own f(x) -> y

names:{areas}
"""
    parser.add_argument("names", nargs="*", metavar="NAME", help="a layer, function, model or area")
    causal.add(parser)


def run(args: argparse.Namespace) -> int:
    """Print the table; 1 where a line failed."""
    if args.causal:
        return causal.run(args)
    for option in ("shape", "levels", "channels", "itself", "out"):
        if getattr(args, option):
            raise ValueError(f"check: --{option} goes with --causal")
    return check_all.run(args.names)
