"""One small random case of everything that has a backward pass.

Each module here lists its cases in CASES. The command `check`, the tests of gradients, of the
contract, of devices and the mutation script all run over the one list that they make together.
"""

import importlib
import pkgutil

from tinygen.cases.common import Case, layer_case

CASES: list[Case] = []
for module in sorted(pkgutil.iter_modules(__path__), key=lambda m: m.name):
    CASES += getattr(importlib.import_module(f"{__name__}.{module.name}"), "CASES", [])

__all__ = ["CASES", "Case", "layer_case"]
