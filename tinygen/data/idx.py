"""The reader of idx files, the format of MNIST and its kin, plain or compressed by gzip.

    0 0 code rank | length ... length (rank of them, 4 bytes each) | the entries, row by row

All numbers are big-endian. The format is described on the original page of Y. LeCun, C. Cortes
and C. Burges, The MNIST database of handwritten digits.
"""

import gzip
import math
import struct
import zlib

import numpy as np

from tinygen.data.errors import DataError

DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
GZIP = b"\x1f\x8b"


def read_idx(content: bytes, name: str) -> np.ndarray:
    """The array in an idx file, in this machine's byte order.

    content : of the file, plain or gzipped
    name    : of the file, for messages

    Raises DataError for damaged compression, no idx file, an unknown type, and for too few or too
    many bytes. The bytes of a plain file carry no checksum: a changed pixel is not seen here, but
    by the SHA-256 of the whole file.
    """
    if content[:2] == GZIP:
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{name}: the gzip file is damaged ({error}): get it again") from error
    if len(content) < 4 or content[:2] != b"\0\0":
        raise DataError(
            f"{name}: no idx file: it must open with two zero bytes, a type and a rank, "
            f"found {content[:4].hex(' ') or 'nothing'}: get it again"
        )
    code, rank = content[2], content[3]
    if code not in DTYPES:
        raise DataError(
            f"{name}: unknown type 0x{code:02x} in the idx header, expected one of "
            f"{', '.join(f'0x{known:02x}' for known in DTYPES)}: get it again"
        )
    start = 4 + 4 * rank  # where the entries begin
    if rank == 0 or len(content) < start:
        raise DataError(
            f"{name}: the idx header ends early, or gives no shape (rank {rank}, "
            f"{len(content)} bytes): get it again"
        )
    shape = struct.unpack(f">{rank}I", content[4:start])
    dtype = np.dtype(DTYPES[code])
    expected, found = math.prod(shape) * dtype.itemsize, len(content) - start
    if found != expected:
        what = "truncated" if found < expected else "too long"
        raise DataError(
            f"{name}: {what}: the shape {shape} needs {expected} bytes after the header, "
            f"found {found}: get it again"
        )
    array = np.frombuffer(content, dtype, offset=start).reshape(shape)
    return array.astype(dtype.newbyteorder("="), copy=False)
