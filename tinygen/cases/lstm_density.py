"""Cases and claims of the density of sequences."""

from typing import Any

import numpy as np

from tinygen import tree
from tinygen.cases.common import Case, Claim, beside, jittered
from tinygen.check import Report, all_images, check_causal, check_normalised
from tinygen.likelihoods import Bernoulli, Categorical, Gaussian, MixtureDensity
from tinygen.models.lstm_density import LSTMDensity
from tinygen.pullback import Pullback

N, T, C, U = 3, 5, 2, 4


def model_case(name: str, model: LSTMDensity, steps: int = T, zero: tuple[str, ...] = ()) -> Case:
    """The loss of the whole model, in its parameters, its data and its inputs."""

    def make(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        p = jittered(rng, model.init(rng, np.float64))
        if model.levels:
            x: Any = rng.integers(model.levels, size=(N, steps))
        elif isinstance(model.likelihood, Bernoulli):
            x = rng.integers(2, size=(N, steps, C)).astype(float)
        else:
            x = rng.normal(size=(N, steps, C))
        return model.loss, p, (x, rng.normal(size=(N, steps, U))) if model.inputs else x

    wrt_x = not (model.levels or isinstance(model.likelihood, Bernoulli))
    return Case(f"LSTMDensity, {name}", make, zero, wrt_x, of=(LSTMDensity,))


def told(rng: np.random.Generator) -> tuple[Any, Any, Any]:
    """Whole numbers with inputs: the gradient of the inputs."""
    model = LSTMDensity(hidden=(4,), likelihood=Categorical(3), inputs=U, embedding=2)
    p, x = jittered(rng, model.init(rng, np.float64)), rng.integers(3, size=(N, T))

    def f(p: Any, u: Any) -> tuple[Any, Pullback]:
        value, backward = model.loss(p, (beside(x, u), u))

        def both(d: Any) -> tuple[Any, Any]:
            dp, (_, du) = backward(d)
            return dp, du

        return value, Pullback.whole(both, value)

    return f, p, rng.normal(size=(N, T, U))


def causal(name: str, model: LSTMDensity) -> Claim:
    """The parameters of step t see steps before t, in every channel, and no others."""

    def check(rng: np.random.Generator) -> Report:
        p = jittered(rng, model.init(rng, np.float64))
        x = rng.integers(model.levels, size=(1, T)) if model.levels else rng.normal(size=(1, T, C))

        def f(p: Any, x: Any) -> tuple[Any, Any]:
            params, backward = model.conditionals(p, x)
            flat = tree.map(lambda a: a.reshape(*a.shape[:2], -1), params)

            def shaped(dy: Any) -> Any:
                return backward(tree.map(lambda a, like: a.reshape(like.shape), dy, params))

            return flat, shaped

        return check_causal(f, p, x, strict=True)

    return Claim(f"LSTMDensity, {name}", "causal", check, of=(LSTMDensity,))


def normalised(
    name: str, model: LSTMDensity, points: Any, weights: Any = None, tolerance: float = 1e-10
) -> Claim:
    """p of all sequences, or of the nodes of a quadrature, is one in sum."""

    def check(rng: np.random.Generator) -> Report:
        p = tree.map(lambda a: 2 * a, jittered(rng, model.init(rng, np.float64)))
        return check_normalised(
            lambda x: model.log_prob(p, x)[0], points, weights, tolerance=tolerance
        )

    return Claim(f"LSTMDensity, {name}", "sums to one", check, of=(LSTMDensity,))


def grid(nodes: int, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """A quadrature over pairs (x_1, x_2): points (M, 2, 1) and their weights."""
    x, w = np.polynomial.legendre.leggauss(nodes)
    pairs = np.stack(np.meshgrid(reach * x, reach * x), axis=-1).reshape(-1, 2, 1)
    return pairs, np.outer(reach * w, reach * w).reshape(-1)


mixture = MixtureDensity(3)

CASES = [
    model_case("Gaussian steps", LSTMDensity(C, (4,))),
    model_case("Gaussian steps of one std", LSTMDensity(C, (4,), likelihood=Gaussian(std=0.7))),
    model_case("mixture steps", LSTMDensity(C, (4,), likelihood=mixture)),
    model_case("Bernoulli steps", LSTMDensity(C, (4,), likelihood=Bernoulli())),
    model_case("whole numbers", LSTMDensity(hidden=(4,), likelihood=Categorical(6), embedding=3)),
    model_case("inputs, two layers", LSTMDensity(C, (4, 3), inputs=U)),
    model_case("a single step", LSTMDensity(C, (4,)), 1, zero=("lstm0.Wh",)),
    Case("LSTMDensity, whole numbers and inputs", told, of=(LSTMDensity,)),
]

CLAIMS = [
    causal("Gaussian steps", LSTMDensity(C, (4, 3))),
    causal("mixture steps", LSTMDensity(C, (4,), likelihood=mixture)),
    causal("whole numbers", LSTMDensity(hidden=(4,), likelihood=Categorical(6), embedding=3)),
    normalised(
        "all 2^9 sequences",
        LSTMDensity(hidden=(4,), likelihood=Categorical(2), embedding=3),
        all_images((9,), dtype=int),
    ),
    normalised("Gaussian, pairs by quadrature", LSTMDensity(1, (4,)), *grid(120, 15.0), 1e-9),
    normalised(
        "mixture, pairs by quadrature",
        LSTMDensity(1, (4,), likelihood=mixture),
        *grid(120, 15.0),
        1e-9,
    ),
]
