"""The gradient of a gradient without autodiff: layers on pairs (x, tangent), each rule by hand.

    y = f(x),  v = J_x u        and the pullback of both:   (dy, dv) -> dp, (dx, du)

A loss of g = dD/dx, such as the gradient penalty of a critic, has by the chain rule the gradient
d/dtheta (u . g) with u = dloss/dg held constant; and u . g = sum_n v_n, the tangent of D along u.
                                                           docs/derivations/tangent.md

One family of layers a file. Each module here registers its rules when it is imported, and all are:
a new layer's rule needs its file alone, and the layers know nothing of tangents.
"""

import importlib
import pkgutil

from tinygen.tangent.rule import RULES, Linearised, PairPullback, linearise, rule, tangent

for found in sorted(pkgutil.iter_modules(__path__), key=lambda m: m.name):
    importlib.import_module(f"{__name__}.{found.name}")

__all__ = ["RULES", "Linearised", "PairPullback", "linearise", "rule", "tangent"]
