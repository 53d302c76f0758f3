"""Machine checks for hand-written gradients and probability statements, yours included.

from tinygen.check import check_gradients
print(check_gradients(layer, p, x, rng=np.random.default_rng(0)))
"""

from tinygen.check.gradients import check_gradients
from tinygen.check.report import Report, Row

__all__ = ["Report", "Row", "check_gradients"]
