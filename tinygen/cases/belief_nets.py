"""Cases of the belief nets: exact gradients, nobody sees what comes later, and sums to one."""

from typing import Any

import numpy as np

from tinygen.cases.common import Case, Claim, beside, jittered
from tinygen.check import Report, all_images, check_causal, check_normalised
from tinygen.likelihoods import Bernoulli, Categorical, Gaussian, Likelihood, LogisticMixture
from tinygen.models.autoregressive import Autoregressive
from tinygen.models.fvbn import FullyVisibleBeliefNet
from tinygen.models.nade import NADE
from tinygen.models.place_params import as_params, outputs
from tinygen.pullback import Pullback, no_params

N, H, SHAPE = 5, 4, (2, 1, 3)
LIKELIHOODS: dict[str, Likelihood] = {
    "black and white": Bernoulli(),
    "Gaussian of fixed variance": Gaussian(std=0.7),
    "Gaussian": Gaussian(),
    "levels": Categorical(3),
    "a mixture over levels": LogisticMixture(4),
}


def nets(likelihood: Likelihood, shape: tuple[int, ...] = SHAPE) -> dict[str, Autoregressive]:
    """The models with places of this likelihood."""
    return {
        "FVBN": FullyVisibleBeliefNet(shape, likelihood=likelihood),
        "NADE": NADE(shape, H, likelihood=likelihood),
        "NADE of ReLUs": NADE(shape, H, "relu", likelihood=likelihood),
    }


def data(rng: np.random.Generator, model: Autoregressive, n: int = N) -> Any:
    """n examples of the model's kind; a black place is exactly zero, as in pictures."""
    if model.levels:
        return rng.integers(0, model.levels, (n, *model.shape))
    if isinstance(model.likelihood, Bernoulli):
        return (rng.random((n, *model.shape)) < 0.4).astype(np.float64)
    return rng.normal(size=(n, *model.shape))


def params_at(rng: np.random.Generator, model: Autoregressive) -> Any:
    """Float64 parameters, with biases that are not zero."""
    return jittered(rng, model.init(rng, np.float64))


def whole(name: str, model: Autoregressive) -> Case:
    """The loss, in its parameters, and in x where a step may leave it in its range."""

    def make(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        p, x = params_at(rng, model), data(rng, model)
        if model.levels:  # integers are closed over
            return lambda p, _: model.loss(p, beside(x, p)), p, ()
        return model.loss, p, x

    floats = isinstance(model.likelihood, Gaussian)
    return Case(
        f"{name}, {kind(model)}, loss", make, wrt_x=floats, of=(type(model), Autoregressive)
    )


def maps(name: str, model: Autoregressive) -> Case:
    """All conditionals, in the parameters and in any x of floats, zeros among them."""

    def make(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        return model.conditionals, params_at(rng, model), rng.normal(size=(N, *model.shape))

    return Case(f"{name}, {kind(model)}, conditionals", make, of=(type(model),))


def kind(model: Autoregressive) -> str:
    """The likelihood in words."""
    return next(name for name, given in LIKELIHOODS.items() if given == model.likelihood)


def heads(name: str, likelihood: Likelihood) -> Case:
    """What a net puts out for each place, as the likelihood takes it."""
    O = outputs(name, likelihood)

    def make(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        def f(_: Any, y: Any) -> Any:
            params, backward = as_params(likelihood, y, SHAPE)
            return params, Pullback(no_params, backward, params)

        return f, {}, 3 * rng.normal(size=(N, int(np.prod(SHAPE)), O))

    return Case(f"numbers of a place, {name}", make, of=(as_params,))


def causal(name: str, model: Autoregressive) -> Claim:
    """No place, and no channel of a place, sees itself or what comes later."""

    def check(rng: np.random.Generator) -> Report:
        p, x = params_at(rng, model), data(rng, model, 2)
        return check_causal(model.conditionals, p, x, strict=True, channels=model.shape[-1])

    return Claim(f"{name}, {kind(model)}", "causal", check, of=(type(model),))


def sums_to_one(name: str, model: Autoregressive) -> Claim:
    """p(x) over everything that can happen."""

    def check(rng: np.random.Generator) -> Report:
        p = params_at(rng, model)
        points = all_images(model.shape)
        if model.levels:
            points = np.array(list(np.ndindex((model.levels,) * model.size)))
            points = points.reshape(-1, *model.shape)
        return check_normalised(lambda x: model.log_prob(p, x)[0], points, tolerance=1e-10)

    return Claim(f"{name}, {kind(model)}", "sums to one", check, of=(type(model),))


CASES = [
    *(heads(name, likelihood) for name, likelihood in LIKELIHOODS.items()),
    *(whole(n, m) for likelihood in LIKELIHOODS.values() for n, m in nets(likelihood).items()),
    *(maps(n, m) for n, m in nets(Bernoulli()).items()),
    *(maps(n, m) for n, m in nets(Gaussian()).items()),
]
CLAIMS = [
    *(causal(n, m) for likelihood in LIKELIHOODS.values() for n, m in nets(likelihood).items()),
    *(sums_to_one(n, m) for n, m in nets(Bernoulli(), (3, 3, 1)).items()),
    *(sums_to_one(n, m) for n, m in nets(Categorical(3), (5,)).items()),
    *(sums_to_one(n, m) for n, m in nets(LogisticMixture(4), (4,)).items()),
]
