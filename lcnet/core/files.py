"""Files that are written whole or not at all, whatever moment the process dies."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

__all__ = ["replaced", "write_bytes", "write_together"]


@contextmanager
def replaced(path: str | os.PathLike) -> Iterator[Path]:
    """A temporary file beside `path` that takes its name, on disk, when the block ends without an error.

    The temporary file is in the same folder because a rename is atomic only within one file system.
    """
    path = Path(path)
    with _staged(path) as temporary:
        yield temporary
        _settle(temporary)
        os.replace(temporary, path)
        _sync_folder(path.parent)


@contextmanager
def _staged(path: Path) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _new_file(path)
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def _new_file(path: Path) -> Path:
    """An empty file beside `path` that nobody else writes.

    With an ordinary file's permissions: mkstemp's 0600 would hide a result from the group, and the umask can only be
    read by setting it, for every thread of the process.
    """
    while True:
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        try:
            os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        except FileExistsError:
            continue
        return temporary


def _settle(temporary: Path) -> None:
    with open(temporary, "rb+") as file:
        os.fsync(file.fileno())


def write_bytes(path: str | os.PathLike, data: bytes) -> None:
    """Write `data` to `path`, whole or not at all."""
    with replaced(path) as temporary:
        temporary.write_bytes(data)


def write_together(files: Mapping[Path, bytes]) -> None:
    """Write files that belong together: all of them are on disk under other names before the first is renamed.

    An error, a full disk say, leaves every old file. Only a kill between two renames leaves new files beside old ones.
    """
    with ExitStack() as stack:
        staged = [(stack.enter_context(_staged(path)), path, data) for path, data in files.items()]
        for temporary, _, data in staged:
            temporary.write_bytes(data)
            _settle(temporary)
        for temporary, path, _ in staged:
            os.replace(temporary, path)
        for folder in {path.parent for path in files}:
            _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    # without it the rename itself may not survive a power cut; Windows cannot open folders
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
