"""Numbers that a caller gives: what is refused, and in which words."""

import math
from typing import Any

import numpy as np


def is_whole(value: Any, least: int = 1) -> bool:
    """Whether it is a whole number >= least; True and 2.0 are none."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    return whole and int(value) >= least


def check_whole(owner: str, name: str, value: Any, least: int = 1) -> None:
    """Refuse what is not a whole number >= least. Raises ValueError."""
    if not is_whole(value, least):
        raise ValueError(f"{owner}: {name} must be a whole number >= {least}, got {value!r}")


def check_number(
    owner: str,
    name: str,
    value: Any,
    above: float = -math.inf,
    least: float = -math.inf,
    below: float = math.inf,
) -> None:
    """Refuse what is not a finite number with above < value < below and value >= least.

    Raises ValueError.
    """
    kinds = int | float | np.integer | np.floating
    number = isinstance(value, kinds) and not isinstance(value, bool)
    try:
        finite = number and math.isfinite(value)
    except OverflowError:  # a whole number that no float can hold
        finite = False
    if finite and above < value < below and value >= least:
        return
    limits = [
        f"> {above}" if above > -math.inf else "",
        f">= {least}" if least > -math.inf else "",
        f"< {below}" if below < math.inf else "",
    ]
    wanted = " and ".join(limit for limit in limits if limit)
    limited = f" {wanted}" if wanted else ""
    raise ValueError(f"{owner}: {name} must be a finite number{limited}, got {value!r}")
