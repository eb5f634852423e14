"""The files that a path, a folder or a glob names."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from pathlib import Path

from lcnet.transits.products import ReadError

__all__ = ["is_path", "list_paths"]

# What lies beside light curves in a folder of archive downloads: pixels, model fits, full frames
_OTHER_PRODUCTS = ("_tp", "_fast-tp", "-targ", "_dvt", "_dvr", "_dvs", "_ffic", "_ffir", "_astrocut", "_cbv", "_tpf")
# A name that ends so is meant as a file, and no star is called so
_FILES = {
    ".fits", ".fit", ".fts", ".fz", ".gz", ".zip", ".tar", ".csv", ".tsv", ".txt", ".dat", ".tbl", ".ecsv", ".vot",
    ".xml", ".parquet", ".json", ".h5", ".hdf5", ".npz", ".npy", ".pkl", ".pdf", ".png", ".html",
}  # fmt: skip


def is_path(text: str) -> bool:
    """Whether a text names files: something of that name exists, or it is written as a path or a glob."""
    path = Path(text).expanduser()
    try:
        if path.exists():
            return True
    except OSError:  # too long for a file name, say
        return True
    return (
        "/" in text
        or os.sep in text
        or any(character in text for character in "*?[~")
        or path.suffix.lower() in _FILES
        or not text.strip()
    )


def list_paths(text: str) -> Iterator[Path | tuple[str, Exception]]:
    """The files of a path, in order; of what names none, the text and the error that says so.

    Parameters
    ----------
    text : str
        A file, a folder (with its subfolders) or a glob.

    Yields
    ------
    Path or (str, Exception)
    """
    path = Path(text).expanduser()
    if not text.strip():  # which pathlib takes for the current folder
        yield text, FileNotFoundError(f"{text!r}: no such file")
    elif path.is_dir():
        yield from _folder(path, text)
    elif path.exists():
        yield path
    elif any(character in text for character in "*?["):
        found = sorted(glob.glob(str(path), recursive=True))
        if not found:
            yield text, FileNotFoundError(f"{text}: no file matches")
        for name in found:
            if Path(name).is_dir():
                yield from _folder(Path(name), name)
            else:
                yield Path(name)
    else:
        yield text, FileNotFoundError(f"{text}: no such file")


def _folder(folder: Path, text: str):
    """The light curves of a folder, in the order of their names."""
    found, others = [], 0
    for path in sorted(folder.rglob("*")):
        name = path.name.lower()
        if not name.endswith((".fits", ".fits.gz")) or name.startswith(".") or not path.is_file():
            continue
        if name.removesuffix(".gz").removesuffix(".fits").endswith(_OTHER_PRODUCTS):
            others += 1
        else:
            found.append(path)
    if not found:
        why = f"holds {others} FITS files, none of them a light curve (_lc.fits)" if others else "holds no .fits file"
        yield text, ReadError(f"{text}: the folder {why}")
    yield from found
