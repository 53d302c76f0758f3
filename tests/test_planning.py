"""Planning: the world is the pendulum of the data sets, and the best plan's first step is done."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "demos"))

import planning as demo  # noqa: E402
from planning_parts import shooting, worlds  # noqa: E402

from tinygen.models import LSTMDensity  # noqa: E402


def test_torques_are_held_for_four_steps_and_begin_in_any_phase(rng):
    u = worlds.torques(rng, 500, 12)
    assert abs(u).max() <= worlds.TORQUE and u.std() == pytest.approx(5 / np.sqrt(3), rel=0.05)
    changes = np.diff(u, axis=1) != 0
    assert set(changes.sum(axis=1)) <= {2, 3}
    at = [np.flatnonzero(row) for row in changes]
    assert all((np.diff(places) == 4).all() for places in at)
    assert {int(places[0]) for places in at} == {0, 1, 2, 3}


def test_swings_pair_each_state_with_the_torque_before_it(rng):
    x, u = worlds.swings(rng, 5, 30)
    assert x.dtype == u.dtype == np.float32 and (u[:, 0] == 0).all()
    angle, velocity = np.arctan2(x[..., 1], x[..., 0]), x[..., 2] * worlds.FAST
    after = worlds.step(angle[:, :-1], velocity[:, :-1], u[:, 1:, 0] * worlds.TORQUE)
    np.testing.assert_allclose(worlds.seen(*after), x[:, 1:], atol=1e-4)


def test_what_the_simulator_imagines_is_what_then_happens(rng):
    world = worlds.Simulator.hanging(rng, 3)
    plans = worlds.torques(rng, 6, 15).reshape(3, 2, 15)
    at = world.x
    imagined = world.imagine(plans)
    np.testing.assert_array_equal(world.x, at)  # nothing moved
    happened = np.stack([world.act(plans[:, 1, t]) for t in range(15)], axis=1)
    np.testing.assert_allclose(imagined[:, 1], happened, atol=1e-3)  # 5 substeps against 20


def small(rng):
    model = LSTMDensity(3, (5,), inputs=1)
    return worlds.Learnt(model, model.init(rng))


def test_the_model_imagines_each_pendulum_after_its_own_past(rng):
    learnt = small(rng)
    x, u = worlds.swings(rng, 3, 6)
    plans = worlds.torques(rng, 6, 4).reshape(3, 2, 4)
    for t in range(6):
        learnt.told(x[:, t], u[:, t, 0] * worlds.TORQUE)
    found = learnt.imagine(plans)
    for n in range(3):
        alone = replace(learnt, state=None)
        for t in range(6):
            alone.told(x[n : n + 1, t], u[n : n + 1, t, 0] * worlds.TORQUE)
        np.testing.assert_allclose(
            found[n, 1], alone.imagine(plans[n : n + 1, 1:])[0, 0], atol=1e-5
        )
    # the model's mean, from the sequence as a whole
    ahead = (plans[:, 0, :, None] / worlds.TORQUE).astype(np.float32)
    whole = np.concatenate([x, found[:, 0]], axis=1), np.concatenate([u, ahead], axis=1)
    mean = learnt.model.conditionals(learnt.p, *whole)[0]["mean"][:, 6:]
    np.testing.assert_allclose(found[:, 0], mean, atol=1e-5)


class Wants:
    """A world in which a plan leads as high as its torques are near 3."""

    def imagine(self, plans):
        x = np.zeros((*plans.shape, 3), np.float32)
        x[..., 0] = abs(plans - 3) / 8
        return x


def test_the_first_torque_of_the_best_plan_is_done(rng):
    u = shooting.best_first(Wants(), rng, 4, 300, 2)
    np.testing.assert_allclose(u, 3, atol=0.3)


def test_plans_in_the_simulator_lift_what_random_torques_leave_hanging(rng):
    learnt = small(rng)
    done = {
        name: shooting.episodes(np.random.default_rng(0), 3, 70, 100, name, learnt)
        for name in ("random", "simulator")
    }
    assert done["simulator"].reward[:, -10:].mean() > 0.5
    assert done["random"].reward[:, -10:].mean() < 0
    assert done["random"].angle.shape == (3, 71) and done["random"].torque.shape == (3, 70)
    again = shooting.episodes(np.random.default_rng(0), 3, 70, 100, "random", learnt)
    np.testing.assert_array_equal(again.torque, done["random"].torque)


def test_a_model_of_little_training_already_raises_the_return(rng, tmp_path, monkeypatch):
    for name, value in {"SWINGS": 400, "STEPS": 30, "HIDDEN": 24, "BATCH": 20}.items():
        monkeypatch.setattr(demo, name, value)
    args = demo.arguments("", "planning", ["--out", str(tmp_path)], data=None)
    args.epochs = 12
    learnt, nats = demo.learn(rng, args)
    returns = {
        name: demo.returned(shooting.episodes(np.random.default_rng(1), 4, 60, 80, name, learnt))
        for name in ("random", "model")
    }
    assert nats < -4 and returns["model"] > returns["random"] + 15, returns
    errors, (true, expected) = demo.forecasts(learnt, rng)
    assert errors["error after 0.1 s"] < 0.1 and true.shape == (6, 30) and expected.shape == (6, 20)
    assert learnt.state is None


def test_a_quick_run_leaves_numbers_pictures_and_an_animation(tmp_path, monkeypatch):
    from PIL import Image

    monkeypatch.setattr(demo, "QUICK", (2, 12, 10))
    demo.main(["--quick", "--epochs", "1", "--out", str(tmp_path)])
    numbers = json.loads((tmp_path / "numbers.json").read_text())["numbers"]
    assert set(numbers) == {"seed 0", "seed 1", "mean and standard deviation"}
    first, second = (numbers[f"seed {i}"]["return, random"] for i in (0, 1))
    mean, deviation = numbers["mean and standard deviation"]["return, random"]
    assert mean == pytest.approx((first + second) / 2)
    assert deviation == pytest.approx(abs(first - second) / np.sqrt(2))
    with Image.open(tmp_path / "swing.gif") as film:
        assert film.n_frames == 12
        frames = []
        for t in (0, 11):
            film.seek(t)
            frames.append(np.asarray(film.convert("L"), float))
    assert (frames[0] != frames[1]).any()
    for name in ("heights", "forecasts"):
        assert (tmp_path / f"{name}.png").stat().st_size > 5000
