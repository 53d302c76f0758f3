"""The Frechet distance of two sets of features, each taken as one Gaussian.

    d = |m_a - m_b|^2 + tr(A + B - 2 (A B)^(1/2))

of the means m and covariances A, B: the squared Wasserstein-2 distance of the two Gaussians.
M. Heusel et al., GANs Trained by a Two Time-Scale Update Rule, NIPS 2017, arXiv
1706.08500, equation 6; there of the features of an
Inception net.

With A = L L^T and B = M M^T the eigenvalues of A B are the squared singular values of L^T M. So
tr (A B)^(1/2) is the sum of these: no root of a matrix, and singular covariances do no harm.
"""

from math import sqrt

from tinygen.arrays import Array, namespace
from tinygen.layers.base import check_array


def frechet_distance(a: Array, b: Array) -> float:
    """d >= 0 of features a (N, D) and b (M, D), in the squared unit of the features.

    It is above 0 for two finite draws from one law too: put real examples beside the samples, as
    many of them, as a row of its own. NOTE: here covariances are (1/N), those of Heusel et al.
    1/(N - 1).

    Raises ValueError for other shapes, no examples, NaN or infinity, TypeError for no floats.
    """
    check_array("frechet_distance: a", a, "N", "D")
    check_array("frechet_distance: b", b, "N", a.shape[1])
    xp = namespace(a)
    (mean_a, R_a), (mean_b, R_b) = moments(a), moments(b)
    gap = mean_a - mean_b  #                                             (D,)
    both = xp.linalg.svd(R_a @ R_b.T, compute_uv=False).sum()  # tr (A B)^(1/2)
    spread = (R_a * R_a).sum() + (R_b * R_b).sum() - 2 * both  # tr A = |R_a|^2
    return max(float(gap @ gap + spread), 0.0)


def moments(features: Array) -> tuple[Array, Array]:
    """The mean (D,) and the upper triangle R, R^T R = the covariance, in double precision."""
    xp, rows = namespace(features), features.astype("float64")
    mean = rows.mean(axis=0)
    R = xp.linalg.qr(rows - mean, mode="r") / sqrt(len(rows))  # rows - mean = Q R   (<= D, D)
    return mean, R
