"""The demo of a growing GAN: its stages, its pictures, its fade, its refusals."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "demos"))

import progressive_gan as demo


@pytest.fixture(scope="module")
def left(tmp_path_factory):
    out = tmp_path_factory.mktemp("progressive_gan")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"CHANNELS": (4, 3), "FRAMES": 3, "COMPARED": 128}.items():
            patch.setattr(demo, name, value)
        demo.main(["--quick", "--out", str(out)])
    return out, json.loads((out / "numbers.json").read_text())["numbers"]["distances"]


def test_each_stage_is_measured_beside_other_digits(left):
    rows = left[1]
    assert list(rows) == ["other digits", "fakes of 4 x 4", "fakes of 8 x 8"]
    values = [row["8 x 8"] for row in rows.values()]
    assert np.isfinite(values).all() and values[0] == min(values)


@pytest.mark.parametrize("name", ["stages.png", "fade.png", "growth.gif"])
def test_the_pictures_have_something_on_them(left, name):
    from PIL import Image

    with Image.open(left[0] / name) as drawn:
        assert np.asarray(drawn.convert("L")).std() > 10
        assert getattr(drawn, "n_frames", 1) == (4 if name == "growth.gif" else 1)


def test_a_fade_is_shown_from_the_old_pictures_to_the_new_ones(rng):
    model = demo.build((8, 8, 1))
    p, z = model.init(rng), model.draw_z(rng, 2, model.init(rng))
    x = rng.random((2, 8, 8, 1), dtype=np.float32)
    figure = demo.fade(model, p, z, x, lambda images: images)
    assert len(figure.axes) == 2


@pytest.mark.parametrize(
    "shape, channels", [((8, 8, 1), (16, 8)), ((64, 64, 3), (32, 32, 32, 16, 8))]
)
def test_the_nets_have_as_many_stages_as_the_images_need(shape, channels):
    assert demo.build(shape).generator.channels == channels


def test_images_that_no_stage_reaches_end_the_demo_in_words():
    with pytest.raises(SystemExit, match="ProgressiveGAN: images of 9 x 9 cannot be padded"):
        demo.build((9, 9, 1))
