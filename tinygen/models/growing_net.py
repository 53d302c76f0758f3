"""One set of weights for all stages of a growing net.

The weights of all stages stand in p from the start, by the size of their images: "block8" joins
4 x 4 and 8 x 8 pixels, "rgb8" joins features and colours at 8 x 8. `at` is the net of a stage,
`taken` the part of p that it reads, `spread` the way back for gradients: explicit zeros elsewhere.

docs/derivations/progressive_gan.md
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen import tree
from tinygen.arrays import Params, namespace
from tinygen.layers import Fork, Layer, Sequential
from tinygen.layers.base import check_sizes
from tinygen.models.progressive_gan_stages import BASE


@dataclass(frozen=True)
class GrowingNet:
    """What both players' nets share.

    channels : of the features at 4 x 4, 8 x 8, ... pixels; as many as there are stages
    colours  : C of the images

    Raises ValueError for no channels, and for numbers below 1.
    """

    channels: tuple[int, ...]
    colours: int = 1

    def __post_init__(self) -> None:
        if not isinstance(self.channels, tuple) or not self.channels:
            raise ValueError(
                f"{type(self).__name__}: channels must be a tuple, one number a stage, got "
                f"{self.channels!r}: (64, 64, 32, 16) is four stages, 4 to 32 pixels"
            )
        check_sizes(self, colours=self.colours)
        check_sizes(self, **{f"channels[{s}]": c for s, c in enumerate(self.channels)})

    def parts(self) -> dict[str, Layer]:
        """Key of p -> the layer whose weights stand there; all stages."""
        raise NotImplementedError

    def at(self, stage: int, alpha: float = 1.0) -> Sequential:
        """The net of a stage; with alpha < 1 it fades in beside that of the stage before."""
        raise NotImplementedError

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        """The parameters of all stages."""
        return {key: part.init(rng, dtype, weights) for key, part in self.parts().items()}

    def taken(self, p: Params, stage: int, alpha: float = 1.0) -> Params:
        """The parameters of `at(stage, alpha)`, nested by its layers' names. Raises ValueError."""
        self.check_keys(p)
        return mapped(self.at(stage, alpha), lambda key: p[key])

    def spread(self, dp: Params, p: Params, stage: int, alpha: float = 1.0) -> Params:
        """A gradient of `taken` as one of p: zeros for what takes no part."""
        taken = unmapped(self.at(stage, alpha), dp)
        return {key: taken[key] if key in taken else zeros(p[key]) for key in p}

    def check_keys(self, p: Params) -> None:
        """Refuse parameters of other stages. Raises ValueError."""
        if set(p) != set(self.parts()):
            raise ValueError(
                f"{type(self).__name__}: expected the parameters {sorted(self.parts())}, got "
                f"{sorted(p)}: all stages' parameters stand in p from the start, as init gives them"
            )

    def check_stage(self, stage: int) -> None:
        """Refuse a stage that there is not. Raises ValueError."""
        check_sizes(self, 0, stage=stage)
        if stage >= len(self.channels):
            raise ValueError(
                f"{type(self).__name__}: stage must be 0..{len(self.channels) - 1}, got {stage!r}: "
                "more stages need more channels"
            )


def block(stage: int) -> str:
    """The name of a stage's block."""
    return f"block{BASE * 2**stage}"


def rgb(stage: int) -> str:
    """The name of what joins features and colours at a stage."""
    return f"rgb{BASE * 2**stage}"


def named(parts: dict[str, Layer], *keys: str) -> dict[str, Layer]:
    """Some of the parts, in this order."""
    return {key: parts[key] for key in keys}


def zeros(p: Params) -> Params:
    """A tree of zeros like p."""
    return tree.map(lambda w: namespace(w).zeros_like(w), p)


def mapped(net: Any, take: Callable[[str], Params]) -> Params:
    """Parameters nested as `at` nests its layers: the two ways of a fork one level deeper."""
    found: Params = {}
    for name, layer in net.layers.items():
        if isinstance(layer, Fork):
            found[name] = {way: mapped(inner, take) for way, inner in layer.layers.items()}
        elif name.startswith(("block", "rgb")):
            found[name] = take(name)
    return found


def unmapped(net: Any, dp: Params) -> Params:
    """The way back: {key of p: gradient}."""
    found: Params = {}
    for name, layer in net.layers.items():
        if isinstance(layer, Fork):
            for way, inner in layer.layers.items():
                found |= unmapped(inner, dp[name][way])
        elif name.startswith(("block", "rgb")):
            found[name] = dp[name]
    return found
