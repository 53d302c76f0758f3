"""The demo of super-resolution: its numbers mean what they say, its picture is there."""

import json
import sys
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "demos"))

import super_resolution as demo


@pytest.fixture(scope="module")
def left(tmp_path_factory):
    out = tmp_path_factory.mktemp("super_resolution")
    return out, demo.main(["--quick", "--epochs", "6", "--out", str(out)])


def test_the_small_picture_is_worth_nats(left):
    rows = left[1]["nats"]
    assert rows["p(x|small)"]["nats a picture"][0] < rows["p(x)"]["nats a picture"][0] - 2
    nats, bits = rows["p(x)"]["nats a picture"][0], rows["p(x)"]["bits a pixel"][0]
    assert bits == pytest.approx(nats / 64 / np.log(2))


def test_a_net_that_learnt_digits_beats_the_bicubic_surface(left):
    rows = left[1]["decibels"]
    assert rows["SRCNN"]["PSNR, dB"][0] > rows["bicubic"]["PSNR, dB"][0] + 1
    assert rows["mean of 2"]["PSNR, dB"][0] > rows["a draw"]["PSNR, dB"][0]
    assert rows["nearest pixel"]["shrunk again, dB"][0] == 100


def test_numbers_and_picture_are_left(left):
    out, numbers = left
    kept = json.loads((out / "numbers.json").read_text())["numbers"]
    assert kept["nats"]["p(x)"]["nats a picture"][0] == numbers["nats"]["p(x)"]["nats a picture"][0]
    drawn = matplotlib.image.imread(out / "enlarged.png")
    assert min(drawn.shape[:2]) > 300 and drawn[..., :3].std() > 0.05


def test_pictures_are_shrunk_by_means():
    pairs = demo.Pairs.of(np.linspace(0, 1, 128).reshape(2, 8, 8, 1), "cpu")
    assert pairs.x.min() == 0 and pairs.x.max() == 15
    first = pairs.x[0, :4, :4].mean() / 15
    assert pairs.small.shape == (2, 2, 2, 1) and pairs.small[0, 0, 0, 0] == pytest.approx(first)


def test_other_data_are_refused(tmp_path):
    with pytest.raises(SystemExit, match=r"coloured-digits holds colour of shape \(8, 8, 3\)"):
        demo.main(["--quick", "--data", "coloured-digits", "--out", str(tmp_path)])
