"""Cases of Gated PixelCNN: its layers, the whole model, causality in both stacks, sums to one."""

from typing import Any

import numpy as np

from tinygen import layers as L
from tinygen.cases.causal import causal as causal_layer
from tinygen.cases.common import Case, Claim, beside, jittered, layer_case
from tinygen.cases.pixelcnn import draw_data, draw_params
from tinygen.check import Report, all_images, check_causal, check_normalised
from tinygen.likelihoods import Bernoulli, Categorical, LogisticMixture
from tinygen.models.gated_pixelcnn import GatedPixelCNN
from tinygen.models.pixelcnn_nets import picture_prompt
from tinygen.pullback import Pullback

GREY, COLOUR = (4, 5, 1), (3, 4, 3)
CLASSES = 3
STACKS = ("vertical", "horizontal")


def small(shape: tuple[int, ...], likelihood: Any, **sizes: Any) -> GatedPixelCNN:
    """Two blocks of few features."""
    C = shape[2]
    defaults = {"features": 2 * C, "layers": 2, "head": 3 * C, "first": 3, "components": 2}
    return GatedPixelCNN(shape, likelihood=likelihood, **(defaults | sizes))


def draw_condition(rng: np.random.Generator, model: GatedPixelCNN, n: int) -> Any:
    """Labels, or pictures of half the height; None for a model that is told nothing."""
    if model.classes:
        return rng.integers(0, model.classes, n)
    H, W, _ = model.shape
    return None if model.prompt is None else rng.normal(size=(n, H // 2, W, 2))


def told(model: GatedPixelCNN, condition: Any) -> Any:
    """`conditionals` as a function of p and x alone, for a condition."""

    def f(p: Any, x: Any) -> Any:
        y, backward = model.conditionals(p, x, beside(condition, p))
        return y, Pullback.whole(lambda dy: of_x(backward(dy)), y)

    return model.conditionals if condition is None else f


def of_x(gradients: Any) -> Any:
    """(dp, dx) of (dp, (dx, dcondition))."""
    return gradients[0], gradients[1][0]


def model_case(name: str, model: GatedPixelCNN) -> Case:
    """The loss of a whole model, in its parameters and in what are floats of its data."""

    def make(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        p, x = jittered(rng, model.init(rng, np.float64)), draw_data(rng, model, 2)
        condition = draw_condition(rng, model, 2)
        if model.prompt is not None:
            return model.loss, p, (x, condition)

        def of_labels(p: Any, x: Any) -> Any:
            value, backward = model.loss(p, (x, beside(condition, p)))
            return value, Pullback.whole(lambda d: of_x(backward(d)), value)

        return (model.loss if condition is None else of_labels), p, x

    floats = model.likelihood == Bernoulli(grey=True)
    return Case(f"Gated PixelCNN, {name}", make, wrt_x=floats, of=(GatedPixelCNN,))


def causal(name: str, model: GatedPixelCNN) -> Claim:
    """No output of any pixel or channel sees its own place or a later one."""

    def check(rng: np.random.Generator) -> Report:
        p, x = draw_params(rng, model), draw_data(rng, model, 1)
        f = told(model, draw_condition(rng, model, 1))
        return check_causal(f, p, x, strict=True, channels=model.shape[2])

    return Claim(f"Gated PixelCNN, {name}", "causal", check, of=(GatedPixelCNN,))


def normalised(name: str, model: GatedPixelCNN, condition: Any = None) -> Claim:
    """p(x | condition), summed over all images."""

    def check(rng: np.random.Generator) -> Report:
        p = jittered(rng, model.init(rng, np.float64))
        dtype = int if model.levels else np.float64
        points = all_images(model.shape, model.levels or 2, dtype)

        def log_prob(x: Any) -> Any:
            if condition is None:
                return model.log_prob(p, x)[0]
            return model.log_prob(p, (x, np.repeat(condition, len(x), axis=0)))[0]

        return check_normalised(log_prob, points, tolerance=1e-10)

    return Claim(f"Gated PixelCNN, {name}", "sums to one", check, of=(GatedPixelCNN,))


def block_case(name: str, block: L.GatedBlock, *message: int) -> Case:
    """A block at a point (v, h) or (v, h, m)."""

    def make(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        p = jittered(rng, block.init(rng, np.float64))
        stacks = tuple(rng.normal(size=(2, 4, 3, block.c_in)) for _ in STACKS)
        return block.forward, p, (*stacks, *([rng.normal(size=message)] if message else []))

    return Case(f"GatedBlock, {name}", make, of=(L.GatedBlock,))


def causal_block(name: str, block: L.GatedBlock, stack: str, strict: bool) -> Claim:
    """The horizontal output sees no later pixel, whichever stack the input is in.

    The vertical input holds rows: of it, what the horizontal output sees are rows before.
    """

    def check(rng: np.random.Generator) -> Report:
        p = jittered(rng, block.init(rng, np.float64))
        still = rng.normal(size=(1, 4, 3, block.c_in))
        at = STACKS.index(stack)

        def f(p: Any, x: Any) -> Any:
            y, backward = block.forward(p, (x, still) if at == 0 else (still, x))

            def both(dh: Any) -> Any:
                dp, dx = backward((np.zeros_like(y[0]), dh))
                return dp, dx[at]

            return y[1], Pullback.whole(both, y[1])

        return check_causal(f, p, rng.normal(size=still.shape), strict, block.channels)

    return Claim(f"GatedBlock {name}, {stack} input", "causal", check, of=(L.GatedBlock,))


def rows_before(rng: np.random.Generator) -> Report:
    """Each row as one position: a vertical convolution sees its own row and those above."""
    layer = L.VerticalConv2d(2, 3, 3)
    p = jittered(rng, layer.init(rng, np.float64))

    def by_rows(p: Any, x: Any) -> Any:
        y, backward = layer.forward(p, x.reshape(1, 5, 4, 2))

        def both(dy: Any) -> Any:
            dp, dx = backward(dy.reshape(y.shape))
            return dp, dx.reshape(x.shape)

        rows = y.reshape(1, 5, 12)
        return rows, Pullback.whole(both, rows)

    return check_causal(by_rows, p, rng.normal(size=(1, 5, 8)), strict=False)


GREYS = Bernoulli(grey=True)
PICTURES = {"prompt": picture_prompt(GREY, (2, 5, 2), features=2, hidden=2, blocks=1)}
MODELS = {
    "binary pixels": small(GREY, Bernoulli(), layers=3),
    "grey pixels": small(GREY, GREYS, kernel=5),
    "a softmax": small(GREY, Categorical(4)),
    "logistic mixtures": small(GREY, LogisticMixture(8)),
    "grey colours": small(COLOUR, GREYS),
    "a softmax a colour": small(COLOUR, Categorical(3)),
    "classes": small(GREY, GREYS, classes=CLASSES),
    "a picture": small(GREY, GREYS, **PICTURES),
}

CASES = [
    layer_case("VerticalConv2d", L.VerticalConv2d(3, 6, 3), 2, 5, 4, 3),
    layer_case("VerticalConv2d, wider than the image", L.VerticalConv2d(3, 2, 7), 2, 4, 3, 3),
    layer_case("MaskedConv2d B, a row", L.MaskedConv2d(3, 6, (1, 5), "B"), 2, 5, 4, 3),
    block_case("mask A", L.GatedBlock(3, 2, 3, "A")),
    block_case("mask B", L.GatedBlock(2, 2, 3, "B")),
    block_case("mask B, colours", L.GatedBlock(6, 6, 3, "B", channels=3)),
    block_case("mask A, a message", L.GatedBlock(1, 2, 3, "A", message=4), 2, 4),
    block_case("mask B, a message a pixel", L.GatedBlock(2, 2, 3, "B", message=5), 2, 4, 3, 5),
    *(model_case(name, model) for name, model in MODELS.items()),
]

CLAIMS = [
    Claim("VerticalConv2d, row by row", "causal", rows_before, of=(L.VerticalConv2d,)),
    causal_layer(
        "MaskedConv2d A, a row", L.MaskedConv2d(3, 6, (1, 5), "A"), *(1, 5, 4, 3), strict=True
    ),
    causal_block("B", L.GatedBlock(2, 2, 3, "B"), "vertical", strict=True),
    causal_block("B", L.GatedBlock(2, 2, 3, "B"), "horizontal", strict=False),
    causal_block("A, colours", L.GatedBlock(3, 6, 3, "A", channels=3), "horizontal", strict=True),
    *(causal(name, model) for name, model in MODELS.items()),
    normalised("all 3x3 images", small((3, 3, 1), Bernoulli(), layers=3)),
    normalised("all 2x2 images of 4 levels", small((2, 2, 1), Categorical(4))),
    normalised("all 2x2 images of 4 levels, mixtures", small((2, 2, 1), LogisticMixture(4))),
    normalised("all 2x1 images of 2 levels, colours", small((2, 1, 3), Categorical(2))),
    *(
        normalised(
            f"all 3x3 images of class {y}",
            small((3, 3, 1), Bernoulli(), classes=CLASSES),
            np.array([y]),
        )
        for y in range(CLASSES)
    ),
]
