"""What the generators refuse: counts below 1, numbers out of range, unknown names."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from tinygen.arguments import check_whole
from tinygen.names import nearest


def check_counts(where: str, minimum: int = 1, **counts: Any) -> None:
    """Refuse what is not a whole number >= minimum. Raises ValueError."""
    for name, count in counts.items():
        check_whole(where, name, count, minimum)


def check_range(where: str, low: float, high: float, **values: Any) -> None:
    """Refuse numbers outside [low, high], and NaN. Raises ValueError with the first one."""
    for name, value in values.items():
        numbers = np.atleast_1d(np.asarray(value))
        wrong = numbers[~((numbers >= low) & (numbers <= high))]  # NaN compares false
        if wrong.size:
            raise ValueError(f"{where}: {name} must lie in [{low:g}, {high:g}], got {wrong[0]}")


def check_names(where: str, names: Iterable[str], known: Iterable[str]) -> None:
    """Refuse factors that do not exist. Raises ValueError with the nearest that does."""
    known = tuple(known)
    for name in names:
        if name not in known:
            raise ValueError(
                f"{where}: unknown factor {name!r}{nearest(str(name), known)} "
                f"(the factors are {', '.join(known)})"
            )
