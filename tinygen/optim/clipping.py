"""Clipping. Of gradients: one comes in, a bounded one comes out.

by norm    g <- g min(1, limit / |g|),  |g| over all leaves together     (arXiv 1211.5063, alg. 1)
by value   g <- min(max(g, -limit), limit)

And weights, after a step, in place: w <- min(max(w, -limit), limit)       (arXiv 1701.07875)

                                                           docs/derivations/optimisers.md
"""

import math
from dataclasses import dataclass
from typing import Any

from tinygen import tree
from tinygen.arguments import check_number
from tinygen.arrays import Params, device_of, namespace


def clip_norm(dp: Params, limit: float) -> Params:
    """dp, scaled so that its global norm is at most `limit`; dp itself where it is already.

    Nothing is written. Raises ValueError for limit <= 0, and for a gradient that is not finite
    (on a GPU, where the look would stall the queue, such a gradient passes on as NaN).
    NOTE: PyTorch divides by |g| + 1e-6; here the clipped norm is the limit itself.
    """
    check_number("clip_norm", "limit", limit, above=0.0)
    norm = global_norm(dp)
    if isinstance(norm, float):
        if not math.isfinite(norm):
            raise ValueError(
                "clip_norm: the gradient holds NaN or infinity, which no scaling mends: "
                "look for a diverged step, and lower lr"
            )
        return dp if norm <= limit else tree.scale(dp, limit / norm)  # (16)
    share = limit / namespace(norm).maximum(norm, limit)  # (16)
    return tree.map(lambda g: g * share.astype(g.dtype), dp)


def clip_value(dp: Params, limit: float) -> Params:
    """dp with every entry moved into -limit .. limit. Raises ValueError for limit <= 0."""
    check_number("clip_value", "limit", limit, above=0.0)
    return tree.map(lambda g: namespace(g).clip(g, -float(limit), float(limit)), dp)  # (17)


@dataclass(frozen=True)
class ClipWeights:
    """Every weight back into -limit .. limit, in place: the critic of M. Arjovsky et al. 2017.

    After the step, as `Turn(project=ClipWeights(0.01))`. Raises ValueError for limit <= 0.
    """

    limit: float

    def __post_init__(self) -> None:
        check_number("ClipWeights", "limit", self.limit, above=0.0)

    def __call__(self, p: Params) -> None:
        """w <- min(max(w, -limit), limit), written into p."""
        limit = float(self.limit)
        tree.map(lambda w: namespace(w).clip(w, -limit, limit, out=w), p)


def global_norm(dp: Params) -> Any:
    """sqrt(sum of all squares): a float on the CPU, a float64 scalar array on a GPU."""
    leaves = [g for _, g in tree.leaves(dp)]
    if not leaves:
        return 0.0
    xp = namespace(leaves[0])
    if device_of(leaves[0]) == "cuda":
        return xp.sqrt(sum(xp.vdot(g, g).astype(xp.float64) for g in leaves))
    square = sum(float(xp.vdot(g, g)) for g in leaves)
    if math.isfinite(square):
        return math.sqrt(square)
    # float32 squares overflow from 1e19 on: take the largest entry out first
    top = max(float(abs(g).max()) for g in leaves)
    if not math.isfinite(top):
        return top
    return top * math.sqrt(sum(float(xp.vdot(g / top, g / top)) for g in leaves))
