"""The mutation script mutates what it says, one thing at a time."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))
mutation = pytest.importorskip("mutation", exc_type=ImportError)  # absent from an installed copy
from mutants import mutants  # noqa: E402

SOURCE = '''
def forward(x, W):
    """y = x W: -1 is not mutated here"""
    y = x @ W

    def dx(dy):
        if dy.ndim != 2:
            raise ValueError(f"{dy.ndim - 1} axes")
        total = -dy[1:] * 0.5 + dy.sum(axis=0)
        total += dy.max(axis=-1)
        return total @ W.T

    return y, dx
'''


def labels(*lines):
    return {m.label for m in mutants("f.py", SOURCE, set(lines))}


def test_every_kind_of_mutant_is_made():
    assert {
        "-dy[1:] -> (dy[1:])",  # sign
        "-dy[1:] * 0.5 -> ((-dy[1:]) / (0.5))",  # operator
        "-dy[1:] * 0.5 -> (-dy[1:])",  # a factor
        "-dy[1:] * 0.5 + dy.sum(axis=0) -> (dy.sum(axis=0))",  # a term of a sum
        "-dy[1:] * 0.5 + dy.sum(axis=0) -> ((-dy[1:] * 0.5) - (dy.sum(axis=0)))",
        "0.5 -> 1.0",  # constant
        "0 -> 1",  # axis
        "dy.sum -> dy.mean",
        "1: -> (1) + 1:",  # slice
    } <= labels(9)
    assert {
        "total += dy.max(axis=-1) -> total -= dy.max(axis=-1)",
        "total += dy.max(axis=-1) -> pass",
        "-1 -> -2",
        "-1 -> (1)",
    } <= labels(10)
    assert {"W.T -> (W)", "total @ W.T -> ((W.T) @ (total))"} <= labels(11)
    assert {"dy.ndim != 2 -> (dy.ndim == 2)", "2 -> 3"} <= labels(7)


def test_a_mutant_differs_in_one_line_and_keeps_the_others():
    for mutant in mutants("f.py", SOURCE, set(range(1, 14))):
        pairs = zip(mutant.text.splitlines(), SOURCE.splitlines(), strict=True)
        assert [i for i, (a, b) in enumerate(pairs, 1) if a != b] == [mutant.line]


def test_messages_docstrings_and_other_lines_are_left_alone():
    assert not labels(3) and not labels(8)
    assert all(m.line == 4 for m in mutants("f.py", SOURCE, {4}))


def test_a_line_of_the_table_names_a_mutant():
    row = r"| `kernels/a.py` | `x = a \| b` | `a \| b -> (a)` | both hold |"
    assert mutation.table_row(row) == ("kernels/a.py", "x = a | b", "a | b -> (a)")
    assert mutation.table_row("| file | line | mutation | why |") is None


def test_pullbacks_are_the_functions_inside_functions():
    assert mutation.pullback_lines(SOURCE) == {7, 9, 10, 11}
