"""K-means: centres are means, labels the nearest centres, and no iteration raises the inertia."""

import numpy as np
import pytest

from tinygen import arrays, to_device, to_host
from tinygen.models import kmeans as module
from tinygen.models.kmeans import SEEDED, kmeans, plus_plus

every_device = pytest.mark.parametrize("device", ["pretend", "cuda"], indirect=True)


def inertia(x, labels, centres):
    return float(((x - centres[labels]) ** 2).sum())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_centres_are_the_means_of_the_points_nearest_to_them(rng, dtype):
    x = rng.normal(size=(200, 3)).astype(dtype)
    labels, centres = kmeans(x, 5, rng, max_iter=200)
    assert centres.dtype == dtype and centres.shape == (5, 3)
    for k in range(5):
        np.testing.assert_allclose(centres[k], x[labels == k].mean(axis=0), atol=1e-5)
    squared = ((x[:, None] - centres) ** 2).sum(axis=2)
    assert np.array_equal(labels, squared.argmin(axis=1))


def test_no_iteration_raises_the_inertia(rng):
    x = rng.normal(size=(300, 2))
    found = [inertia(x, *kmeans(x, 7, np.random.default_rng(2), max_iter=i)) for i in range(1, 20)]
    assert np.all(np.diff(found) <= 1e-9) and found[-1] < 0.95 * found[0]


def test_far_clouds_are_found_where_offsets_would_drown_them(rng):
    kind = np.repeat(np.arange(4), 50)
    x = (1e4 + 10.0 * kind[:, None] + rng.normal(size=(200, 2))).astype(np.float32)
    labels, _ = kmeans(x, 4, rng)
    assert len(set(zip(labels.tolist(), kind.tolist(), strict=True))) == 4


def test_seeds_are_drawn_by_their_squared_distances(rng):
    """From 0, the points 1 and 3 are second with probabilities 1 / 10 and 9 / 10."""
    x = np.array([[0.0], [1.0], [3.0]])
    pairs = [tuple(plus_plus(x, 2, rng)[:, 0]) for _ in range(6000)]
    second = [b for a, b in pairs if a == 0]
    share = np.mean([b == 3 for b in second])
    assert abs(share - 0.9) < 4 * np.sqrt(0.09 / len(second)) and 0.0 not in second


def test_a_centre_that_lost_its_points_moves_to_the_farthest(rng, monkeypatch):
    x = np.concatenate([rng.normal(size=(40, 2)), [[50.0, 50.0]]])
    far = np.array([[0.0, 0.0], [900.0, 900.0]])  # no point is nearest to the second
    monkeypatch.setattr(module, "seeds", lambda x, n_clusters, rng: far)
    labels, centres = kmeans(x, 2, rng)
    assert labels[40] != labels[0] and (labels[:40] == labels[0]).all()
    np.testing.assert_allclose(centres[labels[40]], [50, 50])


def test_as_many_clusters_as_points_that_differ(rng):
    x = np.repeat(rng.normal(size=(4, 2)), 3, axis=0)
    labels, centres = kmeans(x, 4, rng)
    assert inertia(x, labels, centres) < 1e-20
    with pytest.raises(
        ValueError, match=r"x holds 4 different points for 5 clusters: choose fewer"
    ):
        kmeans(x, 5, rng)


def test_rare_points_count_although_seeds_are_drawn_from_a_part(rng):
    x = np.zeros((SEEDED * 3 * 40, 1))
    x[7], x[9] = 1, 2
    labels, _ = kmeans(x, 3, rng)
    assert len(set(labels[[0, 7, 9]].tolist())) == 3


@every_device
def test_clusters_on_any_device_are_those_on_the_cpu(device):
    def outcome(place):
        rng = np.random.default_rng(1)
        return kmeans(to_device(rng.normal(size=(150, 3)), place), 4, rng)

    for a, b in zip(outcome("cpu"), outcome(device), strict=True):
        assert arrays.device_of(b) == device
        np.testing.assert_allclose(to_host(b), a, rtol=1e-12)


@pytest.mark.parametrize(
    "x, how, message",
    [
        (np.ones((4, 2, 2)), {}, r"kmeans: expected x of shape \(N, D\)"),
        (np.array([[1.0], [np.inf]]), {}, r"kmeans: x holds 1 values that are NaN or infinite"),
        (np.ones((4, 2)), {"n_clusters": 0}, r"kmeans: n_clusters must be a whole number >= 1"),
        (np.ones((4, 2)), {"max_iter": 0}, r"kmeans: max_iter must be a whole number >= 1"),
    ],
)
def test_bad_input_is_refused(rng, x, how, message):
    with pytest.raises(ValueError, match=message):
        kmeans(x, rng=rng, **{"n_clusters": 2} | how)
