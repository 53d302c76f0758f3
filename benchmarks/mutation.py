"""Mutation testing of every backward pass: does a check notice when one thing in it is wrong?

    python benchmarks/mutation.py                      all files, counts a file
    python benchmarks/mutation.py --file dense --list-survivors
    python benchmarks/mutation.py --tests              survivors meet the unit tests too

1. Each case of tinygen/cases runs once, and the lines that its backward pass executes are recorded.
2. The statements on those lines are mutated one thing at a time (mutants.py).
3. For each mutant a fresh process loads the library with that one file changed and runs the
   gradient and the contract check of the cases that execute the line, until one fails; at last
   with blocks so small that every loop over blocks runs more than once.

Survivors that are equivalent to the original stand in docs/decisions.md, with the reason; they are
counted apart. A line of a pullback that no case executes counts as a survivor.
"""

import argparse
import ast
import contextlib
import importlib
import importlib.machinery
import math
import os
import pickle
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from mutants import Mutant, mutants

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("layers", "likelihoods", "kernels", "models", "divergences", "adversarial")
FILES = ("divergences.py", "reparameterise.py", "adversarial.py", "tangent.py")
# Refusals, names and sizes: no gradient passes through them.
EXEMPT = ("__init__.py", "base.py", "initialisers.py", "summary.py", "updates.py", "compose.py")
# Tests that say nothing of a backward pass, or what the cases have said already.
NO_TESTS: tuple[str, ...] = (
    "test_gradients",
    "test_check",
    "test_check_all",
    "test_plants",
    "test_house",
    "test_mutants",
)
NO_TESTS += ("test_speed", "test_demo", "test_pages", "test_digits", "test_training")
SURVIVED, GRADIENTS, CONTRACT, RAISED, TESTS, SLOW = range(6)
NAMES = ("survived", "gradients", "contract", "raised", "tests", "endless")


@dataclass
class Coverage:
    """What one run of every case showed."""

    backward: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    touched: dict[str, dict[int, set[int]]] = field(default_factory=dict)  # file, line -> cases
    seconds: list[float] = field(default_factory=list)  # of the checks, a case


def main() -> int:
    """Run, print the counts; exit status 1 where a mutant survived that is not listed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--file", default="", help="only files whose path contains this")
    parser.add_argument("--list-survivors", action="store_true")
    parser.add_argument("--tests", action="store_true", help="run unit tests on survivors")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before NumPy is imported, and a fork is safe then
    with tempfile.TemporaryDirectory() as folder:
        hidden = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info")
        shutil.copytree(ROOT, folder, ignore=hidden, dirs_exist_ok=True)
        sys.path[:0] = [folder, f"{folder}/tests"]
        os.chdir(folder)
        return run(Path(folder), options)


def run(folder: Path, options: argparse.Namespace) -> int:
    """All three steps over a copy of the library, so that it may be edited meanwhile."""
    import numpy  # noqa: F401  (shared by the forked processes; the library itself is not)

    started = time.monotonic()
    coverage = in_child(lambda: record(folder))
    known = equivalents()
    everything: list[tuple[Mutant, list[int]]] = []
    unreached = []
    for file in targets(folder, options.file):
        source = (folder / "tinygen" / file).read_text()
        lines = coverage.backward.get(file, set())
        unreached += [(file, line) for line in pullback_lines(source) - lines]
        for mutant in mutants(file, source, lines):
            cases = cases_of(mutant, coverage)
            everything.append((mutant, cases))
    print(
        f"{len(everything)} mutants, coverage took {time.monotonic() - started:.0f} s", flush=True
    )

    outcome = pool(
        [partial(verdict, folder, m, c) for m, c in everything],
        [30 + 20 * sum(coverage.seconds[i] for i in c) for _, c in everything],
        options.jobs,
    )
    if options.tests:
        left = [i for i, o in enumerate(outcome) if o == SURVIVED]
        again = run_tests(folder, [everything[i][0] for i in left], options.jobs)
        for i, o in zip(left, again, strict=True):
            outcome[i] = o
    survivors = report([m for m, _ in everything], outcome, unreached, known, options)
    print(f"{time.monotonic() - started:.0f} s")
    return 1 if survivors else 0


def targets(folder: Path, only: str) -> list[str]:
    """The files with backward passes, relative to the package."""
    package = folder / "tinygen"
    found = [package / name for name in FILES]
    for name in FOLDERS:
        found += sorted((package / name).glob("*.py"))
    names = [str(f.relative_to(package)) for f in found if f.exists() and f.name not in EXEMPT]
    return [name for name in names if only in name]


def record(folder: Path) -> Coverage:
    """Run each case under a trace: the lines of its forward and of its backward pass."""
    from numpy.random import default_rng

    from tinygen.cases import CASES
    from tinygen.check.gradients import gradients_of
    from tinygen.check.points import cotangent

    coverage, prefix = Coverage(), str(folder / "tinygen") + os.sep
    for number, case in enumerate(CASES):
        rng = default_rng(1)
        f, p, x = case.make(rng)
        executed: set[tuple[str, int]] = set()
        with traced(prefix, executed):
            y, backward = f(p, x)
        forward = frozenset(executed)
        executed.clear()
        u = cotangent(rng, y)
        with traced(prefix, executed):
            gradients_of(backward, u, case.wrt_x)
            if hasattr(backward, "dp"):
                backward.dp(u)
            if hasattr(backward, "dx") and case.wrt_x:
                backward.dx(u)
        for file, line in executed:
            coverage.backward[file].add(line)
        for file, line in executed | forward:
            coverage.touched.setdefault(file, {}).setdefault(line, set()).add(number)
        start = time.monotonic()
        if checked(case) != SURVIVED:
            print(f"the case {case.name!r} fails as it is")
        coverage.seconds.append(time.monotonic() - start)
    return coverage


class traced:
    """While open, (file, line) of the lines executed below a folder go into a set."""

    def __init__(self, prefix: str, executed: set[tuple[str, int]]):
        self.prefix, self.executed = prefix, executed

    def __enter__(self) -> None:
        def local(frame: Any, event: str, _: Any) -> Any:
            self.executed.add((frame.f_code.co_filename[len(self.prefix) :], frame.f_lineno))
            return local

        def enter(frame: Any, event: str, _: Any) -> Any:
            return local(frame, event, _) if self.ours(frame) else None

        sys.settrace(enter)

    def ours(self, frame: Any) -> bool:
        """Whether a frame runs a file of the library."""
        return frame.f_code.co_filename.startswith(self.prefix)

    def __exit__(self, *_: Any) -> None:
        sys.settrace(None)


def cases_of(mutant: Mutant, coverage: Coverage) -> list[int]:
    """The cases that execute the mutated line, else those of the file; the fast ones first."""
    touched = coverage.touched.get(mutant.file, {})
    cases = touched.get(mutant.line) or set().union(*touched.values())
    return sorted(cases, key=lambda i: coverage.seconds[i])


def pullback_lines(source: str) -> set[int]:
    """The first lines of the statements of functions inside functions, which pullbacks are."""
    lines = set()
    for outer in ast.walk(ast.parse(source)):
        if not isinstance(outer, ast.FunctionDef) or outer.name in ("fused", "__post_init__"):
            continue
        for inner in ast.walk(outer):
            if isinstance(inner, ast.FunctionDef) and inner is not outer:
                for node in ast.walk(inner):
                    if isinstance(node, ast.stmt) and not isinstance(
                        node, ast.FunctionDef | ast.Raise | ast.Nonlocal
                    ):
                        lines.add(node.lineno)
    return lines - docstrings(source)


def docstrings(source: str) -> set[int]:
    """Lines on which a statement is a bare string."""
    return {
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


def checked(case: Any) -> int:
    """SURVIVED where the case passes its checks, else what rejected it."""
    from numpy.random import default_rng

    from tinygen.check import check_contract, check_gradients

    rng = default_rng(1)
    f, p, x = case.make(rng)
    if not check_gradients(f, p, x, rng=rng, zero=case.zero, wrt_x=case.wrt_x):
        return GRADIENTS
    if not check_contract(f, p, x, rng=rng, wrt_x=case.wrt_x):
        return CONTRACT
    return SURVIVED


def load_mutant(folder: Path, mutant: Mutant) -> None:
    """From here on, importing the mutated file gives the mutant."""
    path = str(folder / "tinygen" / mutant.file)
    loader: Any = importlib.machinery.SourceFileLoader
    get_code = loader.get_code

    def changed(self: Any, fullname: str) -> Any:
        if self.path == path:
            return compile(mutant.text, path, "exec")
        return get_code(self, fullname)

    loader.get_code = changed


def verdict(folder: Path, mutant: Mutant, cases: list[int]) -> int:
    """Run the checks of these cases on the mutant, in this process."""
    load_mutant(folder, mutant)
    try:
        from blocks import SIZES, small_blocks

        from tinygen.cases import CASES

        for sizes in ({}, *SIZES):
            for number in cases:
                with small_blocks(sizes):
                    result = checked(CASES[number])
                if result != SURVIVED:
                    return result
    except Exception:
        return RAISED
    return SURVIVED


def run_tests(folder: Path, survivors: list[Mutant], width: int) -> list[int]:
    """The outcome of the unit tests on each of these mutants."""
    for module in ("pytest", "torch"):  # once, for all forked processes
        with contextlib.suppress(ImportError):
            importlib.import_module(module)
    files = [p for p in sorted((folder / "tests").glob("test_*.py")) if p.stem not in NO_TESTS]
    alone = pool([partial(unit_tests, folder, None, [p]) for p in files], [300.0] * len(files), 1)
    for path, outcome in zip(files, alone, strict=True):
        if outcome != SURVIVED:
            print(f"{path.name} does not pass without a mutant: left out")
    files = [path for path, outcome in zip(files, alone, strict=True) if outcome == SURVIVED]
    jobs = [partial(unit_tests, folder, m, concerned(folder, m, files)) for m in survivors]
    return pool(jobs, [300.0] * len(jobs), width)


def concerned(folder: Path, mutant: Mutant, files: list[Path]) -> list[Path]:
    """The test files that mention a name of the mutated file or of one that imports it.

    And those over all devices.
    """
    stem = Path(mutant.file).stem
    names = {stem} | defined(mutant.text)
    for path in (folder / "tinygen").rglob("*.py"):
        text = path.read_text()
        case = path.parent.name == "cases"  # whose helpers' names say nothing
        if (
            not case
            and path.name != "__init__.py"
            and re.search(rf"import .*\b{stem}\b|\b{stem} import", text)
        ):
            names |= defined(text)
    texts = [(path, path.read_text()) for path in files]
    return [p for p, t in texts if p.stem == "test_devices" or any(name in t for name in names)]


def defined(text: str) -> set[str]:
    """The names of the classes and functions of a source."""
    body = ast.parse(text).body
    return {n.name for n in body if isinstance(n, ast.ClassDef | ast.FunctionDef)}


def unit_tests(folder: Path, mutant: Mutant | None, files: list[Path]) -> int:
    """Run these test files on the mutant, in this process."""
    if mutant is not None:
        load_mutant(folder, mutant)
    import pytest

    options = ["-x", "-q", "-p", "no:cacheprovider", "-c", str(folder / "pyproject.toml")]
    return TESTS if pytest.main([*options, *map(str, files)]) else SURVIVED


def pool(jobs: Sequence[Callable[[], int]], seconds: list[float], width: int) -> list[int]:
    """Run each job in a process of its own, `width` at a time; SLOW beyond its processor time."""
    results = [SURVIVED] * len(jobs)
    running: dict[int, int] = {}  # process -> job
    waiting = iter(range(len(jobs)))
    while True:
        while len(running) < width and (i := next(waiting, None)) is not None:
            running[fork(jobs[i], math.ceil(seconds[i]))] = i
        if not running:
            return results
        pid, status = os.wait()
        code = os.waitstatus_to_exitcode(status)
        if code == -signal.SIGXCPU:
            code = SLOW
        results[running.pop(pid)] = code if code in range(len(NAMES)) else RAISED  # out of memory


def fork(job: Callable[[], int], seconds: int) -> int:
    """Start a job with so much processor time; its result is the exit status."""
    pid = os.fork()
    if pid:
        return pid
    code = RAISED
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
        resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        code = job()
    finally:
        os._exit(code)


def in_child(job: Callable[[], Any]) -> Any:
    """The value of a job that ran in a process of its own, so that its imports stay there."""
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            with os.fdopen(write, "wb") as out:
                out.write(pickle.dumps(job()))
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as result:
        value = result.read()
    if os.waitpid(pid, 0)[1]:
        raise SystemExit("the cases do not run: see above")
    return pickle.loads(value)


def key(mutant: Mutant) -> tuple[str, str, str]:
    """What a line of docs/decisions.md says of a mutant: file, line of code, old -> new."""
    return mutant.file, " ".join(mutant.code.split()), mutant.label


def equivalents() -> set[tuple[str, str, str]]:
    """The mutants listed in docs/decisions.md: rows | `file` | `code` | `old -> new` | why |.

    `any` in the third cell stands for every mutant of the line.
    """
    decisions = ROOT / "docs" / "decisions.md"
    text = decisions.read_text() if decisions.exists() else ""
    section = text.partition("## Mutation testing")[2].partition("\n## ")[0]
    return {row for line in section.splitlines() if (row := table_row(line)) is not None}


def is_known(mutant: Mutant, known: set[tuple[str, str, str]]) -> bool:
    """Whether a mutant is listed, itself or by its line."""
    file, code, _ = key(mutant)
    return key(mutant) in known or (file, code, "any") in known


def table_row(line: str) -> tuple[str, str, str] | None:
    r"""The first three cells of a table row without their backticks; `\|` is a bar."""
    cells = [c.replace("\0", "|").strip() for c in line.replace("\\|", "\0").split("|")]
    if len(cells) < 6 or not cells[1].startswith("`"):
        return None
    return cells[1].strip("`"), cells[2].strip("`"), cells[3].strip("`")


def report(
    everything: list[Mutant],
    outcome: list[int],
    unreached: list[tuple[str, int]],
    known: set[tuple[str, str, str]],
    options: argparse.Namespace,
) -> int:
    """Print a line a file, the sum, and the survivors; return how many are not listed."""
    rows: dict[str, Counter[str]] = defaultdict(Counter)
    survivors = []
    for mutant, result in zip(everything, outcome, strict=True):
        name = NAMES[result]
        if result == SURVIVED and is_known(mutant, known):
            name = "equivalent"
        elif result == SURVIVED:
            survivors.append(mutant)
        rows[mutant.file][name] += 1
    for file, _ in unreached:
        rows[file]["unreached"] += 1
    columns = [*NAMES[1:], "equivalent", "survived", "unreached"]
    print(f"{'file':36}{'mutants':>9}" + "".join(f"{c:>11}" for c in columns))
    for file, counts in [*sorted(rows.items()), ("all", sum(rows.values(), Counter()))]:
        total = sum(n for name, n in counts.items() if name != "unreached")
        print(f"{file:36}{total:9}" + "".join(f"{counts[c]:11}" for c in columns))
    if options.tests and not options.file:
        left: set[tuple[str, ...]] = {
            key(m)[:2] for m, o in zip(everything, outcome, strict=True) if o == SURVIVED
        }
        left |= {key(m) for m, o in zip(everything, outcome, strict=True) if o == SURVIVED}
        for row in sorted(known):
            if (row[:2] if row[2] == "any" else row) not in left:
                print(f"listed as equivalent, but rejected or gone: {' | '.join(row)}")
    if options.list_survivors:
        for mutant in survivors:
            print(f"{mutant.file}:{mutant.line}: {mutant.code}\n    {mutant.label}")
        for file, line in sorted(unreached):
            print(f"{file}:{line}: in a pullback, and no case executes it")
    return len(survivors) + len(unreached)


if __name__ == "__main__":
    sys.exit(main())
