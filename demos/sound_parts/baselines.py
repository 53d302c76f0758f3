"""What a neural model of sound must beat: levels by their frequency, and linear prediction.

Linear prediction takes a sample for a weighted sum of the last ones and noise,
x_t = sum_i a_i x_{t-i} + s e_t, e_t logistic; the probability of a level is that of its interval:
F((hi - m) / s) - F((lo - m) / s) with m the sum, F(z) = 1 / (1 + e^-z).
J. Makhoul, Linear Prediction: A Tutorial Review, Proc. IEEE 63, 1975.
"""

from dataclasses import dataclass

import numpy as np

from tinygen.data.mu_law import LEVELS, decode, edges

ORDERS = (1, 2, 4, 8, 12, 16, 24, 32)
SCALES = np.geomspace(1e-3, 0.3, 30)  # of the noise, of which the best is taken


def level_bits(train: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Bits of each level of x by the frequencies in `train`, one added to each count."""
    counts = np.bincount(train.reshape(-1), minlength=LEVELS) + 1
    return -np.log2(counts / counts.sum())[x]


@dataclass(frozen=True)
class Linear:
    """weights a (order,), scale s."""

    weights: np.ndarray
    scale: float

    @classmethod
    def fit(cls, q: np.ndarray, order: int) -> "Linear":
        """Least squares over sounds (N, T) of levels; then the scale of the greatest likelihood."""
        x = decode(q).astype(np.float64)
        past, now = lagged(x, order)
        gram = past.T @ past + 1e-9 * np.eye(order) * np.trace(past.T @ past)
        weights = np.linalg.solve(gram, past.T @ now)
        some = q[:4]  # enough for one number
        found = [cls(weights, s).bits(some)[:, order:].mean() for s in SCALES]
        return cls(weights, float(SCALES[int(np.argmin(found))]))

    def bits(self, q: np.ndarray) -> np.ndarray:
        """Bits of each level of q (N, T); before the first step there is silence."""
        order = len(self.weights)
        x = np.pad(decode(q).astype(np.float64), ((0, 0), (order, 0)))
        m = (lagged(x, order)[0] @ self.weights).reshape(q.shape)
        limits = np.concatenate([[-np.inf], edges(), [np.inf]])
        lo, hi = (limits[q] - m) / self.scale, (limits[q + 1] - m) / self.scale
        # F(hi) - F(lo) = F(hi) F(-lo) (1 - e^(lo - hi)), which does not cancel
        log_p = -softplus(-hi) - softplus(lo) + np.log(-np.expm1(lo - hi))
        return -log_p / np.log(2)


def lagged(x: np.ndarray, order: int) -> tuple[np.ndarray, np.ndarray]:
    """The last `order` values before each step, the nearest first (M, order), and the step (M,)."""
    windows = np.lib.stride_tricks.sliding_window_view(x, order + 1, axis=1)
    windows = windows.reshape(-1, order + 1)
    return windows[:, -2::-1], windows[:, -1]


def softplus(z: np.ndarray) -> np.ndarray:
    """log(1 + e^z)."""
    return np.logaddexp(0, z)
