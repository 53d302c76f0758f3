"""PixelCNN: each pixel given those above it and left of it, by masked convolutions.

    p(x) = prod_i p(x_i | x_<i),   the parameters of all places from one pass over x

A 7x7 layer with mask A hides the pixel itself, every later layer has mask B, and so no path leads
from a pixel to its own parameters. Training is parallel over the pixels; drawing is not.
van den Oord, Kalchbrenner and Kavukcuoglu 2016, arXiv 1601.06759.
                                                               docs/derivations/pixelcnn.md
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tinygen import tree
from tinygen.arrays import Array, Params, namespace
from tinygen.layers import Embedding, Layer, MaskedConv2d, Sequential
from tinygen.layers.base import check_names, check_sizes
from tinygen.models.ancestral import Step, check_fits
from tinygen.models.autoregressive import Autoregressive
from tinygen.models.columns import Taps, column
from tinygen.models.pixelcnn_nets import residual_stack
from tinygen.pullback import Pullback


@dataclass(frozen=True)
class PixelCNN(Autoregressive):
    """p(x) of images x (N, H, W, C), in reading order, at a pixel in the order of the channels

    features   : F, carried past all blocks; the blocks work on F/2
    blocks     : residual blocks
    head       : the width of the 1x1 layer before the last
    kernel     : of the first layer, odd
    components : of a LogisticMixture
    prompt     : a layer from the condition to features (N, H, W, F), or (N, F) for all pixels
                 alike, that are added behind the first layer: Embedding(classes, F) for labels,
                 `picture_prompt` for a picture. The data are then tuples (x, condition).
    likelihood : Bernoulli, Categorical (a softmax a channel), LogisticMixture

    p = {"first", "stack"}, and "prompt" with one. The weights are alike at all pixels: those of
    one H and W serve any other.

    NOTE: the paper's blocks carry 2 h features and work on h: F = 2 h. Its rectifiers stand
    where these do. Its head is "1x1, 2 layers", read here as one hidden layer and the outputs.

    Raises ValueError for an even kernel, and for F/2 or a head that C does not divide.
    """

    features: int = 16
    blocks: int = 15
    head: int = 32
    kernel: int = 7
    components: int = 5
    prompt: Layer | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.shape) != 3:
            raise ValueError(f"PixelCNN: shape must be (H, W, C), got {self.shape}")
        check_sizes(self, features=self.features, head=self.head, components=self.components)
        check_sizes(self, 0, blocks=self.blocks)
        C = self.shape[2]
        for name, size, unit in (("features", self.features, 2 * C), ("head", self.head, C)):
            if size % unit:
                raise ValueError(
                    f"PixelCNN: {name} must be a multiple of {unit}, got {size}: each of {C} "
                    f"channels owns an equal part of them; try {name}={size + -size % unit}"
                )
        _ = self.first, self.stack  # refuse an even kernel and an unknown likelihood now

    @cached_property
    def first(self) -> MaskedConv2d:
        """Mask A: from the image to features, of the pixels before alone."""
        C = self.shape[2]
        return MaskedConv2d(C, self.features, self.kernel, "A", C)

    @cached_property
    def stack(self) -> Sequential:
        """From those features to the parameters of all places."""
        sizes = self.features, self.blocks, self.head, self.shape[2]
        return residual_stack(*sizes, self.likelihood, self.components)

    @property
    def classes(self) -> int:
        """How many labels a model knows that is told one; 0 of another."""
        return self.prompt.n if isinstance(self.prompt, Embedding) else 0

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        """Parameters of the layers."""
        parts = {"first": self.first, "stack": self.stack}
        if self.prompt is not None:
            parts["prompt"] = self.prompt
        return {name: part.init(rng, dtype, weights) for name, part in parts.items()}

    def conditionals(self, p: Params, x: Array, condition: Any = None) -> tuple[Any, Pullback]:
        """The parameters of p(x_i | x_<i) of all places, and the pullback."""
        check_names("PixelCNN", p, {"first", "stack"} | ({"prompt"} if self.prompt else set()))
        h, first = self.first.forward(p["first"], self.as_floats(p, x))  # (N, H, W, F)
        told, prompt = self.prompted(p, len(x), condition)
        h = h if told is None else h + told  #                                     (1)
        params, stack = self.stack.forward(p["stack"], h)  #                       (2) (3)

        def dp(dparams: Any) -> Params:
            dstack, dh = stack(dparams)
            grads = {"first": first.dp(dh), "stack": dstack}
            return grads if prompt is None else {**grads, "prompt": prompt.dp(dh)}

        def dx(dparams: Any) -> Any:
            return inputs(stack.dx(dparams))

        def both(dparams: Any) -> tuple[Params, Any]:
            dstack, dh = stack(dparams)
            grads = {"first": first.dp(dh), "stack": dstack}
            return (grads if prompt is None else {**grads, "prompt": prompt.dp(dh)}), inputs(dh)

        def inputs(dh: Array) -> Any:
            dx = () if self.levels else first.dx(dh)
            return dx if prompt is None else (dx, prompt.dx(dh))

        return params, Pullback(dp, dx, params, both)

    def prompted(self, p: Params, n: int, condition: Any) -> tuple[Array, Pullback | None]:
        """The features (N, H, W, F) or (N, 1, 1, F) of a condition, and the pullback from dh.

        None, None without a prompt. Raises ValueError where a condition is missing, or is of no
        use, or of another number of examples, or its features do not fit.
        """
        if self.prompt is None and condition is None:
            return None, None
        if self.prompt is None or condition is None:
            lacks, remedy = (
                ("no prompt for the condition", "build it with prompt=, or leave the condition out")
                if self.prompt is None
                else ("a prompt, and no condition", "give data as tuples (x, condition)")
            )
            raise ValueError(f"PixelCNN: the model has {lacks}: {remedy}")
        told, backward = self.prompt.forward(p["prompt"], condition)
        H, W, _ = self.shape
        shapes = ((n, self.features), (n, H, W, self.features))
        if told.shape not in shapes:
            raise ValueError(
                f"PixelCNN: the prompt made features of shape {told.shape} for {n} examples, "
                f"expected {shapes[0]} or {shapes[1]}: one row of the condition an example, and "
                "a prompt for the model's sizes"
            )
        if told.ndim == 4:
            return told, backward

        def per_pixel(half: Any) -> Any:
            return lambda dh: half(dh.sum(axis=(1, 2)))  # the same for all pixels   (N, F)

        halves = per_pixel(backward.dp), per_pixel(backward.dx)
        like = namespace(told).broadcast_to(told[:, None, None], shapes[1])
        return like, Pullback(*halves, like, per_pixel(backward))

    def stepper(self, p: Params, n: int, condition: Any = None) -> Step:
        """The parameters of place i from the column of its pixel, through all layers.      (5)"""
        check_fits(self, p)
        H, W, C = self.shape
        first = Taps(self.first, p["first"], n, (H, W))
        stack: Any = self.stack.layers["features"]
        places: Any = self.stack.layers["params"]
        features = column(stack, p["stack"]["features"], n, (H, W))
        told, _ = self.prompted(p, n, condition)
        if told is not None:
            told = namespace(told).ascontiguousarray(told.transpose(1, 2, 3, 0))  # (H, W, F, n)

        def step(i: int, x: Array) -> Any:
            (row, j), channel = divmod(i // C, W), i % C
            if i and channel == 0:
                before = divmod(i // C - 1, W)
                first.keep(*before, self.as_floats(p, x[:, *before].T))  # now it is known
            h = first(row, j, self.as_floats(p, x[:, row, j].T))  #               (F, n)
            if told is not None:
                h = h + told[row, j]
            y = features(row, j, h).T  #                                          (n, C K)
            return tree.map(lambda a: a[:, channel], places.split(y))

        return step
