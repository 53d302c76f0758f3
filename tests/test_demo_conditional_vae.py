"""The demo of styles: its numbers mean what they say, its pictures are there."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "demos"))

import conditional_vae as demo


@pytest.fixture(scope="module")
def left(tmp_path_factory):
    out = tmp_path_factory.mktemp("conditional_vae")
    demo.main(["--quick", "--epochs", "60", "--out", str(out)])
    return out, json.loads((out / "numbers.json").read_text())["numbers"]


def test_the_style_of_an_example_comes_back_and_that_of_the_prior_does_not(left):
    rows = left[1]["styles"]
    assert rows["z of the example"]["slant kept"] > 0.4
    assert abs(rows["z from the prior"]["slant kept"]) < 0.15
    assert rows["z of the example"]["label obeyed"] > 0.6
    assert left[1]["reader's error on test images"] < 0.2


def test_knowing_the_class_never_costs_more_than_it_is_worth(left):
    rows = left[1]["minus ELBO"]
    conditional, plain = rows["conditional VAE, of p(x|y)"], rows["VAE, of p(x)"]
    assert conditional[0] < plain[0]


@pytest.mark.parametrize("name", ["analogies", "planes"])
def test_the_pictures_have_something_on_them(left, name):
    import matplotlib.image

    drawn = matplotlib.image.imread(left[0] / f"{name}.png")
    assert min(drawn.shape[:2]) > 300 and drawn[..., :3].std() > 0.05


def test_slant_and_ink_are_those_of_a_drawn_line():
    x = np.zeros((3, 9, 9, 1))
    for i, lean in enumerate((-0.5, 0.0, 1.0)):
        for row in range(1, 8):
            x[i, row, int(4 - lean * (row - 4) * 0.9 + 0.5), 0] = 1
    slants = demo.slant(x)
    assert slants[0] < -0.3 and abs(slants[1]) < 1e-12 and slants[2] > 0.7
    assert np.array_equal(demo.ink(x), [7, 7, 7])


def test_other_data_are_refused(tmp_path):
    with pytest.raises(SystemExit, match=r"moons holds no grey images with labels"):
        demo.main(["--quick", "--data", "moons", "--out", str(tmp_path)])
