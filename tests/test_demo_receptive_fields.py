"""The demo of receptive fields: its pictures' entropy, what each model sees, its run."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "demos"))

import receptive_fields as demo  # noqa: E402

from tinygen.check.receptive_field import REGIONS, regions  # noqa: E402
from tinygen.models import GatedPixelCNN  # noqa: E402


def test_a_pixel_copies_the_one_a_row_up_and_two_to_the_right(rng):
    x = demo.copying(rng, 4000)
    alike = (x[:, 1:, :-2] == x[:, :-1, 2:]).mean()
    assert alike == pytest.approx(1 - demo.FLIPPED, abs=0.005)
    free = np.concatenate([x[:, 0].reshape(-1), x[:, :, -2:].reshape(-1)])
    assert free.mean() == pytest.approx(0.5, abs=0.01)


def test_the_entropy_is_that_of_the_copies():
    """-log p of each picture by its own rule, averaged."""
    x = demo.copying(np.random.default_rng(1), 2000)
    alike = x[:, 1:, :-2] == x[:, :-1, 2:]
    copied = -np.where(alike, np.log(1 - demo.FLIPPED), np.log(demo.FLIPPED)).sum(axis=(1, 2, 3))
    nats = copied + (64 - 42) * np.log(2)
    assert nats.mean() == pytest.approx(demo.entropy(), abs=4 * nats.std() / np.sqrt(2000))


def test_the_source_lies_in_the_blind_spot_of_one_model_alone(rng):
    up, right = demo.FROM
    source = demo.PLACE[0] - up, demo.PLACE[1] + right
    found = {
        name: REGIONS[regions(sees, demo.PLACE)[source]] for name, sees in demo.both_fields(4, rng)
    }
    assert found == {"PixelCNN": "blind spot", "Gated PixelCNN": "seen"}


def test_each_class_has_its_own_likelihood(rng):
    model = GatedPixelCNN((4, 4, 1), 2, 1, 3, 2, classes=3)
    p, x = model.init(rng), (rng.random((5, 4, 4, 1)) < 0.5).astype(np.float32)
    each = demo.by_class(model, p, x)
    assert each.shape == (5, 3) and len(np.unique(each)) == 15
    expected = model.log_prob(p, (x, np.full(5, 2)))[0]
    np.testing.assert_array_equal(each[:, 2], expected)


def test_a_quick_run_leaves_its_pictures_and_numbers(tmp_path):
    numbers = demo.main(["--quick", "--out", str(tmp_path)])
    for name in ("reach_2", "reach_4", "reach_6", "copies", "classes"):
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG"), name
    kept = json.loads((tmp_path / "numbers.json").read_text())["numbers"]
    assert kept["places"] == numbers["places"]
    blind = [row["PixelCNN, blind spot"] for row in kept["places"].values()]
    assert blind == [1, 6, 15]  # L (L - 1) / 2
    assert all(row["Gated PixelCNN, blind spot"] == 0 for row in kept["places"].values())
    assert np.isfinite(list(kept["classes"].values())).all()


def test_data_without_classes_are_refused(tmp_path):
    with pytest.raises(SystemExit, match=r"expected grey images with classes: --data mnist"):
        demo.main(["--quick", "--data", "moons", "--out", str(tmp_path)])
