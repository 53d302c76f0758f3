"""MADE: an auto-encoder whose masked weights make it a density.

    h_l = f(h_{l-1} (M_l W_l) + b_l),   h_0 = x        y = h_L (M V) + c  [+ x (M A)]         (1)

The masks leave no path from x_d to the parameters y of x_d or of a place drawn before it, so that
one pass gives all p(x_i | x_<i). Several masks, each with an order of its own, share the weights:

    p(x) = 1/K sum_k p_k(x)        an average of probabilities, never of logits               (4)

Germain, Gregor, Murray, Larochelle 2015, arXiv 1502.03509.    docs/derivations/made.md
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen import tree
from tinygen.arrays import Array, Params, namespace, to_host
from tinygen.kernels.elementwise import log_sum_exp
from tinygen.layers import Layer
from tinygen.layers.base import check_names, check_rng, check_sizes
from tinygen.likelihoods.base import draw_index
from tinygen.models.ancestral import Each, Step, check_fits
from tinygen.models.autoregressive import Autoregressive
from tinygen.models.made_masks import DEGREES, ORDERS, Connections, connections
from tinygen.models.made_net import groups, layers, merged, under, under_each
from tinygen.models.made_steps import columns
from tinygen.models.nets import RELU, check_widths
from tinygen.models.place_params import as_params, outputs
from tinygen.pullback import Pullback


@dataclass(frozen=True)
class MADE(Autoregressive):
    """p(x) of rows (N, D) or images (N, H, W, C)

    hidden     : the widths of the hidden layers; () is a logistic regression of each place
    n_masks    : K
    order      : "natural", reading order, or "random": each mask draws its own
    degrees    : how much of what is before it a hidden unit sees: "random", drawn for each mask,
                 or "even", spread over all places, the same for each mask: of w < D - 1 units a
                 place misses up to ceil((D - 1) / w) - 1 of those right before it, always the
                 same ones, unless `direct`; and in natural order K masks are one
    direct     : with connections from the inputs straight to the outputs
    activation : f, element by element
    seed       : of orders and degrees; they belong to the model, not to its parameters
    likelihood : those of `place_params`; levels enter as numbers spread over -1 .. 1

    p = {"net": {"hidden1", ..., "out"}, "direct"}: W and b of each layer.

    A condition, and the noise of the loss, is a mask: its index 0 .. K - 1, or one an example.

    Raises ValueError for names and sizes other than these, an index that is no mask, and where
    one of several masks must be named and is not.
    """

    hidden: tuple[int, ...] = (500,)
    n_masks: int = 1
    order: str = "natural"
    degrees: str = "random"
    direct: bool = False
    activation: Layer = RELU
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_widths("MADE: hidden", self.hidden)
        check_sizes(self, n_masks=self.n_masks)
        check_sizes(self, 0, seed=self.seed)
        for name, given, known in (
            ("order", self.order, ORDERS),
            ("degrees", self.degrees, DEGREES),
        ):
            if given not in known:
                raise ValueError(f"MADE: {name} must be one of {', '.join(known)}, got {given!r}")
        outputs("MADE", self.likelihood)

    def connections(self, k: int = 0) -> Connections:
        """Who sees whom under mask k."""
        return connections(self.size, self.hidden, self.order, self.degrees, self.seed, k)

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        """Parameters drawn from `rng`; `weights` names the rule (`initialisers`)."""
        net, direct = layers(self, 0)
        p = {"net": net.init(rng, dtype, weights)}
        return p | {"direct": direct.init(rng, dtype, weights)} if direct else p

    def conditionals(self, p: Params, x: Array, condition: Any = None) -> tuple[Any, Pullback]:
        """Under mask `condition`: a whole number, or one an example (N,)."""
        self.check(x)
        check_names("MADE", p, {"net", "direct"} if self.direct else {"net"})
        masks = self.masks_of(condition, len(x))
        params, backward = under_each(self, p, x, masks)
        if condition is None:
            return params, backward

        def both(d: Any) -> tuple[Params, Any]:
            dp, dx = backward(d)
            return dp, (dx, ())  # a mask has no derivative

        return params, Pullback(backward.dp, lambda d: (backward.dx(d), ()), params, both)

    def draw_noise(self, rng: np.random.Generator, x: Any) -> Any:
        """The index of a mask for the whole batch, as in the paper: an array without axes."""
        return np.asarray(rng.integers(self.n_masks))

    def loss(self, p: Params, x: Array, noise: Any = None) -> tuple[Array, Pullback]:
        """-log p_k(x) in nats, a mean over the batch; k = noise, a mask.

        Its mean over the masks lies above -log p(x), for log is concave.
        """
        self.check(x)
        value, backward = super().loss(p, (x, self.masks_of(noise, len(x))))

        def both(d: Array) -> tuple[Params, Array]:
            dparams, (dx, _) = backward(d)
            return dparams, dx

        return value, Pullback(
            backward.dp, lambda d: backward.dx(d)[0], value, both, terms=backward.terms
        )

    def log_prob(self, p: Params, x: Any, rng: Any = None, samples: int = 1) -> tuple[Array, Array]:
        """log p(x) (N,), exact, the average over all masks, and zeros (N,) for its error.

        x            : data; or (data, masks), for log p_k(x)
        rng, samples : not looked at; models that sample their likelihood take them
        """
        x, masks = self.split(x)
        asked = range(self.n_masks) if masks is None else [masks]
        xp, logs = namespace(x), []
        for k in asked:
            condition = self.masks_of(k, len(x))
            logs.append(super().log_prob(p, (x, condition))[0])  # log p_k(x)     (N,)
        log_p = log_sum_exp(xp.stack(logs), axis=0) - math.log(len(logs))  #      (N,)      (4)
        return log_p, xp.zeros_like(log_p)

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
        """n new examples (n, *shape), each place by place in the order of its mask.

        condition : the masks, one an example or one for all; else each example draws its own,
                    and so is a draw from the average
        cached, each : as in `Autoregressive.sample`
        """
        check_sizes(self, n=n)
        check_rng("MADE", rng)
        if condition is None:
            condition = rng.integers(self.n_masks, size=n)
        return super().sample(p, rng, n, condition, cached=cached, each=each)

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
        """x with its first `known` places, in reading order, kept, the others drawn given them.

        condition : masks; else each example draws its own from p(k | the known places), and so
                    is a draw from the average given them

        Raises ValueError where the orders are random: these places do not come first there.
        """
        if self.order != "natural":
            raise ValueError(
                "MADE: the first places in reading order do not come first in random orders, so "
                "that the others cannot be drawn given them: build it with order='natural'"
            )
        if condition is None:
            condition = self.masks_given(p, rng, x, known)
        return super().complete(p, rng, x, known, condition, cached=cached, each=each)

    def masks_given(self, p: Params, rng: np.random.Generator, x: Array, known: int) -> np.ndarray:
        """k (N,) ~ p(k | x_1 .. x_known), which is in the ratio of p_k(x_1 .. x_known)."""
        check_rng("MADE", rng)
        seen, logs = self.begun(p, x, known), []
        rows = seen.reshape(len(x), -1)
        for k in range(self.n_masks):
            params = tree.map(
                lambda a: a.reshape(*rows.shape, *a.shape[x.ndim :])[:, :known],
                under(self, p, seen, k)[0],
            )
            logs.append(-self.likelihood.nll(params, rows[:, :known])[0])  #      (N,)
        return to_host(draw_index(rng, namespace(x).stack(logs, axis=1)))

    def stepper(self, p: Params, n: int, condition: Any = None) -> Step:
        """Each hidden unit is computed once an example: `made_steps`."""
        check_fits(self, p)
        xp, each = namespace(p["net"]["out"]["b"]), groups(self.masks_of(condition, n))
        parts = [(xp.asarray(rows), columns(self, p, len(rows), k)) for k, rows in each]

        def step(i: int, x: Array) -> Any:
            flat = x.reshape(n, -1)
            y = merged(each, [column(i, flat[rows]) for rows, column in parts])  # (n, O)
            params, _ = as_params(self.likelihood, y[:, None], (1,))
            return tree.map(lambda a: a[:, 0], params)

        return step

    def places(self, p: Params, n: int, condition: Any = None) -> list[Any]:
        """The i-th place of the order of each example's mask, as an index of x."""
        masks, xp = self.masks_of(condition, n), namespace(p["net"]["out"]["b"])
        orders = {k: self.connections(k).order for k, _ in groups(masks)}
        if self.order == "natural" or len(orders) == 1:
            where = np.unravel_index(orders[int(masks[0])], self.shape)
            return [(slice(None), *map(int, place)) for place in zip(*where, strict=True)]
        rows = xp.arange(n)
        where = np.unravel_index(np.stack([orders[int(k)] for k in masks], axis=1), self.shape)
        return [(rows, *map(xp.asarray, place)) for place in zip(*where, strict=True)]

    def masks_of(self, given: Any, n: int) -> np.ndarray:
        """Masks (n,) on the host, of one for all or one each; the only one where not given."""
        if given is None and self.n_masks > 1:
            raise ValueError(
                f"MADE: this is an average of {self.n_masks} masks, and the conditionals of one "
                f"are asked for: give its index 0..{self.n_masks - 1}, drawn by draw_noise"
            )
        masks = to_host(0 if given is None else given)
        if masks.dtype.kind not in "iu" or masks.shape not in ((), (n,)):
            raise ValueError(
                f"MADE: expected a mask as a whole number, or {n} of them, one an example; got "
                f"{masks.dtype} of shape {masks.shape}"
            )
        if masks.min() < 0 or masks.max() >= self.n_masks:
            raise ValueError(
                f"MADE: mask {int(masks.min())}..{int(masks.max())} was asked for, expected "
                f"0..{self.n_masks - 1}: build it with more n_masks"
            )
        return np.broadcast_to(masks, (n,))
