"""The demo of VAE-GAN: edits of one squared error, sharpness, what is left."""

import json
import sys
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "demos"))

import vae_gan as demo
from vae_gan_parts import edits as parts


@pytest.fixture(scope="module")
def left(tmp_path_factory):
    out = tmp_path_factory.mktemp("vae_gan")
    return out, demo.main(["--quick", "--out", str(out)])


def strokes(n=6, side=28):
    """Images of one straight stroke each, whose lower end has room before it."""
    x = np.zeros((n, side, side, 1), np.float32)
    for i in range(n):
        x[i, 9 : 17 + i % 3, 9 + i] = 1
    return x


def test_a_stroke_goes_on_as_it_ran(rng):
    image = strokes(1)[0, ..., 0].astype(np.float64)
    run = parts.beyond(image)
    assert {tuple(place) for place in run} in (
        {(17, 9), (18, 9), (19, 9)},
        {(8, 9), (7, 9), (6, 9)},
    )


def test_edits_have_one_squared_error_and_add_the_same_values(rng):
    x = strokes()
    found = parts.edits(x, rng)
    assert len(found.kept) >= 4
    errors = found.squared_errors()
    for name in parts.NAMES[1:]:
        np.testing.assert_allclose(errors[name], errors["lengthened"], rtol=1e-12)
    added = {k: np.sort((e - found.digits).reshape(len(found.kept), -1)) for k, e in
             found.edited.items()}  # fmt: skip
    for name in parts.NAMES:
        np.testing.assert_allclose(added[name], added["lengthened"], atol=1e-15)
        assert (added[name] > 0).sum(axis=1).tolist() == [parts.LENGTH] * len(found.kept)
        assert found.edited[name].min() >= 0 and found.edited[name].max() <= 1


def test_what_is_put_elsewhere_stands_away_from_ink_and_what_is_stray_by_itself(rng):
    found = parts.edits(strokes(), rng)
    for name in ("dab", "stray"):
        for before, after in zip(found.digits, found.edited[name], strict=True):
            inked = np.argwhere(before[..., 0] > parts.PAPER)
            new = np.argwhere((after - before)[..., 0] > 0)
            away = abs(new[:, None] - inked).max(axis=2)
            assert away.min() > parts.FAR
            if name == "stray":
                between = abs(new[:, None] - new).max(axis=2) + 99 * np.eye(len(new))
                assert between.min() > 2


def test_digits_without_a_tip_are_left_out_and_none_at_all_is_refused(rng):
    x = strokes(3)
    x[1] = 0
    assert 1 not in parts.edits(x, rng).kept
    with pytest.raises(ValueError, match="no digit has a stroke with a tip that has room"):
        parts.edits(x[1:2], rng)


def test_all_edits_are_one_to_the_vae_and_not_to_the_features(left):
    rows = left[1]["edits"]
    for column in ("squared error", "VAE's nats"):
        assert {tuple(np.round(row[column], 9)) for row in rows.values()} == {
            tuple(np.round(rows["dab"][column], 9))
        }
    assert len({row["|f - f'|^2"] for row in rows.values()}) == 3
    assert all(0 <= rows[name]["AUROC"] <= 1 for name in parts.NAMES[1:])


def test_sharpness_is_relative_to_the_test_images(left):
    rows = left[1]["images"]
    for kind in ("samples", "reconstructions"):
        assert rows["test images"][f"sharpness, {kind}"][0] == pytest.approx(1)
    assert rows["test images"]["squared error"][0] == 0
    assert rows["VAE"]["squared error"][0] > 0


def test_numbers_and_pictures_are_left(left):
    out, numbers = left
    kept = json.loads((out / "numbers.json").read_text())["numbers"]
    assert kept.keys() == numbers.keys() == {"images", "edits"}
    for name in ("samples", "reconstructions", "edits", "told"):
        drawn = matplotlib.image.imread(out / f"{name}.png")
        assert min(drawn.shape[:2]) > 200 and drawn[..., :3].std() > 0.02, name


def test_colours_are_refused(tmp_path):
    with pytest.raises(SystemExit, match=r"coloured-digits holds no grey strokes on white"):
        demo.main(["--quick", "--data", "coloured-digits", "--out", str(tmp_path)])
