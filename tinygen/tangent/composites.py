"""Layers made of layers: pairs (x, u) run through the children, and back in reverse.

The rules of plain values (docs/derivations/compose.md) with pairs in place of values: a chain is
pulled back from its end, the ways of a fork and of a residual add.
                                                           docs/derivations/tangent.md
"""

from collections.abc import Callable
from functools import reduce
from typing import Any

from tinygen import tree
from tinygen.arrays import Array, Params
from tinygen.layers import Fork, Residual, Sequential
from tinygen.layers.compose import Composite
from tinygen.layers.sequential import pull
from tinygen.pullback import Pullback
from tinygen.tangent.rule import Linearised, PairPullback, linearise, plus, rule

Add = Callable[[Any, Any], Any]


def child(layer: Composite, name: str, p: Params, x: Any, extras: dict[str, Any]) -> Linearised:
    """Child `name` at x; an error says in which child it arose."""
    args = (extras[name],) if name in extras else ()
    try:
        return linearise(layer.layers[name], p.get(name, {}), x, *args)
    except (ValueError, TypeError, NotImplementedError) as error:
        kind = type(layer.layers[name]).__name__
        error.add_note(f"in layer {name!r} ({kind}) of {type(layer).__name__}")
        raise


def add_pairs(a: tuple[Any, Any], b: tuple[Any, Any]) -> tuple[Any, Any]:
    """(dx, du) of two ways, of which a dx may be absent."""
    return plus(a[0], b[0]), tree.add(a[1], b[1])


@rule(Sequential)
def sequential(
    layer: Sequential, p: Params, x: Any, extras: dict[str, Any] | None = None
) -> Linearised:
    """(h_l, u_l) = f_l on (h_{l-1}, u_{l-1})"""
    extras = {} if extras is None else extras
    layer.check_names(p, extras)
    chain, h = [], x
    for name in layer.layers:
        at = child(layer, name, p, h, extras)
        chain.append((name, at))
        h = at.y
    first = next((i for i, (name, _) in enumerate(chain) if p.get(name)), len(chain))

    def back(kind: type[Pullback], links: list[tuple[str, Pullback]]) -> Any:
        return kind(
            lambda d: pull(links, d, first, dx=False)[0],
            lambda d: pull(links, d, dp=False)[1],
            h,
            lambda d: pull(links, d),
        )

    def push(u: Any) -> tuple[Any, PairPullback]:
        links: list[tuple[str, Pullback]] = []
        for name, at in chain:
            u, backward = at.push(u)
            links.append((name, backward))
        return u, back(PairPullback, links)

    return Linearised(h, back(Pullback, [(name, at.backward) for name, at in chain]), push)


@rule(Residual)
def residual(
    layer: Residual, p: Params, x: Array, extras: dict[str, Any] | None = None
) -> Linearised:
    """y = x + f(x),  v = u + J_f u"""
    extras = {} if extras is None else extras
    layer.check_names(p, extras)
    f = child(layer, "f", p, x, extras)
    layer.check_shape(x, f.y)
    y = x + f.y

    def back(kind: type[Pullback], f: Pullback, add: Add) -> Any:
        def both(d: Any) -> tuple[Params, Any]:
            df, dx = f(d)
            return layer.gather({"f": df}), add(d, dx)

        return kind(
            lambda d: layer.gather({"f": f.dp(d)}), lambda d: add(d, f.dx(d)), y, both
        )  # fmt: skip

    def push(u: Array) -> tuple[Array, PairPullback]:
        fu, f_backward = f.push(u)
        return u + fu, back(PairPullback, f_backward, add_pairs)

    return Linearised(y, back(Pullback, f.backward, tree.add), push)


@rule(Fork)
def fork(layer: Fork, p: Params, x: Any, extras: dict[str, Any] | None = None) -> Linearised:
    """y_k = f_k(x),  v_k = J_k u"""
    extras = {} if extras is None else extras
    layer.check_names(p, extras)
    branches = {name: child(layer, name, p, x, extras) for name in layer.layers}
    y = {k: at.y for k, at in branches.items()}

    def back(
        kind: type[Pullback], f: dict[str, Any], of: Callable[[Any, str], Any], add: Add
    ) -> Any:
        def both(d: Any) -> tuple[Params, Any]:
            grads = {k: f_k(of(d, k)) for k, f_k in f.items()}
            dp = layer.gather({k: dp_k for k, (dp_k, _) in grads.items()})
            return dp, reduce(add, [dx_k for _, dx_k in grads.values()])

        return kind(
            lambda d: layer.gather({k: f_k.dp(of(d, k)) for k, f_k in f.items()}),
            lambda d: reduce(add, [f_k.dx(of(d, k)) for k, f_k in f.items()]),
            y,
            both,
        )

    def pair_of(d: Any, k: str) -> Any:  # the part of branch k
        dy, dv = d
        return None if dy is None else dy[k], dv[k]

    def push(u: Any) -> tuple[Any, PairPullback]:
        pushed = {k: at.push(u) for k, at in branches.items()}
        v = {k: v_k for k, (v_k, _) in pushed.items()}
        return v, back(PairPullback, {k: f_k for k, (_, f_k) in pushed.items()}, pair_of, add_pairs)

    values = {k: at.backward for k, at in branches.items()}
    return Linearised(y, back(Pullback, values, lambda d, k: d[k], tree.add), push)
