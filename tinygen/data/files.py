"""Where the files of the real data sets lie, and that they are the right ones.

A file is looked for in the folder that the environment variable TINYGEN_DATA names, then in the
cache folder, under the path that its File gives. One that lies in neither is downloaded, where a
place is known. Its size and SHA-256 are checked on each load: for MNIST that takes 8 ms, where
unpacking takes 220 ms.
"""

import errno
import hashlib
import os
import sys
import tempfile
from pathlib import Path

from tinygen.atomic import write_bytes
from tinygen.data.dataset import File
from tinygen.data.download import Unreachable, download
from tinygen.data.errors import DataError

VARIABLE = "TINYGEN_DATA"


def contents(*wanted: File) -> list[bytes]:
    """The content of each file, checked; what is missing is downloaded first, and kept.

    Raises DataError for files that are missing and cannot be downloaded (one message with all of
    them, where to put them, and their checksums), for damaged files, and for folders that cannot
    be read or written.
    """
    absent = missing(*wanted)
    if all(file.urls for file in absent):
        for i, file in enumerate(absent):
            try:
                fetch(file)
            except Unreachable as error:
                raise DataError(how_to_get(absent[i:], str(error))) from None
        absent = ()
    if absent:
        raise DataError(how_to_get(absent))
    return [read(file) for file in wanted]


def missing(*wanted: File) -> tuple[File, ...]:
    """Those of the files that lie in no folder."""
    return tuple(file for file in wanted if where(file) is None)


def where(file: File) -> Path | None:
    """Where the file lies, or None. Its content is not looked at."""
    paths = (folder / file.path for folder in folders())
    return next((path for path in paths if os.path.isfile(path)), None)


def folders() -> list[Path]:
    """The folders to look in, the first one first."""
    own = os.environ.get(VARIABLE)
    return [Path(own).expanduser(), cache_folder()] if own else [cache_folder()]


def cache_folder() -> Path:
    """%LOCALAPPDATA%\\tinygen on Windows, else $XDG_CACHE_HOME/tinygen or ~/.cache/tinygen."""
    windows = sys.platform == "win32"
    variable, usual = ("LOCALAPPDATA", "AppData/Local") if windows else ("XDG_CACHE_HOME", ".cache")
    try:
        base = Path(os.environ.get(variable) or Path.home() / usual)
    except RuntimeError:  # a user without a home
        base = Path(tempfile.gettempdir())
    return base / "tinygen"


def folder_to_write() -> Path:
    """Where downloads go: the first folder that exists and may be written to, else the cache."""
    return next((f for f in folders() if f.is_dir() and os.access(f, os.W_OK)), cache_folder())


def read(file: File) -> bytes:
    """The content of a file that lies in a folder, checked. Raises DataError."""
    path = where(file)
    if path is None:
        raise DataError(how_to_get((file,)))
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{path} cannot be read: {error.strerror}: make it readable, or name another folder "
            f"in {VARIABLE}"
        ) from error
    if wrong := mismatch(content, file):
        remedy = "delete it, and it is downloaded anew" if file.urls else "put the right one there"
        raise DataError(f"{path} is damaged, or another file: {wrong}: {remedy}")
    return content


def fetch(file: File) -> None:
    """Download a file and keep it. Raises Unreachable, and DataError where it cannot be kept."""
    path = folder_to_write() / file.path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not os.access(path.parent, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise DataError(
            f"{path.parent} cannot be written to ({error.strerror}), so {file.path} cannot be "
            f"kept: make it writable, or name another folder in {VARIABLE}"
        ) from error
    content = download(file, lambda content: mismatch(content, file))
    try:
        write_bytes(path, content)
    except OSError as error:
        raise DataError(f"{error.strerror}, or name another folder in {VARIABLE}") from error


def mismatch(content: bytes, file: File) -> str:
    """What tells the content from that of the file; empty where nothing does."""
    if len(content) != file.size:
        return f"it has {len(content)} bytes, expected {file.size}"
    found = hashlib.sha256(content).hexdigest()
    return "" if found == file.sha256 else f"its SHA-256 is {found}, expected {file.sha256}"


def how_to_get(absent: tuple[File, ...], reason: str = "") -> str:
    """The message for missing files: which, where to put them, and how to know them."""
    first = absent[0].path
    what = f"{first} is missing" if len(absent) == 1 else f"{len(absent)} data files are missing"
    why = f", and could not be downloaded:\n{reason}" if reason else "."
    own = os.environ.get(VARIABLE)
    lost = own and not Path(own).expanduser().is_dir()
    now = [f"Now {VARIABLE} names {own}, which is no folder."] if lost else []
    lines = [
        f"  {file.path}   {file.size} bytes   SHA-256 {file.sha256}"
        + "".join(f"\n    from {url}" for url in file.urls)
        for file in absent
    ]
    return "\n".join(
        [
            f"{what}{why}",
            f"Put into {folder_to_write()}, or into a folder that {VARIABLE} names:",
            *lines,
            *now,
        ]
    )
