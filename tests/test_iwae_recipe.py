"""The recipe of the importance-weighted auto-encoder: its schedule, its start, its runs."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from linear_vae import exact_log_p, linear_point, linear_vae

from tinygen import checkpoint
from tinygen.layers import Tanh
from tinygen.models.vae import dense_vae

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))
recipe = pytest.importorskip("iwae", exc_type=ImportError)  # absent from an installed copy


def test_eight_stages_of_three_to_the_i_epochs_are_3280():
    assert [recipe.epochs_through(i + 1) for i in range(8)] == [1, 4, 13, 40, 121, 364, 1093, 3280]


def test_the_step_size_falls_by_ten_in_eight_stages():
    lr = recipe.staged(2980)
    of_epoch = [lr(2980 * epoch) for epoch in (0, 1, 4, 13, 40, 121, 364, 1093)]
    tenths = (10.0, 7.2, 5.2, 3.7, 2.7, 1.9, 1.4, 1.0)  # as their code rounds them
    assert of_epoch == pytest.approx([1e-4 * t for t in tenths], rel=1e-12)
    assert lr(2979) == lr(0) > lr(2980)
    assert lr(2980 * 3280) == lr(2980 * 3280 - 1)


def test_the_start_is_the_mean_image_with_its_logits_clipped(rng):
    grey = rng.uniform(0.2, 0.8, size=(50, 4, 3, 1)).astype(np.float32)
    grey[:, 0, 0] = 0
    model = dense_vae((4, 3, 1), recipe.HIDDEN, recipe.LATENT, activation=Tanh())
    p = recipe.start(model, rng, grey)
    biases = [part["b"] for part in p["decoder"]["out"].values() if "b" in part]
    mean = 1 / (1 + np.exp(-biases[0]))
    expected = grey.mean(axis=0).ravel()
    expected[0] = 0.001
    np.testing.assert_allclose(mean, expected, rtol=1e-5)


@pytest.mark.parametrize("posterior", ["diagonal", "full"])
def test_of_one_model_the_bounds_rise_with_k_and_end_at_log_p(rng, posterior):
    model, (p, x) = linear_vae(posterior), linear_point(rng, posterior)
    ks = (1, 5, 50, 20_000)
    found = np.concatenate([recipe.bounds(model, p, row[None], ks, rng) for row in x])
    assert np.all(np.diff(found, axis=1) > 0)  # by Jensen, in every draw
    np.testing.assert_allclose(found[:, -1], exact_log_p(p, x), atol=0.05)


ASKED = ["--data", "digits", "--samples", "1,2", "--images", "8", "--importance", "50"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two stages in one go, and in two."""
    whole, cut = tmp_path_factory.mktemp("whole"), tmp_path_factory.mktemp("cut")
    rows = recipe.main([*ASKED, "--stages", "2", "--out", str(whole)])
    for stages in ("1", "2"):
        again = recipe.main([*ASKED, "--stages", stages, "--out", str(cut)])
    return whole, rows, cut, again


def test_more_stages_go_on_to_the_same_bits(runs):
    whole, rows, cut, again = runs
    assert rows == again
    for k in (1, 2):
        file = f"k{k}-seed0/checkpoint.safetensors"
        (one, _), (other, _) = (checkpoint.load(folder / file) for folder in (whole, cut))
        assert one.keys() == other.keys() and len(one) > 20
        for name, a in one.items():
            np.testing.assert_array_equal(a, other[name], err_msg=name)


def test_the_rows_hold_what_was_measured(runs):
    whole, rows, _, _ = runs
    assert json.loads((whole / "rows.json").read_text()).keys() == rows.keys() == {"k = 1", "k = 2"}
    for row in rows.values():
        assert row["epochs"] == 4 and row["test images"] == 8
        assert row["minus L_1"][0] > row["minus L_5"][0] > row["minus L_50"][0] >= row["NLL"][0]
        assert 20 < row["NLL"][0] < 32  # independent pixels: 26.8
    assert rows["k = 1"]["less that of k = 1"] == (0.0, 0.0)
    less = rows["k = 2"]["NLL"][0] - rows["k = 1"]["NLL"][0]
    assert rows["k = 2"]["less that of k = 1"][0] == pytest.approx(less)


@pytest.mark.parametrize(
    "words, message",
    [
        (["--samples", "0"], "k must be a finite number >= 1"),
        (["--stages", "9"], "the recipe has 8 stages, got 9"),
        (["--images", "1"], "images must be a finite number >= 2"),
        (["--importance", "49"], "importance must be a finite number >= 50"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(words, message, capsys):
    with pytest.raises(SystemExit):
        recipe.main(words)
    assert message in capsys.readouterr().err
