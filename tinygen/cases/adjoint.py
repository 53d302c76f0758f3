"""Claims that one linear map is the transpose of another, to twelve digits and no differencing."""

from typing import Any

import numpy as np

from tinygen import layers as L
from tinygen.cases.common import Claim
from tinygen.check import Report, check_adjoint


def convolutions(
    name: str,
    size: tuple[int, int],
    kernel: int | L.base.Pair,
    stride: int | L.base.Pair = 1,
    padding: int | L.base.Pair = 0,
) -> Claim:
    """With one W, the transposed convolution is the adjoint of the convolution."""

    def check(rng: np.random.Generator) -> Report:
        conv = L.Conv2d(3, 6, kernel, stride, padding, bias=False)
        k, s, pad = (L.base.pair(value) for value in (kernel, stride, padding))
        # rows that no window of the convolution covers: without them the sizes would not agree
        rows, columns = ((size[i] + 2 * pad[i] - k[i]) % s[i] for i in (0, 1))
        transpose = L.ConvTranspose2d(6, 3, kernel, stride, padding, (rows, columns), bias=False)
        p, x_shape = conv.init(rng, np.float64), (2, *size, 3)
        y_shape = conv.forward(p, np.zeros(x_shape))[0].shape
        return check_adjoint(value(conv, p), value(transpose, p), x_shape, y_shape, rng=rng)

    return Claim(name, "adjoint", check, of=(L.ConvTranspose2d, L.Conv2d))


def value(layer: Any, p: Any, factor: float = 1.0) -> Any:
    """x -> factor y, without the pullback."""
    return lambda x: factor * layer.forward(p, x)[0]


def pooling(rng: np.random.Generator) -> Report:
    """A mean over 2x3 pixels, times 6, is the adjoint of their repetition."""
    up, down = L.Upsample2d((2, 3)), L.AvgPool2d((2, 3))
    return check_adjoint(value(up, {}), value(down, {}, 6.0), (2, 5, 4, 3), (2, 10, 12, 3), rng=rng)


CLAIMS = [
    convolutions("ConvTranspose2d of Conv2d", (5, 4), 3, padding=1),
    convolutions("ConvTranspose2d of Conv2d, stride 2", (8, 6), 4, 2, 1),
    convolutions("ConvTranspose2d of Conv2d, rows left over", (8, 7), (3, 2), (2, 3), 1),
    convolutions("ConvTranspose2d of Conv2d, wide stride", (8, 7), 2, 3),
    Claim("Upsample2d of AvgPool2d", "adjoint", pooling, of=(L.Upsample2d, L.AvgPool2d)),
]
