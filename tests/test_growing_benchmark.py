"""The benchmark of growing: its rows, and that it goes on where it was stopped."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import growing

WORDS = [
    *("--data", "digits", "--channels", "4,2", "--images", "128", "--seeds", "0"),
    *("--fakes", "16", "--patches", "4", "--directions", "8"),
]


def test_it_goes_on_where_it_was_stopped_and_both_kinds_are_shown_as_much(tmp_path, capsys):
    whole = growing.main([*WORDS, "--out", str(tmp_path)])
    real = ["other training images", "test images"]
    assert [row["what"] for row in whole] == real + ["growing"] * 4 + ["full size"] * 4
    images = {what: [r["images"] for r in whole if r["what"] == what] for what in growing.KINDS}
    assert images["growing"] == images["full size"] == [32, 64, 96, 128]
    assert [row.get("level") for row in whole[2:6]] == [0, 1, 1, 1]
    assert all(row["8"] > 0 and row["mean"] == row["8"] for row in whole)
    results = tmp_path / "results.jsonl"
    lines = results.read_text().splitlines(keepends=True)
    results.write_text("".join(lines[:5] + lines[6:]))  # the last of "growing" is lost
    again = growing.main([*WORDS, "--out", str(tmp_path)])
    found = next(r for r in again if (r["what"], r["images"]) == ("growing", 128))
    lost = json.loads(lines[5])
    assert found["8"] == lost["8"] and found["CPU seconds"] >= lost["CPU seconds"]
    assert "| growing | 128 | 1 |" in (tmp_path / "table.md").read_text()
    assert "| test images | 0 | 1 |" in capsys.readouterr().out


def test_seconds_are_kept_where_a_training_is_stopped(tmp_path):
    file = tmp_path / "cpu_seconds.txt"
    with pytest.raises(KeyboardInterrupt), growing.counted(file):
        sum(i * i for i in range(2_000_000))
        raise KeyboardInterrupt
    assert growing.seconds(file) > 0
