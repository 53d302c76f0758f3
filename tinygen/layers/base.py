"""What all layers share: the contract's base class, and the refusal of bad input.

    y, backward = layer.forward(p, x)          dp, dx = backward(dy)

A layer is a frozen dataclass of sizes. `shapes` names its parameters, `init` draws them,
`forward` maps x to y and returns the `Pullback` of that map.
"""

from typing import Any

import numpy as np

from tinygen.arguments import check_whole
from tinygen.arrays import FLOATS, Array, Params, device_of, is_array, namespace
from tinygen.pullback import Pullback

Pair = tuple[int, int]


class NonFinite(ValueError):
    """An array that should hold numbers holds NaN or infinity."""


class Layer:
    """A frozen description of a map x -> y with parameters p."""

    couples = False  # whether y of one example depends on the others of its batch

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Parameter name -> shape; empty for a layer without parameters."""
        return {}

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        """Parameters drawn from `rng`; `weights` names the rule (see `initialisers`)."""
        return {}

    def forward(self, p: Params, x: Any) -> tuple[Any, Pullback]:
        """y and the pullback dy -> (dp, dx). Raises ValueError or TypeError on bad input.

        The pullback reads p, x and y, uncopied: write to none of them before it has run.
        """
        raise NotImplementedError(f"{type(self).__name__} defines no forward")

    def multiply_adds(self, x_shape: Any, y_shape: Any) -> int:
        """Multiply-add operations of one forward pass with these shapes."""
        return 0


def check_sizes(layer: Any, minimum: int = 1, **sizes: Any) -> None:
    """Refuse sizes that are not whole numbers >= minimum. Raises ValueError."""
    for name, size in sizes.items():
        check_whole(type(layer).__name__, name, size, minimum)


def pair(size: int | Pair) -> Pair:
    """A size for both axes of an image, or (rows, columns): 3 -> (3, 3), (3, 5) -> (3, 5)."""
    return size if isinstance(size, tuple) else (size, size)


def check_pairs(layer: Any, minimum: int = 1, **sizes: int | Pair) -> None:
    """Refuse what is neither a whole number >= minimum nor a pair of such. Raises ValueError."""
    for name, size in sizes.items():
        if isinstance(size, tuple) and len(size) != 2:
            raise ValueError(
                f"{type(layer).__name__}: {name} must be one number or (rows, columns), "
                f"got {size!r}"
            )
        for number in pair(size):
            check_sizes(layer, minimum, **{name: number})


def check_names(name: str, p: Params, expected: set[str], of: str = "model") -> None:
    """Refuse parameters of other names than `init` gives them. Raises ValueError."""
    if not isinstance(p, dict) or p.keys() != expected:
        given = sorted(p) if isinstance(p, dict) else type(p).__name__
        raise ValueError(
            f"{name}: expected the parameters {sorted(expected)}, got {given}: "
            f"use the dict that this {of}'s init returns"
        )


def check_params(layer: Any, p: Params, shapes: dict[str, tuple[int, ...]]) -> None:
    """Refuse parameters whose keys or shapes are not the layer's. Raises ValueError."""
    name = type(layer).__name__
    check_names(name, p, set(shapes), "layer")
    for key, shape in shapes.items():
        if getattr(p[key], "shape", None) != shape:
            raise ValueError(
                f"{name}: parameter {key!r} must have shape {shape}, "
                f"got {getattr(p[key], 'shape', type(p[key]).__name__)}"
            )


def check_input(layer: Any, p: Params, x: Array, *shape: int | str | None) -> None:
    """Refuse bad parameters and a bad input, by name, before a wrong number can come out.

    shape: the expected shape of x: an int is that size, a name any size >= 1; a leading "..."
    stands for one or more axes. Raises ValueError for keys, shapes, empty or non-finite values,
    TypeError for the dtype, the kind of array, and arrays on two devices.
    """
    check_params(layer, p, layer.shapes)
    check_array(type(layer).__name__, x, *shape)
    for key in p:
        if p[key].dtype != x.dtype:
            raise TypeError(
                f"{type(layer).__name__}: x is {x.dtype}, parameter {key!r} is {p[key].dtype}: "
                f"use x.astype({str(p[key].dtype)!r})"
            )
        check_device(type(layer).__name__, x, p[key])


def check_array(name: str, x: Array, *shape: int | str | None) -> None:
    """The part of `check_input` that concerns x alone; `name` begins the message."""
    if not is_array(x):
        raise TypeError(
            f"{name}: expected a NumPy or CuPy array, got {type(x).__name__}: "
            "use np.asarray(x, dtype=np.float32)"
        )
    if x.dtype.name not in FLOATS:
        raise TypeError(f"{name}: expected floats, got {x.dtype}: use x.astype(np.float32)")
    if not shape_fits(x.shape, shape):
        wanted = ", ".join(str(size) for size in shape) + ("," if len(shape) == 1 else "")
        remedy = "add a batch axis with x[None]" if x.ndim == len(shape) - 1 else "reshape x"
        raise ValueError(f"{name}: expected x of shape ({wanted}), got {x.shape}: {remedy}")
    check_nonempty(name, x)
    check_finite(name, x)


def shape_fits(given: tuple[int, ...], expected: tuple[int | str | None, ...]) -> bool:
    """Whether a shape matches a template such as ("N", "H", "W", 3) or ("...", 5)."""
    if expected and expected[0] == "...":
        expected = expected[1:]
        given = given[len(given) - len(expected) :] if len(given) > len(expected) else ()
    return len(given) == len(expected) and all(
        want == size for size, want in zip(given, expected, strict=True) if isinstance(want, int)
    )


def check_nonempty(name: str, x: Array) -> None:
    """Refuse an empty batch or axis. Raises ValueError."""
    if x.size == 0:
        raise ValueError(f"{name}: x of shape {x.shape} is empty: give at least one example")


def check_device(name: str, x: Array, other: Array) -> None:
    """Refuse arrays on two devices. Raises TypeError."""
    if namespace(x) is not namespace(other):
        raise TypeError(
            f"{name}: x is on {device_of(x)!r}, the parameters are on {device_of(other)!r}: "
            f"move one with tinygen.to_device(..., {device_of(other)!r})"
        )


def check_rng(name: str, rng: Any) -> None:
    """Refuse a seed in the place of a generator. Raises TypeError."""
    if not isinstance(rng, np.random.Generator):
        seed = int(rng) if isinstance(rng, int | np.integer) else "seed"
        raise TypeError(
            f"{name}: expected rng as a NumPy Generator, got {type(rng).__name__}: give "
            f"np.random.default_rng({seed})"
        )


def check_finite(name: str, x: Array) -> None:
    """Refuse NaN and infinity. Raises NonFinite, which counts them and names the first.

    One dot product finds them at memory speed; only when it is not finite (which large finite
    values cause too) is each entry looked at. On a GPU the answer would stall the queue at each
    layer, so there the finite loss is checked once a step instead (training.py).
    """
    if device_of(x) == "cuda":
        return
    xp = namespace(x)
    if np.isfinite(float(xp.vdot(x, x))):
        return
    bad = ~xp.isfinite(x)
    if bad.any():
        first = tuple(int(i) for i in xp.argwhere(bad)[0])
        raise NonFinite(
            f"{name}: x holds {int(bad.sum())} values that are NaN or infinite, the first at "
            f"index {first}: look before it for a division by zero, a log of zero, a diverged step"
        )
