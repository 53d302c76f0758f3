"""The reader of NumPy's npz and npy files, which loads no Python objects.

An npz file is a zip archive of npy files. Each of them is read whole, so that its CRC-32 is
checked: `numpy.load` reads only as many bytes as the header of the array asks for, and a header
with a smaller shape would pass unseen.
"""

import io
import zipfile

import numpy as np

from tinygen.data.errors import DataError
from tinygen.data.holds import Holds


def read_npz(content: bytes, name: str, holds: dict[str, Holds]) -> dict[str, np.ndarray]:
    """Arrays of an npz file.

    content : of the file; name : of the file, for messages
    holds   : the arrays to read, and what each must be

    Raises DataError for a damaged archive, a missing array, one that holds Python objects, and
    another dtype, shape or range than it must be.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [member.removesuffix(".npy") for member in archive.namelist()]
            wanted = [key for key in holds if key in members]
            raw = {key: archive.read(f"{key}.npy") for key in wanted}
    except Exception as error:  # damaged archives raise nine kinds of exceptions and more
        raise DataError(
            f"{name}: the npz file is damaged ({type(error).__name__}: {error}): get it again"
        ) from error
    for key in holds:
        if key not in raw:
            found = ", ".join(members) or "none"
            raise DataError(f"{name}: no array {key!r}, found {found}: get the right file again")
    return {key: read_npy(raw[key], f"{name}, {key}", hold) for key, hold in holds.items()}


def read_npy(content: bytes, name: str, holds: Holds) -> np.ndarray:
    """The array of an npy file, C-contiguous; see `read_npz`."""
    stream = io.BytesIO(content)
    try:
        array = np.lib.format.read_array(stream, allow_pickle=False)
    except Exception as error:  # damaged headers are parsed as Python, and raise what that raises
        raise DataError(f"{name}: no array can be read from it ({error}): get it again") from error
    if stream.read(1):
        raise DataError(f"{name}: bytes follow the end of the array: get it again")
    return np.ascontiguousarray(holds.check(array, name))
