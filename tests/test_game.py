"""A game of turns: who moves, on which batch, with what numbers; and what a game is refused for."""

import dataclasses

import numpy as np
import pretend
import pytest

from tinygen import Pullback, arrays, checkpoint, tree
from tinygen.layers.base import NonFinite
from tinygen.optim import adam, sgd
from tinygen.runs import Run
from tinygen.schedules import Schedule, warm_up
from tinygen.state import Average
from tinygen.training import Game, Turn, evaluate, train

LR = 0.1


def loss_of(sign):
    """+-(x y + x^2 / 2 - y^2 / 2) + mean(batch) (x - y): a saddle, which the data push about."""

    def loss(p, data, noise, push=1.0):
        x, y, xp = p["a"]["x"], p["b"]["y"], arrays.namespace(data)
        c = data.mean() * push
        value = sign * (x * y + x**2 / 2 - y**2 / 2) + c * (x - y)

        def both(d):
            dx, dy = d * (sign * (y + x) + c), d * (sign * (x - y) - c)
            return {"a": {"x": dx}, "b": {"y": dy}}, xp.zeros_like(data)

        return value, Pullback.whole(both, value, terms={"push": c})

    return loss


def no_noise(rng, x):
    return None


def turns(**kw):
    """a goes down the saddle, b goes up."""
    return (
        Turn("down", loss_of(1), no_noise, kw.get("a", sgd(LR)), "a", kw.get("a_times", 1)),
        Turn("up", loss_of(-1), no_noise, kw.get("b", sgd(LR)), "b", kw.get("b_times", 1)),
    )


def start():
    return {"a": {"x": np.array(1.0)}, "b": {"y": np.array(-0.5)}}


def data(n=6):
    return np.arange(1.0, n + 1)[:, None] / n


def play(game, p, batches, step=0, state=None, rng=None):
    state = game.init(p) if state is None else state
    return game.play(p, state, batches, rng or np.random.default_rng(0), step)


# -- who moves -----------------------------------------------------------------------------------


def test_a_turn_moves_its_own_player_and_leaves_the_other_its_bits():
    for turn, mine, other in zip(turns(a=adam(LR), b=adam(LR)), "ab", "ba", strict=True):
        p, before = start(), start()
        state = Game(turn).init(p)
        play(Game(turn), p, [data()], state=state)
        assert leaf_bits(p[other]) == leaf_bits(before[other])
        assert leaf_bits(p[mine]) != leaf_bits(before[mine])
        assert state.keys() == {turn.name} and state[turn.name]["m"].keys() == p[mine].keys()


def leaf_bits(p):
    return {name: leaf.tobytes() for name, leaf in tree.leaves(p)}


def by_hand(p, batches, a_times=1, b_times=1):
    """The same round, written out."""
    x, y = float(p["a"]["x"]), float(p["b"]["y"])
    at = 0
    for k in range(a_times):
        at += k > 0
        x -= LR * (y + x + batches[min(at, len(batches) - 1)].mean())
    for k in range(b_times):
        at += k > 0
        y -= LR * (-(x - y) - batches[min(at, len(batches) - 1)].mean())
    return x, y


@pytest.mark.parametrize("a_times, b_times", [(1, 1), (3, 1), (1, 2), (2, 3)])
@pytest.mark.parametrize("left", [1, 2, 99])
def test_a_round_is_the_moves_in_turn_on_the_documented_batches(a_times, b_times, left):
    game = Game(*turns(a_times=a_times, b_times=b_times))
    assert game.batches == a_times + b_times - 1
    batches = [data() + 10 * i for i in range(min(left, game.batches))]
    p = start()
    terms = play(game, p, batches)
    x, y = by_hand(start(), batches, a_times, b_times)
    assert (float(p["a"]["x"]), float(p["b"]["y"])) == pytest.approx((x, y), rel=1e-12)
    seen = {"down": a_times - 1, "up": a_times + b_times - 2}  # the batch of the last move
    for turn, i in seen.items():
        assert terms[f"{turn}.push"] == batches[min(i, len(batches) - 1)].mean()


def test_an_epoch_of_rounds_shows_each_example_to_the_player_that_moves_most():
    seen = {"down": [], "up": []}

    def watched(turn):
        def draw_noise(rng, x):
            seen[turn.name] += x[:, 0].tolist()

        return dataclasses.replace(turn, draw_noise=draw_noise)

    game = Game(*map(watched, turns(a_times=3)))
    x = data(24)
    train(game, start(), x, rng=np.random.default_rng(0), epochs=2, batch=4, progress=False)
    assert sorted(seen["down"][:24]) == sorted(seen["down"][24:]) == x[:, 0].tolist()
    # 6 batches, 3 a round: "up" sees the third and the sixth of each epoch
    assert seen["up"][:8] == seen["down"][8:12] + seen["down"][20:24]


def test_a_last_round_with_too_few_batches_shows_the_last_one_again():
    game = Game(*turns(a_times=3))
    done = train(game, start(), data(20), rng=np.random.default_rng(0), epochs=1, batch=4,
                 progress=False)  # fmt: skip
    assert done.log[-1]["step"] == 2  # 5 batches, 3 a round


def test_what_a_pullback_says_comes_after_stands_in_p_once_the_step_is_done():
    def loss(p, x, noise):
        value, backward = loss_of(1)(p, x, noise)
        seen = {"seen": p["seen"] + len(x)}
        return value, Pullback(backward.dp, backward.dx, value, after=seen)

    turn = dataclasses.replace(turns()[0], loss=loss)
    p = start() | {"seen": np.array(0)}
    given = p["seen"]
    moved = start()
    play(Game(turn), p, [data(6)])
    play(Game(turns()[0]), moved, [data(6)])
    assert p["seen"] == 6 and given == 0  # another array: the one that was given keeps its value
    assert p["a"] == moved["a"]
    done = train(turn, p, data(10), rng=np.random.default_rng(0), epochs=2, batch=4, progress=False)
    assert done.p["seen"] == 6 + 2 * 10 and p["seen"] == 6
    turn.measure(p, data(6), None)
    assert p["seen"] == 6  # without a step there is no after


# -- what reaches the loss -----------------------------------------------------------------------


def test_schedules_reach_the_loss_step_by_step():
    given = []

    def loss(p, x, noise, push=9.0):
        given.append(push)
        return loss_of(1)(p, x, noise, push)

    rise = {"push": warm_up(1.0, 4, start=0.0)}
    turn = Turn("down", loss, no_noise, sgd(LR), "a", schedules=rise)
    train(turn, start(), data(), rng=np.random.default_rng(0), steps=6, batch=6, progress=False)
    assert given == [0.0, 0.25, 0.5, 0.75, 1.0, 1.0]


def test_the_diagnosis_of_nan_sees_the_scheduled_loss():
    def loss(p, x, noise, push=-1.0):
        if push > 0:
            raise NonFinite(f"push is {push}")
        return loss_of(1)(p, x, noise)

    turn = Turn("down", loss, no_noise, sgd(LR), "a", schedules={"push": Schedule("s", float)})
    p = start()
    play(Game(turn), p, [data()], step=0)
    with pytest.raises(NonFinite, match=r"first not finite: push is 1\.0"):
        play(Game(turn), p, [data()], step=1)


def test_validation_measures_the_loss_without_schedules():
    frozen = Turn("down", loss_of(1), no_noise, sgd(1e-30), "a", schedules={"push": lambda s: 5.0})
    done = train(frozen, start(), data(), rng=np.random.default_rng(0), epochs=1, batch=6,
                 validation=data(), progress=False)  # fmt: skip
    assert done.log[0]["train"]["push"] == pytest.approx(5 * data().mean())
    assert done.log[0]["validation"]["push"] == pytest.approx(data().mean())


def test_a_plain_function_serves_as_pullback():
    def plain(p, x, noise, push=1.0):
        value, backward = loss_of(1)(p, x, noise, push)
        return value, lambda d=1.0: backward(d)

    pairs = []
    for loss in (loss_of(1), plain):
        p = start()
        terms = play(Game(Turn("down", loss, no_noise, adam(LR), "a")), p, [data()])
        pairs.append((float(p["a"]["x"]), terms["loss"]))
    assert pairs[0] == pairs[1]


def test_terms_are_named_by_their_turn_where_there_are_several():
    assert play(Game(*turns()), start(), [data()]).keys() == {
        "down.loss", "down.push", "up.loss", "up.push"
    }  # fmt: skip
    assert play(Game(turns()[0]), start(), [data()]).keys() == {"loss", "push"}
    assert evaluate(Game(*turns()), start(), data(), np.random.default_rng(0)).keys() == {
        "down.loss", "down.push", "up.loss", "up.push"
    }  # fmt: skip


def test_the_log_has_the_mean_over_the_epoch_weighted_by_examples():
    frozen = Turn("down", loss_of(1), no_noise, sgd(1e-30), "a")
    done = train(frozen, start(), data(10), rng=np.random.default_rng(0), epochs=2, batch=4,
                 progress=False)  # fmt: skip
    for line in done.log:  # batches of 4, 4 and 2
        assert line["train"]["push"] == pytest.approx(data(10).mean(), rel=1e-12)


def test_the_mean_of_an_epoch_begins_anew_with_it():
    rise = {"push": Schedule("step", float)}
    turn = Turn("down", loss_of(1), no_noise, sgd(1e-30), "a", schedules=rise)
    done = train(turn, start(), np.ones((10, 1)), rng=np.random.default_rng(0), epochs=2, batch=4,
                 progress=False)  # fmt: skip
    # the pushes are 0, 1, 2 and 3, 4, 5, of 4, 4 and 2 examples
    assert [line["train"]["push"] for line in done.log] == pytest.approx([0.8, 3.8], rel=1e-12)


def test_an_average_weighs_by_examples_and_starts_from_what_was_saved():
    average = Average()
    average.add({"loss": 1.0}, 3)
    again = Average(average.sums, average.examples)
    older = Average(average.sums, 3)
    for sums in (average, again, older):
        sums.add({"loss": 5.0}, 1)
        assert sums.mean() == {"loss": 2.0}


def test_a_term_that_a_batch_lacks_is_averaged_over_the_others():
    average = Average()
    average.add({"loss": 1.0, "labelled": 7.0}, 2)
    average.add({"loss": 4.0}, 4)
    assert average.mean() == {"loss": 3.0, "labelled": 7.0}


# -- through train -------------------------------------------------------------------------------

TRAIN = {"batch": 2, "progress": False}  # 3 batches an epoch, 2 of them a round


def trained(folder, **kw):
    rng = np.random.default_rng(3)
    run = Run.open(folder) if (folder / "config.json").exists() else Run.create(folder, {})
    game = Game(*turns(a=adam(LR), b=adam(warm_up(LR, 10)), a_times=2))
    x = kw.pop("x", data())
    return train(game, kw.pop("p", start()), x, rng=rng, run=run, **TRAIN, **kw)


def bits(folder):
    flat, meta = checkpoint.load(folder / "checkpoint.safetensors")
    del meta["seconds"]
    log = [{k: v for k, v in r.items() if k != "seconds"} for r in Run.open(folder).records()]
    return {name: np.asarray(a).tobytes() for name, a in flat.items()}, meta, log


def test_two_players_find_the_saddle():
    x = np.full((6, 1), 0.5)
    done = train(Game(*turns()), start(), x, rng=np.random.default_rng(0), steps=200, **TRAIN)
    # down stops where y + x + c = 0, up where x - y + c = 0
    found = float(done.p["a"]["x"]), float(done.p["b"]["y"])
    assert found == pytest.approx((-0.5, 0.0), abs=1e-6)


def test_a_game_of_two_resumes_to_the_same_bits(tmp_path):
    done = trained(tmp_path / "whole", steps=100)
    for steps in (1, 2, 5, 40, 41, 100):
        parts = trained(tmp_path / "parts", steps=steps)
    assert bits(tmp_path / "parts") == bits(tmp_path / "whole")
    assert parts.log == done.log
    assert set(bits(tmp_path / "whole")[0]) >= {"p.a.x", "moments.down.m.x", "moments.up.step"}


def test_steps_may_end_within_an_epoch_and_the_log_says_so(tmp_path):
    done = trained(tmp_path, steps=5)  # 2 rounds an epoch
    assert [(r["epoch"], r["step"], r.get("unfinished")) for r in done.log] == [
        (1, 2, None), (2, 4, None), (3, 5, True)
    ]  # fmt: skip
    assert [r.get("unfinished") for r in Run.open(tmp_path).records()] == [None, None, True]
    done = trained(tmp_path, steps=6)
    assert [r.get("unfinished") for r in done.log] == [None, None, None]


def test_a_run_of_one_device_goes_on_on_another(tmp_path, monkeypatch):
    monkeypatch.setitem(arrays.DEVICES, "pretend", "pretend")
    trained(tmp_path / "cpu", epochs=6)
    p, x = arrays.to_device((start(), data()), "pretend")
    trained(tmp_path / "both", epochs=2, p=p, x=x)
    on_cpu = trained(tmp_path / "both", epochs=4)
    assert type(on_cpu.p["a"]["x"]) is np.ndarray
    back = trained(tmp_path / "both", epochs=6, p=p, x=x)
    assert type(back.p["a"]["x"]) is pretend.ndarray
    assert bits(tmp_path / "both") == bits(tmp_path / "cpu")


def test_a_bare_array_of_parameters_trains_and_resumes(tmp_path):
    def loss(p, x, noise):
        value = ((p - x.mean(axis=0)) ** 2).sum()
        return value, Pullback.whole(lambda d: (d * 2 * (p - x.mean(axis=0)), x), value)

    turn = Turn("mean", loss, no_noise, sgd(LR))
    x = np.random.default_rng(0).normal(size=(8, 3))
    for folder, parts in ((tmp_path / "a", [9]), (tmp_path / "b", [4, 9])):
        run = Run.create(folder, {})
        for epochs in parts:
            done = train(turn, np.zeros(3), x, rng=np.random.default_rng(0), epochs=epochs, run=run,
                         validation=x, progress=False)  # fmt: skip
    assert done.best.shape == (3,) and bits(tmp_path / "a") == bits(tmp_path / "b")


def test_players_that_no_turn_moves_are_saved_and_restored(tmp_path):
    p = start() | {"still": {"w": np.float32([1, 2])}}
    trained(tmp_path, epochs=1, p=p)
    done = trained(tmp_path, epochs=2, p=tree.map(np.zeros_like, p))
    assert done.p["still"]["w"].tolist() == [1, 2]


# -- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: Game(), r"expected turns of different names, got \[\]"),
        (lambda: Game(turns()[0], turns()[0]), r"different names, got \['down', 'down'\]"),
        (lambda: Game(turns()[0], dataclasses.replace(turns()[1], player=None)),
         r"several turns \(down, up\) need a player each: give player="),
        (lambda: dataclasses.replace(turns()[0], name="a.b"), "'a.b' must be a text without dots"),
        (lambda: dataclasses.replace(turns()[0], name=""), "'' must be a text without dots"),
        (lambda: dataclasses.replace(turns()[0], times=0), "times must be a whole number >= 1"),
    ],
)  # fmt: skip
def test_what_is_no_game_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_player_without_parameters_or_gradient_is_named():
    with pytest.raises(ValueError, match=r"'down' moves the player 'a', but p.* holds \['b'\]"):
        train(
            turns()[0], {"b": {"y": np.array(1.0)}}, data(), rng=np.random.default_rng(0), steps=1
        )

    def forgetful(p, x, noise):
        value, backward = loss_of(1)(p, x, noise)
        return value, lambda d: ({"b": backward(d)[0]["b"]}, x)

    turn = dataclasses.replace(turns()[0], loss=forgetful)
    with pytest.raises(
        ValueError, match=r"'down' moves .*gradient that the loss gives, holds \['b'"
    ):
        play(Game(turn), start(), [data()])


def test_two_players_have_no_one_loss_to_validate():
    with pytest.raises(ValueError, match=r"down \+ up has no one loss to validate: leave"):
        train(Game(*turns()), start(), data(), rng=np.random.default_rng(0), epochs=1,
              validation=data())  # fmt: skip


@pytest.mark.parametrize("save_every", [-1, float("nan"), "30"])
def test_a_time_between_checkpoints_that_is_none_is_refused(tmp_path, save_every):
    with pytest.raises(ValueError, match=r"save_every must be a finite number >= 0\.0, got"):
        trained(tmp_path, epochs=1, save_every=save_every)
