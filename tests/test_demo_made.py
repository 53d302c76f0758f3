"""The demo of MADE: who sees whom, what is an average, what drawing costs."""

import json
import sys
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "demos"))

import made as demo

from tinygen.models import MADE


@pytest.fixture(scope="module")
def left(tmp_path_factory):
    out = tmp_path_factory.mktemp("made")
    return out, demo.main(["--quick", "--out", str(out)])


def test_the_average_is_at_least_as_near_as_its_masks(left):
    rows = left[1]["nats"]
    several = rows["8 orders and masks"]
    assert several["average"][0] < several["a mask alone"][0]
    for name in ("reading order, one mask", "a random order, one mask"):
        assert rows[name]["average"] == rows[name]["a mask alone"]


def test_probabilities_sum_to_one_and_mean_logits_do_not(left):
    row = left[1]["sums"]["sum over all 512 images"]
    assert row["a mask alone"] == row["average"] == "1.000000"
    assert abs(float(row["(mean logits)"]) - 1) > 1e-4


def test_numbers_and_pictures_are_left(left):
    out, numbers = left
    assert json.loads((out / "numbers.json").read_text())["numbers"]["sums"] == numbers["sums"]
    for name in ("who_sees_whom", "reading_order", "random_orders"):
        drawn = matplotlib.image.imread(out / f"{name}.png")
        assert min(drawn.shape[:2]) > 200 and drawn[..., :3].std() > 0.05, name


def test_paths_are_drawn_where_they_are():
    """In reading order a pixel sees all rows above it, and what is left of it."""
    figure = demo.seen((MADE((8, 8, 1), (900,)), MADE((8, 8, 1), (900,), order="random")))
    sheet = np.asarray(figure.axes[0].images[0].get_array())[1:-1, 1:-1]
    assert np.array_equal(np.argwhere(sheet == 0.5), [[2, 4]])
    assert (sheet[:2] == 1).all() and (sheet[2, :4] == 1).all() and sheet[2, 5:].sum() == 0


def test_colours_are_refused(tmp_path):
    with pytest.raises(SystemExit, match=r"coloured-digits holds colour, and a pixel here is"):
        demo.main(["--quick", "--data", "coloured-digits", "--out", str(tmp_path)])
