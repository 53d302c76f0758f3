"""Fixtures that every test may use."""

import numpy as np
import pytest

from tinygen import arrays


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def device(request, monkeypatch):
    """The name of a device on which arrays can be put; skips where the machine has none."""
    if request.param == "pretend":
        monkeypatch.setitem(arrays.DEVICES, "pretend", "pretend")
    else:
        try:
            arrays.resolve_device(request.param)
        except RuntimeError as error:
            pytest.skip(str(error))
    return request.param
