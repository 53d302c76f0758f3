"""The Diagonal BiLSTM of PixelRNN: two LSTMs that sweep the image along its diagonals.

    h[r, c] = left[r, c] + right[r - 1, c]                     (right is zero above the first row)

left runs from the top left corner: its state at (r, c) follows from the pixel there and the states
at (r, c - 1) and (r - 1, c). right is the same on the mirrored image: from (r, c + 1) and
(r - 1, c). Moved down by a row, it sees no pixel that h[r, c] may not see; together the two see
all pixels before (r, c).    van den Oord et al. 2016, arXiv 1601.06759, sections 3.2 and 3.4
                                                           docs/derivations/diagonal_lstm.md
"""

from collections.abc import Callable
from dataclasses import dataclass

from tinygen.arrays import Array, Params
from tinygen.layers.base import Layer

Step = Callable[[int, int, Array], Array]


@dataclass(frozen=True)
class DiagonalBiLSTM(Layer):
    """x (N, H, W, C) -> h (N, H, W, F), where h[r, c] sees x before (r, c), and there by the mask

    c_in, n_hidden : C and F
    mask           : "B", behind a first masked layer: h[r, c] sees the pixel (r, c) too.
                     "A": it does not
    channels       : 3 orders R < G < B inside a pixel: the features, in and out, are contiguous
                     thirds that belong to R, G and B; see `MaskedConv2d`
    p              : Wx (2, C, 4F), Wh (2, 2, F, 4F), b (2, 4F): left and right; in Wh the weights
                     of the state above, then of the state beside. With mask A: Wx (2, 2C, 4F)
    """

    c_in: int
    n_hidden: int
    mask: str = "B"
    channels: int = 1

    def stepper(self, p: Params, n: int, H: int, W: int) -> Step:
        """step(r, c, x) -> h[r, c] (n, F) from x (n, C), the input at (r, c), for a sampler.

        Places come in raster order. One may come again, when more channels of it are known:
        its last x counts.
        """
        raise NotImplementedError
