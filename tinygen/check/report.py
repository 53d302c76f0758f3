"""What a check found, as a table for people and a verdict for tests."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Row:
    """One line: a leaf or claim, the size of its error, the step it was measured with.

    error   : relative to the larger of numeric derivative, gradient norm and rounding floor, in a
              gradient check; what the other checks mean by it stands in their docstrings
    verdict : "ok", "zero" (zero within the rounding floor) or begins with "WRONG"
    """

    name: str
    error: float
    step: float | None
    verdict: str

    @property
    def passed(self) -> bool:
        """Whether the verdict is anything but "WRONG ..."."""
        return not self.verdict.startswith("WRONG")


@dataclass
class Report:
    """The rows of one check. `str(report)` is a table, `report.passed` the verdict.

    redraws : how often a gradient check drew its point anew because of a kink
    sweep   : of a gradient check: -> leaf name -> (steps, relative errors), for `plot`
    """

    title: str
    rows: list[Row] = field(default_factory=list)
    redraws: int = 0
    sweep: Callable[[], dict[str, tuple[Any, Any]]] | None = None

    @property
    def passed(self) -> bool:
        """Whether every row passed; a check without a row has shown nothing, and fails."""
        return bool(self.rows) and all(row.passed for row in self.rows)

    @property
    def zeros(self) -> tuple[str, ...]:
        """The leaves whose gradient was zero within the rounding floor."""
        return tuple(row.name for row in self.rows if row.verdict == "zero")

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        width = max([len(row.name) for row in self.rows] + [4])
        lines = [self.title, f"  {'leaf':<{width}}  {'error':>8}  {'step':>6}  verdict"]
        for row in self.rows:
            step = "" if row.step is None else f"{row.step:.0e}"
            lines.append(f"  {row.name:<{width}}  {row.error:8.1e}  {step:>6}  {row.verdict}")
        if not self.rows:
            lines.append("  nothing to check: no parameter and no float input")
        if self.redraws:
            times = "once" if self.redraws == 1 else f"{self.redraws} times"
            lines.append(f"  point redrawn {times}, away from a suspected kink")
        lines.append(f"  {'passed' if self.passed else 'FAILED'}")
        return "\n".join(lines)

    def plot(self, path: Any = None) -> Any:
        """The error against the step size, a line a leaf; written to `path` where given.

        Truncation falls as h^2 from the right, rounding rises as 1 / h to the left: a V. A wrong
        gradient is a flat line instead. Returns the figure. Needs matplotlib. Raises ValueError
        for the report of another check than `check_gradients`.
        """
        from matplotlib.figure import Figure

        if self.sweep is None:
            raise ValueError(f"{self.title}: only gradient checks have steps to plot")
        figure = Figure(figsize=(6.4, 4.2), layout="constrained")
        axes = figure.add_subplot()
        for name, (steps, errors) in self.sweep().items():
            axes.loglog(steps, errors, marker=".", linewidth=1, label=name)
        axes.axhline(1e-6, color="grey", linestyle=":", label="tolerance")
        axes.set(xlabel="step h", ylabel="relative error", title=self.title)
        axes.legend(fontsize="small", ncols=1 + len(axes.lines) // 12)
        if path is not None:
            figure.savefig(path, dpi=120)
        return figure
