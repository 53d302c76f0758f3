"""How a recorded series is cut into windows.

A series is cut in time first, so that no window reaches from one part into another, then into
windows of T samples without a gap in them. Training windows start every T/4 samples, so that each
stretch is seen in four phases; windows of validation and test do not overlap. A series of a single
year is cut into whole days instead, which are dealt out by their number.

    x = (value - mean) / std        of the training part, in float32
"""

from dataclasses import dataclass

import numpy as np

from tinygen.data.csv_series import read_csv
from tinygen.data.dataset import Dataset, File
from tinygen.data.files import contents
from tinygen.data.holds import Holds
from tinygen.data.npz import read_npz
from tinygen.data.parts import cut


@dataclass(frozen=True)
class Recording:
    """A series in a file, and how it is cut.

    T         : samples in a window; step: seconds between samples, 1 where only their order counts
    ends      : the first sample of validation and of test; None for whole days, of which those
                with number mod 7 = 5 are validation and those with 6 test
    mean, std : of the training samples
    anomalies : the first and the last moment of each, where they are known
    """

    name: str
    file: File
    T: int
    step: int
    ends: tuple[int, int] | None
    mean: float
    std: float
    anomalies: tuple[tuple[str, str], ...] = ()


def load(recording: Recording) -> Dataset:
    """The windows of a recording.

    factors : "start", the index in the file of a window's first sample; "anomalous", the share of
              the window inside an anomaly, where anomalies are known: then the label is 1 for a
              window with a share above 0

    Raises DataError.
    """
    times, values = samples(recording)
    T, ends = recording.T, recording.ends
    starts, which = days(times) if ends is None else spans(len(values), T, ends)
    rows = starts[:, None] + np.arange(T)  # (N, T)
    gap = np.diff(times[rows], axis=1) != np.timedelta64(recording.step, "s")  # (N, T - 1)
    rows, which = rows[~gap.any(axis=1)], which[~gap.any(axis=1)]
    x = (values[rows] - recording.mean) / recording.std
    factors = {"start": rows[:, 0]}
    if not recording.anomalies:
        return Dataset(recording.name, "series", *cut(which, x, factors=factors))
    inside = np.zeros(len(values), bool)
    for first, last in recording.anomalies:
        inside |= (times >= np.datetime64(first)) & (times <= np.datetime64(last))
    share = inside[rows].mean(axis=1)  # (N,)
    parts = cut(which, x, share > 0, factors | {"anomalous": share})
    return Dataset(recording.name, "series", *parts, classes=("normal", "anomaly"))


def samples(recording: Recording) -> tuple[np.ndarray, np.ndarray]:
    """The moment of each sample, datetime64[s], and its value, float64."""
    content, name = contents(recording.file)[0], recording.file.path
    if not name.endswith(".npz"):
        return read_csv(content, name)
    ecg = read_npz(content, name, {"ecg": Holds("uint16", (108000,), 0, 2047)})["ecg"]
    return np.arange(len(ecg)).astype("datetime64[s]"), (ecg - 1024.0) / 200  # millivolt


def spans(n: int, T: int, ends: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The first sample of each window of n samples, and its part: 0 train, 1 validation, 2 test."""
    starts = [
        np.arange(0, ends[0] - T + 1, T // 4),
        np.arange(ends[0], ends[1] - T + 1, T),
        np.arange(ends[1], n - T + 1, T),
    ]
    return np.concatenate(starts), np.repeat([0, 1, 2], [len(part) for part in starts])


def days(times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first sample of each day, and its part, by its number from the first day, mod 7."""
    day = times.astype("datetime64[D]")
    starts = np.flatnonzero(times == day)
    number = (day[starts] - day[0]).astype(int)
    return starts, np.maximum(number % 7 - 4, 0)
