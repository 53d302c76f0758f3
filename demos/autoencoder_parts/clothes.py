"""5. What does a digit autoencoder make of clothes? MNIST's one is shown Fashion-MNIST."""

from typing import Any

import numpy as np
from common import dataset

from autoencoder_parts.drawing import COLUMNS, rows
from autoencoder_parts.setting import HIDDEN, Answer, Numbers, Setting, Trained, mean_and_error
from tinygen import to_host
from tinygen.arrays import Array
from tinygen.models import dense_autoencoder
from tinygen.systems.base import in_batches

SIZE = 20
STRANGE = 99  # percent of the digits have a smaller error


def answer(setting: Setting) -> Answer:
    """Errors of both sets through nets trained on either; left out where a set is missing."""
    if setting.data.name != "mnist":
        return Answer(
            f"Left out: the data are {setting.data.name}; digits of the size of Fashion-MNIST's "
            "pictures are those of --data mnist."
        )
    try:
        data = dataset(setting.args, "fashion-mnist")
    except SystemExit as missing:
        return Answer(f"Left out, for Fashion-MNIST is not at hand: {missing}")
    clothes = Setting.of(data, setting.args)
    digits_net = setting.dense(SIZE)
    model = dense_autoencoder(data.shape, HIDDEN, SIZE)
    clothes_net = clothes.autoencoder("clothes", model)
    limit = percentile(digits_net, setting.x)
    numbers: Numbers = {
        "digits, digit AE": row(digits_net, setting, limit),
        "clothes, digit AE": row(digits_net, clothes, limit),
        "clothes, clothes AE": row(clothes_net, clothes),
        "digits, clothes AE": row(clothes_net, setting),
    }
    shown = {"clothes": clothes.x, "by the digit AE": digits_net.reconstruct(clothes.x[:COLUMNS])}
    shown["by a clothes AE"] = clothes_net.reconstruct(clothes.x[:COLUMNS])
    words = (
        "The digit autoencoder gives back what digits are made of: strokes. A net that was "
        "trained on clothes keeps more of them in as many numbers. `lost` is the error as a "
        "share of that of the set's mean image, which keeps nothing. `strange` is the share of "
        f"images with an error above that of {STRANGE} % of the digits: an error is a first test "
        "for what was never seen."
    )
    return Answer(words, numbers, rows({k: clothes.ink(x) for k, x in shown.items()}))


def row(found: Trained, setting: Setting, limit: float | None = None) -> dict[str, Any]:
    """The error on the test images of a set, as it is and as a share."""
    error = found.error(setting.x)
    cells: dict[str, Any] = {"error": error}
    cells["lost, %"] = 100 * error[0] / setting.mean_image_error()[0]
    if limit is not None:
        cells["strange, %"] = mean_and_error(100.0 * (errors(found, setting.x) > limit))
    return cells


def percentile(found: Trained, x: Array) -> float:
    """The error that STRANGE % of the images stay below."""
    return float(np.percentile(to_host(errors(found, x)), STRANGE))


def errors(found: Trained, x: Array) -> Array:
    """(N,)."""
    return in_batches(lambda rows: found.model.errors(found.p, rows), x)
