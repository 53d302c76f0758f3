"""tinygen check --causal: of a user's file and of the library, in words, files and pictures."""

import importlib
import pkgutil
import sys

import pytest
from commands import fails

from tinygen import check_all, models
from tinygen.cases import CLAIMS
from tinygen.cli import main
from tinygen.commands import causal as causal_command
from tinygen.models.autoregressive import Autoregressive

ROWS = """
import numpy as np

W = np.triu(np.ones((12, 12)), 1)
W[7, 3] = 1

def shifted(x):
    return (np.tanh(x).reshape(len(x), -1) @ W).reshape(x.shape)
"""
LAYERS = """
import numpy as np
from tinygen import layers as L

first = L.MaskedConv2d(1, 2, 3, "A")
later = L.MaskedConv2d(1, 2, 3, "B")
by_hand = (lambda p, x: (x * p["a"], lambda dy: ({"a": (dy * x).sum(0)}, dy * p["a"])),
           {"a": np.ones(4)}, np.linspace(0, 1, 8).reshape(2, 4))
"""


@pytest.fixture
def file(tmp_path):
    """Writes a file and gives its path."""

    def write(text, name="net.py"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def causal(*words):
    return main(["check", "--causal", *map(str, words)])


@pytest.mark.parametrize("shape", ["12", "6,2", "3,4,1"])
def test_a_leak_of_ones_own_function_is_told_and_drawn(shape, file, tmp_path, capsys):
    out = tmp_path / "new" / "seen"
    words = [f"{file(ROWS)}:shifted", "--shape", shape, "--out", out]
    assert causal(*words, *(["--channels", "2"] if shape == "6,2" else [])) == 1
    printed = capsys.readouterr().out
    leak = {
        "12": "output [3] sees 1 input: [7]",
        "6,2": "output [1] group 1 sees 1 input: [3] group 1",
        "3,4,1": "output [0, 3] sees 1 input: [1, 3]",
    }[shape]
    assert "causality of net.py:shifted" in printed and leak in printed and "FAILED" in printed
    assert (out / "net_shifted.png").read_bytes().startswith(b"\x89PNG")
    assert leak in (out / "net_shifted_leaks.txt").read_text()


def test_the_only_function_needs_no_name_and_the_file_may_hold_the_input(file, capsys):
    path = file(ROWS + "W[7, 3] = 0\nx = np.random.default_rng(0).normal(size=(2, 12))\n")
    assert causal(path) == 0
    printed = capsys.readouterr().out
    assert "causality of net.py:shifted" in printed and "leak" not in printed


def test_integers_are_drawn_where_levels_are_given(file, capsys):
    text = "import numpy as np\ndef f(x):\n    assert x.dtype.kind == 'i' and x.max() == 3\n"
    path = file(text + "    return np.cumsum(x, axis=1) - x\n")
    assert causal(path, "--shape", "30,1", "--levels", "4") == 0


def test_layers_models_and_tuples_are_checked_too(file, capsys):
    path = file(LAYERS)
    assert causal(f"{path}:first", "--shape", "4,5,1") == 0
    assert causal(f"{path}:later", "--shape", "4,5,1") == 1
    assert "its own input: 20 leaks" in capsys.readouterr().out
    assert causal(f"{path}:later", "--shape", "4,5,1", "--itself") == 0
    assert causal(f"{path}:by_hand") == 1 and causal(f"{path}:by_hand", "--itself") == 0


def test_a_model_says_its_shape_itself(file, capsys):
    text = "from tinygen.models.nade import NADE\nmodel = NADE((6,), 4)\n"
    assert causal(file(text)) == 0
    assert "causality of net.py:model" in capsys.readouterr().out


def test_what_takes_long_shows_how_far_it_is(file, capsys, monkeypatch):
    path = file(ROWS)
    for delay, shown in ((60, False), (0, True)):
        monkeypatch.setattr(causal_command, "PATIENCE", delay)
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
        assert causal(f"{path}:shifted", "--shape", "12") == 1
        assert ("check:   0%" in capsys.readouterr().err) == shown


def test_several_files_and_names_fail_where_one_does(file, capsys):
    right = file("def f(x):\n    return x.cumsum(1) - x\n", "right.py")
    assert causal(right, "MaskedDense", "--shape", "5") == 0
    printed = capsys.readouterr().out
    assert "right.py:f" in printed and "MaskedDense, a stack" in printed
    assert causal(right, f"{file(ROWS)}:shifted", "--shape", "12") == 1


def test_the_claims_of_the_library_are_drawn_too(tmp_path, capsys):
    assert causal("MaskedDense, a stack", "--out", tmp_path) == 0
    assert "1 picture of who sees whom" in capsys.readouterr().out
    assert [f.name for f in tmp_path.iterdir()] == ["maskeddense_a_stack.png"]


def test_without_names_all_causal_claims_of_the_library_are_run(monkeypatch, capsys):
    ran = []

    def fine(case):
        ran.append(case)
        return check_all.Line("layers", case.name, case.kind, 0.0, None, "ok")

    monkeypatch.setattr(check_all, "line", fine)
    assert causal() == 0
    assert ran == check_all.by_area([claim for claim in CLAIMS if claim.kind == "causal"])
    assert f"{len(ran)} checks of {len(ran)} cases" in capsys.readouterr().out


def autoregressive():
    for found in pkgutil.iter_modules(models.__path__):
        importlib.import_module(f"tinygen.models.{found.name}")
    kinds, waiting = set(), [Autoregressive]
    while waiting:
        found = [k for k in waiting.pop().__subclasses__() if k.__module__.startswith("tinygen.")]
        kinds |= set(found)
        waiting += found
    return sorted(kinds, key=lambda kind: kind.__name__)


@pytest.mark.parametrize("kind", autoregressive(), ids=lambda kind: kind.__name__)
def test_every_autoregressive_model_claims_to_be_causal(kind):
    assert any(claim.kind == "causal" and kind in claim.of for claim in CLAIMS)


# Bad input: one line each


@pytest.mark.parametrize(
    "text, says",
    [
        ("x = 3\n", "say which function of {path} to check, as {path}:name; it holds none"),
        ("def a(x): pass\ndef b(x): pass\n", "as {path}:name; it holds a, b."),
        ("def f(x):\n    return x[:, 1:]\n", "but an output or gradient has shape (2, 4): reshape"),
        ("def f(x):\n    return x * float('nan')\n", "NaN or infinity, first at output [0]"),
        ("def f(x):\n    return x.mend()\n", "failed on an input float64 (2, 5): AttributeError"),
        ("def f(x):\n    return None\n", "must return an array like x"),
        ("1 / 0\n", "does not run: ZeroDivisionError"),
    ],
)
def test_a_file_that_cannot_be_checked_is_refused_in_one_line(text, says, file, capsys):
    path = file(text)
    assert says.format(path=path) in fails(
        capsys, "check", "--causal", path, "--shape", 5, silent=True
    )


@pytest.mark.parametrize(
    "words, says",
    [
        (["{path}:shiftet", "--shape", "12"], "has no 'shiftet', did you mean 'shifted'?"),
        (["{path}:W", "--shape", "12"], "expected a function f(x) -> y, got ndarray"),
        (["{path}"], "on what input? Give --shape"),
        (["{path}", "--shape", "3x4"], "--shape is that of one example, such as 16 or 20,3"),
        (["{path}", "--shape", "0,4"], "--shape is that of one example"),
        (["{path}", "--shape", "12", "--levels", "1"], "--levels must be at least 2, got 1"),
        (
            ["{path}", "--shape", "12", "--channels", "5"],
            "channels=5 does not divide the 1 features",
        ),
        (["absent.py", "--shape", "12"], "there is no file absent.py"),
        (["conv2d"], "nothing is claimed of conv2d; what has an order is"),
        (["maskeddens"], "did you mean 'MaskedDense'"),
    ],
)
def test_words_that_do_not_fit_are_refused_in_one_line(words, says, file, capsys):
    path = file(ROWS)
    words = [word.format(path=path) for word in words]
    assert says in fails(capsys, "check", "--causal", *words, silent=True)


@pytest.mark.parametrize("words", [["--shape", "4"], ["--out", "x"], ["--itself"]])
def test_options_without_causal_are_refused(words, capsys):
    said = fails(capsys, "check", "dense", *words, silent=True)
    assert f"check: {words[0]} goes with --causal" in said


def test_the_library_without_a_leak_is_what_the_table_says(capsys):
    assert causal("LSTM") == 0
    line = next(x for x in capsys.readouterr().out.splitlines() if x.startswith("  LSTM"))
    assert line.split() == ["LSTM", "causal", "0.0e+00", "ok"]
