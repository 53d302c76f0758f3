"""A history of fakes: a discriminator is shown old fakes beside new ones.

    with a slot s drawn for a fake f, and a coin:
    slot empty      : f is shown, and kept in s
    coin says old   : what s held is shown, and f takes its place
    coin says new   : f is shown, and not kept

so that the discriminator does not forget what the generator did before, and the two do not run
in circles. A. Shrivastava et al., arXiv 1612.07828, section 2.3; 50 images in arXiv 1703.10593.

The history is a part of p that no gradient moves. Slots and coins are noise, and a loss returns
the next history as a value (`Pullback.after`): it stays a function of its arguments, and a
checkpoint holds the history with the weights.            docs/derivations/cycle_gan.md
"""

from typing import Any

import numpy as np

from tinygen.arrays import Array, Params, device_of, namespace, to_device
from tinygen.layers.base import check_rng
from tinygen.models.adversary_input import part


def empty_history(size: int, shape: tuple[int, ...], dtype: Any = np.float32) -> Params:
    """{"fakes": (B, *shape), "held": (B,)}; held is 1 where a slot holds a fake, else 0."""
    return {"fakes": np.zeros((size, *shape), dtype), "held": np.zeros(size, dtype)}


def draw_slots(rng: np.random.Generator, n: int, size: int, like: Array) -> Params:
    """{"slot": (n,), "old": (n,)}: another slot for each fake, and a fair coin.

    Raises ValueError where the history holds less than a batch, TypeError for a seed as `rng`.
    """
    check_rng("CycleGAN", rng)
    if n > size:
        raise ValueError(
            f"CycleGAN: a history of {size} fakes holds less than a batch of {n}: take "
            f"a history of {n} or more, or a smaller batch"
        )
    drawn = {"slot": rng.permutation(size)[:n], "old": rng.random(n) < 0.5}
    return to_device(drawn, device_of(like))


def exchange(history: Params, noise: Params, fakes: Array) -> tuple[Array, Params]:
    """What is shown (n, ...), and the history after it; nothing given is written to.

    NOTE: the paper's code keeps the first 50 fakes; here slots are filled as they are drawn.
    Raises ValueError for noise of another batch.
    """
    xp = namespace(fakes)
    slot, coin = (part("CycleGAN", noise, key, fakes.shape[:1]) for key in ("slot", "old"))
    each = (-1,) + (1,) * (fakes.ndim - 1)  # a number an example, against (n, ...)
    stored, held = history["fakes"][slot], history["held"][slot] > 0
    old = (coin & held).reshape(each)
    keep = (coin | ~held).reshape(each)
    shown = xp.where(old, stored, fakes)  # (n, ...)    (6)
    after = {"fakes": history["fakes"].copy(), "held": history["held"].copy()}
    after["fakes"][slot] = xp.where(keep, fakes, stored)  # (7)
    after["held"][slot] = 1
    return shown, after
