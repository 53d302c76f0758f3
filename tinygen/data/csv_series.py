"""The reader of series in CSV files: a line with names, then a time and a value in each line."""

import csv
import io

import numpy as np

from tinygen.data.errors import DataError


def read_csv(content: bytes, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Times, datetime64[s] (N,), and values, float64 (N,), in the order of the file.

    Raises DataError for anything but a line of names and then lines of a date and a finite number.
    """
    try:
        rows = list(csv.reader(io.StringIO(content.decode("ascii"), newline="")))
        days = [day.replace("/", "-") for day, _ in rows[1:]]
        times = np.array(days, "datetime64[s]")
        values = np.array([value for _, value in rows[1:]], np.float64)
    except (ValueError, csv.Error) as error:
        raise DataError(
            f"{name}: expected lines of a date and a number ({error}): get it again"
        ) from error
    if not len(values) or not np.isfinite(values).all() or np.isnat(times).any():
        raise DataError(f"{name}: values are missing: get it again")
    return times, values
