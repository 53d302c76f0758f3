"""The fully visible belief net: a logistic regression for each place, on all before it.

    params of p(x_i | x_<i) = b_i + sum_{j<i} x_j W_ji

B. Frey, Graphical models for machine learning and digital communication, MIT Press 1998;
R. Neal, Connectionist learning of belief networks, Artificial Intelligence 56, 1992.
                                                           docs/derivations/fvbn.md
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygen import tree
from tinygen.arrays import Array, Params
from tinygen.layers.base import check_params, check_sizes
from tinygen.layers.masked_dense import MaskedDense
from tinygen.models.ancestral import Step
from tinygen.models.autoregressive import Autoregressive
from tinygen.models.place_params import COMPONENTS, as_params, outputs
from tinygen.pullback import Pullback


@dataclass(frozen=True)
class FullyVisibleBeliefNet(Autoregressive):
    """p(x_i | x_<i) by a linear map a place                   p: W (D, D O), b (D O,)

    likelihood : Bernoulli(): a logistic regression a place; Gaussian(): with std given a linear
                 one, so that p(x) is one Gaussian, and without it also a log-variance a place;
                 Categorical(L): a softmax regression; LogisticMixture(L). Levels enter as numbers
                 spread over -1 .. 1. O, the numbers a place, is 1, 1 or 2, L, 3 K
    components : K, of a LogisticMixture

    Columns i O .. i O + O - 1 of W and b belong to place i. One masked layer holds all places
    (`MaskedDense`): of W the rows j < i of place i are read, the others never, and their gradient
    is zero. With Bernoulli places, or Gaussian ones of a given std, the NLL is convex in p.
    Raises ValueError for other likelihoods, and on input as `Autoregressive` does.
    """

    components: int = field(default=COMPONENTS, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_sizes(self, components=self.components)
        _ = self.outputs  # refuse an unknown likelihood now

    @property
    def outputs(self) -> int:
        """O, the numbers a place."""
        return outputs("FullyVisibleBeliefNet", self.likelihood, self.components)

    @property
    def layer(self) -> MaskedDense:
        """The map of all places: output i O + o sees the inputs before i."""
        before = np.triu(np.ones((self.size, self.size)), k=1)  # M[j, i] = 1 for j < i  (1)
        return MaskedDense(np.repeat(before, self.outputs, axis=1))

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        """Parameters drawn from `rng`; `weights` names the rule (`initialisers`) for W."""
        return self.layer.init(rng, dtype, weights)

    def conditionals(self, p: Params, x: Array, condition: Any = None) -> tuple[Any, Pullback]:
        """The parameters of p(x_i | x_<i) for all i, and their pullback; dx is () for levels."""
        self.check(x)
        self.check_untold(condition)
        n, D = len(x), self.size
        y, layer_backward = self.layer.forward(p, self.as_floats(p, x).reshape(n, D))  # (2)
        params, params_backward = as_params(self.likelihood, y.reshape(n, D, -1), self.shape)

        def dy(dparams: Any) -> Array:
            return params_backward(dparams).reshape(y.shape)  #          (N, D O)

        def dp(dparams: Any) -> Params:
            return layer_backward.dp(dy(dparams))  #                              (3)

        def dx(dparams: Any) -> Any:
            if self.levels:  # levels have no derivative
                return ()
            return layer_backward.dx(dy(dparams)).reshape(x.shape)  #             (4)

        return params, Pullback(dp, dx, params)

    def stepper(self, p: Params, n: int, condition: Any = None) -> Step:
        """A place costs one row of products, the i before it: O(i), not O(D^2)."""
        self.check_untold(condition)
        check_params(self.layer, p, self.layer.shapes)
        W, b, O = p["W"], p["b"], self.outputs

        def step(i: int, x: Array) -> Any:
            columns = slice(i * O, (i + 1) * O)
            before = self.as_floats(p, x.reshape(n, -1)[:, :i])  #       (n, i)
            y_i = before @ W[:i, columns] + b[columns]  #                (n, O)   (2)
            params, _ = as_params(self.likelihood, y_i[:, None], (1,))
            return tree.map(lambda value: value[:, 0], params)

        return step
