"""Keeping freed memory in the process.

A training step allocates and frees the same large arrays again and again. glibc takes blocks from
128 KiB on straight from the operating system and returns them as soon as they are freed, so each
step pays again for every page: a fault, and a page of zeros, for 4 KiB of memory. A chain of
elementwise passes over (128, 784) floats runs three times faster without these faults, over
(64, 28, 28, 64) by a quarter (docs/derivations/optimisers.md).
"""

import ctypes
import platform

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # parameters of mallopt, from glibc's malloc.h
NEVER = 2**31 - 1  # the largest int
LARGE = 2**30  # bytes; blocks above still come and go one by one, lest they split the heap
LARGE_BEFORE = 2**25  # the largest threshold that older releases of glibc accept


def keep_memory() -> bool:
    """Ask glibc to keep freed memory for the next step; True where it was done.

    It holds for the whole process and the rest of its life, and the process keeps the memory of
    its peak: so no import does it, the training loop and the benchmark call it. Elsewhere than on
    glibc nothing is done. Arrays on a GPU have a pool of their own.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    # Blocks up to LARGE come from the heap, not from mappings of their own, ...
    heap = mallopt(M_MMAP_THRESHOLD, LARGE) or mallopt(M_MMAP_THRESHOLD, LARGE_BEFORE)
    # ... and the end of the heap is not given back when it falls free.
    return bool(heap and mallopt(M_TRIM_THRESHOLD, NEVER))
