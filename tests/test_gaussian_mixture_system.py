"""Mixtures on the training loop and from the command line: EM's steps are its epochs."""

import json

import numpy as np
import pytest
from commands import fails

from tinygen import to_device, to_host, tree
from tinygen.cli import main
from tinygen.data import load
from tinygen.data.toys import GRID_CENTRES, GRID_STD
from tinygen.models import BernoulliMixture, GaussianMixture, em
from tinygen.plots.ellipses import ellipses, outlines
from tinygen.runs import Run
from tinygen.systems import SYSTEMS, mixture
from tinygen.systems.base import Task
from tinygen.systems.em import em_turn
from tinygen.systems.trained import open_run
from tinygen.training import Diverged, train

K = 3
MODELS = {"gaussian": GaussianMixture(K, "full"), "bernoulli": BernoulliMixture(K)}
every_device = pytest.mark.parametrize("device", ["cpu", "pretend", "cuda"], indirect=True)


def data(name, rng, n=120):
    x = 2 * rng.normal(size=(K, 4))[rng.integers(K, size=n)] + rng.normal(size=(n, 4))
    return x if name == "gaussian" else (x > 0.5).astype(np.float64)


def trained(model, x, rng, start, **how):
    asked = {"batch": len(x), "progress": False} | how
    return train(em_turn(model), start, x, rng=rng, **asked)


@every_device
@pytest.mark.parametrize("name", MODELS)
def test_an_epoch_is_a_step_of_em(name, device):
    rng = np.random.default_rng(2)
    model, x = MODELS[name], to_device(data(name, rng), device)
    p = model.start(rng, x)
    done = trained(model, x, rng, p, epochs=6, validation=x[:30])
    steps = []
    for _ in range(6):
        step = em.em_step(model, p, x, rng)
        p, steps = step.p, [*steps, step.log_likelihood]
    assert [-line["train"]["loss"] for line in done.log] == pytest.approx(steps, rel=1e-12)
    for (leaf, a), (_, b) in zip(tree.leaves(done.p), tree.leaves(p), strict=True):
        np.testing.assert_allclose(to_host(a), to_host(b), rtol=1e-9, err_msg=leaf)
    assert em.falls([-line["train"]["loss"] for line in done.log]) <= 1e-10
    held_out = float(model.score_samples(p, x[:30]).mean())
    assert done.log[-1]["validation"]["loss"] == pytest.approx(-held_out)


def test_the_start_is_not_written_to_and_patience_ends_a_run(rng):
    model, x = MODELS["gaussian"], data("gaussian", rng)
    p = model.start(rng, x)
    before = tree.map(np.copy, p)
    done = trained(model, x, rng, p, epochs=200, validation=x[:40], patience=3)
    assert len(done.log) < 200 and done.best_epoch == len(done.log) - 3
    assert all(
        np.array_equal(a, b)
        for (_, a), (_, b) in zip(tree.leaves(p), tree.leaves(before), strict=True)
    )


def test_a_run_that_was_stopped_goes_on_to_the_same_bits(rng, tmp_path):
    """With a component that begins again on the way, at an example that the saved state draws."""
    model, x = MODELS["gaussian"], data("gaussian", rng)
    p = model.start(rng, x)
    p["mean"][1] = 1e6
    whole = trained(model, x, np.random.default_rng(5), p, epochs=6)
    run = Run.create(tmp_path / "run", {"what": "a test"})
    trained(model, x, np.random.default_rng(5), p, epochs=1, run=run)
    rest = trained(model, x, np.random.default_rng(0), p, epochs=6, run=run)
    assert whole.log[0]["train"]["reseeded"] == 1 and rest.log == whole.log
    for (_, a), (_, b) in zip(tree.leaves(rest.p), tree.leaves(whole.p), strict=True):
        assert np.array_equal(a, b)


def test_a_run_with_another_floor_is_another_run(rng, tmp_path):
    x = data("gaussian", rng)
    p = MODELS["gaussian"].start(rng, x)
    run = Run.create(tmp_path / "run", {"what": "a test"})
    trained(MODELS["gaussian"], x, rng, p, epochs=1, run=run)
    with pytest.raises(Exception, match=r"was trained with another game"):
        trained(GaussianMixture(K, "full", 1e-3), x, rng, p, epochs=2, run=run)


def test_components_begin_again_only_so_often(rng, monkeypatch):
    monkeypatch.setattr(GaussianMixture, "collapsed", lambda self, sums: [1])
    model, x = MODELS["gaussian"], data("gaussian", rng)
    done = trained(model, x, rng, model.start(rng, x), epochs=14)
    again = [line["train"].get("reseeded", 0) for line in done.log]
    assert again == [1] * em.RESEEDS * K + [0] * (14 - em.RESEEDS * K)


def test_data_that_overflow_stop_the_run(rng):
    x = np.full((9, 2), 1e30, np.float32) * rng.normal(size=(9, 2)).astype(np.float32)
    model = GaussianMixture(2, shape=2)
    with pytest.raises(
        Diverged, match=r"epoch 1: GaussianMixture: log p\(x\) is .*scale them down"
    ):
        trained(model, x, rng, model.init(rng), epochs=2)


# From the command line


def test_em_finds_the_25_modes_of_the_grid_and_their_density(tmp_path):
    """Its test log-likelihood is that of the density that made the points, to 0.03 nats."""
    given = ["--data", "grid", "--components", "25", "--epochs", "2"]
    folder = tmp_path / "run"
    assert (
        main(
            ["train", "gaussian-mixture", "--covariance", "spherical", *given, "--out", str(folder)]
        )
        == 0
    )
    opened = open_run(folder)
    means = to_host(opened.model.means(opened.p))
    squared = ((means[:, None] - GRID_CENTRES) ** 2).sum(axis=2)
    assert len(set(squared.argmin(axis=1))) == 25 and squared.min(axis=1).max() < 0.01**2
    found = opened.model.covariances(opened.p)
    np.testing.assert_allclose(np.sqrt(found), GRID_STD, rtol=0.05)
    x = load("grid").test.x
    exact = -np.log(25 * 2 * np.pi * GRID_STD**2) - (
        ((x[:, None] - GRID_CENTRES) ** 2).sum(axis=2).min(axis=1) / (2 * GRID_STD**2)
    )
    log_p = to_host(opened.model.score_samples(opened.p, x))
    assert log_p.mean() == pytest.approx(exact.mean(), abs=0.03)


def test_a_mixture_of_bernoullis_is_trained_measured_drawn_and_shown(tmp_path, capsys):
    folder = str(tmp_path / "run")
    given = ["--data", "digits", "--components", "8", "--epochs", "4", "--out", folder]
    assert main(["train", "bernoulli-mixture", *given]) == 0
    assert main(["train", "--resume", folder, "--epochs", "6"]) == 0
    assert main(["evaluate", folder]) == 0
    assert main(["sample", folder, "-n", "5"]) == 0
    assert main(["report", folder]) == 0
    for name in ("pictures/components.png", "samples/samples.png"):
        assert (tmp_path / "run" / name).read_bytes().startswith(b"\x89PNG")
    numbers = json.loads((tmp_path / "run" / "numbers.json").read_text())
    (nll,) = (v["value"] for k, v in numbers.items() if k.startswith("log p(x), nats ("))
    assert -26.8 < nll < -20  # independent pixels: -26.78
    assert "the heaviest first" in (tmp_path / "run" / "report.html").read_text()


def test_points_are_shown_with_ellipses(tmp_path, capsys):
    folder = str(tmp_path / "run")
    given = ["--data", "moons", "--components", "6", "--epochs", "3", "--out", folder]
    assert main(["train", "gaussian-mixture", *given]) == 0
    assert main(["report", folder]) == 0
    assert (tmp_path / "run" / "pictures" / "ellipses.png").exists()


@pytest.mark.parametrize(
    "words, message",
    [
        ("gaussian-mixture --data digits --batch 100", "a step of EM sees all examples"),
        ("gaussian-mixture --data digits --components 2000", "1285 examples for 2000 components"),
        ("gaussian-mixture --data ar1", "gaussian-mixture is trained on"),
        ("gaussian-mixture --data digits --covariance round", "choose"),
        ("gaussian-mixture --data digits --floor 0", "--floor: must be > 0"),
        ("bernoulli-mixture --data coloured-digits", "takes black and white pixels"),
        ("bernoulli-mixture --data moons", "moons holds points"),
        ("bernoulli-mixture --data digits --floor 0.7", "--floor: must be < 0.5"),
        ("bernoulli-mixture --data digits --components 0", "--components: must be >= 1"),
    ],
)
def test_what_cannot_be_trained_gets_one_line_and_no_folder(tmp_path, capsys, words, message):
    folder = tmp_path / "run"
    code = 2 if "round" in words else 1
    assert message in fails(capsys, "train", *words.split(), "--out", str(folder), code=code)
    assert not folder.exists()


def test_the_numbers_are_what_their_names_say(rng):
    for kind, density in (("gaussian-mixture", ", a density"), ("bernoulli-mixture", "")):
        system = SYSTEMS[kind]
        model = system.build(system.options(components=2), Task((2, 3, 1)))
        p = model.init(rng, np.float64)
        x = (rng.random((40, 2, 3, 1)) < 0.5).astype(np.float64)
        log_p = model.score_samples(p, x)
        found = system.measure(model, p, x, rng, 1)
        expected = {"log p(x), nats": log_p, "bits per dimension": -log_p / (6 * np.log(2))}
        for name, values in expected.items():
            pair = (values.mean(), values.std(ddof=1) / np.sqrt(40))
            assert found[name + density] == pytest.approx(pair)


def test_components_that_hardly_count_are_named(rng):
    model = GaussianMixture(4, shape=2)
    p = model.init(rng)
    assert mixture.remarks(model, p, None) == []
    p["logits"][1] = -8
    (line,) = mixture.remarks(model, p, None)
    assert line.startswith("1 of 4 components hold less than a tenth of an even share")


# The picture


def test_an_ellipse_lies_at_its_distance_from_the_mean(rng):
    root = rng.normal(size=(3, 2, 2))
    Sigma, mean = root @ root.swapaxes(1, 2), rng.normal(size=(3, 2))
    for points, m, S in zip(outlines(mean, Sigma, 1.5), mean, Sigma, strict=True):
        e = points - m
        np.testing.assert_allclose(np.einsum("ni,ij,nj->n", e, np.linalg.inv(S), e), 1.5**2)


def test_ellipses_are_drawn_in_the_plane_only(rng):
    with pytest.raises(ValueError, match=r"ellipses: expected points \(N, 2\) and covariances"):
        ellipses(np.zeros((5, 3)), np.ones(1), np.zeros((1, 3)), np.eye(3)[None])
    figure = ellipses(rng.normal(size=(5, 2)), np.ones(1), np.zeros((1, 2)), np.eye(2)[None], "two")
    assert len(figure.axes[0].lines) == 3
