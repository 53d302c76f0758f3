"""Cases of pairs (x, u): every layer that has a rule, and the penalties of whole critics."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygen import layers as L
from tinygen import tree
from tinygen.cases.common import Case, beside, jittered
from tinygen.models.labels import LABEL
from tinygen.models.penalties import R1, GradientPenalty
from tinygen.pullback import Pullback
from tinygen.tangent import tangent

Point = tuple[Any, Any, Any, Any]  # layer, p, x, extra


def pair_point(
    layer: Any, shape: Any, extra: Callable[[np.random.Generator], Any] | None = None
) -> Callable[[np.random.Generator], Point]:
    """rng -> layer, p, x, extra; shape may be a tuple or dict of shapes."""

    def make(rng: np.random.Generator) -> Point:
        p = jittered(rng, layer.init(rng, np.float64))
        return layer, p, normals(rng, shape), None if extra is None else extra(rng)

    return make


def normals(rng: np.random.Generator, shape: Any) -> Any:
    """Normal numbers of a shape, or a tuple or dict of shapes."""
    if isinstance(shape, dict):
        return {key: normals(rng, part) for key, part in shape.items()}
    if isinstance(shape[0], tuple):
        return tuple(normals(rng, part) for part in shape)
    return rng.normal(size=shape)


def labels(n: int, classes: int) -> Callable[[np.random.Generator], Any]:
    """Labels as an extra."""
    return lambda rng: rng.integers(classes, size=n)


def mask(*shape: int) -> Callable[[np.random.Generator], Any]:
    """A dropout mask as an extra."""
    return lambda rng: L.Dropout(0.4).draw_mask(rng, shape, np.float64)


def statistics(n: int) -> Callable[[np.random.Generator], Any]:
    """A batch norm's statistics as an extra."""
    return lambda rng: {"mean": rng.normal(size=n), "var": rng.uniform(0.5, 2, size=n)}


HEADS: dict[str, Any] = {"a": L.Dense(4, 3), "b": L.Sequential(L.Tanh(), L.Dense(4, 2))}
SMOOTH = L.Sequential(L.Dense(4, 6), L.Tanh(), L.Dense(6, 4))
POINTS: dict[str, Callable[[np.random.Generator], Point]] = {
    "Dense": pair_point(L.Dense(4, 6), (2, 4)),
    "Dense without bias": pair_point(L.Dense(4, 6, bias=False), (2, 3, 4)),
    "Conv1d": pair_point(L.Conv1d(3, 4, 3, 2, 1), (2, 6, 3)),
    "Conv2d": pair_point(L.Conv2d(3, 4, (3, 2), (2, 1), 1), (2, 5, 4, 3)),
    "ConvTranspose2d": pair_point(L.ConvTranspose2d(3, 2, 4, 2, 1), (2, 3, 2, 3)),
    "MaskedDense": pair_point(L.MaskedDense(np.tri(4, 6)), (2, 4)),
    "MaskedConv2d": pair_point(L.MaskedConv2d(3, 6, 3, "B", 3), (2, 4, 5, 3)),
    "VerticalConv2d": pair_point(L.VerticalConv2d(2, 3, 3), (2, 4, 5, 2)),
    "LabelledDense": pair_point(L.LabelledDense(4, 3, 5), (4, 4), labels(8, 3)),
    "LabelBias": pair_point(L.LabelBias(3, 4), (5, 2, 4), labels(5, 3)),
    "BatchNorm with statistics": pair_point(L.BatchNorm(4), (3, 2, 4), statistics(4)),
    "AvgPool2d": pair_point(L.AvgPool2d(2), (2, 4, 6, 3)),
    "Bicubic2d": pair_point(L.Bicubic2d(2), (2, 3, 4, 2)),
    "Upsample2d": pair_point(L.Upsample2d((2, 3)), (2, 3, 4, 2)),
    "ReflectionPad2d": pair_point(L.ReflectionPad2d(1), (2, 3, 4, 2)),
    "Flatten": pair_point(L.Flatten(), (2, 3, 4)),
    "Reshape": pair_point(L.Reshape((2, 6)), (2, 3, 4)),
    "Dropout": pair_point(L.Dropout(0.4), (3, 4), mask(3, 4)),
    "Dropout without mask": pair_point(L.Dropout(0.4), (3, 4)),
    "Pack": pair_point(L.Pack(2), (4, 3, 5)),
    "Concat": pair_point(L.Concat(), {"a": (2, 3), "b": (2, 4)}),
    "Shared": pair_point(L.Shared(3), (2, 4)),
    "Relu": pair_point(L.Relu(), (2, 5)),
    "LeakyRelu": pair_point(L.LeakyRelu(), (2, 5)),
    "Tanh": pair_point(L.Tanh(), (2, 5)),
    "Bounded": pair_point(L.Bounded(1.5), (2, 5)),
    "Sigmoid": pair_point(L.Sigmoid(), (2, 5)),
    "Softplus": pair_point(L.Softplus(), (2, 5)),
    "Elu": pair_point(L.Elu(), (2, 5)),
    "Softmax": pair_point(L.Softmax(), (2, 3, 5)),
    "GatedTanh": pair_point(L.GatedTanh(), (2, 3, 6)),
    "MaxPool2d": pair_point(L.MaxPool2d((2, 3)), (2, 4, 6, 3)),
    "Maxout": pair_point(L.Maxout(3), (2, 4, 6)),
    "LayerNorm": pair_point(L.LayerNorm(5), (2, 3, 5)),
    "InstanceNorm": pair_point(L.InstanceNorm(3), (2, 3, 4, 3)),
    "PixelNorm": pair_point(L.PixelNorm(), (2, 3, 5)),
    "MinibatchStd": pair_point(L.MinibatchStd(2), (4, 3, 5)),
    "MinibatchStd of a batch": pair_point(L.MinibatchStd(), (3, 2, 5, 4)),
    "Equalised": pair_point(L.Equalised(L.Conv2d(3, 4, 3, 1, 1)), (2, 4, 5, 3)),
    "Equalised without bias": pair_point(L.Equalised(L.Dense(4, 6, bias=False), 1.0), (2, 4)),
    "MinibatchDiscrimination": pair_point(L.MinibatchDiscrimination(4, 3, 2), (5, 4)),
    "FadeIn": pair_point(L.FadeIn(0.3), {"old": (2, 3), "new": (2, 3)}),
    "Residual": pair_point(L.Residual(SMOOTH), (2, 4)),
    "Fork": pair_point(L.Fork(**HEADS), (2, 4)),
    "Sequential": pair_point(L.Sequential(L.Fork(**HEADS), L.Concat(), L.Dense(5, 2)), (3, 4)),
    "Sequential that ends in a kink": pair_point(
        L.Sequential(L.Flatten(), L.Dense(6, 4), L.Elu(), L.Dense(4, 3), L.LeakyRelu()), (3, 2, 3)
    ),
}


def pair_case(name: str, make_point: Callable[[np.random.Generator], Point]) -> Case:
    """(x, u) -> (y, v)."""

    def make(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        layer, p, x, extra = make_point(rng)
        u = tree.map(lambda a: rng.normal(size=a.shape), x)

        def f(p: Any, pair: Any) -> Any:
            x, u = pair
            return tangent(layer, p, x, u, None if extra is None else beside(extra, (p, pair)))

        return f, p, (x, u)

    zero = ("x.0", "x.1") if name == "Shared" else ()
    return Case(f"tangent of {name}", make, zero, of=(tangent,))


# name: critic, shape of its input, and the leaves that no norm of a gradient sees: the last bias,
# and what only shifts the input of piecewise linear layers
CRITICS: dict[str, tuple[Any, tuple[int, ...], tuple[str, ...]]] = {
    "dense, LeakyReLU": (
        L.Sequential(L.Dense(5, 7), L.LeakyRelu(), L.Dense(7, 6), L.LeakyRelu(), L.Dense(6, 1)),
        (4, 5),
        ("0.b", "2.b", "4.b"),
    ),
    "dense, tanh, layer norm": (
        L.Sequential(L.Dense(5, 7), L.LayerNorm(7), L.Tanh(), L.Dense(7, 1)),
        (4, 5),
        ("3.b",),
    ),
    "conv, LeakyReLU, layer norm": (
        L.Sequential(
            *(L.Conv2d(2, 3, 4, 2, 1), L.LeakyRelu(), L.Conv2d(3, 4, 3, 1, 1), L.LayerNorm(4)),
            *(L.LeakyRelu(), L.Flatten(), L.Dense(24, 1)),
        ),
        (3, 4, 6, 2),
        ("3.beta", "6.b"),
    ),
    "conv, instance norm, residual": (
        L.Sequential(
            *(L.Conv2d(2, 3, 3, 1, 1, bias=False), L.InstanceNorm(3), L.Softplus()),
            L.Residual(L.Sequential(L.Conv2d(3, 3, 3, 1, 1), L.Tanh())),
            *(L.AvgPool2d(2), L.Flatten(), L.Dense(18, 1)),
        ),
        (3, 4, 6, 2),
        ("6.b",),
    ),
    "in packs": (
        L.Sequential(L.Pack(2), L.Dense(10, 7), L.Tanh(), L.Dense(7, 1)),
        (6, 5),
        ("3.b",),
    ),
    "a batch at once": (
        L.Sequential(
            *(L.Dense(5, 7), L.Tanh(), L.MinibatchDiscrimination(7, 3, 2), L.MinibatchStd()),
            L.Dense(11, 1),
        ),
        (4, 5),
        ("4.b",),
    ),
    "with labels": (
        L.Sequential(label=L.LabelledDense(5, 3, 7), bend=L.Tanh(), head=L.Dense(7, 1)),
        (4, 5),
        ("head.b",),
    ),
}


def penalty_case(
    name: str, penalty: Any, critic: Any, shape: tuple[int, ...], zero: tuple[str, ...]
) -> Case:
    """A penalty as a function of the critic's parameters."""

    def make(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        p = jittered(rng, critic.init(rng, np.float64))
        real, fake = rng.normal(size=(2, *shape))
        noise = penalty.draw_noise(rng, real)
        y = rng.integers(3, size=len(real)) if LABEL in critic.layers else None

        def f(p: Any, real: Any) -> tuple[Any, Pullback]:
            labels = () if y is None else (beside(y, real),)
            return penalty.value(critic, p, real, beside(fake, real), beside(noise, real), *labels)

        return f, p, real

    kind = type(penalty).__name__
    return Case(f"{kind}, {name}", make, zero, wrt_x=False, of=(type(penalty),))


CASES = [pair_case(name, make) for name, make in POINTS.items()] + [
    penalty_case(name, penalty, *critic)
    for name, critic in CRITICS.items()
    for penalty in (GradientPenalty(), R1(3.0))
]
