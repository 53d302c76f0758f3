"""Which latent dimensions a model uses: posterior collapse as a number.

A_j = Var_x(E[z_j | x]),  dimension j is active where A_j > 0.01

Y. Burda, R. Grosse and R. Salakhutdinov, ICLR 2016, arXiv 1509.00519, section 5.2.
                                                           docs/derivations/vae.md
"""

from tinygen.arrays import Array
from tinygen.layers.base import check_array

THRESHOLD = 0.01


def activity(mean: Array) -> Array:
    """A_j (Z,): the variance over the examples of the posterior means (N, Z), N >= 2.

    mean : of q(z|x), such as `vae.encode(p, x)["mean"]`, for as many examples as can be had

    Raises ValueError for another shape, one example, NaN or infinity, TypeError for no floats.
    """
    check_array("activity: mean", mean, "N", "Z")
    if len(mean) < 2:
        raise ValueError("activity: one example has no variance: give the means of at least 2")
    return mean.var(axis=0)  #                                            (Z,)      (17)


def active_units(mean: Array, threshold: float = THRESHOLD) -> int:
    """How many dimensions carry something: those with A_j above the threshold."""
    return int((activity(mean) > threshold).sum())
