"""The embedded digits are the published ones, split as written, and binarised without bias."""

from importlib.resources import files

import numpy as np
import pytest

from tinygen.data import binarise, digits
from tinygen.data.digits import read


def test_there_are_1797_images_of_levels_0_to_16():
    x, labels = digits()
    assert x.shape == (1797, 8, 8, 1) and x.dtype == np.float32
    assert np.array_equal(np.unique(x * 16), np.arange(17))
    assert labels.shape == (1797,) and set(labels) == set(range(10))


def test_flat_images_are_the_rows_of_the_same_pixels():
    x, flat = digits("test")[0], digits("test", flat=True)[0]
    assert flat.shape == (256, 64)
    assert np.array_equal(flat, x.reshape(256, 64))


def test_the_digits_are_those_of_scikit_learn():
    datasets = pytest.importorskip("sklearn.datasets")
    theirs = datasets.load_digits()
    x, labels = digits()
    assert np.array_equal(x[..., 0] * 16, theirs.images)
    assert np.array_equal(labels, theirs.target)


def test_the_split_is_by_the_index_mod_7():
    everything = digits()[0]
    for split, remainders in {"train": (0, 1, 2, 3, 4), "validation": (5,), "test": (6,)}.items():
        rows = [i for i in range(1797) if i % 7 in remainders]
        assert np.array_equal(digits(split)[0], everything[rows])


def test_each_part_holds_every_class():
    sizes = {"train": 1285, "validation": 256, "test": 256}
    for split, size in sizes.items():
        labels = digits(split)[1]
        assert len(labels) == size
        assert np.bincount(labels, minlength=10).min() >= 0.06 * size


def test_an_unknown_split_is_refused():
    with pytest.raises(ValueError, match=r"unknown split 'dev': choose one of all, train"):
        digits("dev")


def test_a_damaged_file_is_refused():
    content = bytearray((files("tinygen.data") / "digits.npz").read_bytes())
    content[1000] ^= 1
    with pytest.raises(RuntimeError, match=r"damaged: its SHA-256 is .* reinstall"):
        read(bytes(content))


def test_binarised_pixels_are_bernoulli_draws_of_the_grey_level(rng):
    grey = np.repeat(np.float32([[0, 0.25, 0.5, 0.8, 1]]), 40_000, axis=0)
    x = binarise(rng, grey)
    assert x.dtype == np.float32 and set(np.unique(x)) == {0, 1}
    rate, error = x.mean(axis=0), np.sqrt(grey[0] * (1 - grey[0]) / len(grey))
    assert np.all(abs(rate - grey[0]) <= 4 * error)  # and exact at 0 and 1
    assert not np.array_equal(x, binarise(rng, grey))


def test_the_ends_of_the_grey_levels_are_sure():
    class Ends:
        """A generator of the least and the greatest float32 number in [0, 1)."""

        def random(self, shape, dtype):
            return np.resize(np.array([0, 1 - 2**-24], dtype), shape)

    grey = np.array([0, 0, 1, 1], np.float32)
    np.testing.assert_array_equal(binarise(Ends(), grey), grey)


def test_the_same_seed_binarises_alike():
    grey = digits("test")[0]
    first, second = (binarise(np.random.default_rng(3), grey) for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.parametrize("bad", [-0.1, 1.5, np.nan])
def test_binarise_refuses_grey_levels_outside_0_and_1(rng, bad):
    grey = np.float32([[0.5, bad]])
    with pytest.raises(ValueError, match=r"binarise: grey levels must lie in \[0, 1\]"):
        binarise(rng, grey)
