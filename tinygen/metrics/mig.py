"""The mutual information gap: is each factor told by one dimension of the code alone?

    MIG = (1/K) sum_k (I(z_j1; v_k) - I(z_j2; v_k)) / H(v_k)

with j1 and j2 the dimensions that tell most and second most of the factor v_k. It is 1 where one
dimension holds the factor and no other knows of it, 0 where two know as much, or none anything.
R. T. Q. Chen et al., NeurIPS 2018, arXiv 1802.04942, equation 6.
                                              docs/derivations/disentanglement_metrics.md
"""

from collections.abc import Mapping

import numpy as np

from tinygen.arrays import Params
from tinygen.metrics.code_information import Factors, code_information
from tinygen.metrics.factors import checked_factors, factor_entropy


def mutual_information_gap(
    q: Params, factors: Factors, rng: np.random.Generator, draws: int = 2000
) -> float:
    """The MIG of the posteriors {"mean", "log_var"} (N, Z) of all examples, Z >= 2.

    factors, draws, and what is raised: as for `code_information`, which gives the information;
    of codes without a density `gaps` takes that of `binned_information`.
    """
    return float(np.mean(list(gaps(code_information(q, factors, rng, draws), factors).values())))


def gaps(information: Mapping[str, np.ndarray], factors: Factors) -> dict[str, float]:
    """Factor -> (largest - second largest I(z_j; v_k)) / H(v_k).

    information : factor -> (Z,), in nats;  factors: name -> (N,), of all examples
    Raises ValueError for a code of one dimension, and factors of one value.
    """
    found = {}
    for name, told in information.items():
        if np.shape(told) == () or len(told) < 2:
            raise ValueError("mutual_information_gap: a gap needs codes of 2 or more dimensions")
        values = np.asarray(factors[name])
        level = checked_factors("mutual_information_gap", {name: values}, len(values))[name]
        second, first = np.sort(told)[-2:]
        found[name] = float((first - second) / factor_entropy(level))  #                  (4)
    return found
