"""What models of several players are given, and refuse in words: pixels, noise, what players earn.

A net that ends in a tanh or a sigmoid cannot leave a range. Data outside it are told from its fakes
by their brightness alone, and training goes on to numbers that look like any other.
"""

from typing import Any

from tinygen.adversarial import NonSaturating, Objective
from tinygen.arrays import Array, device_of, namespace
from tinygen.layers import Layer, Sequential, Sigmoid, Tanh
from tinygen.models.labels import check_noise

SLACK = 0.01  # beyond the range: what rounding, and averages of pixels, may add
LOWEST = {Sigmoid: 0, Tanh: -1}  # what a net that ends so can make; the highest is 1
REMEDIES = {
    0: "x / 255 for 0..255, (x + 1) / 2 for -1..1, x.clip(0, 1) for a little beyond",
    -1: "x / 127.5 - 1 for 0..255, x.clip(-1, 1) for a little beyond",
}


def shown(name: str, x: Array, net: Layer, signed: bool = False) -> Array:
    """x as the nets see it, 2 x - 1 where they are `signed`.

    net : the one that makes such examples; where they are not `signed`, and it ends in a Sigmoid or
          a Tanh, x must lie in its range

    Raises as `within`.
    """
    if signed:
        return 2 * within(name, x, other=", or build the model with signed=False") - 1
    end = type(last_layer(net))
    if end not in LOWEST:
        return x
    other = f", or build the model with a generator that ends in no {end.__name__}"
    return within(name, x, LOWEST[end], other)


def within(name: str, x: Array, lowest: int = 0, other: str = "") -> Array:
    """x, its pixels in lowest..1; `other` ends the message.

    Raises ValueError for pixels outside. A GPU is not made to wait for that: there such a pixel
    becomes NaN, and so does the loss.
    """
    if device_of(x) == "cuda":
        outside = (x < lowest - SLACK) | (x > 1 + SLACK)
        return namespace(x).where(outside, x.dtype.type("nan"), x)
    low, high = float(x.min()), float(x.max())
    if low < lowest - SLACK or high > 1 + SLACK:
        raise ValueError(
            f"{name}: expected pixels within {lowest}..1, got {low:g}..{high:g}: use "
            f"{REMEDIES[lowest]}{other}"
        )
    return x


def last_layer(net: Layer) -> Layer:
    """What the net ends in, out of its chains and of the probe around it."""
    while isinstance(net, Sequential) and net.layers:
        net = list(net.layers.values())[-1]
    return getattr(net, "watched", net)


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


def check_size(name: str, fake: Array, x: Array) -> None:
    """Refuse data of another size than what is made of, or for, them. Raises ValueError."""
    if fake.shape[1:] != x.shape[1:]:
        raise ValueError(
            f"{name}: expected data of the shape that its nets make, (N, "
            f"{', '.join(map(str, fake.shape[1:]))}), got {x.shape}: reshape, pad or crop them, or "
            "build the model for their size"
        )


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
