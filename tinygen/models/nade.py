"""NADE: a hidden layer for each place, all of them fed by the same weights.

    h_i = f(c + sum_{j<i} x_j W_j),   params of p(x_i | x_<i) = b_i + h_i V_i^T

The sum grows by one term a place, so all D hidden layers together cost O(D H), as much as one.

H. Larochelle and I. Murray, The neural autoregressive distribution estimator, AISTATS 2011;
B. Uria et al. 2016, arXiv 1605.02226.                     docs/derivations/nade.md
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygen import tree
from tinygen.arrays import Array, Params, device_of, namespace
from tinygen.layers import initialisers
from tinygen.layers.base import check_input, check_params, check_sizes
from tinygen.models.ancestral import Step
from tinygen.models.autoregressive import Autoregressive
from tinygen.models.nade_passes import ACTIVATIONS, ROWS, backward, forward
from tinygen.models.place_params import COMPONENTS, as_params, outputs
from tinygen.pullback import Pullback


@dataclass(frozen=True)
class NADE(Autoregressive):
    """p(x_i | x_<i) by one hidden layer a place        p: W (D, H), c (H,), V (D, O, H), b (D, O)

    n_hidden   : H
    activation : f, "sigmoid" or "relu"
    likelihood : Bernoulli(), Gaussian() (a mean and a log-variance a place; for floats the paper's
                 name is RNADE), Categorical(L) or LogisticMixture(L), whose levels enter as
                 numbers spread over -1 .. 1; O is 1, 2 (or 1, with std given), L, 3 K
    components : K, of a LogisticMixture

    W of the last place stands for nothing: no place comes after it.
    NOTE: the paper's RNADE has a mixture of Gaussians a place, and scales a_i by a number that it
    learns for each i; here it is one Gaussian, unscaled.
    Raises ValueError for sizes below 1 and names or likelihoods other than these, and on input as
    `Autoregressive` does.
    """

    n_hidden: int
    activation: str = "sigmoid"
    components: int = field(default=COMPONENTS, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_sizes(self, n_hidden=self.n_hidden, components=self.components)
        outputs("NADE", self.likelihood)
        if self.activation not in ACTIVATIONS:
            raise ValueError(
                f"NADE: unknown activation {self.activation!r}: choose one of "
                f"{', '.join(ACTIVATIONS)}"
            )

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Parameter name -> shape."""
        D, H, O = self.size, self.n_hidden, outputs("NADE", self.likelihood, self.components)
        return {"W": (D, H), "c": (H,), "V": (D, O, H), "b": (D, O)}

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        """Parameters drawn from `rng`; `weights` names the rule (`initialisers`) for W and V."""
        D, O, H = self.shapes["V"]
        W = initialisers.draw(weights, rng, (D, H), D, H, dtype)
        V = initialisers.draw(weights, rng, (D, O, H), H, D * O, dtype)
        return {"W": W, "c": np.zeros(H, dtype), "V": V, "b": np.zeros((D, O), dtype)}

    def conditionals(self, p: Params, x: Array, condition: Any = None) -> tuple[Any, Pullback]:
        """The parameters of p(x_i | x_<i) for all i, and their pullback; dx is () for levels."""
        self.check(x)
        self.check_untold(condition)
        check_params(self, p, self.shapes)
        W, c, V, b = p["W"], p["c"], p["V"], p["b"]
        xp, seen = namespace(x), self.as_floats(p, x).reshape(len(x), -1)  #   (N, D)
        check_input(self, p, seen, "N", self.size)
        step = len(x) if device_of(x) == "cuda" else ROWS
        blocks = [slice(start, start + step) for start in range(0, len(x), step)]
        passes = [forward(W, c, V, b, seen[rows], self.activation) for rows in blocks]
        y = xp.concatenate([y for y, _ in passes])  #                          (N, D, O)
        params, params_backward = as_params(self.likelihood, y, self.shape)

        def gradients(dparams: Any, wrt_x: bool) -> tuple[Params, Any]:
            dy = params_backward(dparams)  #                                   (N, D, O)
            grads, dxs = [], []
            for rows, (_, ends) in zip(blocks, passes, strict=True):
                dp, dx = backward(W, V, seen[rows], ends, dy[rows], self.activation, wrt_x)
                grads.append(dp)
                dxs.append(dx)
            total = grads[0]
            for dp in grads[1:]:
                total = tree.add(total, dp)  # sum over the examples
            return total, xp.concatenate(dxs).reshape(x.shape) if wrt_x else ()

        floats = not self.levels  # levels have no derivative
        return params, Pullback(
            lambda d: gradients(d, False)[0],
            lambda d: gradients(d, floats)[1],
            params,
            lambda d: gradients(d, floats),
        )

    def stepper(self, p: Params, n: int, condition: Any = None) -> Step:
        """a_i is kept from place to place: a place costs O(H), not O(D H)."""
        self.check_untold(condition)
        check_params(self, p, self.shapes)
        W, V, b = p["W"], p["V"], p["b"]
        f = ACTIVATIONS[self.activation][0]
        a = namespace(W).zeros((n, self.n_hidden), W.dtype) + p["c"]  #        (n, H)

        def step(i: int, x: Array) -> Any:
            if i > 0:
                before = self.as_floats(p, x.reshape(n, -1)[:, i - 1])
                a[...] += before[:, None] * W[i - 1]  #                        (3)
            y_i = f(a) @ V[i].T + b[i]  #                             (n, O)   (4)
            params, _ = as_params(self.likelihood, y_i[:, None], (1,))
            return tree.map(lambda value: value[:, 0], params)

        return step
