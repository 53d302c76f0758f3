"""Files that are whole or absent, never half written.

The content goes to a temporary file in the same folder, is forced to the disk, and takes the
name of the old file in one step: a killed program or a full disk leaves the old file as it was.
"""

import os
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

WINDOWS = os.name == "nt"


def write_bytes(path: Path | str, content: bytes) -> None:
    """Put `content` at `path`. Raises OSError with the remedy, and leaves what was there."""
    place(Path(path), content, replace)


def write_text(path: Path | str, text: str) -> None:
    """Put `text`, in UTF-8, at `path`; see `write_bytes`.

    Names of files that are no text (Python holds their bytes as surrogates) are written as they
    are.
    """
    write_bytes(path, text.encode(errors="surrogateescape"))


def write_new_text(path: Path | str, text: str) -> None:
    """`write_text` where there is no file yet: of several programs that try, one succeeds.

    Raises FileExistsError in the others.
    """
    place(Path(path), text.encode(), link)


def place(path: Path, content: bytes, name: Callable[[Path, Path], None]) -> None:
    """Write a temporary file and `name` it `path`."""
    temporary = path.with_name(f"{temporary_prefix(path)}{uuid.uuid4().hex}")
    try:
        try:
            with open(temporary, "xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            name(temporary, path)
        finally:
            with suppress(OSError):  # after `replace` it is gone
                os.unlink(temporary)
    except OSError as error:
        raise OSError(  # of the same subclass, which Python finds by the number
            error.errno,
            f"could not write {path} ({len(content)} bytes): {error.strerror or error}: free disk "
            "space or choose a folder that you may write to; what was saved before is untouched",
        ) from error
    sync_folder(path.parent)


def replace(temporary: Path, path: Path) -> None:
    """os.replace; on Windows, where it fails while another program reads the file, up to 2 s."""
    for _ in range(20 if WINDOWS else 0):
        with suppress(PermissionError):
            return os.replace(temporary, path)
        time.sleep(0.1)
    os.replace(temporary, path)


def link(temporary: Path, path: Path) -> None:
    """A second name for the file, unless the name is taken. Raises FileExistsError."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # no hard links here (exFAT, some network disks): claim the name, then fill it
        open(path, "xb").close()
        os.replace(temporary, path)


def sync_folder(folder: Path) -> None:
    """Force a new name to the disk too, where the system can: Windows opens no folders."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def sweep(path: Path) -> None:
    """Remove what killed programs left of `path`. Only where no other program writes it now."""
    for left in path.parent.glob(f"{temporary_prefix(path)}*"):
        with suppress(OSError):
            left.unlink()


def temporary_prefix(path: Path) -> str:
    """How the names of a file's temporary files begin."""
    return f".{path.name}."
