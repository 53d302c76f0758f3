"""3. What does a single number hold? As many images as one likes, and nothing between them.

A code of one real number can number the images: z_n = n. For any N images a wide enough encoder
does so (N equations for the weights of its last layer), and a wide enough decoder learns by heart
which image stands at which number. The error goes to zero, and says nothing of the code.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from autoencoder_parts.drawing import rows
from autoencoder_parts.judge import Judge
from autoencoder_parts.setting import Answer, Numbers, Setting, Trained
from tinygen import to_device
from tinygen.arrays import Array, Params, namespace
from tinygen.game import Turn
from tinygen.layers import Tanh
from tinygen.models import Autoencoder, dense_autoencoder
from tinygen.optim import adam
from tinygen.schedules import cosine
from tinygen.training import train

STORED = (10, 50, 100)
WIDTH = 256  # of each hidden layer; an encoder can number as many images
STEPS, QUICK_STEPS, LR = 1000, 300, 5e-3  # on all the stored images at once
SLOPE = 3.0  # of a hidden unit along the code, where neighbours are 1 apart: a step, not a ramp


def answer(setting: Setting) -> Answer:
    """The error on N stored images, and what the same code does between them and elsewhere."""
    steps = steps_of(setting)
    numbers: Numbers = {}
    found: dict[int, Trained] = {}
    for n in STORED:
        x = setting.train[:n]
        found[n] = memorise(setting, x, numbered=True)
        numbers[f"{n} stored"] = measure(setting, found[n], x)
    x = setting.train[: STORED[1]]
    usual = memorise(setting, x, numbered=False)
    numbers[f"{len(x)}, all weights trained"] = measure(setting, usual, x, between=False)
    general = setting.dense(1)
    numbers[f"{len(setting.train)}, the net of 1."] = measure(
        setting, general, setting.train, False
    )
    numbers["the mean image"] = {"test": setting.mean_image_error()}
    words = (
        "A code of one number, and N images. The encoder's last layer is solved so that image "
        f"n has the code n; the decoder learns them by heart in {steps} steps, to an error near "
        "zero. Halfway between two codes the classifier believes fewer pictures, and test images "
        "come back worse than if the mean image stood for all. Where all weights are trained as "
        "usual, from codes that are no numbering, the same net stays far above zero. The "
        "net of 1. with such a code, trained on all images, keeps little, but as much of new ones."
    )
    return Answer(words, numbers, picture(setting, found[STORED[1]]))


def memorise(setting: Setting, x: Array, numbered: bool) -> Trained:
    """Images x by heart: where they are numbered the decoder alone has to be trained."""
    model = dense_autoencoder(setting.data.shape, (WIDTH, WIDTH), 1, activation=Tanh())
    rng = setting.rng
    p = to_device(model.init(rng), setting.args.device)
    p = number(model, p, x, rng) if numbered else p
    steps, name = steps_of(setting), f"{len(x)} images, code of 1"
    turn = Turn(name, model.loss, model.draw_noise, adam(cosine(LR, steps)))
    turn = replace(turn, player="decoder") if numbered else turn
    return Trained(model, train(turn, p, x, rng=rng, steps=steps, batch=len(x)).p)


def steps_of(setting: Setting) -> int:
    """Of learning by heart: an epoch is one step here."""
    return QUICK_STEPS if setting.args.quick else STEPS


def number(model: Autoencoder, p: Params, x: Array, rng: np.random.Generator) -> Params:
    """p with encoder(x_n) = n, and with the decoder's first units spread along these codes."""
    xp, n = namespace(x), len(x)
    encoder: Any = model.encoder
    features, _ = encoder.layers["features"].forward(p["encoder"]["features"], x)  # (N, WIDTH)
    ones = xp.ones((n, 1))
    A = xp.concatenate([features.astype("float64"), ones], axis=1)
    w = xp.linalg.lstsq(A, xp.arange(n, dtype="float64"), rcond=None)[0]  # A w = 0, 1, ..., n - 1
    code = {"W": w[:-1, None].astype(x.dtype), "b": w[-1:].astype(x.dtype)}
    # tanh(s (z - c)), c anywhere along the codes: as they come, all units bend at z = 0.
    slope = SLOPE * rng.uniform(0.5, 1.5, WIDTH) * rng.choice([-1, 1], WIDTH)
    centre = rng.uniform(-1, n, WIDTH)
    first = {"W": slope[None], "b": -slope * centre}
    first = {k: xp.asarray(v.astype(np.float32)) for k, v in first.items()}
    images = p["decoder"]["images"] | {"0": first}
    return {
        "encoder": p["encoder"] | {"code": code},
        "decoder": p["decoder"] | {"images": images},
    }


def measure(setting: Setting, found: Trained, x: Array, between: bool = True) -> dict[str, Any]:
    """The error on x and on the test images; and what is believed at the codes and halfway."""
    row: dict[str, Any] = {"stored": found.error(x), "test": found.error(setting.x)}
    if between:
        z = namespace(x).arange(len(x), dtype=x.dtype)[:, None]
        judge = Judge.of(setting)
        row["believed at codes, %"] = judge.believed(found.decode(z))
        row["halfway, %"] = judge.believed(found.decode(z[1:] - 0.5))
    return row


def picture(setting: Setting, found: Trained) -> Any:
    """A walk along the code in steps of a quarter, and test images that were never stored."""
    xp = namespace(setting.x)
    walk = setting.ink(found.decode(xp.arange(0, 9, 0.25, dtype="float32")[:, None]))
    parts = {f"z = {i}, {i}.25 … {i + 2}.75": walk[4 * i : 4 * i + 12] for i in (0, 3, 6)}
    x = setting.x[:12]
    parts |= {"test images": setting.ink(x), "through the code": setting.ink(found.reconstruct(x))}
    return rows(parts, f"{STORED[1]} images learnt by heart: image n stands at z = n")
