"""benchmarks/modes.py: each method plays, what was done is not done again, the table adds up."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tinygen import tree
from tinygen.data.stacked_digits import joined, single, stacked_digits
from tinygen.layers import BatchNorm, Pack
from tinygen.models.gan_nets import dense_generator
from tinygen.models.unrolled_gan import UnrolledGAN

FOLDER = Path(__file__).parent.parent / "benchmarks"
if not (FOLDER / "modes.py").exists():  # absent from an installed copy
    pytest.skip("no benchmarks here", allow_module_level=True)
sys.path.insert(0, str(FOLDER))

import modes as bench  # noqa: E402
import modes_methods as methods  # noqa: E402
import modes_sets as sets  # noqa: E402
import results  # noqa: E402

SMALL = {
    "tanh": replace(methods.TANH, batch=8),
    "pacgan": replace(methods.PAC, batch=4),
    "conv": replace(methods.SMALL, batch=4),
}
GAMES = [("tanh", m) for m in methods.METHODS]
GAMES += [("pacgan", m) for m in ("gan", "pacgan2", "pacgan3", "pacgan4", "minibatch", "wgan-gp")]
GAMES += [("conv", m) for m in methods.CONV]


@pytest.mark.parametrize(("setup", "method"), GAMES)
def test_each_method_plays_and_moves_both_players(setup, method):
    s, rng = SMALL[setup], np.random.default_rng(0)
    model, game, batch = methods.ANY[method](s)
    p = s.init(model, rng)
    x = rng.uniform(size=(batch, *s.shape)).astype(np.float32)
    before, state = tree.map(np.copy, p), game.init(p)
    game.play(p, state, [x] * game.batches, rng)
    pairs = zip(tree.leaves(p), tree.leaves(before), strict=True)
    still = [name for (name, a), (_, b) in pairs if (a == b).all()]
    # what is added to all scores alike: to a critic no matter, to a hinge none where all are near 0
    assert still == (["discriminator.score.b"] if method in ("wgan", "wgan-gp", "hinge") else [])
    assert model.sample(p, rng, 3).shape == (3, *s.shape)
    assert method not in ("pacgan2", "pacgan4") or batch % 2 == 0


def test_the_set_up_of_the_unrolled_gans_example_is_its_authors():
    s = methods.TANH
    found = (s.batch, s.steps, s.lr, s.beta1, s.weights, s.gain, s.n_latent)
    assert found == (512, 25_000, (1e-4, 1e-3), 0.5, "orthogonal", 1.4, 256)  # lr: D's, G's
    _, game, _ = methods.ANY["gan"](s)
    assert [(turn.optimiser.lr, turn.optimiser.beta1) for turn in game.turns] == [
        (1e-4, 0.5), (1e-3, 0.5)
    ]  # fmt: skip
    G, D = s.nets()
    assert [layer.n_out for layer in G.layers.values() if hasattr(layer, "n_out")] == [128, 128, 2]
    assert D.layers["features"].layers["2"].n_out == 128


def test_the_set_up_of_pacgan_has_the_papers_nets():
    s = methods.PAC
    G, D = s.nets(2)
    assert dense_generator(2, (400,) * 4, 2, G.layers["end"], batch_norm=True) == G
    norms = [layer for layer in G.layers.values() if isinstance(layer, BatchNorm)]
    widths = [layer.n_out for layer in D.layers["features"].layers.values()
              if hasattr(layer, "n_out")]  # fmt: skip
    assert len(norms) == 4 and widths == [1000] * 3  # 200 units of 5 pieces
    assert D.layers["features"].layers["0"] == Pack(2) and s.examples(2) == 200
    assert s.steps == 400 * 1000


def test_the_unrolled_methods_differ_in_the_order_alone():
    full, first = (methods.ANY[name](methods.TANH)[0] for name in ("unrolled5", "unrolled5-first"))
    assert isinstance(full, UnrolledGAN) and not full.first_order
    assert replace(full, first_order=True) == first


def test_uniform_noise_hits_most_modes_with_few_samples_and_has_a_row(tmp_path):
    args = bench.arguments(["--set", "grid", "--out", str(tmp_path)])
    rows = bench.of_noise(args, sets.prepared(args))
    assert len(rows) == 5 and min(row["last"]["modes"] for row in rows) >= 15
    # 9 whole modes, 12 halves and 4 quarters lie in the square of the centres, of side 8
    area = np.pi * (3 * sets.GRID_STD) ** 2 * (9 + 12 / 2 + 4 / 4)
    good = np.mean([r["last"]["good"] for r in rows])
    assert good == pytest.approx(area / 64, rel=0.2)


def test_what_is_done_is_not_done_again_and_the_table_tells_it(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(bench, "TIMED", 2)
    words = ["--set", "ring", "--seeds", "2", "--steps", "3", "--out", str(tmp_path)]
    rows = bench.main([*words, "--methods", "gan"])
    told = capsys.readouterr().out
    assert [(r["method"], r["seed"]) for r in rows] == [("gan", 0), ("gan", 1)]
    assert "predicted: " in told and "| gan | 3 | 2 | " in told
    assert [look["round"] for look in rows[0]["looks"]] == [1, 2, 3]
    assert "| uniform noise | 0 | 5 | " in told
    monkeypatch.setattr(bench, "one", None)  # nothing is left to do
    assert bench.main([*words, "--methods", "gan"]) == rows
    assert "predicted" not in capsys.readouterr().out


def test_a_run_that_was_stopped_goes_on_to_the_same_samples(tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "TIMED", 1)
    words = ["--methods", "gan", "--seed", "3", "--steps", "4", "--out"]
    whole = bench.main([*words, str(tmp_path / "whole")])[0]
    real, calls = bench.train, []

    def stopped(*args, **kw):
        calls.append(kw["steps"])
        if kw["steps"] == 3:
            raise KeyboardInterrupt
        return real(*args, **kw)

    monkeypatch.setattr(bench, "train", stopped)
    with pytest.raises(KeyboardInterrupt):
        bench.main([*words, str(tmp_path / "cut")])
    assert calls == [1, 2, 3]
    monkeypatch.setattr(
        bench, "train", lambda *a, **kw: calls.append(kw["steps"]) or real(*a, **kw)
    )
    again = bench.main([*words, str(tmp_path / "cut")])[0]
    assert calls == [1, 2, 3, 3, 4]

    def numbers(row):
        return [{k: v for k, v in look.items() if k != "CPU seconds"} for look in row["looks"]]

    assert numbers(again) == numbers(whole)


def test_a_prediction_trains_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(bench, "TIMED", 1)
    assert bench.main(["--methods", "hinge", "--predict", "--out", str(tmp_path)]) == []
    assert "hinge: " in capsys.readouterr().out and not (tmp_path / "results.jsonl").exists()


def test_the_mean_and_the_spread_are_those_of_the_seeds():
    def row(seed, modes, good, kl, diverged=None):
        last = None if diverged else {"modes": modes, "good": good, "reverse KL": kl}
        looks = [{"modes": 1, "good": 0.0}, {"modes": modes - 2, "good": good - 0.2}, last]
        common = {"method": "gan", "steps": 9, "seed": seed, "CPU seconds": 90.0}
        return common | {"last": last, "looks": looks}

    rows = [row(0, 6, 0.5, 0.25), row(1, 8, 0.7, None), row(2, 0, 0, 0, "round 5: NaN")]
    line = bench.table(rows).splitlines()[-1]
    assert line == (
        "| gan | 9 | 3, 1 diverged | 7.0 ± 1.4 | 6.0 ± 1.4 | 60.0 ± 14.1 | 50.0 ± 14.1 "
        "| 0.25 (1 of 2) | 1.5 |"
    )


def test_a_game_that_diverges_is_a_row_and_no_end(tmp_path, monkeypatch):
    def diverges(*args, **kw):
        raise bench.Diverged("round 2: the loss is nan", None)

    monkeypatch.setattr(bench, "train", diverges)
    monkeypatch.setattr(bench, "TIMED", 1)
    rows = bench.main(["--methods", "gan", "--seed", "0", "--steps", "2", "--out", str(tmp_path)])
    assert rows[0]["diverged"] == "round 2: the loss is nan" and rows[0]["last"] is None
    json.dumps(rows, allow_nan=False)


def test_the_classifier_names_the_modes_of_real_stacks(monkeypatch):
    monkeypatch.setattr(sets, "CLASSIFIER", 250)
    data = sets.load("stacked-digits")
    classify, accuracy = sets.classifier(data, "cpu")
    assert accuracy > 0.85
    part = stacked_digits(np.random.default_rng(1), 200, "test")
    right = (joined(classify(part.x)) == part.labels).mean()
    assert right == pytest.approx(accuracy**3, abs=0.12)
    np.testing.assert_array_equal(joined(sets.each(part.labels)), part.labels)
    assert single(part.x).shape == (600, 8, 8, 1)


def test_a_method_that_the_set_does_not_take_is_refused(capsys, tmp_path):
    with pytest.raises(SystemExit):
        bench.main(["--set", "stacked", "--methods", "r1", "--out", str(tmp_path)])
    assert "no 'r1' on stacked: choose of gan" in capsys.readouterr().err


def test_without_git_a_result_is_kept_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert results.commit() == "unknown"


def test_a_result_is_of_the_commit_that_the_program_began_at(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "commit", lambda: "another, that has landed since")
    kept = results.keep(tmp_path / results.RESULTS, {"seed": 0})
    assert kept["commit"] == results.COMMIT and len(results.COMMIT) >= 7


def test_a_line_torn_by_a_stop_is_left_out_and_the_next_result_begins_its_own(tmp_path, capsys):
    file = tmp_path / results.RESULTS
    results.keep(file, {"seed": 0})
    file.write_text(file.read_text() + '{"seed": 1, "mod')
    results.keep(file, {"seed": 2})
    rows = results.known(file)
    assert [row["seed"] for row in rows] == [0, 2]
    assert all(row["commit"] == results.COMMIT and row["date"] >= "2026" for row in rows)
    assert "a torn line is left out" in capsys.readouterr().out
