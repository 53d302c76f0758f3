"""The stages of a growing GAN: sizes that doubling reaches, and when each begins.

docs/derivations/progressive_gan.md
"""

from typing import Any

from tinygen.arguments import check_whole, is_whole
from tinygen.arrays import Array, namespace
from tinygen.layers import AvgPool2d
from tinygen.models.nets import Shape, check_shape
from tinygen.schedules import Schedule

BASE = 4  # pixels a side at stage 0


def growth(top: int, fade: int, stable: int) -> Schedule:
    """The level at each step: stage 0 for `stable` steps; each other fades in, then stands alone.

    top    : the last stage
    fade   : steps of each fade; alpha is 1 / fade in the first, 1 in the last
    stable : steps that a stage stands alone, after them

    The last stage does from step top (fade + stable) on, for as long as the training goes on.
    Raises ValueError.
    """
    check_growth("growth", top, fade, stable)

    def level(step: int) -> float:
        s, into = divmod(step + fade, fade + stable)  # stage, and steps since its fade began  (2)
        return float(min(top, s - 1 + min(1.0, (into + 1) / fade)))  #                         (3)

    return Schedule(f"growth(top={top}, fade={fade}, stable={stable})", level)


def began(top: int, fade: int, stable: int) -> tuple[int, ...]:
    """The steps at which `growth` begins a fade. Raises ValueError as it does."""
    check_growth("began", top, fade, stable)
    return tuple(stable + s * (fade + stable) for s in range(top))


def check_growth(owner: str, top: Any, fade: Any, stable: Any) -> None:
    """Refuse what is no last stage, or no number of steps. Raises ValueError."""
    if not is_whole(top, 0):
        raise ValueError(
            f"{owner}: top must be a whole number >= 0, the last stage, got {top!r}: give the "
            "model's `top`"
        )
    for name, steps in {"fade": fade, "stable": stable}.items():
        check_whole(owner, name, steps)


def stages(shape: Shape) -> int:
    """How many stages images (H, W, C) need. Raises ValueError for what no stage can show."""
    check_shape("ProgressiveGAN", shape)
    side, size = max(shape[:2]), BASE
    while size < side:
        size *= 2
    if any((size - n) % 2 for n in shape[:2]):
        raise ValueError(
            f"ProgressiveGAN: images of {shape[0]} x {shape[1]} cannot be padded alike on both "
            f"sides to {size} x {size}, a size of 4, 8, 16, ... that stages reach by doubling: "
            "crop or pad them to even sizes"
        )
    return int(size / BASE).bit_length()


def padded(x: Array, size: int) -> Array:
    """(N, H, W, C) -> (N, size, size, C), zeros around."""
    N, H, W, C = x.shape
    if size == H == W:
        return x
    top, left = (size - H) // 2, (size - W) // 2
    y = namespace(x).zeros((N, size, size, C), x.dtype)
    y[:, top : top + H, left : left + W] = x
    return y


def pooled(x: Array, halvings: int) -> Array:
    """(N, R, R, C) -> (N, R / 2^h, R / 2^h, C), means of blocks."""
    return AvgPool2d(2**halvings).forward({}, x)[0] if halvings else x
