"""Cases of PixelCNN: gradients of the whole model, causality of every output, sums to one."""

from typing import Any

import numpy as np

from tinygen import layers as L
from tinygen import tree
from tinygen.cases.common import Case, Claim, beside, jittered, layer_case
from tinygen.check import Report, all_images, check_causal, check_normalised
from tinygen.likelihoods import Bernoulli, Categorical, Gaussian, LogisticMixture
from tinygen.models.pixelcnn import PixelCNN
from tinygen.models.pixelcnn_nets import Places, picture_prompt
from tinygen.models.pixelcnn_stack import ResidualStack
from tinygen.pullback import Pullback

GREY, COLOUR = (4, 5, 1), (3, 4, 3)
CLASSES = 3


def small(shape: tuple[int, ...], likelihood: Any, **sizes: Any) -> PixelCNN:
    """One block, few features: each number is stepped in no time, and some rectifier is alive."""
    C = shape[2]
    defaults = {"features": 4 * C, "blocks": 1, "head": 4 * C, "kernel": 3, "components": 2}
    return PixelCNN(shape, likelihood=likelihood, **(defaults | sizes))


def draw_params(rng: np.random.Generator, model: Any) -> Any:
    """Parameters with raised biases: of so few rectifiers, none should be dead everywhere."""
    p = jittered(rng, model.init(rng, np.float64))
    for name, leaf in tree.leaves(p):
        if name.endswith(".b"):
            leaf += 0.5
    return p


def draw_data(rng: np.random.Generator, model: Any, n: int) -> Any:
    """Examples that the likelihood takes; for grey ones, within the range that a step needs."""
    shape = (n, *model.shape)
    if model.levels:
        return rng.integers(0, model.levels, shape)
    if isinstance(model.likelihood, Bernoulli):
        return (
            rng.uniform(0.1, 0.9, shape)
            if model.likelihood.grey
            else 1.0 * (rng.random(shape) < 0.5)
        )
    return rng.normal(size=shape)


def draw_condition(rng: np.random.Generator, model: PixelCNN, n: int) -> Any:
    """What the prompt of `model` takes: labels, or pictures of half the size; None without."""
    if model.prompt is None:
        return None
    if isinstance(model.prompt, L.Embedding):
        return rng.integers(0, CLASSES, n)
    H, W, _ = model.shape
    return rng.normal(size=(n, H // 2, W, 2))


def model_case(name: str, model: PixelCNN) -> Case:
    """The loss of a whole model, in its parameters and, where they are floats, its data."""
    floats = not model.levels and model.likelihood != Bernoulli()

    def make(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        p, x = draw_params(rng, model), draw_data(rng, model, 2)
        condition = draw_condition(rng, model, 2)
        if condition is None:
            return model.loss, p, x
        if condition.dtype.kind == "f":
            return model.loss, p, (x, condition)

        def f(p: Any, x: Any) -> Any:
            value, backward = model.loss(p, (x, beside(condition, p)))
            return value, Pullback.whole(lambda d: first_of(backward(d)), value)

        return f, p, x

    return Case(f"PixelCNN, {name}", make, wrt_x=floats, of=(PixelCNN,))


def first_of(gradients: Any) -> Any:
    """(dp, dx) of (dp, (dx, dcondition))."""
    return gradients[0], gradients[1][0]


def causal(name: str, model: PixelCNN) -> Claim:
    """No output of any pixel or channel sees its own place or a later one."""

    def check(rng: np.random.Generator) -> Report:
        p, x = draw_params(rng, model), draw_data(rng, model, 1)
        condition = draw_condition(rng, model, 1)

        def f(p: Any, x: Any) -> Any:
            y, backward = model.conditionals(p, x, condition)
            if condition is None:
                return y, backward
            return y, Pullback.whole(lambda dy: first_of(backward(dy)), y)

        return check_causal(f, p, x, strict=True, channels=model.shape[2])

    return Claim(f"PixelCNN, {name}", "causal", check, of=(PixelCNN,))


def normalised(name: str, model: PixelCNN) -> Claim:
    """p(x), summed over all images."""

    def check(rng: np.random.Generator) -> Report:
        p = draw_params(rng, model)
        condition = draw_condition(rng, model, 1)

        def log_prob(x: Any) -> Any:
            if condition is None:
                return model.log_prob(p, x)[0]
            return model.log_prob(p, (x, np.repeat(condition, len(x), axis=0)))[0]

        dtype = int if model.levels else np.float64
        points = all_images(model.shape, model.levels or 2, dtype)
        return check_normalised(log_prob, points, tolerance=1e-10)

    return Claim(f"PixelCNN, {name}", "sums to one", check, of=(PixelCNN,))


LABELS = {"prompt": L.Embedding(CLASSES, 4)}
PICTURES = {"prompt": picture_prompt(GREY, (2, 5, 2), features=4, hidden=2, blocks=1)}
MODELS = {
    "binary pixels": small(GREY, Bernoulli(), blocks=2, features=8),
    "grey pixels": small(GREY, Bernoulli(grey=True)),
    "Gaussian": small(GREY, Gaussian()),
    "Gaussian of fixed variance": small(GREY, Gaussian(std=0.5)),
    "a softmax": small(GREY, Categorical(4)),
    "logistic mixtures": small(GREY, LogisticMixture(8)),
    "binary colours": small(COLOUR, Bernoulli(grey=True)),
    "a softmax a colour": small(COLOUR, Categorical(3)),
    "logistic mixtures a colour": small(COLOUR, LogisticMixture(8)),
    "classes": small(GREY, Bernoulli(grey=True), **LABELS),
    "classes, a softmax": small(GREY, Categorical(3), **LABELS),
    "a picture": small(GREY, Bernoulli(grey=True), **PICTURES),
}
STEPPED = (  # between them every likelihood, order of channels and condition
    *("binary pixels", "grey pixels", "Gaussian", "logistic mixtures", "a softmax a colour"),
    *("classes, a softmax", "a picture"),
)

CASES = [
    *(
        layer_case(f"ResidualStack, channels={c}", ResidualStack(6, 2, 3, 6, c), 3, 4, 3, 6)
        for c in (1, 3)
    ),
    layer_case("Places, Categorical", Places(Categorical(4), 3), 2, 5, 12),
    layer_case("Places, LogisticMixture", Places(LogisticMixture(8), 3), 2, 5, 18),
    layer_case("Places, Gaussian", Places(Gaussian(), 3), 2, 5, 6),
    layer_case("Places, Bernoulli", Places(Bernoulli(), 3), 2, 5, 3),
    layer_case("picture prompt", picture_prompt((2, 6, 1), (1, 3, 2), 3, 2, 1), 2, 1, 3, 2),
    *(model_case(name, MODELS[name]) for name in STEPPED),
]

CLAIMS = [
    *(causal(name, model) for name, model in MODELS.items()),
    normalised("all 3x3 images", small((3, 3, 1), Bernoulli())),
    normalised("all 3x3 images of a class", small((3, 3, 1), Bernoulli(), **LABELS)),
    normalised("2x2 images of 4 levels", small((2, 2, 1), Categorical(4))),
    normalised("2x2 images of 4 levels, mixture", small((2, 2, 1), LogisticMixture(4))),
    normalised("1x3 images of three colours", small((1, 3, 3), Bernoulli())),
    normalised("1x2 images, three colours of 3 levels", small((1, 2, 3), Categorical(3))),
]
