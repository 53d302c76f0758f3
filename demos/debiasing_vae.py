"""A class with a rare group, seen oftener by its codes: python demos/debiasing_vae.py

5 % of the faces are dark, 5 % of the nines white on black, or faint; of the other class half is.
A classifier learns to overlook the few. The debiasing VAE learns what varies within the class and
draws the examples oftener whose codes are rare; nobody tells it who they are. Does it help? It
depends on where the rare group lies: outside, it is found; in the middle of the codes, as faint
nines are, it is drawn yet more seldom, and fares worse. And a product of many histograms can end
in a few examples that are drawn again and again.

Numbers are percentages of a test set of equal groups, of one training each; benchmarks/debiasing.py
trains ten of each. "groups known" draws half from the rare group by its name: the most that
resampling could do.

A. Amini and others, Uncovering and Mitigating Algorithmic Bias, AIES 2019.
docs/derivations/debiasing_vae.md
"""

from textwrap import fill
from typing import Any

import numpy as np
from common import QUICK, arguments, dataset, leave, table
from debiasing_parts.drawing import picture
from debiasing_parts.tasks import tasks
from debiasing_parts.trial import Rule, run

EXAMPLES = 3000
RULES = (Rule(), Rule(0.01), Rule(0.01, "maximum"), Rule(groups=True))
COLUMNS = ("rare", "common", "gap", "accuracy", "rare drawn", "distinct")

WORDS = (
    "`rare` and `common` are recalls, `rare drawn` the share of the rare group among the draws of "
    "its class, `distinct` how many of the draws differ. By the maximum dark faces and inverted "
    "nines are drawn and recognised oftener, faint nines less often than without resampling. The "
    "product draws a few examples again and again, and recognises hardly any others."
)


def main(argv: list[str] | None = None) -> dict[str, Any]:
    """Train each rule on each task, tell and draw what came out. Returns the numbers."""
    args = arguments(__doc__, "debiasing_vae", argv, data="mnist", epochs=20)
    labels = dataset(args).train.labels  # refused now where the set is not to be had
    if labels is None or not {4, 9} <= set(labels):
        raise SystemExit(f"debiasing_vae: {args.data} has no classes 4 and 9: use --data mnist")
    numbers, trials = {}, {}
    for name, make in tasks(args.data).items():
        parts = make(np.random.default_rng([args.seed, 0]), QUICK if args.quick else EXAMPLES)
        trials[name] = {r.name: run(parts, r, args.seed, args.epochs, args.device) for r in RULES}
        numbers[name] = {
            rule: {column: trial.numbers[column] for column in COLUMNS}
            for rule, trial in trials[name].items()
        }
        print(f"{name}: resampling by\n\n{table(numbers[name])}\n", flush=True)
    print(fill(WORDS, 96))
    leave(args, {"debiasing": picture(trials)}, numbers)
    return numbers


if __name__ == "__main__":
    main()
