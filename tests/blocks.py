"""Blocks so small that every loop over blocks runs more than once, and ends with a shorter one.

The kernels walk through large arrays a cache-sized block at a time. The arrays of the cases fit
one block, so errors in the walk would not show.
"""

import contextlib
import sys

# The module-level sizes of blocks, by name; each set makes other loops run.
SIZES = (
    {"BLOCK": 8, "ROWS": 1, "CPU_ENTRIES": 1, "ENTRIES": 1},
    {"BLOCK": 64, "ROWS": 45, "CPU_ENTRIES": 1500, "ENTRIES": 5000},
)


@contextlib.contextmanager
def small_blocks(sizes):
    """Inside, the block sizes of every loaded module of the library are these."""
    found = [
        (module, name, getattr(module, name))
        for path, module in list(sys.modules.items())
        if path.startswith("tinygen")
        for name in sizes
        if isinstance(getattr(module, name, None), int)
    ]
    missing = set(sizes) - {name for _, name, _ in found}
    assert not missing, f"no module has the block sizes {missing}: name them here as they are there"
    try:
        for module, name, _ in found:
            setattr(module, name, sizes[name])
        yield
    finally:
        for module, name, value in found:
            setattr(module, name, value)
