"""Draws from the aggregate posterior of a set of examples, for metrics that need its density.

q(z) = (1/N) sum_n q(z|x_n): an example, then its code     docs/derivations/tc_vae.md
"""

import numpy as np

from tinygen.arguments import check_whole
from tinygen.arrays import Array, Params, namespace
from tinygen.divergences import check_diagonal
from tinygen.layers.base import check_array
from tinygen.likelihoods.base import normal
from tinygen.reparameterise import reparameterise

ENTRIES = 1 << 20  # densities in work at once: bounds the memory, not the answer


def check_codes(name: str, q: Params) -> tuple[Array, Array]:
    """(mean, log_var) (N, Z) of at least two examples. Raises ValueError, TypeError."""
    mean, log_var = check_diagonal(name, q)
    check_array(f"{name}: mean", mean, "N", "Z")
    if len(mean) < 2:
        raise ValueError(f"{name}: one example tells nothing of q(z): give the q of at least 2")
    return mean, log_var


def draw_codes(
    name: str, q: Params, rng: np.random.Generator, draws: int
) -> tuple[np.ndarray, Array]:
    """The examples drawn (S,), none twice where there are enough, and their codes z (S, Z)."""
    check_whole(name, "draws", draws)
    n = len(q["mean"])
    chosen = rng.choice(n, draws, replace=draws > n)
    index = namespace(q["mean"]).asarray(chosen)
    rows = {key: a[index] for key, a in q.items()}
    z, _ = reparameterise(rows, normal(rng, rows["mean"].shape, rows["mean"]))
    return chosen, z


def blocks(draws: int, size: int) -> list[slice]:
    """Slices of the draws; those of a block meet all examples, of N Z = size numbers, at once."""
    step = max(1, ENTRIES // size)
    return [slice(i, i + step) for i in range(0, draws, step)]
