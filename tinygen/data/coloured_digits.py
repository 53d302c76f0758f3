"""Digits in colours of a known distribution, so that p(colour | grey) is known exactly.

k ~ p(k | class)        x = grey * palette[k]        H(x | grey) = E_class H(k | class)

A grey image has one class, and any ink shows its colour: all that a model of p(x | grey) can not
know is k, and its NLL, in the mean over all images, is at least `conditional_entropy`. The grey
image is the largest of the three channels: `grey_of`.
"""

import numpy as np

from tinygen.data.checks import check_counts, check_range
from tinygen.data.dataset import Part
from tinygen.data.digits import digits

COLOURS = ("red", "green", "blue", "yellow", "magenta", "cyan")
PALETTE = np.array(
    [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1]], np.float32
)  # (K, 3), the largest of a row is 1

# Any colour for any class: H = log 6 = 1.792 nats.
INDEPENDENT = np.full(6, 1 / 6)
# Class c likes colour c mod 6, and takes each other with 1/10: H = log(2)/2 + log(10)/2 = 1.498.
BY_CLASS = np.where(np.arange(10)[:, None] % 6 == np.arange(6), 0.5, 0.1)  # (10, K)


def coloured_digits(
    rng: np.random.Generator, n: int, split: str = "all", p: np.ndarray = BY_CLASS
) -> Part:
    """n of the embedded digits, drawn with replacement, each in one colour: (N, 8, 8, 3).

    split : as of `digits`;  p, labels, factors : as of `colour`
    Raises ValueError for n < 1, an unknown split, and what `colour` refuses.
    """
    check_counts("coloured_digits", n=n)
    grey, labels = digits(split)
    chosen = rng.integers(len(grey), size=n)
    return colour(rng, grey[chosen], labels[chosen], p)


def colour(
    rng: np.random.Generator,
    grey: np.ndarray,
    labels: np.ndarray | None = None,
    p: np.ndarray = INDEPENDENT,
    palette: np.ndarray = PALETTE,
    levels: int | None = None,
) -> Part:
    """Grey images (N, H, W, 1) in [0, 1], each multiplied with a colour of its own: (N, H, W, 3).

    labels  : (N,), the class of each; needed where p has a row a class
    p       : (K,), the probabilities of the colours; or (classes, K), those of each class
    palette : (K, 3) in [0, 1], the largest of each row 1, so that the grey image can be told
    levels  : rounds to 0, 1, ..., levels - 1 of levels - 1: `np.rint(x * (levels - 1))` are whole
              numbers then. The embedded digits have 17 levels as they are.

    labels as given;  factors: "colour", the row of the palette
    Raises ValueError for grey levels outside [0, 1], images of another shape, an image in which
    two colours look the same (one without ink), p that does not sum to 1, labels without a row.
    """
    if grey.ndim != 4 or grey.shape[3] != 1 or grey.size == 0:
        raise ValueError(f"colour: grey must be of shape (N, H, W, 1), got {grey.shape}")
    check_range("colour", 0, 1, grey=grey, palette=palette)
    p = probabilities(p, labels, len(grey))  # (N, K)
    if palette.shape != (p.shape[1], 3) or not np.all(palette.max(axis=1) == 1):
        raise ValueError(
            f"colour: palette must be ({p.shape[1]}, 3), a row for each colour of p with 1 as its "
            f"largest, got {palette.shape}"
        )
    check_visible(grey, palette, levels)
    k = (rng.random((len(grey), 1)) >= p.cumsum(axis=1)[:, :-1]).sum(axis=1)  # inverts the sums
    x = quantised(grey * palette[k][:, None, None], levels)  # (N, H, W, 3)
    return Part(x.astype(np.float32), labels, {"colour": k})


def conditional_entropy(p: np.ndarray = BY_CLASS, labels: np.ndarray | None = None) -> float:
    """H(x | grey) in nats an image: the mean of -sum_k p_k log p_k over the classes of the labels.

    Without labels every class counts the same. Raises ValueError as `colour` does for p.
    """
    p = checked(p)
    log_p = np.log(p, out=np.zeros_like(p), where=p > 0)  # 0 log 0 = 0
    entropy = -(p * log_p).sum(axis=-1)  # H(k | class)   (classes,), or one number for all
    if labels is not None and p.ndim == 2:
        check_range("colour", 0, len(p) - 1, labels=labels)
        entropy = entropy[labels]  # (N,)
    return float(entropy.mean())


def colour_nll(part: Part, p: np.ndarray = BY_CLASS) -> np.ndarray:
    """-log p(colour | class) of each image in nats: what the true model pays.   (N,)

    Its mean over a part tends to `conditional_entropy`; a model is compared with it on the same
    images. Raises ValueError as `colour` does for p.
    """
    k = part.factors["colour"]
    with np.errstate(divide="ignore"):  # a colour that p rules out costs inf
        return -np.log(probabilities(p, part.labels, len(k))[np.arange(len(k)), k])


def grey_of(x: np.ndarray) -> np.ndarray:
    """The grey image that was coloured: the largest channel.   (N, H, W, 3) -> (N, H, W, 1)"""
    return x.max(axis=-1, keepdims=True)


def probabilities(p: np.ndarray, labels: np.ndarray | None, n: int) -> np.ndarray:
    """p(colour | class) of n images (N, K). Raises ValueError where p or a label has none."""
    p = checked(p)
    if p.ndim == 1:
        return np.broadcast_to(p, (n, len(p)))
    if labels is None or len(labels) != n:
        raise ValueError(f"colour: p has a row a class, so it needs the labels of all {n} images")
    check_range("colour", 0, len(p) - 1, labels=labels)
    return p[labels]


def checked(p: np.ndarray) -> np.ndarray:
    """p in float64. Raises ValueError where it is no distribution, or no rows of them."""
    p = np.asarray(p, np.float64)
    if p.ndim not in (1, 2) or not np.all(p >= 0) or not np.allclose(p.sum(axis=-1), 1, atol=1e-9):
        raise ValueError(
            "colour: p must be (K,) or (classes, K), each row probabilities that sum to 1, got "
            f"{p.tolist()}"
        )
    return p


def quantised(x: np.ndarray, levels: int | None) -> np.ndarray:
    """x rounded to whole numbers of levels - 1, as shares of it; as it is where levels is None."""
    if levels is None:
        return x
    check_counts("colour", 2, levels=levels)
    return np.rint(x * (levels - 1)) / (levels - 1)


def check_visible(grey: np.ndarray, palette: np.ndarray, levels: int | None) -> None:
    """Refuse an image whose colour can not be told, such as one without ink. Raises ValueError."""
    brightest = grey.max(axis=(1, 2))  # (N, 1)
    seen = quantised(brightest[:, None] * palette, levels)  # (N, K, 3)
    for k in range(len(palette)):
        same = (seen[:, k + 1 :] == seen[:, k, None]).all(axis=2)  # (N, later colours)
        if same.any():
            raise ValueError(
                f"colour: colours {k} and {k + 1 + int(np.argwhere(same)[0, 1])} look the same in "
                f"image {int(np.argwhere(same)[0, 0])}: leave out images without ink, and take "
                "colours further apart or more levels"
            )
