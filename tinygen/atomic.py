"""Files that are whole or absent, never half written.

The content goes to a temporary file in the same folder, is forced to the disk, and takes the
name of the old file in one step: a killed program or a full disk leaves the old file as it was.
"""

import os
import tempfile
from pathlib import Path


def write_bytes(path: Path | str, content: bytes) -> None:
    """Put `content` at `path`. Raises OSError with the remedy, and leaves what was there."""
    path = Path(path)
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o666 & ~umask())  # mkstemp makes files that nobody else can read
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise type(error)(
            error.errno,
            f"could not write {path} ({len(content)} bytes): {error.strerror}: free disk space or "
            "choose a folder that you may write to; what was saved before is untouched",
        ) from error


def write_text(path: Path | str, text: str) -> None:
    """Put `text`, in UTF-8, at `path`; see `write_bytes`."""
    write_bytes(path, text.encode())


def umask() -> int:
    """The permissions that new files of this process lack."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
