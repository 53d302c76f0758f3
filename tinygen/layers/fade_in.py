"""A new path that takes over from an old one.

y = (1 - alpha) old + alpha new

T. Karras, T. Aila, S. Laine and J. Lehtinen, arXiv 1710.10196, figure 2: how a stage of a growing
net begins.                                                docs/derivations/progressive_gan.md
"""

from dataclasses import dataclass
from typing import Any

from tinygen.arrays import Array, Params
from tinygen.layers.base import Layer, check_array
from tinygen.pullback import Pullback, no_params


@dataclass(frozen=True)
class FadeIn(Layer):
    """x = {"old": (N, ...), "new": of that shape} -> y (N, ...)     such as a `Fork` gives

    alpha : the share of the new path, 0..1; at 0 y is old, at 1 new, to the last bit, but that a
            zero may lose its sign

    Raises ValueError for another alpha, and for x of other names or of two shapes or dtypes.
    """

    alpha: float

    def __post_init__(self) -> None:
        if not 0 <= self.alpha <= 1:
            raise ValueError(f"FadeIn: alpha must lie in 0..1, got {self.alpha!r}")

    def forward(self, p: Params, x: Any) -> tuple[Array, Pullback]:
        if not isinstance(x, dict) or set(x) != {"old", "new"}:
            given = sorted(x) if isinstance(x, dict) else type(x).__name__
            raise ValueError(
                f'FadeIn: expected {{"old": array, "new": array}}, got {given}: '
                "put it after Fork(old=..., new=...)"
            )
        old, new, alpha = x["old"], x["new"], float(self.alpha)
        for name, a in x.items():
            check_array(f"FadeIn: {name}", a, "...")
        if old.shape != new.shape or old.dtype != new.dtype:
            raise ValueError(
                f"FadeIn: old and new must be alike, got {old.dtype} {old.shape} and "
                f"{new.dtype} {new.shape}: let both paths end at one size"
            )
        y = (1 - alpha) * old + alpha * new  #                        (N, ...)  (4)

        def dx(dy: Array) -> dict[str, Array]:
            return {"old": (1 - alpha) * dy, "new": alpha * dy}  #              (5)

        return y, Pullback(no_params, dx, y)
