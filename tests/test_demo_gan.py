"""The demo of the GAN: its game, the saturation of a loss, what is said of its fakes."""

import json
import sys
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "demos"))

import gan as demo


@pytest.fixture(scope="module")
def left(tmp_path_factory):
    out = tmp_path_factory.mktemp("gan")
    return out, demo.main(["--quick", "--epochs", "2", "--out", str(out)])


def test_the_loss_that_saturates_dies_and_the_other_grows(left):
    rows = list(left[1]["saturation"].values())
    first, last = rows[0], rows[-1]
    assert last["mean D(fake)"] < 0.1 < first["mean D(fake)"]
    assert last["|gradient|, log(1 - D)"] < last["|gradient|, -log D"] / 5
    ratio = {name: last[name] / first[name] for name in first if name.startswith("|")}
    assert ratio["|gradient|, -log D"] > 3 * ratio["|gradient|, log(1 - D)"]


def test_the_players_and_their_verdicts_are_told(left):
    for row in left[1]["game"].values():
        assert 0 <= row["data told"] <= 1 and 0 <= row["fakes told"] <= 1
        assert row["D's gradient"] > 0 and row["G's gradient"] > 0


def test_fakes_stand_beside_training_images(left):
    rows = left[1]["fakes"]
    assert rows["training images"]["Parzen, nats"][0] > rows["fakes"]["Parzen, nats"][0]
    assert all(0 < row["confidence"][0] <= 1 <= row["classes found"] <= 10 for row in rows.values())


def test_the_warning_stands_beside_the_number(left, capsys):
    assert "do not rank models" in demo.WORDS["fakes"]


def test_numbers_and_pictures_are_left(left):
    out, numbers = left
    kept = json.loads((out / "numbers.json").read_text())["numbers"]
    assert kept["game"] == numbers["game"]
    for name in ("game", "developing", "saturation", "samples"):
        drawn = matplotlib.image.imread(out / f"{name}.png")
        assert min(drawn.shape[:2]) > 200 and drawn[..., :3].std() > 0.02, name


def test_a_row_of_fakes_is_kept_before_some_epochs_and_after_the_last(left):
    rows = {0: np.zeros((8, 2, 2, 1)), 3: np.ones((8, 2, 2, 1))}
    figure = demo.developing(rows)
    assert "after 0, 3 epochs" in figure.axes[0].get_title()
