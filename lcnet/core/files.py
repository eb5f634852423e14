"""Files that are written whole or not at all, whatever moment the process dies."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["replaced", "write_bytes"]


@contextmanager
def replaced(path: str | os.PathLike) -> Iterator[Path]:
    """A temporary file beside `path` that takes its name, on disk, when the block ends without an error.

    The temporary file is in the same folder because a rename is atomic only within one file system.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        # mkstemp's 0600 would hide a result from the group; honour the user's umask as an ordinary open would
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
        _sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: str | os.PathLike, data: bytes) -> None:
    """Write `data` to `path`, whole or not at all."""
    with replaced(path) as temporary:
        temporary.write_bytes(data)


def _sync_folder(folder: Path) -> None:
    # without it the rename itself may not survive a power cut; Windows cannot open folders
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
