"""Systems that learn from labels, as the commands use them: what is hidden, kept, refused."""

import json
import re
import shutil

import numpy as np
import pytest

from tinygen import tree
from tinygen.cli import main
from tinygen.data import load
from tinygen.systems import SYSTEMS, m1_m2
from tinygen.systems.base import Task
from tinygen.systems.job import Job, cut, seen
from tinygen.systems.semi_supervised import share_of
from tinygen.systems.trained import open_run


def train(*words):
    return main(["train", *map(str, words)])


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A VAE's run, M1."""
    out = tmp_path_factory.mktemp("runs") / "m1"
    net = ["--hidden", 30, "--latent", 4, "--activation", "tanh"]
    assert train("vae", "--data", "digits", "--epochs", 12, *net, "--out", out) == 0
    return out


@pytest.fixture(scope="module")
def second(first, tmp_path_factory):
    """M1+M2's run, whose M1 is gone."""
    copied, out = first.parent / "copy", tmp_path_factory.mktemp("runs") / "m1-m2"
    shutil.copytree(first, copied)
    given = ["--labels", 40, "--kept", "0,3", "--hidden", 12, "--latent", 3, "--lr", 3e-3]
    run = ["--data", "digits", "--epochs", 2, "--out", out]
    assert train("m1-m2", "--m1", copied, *given, *run) == 0
    shutil.rmtree(copied)
    return out


@pytest.mark.parametrize("name", ["semi-supervised-vae", "m1-m2"])
def test_all_but_a_few_labels_are_hidden_and_those_of_validation_too(name, first):
    kind, data = SYSTEMS[name], load("digits")
    options = kind.options(labels=30) if name[0] == "s" else kind.options(labels=30, m1=str(first))
    job = Job.of(kind, kind.settle(options, data), data, {"batch": 100, "seed": 5})
    again = Job.of(kind, kind.settle(options, data), data, {"batch": 100, "seed": 5})
    other = Job.of(kind, kind.settle(options, data), data, {"batch": 100, "seed": 6})
    y = job.x[1]
    known = np.flatnonzero(y >= 0)
    assert np.array_equal(np.bincount(y[known]), np.full(10, 3))
    assert np.array_equal(y[known], data.train.labels[known])
    assert np.array_equal(y, again.x[1]) and np.any(y != other.x[1])
    assert np.all(job.validation[1] == -1)
    order = kind.order(job.model, options, job.x)(np.random.default_rng(0), {})
    assert all(np.any(y[order[i : i + 100]] >= 0) for i in range(0, len(order), 100))
    model = job.model.m2 if name == "m1-m2" else job.model
    assert model.share == 30 / len(data.train)


def test_m1_m2_holds_all_that_it_needs(second, first, capsys):
    opened, m1 = open_run(second), open_run(first)
    assert opened.options.kept == (0, 3) and opened.model.m1.n_latent == 2
    x = load("digits").test.x[:7]
    mean = m1.model.encode(m1.p, x)["mean"]
    np.testing.assert_allclose(opened.model.features(opened.p, x), mean[:, [0, 3]], rtol=1e-5)
    assert main(["evaluate", str(second), "--limit", "50"]) == 0
    printed = capsys.readouterr().out
    for name in ("classification error, %", "nats, M1 ", "nats, M1+M2"):
        assert name in printed
    assert main(["sample", str(second), "-n", "3"]) == 0
    assert main(["report", str(second)]) == 0
    assert (second / "pictures" / "analogies.png").exists()
    assert "Analogies" in (second / "report.html").read_text()
    assert train("--resume", second, "--epochs", 3) == 0


def test_the_dimensions_that_say_something_are_found_where_none_are_named(first):
    options = m1_m2.settle(m1_m2.M1M2Options(m1=str(first), labels=40), load("digits"))
    opened = open_run(first)
    spread = opened.model.encode(opened.p, load("digits").train.x[:1000])["mean"].std(axis=0)
    assert options.kept == tuple(np.flatnonzero(spread > 0.1))
    assert json.loads(options.m1_options)["activation"] == "tanh"


def test_the_error_is_that_of_the_classifier(second):
    opened, data = open_run(second), load("digits")
    rng = np.random.default_rng(0)
    batch = seen(opened.system, opened.options, data, cut(data.test, slice(200)), rng)
    numbers = opened.system.measure(opened.model, opened.p, batch, rng, 1)
    wrong = opened.model.predict(opened.p, batch[0]) != data.test.labels[:200]
    value, error = numbers["classification error, %"]
    assert value == pytest.approx(100 * wrong.mean())
    assert error == pytest.approx(100 * wrong.std(ddof=1) / np.sqrt(200))


def test_one_example_at_least_is_left_without_a_label():
    """Where all have one, the validation loss would be 0 times the bound of those without."""
    assert share_of(9, Task((2,), 3, 10)) == 0.9
    with pytest.raises(
        ValueError, match=r"10 labels were asked for, .* 10 examples: ask for fewer"
    ):
        share_of(10, Task((2,), 3, 10))


@pytest.mark.parametrize(
    "words, message",
    [
        (["m1-m2", "--labels", 40], r"--m1: M2 needs a trained VAE: make one with"),
        (["m1-m2", "--m1", "nowhere"], r"nowhere holds no run"),
        (["m1-m2", "--m1", "M1", "--kept", "0,9"], r"--kept: expected .* 0\.\.3, got 0,9"),
        (["m1-m2", "--m1", "M1", "--kept", "1,1"], r"--kept: expected .* each once"),
        (["m1-m2", "--m1", "M1", "--labels", 5], r"5 labels cannot show each of 10 classes"),
        (["m1-m2", "--m1", "M1", "--data", "coloured-digits"], r"is one of other data, digits"),
        (["semi-supervised-vae", "--labels", 5000], r"--labels: 5000 labels were asked for"),
        (["conditional-vae", "--hidden", ""], r"the label joins the first hidden layer"),
    ],
)
def test_what_cannot_be_trained_is_refused_and_leaves_no_folder(
    words, message, first, tmp_path, capsys
):
    words = [str(first) if word == "M1" else word for word in words]
    data = [] if "--data" in words else ["--data", "digits"]
    assert train(*words, *data, "--out", tmp_path / "run") == 1
    assert re.search(message, capsys.readouterr().err)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["conditional-vae", "semi-supervised-vae"])
def test_data_without_classes_are_refused(name):
    kind = SYSTEMS[name]
    with pytest.raises(ValueError, match=r"this system learns from labels, and the data set has"):
        kind.build(kind.options(), Task((2, 2, 1), 0, 500))


@pytest.mark.parametrize("words", [["--prior", 3], ["--posterior", "full"]])
def test_an_m1_of_another_kind_is_refused(words, tmp_path, capsys):
    net = ["--hidden", 10, "--latent", 3, "--steps", 2, "--data", "digits"]
    assert train("vae", *net, *words, "--out", tmp_path / "m1") == 0
    assert train("m1-m2", "--m1", tmp_path / "m1", "--out", tmp_path / "m2") == 1
    assert "M1 needs --prior 1 --posterior diagonal" in capsys.readouterr().err


def test_a_run_of_another_system_is_no_m1(tmp_path, capsys):
    net = ["--hidden", 10, "--latent", 3, "--steps", 2, "--data", "digits"]
    assert train("autoencoder", *net, "--out", tmp_path / "m1") == 0
    assert train("m1-m2", "--m1", tmp_path / "m1", "--out", tmp_path / "m2") == 1
    assert "holds no trained run of vae (system: autoencoder)" in capsys.readouterr().err


@pytest.mark.parametrize("damage", [{"shape": None}, {"options": {"bogus": 1}}])
def test_an_m1_whose_config_cannot_be_read_is_refused_in_one_line(damage, tmp_path, capsys):
    net = ["--hidden", 10, "--latent", 3, "--steps", 2, "--data", "digits"]
    assert train("vae", *net, "--out", tmp_path / "m1") == 0
    file = tmp_path / "m1" / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | damage))
    capsys.readouterr()
    assert train("m1-m2", "--m1", tmp_path / "m1", "--out", tmp_path / "m2") == 1
    error = capsys.readouterr().err
    assert "m1/config.json cannot be read by this version" in error and "fault" not in error
    assert not (tmp_path / "m2").exists()


TOLD = {
    "conditional-vae": {"hidden": (5,), "latent": 2},
    "semi-supervised-vae": {"hidden": (5,), "latent": 2, "labels": 6},
    "dcgan": {"features": (4,), "told": "class"},
    "gated-pixelcnn": {"features": 4, "layers": 1, "told": "class"},
}


def test_systems_that_are_told_the_class_are_asked_for_it_too():
    assert {n for n, kind in SYSTEMS.items() if kind.sample_class} == {*TOLD, "m1-m2"}


@pytest.mark.parametrize("name", TOLD)
def test_samples_are_of_each_class_in_turn_or_of_the_labels_given(name):
    kind = SYSTEMS[name]
    model = kind.build(kind.options(**TOLD[name]), Task((8, 8, 1), 3, 10))
    p, rng = model.init(np.random.default_rng(0)), np.random.default_rng(1)
    p = tree.map(lambda w: w + rng.normal(0, 0.5, w.shape).astype(w.dtype), p)

    def of(y):
        return kind.sample_class(model, p, np.random.default_rng(2), np.array(y), False)

    in_turn = kind.sample(model, p, np.random.default_rng(2), 7, False)
    assert kind.told(model) == 3 and in_turn.shape == (7, 8, 8, 1)
    assert np.array_equal(in_turn, of([0, 1, 2, 0, 1, 2, 0]))
    assert not np.array_equal(in_turn, of([1] * 7))


def test_m1_m2_draws_of_the_labels_given(second):
    opened, rng = open_run(second), np.random.default_rng
    p = tree.map(lambda w: w + rng(1).normal(0, 1, w.shape).astype(w.dtype), opened.p)
    y = np.arange(7) % 10
    in_turn, given, other = (
        opened.system.sample(opened.model, p, rng(2), 7, False),
        opened.system.sample_class(opened.model, p, rng(2), y, False),
        opened.system.sample_class(opened.model, p, rng(2), y + 1, False),
    )
    assert opened.system.told(opened.model) == 10
    assert np.array_equal(in_turn, given) and not np.array_equal(given, other)
    with pytest.raises(ValueError, match="SemiSupervisedVAE: expected labels"):
        opened.model.sample(p, rng(0), 3, y=y)


def test_every_class_is_sampled_in_turn():
    kind = SYSTEMS["conditional-vae"]
    model = kind.build(kind.options(hidden=(5,), latent=2), Task((2, 2, 1), 3, 10))
    p = model.init(np.random.default_rng(0))
    p["decoder"]["label"]["V"][:] = 100 * np.eye(3, 5)
    drawn = kind.sample(model, p, np.random.default_rng(1), 7, True)
    assert drawn.shape == (7, 2, 2, 1)
    asked = model.sample(p, np.random.default_rng(1), np.array([0, 1, 2, 0, 1, 2, 0]), mean=True)
    assert np.array_equal(drawn, asked)
