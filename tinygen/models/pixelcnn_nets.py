"""What stands at the two ends of a net of pixels: the prompt, and the parameters of each place.

van den Oord et al. 2016, arXiv 1601.06759.                    docs/derivations/pixelcnn.md
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tinygen.arrays import Array, Params
from tinygen.layers import (
    Conv2d,
    Layer,
    Relu,
    Residual,
    Sequential,
    Upsample2d,
)
from tinygen.layers.base import check_input, check_sizes
from tinygen.likelihoods import Likelihood
from tinygen.models.nets import Shape, check_shape
from tinygen.models.pixelcnn_stack import ResidualStack
from tinygen.models.place_params import as_params, outputs
from tinygen.pullback import Pullback, no_params


def residual_stack(
    features: int, blocks: int, head: int, channels: int, likelihood: Likelihood, components: int
) -> Sequential:
    """Features (N, H, W, F) of pixels before -> the parameters of each place.

    blocks, head : see `ResidualStack`
    components   : of a LogisticMixture
    """
    numbers = channels * outputs("PixelCNN", likelihood, components)
    stack = ResidualStack(features, blocks, head, numbers, channels)
    return Sequential(features=stack, params=Places(likelihood, channels))


@dataclass(frozen=True)
class Places(Layer):
    """The last features of a pixel as the parameters of its places, in the likelihood's form.

    y (N, ..., C K) -> (N, ..., C) where one number says it (Bernoulli, a Gaussian of fixed
    variance), (N, ..., C, K) for Categorical, and a dict: of (N, ..., C) for Gaussian, its
    log-variance bounded (docs/derivations/bounded.md), of (N, ..., C, K/3) for LogisticMixture.
    The K numbers of one channel lie side by side: the C parts are those of `MaskedConv2d`.
    """

    likelihood: Likelihood
    channels: int

    def forward(self, p: Params, x: Array) -> tuple[Any, Pullback]:
        """The likelihood's parameters, and the pullback that joins them."""
        check_input(self, p, x, "...")
        params, backward = self.parts(x)
        return params, Pullback(no_params, lambda dy: backward(dy).reshape(x.shape), params)

    def split(self, y: Array) -> Any:
        """The parameters in y (N, ..., C K), unchecked."""
        return self.parts(y)[0]

    def parts(self, y: Array) -> tuple[Any, Callable[[Any], Array]]:
        """See `as_params`: the numbers of a channel are those of a place."""
        shape, K = (*y.shape[1:-1], self.channels), y.shape[-1] // self.channels
        return as_params(self.likelihood, y.reshape(len(y), -1, K), shape)  # (N, ..., C) of K


def picture_prompt(
    shape: Shape, picture: Shape, features: int = 16, hidden: int = 16, blocks: int = 2
) -> Sequential:
    """A picture (N, h, w, c) -> features (N, H, W, F) for `PixelCNN(shape, prompt=...)`.

    shape   : (H, W, C) of the images that the model is of
    picture : (h, w, c) of what it is told; h and w divide H and W, and pixels are repeated

    Convolutions see the whole neighbourhood: all of the picture is known before the first pixel
    is drawn. Raises ValueError for sizes that do not divide.
    """
    check_shape("picture_prompt", shape)
    check_shape("picture_prompt", picture)
    check_sizes(Conv2d, features=features, hidden=hidden)
    if shape[0] % picture[0] or shape[1] % picture[1]:
        raise ValueError(
            f"picture_prompt: pictures of {picture[:2]} pixels do not divide images of "
            f"{shape[:2]}: resize one of them"
        )
    scale = (shape[0] // picture[0], shape[1] // picture[1])
    layers: list[Layer] = [Conv2d(picture[2], hidden, 3, 1, 1)]
    for _ in range(blocks):
        inner = Sequential(Relu(), Conv2d(hidden, hidden, 3, 1, 1))
        layers.append(Residual(inner))
    if scale != (1, 1):
        layers.append(Upsample2d(scale))
    return Sequential(*layers, Relu(), Conv2d(hidden, features, 3, 1, 1))
