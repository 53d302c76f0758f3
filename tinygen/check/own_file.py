"""A Python file of a user's own, run so that the checks can look at what it holds."""

import importlib.util
import sys
from pathlib import Path
from typing import Any


def run_file(path: Path) -> Any:
    """The module that a file makes. Raises ValueError where it is absent or does not run."""
    if not path.is_file():
        raise ValueError(f"there is no file {path}")
    name = f"yours.{path.stem}"  # no name that an installed module may have
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None  # it is, for what ends in .py
    module = sys.modules[name] = importlib.util.module_from_spec(spec)  # dataclasses look there
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ValueError(f"{path} does not run: {type(error).__name__}: {error}") from error
    return module
