"""Machine checks for hand-written gradients and probability statements, yours included.

from tinygen.check import check_gradients
print(check_gradients(layer, p, x, rng=np.random.default_rng(0)))

check_gradients    backward is the derivative of forward
check_contract     nothing is written in place, backward can be called twice, halves equal the whole
check_adjoint      one linear map is the transpose of another
check_causal       an autoregressive layer, or any function, sees nothing that comes later
check_normalised   probabilities sum to one
receptive_field    what one output of an autoregressive layer sees
"""

from tinygen.check.adjoint import check_adjoint
from tinygen.check.causal import check_causal, dependencies
from tinygen.check.contract import check_contract
from tinygen.check.gradients import check_gradients
from tinygen.check.leaks import CausalReport
from tinygen.check.normalised import all_images, check_normalised
from tinygen.check.receptive_field import receptive_field
from tinygen.check.report import Report, Row

__all__ = [
    "CausalReport",
    "Report",
    "Row",
    "all_images",
    "check_adjoint",
    "check_causal",
    "check_contract",
    "check_gradients",
    "check_normalised",
    "dependencies",
    "receptive_field",
]
