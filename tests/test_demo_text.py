"""The demo of text: its parts by their definitions, its quick run, its failures."""

import contextlib
import io
import json
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "demos"))

import carried  # noqa: E402
import text as demo  # noqa: E402
from text_parts import corpus as corpora  # noqa: E402

from tinygen import tree  # noqa: E402
from tinygen.cases.common import jittered  # noqa: E402
from tinygen.check import check_gradients  # noqa: E402
from tinygen.likelihoods import Categorical  # noqa: E402
from tinygen.models.lstm_density import LSTMDensity  # noqa: E402

MODEL = LSTMDensity(hidden=(4, 3), likelihood=Categorical(5), embedding=2)
TOLD = LSTMDensity(hidden=(4,), likelihood=Categorical(5), embedding=2, inputs=2)


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A quick run: its folder, its numbers, what it printed."""
    out, printed = tmp_path_factory.mktemp("text"), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
        demo.main(["--quick", "--out", str(out)])
    return out, json.loads((out / "numbers.json").read_text())["numbers"], printed.getvalue()


# Truncated back-propagation


@pytest.fixture
def point(rng):
    """Parameters, symbols and a state that something came before."""
    p = jittered(rng, MODEL.init(rng, np.float64))
    return p, rng.integers(5, size=(2, 12)), MODEL.log_probs(p, rng.integers(5, size=(2, 4)))[1]


@pytest.mark.parametrize("model, carry", [(MODEL, True), (MODEL, False), (TOLD, True)])
def test_the_gradient_of_a_stretch_is_that_of_its_loss(rng, model, carry):
    p, x = jittered(rng, model.init(rng, np.float64)), rng.integers(5, size=(2, 5))
    u = rng.normal(size=(2, 5, 2)) if model.inputs else None
    before = (x[:, :3], u[:, :3]) if model.inputs else x[:, :3]
    state = model.log_probs(p, before)[1] if carry else None

    def f(p, x):
        value, backward, _ = carried.stretch_loss(model, p, x, u, state)
        return value, lambda d: (backward.dp(d), ())

    zero = ("start",) if carry else ()
    report = check_gradients(f, p, x, rng=rng, wrt_x=False, zero=zero)
    assert report.passed, str(report)


def test_stretches_with_a_carried_state_cost_what_the_whole_costs(point):
    p, x, state = point
    whole = -MODEL.log_probs(p, x, state)[0].mean()
    values = []
    for t in range(0, 12, 4):
        value, _, state = carried.stretch_loss(MODEL, p, x[:, t : t + 4], None, state)
        values.append(float(value))
    assert np.mean(values) == pytest.approx(whole, rel=1e-12)
    begun_anew = carried.stretch_loss(MODEL, p, x[:, 8:], None)[0]
    assert abs(begun_anew - values[-1]) > 1e-4


def test_streams_are_the_sequence_in_rows():
    x = np.arange(23)
    assert carried.streams(x, 3).tolist() == [list(range(7 * i, 7 * i + 7)) for i in range(3)]
    assert carried.streams(x, 3, 4)[:, 0].tolist() == [4, 10, 16]


def test_a_training_keeps_the_best_weights_and_stops_when_patience_is_over(rng, capsys):
    p = MODEL.init(rng)
    seen = []

    def validate(p):
        seen.append(tree.map(lambda a: a.copy(), p))
        return [3.0, 2.0, 2.5, 2.6, 2.7, 1.0][len(seen) - 1]

    x = rng.integers(5, size=(3, 10))
    done = carried.fit(
        MODEL, p, lambda epoch: [(x, None)], validate, epochs=6, stretch=5, lr=1e-2, patience=3
    )
    assert len(seen) == 5 and done.lowest == 2.0
    for (_, best), (_, second) in zip(tree.leaves(done.best), tree.leaves(seen[1]), strict=True):
        assert np.array_equal(best, second)
    assert capsys.readouterr().out.count("validation") == 5


def test_a_training_learns_what_repeats(rng, capsys):
    x = carried.streams(np.tile([0, 3, 1, 1, 4], 200), 4)
    p = MODEL.init(rng)

    def validate(p):
        return float(-MODEL.log_probs(p, x[:1, :50])[0].mean() / np.log(2))

    before = validate(p)
    done = carried.fit(
        MODEL, p, lambda epoch: [(x, None)], validate, epochs=8, stretch=10, lr=2e-2, patience=8
    )
    assert before > 2 and done.lowest < 0.5
    drawn = carried.draw(MODEL, done.best, rng, 1, 40, temperature=0.3)[0]
    after = {0: 3, 3: 1, 4: 0}
    assert np.mean([b == after[a] for a, b in pairwise(drawn.tolist()) if a in after]) > 0.9


def test_temperature_one_is_the_model_and_zero_its_likeliest_symbol(point):
    p = point[0]
    same = [
        carried.draw(MODEL, p, np.random.default_rng(3), 4, 9),
        MODEL.sample(p, np.random.default_rng(3), 4, 9),
    ]
    assert np.array_equal(*same)
    cold = carried.draw(MODEL, p, np.random.default_rng(3), 2, 9, temperature=1e-6)
    likeliest = MODEL.conditionals(p, cold)[0].argmax(axis=-1)
    assert np.array_equal(cold, likeliest)


# Texts


def test_a_text_is_cut_by_position_and_nothing_is_lost(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("abc é\n" * 400, encoding="utf-8")
    found = corpora.corpus(str(path))
    whole = np.concatenate([found.train, found.validation, found.test])
    assert found.text(whole) == path.read_text(encoding="utf-8") and found.name == "a.txt"
    assert [len(found.train), len(found.validation)] == [1920, 240]
    assert found.alphabet == "\n abcé"


def test_pages_are_each_cut(monkeypatch):
    assert corpora.cut("0123456789") == ("01234567", "8", "9")
    found = corpora.corpus()
    assert "pages" in found.name and len(found.train) > 50_000
    begins = (ROOT / "docs" / "decisions.md").read_text(encoding="utf-8")[:500]
    assert found.text(found.train).startswith(begins)


def test_without_pages_the_docstrings_serve(monkeypatch, tmp_path):
    monkeypatch.setattr(corpora, "ROOT", tmp_path)
    monkeypatch.setattr(corpora, "docstrings", lambda: ["what it is. " * 200])
    assert "1 docstrings" in corpora.corpus().name


def test_docstrings_are_those_of_the_package(monkeypatch, tmp_path):
    package = tmp_path / "__init__.py"
    package.write_text('"""One."""\ndef f():\n    """Two."""\n    def g():\n        pass\n')
    monkeypatch.setattr(corpora.tinygen, "__file__", str(package))
    assert corpora.docstrings() == ["One.\n\nTwo.\n"]


@pytest.mark.parametrize(
    "content, says",
    [
        (None, "No such file"),
        (b"\xff\xfe\x00binary", "it is no text in UTF-8"),
        (b"too short", "holds 9 characters: give a text of 1000 or more with --file"),
        (b"", "holds 0 characters"),
    ],
)
def test_a_text_that_cannot_be_read_or_cut_is_refused(content, says, tmp_path):
    path = tmp_path / "x.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SystemExit, match=says):
        corpora.corpus(str(path))


# Comparisons


def test_the_average_of_two_models_sums_to_one(rng):
    both = {name: np.log(rng.dirichlet(np.ones(7))) for name in ("n-gram", "LSTM")}
    for share in (0.0, 0.3, 1.0):
        assert np.exp(demo.averaged(both, share)).sum() == pytest.approx(1, rel=1e-12)
    log_p = {"n-gram": np.log([0.5, 0.1, 0.3]), "LSTM": np.log([0.1, 0.6, 0.3])}
    share = demo.best_share(log_p)
    assert 0.3 < share < 0.8
    assert demo.averaged(log_p, share).mean() > max(v.mean() for v in log_p.values())


def test_the_error_of_a_mean_is_that_of_blocks(rng):
    values = np.repeat(rng.normal(size=40), demo.BLOCK)  # all within a block alike
    mean, error = demo.mean(values)
    assert mean == pytest.approx(values.mean()) and error == pytest.approx(
        values[:: demo.BLOCK].std(ddof=1) / np.sqrt(40)
    )


def test_the_verdict_names_the_winner_or_none():
    flat = np.full(5000, 2.0)
    noise = np.random.default_rng(0).normal(size=5000)
    assert "The 5-gram wins: 1.000" in demo.verdict({"5-gram": flat, "LSTM": flat + 1})
    assert "The LSTM wins: 0.500" in demo.verdict({"5-gram": flat, "LSTM": flat - 0.5})
    assert "within two standard errors" in demo.verdict({"5-gram": flat, "LSTM": flat + noise})


def test_the_order_is_chosen_on_validation(rng, capsys):
    x = np.tile([0, 1, 0, 2], 300)  # two symbols tell the next, one does not
    orders, model, tables = demo.counted({"train": x, "validation": x[:200]}, 3)
    assert list(orders) == list(demo.ORDERS) and orders[1] > orders[2] > orders[3]
    assert orders[model.order] == min(orders.values()) and model.fit(x).keys() == tables.keys()


# The quick run


def test_a_quick_run_leaves_numbers_pictures_and_draws(ran):
    out, numbers, printed = ran
    rows = numbers["held out"]
    n = min(numbers["orders, validation"], key=numbers["orders, validation"].get)
    uniform = rows["every character as likely"]["bits a character"]
    for name in (f"{n}-gram", "LSTM"):
        assert 1 < rows[name]["bits a character"][0] < uniform + 0.2, name
    average = next(value for name, value in rows.items() if name.startswith("average"))
    assert average["bits a character"][0] < rows["LSTM"]["bits a character"][0] + 0.05
    gap = rows["LSTM less n-gram"]["bits a character"][0]
    assert gap == pytest.approx(
        rows["LSTM"]["bits a character"][0] - rows[f"{n}-gram"]["bits a character"][0], abs=1e-9
    )
    for name in ("learning", "along"):
        assert (out / f"{name}.png").read_bytes().startswith(b"\x89PNG"), name
    drawn = (out / "samples.txt").read_text()
    for temperature in demo.TEMPERATURES:
        assert f"--- LSTM, temperature {temperature}\n" in drawn
    assert f"--- {n}-gram\n" in drawn and "--quick: barely trained" in printed


def test_a_file_is_read_where_it_is_named(tmp_path, capsys):
    path = tmp_path / "book.txt"
    path.write_text("one two three. " * 200)
    numbers = demo.main(["--quick", "--file", str(path), "--out", str(tmp_path / "out")])
    assert "book.txt" in capsys.readouterr().out and numbers["alphabet"] == 9
