"""What fully visible models share: each place of x is drawn given those before it.

    p(x) = prod_i p(x_i | x_<i),        log p(x) = sum_i log p(x_i | x_<i)                    (1)

Nothing is hidden and nothing to be integrated: the likelihood is exact. All conditionals of a
given x come from one pass; a new x is drawn place by place, for each needs those before it.
                                                           docs/derivations/autoregressive.md
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygen import examples, tree
from tinygen.arrays import Array, Params, device_of, is_array, namespace, to_device
from tinygen.layers.base import check_finite, check_sizes
from tinygen.likelihoods import Bernoulli, Likelihood
from tinygen.likelihoods.base import check_levels
from tinygen.models.ancestral import Each, Step, fill, recompute
from tinygen.pullback import Pullback


@dataclass(frozen=True)
class Autoregressive:
    """p(x) of examples x (N, *shape); the places of x in the order of `np.ndindex(shape)`

    shape      : of one example: (D,), or (H, W, C) for images, whose places are read row by row,
                 in a row from left to right, at a pixel channel by channel: R, G, B
    likelihood : p(x_i | x_<i): Bernoulli() (x of zeros and ones), Gaussian() (floats),
                 Categorical(K) or LogisticMixture(K) (whole numbers 0 .. K-1, integers)

    A model says `init` and `conditionals`, and `stepper` where it can sample faster than by a
    whole pass a place. One that is told something beside x (labels, another picture) takes it as
    `condition`, and its data are tuples (x, condition).

    Raises ValueError for data of another shape, outside the likelihood's range, NaN and an empty
    batch, TypeError for another dtype or device.
    """

    shape: tuple[int, ...]
    likelihood: Likelihood = field(default=Bernoulli(), kw_only=True)

    at_once = 100  # examples scored at once: bounds the memory, not the answer

    def __post_init__(self) -> None:
        name = type(self).__name__
        if not isinstance(self.shape, tuple) or len(self.shape) not in (1, 3):
            raise ValueError(f"{name}: shape must be (D,) or (H, W, C), got {self.shape!r}")
        for size in self.shape:
            check_sizes(self, shape=size)
        if isinstance(self.likelihood, type) or not hasattr(self.likelihood, "nll"):
            raise TypeError(
                f"{name}: expected a likelihood such as Bernoulli(), got {self.likelihood!r}"
            )

    @property
    def size(self) -> int:
        """D, the number of places."""
        return int(np.prod(self.shape))

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        """Parameters drawn from `rng`; `weights` names the rule (`initialisers`)."""
        raise NotImplementedError(f"{type(self).__name__} defines no init")

    def conditionals(self, p: Params, x: Array, condition: Any = None) -> tuple[Any, Pullback]:
        """The parameters of p(x_i | x_<i) for all i, as the likelihood takes them, and pullback.

        Arrays (N, *shape) or (N, *shape, K); those of place i depend on places before i alone.
        The pullback's dx is () where x holds integers, and (dx, dcondition) with a condition.
        """
        raise NotImplementedError(f"{type(self).__name__} defines no conditionals")

    def draw_noise(self, rng: np.random.Generator, x: Any) -> Any:
        """None: the loss holds no noise."""
        return None

    def loss(self, p: Params, x: Any, noise: Any = None) -> tuple[Array, Pullback]:
        """-log p(x) in nats per example, a mean over the batch, and its pullback d -> (dp, dx).

        x : data (N, *shape), or (data, condition)
        """
        x, condition = self.split(x)
        params, net_backward = self.conditionals(p, x, condition)
        nll, nll_backward = self.likelihood.nll(params, x)  #                   (N,)     (1)
        value = nll.mean()

        def each(d: Array) -> Array:
            return namespace(nll).full_like(nll, d / len(nll))  #               (N,)

        def dp(d: Array) -> Params:
            return net_backward.dp(nll_backward.dp(each(d)))

        def both(d: Array) -> tuple[Params, Any]:
            dn = each(d)
            dparams, dx = net_backward(nll_backward.dp(dn))
            # x is what is looked at, and what is to be explained                        (2)
            if condition is None:
                return dparams, tree.add(dx, nll_backward.dx(dn))
            return dparams, (tree.add(dx[0], nll_backward.dx(dn)), dx[1])

        return value, Pullback(dp, lambda d: both(d)[1], value, both, terms={"nll": value})

    def log_prob(self, p: Params, x: Any, rng: Any = None, samples: int = 1) -> tuple[Array, Array]:
        """log p(x) (N,), exact, and zeros (N,) for its standard error.

        rng, samples : not looked at; models that sample their likelihood take them
        """
        self.split(x)
        parts = []
        for start in range(0, examples.count(x), self.at_once):
            rows, condition = self.split(examples.rows(x, slice(start, start + self.at_once)))
            parts.append(-self.likelihood.nll(self.conditionals(p, rows, condition)[0], rows)[0])
        log_p = namespace(parts[0]).concatenate(parts)
        return log_p, namespace(log_p).zeros_like(log_p)

    def sample(
        self,
        p: Params,
        rng: np.random.Generator,
        n: int,
        condition: Any = None,
        *,
        cached: bool = True,
        each: Each | None = None,
    ) -> Array:
        """n new examples (n, *shape), drawn place by place.

        condition : one row an example, for models that take one
        cached    : False recomputes everything for each place, as the definition says; the
                    same examples from the same rng, up to rounding
        each      : called as each(i, x) after place i was drawn; x is the canvas so far, which
                    is not to be kept or written to
        """
        check_sizes(self, n=n)
        return fill(self, p, rng, self.canvas(p, n), 0, condition, cached, each)

    def complete(
        self,
        p: Params,
        rng: np.random.Generator,
        x: Array,
        known: int,
        condition: Any = None,
        *,
        cached: bool = True,
        each: Each | None = None,
    ) -> Array:
        """x (N, *shape) with the first `known` places kept and the others drawn given them.

        known : 1 .. D - 1. The rest of x is not looked at. Other arguments as in `sample`.
        """
        canvas = self.begun(p, x, known)
        return fill(self, p, rng, canvas, known, condition, cached, each)

    def stepper(self, p: Params, n: int, condition: Any = None) -> Step:
        """step(i, x) -> the parameters of place i, (n,) or (n, K), for a canvas x (n, *shape).

        It is called once for each i in order, and looks at the places before i, and no others.
        This one makes a whole pass each time; a model that keeps what it has computed overrides
        it (and may then leave work for later: the answer for a known place is not looked at).
        """
        return recompute(self, p, n, condition)

    def places(self, p: Params, n: int, condition: Any = None) -> list[Any]:
        """Indices of x (n, *shape), and of the parameters, in the order in which one draws."""
        return [(slice(None), *place) for place in np.ndindex(self.shape)]

    def begun(self, p: Params, x: Array, known: int) -> Array:
        """A canvas with the first `known` places of x. Raises ValueError, TypeError."""
        self.check(x)
        name, size = type(self).__name__, self.size
        if not isinstance(known, int | np.integer) or not 0 < known < size:
            raise ValueError(
                f"{name}: known must be 1 .. {size - 1} of the {size} places, got {known}: with "
                "none known use sample, with all there is nothing to do"
            )
        canvas, part = self.canvas(p, len(x)), x.reshape(len(x), -1)[:, :known]
        if self.levels:
            check_levels(name, part, part, part.shape, self.levels)
        elif isinstance(self.likelihood, Bernoulli):
            self.likelihood.check_pixels(part)
        else:
            check_finite(name, part)
        canvas.reshape(len(x), -1)[:, :known] = part
        return canvas

    def canvas(self, p: Params, n: int) -> Array:
        """n examples of zeros, of the dtype of the data, on the device of the parameters."""
        like = next((leaf for _, leaf in tree.leaves(p)), None)
        if like is None:
            raise ValueError(
                f"{type(self).__name__}: p holds no parameters: give what init or a training "
                "returned"
            )
        dtype = np.int64 if self.levels else like.dtype
        return to_device(np.zeros((n, *self.shape), dtype), device_of(like))

    @property
    def levels(self) -> int:
        """K of a likelihood of whole numbers 0 .. K-1; 0 of one of floats."""
        return getattr(self.likelihood, "levels", 0)

    def as_floats(self, p: Params, x: Array) -> Array:
        """x as a net reads it: floats as they are, levels 0 .. K-1 spread over -1 .. 1."""
        if not self.levels:
            return x
        like = next(leaf for _, leaf in tree.leaves(p))
        return x.astype(like.dtype) * (2 / (self.levels - 1)) - 1

    def split(self, x: Any) -> tuple[Array, Any]:
        """The data and the condition, None where there is none; the data are `check`ed."""
        x, condition = x if isinstance(x, tuple) and len(x) == 2 else (x, None)
        self.check(x)
        return x, condition

    def check_untold(self, condition: Any) -> None:
        """Refuse a condition, for models that take none. Raises ValueError."""
        if condition is not None:
            raise ValueError(
                f"{type(self).__name__}: the model takes no condition: leave it out, or choose "
                "one that does, such as GatedPixelCNN"
            )

    def check(self, x: Any) -> None:
        """Refuse what are no examples of this shape. Raises TypeError, ValueError.

        The likelihood looks at the values.
        """
        name = type(self).__name__
        if not is_array(x):
            raise TypeError(
                f"{name}: expected x as a NumPy or CuPy array, got {type(x).__name__}: "
                "use np.asarray"
            )
        if x.ndim != 1 + len(self.shape) or x.shape[1:] != self.shape:
            wanted = ", ".join(["N", *map(str, self.shape)])
            raise ValueError(
                f"{name}: the model was built for x of shape ({wanted}), got {x.shape}: resize "
                f"or reshape x, or build a model of shape {x.shape[1:]}"
            )
        if not len(x):
            raise ValueError(f"{name}: x of shape {x.shape} is empty: give at least one example")
        if self.levels and x.dtype.kind not in "iu":
            raise TypeError(
                f"{name}: expected whole numbers 0..{self.levels - 1}, got {x.dtype}: for x in "
                f"[0, 1] use np.rint({self.levels - 1} * x).astype(np.int64)"
            )
