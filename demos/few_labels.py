"""What are latents for? Few labels, many images: python demos/few_labels.py --out runs/few_labels

Three models (AE, denoising AE, VAE) look at images without labels. Then a few images get one, and
a linear classifier learns from them: on pixels, on principal components, on the code, and on the
layer before the code. At last the encoder is trained on by the labels, from the weights that it
has (fine-tuning), or from drawn ones. The picture has the test error over the number of labels:
lines are means over draws of the labels, bands one standard deviation. All lines see the same
draws.

Nets and labels take the first 10000 training images. docs/questions/few_labels.md
"""

from dataclasses import replace
from textwrap import fill
from typing import Any

import numpy as np
from common import arguments, dataset, leave, table
from few_labels_parts.curves import picture
from few_labels_parts.encoders import (
    Encoder,
    fit_model,
    pixels,
    principal_components,
    trained,
    untrained,
)
from few_labels_parts.fits import Trial, spread

from tinygen import metrics, to_device
from tinygen.arrays import Array, Params
from tinygen.data.dataset import Dataset

IMAGES = 10_000
SIZES = (10, 20, 50, 100, 200, 500, 1000)
FEW = (10, 100, 1000)  # at which encoders are fine-tuned
QUICK_BATCH, QUICK_STEPS = 32, 60
TUNED = "denoising AE hidden"
SCRATCH = "the same net from scratch"

WORDS = (
    "Test error in percent, a mean over the draws +- the standard deviation of one draw. The first "
    "rows are linear classifiers on features that stay as they are; the last two are nets whose "
    "weights all move. The denoising autoencoder and the layer below the VAE's code are ahead of "
    "the pixels with 100 labels, the code of the plain autoencoder is not; fine-tuning is ahead "
    "of both."
)


def main(argv: list[str] | None = None) -> dict[str, Any]:
    """Learn without labels, then with few. Returns the numbers."""
    more = {"draws": (10, "label sets of each number")}
    args = arguments(__doc__, "few_labels", argv, epochs=20, more=more)
    if args.draws < 2:
        raise SystemExit(f"few_labels: a spread needs --draws of 2 or more, got {args.draws}")
    args.draws = min(args.draws, 3) if args.quick else args.draws
    trial, validation, sizes = setting(dataset(args), args)

    def fit(name: str, model: Any, transform: Any) -> Params:
        batch = QUICK_BATCH if args.quick else 128
        return fit_model(name, model, transform, trial.x, validation, args.epochs, args.seed, batch)

    rows: dict[str, Encoder] = {
        "pixels": pixels(),
        "PCA": principal_components(trial.x),
        **trained(fit, trial.x.shape[1:]),
    }
    rng = np.random.default_rng(args.seed)
    starts = {
        SCRATCH: untrained(trial.x, "hidden", rng),
        f"{TUNED}, fine-tuned": rows[TUNED],
    }
    errors: dict[str, dict[int, np.ndarray]] = {}
    for name, encoder in rows.items():
        seen = trial.see(encoder)
        errors[name] = {n: trial.linear(seen, n) for n in sizes}
    for name, encoder in starts.items():
        seen = trial.see(encoder)
        errors[name] = {n: trial.fine_tuned(seen, n) for n in sizes if n in FEW}
    numbers = {
        "test error, %": {
            name: {f"{n} labels": spread(found) for n, found in row.items()}
            for name, row in errors.items()
        },
        "less than pixels, paired": less_than(errors, "pixels"),
    }
    print(f"\n{fill(WORDS, 96)}\n\n{table(numbers['test error, %'])}")
    print("\nHow much less than on pixels, by the same draws, +- the standard error of that mean\n")
    print(table(numbers["less than pixels, paired"]))
    leave(args, {"few_labels": picture(errors, f"{args.data}, linear classifiers")}, numbers)
    return numbers


def setting(data: Dataset, args: Any) -> tuple[Trial, Array, tuple[int, ...]]:
    """The images and labels of the trial, the validation images, and the numbers of labels."""
    y, test_y = data.train.labels, data.test.labels
    if data.kind != "grey" or y is None or test_y is None:
        raise SystemExit(
            f"few_labels: {data.name} holds {data.kind} examples, expected grey images with "
            "labels: use --data mnist"
        )
    x, validation, test_x = (to_device(p.x[:IMAGES], args.device) for p in data.parts.values())
    y, test_y = y[:IMAGES], test_y[:IMAGES]
    classes = len(data.classes)
    trial = Trial(x, y, test_x, test_y, classes, args.draws, args.seed)
    rarest = int(np.bincount(y, minlength=classes).min())
    sizes = tuple(n for n in SIZES if classes <= n <= classes * rarest)
    if args.quick:
        trial = replace(trial, steps=QUICK_STEPS)
    return trial, validation, sizes


def less_than(
    errors: dict[str, dict[int, np.ndarray]], base: str
) -> dict[str, dict[str, tuple[float, float]]]:
    """How much less each row's error is than that of `base`: mean and standard error, paired."""
    return {
        name: {f"{n} labels": metrics.mean_and_error(errors[base][n] - e) for n, e in row.items()}
        for name, row in errors.items()
        if name != base
    }


if __name__ == "__main__":
    main()
