"""What is said of a game while it is trained."""

from dataclasses import replace

import numpy as np
import pytest

from tinygen.cli import main
from tinygen.commands import watch
from tinygen.commands.watch import EVERY, LOOKED_AT, SHARE, Watch
from tinygen.models.gan_diagnosis import CALM
from tinygen.models.progressive_gan import progressive_gan
from tinygen.optim import sgd
from tinygen.pullback import Pullback
from tinygen.systems import SYSTEMS
from tinygen.training import Turn, train


def clocked(found, took=0.0, pause=EVERY):
    """What a Watch prints of so many epochs, `pause` seconds each, whose looks take so long."""
    now, seen = [0.0], iter(found)

    def remarks(p, step, few):
        now[0] += took
        return next(seen)

    look, printed = Watch(remarks, np.zeros((3, 2)), clock=lambda: now[0]), []
    for step in range(len(found)):
        now[0] += pause
        printed.append(look({}, step))
    return printed


def test_a_remark_is_printed_at_its_second_look_and_again_when_it_has_come_back():
    """What begins alike is one remark, whatever its numbers."""
    found = [["a: 1", "b: 1"], ["a: 2"], ["a: 3"], [], ["a: 4"], ["a: 5", "b: 2"], ["b: 3"]]
    assert clocked(found) == [[], ["a: 2"], [], [], [], ["a: 5"], ["b: 3"]]


def test_looks_are_a_minute_apart_or_more_and_take_a_small_share_of_the_time():
    assert clocked([["a: 1"]] * 6, pause=EVERY / 3) == [[], [], [], [], [], ["a: 1"]]
    dear = clocked([["a: 1"]] * 6, took=SHARE * 2.9 * EVERY)  # after which near three minutes pass
    assert [len(lines) for lines in dear] == [0, 0, 0, 1, 0, 0]


def test_what_goes_wrong_in_a_look_is_printed_and_ends_the_looks_alone():
    def remarks(p, step, few):
        raise MemoryError("no room")

    now = [0.0]
    look = Watch(remarks, np.zeros((3, 2)), clock=lambda: now[0])
    now[0] = EVERY
    (line,) = look({}, 1)
    assert "no more looks" in line and "no room" in line
    now[0] = 1e9
    assert look({}, 2) == []


def test_the_first_examples_are_looked_at_with_the_weights_of_the_step():
    asked = []
    x = np.arange(2.0 * LOOKED_AT)[:, None], np.arange(2 * LOOKED_AT)
    clock = iter([0.0, EVERY, EVERY, EVERY])
    Watch(lambda *given: asked.append(given) or [], x, lambda: next(clock))({"w": 1}, 7)
    ((p, step, few),) = asked
    assert (p, step) == ({"w": 1}, 7) and all(len(part) == LOOKED_AT for part in few)


@pytest.mark.parametrize("name", SYSTEMS)
def test_games_against_a_discriminator_of_data_are_looked_at_and_no_others(name):
    games = {"gan", "dcgan", "progressive-gan", "cycle-gan", "vae-gan"}
    assert (SYSTEMS[name].look is not None) == (name in games)


def test_a_stage_that_is_not_the_last_is_no_reason_to_speak():
    kind = SYSTEMS["progressive-gan"]
    model = progressive_gan((8, 8, 1), (2, 2), 3, group=2)
    p, x = model.init(np.random.default_rng(0)), np.zeros((20, 8, 8, 1), np.float32)
    first = replace(model, level=0)
    assert kind.look(first, p, x) == [] and "stage 1 of 2" in kind.remarks(first, p, x)[0]


def falling(p, x, noise):
    value = x.mean() * p["one"]["w"].sum()
    return value, Pullback(lambda d: {"one": {"w": d * np.ones(2)}}, lambda d: (), value)


@pytest.mark.parametrize("progress", [True, False])
def test_training_prints_what_a_look_says_after_each_epoch_and_goes_on_as_ever(capsys, progress):
    def asked(look):
        turn = Turn("one", falling, lambda rng, x: {}, sgd(0.1), "one")
        p, x = {"one": {"w": np.zeros(2)}}, np.ones((4, 1))
        rng = np.random.default_rng(0)
        return train(turn, p, x, rng=rng, epochs=3, batch=2, progress=progress, look=look)

    seen = []
    done = asked(lambda p, step: seen.append((step, p["one"]["w"][0])) or [f"at {step}"])
    printed = capsys.readouterr().err
    assert [step for step, _ in seen] == [2, 4, 6]
    assert seen[0][1] == pytest.approx(-0.2) and seen[2][1] == pytest.approx(-0.6)
    for epoch in (1, 2, 3):
        assert f"epoch {epoch}: at {2 * epoch}" in printed
    np.testing.assert_array_equal(done.p["one"]["w"], asked(None).p["one"]["w"])


def test_the_command_warns_of_a_discriminator_that_wins_while_it_trains(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(watch, "EVERY", 0.0)
    monkeypatch.setattr(watch, "SHARE", float("inf"))
    words = "train gan --data digits --epochs 4 --batch 64 --lr 1e-6 --discriminator-lr 3e-3"
    assert main([*words.split(), "--dropout", "0", "--out", str(tmp_path / "run")]) == 0
    told = capsys.readouterr()
    during = [line for line in told.err.splitlines() if "the discriminator is too strong" in line]
    assert len(during) == 1 and CALM in during[0] and "epoch " in during[0]
    assert "note: the discriminator is too strong" in told.out
