"""`tinygen train cycle-gan`: known maps, sets that belong together, what is refused."""

import dataclasses
import json

import commands
import numpy as np
import pytest

from tinygen.cli import main
from tinygen.data import entry, load
from tinygen.data.dataset import Part
from tinygen.data.files import missing
from tinygen.pictures import Gallery
from tinygen.systems import SYSTEMS
from tinygen.systems.base import Task
from tinygen.systems.trained import open_run

KIND = SYSTEMS["cycle-gan"]
NET = ("--width", "2", "--blocks", "1", "--patch", "2,3")


def options(**given):
    return KIND.options(**{"width": 2, "blocks": 1, "patch": (2, 3)} | given)


def train(folder, *words):
    return main(["train", "cycle-gan", "--out", str(folder), *map(str, words), *NET])


def test_halves_of_a_known_map_hold_no_true_pair(rng):
    x = np.arange(20, dtype=np.float32).reshape(20, 1, 1, 1) / 20
    o = options(to="inverted")
    a, b, truth = KIND.examples(Part(x), o)
    np.testing.assert_array_equal(truth, 1 - a)
    assert not (b == truth).any() and sorted(b.ravel()) == sorted(truth.ravel())
    a, b = KIND.training_set((a, b, truth), o, rng)
    assert len(a) == len(b) == 10 and not set(np.round(1 - b, 5).ravel()) & set(a.ravel())


def test_a_rotation_is_a_quarter_turn():
    x = np.zeros((1, 2, 2, 1), np.float32)
    x[0, 0, 1] = 1
    truth = KIND.examples(Part(x), options(to="rotated"))[2]
    assert truth[0, 0, 0] == 1 and truth.sum() == 1


def test_another_set_is_trained_on_in_its_training_part_and_measured_in_its_test_part(rng):
    o, digits, other = options(to="digits-thresholded"), load("digits"), load("digits-thresholded")
    x = KIND.examples(digits.train, o)
    np.testing.assert_array_equal(x[1], other.train.x[: len(digits.train)])
    np.testing.assert_array_equal(KIND.examples(digits.test, o)[1], other.test.x)
    a, b = KIND.training_set(x, o, rng)
    assert a.shape == b.shape == digits.train.x.shape
    for part, of in ((a, digits), (b, other)):
        np.testing.assert_allclose(part.sum(), of.train.x.sum(), rtol=1e-5)


def test_points_are_no_other_set(tmp_path, capsys):
    assert train(tmp_path / "run", "--data", "digits", "--to", "ring", "--patch", 8) == 1
    assert "--to: ring holds no images: choose a set of images" in capsys.readouterr().err
    assert train(tmp_path / "run", "--data", "digits", "--downs", 4) == 1
    assert "got a of 8 x 8 pixels: use fewer downs" in capsys.readouterr().err


def test_the_other_set_is_found_by_name():
    digits = load("digits")
    assert KIND.settle(options(), digits).to == "inverted"
    assert KIND.settle(options(to="mnist"), digits).to == "mnist"
    pair = dataclasses.replace(digits, name="monet2photo-a")
    assert KIND.settle(options(), pair).to == "monet2photo-b"
    assert KIND.choose_data("monet2photo", options()) == "monet2photo-a"
    assert KIND.choose_data("mnist", options()) == "mnist"
    says = r"option to: 'minst' is neither a known map .* nor a data set, did you mean 'mnist'"
    with pytest.raises(ValueError, match=says):
        KIND.settle(options(to="minst"), digits)


def test_the_step_size_stays_and_then_falls_to_zero():
    rule = options(constant=10, lr=0.1).step_size()
    assert [rule(step) for step in (0, 10, 15, 20, 99)] == pytest.approx([0.1, 0.1, 0.05, 0, 0])
    assert options(lr=0.1).step_size() == 0.1


def test_numbers_of_a_known_map_say_how_far_translations_are_from_the_truth(rng):
    o = options(to="inverted")
    model = KIND.build(o, Task((8, 8, 1)))
    p = KIND.start(model, rng, None)
    x = KIND.examples(Part(rng.random((6, 8, 8, 1)).astype(np.float32)), o)
    numbers = KIND.measure(model, p, x, rng, 1)
    a, _, truth = x
    each = abs(model.translate(p, a) - truth).mean(axis=(1, 2, 3))
    expected = (each.mean(), each.std(ddof=1) / np.sqrt(6))
    assert numbers["mean |G(a) - true b|"] == pytest.approx(expected, rel=1e-5)
    back = model.translate(p, model.translate(p, a), "a")
    assert numbers["mean |F(G(a)) - a|"][0] == pytest.approx(abs(back - a).mean(), rel=1e-5)
    assert numbers["mean |a - true b|, for comparison"][0] == pytest.approx(
        abs(a - truth).mean(), rel=1e-5
    )
    assert "mean |G(a) - true b|" not in KIND.measure(model, p, x[:2], rng, 1)


def test_sets_of_other_channels_are_trained_evaluated_and_shown(tmp_path, capsys):
    words = ("--data", "digits", "--to", "coloured-digits", "--steps", 3, "--batch", 2)
    assert train(tmp_path / "run", *words) == 0
    opened = open_run(tmp_path / "run")
    drawn = KIND.sample(opened.model, opened.p, np.random.default_rng(0), 70, False)
    assert drawn.shape == (6, 8, 8, 3) and 0 <= drawn.min() < drawn.max() <= 1
    folder = str(tmp_path / "run")
    assert main(["evaluate", folder, "--limit", "5"]) == 0
    assert main(["sample", folder, "-n", "4"]) == 0
    found = json.loads((tmp_path / "run" / "numbers.json").read_text())
    assert any("F(G(a)) - a" in name for name in found)
    gallery = Gallery(opened, np.random.default_rng(0), opened.dataset())
    assert {"to_a", "to_b", "samples", "reconstructions"} <= gallery.figures(4).keys()
    capsys.readouterr()


def test_a_run_is_taken_up_to_the_same_bits(tmp_path, capsys):
    words = ("--data", "digits", "--batch", 2, "--history", 4)
    assert train(tmp_path / "whole", *words, "--steps", 6) == 0
    assert train(tmp_path / "cut", *words, "--steps", 4) == 0
    assert main(["train", "--resume", str(tmp_path / "cut"), "--steps", "6"]) == 0
    one, other = (open_run(tmp_path / name).p for name in ("whole", "cut"))
    assert one["history_b"]["held"].any()
    for key in one["history_b"]:
        assert one["history_b"][key].tobytes() == other["history_b"][key].tobytes()
    assert (
        one["generators"]["a_to_b"]["1"]["W"].tobytes()
        == other["generators"]["a_to_b"]["1"]["W"].tobytes()
    )
    capsys.readouterr()


@pytest.mark.parametrize(
    "words, message",
    [
        (("--to", "coloured-digits", "--identity", 0.5), "use identity=0, or give a grey image"),
        (("--downs", 4), "4 halvings need sizes that are multiples of 16"),
        (("--to", "mnist"), "the generators keep height and width"),
        (("--history", 2, "--batch", 4), "a history of 2 fakes holds less than a batch of 4"),
        (("--history", 6, "--batch", 8), "a history of 6 fakes holds less than a batch of 8"),
        (("--patience", 2), "or leave patience out"),
    ],
)
def test_what_does_not_go_together_is_refused_before_there_is_a_folder(
    capsys, tmp_path, words, message
):
    given = ("--data", "digits", "--epochs", 1, *words, *NET, "--out", tmp_path / "run")
    line = commands.fails(capsys, "train", "cycle-gan", *given)
    assert message in line and not (tmp_path / "run").exists()


def test_pictures_that_are_not_square_have_no_quarter_turn():
    with pytest.raises(ValueError, match="rotated needs square images, got"):
        KIND.build(options(to="rotated"), Task((8, 4, 1)))


def test_holograms_become_pictures_in_colour(rng):
    for name in ("holo2bright-a", "holo2bright-b"):
        if missing(*entry(name).files):
            pytest.skip(f"no files of {name}")
    o = KIND.settle(options(), dataclasses.replace(load("digits"), name="holo2bright-a"))
    model = KIND.build(o, Task((64, 64, 1)))
    y = model.translate(KIND.start(model, rng, None), load("holo2bright-a").test.x[:1])
    assert o.to == "holo2bright-b" and y.shape == (1, 64, 64, 3)
