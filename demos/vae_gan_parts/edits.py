"""Edits of digits that a squared error cannot tell apart: x + d and x + d', |d| = |d'|.

    lengthened  : a stroke goes on for a few pixels beyond its tip, as it ran
    dab         : the same few pixels, as they lie, elsewhere, where there is no ink
    stray       : each of them by itself, where there is no ink

The values that are added are the same three times, so that the squared error is too. What differs
is where they stand, which a likelihood of independent pixels does not look at.
"""

from dataclasses import dataclass

import numpy as np

LENGTH = 3  # pixels that a stroke is lengthened by
REACH = 3  # half of the window that a stroke's tip and direction are found in
FAR = 3  # pixels between what is added elsewhere and the ink
INK, PAPER = 0.5, 0.05  # at least, and at most
TINT = 0.9  # of the pixels that a stroke is lengthened by

NAMES = ("lengthened", "dab", "stray")


@dataclass(frozen=True)
class Edits:
    """Digits and their edits, (N, H, W, 1) each; the digits that could not be edited are left out.

    kept : the index of each in the images that were given
    """

    digits: np.ndarray
    edited: dict[str, np.ndarray]
    kept: np.ndarray

    def squared_errors(self) -> dict[str, np.ndarray]:
        """Of each edit, (N,), in double precision."""
        x = self.digits.astype(np.float64)
        return {k: ((e - x) ** 2).sum(axis=(1, 2, 3)) for k, e in self.edited.items()}


def edits(digits: np.ndarray, rng: np.random.Generator) -> Edits:
    """The edits of images (N, H, W, 1), ink 1 on paper 0."""
    kept, found = [], []
    for i, image in enumerate(digits[..., 0].astype(np.float64)):
        three = edit(image, rng)
        if three is not None:
            kept.append(i)
            found.append(three)
    if not found:
        raise ValueError("edits: no digit has a stroke with a tip that has room before it")
    stacked = np.stack(found, axis=1)[..., None]  # (3, N, H, W, 1)
    images = dict(zip(NAMES, stacked, strict=True))
    return Edits(digits[kept].astype(np.float64), images, np.array(kept))


def edit(x: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
    """(3, H, W): lengthened, dab, stray; None where the tip has no room before it."""
    run = beyond(x)
    if run is None:
        return None
    added = TINT - x[tuple(run.T)]  # (L,)
    bare = empty(x)
    places = [place for place in np.argwhere(bare) if all_bare(bare, run - run[0] + place)]
    if not places or bare.sum() < LENGTH:
        return None
    dab = run - run[0] + places[rng.integers(len(places))]
    stray = apart(np.argwhere(bare), rng)
    if stray is None:
        return None
    out = np.stack([x, x, x])
    for image, where in zip(out, (run, dab, stray), strict=True):
        image[tuple(where.T)] += added
    return out


def beyond(x: np.ndarray) -> np.ndarray | None:
    """The (L, 2) pixels that go on from the tip of a stroke; None where they leave the image.

    The tip is the inked pixel with the least ink around it; the stroke ran from the middle of that
    ink to the tip.
    """
    inked = np.argwhere(x > INK)
    if not len(inked):
        return None
    around = [window(x, place) for place in inked]
    tip = inked[int(np.argmin([ink.sum() for _, ink in around]))]
    where, ink = window(x, tip)
    centre = (where * ink[:, None]).sum(axis=0) / ink.sum()
    way = tip - centre
    if np.linalg.norm(way) < 0.5:
        return None
    way = way / abs(way).max()
    ahead = np.array([np.rint(tip + k * way).astype(int) for k in range(1, LENGTH + 3)])
    inside = ((ahead >= 0) & (ahead < x.shape)).all(axis=1)
    if not inside.all():
        return None
    free = x[tuple(ahead.T)] < TINT - 0.2  # the tip's own grey border is filled up
    run = ahead[free][:LENGTH]
    return run if len(run) == LENGTH and (x[tuple(ahead[-2:].T)] <= PAPER).all() else None


def window(x: np.ndarray, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The pixels (M, 2) around one, and their ink (M,)."""
    low, high = np.maximum(place - REACH, 0), np.minimum(place + REACH + 1, x.shape)
    where = np.argwhere(np.ones(high - low)) + low
    return where, x[tuple(where.T)]


def empty(x: np.ndarray) -> np.ndarray:
    """Whether there is no ink within FAR pixels of each pixel, nor the frame next to it."""
    inked = np.pad(x > PAPER, FAR)
    side = 2 * FAR + 1
    near: np.ndarray = np.lib.stride_tricks.sliding_window_view(inked, (side, side)).max(
        axis=(2, 3)
    )
    near[[0, -1]] = near[:, [0, -1]] = True
    return ~near


def all_bare(bare: np.ndarray, where: np.ndarray) -> bool:
    """Whether all of these pixels are in the image and bare."""
    inside = ((where >= 0) & (where < bare.shape)).all()
    return bool(inside and bare[tuple(where.T)].all())


def apart(places: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
    """LENGTH of the places (M, 2), none next to another; None where there are none such."""
    chosen: list[np.ndarray] = []
    for place in rng.permutation(places):
        if all(abs(place - other).max() > 2 for other in chosen):
            chosen.append(place)
        if len(chosen) == LENGTH:
            return np.array(chosen)
    return None
