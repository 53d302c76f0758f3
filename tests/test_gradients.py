"""Every backward pass in the library is the derivative of its forward pass."""

import numpy as np
import pytest

from tinygen.cases import CASES
from tinygen.check import check_gradients


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_backward_is_the_derivative_of_forward(case):
    rng = np.random.default_rng(1)
    f, p, x = case.make(rng)
    report = check_gradients(f, p, x, rng=rng, zero=case.zero, wrt_x=case.wrt_x)
    assert report.passed, str(report)
