"""Cases of the divergences and of the reparameterisation."""

from cases.common import Case
from tinygen.divergences import kl_diagonal_standard
from tinygen.reparameterise import reparameterise


def diagonal(rng, *shape):
    return {"mean": rng.normal(size=shape), "log_var": rng.normal(size=shape)}


CASES = [
    Case(
        "KL diagonal to standard",
        lambda rng: (lambda q, _: kl_diagonal_standard(q), diagonal(rng, 2, 3), ()),
    ),
    Case(
        "reparameterise, diagonal",
        lambda rng: (reparameterise, diagonal(rng, 2, 3), rng.normal(size=(2, 3))),
    ),
]
