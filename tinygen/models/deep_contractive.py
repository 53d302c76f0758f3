"""A code and the squared norm of its Jacobian, whatever the encoder.

    |dz/dx|^2 = sum_j |g_j|^2,    g_j = J^T e_j, the gradient of code j in x

One backward pass a number of the code gives the g_j. The gradient of the norm is that of
sum_j u_j . g_j with u_j = 2 g_j held constant: one tangent along u_j and its pullback, each.
S. Rifai et al., ICML 2011, penalise one layer at a time, whose norm has a closed form
(models/contractive.py); this is their penalty for a stack of layers as a whole.
                                             docs/derivations/contractive.md, and tangent.md
"""

from typing import Any

from tinygen import tree
from tinygen.arrays import Array, Params, namespace
from tinygen.layers import Layer
from tinygen.layers.base import check_array
from tinygen.layers.compose import check_uncoupled
from tinygen.likelihoods.base import per_example, sum_examples
from tinygen.pullback import Pullback
from tinygen.tangent import linearise

Code = tuple[tuple[Array, Array], Pullback]


def code_and_norm(encoder: Layer, p: Params, x: Array) -> Code:
    """(z (N, Z), |dz/dx|^2 (N,)), and the pullback (dz, dnorm) -> dp, dx.

    In closed form where the encoder has one (`jacobian_norm`). Raises ValueError for an encoder by
    which examples see one another, whose z_n is no function of x_n alone, NotImplementedError for
    one with a layer that tinygen.tangent has no rule for.
    """
    if hasattr(encoder, "jacobian_norm"):
        return closed(encoder, p, x)
    check_uncoupled("contraction", {"encoder": encoder}, "leave it out, or take a LayerNorm")
    at = linearise(encoder, p, x)
    z = at.y
    check_array("code_and_norm: the code", z, "N", "Z")
    one_hot = [codes_like(z, j) for j in range(z.shape[-1])]  # e_j                  (N, Z)
    g = [at.backward.dx(e) for e in one_hot]  # J^T e_j                   Z times (N, ...)  (7)
    norm = sum(sum_examples(g_j * g_j) for g_j in g)  # sum_j |g_j|^2     (N,)              (8)

    def tangents(dnorm: Array) -> Any:
        for e, g_j in zip(one_hot, g, strict=True):
            u = 2 * g_j * per_example(dnorm, g_j)  # dnorm 2 g_j          (N, ...)          (9)
            yield at.push(u)[1], (None, e)  # the tangent of z_j alone is summed

    def dp(d: Any) -> Params:
        dz, dnorm = d
        dp = at.backward.dp(dz)
        for pair, cotangent in tangents(dnorm):
            dp = tree.add(dp, pair.dp(cotangent))  #                                       (10)
        return dp

    def both(d: Any) -> tuple[Params, Array]:
        dz, dnorm = d
        dp, dx = at.backward(dz)
        for pair, cotangent in tangents(dnorm):
            dp_j, (dx_j, _) = pair(cotangent)
            dp = tree.add(dp, dp_j)
            dx = dx if dx_j is None else dx + dx_j  # None: z is piecewise linear in x
        return dp, dx

    return (z, norm), Pullback(dp, lambda d: both(d)[1], (z, norm), both)


def closed(encoder: Any, p: Params, x: Array) -> Code:
    """The same of a SigmoidEncoder: its norm is a function of p and of the code."""
    z, backward = encoder.forward(p, x)
    norm, norm_backward = encoder.jacobian_norm(p, z)

    def dp(d: Any) -> Params:
        dz, dnorm = d
        dp_norm, dh = norm_backward(dnorm)
        return tree.add(backward.dp(dz + dh), dp_norm)  # the code was used twice           (5)

    def dx(d: Any) -> Array:
        dz, dnorm = d
        return backward.dx(dz + norm_backward.dx(dnorm))

    def both(d: Any) -> tuple[Params, Array]:
        dz, dnorm = d
        dp_norm, dh = norm_backward(dnorm)
        dp, dx = backward(dz + dh)
        return tree.add(dp, dp_norm), dx

    return (z, norm), Pullback(dp, dx, (z, norm), both)


def codes_like(z: Array, j: int) -> Array:
    """e_j for each example (N, Z)."""
    e = namespace(z).zeros_like(z)
    e[:, j] = 1
    return e
