"""What is said of a game while it is trained."""

import numpy as np
import pytest

from tinygen.cli import main
from tinygen.commands.watch import LOOKED_AT, Watch
from tinygen.models.gan_diagnosis import CALM
from tinygen.optim import sgd
from tinygen.pullback import Pullback
from tinygen.training import Turn, train


def test_a_remark_is_printed_at_its_second_look_and_again_when_it_has_come_back():
    """What begins alike is one remark, whatever its numbers."""
    seen = iter([["a: 1", "b: 1"], ["a: 2"], ["a: 3"], [], ["a: 4"], ["a: 5", "b: 2"], ["b: 3"]])
    watch = Watch(lambda p, step, few: next(seen), np.zeros((3, 2)))
    found = [watch({}, step) for step in range(7)]
    assert found == [[], ["a: 2"], [], [], [], ["a: 5"], ["b: 3"]]


def test_the_first_examples_are_looked_at_with_the_weights_of_the_step():
    asked = []
    x = np.arange(2.0 * LOOKED_AT)[:, None], np.arange(2 * LOOKED_AT)
    Watch(lambda *given: asked.append(given) or [], x)({"w": 1}, 7)
    ((p, step, few),) = asked
    assert (p, step) == ({"w": 1}, 7) and all(len(part) == LOOKED_AT for part in few)


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


def test_the_command_warns_of_a_discriminator_that_wins_while_it_trains(tmp_path, capsys):
    words = "train gan --data digits --epochs 4 --batch 64 --lr 1e-6 --discriminator-lr 3e-3"
    assert main([*words.split(), "--dropout", "0", "--out", str(tmp_path / "run")]) == 0
    told = capsys.readouterr()
    during = [line for line in told.err.splitlines() if "the discriminator is too strong" in line]
    assert len(during) == 1 and CALM in during[0] and "epoch " in during[0]
    assert "note: the discriminator is too strong" in told.out
