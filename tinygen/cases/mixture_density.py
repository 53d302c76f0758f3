"""A case and claims of the mixture of Gaussians that a net puts out."""

from typing import Any

import numpy as np

from tinygen.cases.common import Claim
from tinygen.cases.likelihoods import case, normal, normals
from tinygen.cases.normalised import sums_to_one
from tinygen.likelihoods import MixtureDensity

nodes, weights = np.polynomial.legendre.leggauss(80)  # a quadrature on -1..1
plane = 12 * np.stack(np.meshgrid(nodes, nodes), axis=-1).reshape(-1, 2)  # (6400, 2)
areas = 144 * np.outer(weights, weights).reshape(-1)


def planar(rng: np.random.Generator) -> Any:
    """Three components over the plane, none too narrow for the nodes."""
    logits, mean = rng.normal(size=3), rng.normal(size=(3, 2))
    return {"logits": logits, "mean": mean, "log_var": rng.uniform(-1, 1, (3, 2))}


CASES = [
    case(
        "MixtureDensity",
        MixtureDensity(3),
        normals(logits=(2, 3), mean=(2, 3, 5), log_var=(2, 3, 5)),
        normal(2, 5),
    ),
    case(
        "MixtureDensity, many places",
        MixtureDensity(3),
        normals(logits=(2, 4, 3), mean=(2, 4, 3, 5), log_var=(2, 4, 3, 5)),
        normal(2, 4, 5),
    ),
]

CLAIMS: list[Claim] = [
    sums_to_one("MixtureDensity, by quadrature", MixtureDensity(3), planar, plane, areas)
]
