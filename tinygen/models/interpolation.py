"""Walks between two codes z, over places as likely as the ends.

    slerp(a, b; t) = sin((1 - t) w) / sin w a + sin(t w) / sin w b,   cos w = <a, b> / (|a| |b|)

In many dimensions N(0, I) lies in a thin shell of radius sqrt(Z), and two draws stand at nearly a
right angle; the straight line between them leaves the shell, with the norm sqrt(Z / 2) midway. The
arc of ends of one norm stays on it. K. Shoemake, SIGGRAPH 1985; of generators, T. White, arXiv
1609.04468.

docs/derivations/dcgan.md
"""

import math

import numpy as np

from tinygen.arrays import Array, namespace
from tinygen.layers.base import check_array

FLAT = 1e-4  # sin w below which a and b are taken as parallel or opposite


def slerp(a: Array, b: Array, steps: int) -> Array:
    """Codes along the arc from a to b, both ends included: (Z,), (Z,) -> (steps, Z).

    Codes of one direction are joined by a straight line, to which the arc tends. Raises ValueError
    for fewer than 2 steps, codes of two shapes, a code 0, and opposite ones, between which no arc
    is the shortest.
    """
    check_array("slerp: a", a, "Z")
    check_array("slerp: b", b, len(a))
    if steps < 2:
        raise ValueError(f"slerp: steps must be >= 2, both ends included, got {steps}")
    xp = namespace(a)
    if not (a.any() and b.any()):
        raise ValueError("slerp: a code is 0, and has no direction: draw it anew")
    u, v = (e / abs(e).max() for e in (a.astype(np.float64), b.astype(np.float64)))
    u, v = u / xp.linalg.norm(u), v / xp.linalg.norm(v)
    # acos of a cosine near 1 or -1 has lost half of its digits; this has them all
    w = 2 * math.atan2(float(xp.linalg.norm(u - v)), float(xp.linalg.norm(u + v)))
    sin, t = math.sin(w), xp.linspace(0, 1, steps)[:, None]  #                (T, 1)
    if sin < FLAT and w > 1:
        raise ValueError("slerp: the codes are opposite, and no arc is the shortest: go by a third")
    if sin < FLAT:
        return ((1 - t) * a + t * b).astype(a.dtype)
    z = xp.sin((1 - t) * w) / sin * a + xp.sin(t * w) / sin * b  #            (T, Z)   (8)
    return z.astype(a.dtype)
