"""Layers that show a discriminator several examples at once: packing, minibatch discrimination."""

import numpy as np
import pytest

from tinygen import layers as L
from tinygen import tree
from tinygen.tangent import tangent

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


def discrimination(rng, n=5, dtype=np.float64):
    layer = L.MinibatchDiscrimination(4, 3, 2)
    return layer, layer.init(rng, dtype), rng.normal(size=(n, 4)).astype(dtype)


def by_loops(T, f):
    """The definition, pair by pair."""
    M = np.einsum("na,abc->nbc", f, T)
    near = np.zeros((len(f), T.shape[1]))
    for i in range(len(f)):
        for j in range(len(f)):
            near[i] += np.exp(-abs(M[i] - M[j]).sum(axis=1))
    return np.concatenate([f, near], axis=1)


def test_nearness_is_the_sum_over_all_pairs():
    layer, p, f = discrimination(np.random.default_rng(0))
    np.testing.assert_allclose(layer.forward(p, f)[0], by_loops(p["T"], f), rtol=1e-13)


def test_each_pair_is_counted_once():
    layer = L.MinibatchDiscrimination(10, 5, 3)
    count = layer.multiply_adds((512, 10), (512, 15))
    assert count == 512 * 10 * 15 + 512 * 512 * 15 // 2


def test_nearness_runs_from_one_to_the_batch():
    layer, p, f = discrimination(np.random.default_rng(0))
    far = 1e3 * np.arange(5.0)[:, None] * np.ones(4)
    alike = np.repeat(f[:1], 5, axis=0)
    np.testing.assert_allclose(layer.forward(p, far)[0][:, 4:], 1)
    np.testing.assert_array_equal(layer.forward(p, alike)[0][:, 4:], 5)


@both_dtypes
def test_minibatch_discrimination_equals_pytorchs(dtype):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(1)
    layer, p, f = discrimination(rng, 7, dtype)
    y, backward = layer.forward(p, f)
    dy = rng.normal(size=y.shape).astype(dtype)
    dp, dx = backward(dy)
    T, t = (torch.tensor(a, requires_grad=True) for a in (p["T"], f))
    M = torch.einsum("na,abc->nbc", t, T)
    near = torch.exp(-(M[:, None] - M[None]).abs().sum(-1)).sum(1)
    theirs = torch.cat([t, near], dim=1)
    theirs.backward(torch.tensor(dy))
    tolerance = {np.float32: 1e-5, np.float64: 1e-9}[dtype]
    for ours, other in ((y, theirs.detach()), (dp["T"], T.grad), (dx, t.grad)):
        assert ours.dtype == dtype
        np.testing.assert_allclose(ours, other.numpy(), rtol=0, atol=tolerance * 10)


def test_blocks_change_nothing(monkeypatch):
    layer, p, f = discrimination(np.random.default_rng(2), 7)
    y, backward = layer.forward(p, f)
    dp, dx = backward(np.ones_like(y))
    monkeypatch.setattr("tinygen.layers.minibatch_discrimination.BLOCK", 3 * 7 * 2)  # two rows
    again, backward = layer.forward(p, f)
    dp_again, dx_again = backward(np.ones_like(y))
    np.testing.assert_allclose(again, y, rtol=1e-14)
    np.testing.assert_allclose(dp_again["T"], dp["T"], rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(dx_again, dx, rtol=1e-12, atol=1e-14)


def test_the_memory_of_all_pairs_is_never_held():
    import tracemalloc

    rng, N = np.random.default_rng(3), 1000
    layer, p, f = L.MinibatchDiscrimination(4, 3, 2), None, rng.normal(size=(N, 4))
    p = layer.init(rng, np.float64)
    tracemalloc.start()
    y, backward = layer.forward(p, f)
    backward(np.ones_like(y))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * N * N * 8 / 8, f"{peak / 1e6:.1f} MB; all pairs take {3 * N * N * 8 / 1e6}"


def test_a_batch_of_one_is_refused():
    layer, p, f = discrimination(np.random.default_rng(0), 1)
    with pytest.raises(ValueError, match=r"MinibatchDiscrimination: a batch of one .* two or more"):
        layer.forward(p, f)


def test_blocks_change_no_tangent(monkeypatch, rng):
    layer, p, f = discrimination(np.random.default_rng(2), 7)
    u = rng.normal(size=f.shape)
    (y, v), backward = tangent(layer, p, f, u)
    dy, dv = rng.normal(size=y.shape), rng.normal(size=v.shape)
    whole = (v, *backward((dy, dv)))
    monkeypatch.setattr("tinygen.layers.minibatch_discrimination.BLOCK", 3 * 7 * 2)  # two rows
    (_, v), backward = tangent(layer, p, f, u)
    again = (v, *backward((dy, dv)))
    tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13), again, whole)
