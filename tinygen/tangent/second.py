"""How the gradient of a net changes while its parameters move: Hessian times vector, by hand.

With R{.} the derivative at t = 0 of what a pass computes from theta + t theta_dot (B. Pearlmutter,
Neural Computation 6, 1994), each line of the forward and of the backward pass has one more beside
it. For y = x W + b, with u = R{x}, v = R{y}

    v = u W + x W_dot + b_dot           R{dW} = u^T dy + x^T R{dy},   R{db} = sum_n R{dy_n}
                                        R{dx} = R{dy} W^T + dy W_dot^T

and for a layer without parameters v = J u, R{dx} = J^T R{dy} + d/dx (dy . J_x u): its rule of the
package, on the pair (R{dy}, dy).                          docs/derivations/unrolled_gan.md
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tinygen.arrays import Array, Params
from tinygen.kernels.elementwise import sum_rows
from tinygen.layers import Dense, Layer, Sequential
from tinygen.tangent.rule import Linearised, PairPullback, linearise

Second = Callable[[list[Array], Array], tuple[Params, Array]]


@dataclass(frozen=True)
class Link:
    """One layer of a chain at one point: its name from the outside in, its input, its rule."""

    path: tuple[str, ...]
    layer: Layer
    p: Params
    x: Array
    at: Linearised


@dataclass(frozen=True)
class Trace:
    """A chain of dense layers, and of layers without parameters, at (p, x).

    y : its output

    Made by `trace`. Each layer runs forward once, for all directions.
    """

    links: list[Link]
    y: Array

    def pull(self, dy: Array) -> tuple[Params, Array, list[Array]]:
        """dp, dx, and dy at the output of each link, which `along` wants."""
        dp: Params = {}
        dys = []
        for link in reversed(self.links):
            dys.append(dy)
            if link.p:
                put(dp, link.path, link.at.backward.dp(dy))
            dy = link.at.backward.dx(dy)
        return dp, dy, dys[::-1]

    def along(self, p_dot: Params) -> tuple[Array, Second]:
        """R{y} while p moves along p_dot and x stands still, and what continues backwards:

        second(dys, R{dy}) -> R{dp}, R{dx}
        """
        u: Array | None = None  # R{x} = 0
        kept: list[tuple[Link, Array | None, Any]] = []
        for link in self.links:
            if link.p:
                W_dot, b_dot = dense_part(p_dot, link)
                v = link.x @ W_dot  # x W_dot                                          (7)
                if u is not None:
                    v += u @ link.p["W"]  # + u W
                if b_dot is not None:
                    v += b_dot
                kept.append((link, u, W_dot))
                u = v
            elif u is not None:
                v, backward = link.at.push(u)  # J u                                  (11)
                kept.append((link, u, backward))
                u = v
            else:
                kept.append((link, None, None))  # before the first parameters nothing moves
        if u is None:
            raise ValueError("Trace: the chain has no parameters to move")

        def second(dys: list[Array], rdy: Array) -> tuple[Params, Array]:
            rdp: Params = {}
            for (link, u, way), dy in zip(reversed(kept), reversed(dys), strict=True):
                rdx = link.at.backward.dx(rdy)  # R{dy} W^T, or J^T R{dy}
                if link.p:
                    put(rdp, link.path, dense_second(link, u, dy, rdy))  #         (8) (9)
                    rdx = rdx + dy @ way.T  # + dy W_dot^T                            (10)
                elif u is not None:
                    rdx = bent(way, rdy, dy)  #                                       (12)
                rdy = rdx
            return rdp, rdy

        return u, second


def dense_second(link: Link, u: Array | None, dy: Array, rdy: Array) -> Params:
    """R{dW} = u^T dy + x^T R{dy},  R{db} = sum_n R{dy_n}: sums over all axes but the last."""
    rdy = flat_rows(rdy)
    rdW = flat_rows(link.x).T @ rdy
    if u is not None:
        rdW += flat_rows(u).T @ flat_rows(dy)
    return {"W": rdW, "b": sum_rows(rdy)} if "b" in link.p else {"W": rdW}


def flat_rows(a: Array) -> Array:
    """(N, ..., C) -> (M, C)"""
    return a.reshape(-1, a.shape[-1])


def bent(backward: PairPullback, rdy: Array, dy: Array) -> Array:
    """J^T R{dy} + d/dx (dy . J_x u): the pullback of the pair (y, v), at (R{dy}, dy)."""
    return backward.dx((rdy, dy))[0]


def trace(net: Layer, p: Params, x: Array) -> Trace:
    """The chain at (p, x).

    Raises NotImplementedError for a layer with parameters that is not dense, and for one without
    a rule of the package `tangent`.
    """
    links = []
    for path, layer, own in flat(net, p):
        if own and type(layer) is not Dense:
            raise NotImplementedError(
                f"trace: {type(layer).__name__} has parameters, and how its gradient moves with "
                "them is known of Dense alone: build the net of Dense and of layers without "
                "parameters, such as Tanh, Relu, Maxout, Pack"
            )
        at = linearise(layer, own, x)
        links.append(Link(path, layer, own, x, at))
        x = at.y
    return Trace(links, x)


def flat(
    net: Layer, p: Params, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Layer, Params]]:
    """(name from the outside in, layer, its parameters), in order, of a chain of chains."""
    if isinstance(net, Sequential):
        net.check_names(p, {})
        for name, layer in net.layers.items():
            yield from flat(layer, p.get(name, {}), (*path, name))
    else:
        yield path, getattr(net, "watched", net), p  # of a probe the layer that it looks at


def dense_part(p_dot: Params, link: Link) -> tuple[Array, Array | None]:
    """(W_dot, b_dot) of a link, b_dot None where it has no bias."""
    for name in link.path:
        p_dot = p_dot[name]
    return p_dot["W"], p_dot.get("b")


def put(tree: Params, path: tuple[str, ...], leaf: Params) -> None:
    """tree[path] = leaf, in a tree that is being built from its end; keys keep p's names."""
    for name in path[:-1]:
        tree = tree.setdefault(name, {})
    if path:
        tree[path[-1]] = leaf
    else:
        tree.update(leaf)
