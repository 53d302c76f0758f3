"""What a rule of a layer is, and the table of all rules.

    at = linearise(layer, p, x)        at.y, at.backward: as layer.forward gives them
    v, backward = at.push(u)           v = J_x u        backward((dy, dv)) -> dp, (dx, du)

The derivative of (y, v) transposed, for a layer with parameters theta   docs/derivations/tangent.md

    du = J^T dv                                             (5)
    dx = J^T dy + d/dx (dv . J_x u)                         (6)
    dtheta = (dy/dtheta)^T dy + d/dtheta (dv . J_x u)       (7)
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tinygen import tree
from tinygen.arrays import Params, is_array
from tinygen.layers.base import Layer, check_device
from tinygen.pullback import Pullback


class PairPullback(Pullback):
    """The pullback of (y, v): (dy, dv) -> dp, (dx, du); halves and checks as in `Pullback`.

    dy may be None, for no gradient at all: then dx is None where nothing else reaches x. Through
    piecewise linear layers that half of the pass is never computed.
    """

    def _checked(self, d: Any) -> Any:
        if not isinstance(d, tuple) or len(d) != 2:
            raise TypeError(
                f"backward of a pair: expected (dy, dv), got {type(d).__name__}: give "
                "(None, dv) where only the tangent has a gradient"
            )
        dy, dv = d
        return None if dy is None else super()._checked(dy), super()._checked(dv)


@dataclass(frozen=True)
class Linearised:
    """A layer at one point x: its output, its pullback, and what carries tangents through it.

    push : u, of the structure of x -> v = J_x u, of that of y, and the `PairPullback`; it may be
           called for several u
    """

    y: Any
    backward: Pullback
    push: Callable[[Any], tuple[Any, PairPullback]]


Rule = Callable[..., Linearised]  # (layer, p, x, *extra)
RULES: dict[type, Rule] = {}


def rule(*kinds: type) -> Callable[[Rule], Rule]:
    """Register a function (layer, p, x, *extra) -> Linearised as the rule of these layers.

    A subclass needs a registration of its own: its forward may be another map.
    """

    def register(f: Rule) -> Rule:
        for kind in kinds:
            RULES[kind] = f
        return f

    return register


def linearise(layer: Layer, p: Params, x: Any, *extra: Any) -> Linearised:
    """The layer at x. Raises NotImplementedError for a layer without a rule, by its name."""
    kind = type(layer)
    if kind not in RULES:
        known = [k.__name__ for k in RULES if k.__module__.startswith("tinygen.layers")]
        raise NotImplementedError(
            f"tangent: {kind.__name__} has no rule for the gradient of a gradient: take another "
            f"layer ({', '.join(sorted(known))}), or register a rule for it with "
            "tinygen.tangent.rule"
        )
    return RULES[kind](layer, p, x, *extra)


def tangent(
    layer: Layer, p: Params, x: Any, u: Any, extra: Any = None
) -> tuple[tuple[Any, Any], PairPullback]:
    """(y, v), backward: the layer on the pair (x, u), with v = J_x u, the derivative along u.

    u     : of the structure, shapes and dtype of x
    extra : the layer's third argument, if it takes one; held constant

    backward((dy, dv)) -> dp, (dx, du). Raises NotImplementedError for a layer without a rule,
    ValueError or TypeError for a u that is not like x.
    """
    check_like(x, u)
    at = linearise(layer, p, x, *(() if extra is None else (extra,)))
    v, backward = at.push(u)
    return (at.y, v), backward


def check_like(x: Any, u: Any) -> None:
    """Refuse a tangent that is not like x. Raises ValueError or TypeError."""

    def check(a: Any, b: Any) -> None:
        if not is_array(a) or not is_array(b):
            bad = b if is_array(a) else a
            raise TypeError(
                f"tangent: expected arrays x and u, got {type(bad).__name__}: use np.asarray"
            )
        if a.shape != b.shape:
            raise ValueError(
                f"tangent: x has shape {a.shape}, its tangent u {b.shape}: u is a direction in "
                "the space of x, give it the shape of x"
            )
        if a.dtype != b.dtype:
            raise TypeError(
                f"tangent: x is {a.dtype}, its tangent u is {b.dtype}: use u.astype(x.dtype)"
            )
        check_device("tangent", b, a)

    tree.map(check, x, u)


def remembered(backward: Pullback, y: Any) -> Pullback:
    """The same pullback, which keeps its last dx until another dy comes.

    du = J^T dv (5) is the backward pass that gave the gradient in the first place, from the same
    dv: a penalty's second pass finds it, layer by layer, and does not compute it again, as long as
    it is handed the same array; behind a sum or a layer that makes a new one it is computed.
    """
    last: list[Any] = []  # dy, dx

    def dx(dy: Any) -> Any:
        if not last or last[0] is not dy:
            last[:] = dy, backward.dx(dy)
        return last[1]

    return Pullback(backward.dp, dx, y, backward)


def plus(a: Any, b: Any) -> Any:
    """The sum of two gradients, each of which may be absent (None)."""
    if a is None or b is None:
        return b if a is None else a
    return tree.add(a, b)
