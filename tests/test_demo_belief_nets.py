"""The demo of belief nets: its parts by their definitions, its answers."""

import contextlib
import io
import json
import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "demos"))

import belief_nets as demo  # noqa: E402
from belief_nets_parts import digits as ask  # noqa: E402
from belief_nets_parts import exact, setting  # noqa: E402

from tinygen.check.gradients import gradients_of  # noqa: E402
from tinygen.data import load  # noqa: E402

ARGS = Namespace(seed=0, quick=True, device="cpu", epochs=1)


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """One quick run: its folder, its numbers, what it printed."""
    out, printed = tmp_path_factory.mktemp("belief_nets"), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
        demo.main(["--quick", "--out", str(out)])
    return out, json.loads((out / "numbers.json").read_text())["numbers"], printed.getvalue()


@pytest.fixture
def digits():
    return setting.Digits.of(load("digits"), ARGS)


def test_every_question_is_answered_with_a_table(ran):
    _, numbers, printed = ran
    assert len(numbers) == 6 and all(f"{i}. {q}" in printed for i, q in enumerate(numbers, start=1))
    assert "--quick: barely trained" in printed


@pytest.mark.parametrize("name", ["samples", "completions", "weights"])
def test_every_picture_is_left(ran, name):
    assert (ran[0] / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_each_net_is_a_density_and_a_leak_is_none(ran):
    for row in ran[1]["Is it a density?"].values():
        one, leaking = map(float, row.values())
        assert one == pytest.approx(1, abs=1e-11) and abs(leaking - 1) > 0.05


def test_a_hidden_layer_finds_the_exclusive_or(ran):
    bits = {name: row["-log2 p(x)"] for name, row in ran[1]["What is a hidden layer for?"].items()}
    assert bits["FVBN"] == pytest.approx(3, abs=0.02)
    assert 2 <= bits["NADE"] < 2.05 and 2 <= bits["MADE"] < 2.05


def test_the_lower_half_and_the_upper_make_the_whole(digits, rng):
    model = setting.models(digits.shape)["NADE"]
    p = model.init(rng)
    rows, _ = ask.completions(digits, {"NADE": (model, p)}, rng)
    (lower, _), (whole, _) = rows["NADE"].values()
    black = digits.test.copy()
    black[:, 4:] = 0  # the upper half's conditionals do not look at it
    logits = model.conditionals(p, black)[0][:, :4]
    upper = model.likelihood.nll(logits, digits.test[:, :4])[0].mean()
    assert lower + upper == pytest.approx(whole, rel=1e-5)


def test_a_completion_keeps_the_upper_half(digits, rng):
    model = setting.models(digits.shape)["FVBN"]
    done = model.complete(model.init(rng), rng, digits.test[:5], 32)
    assert np.array_equal(done[:, :4], digits.test[:5, :4]) and set(np.unique(done)) == {0, 1}


def test_another_order_is_the_same_pixels_moved(digits, rng):
    order = rng.permutation(64)
    turned = digits.in_order(order)
    for a, b in ((digits.train, turned.train), (digits.test, turned.test)):
        assert np.array_equal(a.reshape(len(a), -1)[:, order], b.reshape(len(b), -1))


def test_the_weights_that_are_counted_are_those_that_are_read(rng):
    for name, model in setting.models((3, 2, 1), hidden=4).items():
        p = model.init(rng, np.float64)
        p = exact.tree.map(lambda a: a + rng.normal(size=a.shape), p)
        x = (rng.random((200, 3, 2, 1)) < 0.5).astype(np.float64)
        dp, _ = gradients_of(model.loss(p, x)[1], 1.0, wrt_x=False)
        moved = sum(int((a != 0).sum()) for _, a in exact.tree.leaves(dp))
        reached = setting.weights_read(model)
        assert moved <= reached and (name == "MADE" or moved > 0.7 * reached), name
    fvbn = setting.models((3, 2, 1))["FVBN"]
    assert setting.weights_read(fvbn) == 15 + 6


def test_weights_are_told_apart_by_where_they_look(digits):
    seen = np.zeros((64, 64))
    for i in range(64):
        if i % 8:
            seen[i - 1, i] = 2.0  # left
        if i >= 8:
            seen[i - 8, i] = -1.0  # above
    seen[0, 63] = 7.0  # far away
    left, above, neighbours, farther = ask.by_place(seen, digits).values()
    assert (left, above) == (2.0, -1.0)
    assert neighbours == pytest.approx((56 * 2 + 56) / (56 + 56 + 49 + 49))
    assert farther == pytest.approx(7 / (64 * 63 / 2 - 210))
