"""Cases of the divergences, in closed form and on a grid, and of the reparameterisation."""

from typing import Any

import numpy as np

from tinygen import arrays
from tinygen.arrays import Array, Params
from tinygen.cases.common import Case, beside
from tinygen.divergences import (
    kl,
    kl_diagonal,
    kl_diagonal_standard,
    kl_full,
    kl_full_standard,
    kl_to_standard_normal,
)
from tinygen.quadrature import gaussian_on_grid, js_on_grid, kl_on_grid, midpoints
from tinygen.reparameterise import (
    log_density,
    log_density_diagonal,
    log_density_full,
    reparameterise,
    reparameterise_diagonal,
    reparameterise_full,
)

N, Z = 2, 3
NODES, LENGTHS = midpoints(-2.0, 3.0, 7)


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


def on_grid(rng: np.random.Generator) -> Array:
    """Two densities (N, M) that sum to one on the grid, of any shape."""
    raw = rng.normal(size=(N, len(NODES)))
    return raw - np.log((LENGTHS * np.exp(raw)).sum(axis=1, keepdims=True))


def row(rng: np.random.Generator) -> Params:
    """N Gaussians in one dimension."""
    return {"mean": rng.normal(size=N), "log_var": rng.normal(size=N)}


def case(
    name: str, of: Any, f: Any, draw_p: Any, draw_x: Any = None, zero: tuple[str, ...] = ()
) -> Case:
    """The first distribution stands as p, the second, where there is one, as x; of: functions."""

    def make(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        return f, draw_p(rng), draw_x(rng) if draw_x else ()

    return Case(name, make, zero, of=of)


CASES = [
    case(
        "KL diagonal to standard",
        (kl_diagonal_standard, kl_to_standard_normal),
        lambda q, _: kl_to_standard_normal(q),
        diagonal,
    ),
    case("KL diagonal to diagonal", (kl_diagonal, kl), kl, diagonal, diagonal),
    case(
        "KL full to standard",
        (kl_full_standard, kl_to_standard_normal),
        lambda q, _: kl_to_standard_normal(lower(q)),
        full,
    ),
    case("KL full to full", (kl_full, kl), lambda q, p: kl(lower(q), lower(p)), full, full),
    case(
        "reparameterise, diagonal",
        (reparameterise, reparameterise_diagonal),
        reparameterise,
        diagonal,
        eps,
    ),
    case(
        "reparameterise, full",
        (reparameterise, reparameterise_full),
        lambda q, e: reparameterise(lower(q), e),
        full,
        eps,
    ),
    case(
        "log density of a draw, diagonal",
        (log_density, log_density_diagonal),
        log_density,
        diagonal,
        eps,
        ("mean",),
    ),
    case(
        "log density of a draw, full",
        (log_density, log_density_full),
        lambda q, e: log_density(lower(q), e),
        full,
        eps,
        ("mean",),
    ),
    case(
        "KL on a grid",
        (kl_on_grid,),
        lambda a, b: kl_on_grid(a, b, beside(LENGTHS, a)),
        on_grid,
        on_grid,
    ),
    case(
        "JS on a grid",
        (js_on_grid,),
        lambda a, b: js_on_grid(a, b, beside(LENGTHS, a)),
        on_grid,
        on_grid,
    ),
    case("Gaussian on a grid", (gaussian_on_grid,), gaussian_on_grid, row, lambda rng: NODES),
]
