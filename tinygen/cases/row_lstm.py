"""Cases of the Row LSTM: its gradients, and that no pixel sees a later one, or a later channel."""

from tinygen.cases.causal import causal
from tinygen.cases.common import layer_case
from tinygen.layers.row_lstm import RowLSTM

CASES = [
    layer_case("RowLSTM, mask B", RowLSTM(4, 3), 2, 5, 4, 4),
    layer_case("RowLSTM, mask A", RowLSTM(2, 3, "A"), 2, 3, 4, 2),
    layer_case("RowLSTM, mask B, colours", RowLSTM(6, 3, "B", channels=3), 2, 3, 4, 6),
    layer_case("RowLSTM, mask A, colours", RowLSTM(3, 6, "A", channels=3), 2, 3, 2, 3),
    layer_case("RowLSTM, wider than the image", RowLSTM(3, 2, kernel=7), 2, 4, 2, 3),
    layer_case("RowLSTM, one row", RowLSTM(3, 2), 2, 1, 4, 3, zero=("K_ss",)),
    layer_case("RowLSTM, ten rows of one pixel", RowLSTM(3, 2, kernel=1), 2, 10, 1, 3),
]

CLAIMS = [
    causal("RowLSTM B", RowLSTM(3, 2), 1, 4, 5, 3, strict=False),
    causal("RowLSTM A", RowLSTM(3, 2, "A"), 1, 4, 5, 3, strict=True),
    causal("RowLSTM B, kernel 5", RowLSTM(3, 2, kernel=5), 1, 3, 5, 3, strict=False),
    causal("RowLSTM B, colours", RowLSTM(6, 3, "B", 3), 1, 3, 4, 6, strict=False, channels=3),
    causal("RowLSTM A, colours", RowLSTM(3, 6, "A", 3), 1, 3, 4, 3, strict=True, channels=3),
]
