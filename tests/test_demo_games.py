"""The games of two players: their closed forms, their optima, what the demo prints and draws."""

import contextlib
import io
import json
import re
import sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "demos"))

import common  # noqa: E402
import games as demo  # noqa: E402
from divergences_parts.fitting import Mixture  # noqa: E402
from games_parts import equilibrium, fixed, live, orders, saturation, steps, turns  # noqa: E402
from games_parts.line import (  # noqa: E402
    DATA,
    EDGES,
    LOG_4,
    PIECES,
    Pair,
    W,
    X,
    Z,
    begin,
    gan,
    masses,
    near,
    places,
    play,
    players,
    probability,
    score,
)
from games_parts.saddle import SIN, XY, Saddle, path, with_corners  # noqa: E402
from games_parts.saddle import orders as both_orders  # noqa: E402

from tinygen import Pullback, tree  # noqa: E402
from tinygen.check import check_gradients  # noqa: E402
from tinygen.schedules import cosine  # noqa: E402
from tinygen.training import Game  # noqa: E402

PAGE = ROOT / "docs" / "questions" / "games.md"
HERE = Namespace(quick=True, seed=0, device="cpu")
START = (0.8, -0.3)
RATES = (0.05, 0.3, 1.0, 1.7)

every_rate = pytest.mark.parametrize("lr", RATES)
every_first = pytest.mark.parametrize("first", ["x", "y"])


def radius(points):
    return np.hypot(*points.T)


# Two numbers


@pytest.mark.parametrize("saddle", [XY, SIN], ids=lambda saddle: saddle.name)
@pytest.mark.parametrize("who", ["x", "y"])
def test_each_player_follows_the_gradient_of_its_own_loss(rng, saddle, who):
    p = {name: {"at": rng.normal(size=())} for name in "xy"}
    loss, other = saddle.loss(who), {"x": "y", "y": "x"}[who]

    def own(mine, data):
        value, backward = loss({who: mine, other: p[other]}, data, None)
        return value, Pullback(lambda d: backward.dp(d)[who], lambda d: (), value)

    report = check_gradients(own, p[who], (), rng=rng, wrt_x=False)
    assert report.passed, str(report)


@every_rate
def test_simultaneous_steps_multiply_the_radius_each_round(lr):
    r = radius(path(XY.simultaneous(lr), START, 30))
    np.testing.assert_allclose(r[1:] / r[:-1], np.sqrt(1 + lr**2), rtol=1e-12)


@every_first
@every_rate
def test_alternating_steps_stay_on_their_ellipse(lr, first):
    seen = path(XY.alternating(first, lr), START, 400)
    Q, r = steps.conserved(seen, lr, first), radius(seen)
    np.testing.assert_allclose(Q, Q[0], rtol=1e-11)
    assert (r**2 >= Q[0] / (1 + lr / 2) - 1e-9).all()
    assert (r**2 <= Q[0] / (1 - lr / 2) + 1e-9).all()
    drift = abs(steps.conserved(seen, lr, {"x": "y", "y": "x"}[first]) - Q[0])
    assert drift.max() > 0.01 * lr  # the other order's form does not stand still


@every_first
def test_beyond_two_the_ellipse_opens(first):
    assert radius(path(XY.alternating(first, 1.99), START, 300)).max() < 50
    r = radius(path(XY.alternating(first, 2.05), START, 300))
    assert r[-1] > 1e6


@every_rate
def test_a_round_turns_by_the_angle_of_its_trace(lr):
    """x_{n+1} + x_{n-1} = (2 - lr^2) x_n, by Cayley and Hamilton with determinant 1."""
    seen = path(XY.alternating("x", lr), START, 50)
    np.testing.assert_allclose(seen[2:] + seen[:-2], (2 - lr**2) * seen[1:-1], atol=1e-9)


def test_simultaneous_means_both_gradients_at_one_point():
    lr = 0.3
    for saddle in (XY, SIN):
        _, fx, fy = saddle.value(*START)
        after = path(saddle.simultaneous(lr), START, 1)[1]
        np.testing.assert_allclose(after, (START[0] - lr * fx, START[1] + lr * fy), rtol=1e-14)
        first = path(saddle.alternating("x", lr), START, 1)[1]
        _, _, fy = saddle.value(first[0], START[1])
        np.testing.assert_allclose(first, (after[0], START[1] + lr * fy), rtol=1e-14)


def test_a_game_whose_second_player_does_not_see_the_first_leaves_the_ellipse():
    """The planted bug: alternating turns whose y looks at where x was."""
    lr, at = 0.3, np.array(START)
    seen = [at]
    for _ in range(50):
        at = at + lr * np.array([-at[1], at[0]])
        seen.append(at)
    Q = steps.conserved(np.array(seen), lr, "x")
    assert Q[-1] > 10 * Q[0]


def test_the_corners_of_a_path_are_where_one_player_has_moved():
    seen = path(XY.alternating("y", 0.5), START, 3)
    way = with_corners(seen, "y")
    np.testing.assert_array_equal(way[::2], seen)
    np.testing.assert_array_equal(way[1::2, 0], seen[:-1, 0])
    np.testing.assert_array_equal(way[1::2, 1], seen[1:, 1])


def test_min_max_and_max_min_of_both_games():
    side = np.linspace(-1, 1, 201)
    assert both_orders(XY, side, side) == pytest.approx((0, 0), abs=1e-12)
    side = np.linspace(-np.pi, np.pi, 721)
    assert both_orders(SIN, side, side) == pytest.approx((1, -1), abs=1e-4)
    tilted = Saddle("x", lambda x, y: (x + 0 * y, 1, 0))
    assert both_orders(tilted, side, side) == pytest.approx((-np.pi, -np.pi))


def test_simultaneous_steps_never_change_sin_and_run_apart():
    lr, rounds = 0.3, 50
    seen = path(SIN.simultaneous(lr), START, rounds)
    f = SIN.value(*seen.T)[0]
    np.testing.assert_allclose(f, f[0], rtol=1e-12)
    slope = np.cos(sum(START))
    assert seen[-1] - seen[0] == pytest.approx([-rounds * lr * slope, rounds * lr * slope])


@every_first
@pytest.mark.parametrize("start, end", [((0.6, 0.2), 1), ((-0.2, -0.6), -1), ((3.0, 0.5), -1)])
def test_with_one_step_each_the_start_decides(first, start, end):
    f = SIN.value(*path(SIN.alternating(first, 0.3), start, 400)[-1])[0]
    assert f == pytest.approx(end, abs=1e-9)
    assert np.sign(np.sin(sum(start))) == end


@every_first
@pytest.mark.parametrize("lr", [0.3, 0.03])
def test_within_half_a_step_of_zero_who_begins_has_it_his_way(first, lr):
    wanted = -1 if first == "x" else 1
    for s, end in ((-0.6, -1), (-0.4, wanted), (0.01, wanted), (0.4, wanted), (0.6, 1)):
        seen = path(SIN.alternating(first, lr), (s * lr, 0.0), int(60 / lr**2))
        assert SIN.value(*seen[-1])[0] == pytest.approx(end, abs=1e-6)


@every_first
def test_an_alternating_round_drifts_as_derived(first):
    s, lr = 0.4, 1e-3
    after = path(SIN.alternating(first, lr), (s / 2, s / 2), 1)[-1].sum()
    assert (after - s) / (lr**2 / 2) == pytest.approx(np.sin(2 * s), rel=1e-2)


@every_first
def test_who_is_trained_out_has_it_his_way(first):
    for start in orders.STARTS:
        for who, value in (("y", 1), ("x", -1)):
            times = (1, 20) if first != who else (20, 1)
            seen = path(SIN.alternating(first, 0.3, times), start, 60)
            assert SIN.value(*seen[-1])[0] == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize("k", [1, 2, 5])
def test_near_its_maximum_a_round_leaves_what_was_derived(k):
    lr, off = 0.1, 1e-4
    seen = path(SIN.alternating("x", lr, (1, k)), (0.0, np.pi / 2 - off), 1)
    left = (np.pi / 2 - seen[-1].sum()) / off
    assert left == pytest.approx((1 + lr) * (1 - lr) ** k, rel=1e-5)


# A GAN on the line


def pair_of(*args):
    """The pair of DATA and fakes of a Gaussian mixture."""
    return Pair.of(equilibrium.mass(Mixture(*args)))


WRONG = pair_of((0.3, 0.7), (-1.0, 2.5), (1.0, 0.8))


def test_no_other_discriminator_has_a_greater_value(rng):
    """(15) against looking everywhere: at each cell, the best of many D."""
    d = np.linspace(5e-4, 1 - 5e-4, 1999)[:, None]
    p, q = W * np.exp(WRONG.log_p), WRONG.mass
    each = p * np.log(d) + q * np.log(1 - d)  # (D, M)
    there = p + q > 1e-6
    found = d[each.argmax(axis=0), 0]
    np.testing.assert_allclose(found[there], probability(WRONG.best_score)[there], atol=5.1e-4)
    assert WRONG.best_value >= each.max(axis=0).sum() - 1e-12
    for _ in range(20):
        other = WRONG.best_score + rng.normal(size=X.shape)
        assert WRONG.value(other) < WRONG.best_value


def test_the_best_value_is_minus_log_4_and_twice_js():
    assert WRONG.value(WRONG.best_score) == pytest.approx(WRONG.best_value, abs=1e-9)
    assert WRONG.value(WRONG.best_score) == pytest.approx(-LOG_4 + 2 * WRONG.js, abs=1e-9)
    assert -LOG_4 < WRONG.best_value < 0
    apart = pair_of((1.0,), (7.0,), (0.05,))  # no overlap: JS = log 2
    assert apart.best_value == pytest.approx(0, abs=1e-6)


def test_what_another_d_loses_is_a_divergence_of_coins(rng):
    """(17)"""
    logits = rng.normal(size=X.shape)
    best, D = probability(WRONG.best_score), probability(logits)
    coins = best * np.log(best / D) + (1 - best) * np.log((1 - best) / (1 - D))
    lost = ((W * np.exp(WRONG.log_p) + WRONG.mass) * coins).sum()
    assert WRONG.gains(logits)[0] == pytest.approx(lost, rel=1e-6)


def test_no_density_of_fakes_pays_less_than_a_point_at_the_highest_d(rng):
    """(19)"""
    logits = rng.normal(size=X.shape)
    _, gain = WRONG.gains(logits)
    paid = (WRONG.mass * np.log(1 - probability(logits))).sum()
    point = np.zeros_like(X)
    point[logits.argmax()] = 1
    assert (point * np.log(1 - probability(logits))).sum() == pytest.approx(paid - gain)
    for q in rng.dirichlet(np.ones(len(X)), size=50):
        assert (q * np.log(1 - probability(logits))).sum() > paid - gain


def test_at_p_g_equal_to_p_nobody_gains(rng):
    """(18), in nats, and that it is the one place where this holds."""
    same, half = Pair.of(equilibrium.mass(DATA)), np.zeros_like(X)
    np.testing.assert_allclose(probability(same.best_score), 0.5, atol=1e-6)
    assert same.value(half) == pytest.approx(-LOG_4, abs=1e-9)
    assert same.gains(half) == pytest.approx((0, 0), abs=1e-9)
    for pair, logits in (
        (same, 0.3 * rng.normal(size=X.shape)),
        (WRONG, half),
        (WRONG, WRONG.best_score),
    ):
        assert max(pair.gains(logits)) > 0.01


def test_against_half_the_generator_has_no_gradient_and_stays():
    value, gradient, went = equilibrium.g_answer(HERE)
    assert value == pytest.approx(-LOG_4, abs=1e-12) and gradient == went == 0


def test_a_d_that_trains_at_the_equilibrium_ends_at_a_half():
    there = Pair.of(equilibrium.mass(equilibrium.DATA), equilibrium.DATA)
    logits = equilibrium.d_answer(equilibrium.MEAN, 400, HERE)
    gain, _ = there.gains(logits)
    assert -1e-9 < gain < 2e-3  # of V = -log 4; it may fall short, but never go above
    assert there.value(logits) <= -LOG_4 + 1e-9
    seen = W * np.exp(there.log_p) > 1e-4
    np.testing.assert_allclose(probability(logits)[seen], 0.5, atol=0.06)


def test_a_d_that_trains_beside_it_finds_nearly_all_that_there_is_to_gain():
    moved = Pair.of(equilibrium.mass(equilibrium.off()), equilibrium.DATA)
    logits = equilibrium.d_answer(equilibrium.MEAN + equilibrium.SHIFT, 400, HERE)
    assert 0 <= moved.gains(logits)[0] < 0.01 < moved.gains(np.zeros_like(X))[0]


def test_the_density_of_fakes_is_that_of_a_known_generator():
    """G(z) = m + s z is a Gaussian."""
    mass = masses(1.0 + 0.7 * Z)
    known = W * np.exp(Mixture((1.0,), (1.0,), (0.7,)).log_density(X)[0])
    assert mass.sum() == pytest.approx(1, abs=1e-12)
    assert abs(mass - known).sum() < 0.01
    folded = masses(abs(Z))  # not monotone: twice the half normal
    assert folded[X < 0].sum() < 1e-3 and folded.sum() == pytest.approx(1)
    spike = masses(np.full(PIECES, 0.51))
    assert spike[np.searchsorted(EDGES, 0.51) - 1] == pytest.approx(1)
    beyond = masses(np.full(PIECES, 99.0))
    assert beyond[-1] == 1


def test_the_value_on_the_grid_is_that_of_the_models_loss(rng):
    """-L_D on many draws, within 5 standard errors."""
    model = gan()
    p, n = begin(model, 3, std=2.0), 40_000
    x = DATA.sample(rng, n)[:, None]
    loss, _ = model.discriminator_loss(p, x, model.draw_noise(rng, x))
    value = Pair.of(masses(places(model, p))).value(score(model, p))
    assert -float(loss) == pytest.approx(value, abs=5 * score(model, p).std() / np.sqrt(n))


def test_a_trained_d_comes_to_its_optimum():
    model, rng = gan(), np.random.default_rng(0)
    p = begin(model, 0, std=2.0)
    before = {name: w.copy() for name, w in tree.leaves(p["generator"])}
    pair = Pair.of(masses(places(model, p)))
    _, d_alone, _ = players(model, cosine(1e-2, 500), 1e-3)
    play(d_alone, p, 500, rng)
    logits = score(model, p)
    m = 0.5 * (W * np.exp(pair.log_p) + pair.mass)
    assert (m * abs(probability(logits) - probability(pair.best_score))).sum() < 0.05
    assert -1e-9 < pair.gains(logits)[0] < 0.02 < 0.1 < pair.best_value + LOG_4
    for name, w in tree.leaves(p["generator"]):
        np.testing.assert_array_equal(w, before[name])


def test_g_trained_out_against_a_fixed_d_puts_its_mass_on_argmax_d():
    model, rng = gan(), np.random.default_rng(0)
    p = begin(model, 0, std=fixed.WIDE)
    data = Mixture((0.7, 0.3), (-2.0, 2.0), (0.6, 0.6))
    _, d_alone, g_alone = players(model, 5e-3, fixed.G_LR)
    play(d_alone, p, 600, rng, data=data)
    logits = score(model, p)
    best = X[logits.argmax()]
    assert abs(best + 2) < 0.5  # the heavier mode
    assert near(places(model, p), best, fixed.WITHIN) < 0.1
    play(g_alone, p, 500, rng, data=data)
    after = places(model, p)
    assert near(after, best, fixed.WITHIN) > 0.99
    assert after.std() < 0.1 < 1 < data.std  # collapsed, though the data are not
    np.testing.assert_array_equal(score(model, p), logits)  # D stood still
    assert Pair.of(masses(after), data).gains(logits)[1] < 0.02  # next to nothing left, by (19)


# Turns and modes


def test_a_mode_counts_where_enough_fakes_are():
    fakes = turns.CENTRES[[0, 0, 0, 3]].repeat(25, axis=0)
    fakes[-1] = turns.CENTRES[5]  # 1 %
    assert np.flatnonzero(turns.covered(fakes)).tolist() == [0, 3]
    np.testing.assert_allclose(turns.shares(fakes).sum(), 1)
    assert not turns.covered(np.zeros((10, 2))).any()


@pytest.mark.parametrize("first", ["D", "G"])
@pytest.mark.parametrize("d, g", turns.TIMES)
def test_the_players_move_in_the_order_and_as_often_as_said(rng, first, d, g):
    model, game = turns.Play(first, d, g).game()
    moved = []

    def told(turn):
        def draw_noise(rng, x):
            moved.append(turn.name[0].upper())
            return turn.draw_noise(rng, x)

        return replace(turn, draw_noise=draw_noise)

    game = Game(*map(told, game.turns))
    p = model.init(rng)
    game.play(p, game.init(p), [rng.normal(size=(4, 2)).astype("f") for _ in range(d + g - 1)], rng)
    assert moved == (["D"] * d + ["G"] * g if first == "D" else ["G"] * g + ["D"] * d)
    assert game.batches == d + g - 1


# The loss that saturates


def test_the_slopes_of_both_losses_are_their_closed_forms():
    f = np.linspace(-9, 9, 37)
    minimax, other = (saturation.slopes(name, f) for name in ("minimax", "non-saturating"))
    np.testing.assert_allclose(minimax, -1 / (1 + np.exp(-f)), rtol=1e-9)
    np.testing.assert_allclose(minimax / other, np.exp(f), rtol=1e-9)
    assert minimax[18] == other[18] == -0.5


def test_where_d_is_ahead_the_minimax_gradient_is_gone():
    found = saturation.measured((0, 150), Namespace(seed=0, device="cpu"))
    start, late = found[0], found[150]
    assert late["told rightly"] > 0.95 and late["mean score of fakes"] < -3
    assert start["|dG|, minimax"] == pytest.approx(start["|dG|, non-saturating"], rel=0.2)
    assert late["|dG|, minimax"] < 0.1 * late["|dG|, non-saturating"]
    assert late["|dG|, non-saturating"] > start["|dG|, non-saturating"]


# What it leaves


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The numbers of a quick run, its folder, and what it printed."""
    out, printed = tmp_path_factory.mktemp("games"), io.StringIO()
    with contextlib.redirect_stdout(printed):
        numbers = demo.main(["--quick", "--out", str(out)])
    return numbers, out, printed.getvalue()


def test_the_numbers_are_printed_and_kept(run):
    numbers, out, printed = run
    kept = json.loads((out / "numbers.json").read_text(), parse_constant=pytest.fail)["numbers"]
    assert kept == json.loads(json.dumps(numbers, default=common.plain))
    for name, (question, _) in demo.QUESTIONS.items():
        assert question in printed and common.table(numbers[name]) in printed


def test_each_start_of_g_ends_somewhere(run):
    assert len(run[0]["fixed"]["seeds 0 to 0: where G ends"]) == 3
    quick = fixed.starts(2, 3, 0, "cpu")  # a G that has not moved is wide: at no one place
    assert quick == {"at argmax D": 0, "at a mode else": 0, "elsewhere, or spread": 2}


@pytest.mark.parametrize(
    ("argmax", "fakes", "name"),
    [
        (-2.0, -2.1, "at argmax D"),
        (-2.0, 2.3, "at a mode else"),
        (-2.0, 9.0, "elsewhere, or spread"),
    ],
)
def test_where_g_ends_is_told_by_most_of_its_fakes(monkeypatch, argmax, fakes, name):
    monkeypatch.setattr(fixed, "score", lambda model, p, device: -abs(fixed.X - argmax))
    monkeypatch.setattr(
        fixed, "places", lambda model, p, device: np.array([fakes] * 6 + [30.0] * 4)
    )
    assert fixed.starts(1, 0, 0, "cpu")[name] == 1


def test_the_pictures_show_something_and_the_animations_move(run):
    stills = sorted(path.stem for path in run[1].glob("*.png"))
    assert stills == ["fixed", "live", "orders", "saturation", "steps", "turns"]
    for name in stills:
        with Image.open(run[1] / f"{name}.png") as picture:
            assert np.asarray(picture.convert("L")).std() > 10
    films = sorted(path.stem for path in run[1].glob("*.gif"))
    assert films == ["fixed_moving", "live_moving", "orders_moving", "steps_moving"]
    for name in films:
        with Image.open(run[1] / f"{name}.gif") as gif:
            first, frames = np.asarray(gif.convert("L"), float), gif.n_frames
            gif.seek(frames - 1)
            assert frames > 1 and abs(np.asarray(gif.convert("L")) - first).max() > 50


def test_every_turn_ratio_and_order_stands_in_the_table(run):
    full = {turns.Play(first, *times).name for first in "DG" for times in turns.TIMES}
    assert set(run[0]["turns"]) < full and len(full) == 10
    assert {k for times in turns.TIMES for k in times} == {1, 5, 20}


def test_both_trainings_of_the_line_are_told(run):
    titles = list(run[0]["live"])
    assert titles[-1].startswith(live.LAGS) and titles[0] == f"{live.KEEPS_UP}, round 0"
    for row in run[0]["live"].values():
        assert row["-log 4 + 2 JS"] == pytest.approx(-LOG_4 + 2 * row["JS"])
        assert row["V(D, G)"] <= row["-log 4 + 2 JS"] + 1e-9


def test_one_question_can_be_asked_alone(tmp_path, capsys):
    assert set(demo.main(["--quick", "--question", "4", "--out", str(tmp_path)])) == {"equilibrium"}
    with pytest.raises(SystemExit, match=r"--question must lie in 0\.\.7, got 8"):
        demo.main(["--question", "8", "--out", str(tmp_path)])
    capsys.readouterr()


@pytest.mark.parametrize("device", ["pretend", "cuda"], indirect=True)
def test_the_games_run_on_a_device(device):
    args = Namespace(quick=True, seed=0, device=device)
    model = gan()
    p = begin(model, 0, device)
    game, *_ = players(model, 1e-3, 1e-3, k=2)
    play(game, p, 2, np.random.default_rng(0), device)
    here = begin(model, 0)
    play(game, here, 2, np.random.default_rng(0))
    np.testing.assert_allclose(score(model, p, device), score(model, here), rtol=1e-9)
    np.testing.assert_allclose(places(model, p, device), places(model, here), rtol=1e-9)
    assert np.isfinite(equilibrium.g_answer(args, moves=2)[0])
    assert len(turns.outcome(turns.Play("D", 1, 1), 10, 0, device)) == turns.LOOKS
    assert np.isfinite(list(saturation.measured((0, 1), args)[1].values())).all()


# The page


def test_the_page_answers_each_question_and_its_pictures_are_small():
    text = PAGE.read_text()
    assert all(question in text for question, _ in demo.QUESTIONS.values())
    shown = re.findall(r"!\[[^]]+\]\((\S+)\)", text)
    assert len(shown) == len(set(shown)) >= 6
    for picture in shown:
        file = (PAGE.parent / picture).resolve()
        assert file.parent == ROOT / "docs" / "pictures"
        assert file.stat().st_size < (400_000 if file.suffix == ".gif" else 150_000), picture
    links = re.findall(r"\]\((?!http)([^)#]+)\)", text)
    assert [link for link in links if not (PAGE.parent / link).exists()] == []
