"""One small random case of everything that has a backward pass.

Each module here lists its cases in CASES. The command `check`, the tests of gradients, of the
contract, of devices and the mutation script all run over the one list that they make together.
CLAIMS are statements that a gradient cannot show; the command `check` runs them too.
"""

import importlib
import pkgutil

from tinygen.cases.common import Case, Claim, layer_case

CASES: list[Case] = []
CLAIMS: list[Claim] = []
for found in sorted(pkgutil.iter_modules(__path__), key=lambda m: m.name):
    module = importlib.import_module(f"{__name__}.{found.name}")
    CASES += getattr(module, "CASES", [])
    CLAIMS += getattr(module, "CLAIMS", [])

__all__ = ["CASES", "CLAIMS", "Case", "Claim", "layer_case"]
