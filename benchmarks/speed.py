"""Speed of the layers and of the VAE step against PyTorch eager, on the same cores.

python benchmarks/speed.py                      all cases, a table on the screen
python benchmarks/speed.py --only conv --rounds 5
python benchmarks/speed.py --output table.md --json raw.jsonl

Each side of a case lives in its own process. The sides take turns: in each round one works for a
moment while the others sleep, so that a slow moment of the machine meets all of them. A round
counts with its median step; the table shows the median of the rounds, their quartiles, and the
ratio ours / PyTorch's, formed within each round. Needs PyTorch: pip install 'tinygen[bench]'.
"""

import argparse
import datetime
import json
import math
import os
import platform
import shlex
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from results import commit
from speed_cases import CASES, PEAK, Case
from tqdm import tqdm

HERE = Path(__file__).parent
THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


class Worker:
    """One side of one case, in a process of its own."""

    def __init__(self, case: Case, side: str, options: argparse.Namespace):
        library, _, setting = side.partition(" ")
        command = [sys.executable, str(HERE / f"speed_{library}.py"), case.name]
        command += ["--device", options.device, "--threads", str(options.threads)]
        command += ["--setting", setting]
        if options.keep_memory == "both" or (options.keep_memory == "ours" and side == "ours"):
            command.append("--keep-memory")
        threads = dict.fromkeys(THREAD_VARIABLES, str(options.threads))
        self.side = side
        self.rounds: list[float] = []
        self.peak = 0.0
        self.process = subprocess.Popen(
            command,
            env=os.environ | threads,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        first = self.read()
        self.skip: str = first.get("skip", "")
        self.versions: dict[str, str] = first.get("versions", {})
        self.imports: float = first.get("imports", 0.0)

    def read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        return json.loads(line) if line else {"skip": "the worker process failed, see above"}

    def round(self, seconds: float) -> None:
        """Let the worker repeat its step for so long; note the median."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()
        reply = self.read()
        if "times" not in reply:
            self.skip = reply["skip"]
            return
        self.rounds.append(statistics.median(reply["times"]))
        self.peak = reply["peak"]

    def close(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()  # the worker's loop over stdin ends
        self.process.wait()
        self.process.stdout.close()


def measure(
    case: Case, sides: tuple[str, ...], options: argparse.Namespace, bar: Any
) -> list[Worker]:
    """The workers of a case after all rounds, closed."""
    workers = []
    try:
        for side in sides:
            bar.set_postfix_str(f"{case.name}: {side} starts")
            workers.append(Worker(case, side, options))
        for turn in range(options.rounds):
            bar.set_postfix_str(case.name)
            # the side that begins changes from round to round
            for i in range(len(workers)):
                worker = workers[(i + turn) % len(workers)]
                if not worker.skip:
                    worker.round(options.seconds)
            bar.update()
    finally:
        for worker in workers:
            worker.close()
    return workers


def quartiles(values: list[float]) -> tuple[float, float, float]:
    """(lower quartile, median, upper quartile)."""
    if len(values) < 2:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def ratios(ours: Worker, theirs: Worker) -> list[float]:
    """ours / theirs of each round."""
    return [a / b for a, b in zip(ours.rounds, theirs.rounds, strict=True)]


def cell(values: list[float], factor: float = 1.0, digits: int = 2) -> str:
    low, middle, high = (factor * value for value in quartiles(values))
    return f"{middle:.{digits}f} ({low:.{digits}f}..{high:.{digits}f})"


def significant(values: list[float]) -> str:
    """Milliseconds, with three digits or more."""
    middle = 1000 * statistics.median(values)
    return cell(values, 1000, max(0, 2 - math.floor(math.log10(middle))) if middle < 100 else 0)


def row(case: Case, workers: list[Worker], flops: float) -> str:
    """The table's line of a case. flops: measured peak in multiply-adds * 2 per second."""
    ours, theirs, *more = workers
    skipped = [f"{w.side}: {w.skip}" for w in (ours, theirs) if w.skip]
    if skipped:
        return f"| {case.title} | skipped: {'; '.join(skipped)} | | | | | | |"
    ratio = statistics.median(ratios(ours, theirs))
    goal = "" if case.goal is None else f"{case.goal:g} {'✓' if ratio <= case.goal else '✗'}"
    beside = [
        f"{w.side.partition(' ')[2]}: {significant(w.rounds)}, "
        f"ratio {statistics.median(ratios(ours, w)):.2f}"
        for w in more
        if not w.skip
    ]
    share = ""
    if case.multiply_adds and flops:
        speed = 2 * case.multiply_adds / statistics.median(ours.rounds)
        share = f"{speed / 1e9:.0f} ({speed / flops:.0%})"
    cells = [
        case.title,
        significant(ours.rounds),
        significant(theirs.rounds),
        cell(ratios(ours, theirs)),
        goal,
        "; ".join(beside),
        share,
        " / ".join(f"{w.peak:.0f} ({w.peak - w.imports:.0f})" for w in (ours, theirs)),
    ]
    return f"| {' | '.join(cells)} |"


def group_row(group: str, measured: dict[str, tuple[Case, list[Worker]]]) -> str:
    """The geometric mean of a group's ratios, beside each of PyTorch's settings."""
    members = [workers for case, workers in measured.values() if case.group == group]
    complete = [workers for workers in members if not any(w.skip for w in workers)]
    if len(complete) < 2:
        return ""
    means = [
        statistics.geometric_mean([statistics.median(ratios(w[0], w[i])) for w in complete])
        for i in range(1, len(complete[0]))
    ]
    goal = f"1.1 {'✓' if means[0] <= 1.1 else '✗'}"
    beside = f"channels-last: ratio {means[1]:.2f}" if len(means) > 1 else ""
    title = f"**{group}: geometric mean of {len(complete)}**"
    return f"| {title} | | | **{means[0]:.2f}** | {goal} | {beside} | | |"


def machine(device: str) -> str:
    """The machine in words: cores, processor, vector unit, memory, and the GPU where it is used."""
    model, flags = platform.machine(), ""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = dict(line.split(":", 1) for line in cpuinfo.read_text().splitlines() if ":" in line)
        lines = {key.strip(): value.strip() for key, value in lines.items()}
        model = lines.get("model name", model)
        flags = next((f for f in ("avx512f", "avx2") if f in lines.get("flags", "").split()), "")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    words = f"{os.cpu_count()} cores of {model}{f' ({flags})' if flags else ''}, {memory:.0f} GiB"
    if device == "cuda":
        query = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        words += f"; {subprocess.run(query, capture_output=True, text=True).stdout.strip()}"
    return words


def heading(
    options: argparse.Namespace, load: float, versions: dict[str, str], peak: list[Worker]
) -> str:
    speeds = [
        f"{w.side} {2 * PEAK.multiply_adds / statistics.median(w.rounds) / 1e9:.0f} GFLOP/s"
        for w in peak
        if w.rounds
    ]
    memory = {"ours": "by tinygen alone", "both": "by both sides", "neither": "by neither side"}
    programs = {"Python": platform.python_version(), **versions}
    return "\n".join(
        [
            f"- date: {datetime.datetime.now(datetime.UTC):%Y-%m-%d}",
            f"- machine: {machine(options.device)}; load before: {load:.1f}",
            f"- versions: {', '.join(f'{k} {v}' for k, v in programs.items())}",
            f"- commit: {commit()}",
            "- seed: 0",
            f"- command: `python {shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])}`",
            f"- {options.threads} threads, {options.rounds} rounds of {options.seconds:g} s, "
            f"float32; freed memory kept in the process {memory[options.keep_memory]}",
            f"- peak, a product of two 2048x2048 matrices: {', '.join(speeds) or 'not measured'}",
        ]
    )


COLUMNS = ["case", "ours, ms", "PyTorch, ms", "ratio", "goal", "PyTorch otherwise set"]
COLUMNS += ["GFLOP/s (of peak)", "MiB, ours / PyTorch"]
HEADER = f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|"


def chosen(only: list[str] | None) -> list[Case]:
    """The cases whose names contain one of the words. Exits where there is none."""
    cases = [case for case in CASES if not only or any(word in case.name for word in only)]
    if not cases:
        sys.exit(f"no case is named like {only}; there are: {', '.join(c.name for c in CASES)}")
    return cases


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", metavar="NAME", action="append", help="names that contain it")
    parser.add_argument("--list", action="store_true", help="print the names of the cases")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.5, help="of each side in a round")
    parser.add_argument("--quick", action="store_true", help="3 rounds of 0.1 seconds")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument(
        "--keep-memory",
        choices=["ours", "both", "neither"],
        default="ours",
        help="which sides keep freed memory in the process, as tinygen's training loop does",
    )
    parser.add_argument("--output", type=Path, help="write the table to this file too")
    parser.add_argument("--json", type=Path, help="write every round to this file, a line a case")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 3, 0.1
    return options


def main() -> None:
    options = arguments()
    if options.list:
        print("\n".join(f"{case.name:18} {case.title}" for case in CASES))
        return
    cases = chosen(options.only)
    load = os.getloadavg()[0]
    if load > 0.5:
        print("other programs load this machine: the numbers will say little", file=sys.stderr)
    measured: dict[str, tuple[Case, list[Worker]]] = {}
    with tqdm(total=(len(cases) + 1) * options.rounds, unit="round") as bar:
        peak = measure(PEAK, ("ours", "torch"), options, bar)
        flops = 2 * PEAK.multiply_adds / min(peak[0].rounds) if peak[0].rounds else 0.0
        for case in cases:
            measured[case.name] = case, measure(case, case.sides, options, bar)
    versions: dict[str, str] = {}
    for worker in peak:
        versions |= worker.versions
    lines = []
    for case, workers in measured.values():
        lines.append(row(case, workers, flops))
        members = [c.name for c, _ in measured.values() if c.group == case.group]
        if case.group and case.name == members[-1]:
            lines.append(group_row(case.group, measured))
    table = "\n".join([heading(options, load, versions, peak), "", HEADER, *filter(None, lines)])
    print(table)
    if options.output:
        options.output.write_text(table + "\n")
    if options.json:
        with options.json.open("w") as file:
            for case, workers in measured.values():
                sides = {
                    w.side: {"rounds": w.rounds, "peak": w.peak, "imports": w.imports}
                    for w in workers
                }
                print(json.dumps({"case": case.name, "sides": sides}), file=file)


if __name__ == "__main__":
    main()
