"""Gated PixelCNN: all pixels before, without a blind spot, by two stacks of gated convolutions.

    p(x | c) = prod_i p(x_i | x_<i, c),   (v_l, h_l) = block_l(v_{l-1}, h_{l-1}, m),   v_0 = h_0 = x

The vertical stack v sees the rows above, the horizontal stack h the pixels before in the row, and
what v has seen of the rows above. m is a message made of the condition c, which moves every gate.
van den Oord et al. 2016, Conditional Image Generation with PixelCNN Decoders, arXiv 1606.05328.
                                                           docs/derivations/gated_pixelcnn.md
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tinygen.arrays import Array, Params, namespace
from tinygen.layers import GatedBlock, Layer, MaskedConv2d, Relu, Sequential
from tinygen.layers.base import check_names, check_sizes
from tinygen.layers.compose import Composite
from tinygen.models import gated_columns
from tinygen.models.ancestral import Step, check_fits
from tinygen.models.autoregressive import Autoregressive
from tinygen.models.labels import check_labels
from tinygen.models.pixelcnn_nets import Places
from tinygen.models.place_params import outputs
from tinygen.pullback import Pullback


@dataclass(frozen=True)
class GatedPixelCNN(Autoregressive):
    """p(x) or p(x | c) of images x (N, H, W, C), in reading order, at a pixel R before G before B

    features   : F of each stack
    layers     : gated blocks, the first with it
    kernel     : of the blocks behind the first, odd
    head       : the width of the 1x1 layer before the last
    first      : the kernel of the first block, odd
    components : of a LogisticMixture
    classes    : K: the condition is a label, (N,) whole numbers 0 .. K-1; the message is one-hot,
                 so that a gate adds the label's row of its V. 0 without
    prompt     : a layer from the condition to a message of F features, (N, F) for all pixels alike
                 or (N, H, W, F): `picture_prompt` for a picture. Instead of classes
    likelihood : Bernoulli, Categorical (a softmax a channel), LogisticMixture

    With classes or a prompt the data are tuples (x, condition).
    p = {"block0", "block1", ..., "head"}, and "prompt" with one. The weights are alike at all
    pixels: those of one H and W serve any other.

    NOTE: the paper's layers do not say what feeds the head; here it is the horizontal stack, to
    which each layer has added its part. Separate connections to the head, as in some code, would
    leave the last way round without use.

    Raises ValueError for an even kernel, for features or a head that C does not divide, and for
    classes beside a prompt.
    """

    features: int = 16
    layers: int = 10
    kernel: int = 3
    head: int = 32
    first: int = 7
    components: int = 5
    classes: int = 0
    prompt: Layer | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.shape) != 3:
            raise ValueError(f"GatedPixelCNN: shape must be (H, W, C), got {self.shape}")
        sizes = {"features": self.features, "head": self.head, "layers": self.layers}
        check_sizes(self, **sizes, components=self.components)
        check_sizes(self, 0, classes=self.classes)
        C = self.shape[2]
        if self.features % C or self.head % C:
            raise ValueError(
                f"GatedPixelCNN: {C} channels must divide features = {self.features} and head = "
                f"{self.head}, so that each channel owns a part of both"
            )
        if self.classes and self.prompt is not None:
            raise ValueError(
                "GatedPixelCNN: classes and a prompt are two ways to be told something: give one; "
                "for both, a prompt that takes the tuple of them"
            )
        _ = self.blocks, self.net  # refuse even kernels and an unknown likelihood now

    @cached_property
    def blocks(self) -> dict[str, GatedBlock]:
        """The gated blocks by name; the first has mask A."""
        F, C = self.features, self.shape[2]
        message = F if self.prompt is not None else self.classes
        first = GatedBlock(C, F, self.first, "A", C, message)
        later = [GatedBlock(F, F, self.kernel, "B", C, message)] * (self.layers - 1)
        return {f"block{i}": block for i, block in enumerate([first, *later])}

    @cached_property
    def net(self) -> Sequential:
        """From the last features of the horizontal stack to the parameters of all places."""
        C = self.shape[2]
        out = C * outputs("GatedPixelCNN", self.likelihood, self.components)
        return Sequential(
            relu_head=Relu(),
            head=MaskedConv2d(self.features, self.head, 1, "B", C),
            relu_out=Relu(),
            out=MaskedConv2d(self.head, out, 1, "B", C),
            params=Places(self.likelihood, C),
        )

    @property
    def parts(self) -> dict[str, Layer]:
        """What has parameters, by name."""
        told = {} if self.prompt is None else {"prompt": self.prompt}
        return {**self.blocks, "head": self.net, **told}

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        """Parameters of each block, the head and the prompt, drawn from `rng`."""
        return {name: part.init(rng, dtype, weights) for name, part in self.parts.items()}

    def conditionals(self, p: Params, x: Array, condition: Any = None) -> tuple[Any, Pullback]:
        """The parameters of p(x_i | x_<i, c) of all places, and the pullback."""
        check_names("GatedPixelCNN", p, set(self.parts))
        m, prompt = self.message(p, len(x), condition)
        told = () if m is None else (m,)
        v = h = self.as_floats(p, x)  # v_0 = h_0 = x                        (N, H, W, C)
        chain = []
        stack = Composite(dict(self.blocks))  # its `run` names the block in an error
        for name in self.blocks:
            (v, h), backward = stack.run(name, p, (v, h, *told), {})  #      (N, H, W, F)   (9)
            chain.append((name, backward))
        params, head = self.net.forward(p["head"], h)  #                                   (10)
        last = v

        def back(dparams: Any, dp: bool = True, dx: bool = True) -> tuple[Params, Any]:
            grads: Params = {}
            if dp:
                grads["head"], dh = head(dparams)
            else:
                dh = head.dx(dparams)
            dv, dm = namespace(last).zeros_like(last), []  # nothing reads the last v
            for i, (name, backward) in reversed(list(enumerate(chain))):
                if not dp:
                    dv, dh, *more = backward.dx((dv, dh))
                elif i or dx or prompt is not None:
                    grads[name], (dv, dh, *more) = backward((dv, dh))
                else:
                    grads[name], more = backward.dp((dv, dh)), []
                dm += more
            if prompt is None:
                image = () if self.levels or not dx else dv + dh  # v_0 = h_0 = x
                return grads, image if condition is None else (image, ())
            total = sum(dm[1:], dm[0])  # each block looked at m
            if dp:
                grads["prompt"] = prompt.dp(total)
            if not dx:
                return grads, ()
            return grads, (() if self.levels else dv + dh, prompt.dx(total))

        def in_order(grads: Params) -> Params:
            return {name: grads[name] for name in self.parts}

        return params, Pullback(
            lambda d: in_order(back(d, dx=False)[0]),
            lambda d: back(d, dp=False)[1],
            params,
            lambda d: (lambda found: (in_order(found[0]), found[1]))(back(d)),
        )

    def stepper(self, p: Params, n: int, condition: Any = None) -> Step:
        """step(i, x) -> the parameters of place i, from columns that are kept."""
        check_fits(self, p)
        return gated_columns.stepper(self, p, n, condition)

    def message(self, p: Params, n: int, condition: Any) -> tuple[Array | None, Pullback | None]:
        """m of a condition, (n, M) or (n, H, W, M), and the prompt's pullback where there is one.

        None, None without a condition. Raises ValueError where one is missing, or of no use, or
        of another number of examples, or does not fit; TypeError for labels that are none.
        """
        takes = self.classes or self.prompt is not None
        if not takes and condition is None:
            return None, None
        if not takes:
            raise ValueError(
                "GatedPixelCNN: the model was built without a condition, and got one: build it "
                "with classes= or prompt=, or leave the condition out"
            )
        if condition is None:
            what = f"labels 0..{self.classes - 1}" if self.classes else "its prompt's condition"
            raise ValueError(
                f"GatedPixelCNN: the model is told {what} beside x, and got none: give data as "
                "tuples (x, condition), and condition= to sample"
            )
        if self.prompt is None:
            return self.one_hot(p, n, condition), None
        m, backward = self.prompt.forward(p["prompt"], condition)
        shapes = ((n, self.features), (n, *self.shape[:2], self.features))
        if m.shape not in shapes:
            raise ValueError(
                f"GatedPixelCNN: the prompt made a message of shape {m.shape} for {n} examples, "
                f"expected {shapes[0]} or {shapes[1]}: one row of the condition an example, and "
                "a prompt for the model's sizes"
            )
        return m, backward

    def one_hot(self, p: Params, n: int, labels: Any) -> Array:
        """Labels (n,) as rows of zeros and a one (n, K). Raises as `check_labels`."""
        W = p["head"]["out"]["W"]
        xp = namespace(W)
        host = check_labels("GatedPixelCNN", labels, n, self.classes)
        return (xp.asarray(host)[:, None] == xp.arange(self.classes)).astype(W.dtype)
