"""What stands at the two ends of a net of pixels: the prompt, and the parameters of each place.

van den Oord et al. 2016, arXiv 1601.06759.                    docs/derivations/pixelcnn.md
"""

from dataclasses import dataclass
from typing import Any

from tinygen.arrays import Array, Params, namespace
from tinygen.layers import (
    Bounded,
    Conv2d,
    Layer,
    Relu,
    Residual,
    Sequential,
    Upsample2d,
)
from tinygen.layers.base import check_input, check_sizes
from tinygen.likelihoods import Bernoulli, Categorical, Gaussian, Likelihood, LogisticMixture
from tinygen.models.nets import Shape, check_shape
from tinygen.models.pixelcnn_stack import ResidualStack
from tinygen.pullback import Pullback, no_params

MIXTURE = ("logits", "mean", "log_scale")


def residual_stack(
    features: int, blocks: int, head: int, channels: int, likelihood: Likelihood, components: int
) -> Sequential:
    """Features (N, H, W, F) of pixels before -> the parameters of each place.

    blocks, head : see `ResidualStack`
    components   : of a LogisticMixture
    """
    outputs = channels * per_place(likelihood, components)
    stack = ResidualStack(features, blocks, head, outputs, channels)
    return Sequential(features=stack, params=Places(likelihood, channels))


def per_place(likelihood: Likelihood, components: int) -> int:
    """How many numbers describe p(x_i | x_<i). Raises ValueError for other likelihoods."""
    if isinstance(likelihood, Bernoulli):
        return 1
    if isinstance(likelihood, Gaussian):
        return 1 if likelihood.std else 2
    if isinstance(likelihood, Categorical):
        return likelihood.levels
    if isinstance(likelihood, LogisticMixture):
        return len(MIXTURE) * components
    raise ValueError(
        "the net has outputs for Bernoulli, Gaussian, Categorical and LogisticMixture, got "
        f"{likelihood!r}: choose one of them"
    )


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
        """Views of x, but for a Gaussian's log-variance, and the pullback that joins them."""
        check_input(self, p, x, "...")
        xp, parts = namespace(x), (*x.shape[:-1], self.channels, -1)
        params = self.split(x)

        def dx(dy: Any) -> Array:
            if isinstance(self.likelihood, Gaussian) and isinstance(dy, dict):
                dlog_var = Bounded().forward({}, x.reshape(parts)[..., 1])[1].dx(dy["log_var"])
                dy = xp.stack([dy["mean"], dlog_var], axis=-1)
            elif isinstance(dy, dict):
                dy = xp.stack([dy[name] for name in MIXTURE], axis=-2)
            return dy.reshape(x.shape)

        return params, Pullback(no_params, dx, params)

    def split(self, y: Array) -> Any:
        """The parameters in y (N, ..., C K), unchecked."""
        if y.shape[-1] == self.channels:
            return y  #                                                   (N, ..., C)
        parts = y.reshape(*y.shape[:-1], self.channels, -1)  #            (N, ..., C, K)
        if isinstance(self.likelihood, Gaussian):
            log_var, _ = Bounded().forward({}, parts[..., 1])
            return {"mean": parts[..., 0], "log_var": log_var}
        if isinstance(self.likelihood, LogisticMixture):
            thirds = parts.reshape(*parts.shape[:-1], len(MIXTURE), -1)  # (N, ..., C, 3, K/3)
            return {name: thirds[..., i, :] for i, name in enumerate(MIXTURE)}
        return parts


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
