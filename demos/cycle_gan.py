"""There and back without pairs: python demos/cycle_gan.py --out runs/cycle_gan

Two sets, and nobody says which b belongs to an a. What do two GANs and a cycle find?

1 points     a cloud and the same cloud turned: linear maps find the rotation, deeper nets a map
2 digits     inverted and coloured digits: the error to the true map, with and without the cycle

J.-Y. Zhu, T. Park, P. Isola and A. Efros, arXiv 1703.10593.
                                docs/derivations/cycle_gan.md, docs/questions/translation.md
"""

from functools import partial
from typing import Any

from common import answered, arguments, dataset
from cycle_parts import digits, points
from cycle_parts.pictures import shaded

from tinygen import plots
from tinygen.data.dataset import Dataset

SHOWN = 12
STEPS = 1000  # of each training on digits
QUESTIONS = (
    "Two clouds, one turned: which map is found?",
    "Digits and their images: is the true map found, with and without the way back?",
)
WORDS = (
    "Root mean square distances; nobody told the pairs. A start is chosen by what D_B says of it, "
    "which looks at no pair. Linear maps can match the clouds by the rotation alone. Nets of two "
    "layers may come back, and look like b, by a map that is another one; begun at the identity, "
    "x + f(x) with a small f, both end at the rotation, or near it.",
    "Mean |G(a) - f(a)| over the pixels of test digits, 0..1; 'digit kept': the share that a "
    "classifier of true b takes for the digit that they were made from. 'residual' nets see most "
    "of a digit at each place and can redraw it; 'local' ones, 3x3 convolutions at full size, can "
    "hardly move ink; 'dense' ones do not know that a picture is one.",
)


def main(argv: list[str] | None = None) -> dict[str, Any]:
    """Train, measure, draw. Returns the numbers."""
    args = arguments(__doc__, "cycle_gan", argv, data="digits", epochs=1)
    data = dataset(args)
    if data.kind != "grey" or not data.classes:
        raise SystemExit(
            f"cycle_gan: {data.name} holds {data.kind}; expected grey digits with labels: use "
            "--data digits or mnist"
        )
    answers = (partial(points.answer, args), partial(translations, args, data))
    return answered(args, dict(zip(QUESTIONS, answers, strict=True)), WORDS)


def translations(args: Any, data: Dataset) -> tuple[dict[str, Any], dict[str, Any]]:
    """A row a map, a weight of the cycle loss and a kind of nets; a picture a map."""
    steps = 5 if args.quick else STEPS * args.epochs
    rows: dict[str, Any] = {}
    figures: dict[str, Any] = {}
    asked = [("inverted", "residual"), ("coloured", "residual"), ("inverted", "local"),
             ("inverted", "dense")]  # fmt: skip
    for name, nets in asked:
        judge = digits.Judge(name, data, args.device, 20 if args.quick else 400)
        shown = [data.test.x[:SHOWN], digits.MAPS[name](data.test.x[:SHOWN])]
        for weight in (digits.CYCLE, 0.0):
            trial = digits.Trial(name, weight, args.seed, steps, nets)
            row, model, p = trial.run(data, judge, args.device)
            rows[f"{name}, {nets}, {'with' if weight else 'without'} the cycle"] = row
            shown.append(digits.translated(model, p, data.test.x[:SHOWN], "b", args.device))
        title = "rows, from above: a, true b, translated with the cycle loss, without it"
        parts = [shaded(x) for x in shown]
        figures[f"{name}_{nets}"] = plots.reconstructions(*parts, columns=SHOWN, title=title)
    return rows, figures


if __name__ == "__main__":
    main()
