"""The demo of colourisation: its numbers mean what they say, its picture is there."""

import sys
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "demos"))

import colourisation as demo

from tinygen.data import digits
from tinygen.data.coloured_digits import BY_CLASS, PALETTE, conditional_entropy
from tinygen.likelihoods import Categorical
from tinygen.models import PixelCNN


@pytest.fixture(scope="module")
def left(tmp_path_factory):
    out = tmp_path_factory.mktemp("colourisation")
    return out, demo.main(["--quick", "--out", str(out)])


def test_the_parts_add_up_and_the_truth_is_the_entropy(left):
    rows = {name: row["nats a picture"] for name, row in left[1]["nats"].items()}
    true, error = rows["the true p(colour|class)"]
    assert abs(true - conditional_entropy(BY_CLASS, digits("test")[1])) < 4 * error
    lost = rows["the model"][0] - true
    parts = rows["of it, the first pixel with ink"][0] + rows["of it, all other pixels"][0]
    assert rows["model - true"][0] == pytest.approx(lost) == pytest.approx(parts)


def test_the_nll_is_split_where_the_ink_begins():
    """Against a loop over pictures, pixels and channels."""
    rng = np.random.default_rng(0)
    grey, labels = (a[:6] for a in digits("test"))
    x, seen = demo.pair(demo.coloured(rng, grey, labels))
    model = PixelCNN(demo.SHAPE, 36, 0, 12, prompt=demo.told(), likelihood=Categorical(5))
    p = model.init(rng, np.float64)
    params, _ = model.conditionals(p, x, seen.astype(np.float64))
    whole, first = demo.split_nll(model, p, x, seen.astype(np.float64), "cpu", rows=4)
    for n in range(6):
        log_p = params[n] - np.logaddexp.reduce(params[n], axis=-1)[..., None]
        taken = np.take_along_axis(log_p, x[n][..., None], axis=-1)[..., 0]
        row, column = np.argwhere(x[n].max(axis=-1) > 0)[0]
        assert whole[n] == pytest.approx(-taken.sum())
        assert first[n] == pytest.approx(-taken[row, column].sum())


def test_colours_are_counted():
    grey = np.zeros((2, 8, 8, 1))
    grey[:, 2:5, 3] = np.array([0.5, 1.0, 0.25])[None, :, None]
    classes = np.array([0, 3])
    drawn = grey[:, None] * PALETTE[np.array([[0, 0, 1, 5], [3, 2, 2, 2]])][:, :, None, None]
    rows = demo.counted(drawn, classes)
    assert rows["one colour in the whole digit"]["share"][0] == 1
    assert rows["the favourite of its class"]["share"][0] == 3 / 8
    drawn = drawn.copy()
    drawn[0, 0, 2, 3] = drawn[0, 0, 2, 3, ::-1]  # one pixel in another colour
    rows = demo.counted(drawn, classes)
    assert rows["one colour in the whole digit"]["share"][0] == 7 / 8
    assert rows["the favourite of its class"]["share"][0] == 2 / 8


def test_the_picture_has_something_on_it(left):
    drawn = matplotlib.image.imread(left[0] / "colourings.png")
    assert min(drawn.shape[:2]) > 300 and drawn[..., :3].std() > 0.05
