"""Cases of PixelRNN: gradients of the whole model, causality of every output, sums to one."""

from typing import Any

import numpy as np

from tinygen.cases.common import Case, Claim, jittered
from tinygen.cases.pixelcnn import draw_data
from tinygen.check import Report, all_images, check_causal, check_normalised
from tinygen.likelihoods import Bernoulli, Categorical, Gaussian, LogisticMixture
from tinygen.models.pixel_rnn import PixelRNN

GREY, COLOUR = (3, 3, 1), (2, 2, 3)


def small(shape: tuple[int, ...], likelihood: Any, **options: Any) -> PixelRNN:
    """One layer, few features: each number is stepped in no time, and some rectifier is alive."""
    C = shape[2]
    sizes = {"features": 2 * C, "layers": 1, "head": 6 * C, "kernel": 3, "components": 2}
    return PixelRNN(shape, likelihood=likelihood, **(sizes | options))


def draw(rng: np.random.Generator, model: PixelRNN, n: int) -> tuple[Any, Any]:
    """Parameters and n examples."""
    return jittered(rng, model.init(rng, np.float64)), draw_data(rng, model, n)


def model_case(name: str, model: PixelRNN) -> Case:
    """The loss of a whole model, in its parameters and, where they are floats, its data."""
    floats = not model.levels and model.likelihood != Bernoulli()

    def make(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        return model.loss, *draw(rng, model, 2)

    return Case(f"PixelRNN, {name}", make, wrt_x=floats, of=(PixelRNN,))


def causal(name: str, model: PixelRNN) -> Claim:
    """No output of any pixel or channel sees its own place or a later one."""

    def check(rng: np.random.Generator) -> Report:
        p, x = draw(rng, model, 1)
        return check_causal(model.conditionals, p, x, strict=True, channels=model.shape[2])

    return Claim(f"PixelRNN, {name}", "causal", check, of=(PixelRNN,))


def normalised(name: str, model: PixelRNN) -> Claim:
    """p(x), summed over all images."""

    def check(rng: np.random.Generator) -> Report:
        p, _ = draw(rng, model, 1)
        dtype = int if model.levels else np.float64
        points = all_images(model.shape, model.levels or 2, dtype)
        return check_normalised(lambda x: model.log_prob(p, x)[0], points, tolerance=1e-10)

    return Claim(f"PixelRNN, {name}", "sums to one", check, of=(PixelRNN,))


MODELS = {
    f"{lstm}, {name}": model
    for lstm in ("row", "diagonal")
    for name, model in {
        "binary pixels": small(GREY, Bernoulli(), lstm=lstm, layers=2),
        "grey pixels": small(GREY, Bernoulli(grey=True), lstm=lstm),
        "skips": small(GREY, Bernoulli(grey=True), lstm=lstm, layers=2, skip=True),
        "no residuals": small(GREY, Bernoulli(grey=True), lstm=lstm, layers=2, residual=False),
        "Gaussian": small(GREY, Gaussian(), lstm=lstm),
        "a softmax": small(GREY, Categorical(4), lstm=lstm),
        "logistic mixtures": small(GREY, LogisticMixture(8), lstm=lstm),
        "binary colours": small(COLOUR, Bernoulli(grey=True), lstm=lstm),
        "a softmax a colour": small(COLOUR, Categorical(3), lstm=lstm, skip=True),
        "logistic mixtures a colour": small(COLOUR, LogisticMixture(8), lstm=lstm),
    }.items()
}
STEPPED = (  # between them both LSTMs, every way round a layer, likelihood and order of channels
    *("row, skips", "row, binary pixels", "row, a softmax a colour", "row, Gaussian"),
    *("diagonal, no residuals", "diagonal, grey pixels", "diagonal, logistic mixtures"),
)
SMALLEST = {
    f"{lstm}, {name}": small(shape, likelihood, lstm=lstm)
    for lstm in ("row", "diagonal")
    for name, (shape, likelihood) in {
        "all 3x3 images": ((3, 3, 1), Bernoulli()),
        "2x2 images of 4 levels": ((2, 2, 1), Categorical(4)),
        "2x2 images of 4 levels, mixture": ((2, 2, 1), LogisticMixture(4)),
        "1x3 images of three colours": ((1, 3, 3), Bernoulli()),
        "2x1 images, colours of 3 levels": ((2, 1, 3), Categorical(3)),
    }.items()
}

CASES = [model_case(name, MODELS[name]) for name in STEPPED]

CLAIMS = [
    *(causal(name, model) for name, model in MODELS.items()),
    *(normalised(name, model) for name, model in SMALLEST.items()),
]
