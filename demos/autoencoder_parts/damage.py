"""6. What do denoising and contraction change? Damaged images, and how far the code gives way."""

from dataclasses import replace
from typing import Any

from autoencoder_parts.drawing import COLUMNS, rows
from autoencoder_parts.setting import HIDDEN, Answer, Numbers, Setting, Trained, mean_and_error
from tinygen.arrays import Array
from tinygen.models import (
    SaltAndPepper,
    contractive_autoencoder,
    dense_autoencoder,
    tied_autoencoder,
)
from tinygen.systems.base import in_batches

DAMAGE = SaltAndPepper(0.3)
SIGMOID, SIZE = 100, 20  # the codes of one sigmoid layer, and of the dense net
CONTRACTION = 1.0


def answer(setting: Setting) -> Answer:
    """The error on clean and on damaged test images, and the size of the encoder's Jacobian."""
    shape = setting.data.shape
    tied, dense = tied_autoencoder(shape, SIGMOID), dense_autoencoder(shape, HIDDEN, SIZE)
    models = {
        "sigmoid": tied,
        "sigmoid, denoising": replace(tied, corruption=DAMAGE),
        "sigmoid, contractive": contractive_autoencoder(shape, SIGMOID, CONTRACTION),
        "dense": dense,
        "dense, denoising": replace(dense, corruption=DAMAGE),
    }
    damaged, _ = DAMAGE.forward({}, setting.x, DAMAGE.draw(setting.rng, setting.x))
    shown = {"test images": setting.x, "damaged": damaged}
    numbers: Numbers = {}
    for name, model in models.items():
        found = setting.dense(SIZE) if name == "dense" else setting.autoencoder(name, model)
        numbers[name] = {
            "clean": found.error(setting.x),
            "damaged": mean_and_error(recovery(found, damaged, setting.x)),
        }
        if hasattr(model.encoder, "jacobian_norm"):
            numbers[name]["mean |dz/dx|"] = mean_and_error(jacobian(found, setting.x))
        shown[name] = found.reconstruct(damaged[:COLUMNS])
    words = (
        f"Salt and pepper falls on {DAMAGE.rate:.0%} of the pixels; the error is to the clean "
        f"image. `sigmoid` is one layer with tied weights and a code of {SIGMOID}, `dense` the net "
        f"with a code of {SIZE}. The denoising ones were trained on damaged images. Contraction "
        f"adds |dz/dx|^2, with weight {CONTRACTION:g}: the code moves less where the image changes."
    )
    return Answer(words, numbers, rows({k: setting.ink(x) for k, x in shown.items()}))


def recovery(found: Trained, damaged: Array, clean: Array) -> Array:
    """The squared error (N,) of what comes back from damaged images, to the clean ones."""
    error = found.reconstruct(damaged) - clean
    return (error * error).reshape(len(error), -1).sum(axis=1)


def jacobian(found: Trained, x: Array) -> Array:
    """|dz/dx| of each image (N,), the Frobenius norm."""
    encoder: Any = found.model.encoder
    weights = found.model.nets(found.p)["encoder"]
    square = in_batches(lambda z: encoder.jacobian_norm(weights, z)[0], found.codes(x))
    return square**0.5
