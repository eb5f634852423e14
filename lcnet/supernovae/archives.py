"""Files, folders, globs and archives as one stream of named bytes; nothing is unpacked to disk."""

from __future__ import annotations

import gzip
import lzma
import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from glob import glob, has_magic
from pathlib import Path

__all__ = ["SKIPPED", "open_archive", "paths_of", "slurp"]

# what lies beside the light curves of a release and is none; editors' and old copies among them
SKIPPED = (".readme", ".list", ".ignore", ".input", ".md", ".pdf", ".dat_oldformat", ".png", ".html", ".txt~")
_BESIDE = ("filters", "misc")  # folders of a release: filter curves, simulation inputs
_LARGEST = 1 << 30  # bytes of one member that are read: an archive may claim more than it holds
_ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".zip")


def paths_of(source) -> list[Path]:
    """The files that a path, a glob, a folder or a list of these means, sorted within each.

    Raises
    ------
    FileNotFoundError
        Where nothing is there.
    """
    if not isinstance(source, str | os.PathLike):
        return [path for one in source for path in paths_of(one)]
    path = Path(source)
    if path.is_dir():
        found = [one for one in sorted(path.rglob("*")) if one.is_file() and wanted(one.name)]
    elif path.is_file():
        found = [path]
    elif has_magic(str(source)):
        found = [Path(one) for one in sorted(glob(str(source), recursive=True)) if os.path.isfile(one)]
    else:
        found = []
    if not found:
        raise FileNotFoundError(f"no file, folder or glob {source!s}")
    return found


def is_archive(name: str) -> bool:
    """Whether a file of that name holds others."""
    return name.lower().endswith(_ARCHIVES)


def wanted(name: str) -> bool:
    """Whether a file of that name may be a light curve; a README or a list of files is not."""
    base = name.rsplit("/", 1)[-1]
    hidden = base.startswith((".", "#", "~")) or any(part in _BESIDE for part in name.lower().split("/")[:-1])
    lists = base.lower().endswith(SKIPPED) or base.lower() in ("readme", "zlist.txt", "spectro.list", "photo.list")
    return not (hidden or lists or base.endswith("~"))


def slurp(path: Path) -> bytes:
    """A file's bytes, unzipped if need be.

    Raises
    ------
    OSError
        It cannot be read.
    ValueError
        What is zipped is damaged.
    """
    return _unzipped(path.read_bytes(), path)


def _unzipped(data: bytes, name) -> bytes:
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        return gzip.decompress(data)
    except (EOFError, OSError, zlib.error) as error:
        raise ValueError(f"{name}: damaged gzip data: {error}") from None


def open_archive(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of every member that may be a light curve, in the archive's order.

    Raises
    ------
    ValueError
        If it is no archive, or a damaged one.
    """
    try:
        if str(path).lower().endswith(".zip"):
            with zipfile.ZipFile(path) as archive:
                for info in archive.infolist():
                    if not info.is_dir() and wanted(info.filename):
                        with archive.open(info) as file:
                            yield info.filename, file.read(_LARGEST)
            return
        with tarfile.open(path, "r|*") as archive:  # one pass: seeking back in a compressed stream is slow
            for member in archive:
                if member.isfile() and wanted(member.name):
                    data = archive.extractfile(member).read(_LARGEST)
                    yield member.name, data
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise ValueError(f"{path} is not a readable archive: {error}") from None
