"""Where arrays live. NumPy holds them on the CPU, CuPy on the GPU; the data says which.

This is the only file that imports CuPy. Every other file asks `namespace(x)` for the module
whose functions work on `x`, so one text of a layer serves both devices.
"""

import importlib
import os
import sys
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np

from tinygen import tree

Array: TypeAlias = Any  # numpy.ndarray or cupy.ndarray; the two share no base class
Params: TypeAlias = Any  # nested dict of arrays, keyed by the paper's symbols

# The module behind each device. A test adds a pretend device here.
DEVICES = {"cpu": "numpy", "cuda": "cupy"}

FLOATS = ("float16", "float32", "float64")


def namespace(x: Array) -> ModuleType:
    """The module (numpy, cupy) whose functions work on the array `x`."""
    return sys.modules[type(x).__module__.partition(".")[0]]


def is_array(x: Any) -> bool:
    """Whether `x` is an array of one of the known devices."""
    return hasattr(x, "dtype") and namespace(x).__name__ in DEVICES.values()


def device_of(x: Array) -> str:
    """The name of the device that holds `x`: "cpu" or "cuda"."""
    name = namespace(x).__name__
    return next(device for device, module in DEVICES.items() if module == name)


def resolve_device(device: str | None = None) -> str:
    """The device asked for, else the one that TINYGEN_DEVICE names, else "cpu".

    Raises ValueError for an unknown name, RuntimeError where CUDA is asked for and absent.
    """
    device = device or os.environ.get("TINYGEN_DEVICE") or "cpu"
    if device not in DEVICES:
        raise ValueError(f"unknown device {device!r}: choose one of {', '.join(DEVICES)}")
    device_namespace(device)
    return device


def device_namespace(device: str) -> ModuleType:
    """The array module of a device; imports CuPy at the first use of "cuda"."""
    if device != "cuda":
        return importlib.import_module(DEVICES[device])
    try:
        cupy = importlib.import_module("cupy")
        cupy.cuda.runtime.getDeviceCount()
    except ImportError as error:
        raise RuntimeError(
            "device 'cuda' needs CuPy, which is not installed: run "
            "`pip install 'tinygen[cuda]'`, or choose the device 'cpu'"
        ) from error
    except Exception as error:  # CuPy's own error class cannot be named without CuPy
        raise RuntimeError(
            f"device 'cuda' was asked for, but CuPy finds no usable GPU ({error}): "
            "check the driver with `nvidia-smi`, or choose the device 'cpu'"
        ) from error
    return cupy


def to_device(values: Any, device: str | None = None) -> Any:
    """A tree of arrays, copied to `device` (see `resolve_device`); a no-op where it is there."""
    name = resolve_device(device)
    xp = device_namespace(name)

    def move(a: Array) -> Array:
        if is_array(a) and device_of(a) == name:
            return a
        return xp.asarray(to_host(a))

    return tree.map(move, values)


def to_host(values: Any) -> Any:
    """A tree of arrays as NumPy arrays."""

    def move(a: Array) -> np.ndarray:
        return np.asarray(a.get() if hasattr(a, "get") else a)

    return tree.map(move, values)
