"""Cases of the divergences and of the reparameterisation."""

from cases.common import Case
from tinygen import arrays
from tinygen.divergences import kl_diagonal, kl_diagonal_standard, kl_full, kl_full_standard
from tinygen.reparameterise import reparameterise

N, Z = 2, 3


def diagonal(rng):
    return {"mean": rng.normal(size=(N, Z)), "log_var": rng.normal(size=(N, Z))}


def full(rng):
    """L with entries also above the diagonal, for every entry is moved: `lower` drops them."""
    L = 0.5 * rng.normal(size=(N, Z, Z))
    L[:, range(Z), range(Z)] = rng.uniform(0.5, 2.0, size=(N, Z))
    return {"mean": rng.normal(size=(N, Z)), "L": L}


def lower(q):
    return {**q, "L": arrays.namespace(q["L"]).tril(q["L"])}


def eps(rng):
    return rng.normal(size=(N, Z))


def case(name, f, draw_p, draw_x=None):
    """The first distribution stands as p, the second, where there is one, as x."""
    return Case(name, lambda rng: (f, draw_p(rng), draw_x(rng) if draw_x else ()))


CASES = [
    case("KL diagonal to standard", lambda q, _: kl_diagonal_standard(q), diagonal),
    case("KL diagonal to diagonal", kl_diagonal, diagonal, diagonal),
    case("KL full to standard", lambda q, _: kl_full_standard(lower(q)), full),
    case("KL full to full", lambda q, p: kl_full(lower(q), lower(p)), full, full),
    case("reparameterise, diagonal", reparameterise, diagonal, eps),
    case("reparameterise, full", lambda q, e: reparameterise(lower(q), e), full, eps),
]
