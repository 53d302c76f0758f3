"""Cases of MADE: gradients, and for orders and masks that it is causal and sums to one."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygen import tree
from tinygen.cases.common import Case, Claim, jittered
from tinygen.check import Report, all_images, check_causal, check_normalised
from tinygen.layers import MaskedDense, Tanh
from tinygen.likelihoods import Bernoulli, Categorical, Gaussian, LogisticMixture
from tinygen.models.made import MADE
from tinygen.pullback import Pullback

N, K = 4, 3


def small(shape: tuple[int, ...] = (3, 3, 1), **options: Any) -> MADE:
    """A MADE without kinks."""
    return MADE(shape, **{"hidden": (8,), "activation": Tanh(), **options})


def several(shape: tuple[int, ...] = (3, 3, 1), **options: Any) -> MADE:
    """Two hidden layers, K masks, each with an order of its own, and direct connections."""
    masks = {"hidden": (8, 7), "n_masks": K, "order": "random", "direct": True}
    return small(shape, **{**masks, **options})


def draw(rng: np.random.Generator, model: MADE, n: int = N) -> Any:
    """Data of the likelihood's kind; grey where it takes that, for a derivative."""
    if model.levels:
        return rng.integers(model.levels, size=(n, *model.shape))
    if isinstance(model.likelihood, Gaussian):
        return rng.normal(size=(n, *model.shape))
    x = rng.uniform(0.1, 0.9, size=(n, *model.shape))
    return x if model.likelihood == Bernoulli(grey=True) else np.round(x)


def model_case(name: str, model: MADE, of: tuple[Any, ...] = ()) -> Case:
    """The loss of the whole model, the examples' masks given."""

    def make(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        p, x = jittered(rng, model.init(rng, np.float64)), draw(rng, model)
        masks = rng.permutation(np.arange(N) % model.n_masks)
        return lambda p, x: model.loss(p, x, masks), p, x

    floats = isinstance(model.likelihood, Gaussian) or model.likelihood == Bernoulli(grey=True)
    return Case(f"MADE, {name}", make, wrt_x=floats, of=(MADE, *of))


def in_order(model: MADE, k: int) -> Callable[[Any, Any], tuple[Any, Pullback]]:
    """The conditionals under mask k of rows (N, D) that stand in that mask's order."""
    order = model.connections(k).order
    back, D = np.argsort(order), model.size

    def f(p: Any, rows: Any) -> tuple[Any, Pullback]:
        n = len(rows)
        params, backward = model.conditionals(p, rows[:, back].reshape(n, *model.shape), k)
        y = tree.map(lambda a: a.reshape(n, D, *a.shape[1 + len(model.shape) :])[:, order], params)

        def unordered(dy: Any) -> Any:
            return tree.map(lambda d, a: d[:, back].reshape(a.shape), dy, params)

        def dx(dy: Any) -> Any:
            return backward.dx(unordered(dy))[0].reshape(n, D)[:, order]

        return y, Pullback(lambda dy: backward.dp(unordered(dy)), dx, y)

    return f


def causal(name: str, model: MADE) -> list[Claim]:
    """Under each mask, no place sees itself or one that is drawn later."""

    def claim(k: int) -> Claim:
        def check(rng: np.random.Generator) -> Report:
            p = jittered(rng, model.init(rng, np.float64))
            return check_causal(in_order(model, k), p, draw(rng, model, 2).reshape(2, -1))

        return Claim(f"MADE, {name}, mask {k}", "causal", check, of=(MADE, MaskedDense))

    return [claim(k) for k in range(model.n_masks)]


def sums(name: str, model: MADE, points: Any, weights: Any = None) -> list[Claim]:
    """The probabilities of all points sum to one under each mask, and in the average."""

    def claim(k: int | None) -> Claim:
        def check(rng: np.random.Generator) -> Report:
            p = jittered(rng, model.init(rng, np.float64))

            def log_prob(x: Any) -> Any:
                return model.log_prob(p, x if k is None else (x, np.full(len(x), k)))[0]

            return check_normalised(log_prob, points, weights, tolerance=1e-10)

        which = "average of masks" if k is None else f"mask {k}"
        return Claim(f"MADE, {name}, {which}", "sums to one", check, of=(MADE,))

    return [claim(k) for k in (None, *range(model.n_masks))]


nodes = np.linspace(-30, 30, 301)  # steps of a fifth, of deviations about 1
plane = np.stack(np.meshgrid(nodes, nodes), axis=-1).reshape(-1, 2)
GREY, IMAGES = Bernoulli(grey=True), all_images((3, 3, 1))

CASES = [
    model_case("binary pixels", small()),
    model_case("grey pixels, one hidden layer", small((7,), likelihood=GREY)),
    model_case("masks and orders, direct connections", several(likelihood=GREY)),
    model_case("even degrees", several(degrees="even", likelihood=GREY)),
    model_case("no hidden layer", small((5,), hidden=(), likelihood=GREY)),
    model_case("Gaussian", several((3, 2, 1), likelihood=Gaussian())),
    model_case("Gaussian of fixed variance", small((5,), likelihood=Gaussian(std=0.7))),
    model_case("levels", several((2, 2, 1), likelihood=Categorical(4))),
    model_case("logistics", small((5,), likelihood=LogisticMixture(6))),
]
CLAIMS = [
    *causal("reading order", small()),
    *causal("even degrees", several(degrees="even")),
    *causal("random orders", several()),
    *causal("Gaussian", several((2, 2, 2), likelihood=Gaussian())),
    *causal("levels", several((5,), likelihood=Categorical(4))),
    *sums("reading order", small(n_masks=2), IMAGES),
    *sums("random orders", several(), IMAGES),
    *sums("even degrees", several(degrees="even"), IMAGES),
    *sums("levels", several((2, 2, 1), likelihood=Categorical(4)), all_images((2, 2, 1), 4, int)),
    *sums("Gaussian", several((2,), likelihood=Gaussian()), plane, 0.04),
]
