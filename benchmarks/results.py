"""What long benchmarks keep: a file of JSON, a line a result, so that a stopped one can go on."""

import argparse
import datetime
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

RESULTS = "results.jsonl"  # of a benchmark's folder


def whole(text: str) -> int:
    """A whole number >= 1 of a command line: `add_argument(type=whole)`."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number >= 1, got {text}")
    return number


def known(file: Path) -> list[dict[str, Any]]:
    """The results so far, none where the file is missing; a line torn by a stop is left out."""
    rows = []
    for line in file.read_text().splitlines() if file.exists() else ():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            print(f"{file}: a torn line is left out: {line[:40]}")
    return rows


def commit() -> str:
    """The short hash of this code, and whether files differ from it."""

    def git(*words: str) -> str:
        asked = ["git", "-C", str(Path(__file__).parent), *words]
        try:
            return subprocess.run(asked, capture_output=True, text=True).stdout.strip()
        except OSError:  # no git here: the result is kept all the same
            return ""

    changed = " with uncommitted changes" if git("status", "--porcelain", "-uno") else ""
    return (git("rev-parse", "--short", "HEAD") or "unknown") + changed


COMMIT = commit()  # when this program began; others may land while it runs


def keep(file: Path, row: dict[str, Any]) -> dict[str, Any]:
    """Print a result, and write it behind the others, with the day and the program's commit."""
    row = row | {"date": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}", "commit": COMMIT}
    text = json.dumps(row, default=float)
    print(text, flush=True)
    before = file.read_text() if file.exists() else ""
    torn = before and not before.endswith("\n")
    with file.open("a") as lines:  # appended, for two processes may share the file
        lines.write(("\n" if torn else "") + text + "\n")
    return row


def spread(values: list[float], digits: int) -> str:
    """Mean ± standard deviation, the latter of two values or more."""
    if not values:
        return "-"
    error = f" ± {np.std(values, ddof=1):.{digits}f}" if len(values) > 1 else ""
    return f"{np.mean(values):.{digits}f}{error}"
