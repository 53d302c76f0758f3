"""The gates of an LSTM, backwards: the kernel beside its plain definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygen.kernels.gates import gate_gradients


def plain(dh, dc, i, f, g, o, tanh_c, c_before):
    """da_i, da_f, da_g, da_o and dc of the step before, an entry at a time."""
    found = np.empty((5, *dh.shape))
    for at in np.ndindex(dh.shape):
        d = dc[at] + dh[at] * o[at] * (1 - tanh_c[at] ** 2)
        found[(0, *at)] = d * g[at] * i[at] * (1 - i[at])
        found[(1, *at)] = d * c_before[at] * f[at] * (1 - f[at])
        found[(2, *at)] = d * i[at] * (1 - g[at] ** 2)
        found[(3, *at)] = dh[at] * tanh_c[at] * o[at] * (1 - o[at])
        found[(4, *at)] = d * f[at]
    return found


@pytest.mark.parametrize("dtype, tolerance", [(np.float32, 1e-5), (np.float64, 1e-13)])
@given(n=st.integers(1, 4), m=st.integers(1, 5), seed=st.integers(0, 100))
def test_the_kernel_is_its_definition_and_writes_into_nothing_else(dtype, tolerance, n, m, seed):
    rng = np.random.default_rng(seed)
    dh, dc, c_before = rng.normal(size=(3, n, m)).astype(dtype)
    i, f, o = rng.uniform(0, 1, (3, n, m)).astype(dtype)
    g, tanh_c = rng.uniform(-1, 1, (2, n, m)).astype(dtype)
    expected = plain(dh, dc, i, f, g, o, tanh_c, c_before)
    das, (u, v) = np.empty((n, 4, m), dtype), np.empty((2, n, m), dtype)
    for a in (dh, i, f, g, o, tanh_c, c_before):
        a.flags.writeable = False
    gate_gradients(dh, dc, (i, f, g, o), tanh_c, c_before, das.swapaxes(0, 1), u, v)
    for name, a, b in zip("ifgoc", (*das.swapaxes(0, 1), dc), expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance, err_msg=name)
