"""Stacks of three digits: what they hold, their labels, and how single digits come out again."""

import numpy as np
import pytest

from tinygen.data.digits import digits
from tinygen.data.stacked_digits import joined, single, stack, stacked_digits


def test_each_channel_is_a_digit_of_the_label(rng):
    grey, labels = digits("test")
    known = {image.tobytes(): k for image, k in zip(grey, labels, strict=True)}
    part = stacked_digits(rng, 50, "test")
    for x, label in zip(part.x, part.labels, strict=True):
        shown = [known[np.ascontiguousarray(x[..., c, None]).tobytes()] for c in range(3)]
        assert shown[0] * 100 + shown[1] * 10 + shown[2] == label


def test_no_triple_comes_twice_and_all_of_few_digits_come(rng):
    grey = np.arange(3.0)[:, None, None, None] * np.ones((3, 2, 2, 1))
    part = stack(rng, 27, grey, np.arange(3))
    assert len({x.tobytes() for x in part.x}) == 27
    assert sorted(part.labels) == sorted(100 * a + 10 * b + c for a in range(3) for b in range(3)
                                         for c in range(3))  # fmt: skip


def test_single_digits_come_out_in_the_order_in_which_labels_are_joined(rng):
    part = stacked_digits(rng, 20, "train")
    alone = single(part.x)
    assert alone.shape == (60, 8, 8, 1)
    np.testing.assert_array_equal(alone[4, ..., 0], part.x[1, ..., 1])
    each = np.stack([part.labels // 100, part.labels // 10 % 10, part.labels % 10], axis=1)
    np.testing.assert_array_equal(joined(each.reshape(-1)), part.labels)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda rng: stacked_digits(rng, 0), "stack: n must be"),
        (lambda rng: stack(rng, 9, np.zeros((2, 3, 3, 1)), np.zeros(2, int)), "2 digits make 8"),
        (lambda rng: stack(rng, 1, np.zeros((2, 3, 3, 3)), np.zeros(2, int)), "expected grey"),
        (lambda rng: single(np.zeros((2, 3, 3, 1))), r"expected stacks \(N, H, W, 3\)"),
    ],
)
def test_what_is_no_stack_is_refused(rng, call, message):
    with pytest.raises(ValueError, match=message):
        call(rng)
