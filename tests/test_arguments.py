"""Numbers that a caller gives: which are refused, and in which words."""

import math
import re

import numpy as np
import pytest

from tinygen.arguments import check_number, check_whole, is_whole


@pytest.mark.parametrize("value", [1, 7, np.int64(3), np.uint8(1), 10**400])
def test_whole_numbers_pass(value):
    check_whole("owner", "n", value)
    assert is_whole(value)


@pytest.mark.parametrize("value", [0, -1, 1.0, True, np.True_, "1", None, math.nan, np.float32(2)])
def test_what_is_no_whole_number_from_1_on_is_refused(value):
    with pytest.raises(ValueError, match=r"^owner: n must be a whole number >= 1, got "):
        check_whole("owner", "n", value)


@pytest.mark.parametrize("value", [0, 0.5, np.float32(0.25), np.int8(0)])
def test_numbers_within_their_limits_pass(value):
    check_number("owner", "rate", value, least=0.0, below=1.0)


@pytest.mark.parametrize("value", [-0.1, 1.0, math.nan, math.inf, 10**400, True, "0.5", None])
def test_numbers_beyond_their_limits_are_refused_with_these(value):
    text = f"owner: rate must be a finite number >= 0.0 and < 1.0, got {value!r}"
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        check_number("owner", "rate", value, least=0.0, below=1.0)


@pytest.mark.parametrize("value", [math.nan, -math.inf, 10**400])
def test_without_limits_a_number_must_be_finite(value):
    with pytest.raises(ValueError, match=r"^owner: x must be a finite number, got "):
        check_number("owner", "x", value)
