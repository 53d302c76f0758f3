"""Checkpoints: trees of arrays and what belongs to them, in one safetensors file.

The tensors carry the dotted names of the tree ("p.encoder.0.W"), so that other frameworks can
read them. The file's metadata hold the format, the library's version, a JSON text of everything
that is no array, and a SHA-256 over all of it: a damaged file is refused, whatever was damaged.
"""

import hashlib
import json
import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from tinygen import atomic, tree
from tinygen.arrays import is_array, to_host

FORMAT = "tinygen checkpoint 1"
DTYPES = (
    *("float16", "float32", "float64", "bool", "int8", "int16", "int32", "int64"),
    *("uint8", "uint16", "uint32", "uint64"),
)
CHANGED = "read it with the model, and the version of tinygen, that wrote it, or train anew"
REMEDY = "restore it from a copy, or begin another run"


class CheckpointError(ValueError):
    """A checkpoint that is missing, damaged, or of something else."""


def save(path: Path | str, values: Any, meta: dict[str, Any]) -> None:
    """Write a tree of arrays and numbers, on any device, and a dict that JSON can hold.

    Atomic: the old file stays until the new one is whole. Raises OSError where it cannot be
    written, ValueError for keys that are no names, TypeError for what is no array or number.
    """
    from safetensors.numpy import save as to_bytes

    check_keys(values)
    arrays: dict[str, np.ndarray] = {}
    numbers: dict[str, int | float] = {}
    for name, leaf in tree.leaves(values):
        if is_array(leaf) and leaf.dtype.name in DTYPES:
            # in order, for a strided view would be written as the memory behind it
            host = to_host(leaf)
            arrays[name] = np.asarray(host, host.dtype.newbyteorder("<"), order="C")
        elif isinstance(leaf, int | float) and not is_array(leaf):  # np.float64 is a float too
            numbers[name] = leaf
        else:
            raise TypeError(
                f"checkpoint: {name} is {describe(leaf)}: save numbers, or arrays of "
                f"{', '.join(DTYPES)}"
            )
    text = json.dumps({"numbers": numbers, "meta": meta})
    header = {"format": FORMAT, "tinygen": library_version(), "json": text}
    header["sha256"] = digest(arrays, header)
    atomic.write_bytes(path, to_bytes(arrays, metadata=header))


def load(path: Path | str) -> tuple[dict[str, Any], dict[str, Any]]:
    """(dotted name -> array or number, meta) of a file that `save` wrote.

    Raises CheckpointError, which names the file and the remedy, for any file but a sound one.
    """
    from safetensors import safe_open

    path = Path(path)
    if not os.path.isfile(path):  # a pipe would keep us waiting
        raise CheckpointError(f"{path}: there is no such checkpoint: train first, or mend the path")
    try:
        open(path, "rb").close()  # says why, where the parser calls it a missing file
        with safe_open(path, framework="numpy") as file:
            header = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except PermissionError as error:
        raise CheckpointError(f"{path} cannot be read: make it readable") from error
    except Exception as error:  # the parser raises classes of many kinds on damaged bytes
        raise CheckpointError(f"{path} is damaged ({error}): {REMEDY}") from error
    if header.get("format") != FORMAT:
        raise CheckpointError(
            f"{path}: expected a file of the format {FORMAT!r}, got {header.get('format')!r}: "
            "it was written by another program or version"
        )
    if header.pop("sha256", "") != digest(arrays, header):
        raise CheckpointError(f"{path} is damaged (its checksum differs): {REMEDY}")
    content = json.loads(header["json"])  # sound: the checksum covers it
    return arrays | content["numbers"], content["meta"] | {"tinygen": header["tinygen"]}


def restore(flat: dict[str, Any], prefix: str, like: Any, path: Path | str) -> Any:
    """The tree under `prefix` with the structure of `like`, from what `load` returned.

    Raises CheckpointError where names, shapes or dtypes are not those of `like`: the file belongs
    to another model. `path` names the file in the message.
    """
    found = {name for name in flat if name == prefix or name.startswith(f"{prefix}.")}
    wanted = dict(tree.leaves(like, prefix))
    for what, names in {"lacks": wanted.keys() - found, "has also": found - wanted.keys()}.items():
        if names:
            shown = ", ".join(sorted(names)[:3]) + (" ..." if len(names) > 3 else "")
            raise CheckpointError(f"{path} is of another model: it {what} {shown}: {CHANGED}")
    for name, leaf in wanted.items():
        value = flat[name]
        if is_array(leaf) != is_array(value) or (
            is_array(leaf) and (value.shape, value.dtype) != (leaf.shape, leaf.dtype)
        ):
            raise CheckpointError(
                f"{path} is of another model: {name} is {describe(value)}, the model's is "
                f"{describe(leaf)}: {CHANGED}"
            )
    in_order = iter(wanted)
    return tree.map(lambda _: flat[next(in_order)], like)


def check_keys(values: Any, name: str = "") -> None:
    """Refuse keys that would make two names one, or a name that the format uses itself."""
    for key in values if isinstance(values, dict) else ():
        if not isinstance(key, str) or not key or "." in key or f"{name}{key}" == "__metadata__":
            raise ValueError(
                f"checkpoint: the key {key!r} under {name or 'the root'!r} cannot be saved: keys "
                "are texts without dots, which separate the parts of a name; rename it"
            )
    if isinstance(values, dict | tuple):
        for key, part in values.items() if isinstance(values, dict) else enumerate(values):
            check_keys(part, f"{name}{key}.")


def describe(value: Any) -> str:
    """An array's dtype and shape, a number's type."""
    return f"{value.dtype} {value.shape}" if is_array(value) else type(value).__name__


def digest(arrays: dict[str, np.ndarray], header: dict[str, str]) -> str:
    """SHA-256 over names, dtypes, shapes and bytes of the arrays, and over the header."""
    sha = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in sorted(arrays):
        a = arrays[name]
        sha.update(json.dumps([name, a.dtype.str, a.shape]).encode())
        sha.update(np.ascontiguousarray(a).reshape(-1).view(np.uint8).data)
    return sha.hexdigest()


def library_version() -> str:
    """The installed version of tinygen."""
    try:
        return version("tinygen")
    except PackageNotFoundError:
        return "unknown"
