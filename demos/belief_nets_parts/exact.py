"""Questions that no training on digits answers: is it a density, and what is a hidden layer for?"""

import argparse

import numpy as np

from belief_nets_parts.setting import Answer, models
from tinygen import to_device, to_host, tree
from tinygen.check import all_images
from tinygen.models.autoregressive import Autoregressive
from tinygen.optim import adam
from tinygen.training import Turn, train

SHAPE = (3, 3, 1)
STEPS = 400


def density(args: argparse.Namespace) -> Answer:
    """Sum p(x) over all 512 images of 3x3, in double precision, of nets with random weights."""
    rng, images = np.random.default_rng(args.seed), all_images(SHAPE)
    rows = {}
    for name, model in models(SHAPE, hidden=6).items():
        p = tree.map(lambda a: a + 0.5 * rng.normal(size=a.shape), model.init(rng, np.float64))
        one = float(np.exp(model.log_prob(p, images)[0]).sum())
        rows[name] = {
            "sum of p(x)": f"{one:.12f}",
            "where pixel i is shown to place i": f"{leaking(model, p, images):.12f}",
        }
    return rows, {}


def leaking(model: Autoregressive, p: object, images: np.ndarray) -> float:
    """The sum where each place is fed the pixel that it is to explain: a shift by one."""
    shifted = np.roll(images.reshape(len(images), -1), -1, axis=1).reshape(images.shape)
    params, _ = model.conditionals(p, shifted)
    return float(np.exp(-model.likelihood.nll(params, images)[0]).sum())


def hidden(args: argparse.Namespace) -> Answer:
    """Three bits, the third the exclusive or of the others: two bits of information."""
    x = np.array([[a, b, a ^ b] for a in (0, 1) for b in (0, 1)], np.float32)
    rng, rows = np.random.default_rng(args.seed), {}
    for name, model in models((3,), hidden=8).items():
        turn = Turn(name, model.loss, model.draw_noise, adam(0.05))
        p = to_device(model.init(rng), args.device)
        seen = to_device(x, args.device)
        p = train(turn, p, seen, rng=rng, steps=STEPS, batch=4, progress=False).p
        bits = -to_host(model.log_prob(p, seen)[0]).mean() / np.log(2)
        rows[name] = {"-log2 p(x)": float(bits), "true entropy": 2.0}
    return rows, {}
