"""Cases of the divergences and of the reparameterisation."""

from typing import Any

import numpy as np

from tinygen import arrays
from tinygen.arrays import Array, Params
from tinygen.cases.common import Case
from tinygen.divergences import kl_diagonal, kl_diagonal_standard, kl_full, kl_full_standard
from tinygen.reparameterise import reparameterise

N, Z = 2, 3


def diagonal(rng: np.random.Generator) -> Params:
    """A diagonal Gaussian."""
    return {"mean": rng.normal(size=(N, Z)), "log_var": rng.normal(size=(N, Z))}


def full(rng: np.random.Generator) -> Params:
    """L with entries also above the diagonal, for every entry is moved: `lower` drops them."""
    L = 0.5 * rng.normal(size=(N, Z, Z))
    L[:, range(Z), range(Z)] = rng.uniform(0.5, 2.0, size=(N, Z))
    return {"mean": rng.normal(size=(N, Z)), "L": L}


def lower(q: Params) -> Params:
    """The same Gaussian without what stands above the diagonal."""
    return {**q, "L": arrays.namespace(q["L"]).tril(q["L"])}


def eps(rng: np.random.Generator) -> Array:
    """Noise of the shape of the mean."""
    return rng.normal(size=(N, Z))


def case(name: str, function: Any, f: Any, draw_p: Any, draw_x: Any = None) -> Case:
    """The first distribution stands as p, the second, where there is one, as x."""
    return Case(name, lambda rng: (f, draw_p(rng), draw_x(rng) if draw_x else ()), of=(function,))


CASES = [
    case(
        "KL diagonal to standard",
        kl_diagonal_standard,
        lambda q, _: kl_diagonal_standard(q),
        diagonal,
    ),
    case("KL diagonal to diagonal", kl_diagonal, kl_diagonal, diagonal, diagonal),
    case("KL full to standard", kl_full_standard, lambda q, _: kl_full_standard(lower(q)), full),
    case("KL full to full", kl_full, lambda q, p: kl_full(lower(q), lower(p)), full, full),
    case("reparameterise, diagonal", reparameterise, reparameterise, diagonal, eps),
    case(
        "reparameterise, full", reparameterise, lambda q, e: reparameterise(lower(q), e), full, eps
    ),
]
