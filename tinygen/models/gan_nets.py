"""Dense nets for the two players of a GAN, and the masks of a discriminator's dropouts.

    generator     : z (N, Z) -> fakes (N, *shape), ReLUs between dense layers
    discriminator : (N, *shape) -> scores (N, 1), LeakyReLUs or maxout units

Those of I. Goodfellow et al., arXiv 1406.2661, on MNIST: G 100-1200-1200-784, sigmoid at its end;
D two maxout layers of 240 units of 5 pieces (I. Goodfellow et al., arXiv 1302.4389), dropout
before each of its dense layers.
"""

from functools import cache
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np

from tinygen.arrays import Array, Params, device_of, to_device
from tinygen.layers import (
    BatchNorm,
    Dense,
    Dropout,
    Flatten,
    LabelledDense,
    Layer,
    LeakyRelu,
    Maxout,
    Relu,
    Reshape,
    Sequential,
    Sigmoid,
)
from tinygen.layers.compose import Composite
from tinygen.layers.summary import run as traced
from tinygen.models.labels import LABEL, told
from tinygen.models.nets import Shape, check_widths

PAPER_G, PAPER_D = (1200, 1200), (240, 240)  # hidden widths on MNIST
PIECES = 5
PAPER_DROPOUT = (0.2, 0.5, 0.5)  # of pixels, and of each maxout layer's units


def dense_generator(
    n_latent: int,
    hidden: tuple[int, ...],
    shape: int | Shape,
    end: Layer | None = None,
    classes: int = 0,
    batch_norm: bool = False,
) -> Sequential:
    """z (N, Z) -> fakes (N, *shape), with a ReLU after each hidden layer.

    hidden     : the widths, from noise to image
    shape      : of one example: a number for rows (N, I), or (H, W, C) for images
    end        : the last activation; Sigmoid() where not given, for pixels in 0..1
    classes    : K; then the first layer takes labels too, by the name "label"
    batch_norm : before each ReLU (S. Ioffe and C. Szegedy, arXiv 1502.03167)

    Raises ValueError for widths below 1, and for none.
    """
    image = shape if isinstance(shape, tuple) else (shape,)
    widths = (n_latent, *check_widths("hidden", hidden, fewest=1))
    layers: dict[str, Layer] = {}
    for i, (n_in, n_out) in enumerate(pairwise(widths)):
        layers |= first_or_dense(i, n_in, classes, n_out, bias=not batch_norm)
        layers |= {f"norm{i}": BatchNorm(n_out)} if batch_norm else {}
        layers[f"relu{i}"] = Relu()
    layers["pixels"] = Dense(widths[-1], prod(image))
    layers["shape"] = Reshape(image)
    return Sequential(**layers, end=Sigmoid() if end is None else end)


def dense_discriminator(
    shape: int | Shape,
    hidden: tuple[int, ...],
    dropout: float = 0.0,
    classes: int = 0,
    pieces: int = 0,
    input_dropout: float = 0.0,
) -> Sequential:
    """Examples (N, *shape) -> scores (N, 1).

    hidden        : the widths, from image to score
    dropout       : of the units of each hidden layer
    classes       : K; then the first layer takes labels too, by the name "label"
    pieces        : k of a maxout layer's units, each the largest of k linear ones; 0: LeakyReLU(.2)
    input_dropout : of the pixels

    Raises ValueError for widths below 1, and for none; for units of one piece, which are linear.
    """
    if pieces == 1:
        raise ValueError(
            "dense_discriminator: the largest of 1 piece is the piece itself, and the net linear: "
            "pieces must be 2 or more (the paper's: 5), or 0 for LeakyReLU"
        )
    image = shape if isinstance(shape, tuple) else (shape,)
    widths = (prod(image), *check_widths("hidden", hidden, fewest=1))
    layers: dict[str, Layer] = {"flat": Flatten()}
    layers |= {"drop": Dropout(input_dropout)} if input_dropout else {}
    for i, (n_in, n_out) in enumerate(pairwise(widths)):
        layers |= first_or_dense(i, n_in, classes, n_out * max(1, pieces))
        layers[f"units{i}"] = Maxout(pieces) if pieces else LeakyRelu(0.2)
        layers |= {f"drop{i}": Dropout(dropout)} if dropout else {}
    return Sequential(**layers, score=Dense(widths[-1], 1))


def first_or_dense(
    i: int, n_in: int, classes: int, n_out: int, bias: bool = True
) -> dict[str, Layer]:
    """Layer i by its name: the first one of a conditional net takes the labels."""
    if i == 0 and classes:
        return {LABEL: LabelledDense(n_in, classes, n_out)}
    return {f"dense{i}": Dense(n_in, n_out, bias)}


def maxout_discriminator(shape: int | Shape = 784) -> Sequential:
    """The paper's on MNIST: 240 units of 5 pieces, twice; dropout .2 of pixels, .5 of units."""
    pixels, units, _ = PAPER_DROPOUT
    return dense_discriminator(shape, PAPER_D, units, pieces=PIECES, input_dropout=pixels)


def draw_masks(net: Layer, rng: np.random.Generator, x: Array, classes: int = 0) -> Params:
    """The extras of the net's dropouts for one pass over a batch like x; {} where it has none.

    classes : K of a net whose layers "label..." take labels

    Each Dropout gets a mask of the shape that it sees, on x's device and of x's dtype.
    """
    masks: Params = {}
    for path, rate, shape in dropouts(net, tuple(x.shape), classes):
        mask = Dropout(rate).draw_mask(rng, shape, x.dtype)
        *above, name = path
        inner = masks
        for part in above:
            inner = inner.setdefault(part, {})
        inner[name] = to_device(mask, device_of(x))
    return masks


@cache
def dropouts(
    net: Layer, shape: tuple[int, ...], classes: int
) -> tuple[tuple[tuple[str, ...], float, tuple[int, ...]], ...]:
    """(path, rate, shape of what a batch of that shape gives it) of each Dropout in the net.

    One traced pass finds the shapes; it is made once for a net and shape. Of the whole batch, for
    a net may take packs of examples, or compare them.
    """
    rates = dict(found(net))
    if not rates:
        return ()
    rng = np.random.default_rng(0)
    extras: Any = told(net, np.zeros(shape[0], int)) if classes else None
    rows = traced(net, net.init(rng, np.float32), shape, extras, np.float32, rng).rows
    return tuple((r.path, rates[r.path], r.shape.sizes) for r in rows if r.path in rates)


def check_undropped(owner: str, nets: dict[str, Layer], more: str = "") -> None:
    """Refuse nets with a Dropout, for which no masks are drawn. ValueError; `more` ends it."""
    for name, net in nets.items():
        if found(net):
            raise ValueError(
                f"{owner}: the {name} holds a Dropout, whose mask nobody draws: leave it out{more}"
            )


def found(net: Layer, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], float]]:
    """(path, rate) of each Dropout that drops something, at any depth."""
    if isinstance(net, Composite):
        return [f for name, layer in net.layers.items() for f in found(layer, (*path, name))]
    return [(path, net.rate)] if isinstance(net, Dropout) and net.rate else []
