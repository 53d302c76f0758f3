"""A classifier p(y|x), trained by the library's loop on rows (x, y)."""

from dataclasses import dataclass

import numpy as np

from tinygen.arrays import Array, Params, namespace
from tinygen.layers import Layer
from tinygen.likelihoods import Categorical
from tinygen.pullback import Pullback


@dataclass(frozen=True)
class Classifier:
    """-log p(y|x) of rows (x, y), a mean over the batch.

    net : x (N, D) -> logits (N, K)
    """

    net: Layer
    classes: int

    def init(self, rng: np.random.Generator) -> Params:
        """The parameters of the net."""
        return self.net.init(rng)

    def draw_noise(self, rng: np.random.Generator, rows: Array) -> None:
        """There is none."""

    def loss(self, p: Params, rows: Array, noise: None = None) -> tuple[Array, Pullback]:
        """Of rows (N, D + 1), the label last; the rows have no gradient."""
        logits, net_backward = self.net.forward(p, rows[:, :-1])
        nll, nll_backward = Categorical(self.classes).nll(logits, rows[:, -1].astype(int))
        value = nll.mean()

        def dp(d: Array) -> Params:
            dnll = namespace(nll).full_like(nll, d / len(nll))
            return net_backward.dp(nll_backward.dp(dnll))

        return value, Pullback(dp, lambda d: (), value)


def rows_with_labels(x: np.ndarray, labels: np.ndarray | None) -> np.ndarray:
    """(N, D + 1): the numbers and the label of each example, which training shuffles as one."""
    assert labels is not None
    return np.c_[x.reshape(len(x), -1), labels].astype(np.float32)
