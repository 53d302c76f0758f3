"""What models of several players are given, and refuse in words: pixels, noise, what players earn.

A net that ends in a tanh or a sigmoid cannot leave a range. Data outside it are told from its fakes
by their brightness alone, and training goes on to numbers that look like any other.
"""

from typing import Any

from tinygen.adversarial import NonSaturating, Objective
from tinygen.arrays import Array, device_of, namespace
from tinygen.layers import Layer, Sequential, Sigmoid
from tinygen.models.labels import check_noise

SLACK = 0.01  # beyond 0..1: what rounding, and averages of pixels, may add


def shown(name: str, x: Array, net: Layer, signed: bool = False) -> Array:
    """x as the nets see it, 2 x - 1 where they are `signed`.

    net : the one that makes such examples; where it ends in a Sigmoid, x must lie in 0..1, too

    Raises ValueError for pixels outside 0..1. A GPU is not made to wait for that: there such a
    pixel becomes NaN, and so does the loss.
    """
    if not signed and not ends_in_sigmoid(net):
        return x
    if device_of(x) == "cuda":
        outside = (x < -SLACK) | (x > 1 + SLACK)
        x = namespace(x).where(outside, x.dtype.type("nan"), x)
    else:
        low, high = float(x.min()), float(x.max())
        if low < -SLACK or high > 1 + SLACK:
            raise ValueError(
                f"{name}: expected pixels within 0..1, got {low:g}..{high:g}: use x / 255 for "
                "0..255, (x + 1) / 2 for -1..1, or build the model "
                + ("with signed=False" if signed else "with a generator that ends in no Sigmoid")
            )
    return 2 * x - 1 if signed else x


def ends_in_sigmoid(net: Layer) -> bool:
    """Whether what the net makes lies in 0..1."""
    while isinstance(net, Sequential) and net.layers:
        net = list(net.layers.values())[-1]
    return isinstance(getattr(net, "watched", net), Sigmoid)  # or a probe around one


def part(name: str, noise: Any, key: str, shape: tuple[int, ...] | None = None) -> Any:
    """noise[key], of this shape where one is given. Raises ValueError."""
    if not isinstance(noise, dict) or key not in noise:
        given = sorted(noise) if isinstance(noise, dict) else type(noise).__name__
        raise ValueError(
            f"{name}: expected noise with the key {key!r}, got {given}: draw it with this model's "
            "draw_noise(rng, x)"
        )
    if shape is not None:
        check_noise(f"{name}: {key}", noise[key], shape)
    return noise[key]


def check_paid(name: str, objective: Any, penalty: Any = None) -> None:
    """Refuse what is no objective, or no penalty. Raises TypeError."""
    if not isinstance(objective, Objective):
        raise TypeError(
            f"{name}: expected an objective such as {NonSaturating()}, got {said(objective)}"
        )
    lacks = [f for f in ("draw_noise", "value") if not callable(getattr(penalty, f, None))]
    if penalty is not None and (lacks or isinstance(penalty, type)):
        raise TypeError(
            f"{name}: expected a penalty such as GradientPenalty(10.0), or None, got "
            f"{said(penalty)}"
        )


def said(given: Any) -> str:
    """What was given, and that a class lacks its brackets."""
    if isinstance(given, type):
        return f"the class {given.__name__}: write {given.__name__}()"
    return f"{given!r}: choose one of tinygen.adversarial or tinygen.models.penalties"
