"""Layers that show a discriminator several examples at once: packing, minibatch discrimination."""

import numpy as np
import pytest

from tinygen import layers as L

both_dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def test_a_pack_holds_neighbours_side_by_side():
    x = np.arange(24.0).reshape(6, 2, 2)  # (N, W, C)
    y, _ = L.Pack(3).forward({}, x)
    assert y.shape == (2, 2, 6)
    np.testing.assert_array_equal(y[0, 1], np.concatenate([x[0, 1], x[1, 1], x[2, 1]]))
    np.testing.assert_array_equal(y[1, 0], np.concatenate([x[3, 0], x[4, 0], x[5, 0]]))


def test_a_pack_of_one_changes_nothing():
    x = np.random.default_rng(0).normal(size=(4, 5, 3))
    np.testing.assert_array_equal(L.Pack(1).forward({}, x)[0], x)


@both_dtypes
@pytest.mark.parametrize("shape", [(6, 4), (6, 3, 5, 4), (3, 2, 4)])
def test_packing_equals_pytorchs(shape, dtype):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape).astype(dtype)
    y, backward = L.Pack(3).forward({}, x)
    dy = rng.normal(size=y.shape).astype(dtype)
    t = torch.tensor(x, requires_grad=True)
    theirs = torch.cat([t[i::3] for i in range(3)], dim=-1)
    theirs.backward(torch.tensor(dy))
    np.testing.assert_array_equal(y, theirs.detach().numpy())
    np.testing.assert_array_equal(backward.dx(dy), t.grad.numpy())


def test_a_batch_that_makes_no_whole_packs_is_refused_with_the_remedy():
    with pytest.raises(ValueError, match=r"Pack: a batch of 7 .* packs of 3: .* such as 6;"):
        L.Pack(3).forward({}, np.zeros((7, 2)))
    with pytest.raises(ValueError, match=r"such as 3;"):
        L.Pack(3).forward({}, np.zeros((2, 2)))


def test_missing_modes_show_more_in_pairs_than_uneven_ones():
    """The table of docs/derivations/pack.md: equal distances of one sample, unequal of two."""
    P = np.full(4, 1 / 4)
    missing, uneven = np.array([4, 4, 4, 0]) / 12, np.array([3, 3, 1, 1]) / 8

    def distance(a, b):
        return 0.5 * abs(a - b).sum()

    pairs = [distance(np.outer(P, P), np.outer(Q, Q)) for Q in (missing, uneven)]
    assert distance(P, missing) == pytest.approx(distance(P, uneven)) == pytest.approx(1 / 4)
    assert pairs == pytest.approx([7 / 16, 5 / 16])
