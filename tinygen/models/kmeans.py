"""K-means: K centres and, for each point, which of them is nearest.

    inertia = sum_n min_k |x_n - c_k|^2

Started by k-means++ (D. Arthur and S. Vassilvitskii, SODA 2007), improved by Lloyd's iterations
(S. P. Lloyd, 1982), none of which raises the inertia. It is EM of a mixture of Gaussians with one
small variance for all, and here the start of EM.                  docs/derivations/em.md
"""

import numpy as np

from tinygen.arguments import check_whole
from tinygen.arrays import Array, namespace
from tinygen.layers.base import NonFinite, check_array

SEEDED = 20  # points a cluster among which the seeds are drawn


def kmeans(
    x: Array, n_clusters: int, rng: np.random.Generator, max_iter: int = 20
) -> tuple[Array, Array]:
    """Labels (N,), whole numbers 0..K-1, and centres (K, D) of points x (N, D).

    max_iter : of Lloyd's iterations; they end before it where no label changes any more

    A centre that no point is nearest to moves to the point that is farthest from its own.
    Raises ValueError where x holds fewer different points than K, NaN, or is no (N, D).
    """
    check_array("kmeans", x, "N", "D")
    check_whole("kmeans", "n_clusters", n_clusters)
    check_whole("kmeans", "max_iter", max_iter)
    xp = namespace(x)
    middle = x.mean(axis=0)
    e = x - middle  # so that squares of far-off points do not drown their differences
    centres = seeds(e, n_clusters, rng)
    labels = nearest(e, centres)[0]
    for _ in range(max_iter):
        one = one_hot(labels, n_clusters, x)  #                           (N, K)
        count = one.sum(axis=0)
        centres = (one.T @ e) / xp.maximum(count, 1)[:, None]  #          (K, D)    (9)
        before, (labels, distance) = labels, nearest(e, centres)
        for k in np.flatnonzero([not c for c in count.tolist()]):
            far = int(distance.argmax())
            centres[k], labels[far], distance[far] = e[far], k, 0
        if not bool((labels != before).any()):
            break
    return labels, centres + middle


def seeds(x: Array, n_clusters: int, rng: np.random.Generator) -> Array:
    """Centres by k-means++, among a part of the points where they are many.

    Each centre takes a pass over the points, so all of them would cost more than EM does.
    """
    few = SEEDED * n_clusters
    if len(x) > few:
        chosen = namespace(x).asarray(rng.permutation(len(x))[:few])
        try:
            return plus_plus(x[chosen], n_clusters, rng)
        except ValueError:  # too few of them differ
            pass
    return plus_plus(x, n_clusters, rng)


def plus_plus(x: Array, n_clusters: int, rng: np.random.Generator) -> Array:
    """K of the points (K, D): each with probability in proportion to its squared distance
    from the nearest of those before it.

    Raises ValueError where fewer than K points differ.
    """
    xp = namespace(x)
    chosen = [int(rng.integers(len(x)))]
    squared = xp.full(len(x), np.inf, np.float64)
    while len(chosen) < n_clusters:
        e = x - x[chosen[-1]]
        squared = xp.minimum(squared, xp.einsum("nd,nd->n", e, e))  #     (N,)
        total = xp.cumsum(squared)
        if not np.isfinite(float(total[-1])):
            raise NonFinite(f"kmeans: squares of x overflow {x.dtype}: scale x down")
        if float(total[-1]) == 0:
            raise ValueError(
                f"kmeans: x holds {len(chosen)} different points for {n_clusters} clusters: "
                "choose fewer, or give points that differ"
            )
        chosen.append(int((total <= rng.random() * float(total[-1])).sum()))
    return x[xp.asarray(chosen)]


def nearest(x: Array, centres: Array) -> tuple[Array, Array]:
    """The index of the nearest centre (N,), and the squared distance from it (N,)."""
    xp = namespace(x)
    squares = xp.einsum("kd,kd->k", centres, centres)
    less = squares - 2 * (x @ centres.T)  # |x - c|^2 - |x|^2             (N, K)
    labels = less.argmin(axis=1)
    return labels, less.min(axis=1) + xp.einsum("nd,nd->n", x, x)


def one_hot(labels: Array, n_clusters: int, like: Array) -> Array:
    """1 at a point's cluster, else 0: (N, K), in the dtype of `like`."""
    xp = namespace(like)
    return (labels[:, None] == xp.arange(n_clusters)).astype(like.dtype)
