"""Two classes to be told apart, of which class 1 has a rare group of 5 %.

dark faces     : drawn faces among faces with a part out of place; few of the faces are dark
inverted nines : 9 among 4; few of the nines are white on black
faint nines    : 9 among 4; few of the nines have a quarter of the ink

Of class 0 half is dark, inverted or faint. The model is told the class and nothing else. In the
test part the groups are equal: "rare" of its factors says who is in the rare one.
"""

from collections.abc import Callable

import numpy as np

from tinygen.data import load
from tinygen.data.dataset import Part
from tinygen.data.rare import STYLES, rare_shade, rare_style

TEST_SEED, TEST = 1, 4000  # faces to test on; of the digits all, each in both styles

Make = Callable[[np.random.Generator, int], tuple[Part, Part]]


def faces(rng: np.random.Generator, n: int) -> tuple[Part, Part]:
    """Dark faces are rare: n pictures to train on, and the test part."""
    test = rare_shade(np.random.default_rng(TEST_SEED), TEST, 0.5)
    return rare_shade(rng, n), test


def nines(style: str, data: str) -> Make:
    """Nines of this style are rare: n digits to train on, fewer where there are not so many."""

    def make(rng: np.random.Generator, n: int) -> tuple[Part, Part]:
        found = load(data)
        x, labels = fours_and_nines(found.train)
        few = np.concatenate(
            [rng.permutation(np.flatnonzero(labels == k))[: n // 2] for k in (0, 1)]
        )
        train = rare_style(rng, x[few], labels[few], style)
        x, labels = fours_and_nines(found.test)
        both = np.concatenate([x, STYLES[style](x)]).astype(np.float32)
        rare = np.repeat([0, 1], len(x))
        return train, Part(both, np.tile(labels, 2), {"rare": rare})

    return make


def fours_and_nines(part: Part) -> tuple[np.ndarray, np.ndarray]:
    """The fours, labelled 0, and the nines, labelled 1."""
    assert part.labels is not None
    rows = np.isin(part.labels, (4, 9))
    return part.x[rows], (part.labels[rows] == 9).astype(np.int64)


def tasks(data: str = "mnist") -> dict[str, Make]:
    """By name; data: a set of digits."""
    return {
        "dark faces": faces,
        "inverted nines": nines("inverted", data),
        "faint nines": nines("dim", data),
    }
