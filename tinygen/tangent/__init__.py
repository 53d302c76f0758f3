"""The gradient of a gradient without autodiff: layers on pairs (x, tangent), each rule by hand.

    y = f(x),  v = J_x u        and the pullback of both:   (dy, dv) -> dp, (dx, du)

A loss of g = dD/dx, such as the gradient penalty of a critic, has by the chain rule the gradient
d/dtheta (u . g) with u = dloss/dg held constant; and u . g = sum_n v_n, the tangent of D along u.
                                                           docs/derivations/tangent.md

One family of layers a file; each registers its rules, so the layers know nothing of tangents.
"""

from tinygen.tangent.composites import sequential
from tinygen.tangent.elementwise import elementwise
from tinygen.tangent.gates import gated_tanh
from tinygen.tangent.largest import winners
from tinygen.tangent.linear import affine
from tinygen.tangent.minibatch import minibatch_std
from tinygen.tangent.norms import standardised
from tinygen.tangent.rule import RULES, Linearised, PairPullback, linearise, rule, tangent

__all__ = [
    "RULES",
    "Linearised",
    "PairPullback",
    "affine",
    "elementwise",
    "gated_tanh",
    "linearise",
    "minibatch_std",
    "rule",
    "sequential",
    "standardised",
    "tangent",
    "winners",
]
