"""dcgan by name: its numbers, its remarks, its pictures, what cannot be trained."""

from dataclasses import replace

import commands
import numpy as np
import pytest

from tinygen import layers as L
from tinygen import tree
from tinygen.cli import main
from tinygen.commands.sample import what
from tinygen.data import load
from tinygen.pictures import Gallery
from tinygen.pullback import Pullback
from tinygen.systems import dcgan as kind
from tinygen.systems.base import Task
from tinygen.systems.trained import open_run


@pytest.fixture
def point(rng):
    options = kind.DCGANOptions(features=(4,), latent=5)
    model = kind.build(options, Task((8, 8, 1), 10))
    return model, model.init(rng), load("digits").test.x[:60]


def one_image(p):
    """A generator that has collapsed: codes no longer reach the image."""
    G = p["generator"] | {"project": tree.scale(p["generator"]["project"], 0.0)}
    return p | {"generator": G}


class Knows(L.Layer):
    """A discriminator that tells white corners, which all digits have, from all else."""

    def forward(self, p, x):
        y = np.where(x[:, 0, 0] < -0.999, 9, -9).astype(x.dtype)
        return y, Pullback(lambda d: {}, lambda d: 0 * x, y)


def test_numbers_are_what_their_names_say(point, rng):
    model, p, x = point
    numbers = kind.measure(model, p, x, np.random.default_rng(3), 1)
    again = np.random.default_rng(3)
    loss, backward = model.discriminator_loss(p, x, model.draw_noise(again, x))
    fakes = model.sample(p, again, len(x))
    assert numbers["D's loss"] == (pytest.approx(float(loss)), None)
    assert numbers["share of data that D tells rightly"][0] == backward.terms["real"]
    apart = [np.sqrt(images.var(axis=0).sum()) for images in (fakes, x)]
    share = numbers["spread of fakes, as a share of that of data"][0]
    assert share == pytest.approx(apart[0] / apart[1], rel=1e-4)
    assert numbers["sharpness of data, for comparison"][0] > 0


def test_a_collapsed_generator_is_measured_and_remarked_on(point):
    model, p, x = point
    numbers = kind.measure(model, one_image(p), x, np.random.default_rng(3), 1)
    assert numbers["spread of fakes, as a share of that of data"][0] < 0.1
    assert any("has collapsed" in line for line in kind.remarks(model, one_image(p), x))


def test_images_of_one_colour_have_no_sharpness_and_stop_nothing():
    flat = np.full((3, 4, 4, 1), 0.5, np.float32)
    assert kind.sharp(flat) == (0.0, None)
    striped = flat.copy()
    striped[:, ::2] = 0
    assert kind.sharp(np.concatenate([flat, striped])) == kind.sharp(striped)


def test_a_discriminator_that_is_too_sure_is_remarked_on(point):
    model, p, x = point
    sure = replace(model, discriminator=Knows())
    assert x[:, 0, 0].max() == 0
    assert any("too strong" in line for line in kind.remarks(sure, p, x))
    assert not any("too strong" in line for line in kind.remarks(model, p, x))


@pytest.mark.parametrize(("words", "picture"), [((), "walks"), (("--told", "class"), "classes")])
def test_pictures_are_those_that_a_model_can_show(tmp_path, words, picture):
    out = str(tmp_path / "run")
    given = ["--data", "digits", "--features", "4", "--steps", "2", "--batch", "8", "--out", out]
    assert main(["train", "dcgan", *given, *words]) == 0
    trained = open_run(out)
    gallery = Gallery(trained, np.random.default_rng(0), trained.dataset())
    made = gallery.figures(9)
    assert {"curves", "samples", picture} <= made.keys()
    assert {"walks", "classes"} - made.keys() == {"walks", "classes"} - {picture}
    assert {f"{name}.png" for name in made} <= kind.SYSTEM.captions.keys()
    told = ", with each class in turn" if words else ""
    assert what(trained, False) == f"z ~ p(z), through the generator{told}"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--features", "4,4,4,4"), "8 x 8 pixels cannot be halved 4 times, for 1 x 1 is odd"),
        (("--batch", "1"), "a batch of one image leaves batch norm nothing to compare it with"),
        (
            ("--batch", "642", "--steps", "3"),
            "--batch 642 leaves 1 of 1285 examples to the end of an epoch: DCGAN: a batch of one",
        ),
        (("--beta1", "0.9", "--optimiser", "sgd"), "--beta1 has no effect with optimiser sgd"),
        (
            (
                "--data",
                "sprites-of-no-kind",
            ),
            "no data set is called",
        ),
    ],
)
def test_what_cannot_be_trained_makes_no_folder(tmp_path, capsys, words, says):
    given = ["--data", "digits", "--steps", "1", *words, "--out", str(tmp_path / "run")]
    assert main(["train", "dcgan", *given]) != 0
    assert says in capsys.readouterr().err.replace("\n", " ")
    assert not (tmp_path / "run").exists()


def test_a_lone_last_image_that_no_step_comes_to_stops_nothing(tmp_path):
    given = ["--data", "digits", "--features", "4", "--batch", "642", "--steps", "2"]
    assert main(["train", "dcgan", *given, "--out", str(tmp_path / "run")]) == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("dcgan", "--penalty", "gp"), "dcgan has no option --penalty, gan has it ("),
        (("dcgan", "--penalty=gp"), "dcgan has no option --penalty, gan has it ("),
        (("gan", "--group", "4"), "gan has no option --group, progressive-gan has it ("),
        (("dcgan", "--penalti", "gp"), "unknown argument --penalti"),
        (("gan", "--penalty_weight", "5"), "did you mean '--penalty-weight'?"),
        (("gan", "lr"), "unknown argument lr ("),
        (("dcgan", "--feature=4"), "unknown argument --feature=4, did you mean '--features'?"),
    ],
)
def test_an_option_of_another_system_is_said_to_be_that(capsys, words, says):
    assert says in commands.fails(capsys, "train", *words, code=2, silent=True)
