"""Layers that are linear in x, but for constants:  y = A(theta) x + b,  v = A(theta) u.

    du = A^T dv     dx = A^T dy     dA = that of the layer at (x, dy) plus that at (u, dv)    (8)

The constants b fall out of the tangent, and so have no gradient from dv.
                                                           docs/derivations/tangent.md
"""

from dataclasses import replace
from typing import Any

from tinygen import tree
from tinygen.arrays import Array, Params, namespace
from tinygen.layers import (
    AvgPool2d,
    BatchNorm,
    Bicubic2d,
    Concat,
    Conv1d,
    Conv2d,
    ConvTranspose2d,
    Dense,
    Dropout,
    Flatten,
    LabelBias,
    LabelledDense,
    MaskedConv2d,
    MaskedDense,
    Pack,
    ReflectionPad2d,
    Reshape,
    Shared,
    Upsample2d,
    VerticalConv2d,
)
from tinygen.tangent.rule import Linearised, PairPullback, remembered, rule


def affine(
    layer: Any,
    p: Params,
    x: Any,
    *extra: Any,
    constants: tuple[str, ...] = (),
    along: tuple[Any, ...] | None = None,
) -> Linearised:
    """The rule of y = A x + b.

    constants : the parameters that make b
    along     : the extras of u -> A u, where they are not those of x -> y
    """
    y, backward = layer.forward(p, x, *extra)
    first = remembered(backward, y)
    along = extra if along is None else along

    def push(u: Any) -> tuple[Any, PairPullback]:
        v, u_backward = layer.forward(without(constants, p), u, *along)  # A u

        def dp(d: Any) -> Params:
            dy, dv = d
            dA = without(constants, u_backward.dp(dv))
            return dA if dy is None else tree.add(backward.dp(dy), dA)  # (8)

        def dx(d: Any) -> Any:
            dy, dv = d
            return None if dy is None else backward.dx(dy), first.dx(dv)  # A^T dy, A^T dv

        return v, PairPullback(dp, dx, y)

    return Linearised(y, first, push)


def without(constants: tuple[str, ...], p: Params) -> Params:
    """p, or its gradient, with zeros for the constants."""
    return p | {key: namespace(p[key]).zeros_like(p[key]) for key in constants if key in p}


@rule(*(AvgPool2d, Bicubic2d, Concat, Dropout, Flatten, Pack, ReflectionPad2d, Reshape, Upsample2d))
def without_parameters(layer: Any, p: Params, x: Any, *extra: Any) -> Linearised:
    """Pixels moved, averaged, joined or masked; dropout's mask serves x and u alike."""
    return affine(layer, p, x, *extra)


@rule(MaskedConv2d, VerticalConv2d)
def weights_and_bias(layer: Any, p: Params, x: Array) -> Linearised:
    """y = W * x + b,  v = W * u."""
    return affine(layer, p, x, constants=("b",))


@rule(Dense, MaskedDense, Conv1d, Conv2d, ConvTranspose2d)
def weights_and_optional_bias(layer: Any, p: Params, x: Array) -> Linearised:
    """The same, where the layer without its bias does not compute one: it runs on u."""
    y, backward = layer.forward(p, x)
    first = remembered(backward, y)

    def push(u: Array) -> tuple[Array, PairPullback]:
        W = {"W": p["W"]}
        v, u_backward = replace(layer, bias=False).forward(W, u)  # W * u

        def dp(d: Any) -> Params:
            dy, dv = d
            dW = u_backward.dp(dv)
            if dy is not None:
                dp = backward.dp(dy)
                return dp | {"W": dp["W"] + dW["W"]}  # (8)
            return dW | {key: namespace(x).zeros_like(p[key]) for key in p if key != "W"}

        def dx(d: Any) -> Any:
            dy, dv = d
            return None if dy is None else backward.dx(dy), first.dx(dv)

        return v, PairPullback(dp, dx, y)

    return Linearised(y, first, push)


@rule(LabelledDense)
def labelled(layer: Any, p: Params, x: Array, label: Array) -> Linearised:
    """y = x W + V[label] + b,  v = u W: for the tangent the label is a constant, as the bias."""
    return affine(layer, p, x, label, constants=("V", "b"))


@rule(LabelBias)
def label_bias(layer: Any, p: Params, x: Array, label: Array) -> Linearised:
    """y = x + V[label],  v = u."""
    return affine(layer, p, x, label, constants=("V",))


@rule(BatchNorm)
def batch_norm(layer: Any, p: Params, x: Array, statistics: Any = None) -> Linearised:
    """With given statistics: v = gamma u / std. With those of the batch: refused.

    These couple the examples: D(x_n) moves with x_m, so no gradient belongs to one example, and a
    penalty on its norm has no meaning.
    """
    if statistics is None:
        raise NotImplementedError(
            "tangent: BatchNorm takes its statistics from the batch, so a score depends on the "
            "other examples, and a penalty on the gradient of one example has no meaning: use "
            "LayerNorm or InstanceNorm in the critic, or give statistics from calibrate(...)"
        )
    still = {"mean": namespace(x).zeros_like(statistics["mean"]), "var": statistics["var"]}
    return affine(layer, p, x, statistics, constants=("beta",), along=(still,))


@rule(Shared)
def shared(layer: Any, p: Params, x: Array) -> Linearised:
    """y = c whatever x is:  v = 0."""
    y, backward = layer.forward(p, x)

    def push(u: Array) -> tuple[Array, PairPullback]:
        zeros = namespace(u).zeros_like

        def dp(d: Any) -> Params:
            return {"c": zeros(y)} if d[0] is None else backward.dp(d[0])

        return zeros(y), PairPullback(
            dp, lambda d: (None if d[0] is None else zeros(x), zeros(u)), y
        )

    return Linearised(y, backward, push)
