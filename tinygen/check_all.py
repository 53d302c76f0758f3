"""The command `check`: every case and claim of the library, one line each, in one table.

    python -m tinygen check                   everything
    python -m tinygen check conv2d vae        what belongs to these layers, functions or models
    python -m tinygen check likelihoods       an area
    python -m tinygen check my_layers.py      the lists CASES and CLAIMS of a file of your own

What a case and a claim are: `tinygen/cases/common.py`.      docs/derivations/check.md
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tinygen import cases
from tinygen.cases import Case, Claim
from tinygen.check import Report, Row, check_contract, check_gradients
from tinygen.check.own_file import run_file
from tinygen.names import nearest

AREAS = (
    *("layers", "likelihoods", "divergences", "quadrature", "reparameterise", "adversarial"),
    "models",
)
LEGEND = """\
gradient  backward is the derivative of forward, by central differences of that step, up to 1e-6
contract  backward is repeatable, linear and the same in halves, and writes to nothing it was given
adjoint   <A x, y> = <x, A^T y>;  causal: no output sees a later input;  zero: rightly none"""
SEED = 1
NOTHING = Row("point", np.inf, None, "WRONG: no parameter and no float input to check")


@dataclass(frozen=True)
class Line:
    """One case or claim: its worst error and verdict, which begins with "ok" or "WRONG".

    step    : of the differences, where there are any
    reports : what each check found, with a row a leaf
    """

    area: str
    name: str
    checked: str
    error: float
    step: float | None
    verdict: str
    reports: tuple[Report, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every check of this line passed."""
        return not self.verdict.startswith("WRONG")


@dataclass
class Table:
    """The lines, sorted by area and by what they belong to. `str` is for people."""

    lines: list[Line] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether every line passed; a table without a line has shown nothing, and fails."""
        return bool(self.lines) and all(line.passed for line in self.lines)

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        what = max([len(line.name) for line in self.lines] + [4])
        how = max([len(line.checked) for line in self.lines] + [7])
        head = f"  {'what':<{what}}  {'checked':<{how}}  worst error   step  verdict"
        text: list[str] = []
        for i, line in enumerate(self.lines):
            if i == 0 or line.area != self.lines[i - 1].area:
                text += ["", line.area, head]
            step = "" if line.step is None else f"{line.step:.0e}"
            text.append(
                f"  {line.name:<{what}}  {line.checked:<{how}}  {line.error:11.1e}  {step:>5}"
                f"  {line.verdict}"
            )
        for line in self.lines:
            for report in () if line.passed else line.reports:
                if not report:
                    text += ["", f"{line.name}: {report}"]
        return "\n".join([*text[1:], "", LEGEND, "", self.summary()])

    def summary(self) -> str:
        """How many checks, how long they took, and which lines failed."""
        checks = sum(len(line.checked.split(", ")) for line in self.lines)
        failed = [line.name for line in self.lines if not line.passed]
        end = f"{len(failed)} FAILED: {'; '.join(failed)}" if failed else "all passed"
        of = f"{len(self.lines)} case{'s' * (len(self.lines) != 1)}"
        return f"{checks} checks of {of} in {self.seconds:.0f} s: {end}"


def run(names: Sequence[str] = ()) -> int:
    """Print the table of these names, all where there are none; 0 where all passed, else 1.

    names : as for `table`, with its errors
    """
    result = table(names)
    print(result)
    return 0 if result else 1


def table(names: Sequence[str] = ()) -> Table:
    """Run the checks of these names.

    names : classes, functions, builders, areas or the names of single lines, in any case, with or
            without _ and -; paths that end in .py; none for everything

    Raises ValueError for an unknown name, with the nearest one, and for a file without cases.
    """
    return table_of(chosen(names))


def table_of(found: Sequence[Case | Claim]) -> Table:
    """Run the checks of these. A bar on stderr shows how far, where that is a terminal."""
    from tqdm import tqdm

    start = time.perf_counter()
    bar = tqdm(found, desc="check", unit="case", leave=False, disable=None)
    return Table([line(case) for case in bar], time.perf_counter() - start)


def known() -> dict[str, list[str]]:
    """Area -> the names that `table` knows there, of classes and functions, both in order."""
    names: dict[str, set[str]] = {}
    for case in by_area(library()):
        names.setdefault(area(case), set()).update(of.__name__ for of in case.of)
    return {key: sorted(value, key=str.lower) for key, value in names.items()}


def library() -> list[Case | Claim]:
    """Everything in the package that can be checked."""
    return [*cases.CASES, *cases.CLAIMS]


def chosen(names: Sequence[str]) -> list[Case | Claim]:
    """The cases and claims that belong to the names, sorted, each once."""
    everything = library()
    found = [] if names else everything
    for name in names:
        if name.endswith(".py"):
            found += from_file(Path(name))
            continue
        matches = [case for case in everything if plain(name) in labels(case)]
        if not matches:
            raise ValueError(unknown(name))
        found += [case for case in matches if case not in found]
    return by_area(found)


def labels(case: Case | Claim) -> set[str]:
    """The plain names by which a case is found."""
    return {plain(s) for s in (case.name, area(case), *(of.__name__ for of in case.of))}


def plain(name: str) -> str:
    """A name as it is compared: Dense_VAE, dense-vae and densevae are one."""
    return name.lower().replace("_", "").replace("-", "")


def unknown(name: str) -> str:
    """What is said of a name that nothing has."""
    names = known()
    near = nearest(name, [*names, *(s for part in names.values() for s in part)])
    return (
        f"no layer, function or model is called {name!r}{near or '.'} "
        f"The areas are {', '.join(names)}; a file with cases of your own ends in .py"
    )


def from_file(path: Path) -> list[Case | Claim]:
    """The lists CASES and CLAIMS of a Python file, which is run. Raises ValueError."""
    module = run_file(path)
    found = [*getattr(module, "CASES", []), *getattr(module, "CLAIMS", [])]
    if not found or not all(isinstance(case, Case | Claim) for case in found):
        raise ValueError(
            f"{path} must hold a list CASES of cases, such as "
            "CASES = [tinygen.cases.layer_case('Dense', Dense(4, 6), 2, 4)]"
        )
    return found


def by_area(found: Sequence[Case | Claim]) -> list[Case | Claim]:
    """Sorted by area, then by what a case belongs to, else in order."""

    def place(case: Case | Claim) -> tuple[int, str, str]:
        where = area(case)
        index = AREAS.index(where) if where in AREAS else len(AREAS)
        return index, where, case.of[0].__name__.lower() if case.of else ""

    return sorted(found, key=place)


def area(case: Case | Claim) -> str:
    """The part of the package in which the first thing that a case belongs to is defined."""
    parts = case.of[0].__module__.split(".") if case.of else ["other"]
    return parts[1] if parts[0] == "tinygen" else parts[-1]


def line(case: Case | Claim) -> Line:
    """Run all checks of a case at its seeded point."""
    checked = "gradient, contract" if isinstance(case, Case) else case.kind
    try:
        reports = checks(case)
    except Exception as raised:  # whatever it is: one broken layer must not hide the others
        verdict = f"WRONG: raised {type(raised).__name__}: {raised}"
        return Line(area(case), case.name, checked, np.inf, None, verdict)
    for kind, report in zip(checked.split(", "), reports, strict=True):
        if not report:
            row = next((row for row in report.rows if not row.passed), NOTHING)
            why = row.verdict.removeprefix("WRONG").lstrip(": ")
            verdict = f"WRONG: {kind}, {row.name}: {why}"
            return Line(area(case), case.name, checked, row.error, row.step, verdict, reports)
    zeros = reports[0].zeros  # their errors are relative to rounding alone
    rows = [row for row in reports[0].rows if row.name not in zeros] or reports[0].rows
    worst = max(rows, key=lambda row: row.error)
    verdict = f"ok, zero: {', '.join(zeros)}" if zeros else "ok"
    return Line(area(case), case.name, checked, worst.error, worst.step, verdict, reports)


def checks(case: Case | Claim) -> tuple[Report, ...]:
    """The reports of a case, in the order of the column `checked`."""
    rng = np.random.default_rng(SEED)
    if isinstance(case, Claim):
        return (case.check(rng),)
    f, p, x = case.make(rng)
    return (
        check_gradients(f, p, x, rng=rng, zero=case.zero, wrt_x=case.wrt_x),
        check_contract(f, p, x, rng=rng, wrt_x=case.wrt_x),
    )
