"""Wrong layers that the checks must reject, each beside the right one that they must accept.

The bugs were all seen in published libraries, or are the ones that a tired person writes. Each
stands in one line, marked BUG; each module lists its plants in PLANTS.
"""

import importlib
import pkgutil

from plants.common import Plant

PLANTS: list[Plant] = []
for module in sorted(pkgutil.iter_modules(__path__), key=lambda m: m.name):
    PLANTS += getattr(importlib.import_module(f"{__name__}.{module.name}"), "PLANTS", [])

__all__ = ["PLANTS", "Plant"]
