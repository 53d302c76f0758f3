"""What a turn does beside its step: a projection, a running mean, the norm of the gradient."""

import numpy as np
import pytest

from tinygen import checkpoint, tree
from tinygen.optim import ClipWeights, Ema, sgd
from tinygen.pullback import Pullback
from tinygen.runs import Run
from tinygen.training import Game, Turn, train

LR = 0.1


def loss(p, x, noise):
    """(a . a - 3 b) mean(x) : a is drawn to 0, b is pushed up for ever."""
    c = x.mean()
    a, b = p["one"]["a"], p["two"]["b"]
    value = c * ((a * a).sum() - 3 * b.sum())

    def both(d):
        return {"one": {"a": 2 * c * d * a}, "two": {"b": np.full_like(b, -3 * c * d)}}, 0 * x

    return value, Pullback.whole(both, value)


def turn(player, **kw):
    return Turn(player, loss, lambda rng, x: None, sgd(LR), player, **kw)


def start():
    return {"one": {"a": np.array([1.0, -2.0])}, "two": {"b": np.array([0.2, 0.0])}}


X = np.ones((4, 1))


def play(p, *turns, rounds=1):
    game = Game(*turns)
    state = game.init(p)
    for _ in range(rounds):
        terms = game.play(p, state, [X], np.random.default_rng(0))
    return terms


def test_a_projection_follows_the_step_and_reaches_its_own_player_alone():
    p, before = start(), start()
    play(p, turn("two", project=ClipWeights(0.25)))
    np.testing.assert_allclose(p["two"]["b"], [0.25, 0.25])  # 0.5 and 0.3 without it
    assert p["one"]["a"].tobytes() == before["one"]["a"].tobytes()  # 1 and -2, beyond the limit


def test_a_projection_sees_the_weights_after_the_step():
    seen = []
    play(start(), turn("two", project=lambda own: seen.append(own["b"].copy())), rounds=2)
    np.testing.assert_allclose(seen, [[0.5, 0.3], [0.8, 0.6]])


def test_the_running_mean_follows_the_projected_weights_of_its_player():
    p = start()
    p["mean"] = Ema(0.75).init(p["two"])
    play(p, turn("one"), turn("two", project=ClipWeights(0.3), average=("mean", Ema(0.75))))
    np.testing.assert_allclose(p["mean"]["b"], [0.3, 0.3])  # 0.5 and 0.3 before it
    assert p.keys() == {"one", "two", "mean"} and p["mean"].keys() == {"b"}


def test_a_mean_of_several_steps_is_that_of_the_formula():
    p = start()
    p["mean"] = Ema(0.5).init(p["two"])
    play(p, turn("two", average=("mean", Ema(0.5))), rounds=3)
    b = np.array([0.2, 0.0]) + 0.9
    mean = (0.25 * (b - 0.6) + 0.5 * (b - 0.3) + b) / 1.75
    np.testing.assert_allclose(p["mean"]["b"], mean)
    np.testing.assert_allclose(p["two"]["b"], b)


def test_the_norm_of_a_watched_player_s_gradient_is_in_the_log_and_no_other():
    terms = play(start(), turn("one", watch=True), turn("two"))
    assert terms["one.gradient"] == pytest.approx(2 * np.sqrt(5))
    assert "two.gradient" not in terms


def test_the_mean_is_saved_and_a_run_goes_on_with_it(tmp_path):
    def trained(folder, epochs):
        run = Run.open(folder) if folder.exists() else Run.create(folder, {})
        game = Game(turn("one"), turn("two", average=("mean", Ema(0.9))))
        p = start() | {"mean": start()["two"]}
        return train(game, p, X, rng=np.random.default_rng(0), epochs=epochs, batch=2, run=run,
                     progress=False).p  # fmt: skip

    whole = trained(tmp_path / "whole", 4)
    trained(tmp_path / "parts", 2)
    again = trained(tmp_path / "parts", 4)
    for (name, a), (_, b) in zip(tree.leaves(whole), tree.leaves(again), strict=True):
        assert a.tobytes() == b.tobytes(), name
    flat, _ = checkpoint.load(tmp_path / "whole" / "checkpoint.safetensors")
    assert "p.mean.b" in flat


def test_a_mean_without_a_place_is_refused_with_the_remedy():
    with pytest.raises(
        ValueError,
        match=r"Turn 'two' keeps a running mean in 'mean', and p holds \['one', 'two'\]: begin",
    ):
        Game(turn("two", average=("mean", Ema(0.9)))).init(start())


def test_a_game_prints_what_follows_its_steps():
    text = repr(Game(turn("one"), turn("two", project=ClipWeights(0.3), average=("m", Ema(0.9)))))
    assert "ClipWeights(limit=0.3)" in text and "('m', Ema(decay=0.9))" in text
    assert "one: Sgd" in text
