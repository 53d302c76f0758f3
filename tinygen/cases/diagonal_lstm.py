"""Cases of the Diagonal BiLSTM: all shapes of images, both masks, and colours in their order."""

import numpy as np

from tinygen import layers as L
from tinygen.cases.causal import causal
from tinygen.cases.common import Claim, layer_case
from tinygen.check import Report, check_adjoint
from tinygen.kernels.skew import diagonals, skew, unskew

BiLSTM = L.DiagonalBiLSTM


def skewing(mirrored: bool) -> Claim:
    """Unskewing is the adjoint of skewing."""
    shape = N, H, W, C = 2, 5, 4, 3
    steps = diagonals(H, W, N)
    ends = np.cumsum([d.n * N for d in steps])[:-1]

    def forward(x: np.ndarray) -> np.ndarray:
        return np.concatenate(skew(x, steps, mirrored), axis=1)  # (C, H W N)

    def adjoint(y: np.ndarray) -> np.ndarray:
        return unskew(np.split(y, ends, axis=1), steps, shape, mirrored)

    def check(rng: np.random.Generator) -> Report:
        return check_adjoint(forward, adjoint, shape, (C, H * W * N), rng=rng)

    name = f"skewing{', mirrored' if mirrored else ''}"
    return Claim(f"DiagonalBiLSTM, {name}", "adjoint", check, of=(BiLSTM,))


CASES = [
    layer_case("DiagonalBiLSTM", BiLSTM(3, 2), 2, 5, 4, 3),
    layer_case("DiagonalBiLSTM, a wide image", BiLSTM(3, 4), 2, 3, 5, 3),
    layer_case("DiagonalBiLSTM A", BiLSTM(3, 2, "A"), 2, 5, 4, 3),
    layer_case("DiagonalBiLSTM B, colours", BiLSTM(6, 3, "B", channels=3), 2, 4, 5, 6),
    layer_case("DiagonalBiLSTM A, colours", BiLSTM(3, 6, "A", channels=3), 2, 4, 5, 3),
    layer_case("DiagonalBiLSTM of a row", BiLSTM(3, 2), 2, 1, 4, 3),
    layer_case("DiagonalBiLSTM of a column", BiLSTM(3, 2), 2, 4, 1, 3),
    layer_case("DiagonalBiLSTM of a pixel", BiLSTM(3, 2), 2, 1, 1, 3, zero=("K_ss",)),
]

CLAIMS = [
    skewing(mirrored=False),
    skewing(mirrored=True),
    causal("DiagonalBiLSTM A", BiLSTM(3, 2, "A"), 1, 5, 4, 3, strict=True),
    causal("DiagonalBiLSTM B", BiLSTM(3, 2), 1, 4, 5, 3, strict=False),
    causal(
        "DiagonalBiLSTM A, colours",
        BiLSTM(3, 6, "A", channels=3),
        *(1, 4, 5, 3),
        strict=True,
        channels=3,
    ),
    causal(
        "DiagonalBiLSTM B, colours",
        BiLSTM(6, 3, "B", channels=3),
        *(1, 5, 4, 6),
        strict=False,
        channels=3,
    ),
    causal(
        "DiagonalBiLSTM B behind a masked convolution",
        L.Sequential(L.MaskedConv2d(3, 4, 3, "A"), BiLSTM(4, 2)),
        *(1, 4, 5, 3),
        strict=True,
        of=BiLSTM,
    ),
]
