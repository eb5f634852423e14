"""Files, folders, globs and archives as one list of named files; nothing is unpacked to disk."""

from __future__ import annotations

import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from glob import glob, has_magic
from pathlib import Path
from typing import NamedTuple, NoReturn

__all__ = ["SKIPPED", "File", "files_of", "on_disk", "stem", "unreadable"]

# what lies beside the light curves of a release and is none; editors' and old copies among them
SKIPPED = (".readme", ".list", ".ignore", ".input", ".md", ".pdf", ".dat_oldformat", ".png", ".html", ".txt~")
_BESIDE = ("filters", "misc")  # folders of a release: filter curves, simulation inputs
_LARGEST = 1 << 30  # bytes of one member that are read: an archive may claim more than it holds
_DEEPEST = 4  # archives inside archives: one may hold itself
_ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".zip")
_DAMAGE = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError)


class File(NamedTuple):
    """A file, on disk or inside an archive.

    Parameters
    ----------
    name : str
        Its path, or its name in the archive.
    read : callable
        Gives its bytes, unzipped; raises ValueError or OSError that says why it cannot.
    path : Path, optional
        Where it is on disk.
    """

    name: str
    read: Callable[[], bytes]
    path: Path | None = None


def files_of(source) -> Iterator[File]:
    """The files that a path, a glob or a folder means, sorted, and those that archives among them hold.

    Raises
    ------
    FileNotFoundError
        Where nothing is there.
    """
    for path in _paths(source):
        if is_archive(path.name):
            yield from _members(str(path), path)
        else:
            yield on_disk(path)


def on_disk(path: Path) -> File:
    """The file at `path`."""
    return File(str(path), lambda: _unzipped(path.read_bytes()), path)


def unreadable(name: str, error: Exception) -> File:
    """What cannot be read, and why."""
    return File(name, partial(_raise, error))


def stem(name: str) -> str:
    """What a file is called, without its folder and its suffix."""
    base = name.rsplit("/", 1)[-1]
    base = base[:-3] if base.lower().endswith(".gz") else base
    return base.rsplit(".", 1)[0]


def is_archive(name: str) -> bool:
    """Whether a file of that name holds others."""
    return name.lower().endswith(_ARCHIVES)


def wanted(name: str) -> bool:
    """Whether a file of that name may be a light curve; a README or a list of files is not."""
    base = name.rsplit("/", 1)[-1]
    hidden = base.startswith((".", "#", "~")) or any(part in _BESIDE for part in name.lower().split("/")[:-1])
    lists = base.lower().endswith(SKIPPED) or base.lower() in ("readme", "zlist.txt", "spectro.list", "photo.list")
    return not (hidden or lists or base.endswith("~"))


def _paths(source) -> list[Path]:
    path = Path(source)
    if path.is_dir():
        found = [one for one in sorted(path.rglob("*")) if one.is_file() and wanted(one.name)]
        if not found:
            raise FileNotFoundError(f"no light curve in the folder {source!s}")
        return found
    if path.is_file():
        return [path]
    found = [Path(one) for one in sorted(glob(str(source), recursive=True))] if has_magic(str(source)) else []
    found = [one for one in found if one.is_file()]
    if not found:
        raise FileNotFoundError(f"no file, folder or glob {source!s}")
    return found


def _members(name: str, source, depth: int = 1) -> Iterator[File]:
    """What an archive holds, in its order; what is damaged comes last, what lies before it is kept."""
    empty = True
    try:
        for member, data in _stream(name, source):
            empty = False
            if is_archive(member) and depth < _DEEPEST:
                yield from _members(member, io.BytesIO(data), depth + 1)
            else:
                yield File(member, partial(_unzipped, data))
    except _DAMAGE as error:
        yield unreadable(name, ValueError(f"{name} is not a readable archive: {error}"))
        return
    if empty and depth == 1:  # an empty one inside another is like an empty folder
        yield unreadable(name, ValueError(f"{name} holds no light curve"))


def _stream(name: str, source) -> Iterator[tuple[str, bytes]]:
    if name.lower().endswith(".zip"):
        with zipfile.ZipFile(source) as archive:
            for info in archive.infolist():
                if not info.is_dir() and wanted(info.filename):
                    with archive.open(info) as file:
                        yield info.filename, file.read(_LARGEST)
        return
    where = {"name": source} if isinstance(source, Path) else {"fileobj": source}
    with tarfile.open(**where, mode="r|*") as archive:  # one pass: seeking back in a compressed stream is slow
        for member in archive:
            if member.isfile() and wanted(member.name):
                yield member.name, archive.extractfile(member).read(_LARGEST)


def _unzipped(data: bytes) -> bytes:
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        return gzip.decompress(data)
    except (EOFError, OSError, zlib.error) as error:
        raise ValueError(f"damaged gzip data: {error}") from None


def _raise(error: Exception) -> NoReturn:
    raise error
