"""Nets that grow: one for each stage, and between two stages a fade, all over one set of weights.

    stage s : images of 4 2^s x 4 2^s pixels; the blocks 0 .. s and the 1 x 1 convolution at s
    fade    : y = (1 - alpha) old + alpha new, alpha from 0 to 1, old the net of stage s - 1

T. Karras et al., arXiv 1710.10196, figure 2 and table 2.  docs/derivations/progressive_gan.md
"""

from dataclasses import dataclass

from tinygen.layers import (
    AvgPool2d,
    Conv2d,
    Dense,
    Equalised,
    FadeIn,
    Flatten,
    Fork,
    Layer,
    LeakyRelu,
    MinibatchStd,
    PixelNorm,
    Reshape,
    Sequential,
    Upsample2d,
)
from tinygen.layers.base import check_sizes
from tinygen.models.growing_net import GrowingNet, block, named, rgb
from tinygen.models.progressive_gan_stages import BASE

SLOPE = 0.2  # of the leaky ReLUs


@dataclass(frozen=True)
class GrowingGenerator(GrowingNet):
    """z (N, Z) -> images (N, 4 2^s, 4 2^s, C), of any range: their colours have no end."""

    n_latent: int = 64

    def __post_init__(self) -> None:
        super().__post_init__()
        check_sizes(self, n_latent=self.n_latent)

    def parts(self) -> dict[str, Layer]:
        """ "block4" from noise, "block8", ... each twice as large, "rgb4", "rgb8", ..."""
        c = self.channels
        first = Sequential(
            unit=PixelNorm(),  # of the noise, as of all features
            dense=Equalised(Dense(self.n_latent, BASE * BASE * c[0])),
            shape=Reshape((BASE, BASE, c[0])),
            bend0=LeakyRelu(SLOPE),
            norm0=PixelNorm(),
            conv1=conv(c[0], c[0]),
            bend1=LeakyRelu(SLOPE),
            norm1=PixelNorm(),
        )
        parts: dict[str, Layer] = {block(0): first}
        for s in range(1, len(c)):
            parts[block(s)] = Sequential(
                up=Upsample2d(2),
                conv0=conv(c[s - 1], c[s]),
                bend0=LeakyRelu(SLOPE),
                norm0=PixelNorm(),
                conv1=conv(c[s], c[s]),
                bend1=LeakyRelu(SLOPE),
                norm1=PixelNorm(),
            )
        for s in range(len(c)):
            parts[rgb(s)] = Equalised(Conv2d(c[s], self.colours, 1), gain=1.0)
        return parts

    def at(self, stage: int, alpha: float = 1.0) -> Sequential:
        """z -> images"""
        self.check_stage(stage)
        parts = self.parts()
        if alpha == 1 or stage == 0:
            return Sequential(**named(parts, *map(block, range(stage + 1)), rgb(stage)))
        old = Sequential(**named(parts, rgb(stage - 1)), up=Upsample2d(2))
        new = Sequential(**named(parts, block(stage), rgb(stage)))
        return Sequential(
            **named(parts, *map(block, range(stage))),
            paths=Fork(old=old, new=new),
            fade=FadeIn(alpha),
        )


@dataclass(frozen=True)
class GrowingDiscriminator(GrowingNet):
    """Images (N, 4 2^s, 4 2^s, C) -> scores (N, 1), the generator's mirror image.

    group : of the minibatch standard deviation before the last block; None for the whole batch

    Raises ValueError for a group below 2, which holds nothing to be compared.
    """

    group: int | None = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.group is not None:
            check_sizes(self, 2, group=self.group)

    def parts(self) -> dict[str, Layer]:
        """ "rgb4", "rgb8", ..., "block8", ... each half as large, "block4" to the score"""
        c = self.channels
        parts: dict[str, Layer] = {}
        for s in range(len(c)):
            parts[rgb(s)] = Sequential(
                conv=Equalised(Conv2d(self.colours, c[s], 1)), bend=LeakyRelu(SLOPE)
            )
        for s in range(1, len(c)):
            parts[block(s)] = Sequential(
                conv0=conv(c[s], c[s]),
                bend0=LeakyRelu(SLOPE),
                conv1=conv(c[s], c[s - 1]),
                bend1=LeakyRelu(SLOPE),
                down=AvgPool2d(2),
            )
        parts[block(0)] = Sequential(
            spread=MinibatchStd(self.group),
            conv0=conv(c[0] + 1, c[0]),
            bend0=LeakyRelu(SLOPE),
            flat=Flatten(),
            dense=Equalised(Dense(BASE * BASE * c[0], c[0])),
            bend1=LeakyRelu(SLOPE),
            score=Equalised(Dense(c[0], 1), gain=1.0),
        )
        return parts

    def at(self, stage: int, alpha: float = 1.0) -> Sequential:
        """images -> scores"""
        self.check_stage(stage)
        parts = self.parts()
        down_to_score = [block(s) for s in range(stage, -1, -1)]
        if alpha == 1 or stage == 0:
            return Sequential(**named(parts, rgb(stage), *down_to_score))
        old = Sequential(down=AvgPool2d(2), **named(parts, rgb(stage - 1)))
        new = Sequential(**named(parts, rgb(stage), block(stage)))
        return Sequential(
            paths=Fork(old=old, new=new), fade=FadeIn(alpha), **named(parts, *down_to_score[1:])
        )


def conv(c_in: int, c_out: int) -> Layer:
    """3 x 3 at equal size, its weights scaled where they are used."""
    return Equalised(Conv2d(c_in, c_out, 3, 1, 1))
