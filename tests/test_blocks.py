"""The size of the blocks in which arrays are walked through changes nothing but the speed."""

import numpy as np
import pytest
from blocks import SIZES, small_blocks

from tinygen import tree
from tinygen.cases import CASES
from tinygen.check.gradients import gradients_of
from tinygen.check.points import cotangent


def everything(case):
    """The output and all gradients of a case, by name."""
    rng = np.random.default_rng(2)
    f, p, x = case.make(rng)
    y, backward = f(p, x)
    dp, dx = gradients_of(backward, cotangent(rng, y), case.wrt_x)
    return dict(tree.leaves({"y": y, "dp": dp, "dx": dx if case.wrt_x else ()}))


@pytest.mark.parametrize("sizes", SIZES, ids=lambda sizes: f"BLOCK={sizes['BLOCK']}")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_small_blocks_give_the_same_output_and_gradients(case, sizes):
    expected = everything(case)
    with small_blocks(sizes):
        given = everything(case)
    assert given.keys() == expected.keys()
    largest = max(np.abs(a).max() for a in expected.values())
    for name, a in expected.items():
        np.testing.assert_allclose(given[name], a, rtol=0, atol=1e-12 * largest, err_msg=name)
