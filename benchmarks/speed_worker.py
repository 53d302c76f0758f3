"""What both sides' worker processes share: warm-up, timed rounds, answers as JSON lines.

The parent writes a line with a number of seconds to stdin for each round; the worker then repeats
its step for that long and answers with the times. So only one process works at a time.
"""

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

from speed_cases import CASES, PEAK, Case

WARM_UP = 0.3  # seconds, and no fewer than 3 steps
FEWEST = 3


def find(name: str) -> Case:
    return next(case for case in [*CASES, PEAK] if case.name == name)


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def answer(**values: Any) -> None:
    print(json.dumps(values), flush=True)


def serve(side: Callable[[argparse.Namespace], "Side"]) -> None:
    """Build the case named on the command line, then time it once a line of stdin."""
    parser = argparse.ArgumentParser()
    parser.add_argument("case")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--setting", default="")
    parser.add_argument("--keep-memory", action="store_true")
    options = parser.parse_args()
    try:
        measured = side(options)
        imports = measured.peak() or peak_mib()
        step = measured.build(find(options.case))
    except (ImportError, AttributeError, RuntimeError) as error:  # no such layer, no such device
        answer(skip=f"{type(error).__name__}: {error}")
        return
    started = time.perf_counter()
    for n in range(10**6):
        step()
        if n >= FEWEST - 1 and time.perf_counter() - started > WARM_UP:
            break
    measured.synchronise()
    answer(versions=measured.versions, imports=imports)
    for line in sys.stdin:
        times = measured.times(step, float(line))
        answer(times=times, peak=measured.peak() or peak_mib())


class Side:
    """One library on one device."""

    versions: dict[str, str]

    def build(self, case: Case) -> Callable[[], Any]:
        """The step of a case, without arguments."""
        raise NotImplementedError

    def synchronise(self) -> None:
        """Wait until the device has done what it was asked for."""

    def peak(self) -> float:
        """MiB at most in use on the device; 0 where the process's own memory is meant."""
        return 0.0

    def times(self, step: Callable[[], Any], seconds: float) -> list[float]:
        """Seconds of each step, for about `seconds` and no fewer than FEWEST steps."""
        times: list[float] = []
        started = time.perf_counter()
        while len(times) < FEWEST or time.perf_counter() - started < seconds:
            before = time.perf_counter()
            step()
            self.synchronise()
            times.append(time.perf_counter() - before)
        return times


def queued_times(
    step: Callable[[], Any], seconds: float, elapsed: Callable[[Callable[[], None]], float]
) -> list[float]:
    """Times on a GPU: groups of steps queued without waiting, between two events.

    elapsed : work -> seconds between an event before it and one behind it
    """
    one = max(elapsed(lambda: step()), 1e-6)
    group = max(1, int(seconds / 5 / one))

    def repeat() -> None:
        for _ in range(group):
            step()

    return [elapsed(repeat) / group for _ in range(5)]
