"""Mixtures: a hidden choice of one of K components, then a draw from it.

    p(x) = sum_k pi_k p(x|k),        pi = softmax(logits)

What mixtures of all kinds share: the density and its gradient, the responsibilities p(k|x),
information criteria. They are fitted by EM (em.py) or, as any model, by the gradient of `loss`.
Method names are scikit-learn's.                                   docs/derivations/em.md
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from tinygen.arrays import Array, Params, device_of, namespace
from tinygen.kernels.elementwise import log_sum_exp
from tinygen.layers.base import check_array, check_device, check_params, check_sizes
from tinygen.likelihoods.base import draw_index
from tinygen.models.em import Fitted, begin, fit
from tinygen.pullback import Pullback

# Below e^-70 a responsibility is taken for zero: products with denormal numbers take six times as
# long, and a share of 10^-30 moves no sum.
LEAST_LOG = -70.0


@dataclass(frozen=True)
class Mixture:
    """p(x) = sum_k pi_k p(x|k)        x (N, *shape)   logits (K,)

    n_components : K
    n_init       : starts that are tried: `fit` keeps the best of them at their ends, `start` the
                   best after ten steps of each
    shape        : of one example: a number for rows (N, D), or (H, W, C) for images; `fit` and
                   `start` take it from the data, `init` needs it

    p = {"logits" (K,), and what the components need}. Values are in nats an example. Raised for
    bad input: ValueError for shapes, NaN, an empty batch; TypeError for dtypes and devices.
    """

    n_components: int
    n_init: int = field(default=1, kw_only=True)
    shape: int | tuple[int, ...] | None = field(default=None, kw_only=True)

    centre: ClassVar[str]  # the key of what a component is centred at, (K, *shape)
    entries: ClassVar[int] = 1 << 16  # of a block of rows, beside its components or its numbers

    def __post_init__(self) -> None:
        check_sizes(self, n_components=self.n_components, n_init=self.n_init)

    # What a kind of mixture defines

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        """Parameters that know nothing of the data, for examples of the field `shape`."""
        raise NotImplementedError(f"{type(self).__name__} defines no init")

    def shapes(self, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        """Parameter name -> shape, of the components, for examples of this shape."""
        raise NotImplementedError(f"{type(self).__name__} defines no shapes")

    def log_components(self, p: Params, rows: Array) -> tuple[Array, Pullback]:
        """log p(x|k) (N, K) of rows (N, D), and its pullback to the components' parameters."""
        raise NotImplementedError(f"{type(self).__name__} defines no log_components")

    def statistics(self, p: Params, rows: Array, r: Array) -> Params:
        """What the M-step needs of rows (N, D) with responsibilities r (N, K): sums over them."""
        raise NotImplementedError(f"{type(self).__name__} defines no statistics")

    def maximise(self, p: Params, sums: Params) -> Params:
        """The components' parameters that the M-step chooses, in float64."""
        raise NotImplementedError(f"{type(self).__name__} defines no maximise")

    def collapsed(self, sums: Params) -> list[int]:
        """The components that hold so little that their parameters mean nothing."""
        raise NotImplementedError(f"{type(self).__name__} defines no collapsed")

    def reseeded(self, new: Params, sums: Params, k: int, row: Array) -> Params:
        """New parameters, float64, in which component k begins again at the example `row` (D,)."""
        raise NotImplementedError(f"{type(self).__name__} defines no reseeded")

    def draw(self, p: Params, rng: np.random.Generator, k: Array) -> Array:
        """One row (n, D) from each of the components k (n,)."""
        raise NotImplementedError(f"{type(self).__name__} defines no draw")

    def check_values(self, x: Array) -> None:
        """Refuse examples that the components cannot have made. Raises ValueError."""

    # What all share

    def log_prob(self, p: Params, x: Array) -> tuple[Array, Pullback]:
        """log p(x) (N,), in nats, and its pullback to (dp, dx)."""
        rows = self.rows(p, x)
        log_x, components_backward = self.log_components(p, rows)  #      (N, K)
        log_pi = p["logits"] - log_sum_exp(p["logits"])  #                (K,)
        log_joint = log_pi + log_x  #  log pi_k p(x|k)                    (N, K)
        log_p = log_sum_exp(log_joint)  #                                 (N,)      (1)
        xp = namespace(rows)
        r = xp.exp(log_joint - log_p[:, None])  #  p(k|x)                 (N, K)    (2)

        def dp(d: Array) -> Params:
            w = r * d[:, None]  #                                         (N, K)    (17)
            dlogits = w.sum(axis=0) - xp.exp(log_pi) * d.sum()  #         (K,)      (18)
            return {"logits": dlogits} | components_backward.dp(w)

        def dx(d: Array) -> Array:
            return components_backward.dx(r * d[:, None]).reshape(x.shape)

        return log_p, Pullback(dp, dx, log_p)

    def loss(self, p: Params, x: Array, noise: None = None) -> tuple[Array, Pullback]:
        """-log p(x), in nats per example, a mean over the batch; its pullback d -> (dp, dx)."""
        log_p, backward = self.log_prob(p, x)
        value = -log_p.mean()

        def each(d: Array) -> Array:
            return namespace(log_p).full_like(log_p, -d / len(log_p))

        return value, Pullback(
            lambda d: backward.dp(each(d)), lambda d: backward.dx(each(d)), value
        )

    def draw_noise(self, rng: np.random.Generator, x: Array) -> None:
        """None: the loss is exact."""

    def score_samples(self, p: Params, x: Array) -> Array:
        """log p(x) (N,), in nats."""
        rows = self.rows(p, x)
        parts = [self.posterior(p, rows[i])[0] for i in self.blocks(rows)]
        return namespace(x).concatenate(parts)

    def predict_proba(self, p: Params, x: Array) -> Array:
        """The responsibilities p(k|x) (N, K); each row sums to one."""
        rows = self.rows(p, x)
        parts = [self.posterior(p, rows[i])[1] for i in self.blocks(rows)]
        return namespace(x).concatenate(parts)

    def predict(self, p: Params, x: Array) -> Array:
        """The component of greatest responsibility (N,)."""
        return self.predict_proba(p, x).argmax(axis=1)

    def posterior(self, p: Params, rows: Array) -> tuple[Array, Array]:
        """log p(x) (N,) and the responsibilities (N, K) of rows (N, D): the E-step."""
        log_pi = p["logits"] - log_sum_exp(p["logits"])
        log_joint = log_pi + self.log_components(p, rows)[0]
        log_p = log_sum_exp(log_joint)
        log_r, xp = log_joint - log_p[:, None], namespace(rows)
        return log_p, xp.exp(xp.maximum(log_r, LEAST_LOG)) * (log_r > LEAST_LOG)  # (2)

    def sample(self, p: Params, rng: np.random.Generator, n: int, mean: bool = False) -> Array:
        """n new examples (n, *shape): k ~ pi, then x ~ p(x|k), or with `mean` its mean."""
        check_sizes(self, n=n)
        self.check(p)
        logits = p["logits"]
        k = draw_index(rng, namespace(logits).repeat(logits[None], n, axis=0))  #   (n,)
        rows = self.means(p).reshape(self.n_components, -1)[k] if mean else self.draw(p, rng, k)
        return rows.reshape(n, *p[self.centre].shape[1:])

    def weights(self, p: Params) -> Array:
        """pi (K,), which sum to one."""
        return namespace(p["logits"]).exp(p["logits"] - log_sum_exp(p["logits"]))

    def means(self, p: Params) -> Array:
        """The mean of each component (K, *shape)."""
        raise NotImplementedError(f"{type(self).__name__} defines no means")

    def free(self, p: Params) -> int:
        """How many numbers a fit chooses: K - 1 weights, and those of the components."""
        raise NotImplementedError(f"{type(self).__name__} defines no free")

    def bic(self, p: Params, x: Array) -> float:
        """Bayesian information criterion on x: -2 log p(x_1..x_N) + log N per parameter."""
        return self.criterion(p, x, math.log(max(1, len(x))))  # no examples are refused below

    def aic(self, p: Params, x: Array) -> float:
        """Akaike information criterion on x: -2 log p(x_1..x_N) + 2 per parameter."""
        return self.criterion(p, x, 2.0)

    def criterion(self, p: Params, x: Array, price: float) -> float:
        """-2 log p(x_1..x_N) + price per parameter; the smaller, the better."""
        log_p = self.score_samples(p, x).astype(np.float64)
        return -2 * float(log_p.sum()) + price * self.free(p)

    def fit(self, x: Array, rng: np.random.Generator, **how: Any) -> Fitted:
        """Maximum likelihood by EM; `how` is told in `em.fit`: start, tol, max_iter."""
        return fit(self, x, rng, **how)

    def start(self, rng: np.random.Generator, x: Array) -> Params:
        """Parameters to begin EM with: the clusters of k-means on x (see `em.begin`)."""
        return begin(self, rng, x)

    # Input

    def blocks(self, rows: Array) -> Iterator[slice]:
        """Slices of the rows, so that a block beside its components fits the cache."""
        n = len(rows)
        step = max(1, self.entries // max(self.n_components, rows.shape[1]))
        step = n if device_of(rows) == "cuda" else step
        for i in range(0, n, step):
            yield slice(i, i + step)

    def rows(self, p: Params, x: Array) -> Array:
        """x (N, *shape) as rows (N, D), after refusing what does not fit the parameters."""
        self.check(p)
        name, like = type(self).__name__, p["logits"]
        check_array(name, x, "N", *p[self.centre].shape[1:])
        check_device(name, x, like)
        if x.dtype != like.dtype:
            raise TypeError(
                f"{name}: x is {x.dtype}, the parameters are {like.dtype}: "
                f"use x.astype({str(like.dtype)!r})"
            )
        self.check_values(x)
        return x.reshape(len(x), -1)

    def check(self, p: Params) -> None:
        """Refuse parameters that are not this mixture's. Raises ValueError, TypeError."""
        shape = (
            p[self.centre].shape[1:]
            if isinstance(p, dict) and hasattr(p.get(self.centre), "shape")
            else self.example_shape() or (1,)
        )
        check_params(self, p, {"logits": (self.n_components,)} | self.shapes(shape))
        for key, leaf in p.items():
            check_device(type(self).__name__, leaf, p["logits"])
            if leaf.dtype != p["logits"].dtype:
                raise TypeError(
                    f"{type(self).__name__}: parameter {key!r} is {leaf.dtype}, 'logits' is "
                    f"{p['logits'].dtype}: give all of them one dtype"
                )

    def example_shape(self) -> tuple[int, ...] | None:
        """The field `shape` as a tuple."""
        return (self.shape,) if isinstance(self.shape, int | np.integer) else self.shape

    def needed_shape(self) -> tuple[int, ...]:
        """The shape of one example, for what cannot take it from data. Raises ValueError."""
        shape = self.example_shape()
        if shape is None:
            raise ValueError(
                f"{type(self).__name__}: init needs the shape of one example: give shape=, or let "
                "fit take it from the data"
            )
        return shape
