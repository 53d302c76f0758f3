"""Layers that standardise:  h = x_hat(x),  y = gamma h + beta.

With A the mean over the standardised entries, c x = x - A x (c = 1 in the pixel norm, which takes
no mean out), r = (A (c x)^2 + eps)^(-1/2) and h = r c x, the Jacobian of h is symmetric:

    J w = r (c w - h A(h w))                                                             (15)
    d/dx (k . J u) = J q - r h A(k J u),    q = -r (k A(h u) + u A(h k))                 (16)

                                                           docs/derivations/tangent.md
"""

from collections.abc import Callable
from typing import Any

from tinygen.arrays import Array, Params, namespace
from tinygen.kernels.elementwise import sum_rows
from tinygen.layers import InstanceNorm, LayerNorm, PixelNorm
from tinygen.layers.layer_norm import average
from tinygen.pullback import no_params
from tinygen.tangent.rule import Linearised, PairPullback, remembered, rule

Mean = Callable[[Array], Array]


class Standardised:
    """h = r c x at one x: the Jacobian and the second derivative."""

    def __init__(self, x: Array, eps: float, mean: Mean, centre: bool = True):
        self.mean, self.centre = mean, centre
        centred = x - mean(x) if centre else x  # c x
        self.r = 1 / namespace(x).sqrt(mean(centred * centred) + eps)
        self.h = centred * self.r

    def jacobian(self, w: Array) -> Array:
        """J w = J^T w"""
        centred = w - self.mean(w) if self.centre else w
        return self.r * (centred - self.h * self.mean(self.h * w))  # r (c w - h A(h w))   (15)

    def bend(self, u: Array, Ju: Array, k: Array) -> tuple[Array, Array]:
        """q, and what is added to J q, in d/dx (k . J u)."""
        A, h, r = self.mean, self.h, self.r
        q = -r * (k * A(h * u) + u * A(h * k))  # (16)
        return q, -r * h * A(k * Ju)


def standardised(layer: Any, p: Params, x: Array, mean: Mean) -> Linearised:
    """The rule of y = gamma h + beta:  v = gamma J u."""
    y, backward = layer.forward(p, x)
    first = remembered(backward, y)
    gamma = p["gamma"]

    def push(u: Array) -> tuple[Array, PairPullback]:
        at = Standardised(x, layer.eps, mean)
        Ju = at.jacobian(u)

        def dp(d: Any) -> Params:
            dy, dv = d
            dgamma = sum_rows((dv * Ju).reshape(-1, layer.n))  # sum dv J u + sum dy h   (17)
            if dy is None:
                return {"gamma": dgamma, "beta": namespace(x).zeros_like(p["beta"])}
            of_y = backward.dp(dy)
            return of_y | {"gamma": of_y["gamma"] + dgamma}

        def dx(d: Any) -> tuple[Array, Array]:
            dy, dv = d
            k = gamma * dv
            q, rest = at.bend(u, Ju, k)
            q = q if dy is None else q + gamma * dy
            return at.jacobian(q) + rest, first.dx(dv)  # du = J gamma dv

        return gamma * Ju, PairPullback(dp, dx, y)

    return Linearised(y, first, push)


@rule(LayerNorm)
def layer_norm(layer: Any, p: Params, x: Array) -> Linearised:
    """Means over the features of each row."""
    return standardised(layer, p, x, average)


@rule(InstanceNorm)
def instance_norm(layer: Any, p: Params, x: Array) -> Linearised:
    """Means over the pixels of each image, a channel each."""
    return standardised(layer, p, x, over_pixels)


def over_pixels(a: Array) -> Array:
    """(N, H, W, C) -> (N, 1, 1, C), as a product with a constant vector."""
    N, H, W, C = a.shape
    row = namespace(a).full((1, H * W), 1 / (H * W), a.dtype)
    return (row @ a.reshape(N, H * W, C)).reshape(N, 1, 1, C)


@rule(PixelNorm)
def pixel_norm(layer: Any, p: Params, x: Array) -> Linearised:
    """Means of squares over the channels of each pixel; no mean is taken out."""
    y, backward = layer.forward(p, x)
    first = remembered(backward, y)

    def push(u: Array) -> tuple[Array, PairPullback]:
        at = Standardised(x, layer.eps, average, centre=False)
        v = at.jacobian(u)

        def dx(d: Any) -> tuple[Array, Array]:
            dy, dv = d
            q, rest = at.bend(u, v, dv)
            return at.jacobian(q if dy is None else q + dy) + rest, first.dx(dv)

        return v, PairPullback(no_params, dx, y)

    return Linearised(y, first, push)
