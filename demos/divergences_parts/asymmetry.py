"""6. The asymmetry, as a table: KL(A||B) is another number than KL(B||A).

KL(N(m, s^2) || N(n, t^2)) = log(t / s) + (s^2 + (m - n)^2) / (2 t^2) - 1 / 2
                                                           docs/derivations/kl.md (3), (13)
"""

from typing import Any

import numpy as np

from divergences_parts.fits import P
from divergences_parts.fitting import Mixture
from tinygen.quadrature import js_on_grid, kl_on_grid, midpoints

X, W = midpoints(-20.0, 20.0, 8000)
HEAD = ("KL(A||B)", "KL(B||A)", "JS")


def answer(args: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Pairs of densities, A against B and B against A. No picture."""
    pairs = {
        "the same N(0, 1)": (normal(0, 1), normal(0, 1)),
        "N(0, 1) and N(2, 1)": (normal(0, 1), normal(2, 1)),
        "N(0, 1) and N(0, 2^2)": (normal(0, 1), normal(0, 2)),
        "N(0, 1) and N(0, 4^2)": (normal(0, 1), normal(0, 4)),
        "two modes and the Gaussian that covers": (P.log_density(X), normal(P.mean, P.std)),
        "two modes and the Gaussian on one": (P.log_density(X), normal(-3, 1)),
        "U(0, 1) and U(0, 2)": (uniform(0, 1), uniform(0, 2)),
        "U(0, 1) and N(0.5, 0.5^2)": (uniform(0, 1), normal(0.5, 0.5)),
        "U(0, 1) and U(2, 3)": (uniform(0, 1), uniform(2, 3)),
    }
    return {name: measured(*pair) for name, pair in pairs.items()}, {}


def measured(log_a: np.ndarray, log_b: np.ndarray) -> dict[str, Any]:
    """Both directions and JS; a word where one is infinite."""
    values = (kl_on_grid(log_a, log_b, W), kl_on_grid(log_b, log_a, W), js_on_grid(log_a, log_b, W))
    return {head: said(float(value[0])) for head, (value, _) in zip(HEAD, values, strict=True)}


def said(value: float) -> float | str:
    """The number, or the word; what rounds below zero is zero."""
    return max(value, 0.0) if np.isfinite(value) else "infinite"


def normal(mean: float, std: float) -> np.ndarray:
    """log N(x; mean, std^2)."""
    return Mixture((1.0,), (mean,), (std,)).log_density(X)


def uniform(low: float, high: float) -> np.ndarray:
    """log U(x; low, high): -inf outside."""
    return np.where((low < X) & (high > X), -np.log(high - low), -np.inf)[None]
