"""Leaks planted in the library's own models are reported, each at its place and no other."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from plants.diagonal_lstm import NotMoved, ZeroRowBelow

from tinygen.cases.common import jittered
from tinygen.check import check_causal
from tinygen.cli import main
from tinygen.layers import DiagonalBiLSTM
from tinygen.likelihoods import Bernoulli
from tinygen.models.nade import NADE
from tinygen.models.pixelcnn import PixelCNN
from tinygen.pullback import Pullback


def point(rng, model, shape):
    return jittered(rng, model.init(rng, np.float64)), rng.uniform(0.1, 0.9, size=(2, *shape))


# Mask B in the first layer, where A is due


@dataclass(frozen=True)
class SeesItself(PixelCNN):
    @property
    def first(self):
        return replace(super().first, mask="B")  # BUG: the first layer must not see the pixel


@pytest.mark.parametrize("channels", [1, 3])
def test_mask_b_for_a_lets_every_place_of_a_pixelcnn_see_itself(rng, channels):
    shape = (4, 4, channels)
    sizes = {"features": 12 * channels, "blocks": 1, "kernel": 3, "head": 12 * channels}
    right, wrong = (
        kind(shape, likelihood=Bernoulli(grey=True), **sizes) for kind in (PixelCNN, SeesItself)
    )
    assert check_causal(right.conditionals, *point(rng, right, shape), channels=channels)
    report = check_causal(wrong.conditionals, *point(rng, wrong, shape), channels=channels)
    assert [row.name for row in report.rows if not row.passed] == ["values", "gradient"]
    places = list(np.ndindex(*(shape if channels > 1 else shape[:2])))
    assert report.leaks == [(at, at) for at in places]
    assert "its own input: " in str(report)


# A row of NADE that takes the next state


@dataclass(frozen=True)
class RowShifted(NADE):
    row: int = 3

    def conditionals(self, p, x, condition=None):
        right = NADE(self.shape, self.n_hidden, likelihood=self.likelihood)
        y, backward = right.conditionals(p, x)
        i = self.row
        V, b = p["V"].copy(), p["b"].copy()
        V[i + 1], b[i + 1] = V[i], b[i]  # BUG: y_i = b_i + h_{i+1} V_i
        z, next_backward = right.conditionals({**p, "V": V, "b": b}, x)
        shifted = y.copy()
        shifted[:, i] = z[:, i + 1]

        def dx(dy):
            kept, moved = dy.copy(), np.zeros_like(dy)
            kept[:, i], moved[:, i + 1] = 0, dy[:, i]
            return backward.dx(kept) + next_backward.dx(moved)

        return shifted, Pullback(backward.dp, dx, shifted)


@pytest.mark.parametrize("row", [0, 3, 4])
def test_a_shifted_row_of_nade_is_the_one_output_that_leaks(rng, row):
    model = RowShifted((6,), 5, likelihood=Bernoulli(grey=True), row=row)
    report = check_causal(model.conditionals, *point(rng, model, (6,)))
    assert report.leaks == [((row,), (row,))]
    assert f"output [{row}] sees input [{row}]; 1 such pairs" in str(report)


# The zero row of the Diagonal BiLSTM


@pytest.mark.parametrize("plant, below", [(ZeroRowBelow, 1), (NotMoved, 0)])
def test_a_zero_row_on_the_wrong_side_leaks_what_the_right_sweep_sees(rng, plant, below):
    """right at (r, c) sees all rows to r, from column c on: moved up, one row too many."""
    H, W = 4, 5
    layer = DiagonalBiLSTM(2, 3)
    p, x = jittered(rng, layer.init(rng, np.float64)), rng.normal(size=(1, H, W, 2))
    assert check_causal(layer, p, x, strict=False)
    report = check_causal(plant(), p, x, strict=False)
    due = [
        ((r, c), at)
        for r, c in np.ndindex(H, W)
        for at in np.ndindex(H, W)
        if r + below < H and at[0] <= r + below and at[1] >= c and at > (r, c)
    ]
    assert report.leaks == due and len(due) == {1: 75, 0: 40}[below]


def test_a_planted_leak_is_found_from_the_command_line_too(tmp_path, capsys):
    text = (
        "from dataclasses import dataclass, replace\nfrom tinygen.likelihoods import Bernoulli\n"
        "from tinygen.models.pixelcnn import PixelCNN\n\n@dataclass(frozen=True)\n"
        "class Mine(PixelCNN):\n    @property\n    def first(self):\n"
        "        return replace(super().first, mask='B')\n\n"
        "model = Mine((4, 4, 1), features=12, blocks=1, kernel=3, head=12,\n"
        "             likelihood=Bernoulli(grey=True))\n"
    )
    path = tmp_path / "mine.py"
    path.write_text(text)
    assert main(["check", "--causal", str(path), "--out", str(tmp_path / "seen")]) == 1
    printed = capsys.readouterr().out
    assert "16 leaks, of 16 outputs" in printed and "its own input: 16 leaks" in printed
    assert (tmp_path / "seen" / "mine_model.png").exists()
