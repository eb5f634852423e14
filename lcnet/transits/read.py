"""Whatever an observer has of a star -- files, a folder, lightkurve objects -- as target -> LightCurveCollection.

Steps: list the sources a target names; tell from each header which star it is; read and group by star. The second
step reads headers only, so that a folder of ten thousand files is not in memory at once.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Mapping, ValuesView
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lcnet.transits.curves import Curve, curve_arrays
from lcnet.transits.headers import identify
from lcnet.transits.products import ReadError, read_header, read_product

__all__ = ["Curve", "ReadError", "Source", "curve_arrays", "plan", "read", "several"]

# What lies beside light curves in a folder of archive downloads: pixels, model fits, full frames
_OTHER_PRODUCTS = ("_tp", "_fast-tp", "-targ", "_dvt", "_dvr", "_dvs", "_ffic", "_ffir", "_astrocut", "_cbv", "_tpf")


@dataclass
class Source:
    """What is known of one star before it is read.

    Attributes
    ----------
    target : str
        The star, or the path as given for a file whose header could not be read.
    items : list of Path or LightCurve
    error : Exception or None
        Why nothing can be read.
    """

    target: str
    items: list[Any] = field(default_factory=list)
    error: Exception | None = None

    def collection(self):
        """Read the star's curves.

        Returns
        -------
        lightkurve.LightCurveCollection

        Raises
        ------
        ReadError, FileNotFoundError
        """
        if self.error is not None:
            raise self.error
        curves = [read_product(item) if isinstance(item, Path) else item for item in self.items]
        import lightkurve

        return lightkurve.LightCurveCollection(curves)


def read(target):
    """Read the light curves of one star or of many.

    Parameters
    ----------
    target : LightCurve, LightCurveCollection, path-like, str, or several of these
        A FITS light curve (.fits, .fits.gz), a glob, or a folder, which is searched with its subfolders. Several come
        as a list, a tuple, an iterator (``Path.glob``) or what `read` returned.

    Returns
    -------
    dict of str to lightkurve.LightCurveCollection
        Keyed by the star from the header, "TIC 261136679", in the order of the input; a curve without a number goes
        by its label, else "unnamed-1". All products of a star are in its collection.

    Raises
    ------
    ReadError
        A file is no light curve, or damaged; the message names it and says what to do. Or there is nothing to read: an
        empty list or collection.
    FileNotFoundError
        No such file. Star names ("Kepler-90") and downloads come in a later version.

    Examples
    --------
    >>> from lcnet import transits
    >>> curves = transits.read("tess2018206045859-s0001-0000000261136679-0120-s_lc.fits")  # doctest: +SKIP
    >>> list(curves)  # doctest: +SKIP
    ['TIC 261136679']
    """
    return {source.target: source.collection() for source in plan(target)}


def plan(target) -> list[Source]:
    """Which stars a target names and where each one's curves are, from the headers alone.

    Parameters
    ----------
    target
        As in `read`.

    Returns
    -------
    list of Source
        In the order of the input, one a star. A file or name that cannot be read is a source with its `error`.

    Raises
    ------
    ReadError
        The target is empty.
    """
    stars: dict[str, Source] = {}
    seen: set[Path] = set()
    unnamed = 0
    for item in _items(target):
        if isinstance(item, Source):
            stars.setdefault(item.target, item)
            continue
        if isinstance(item, Path):
            resolved = item.resolve()
            if resolved in seen:
                continue
            seen.add(resolved)
            try:
                label = read_header(item)
            except Exception as error:
                stars[str(item)] = Source(str(item), error=error)
                continue
        else:
            label = identify(item.meta)
        name = label.target or label.name or str(getattr(item, "label", None) or "")
        if not name:
            unnamed += 1
            name = f"unnamed-{unnamed}"
        stars.setdefault(name, Source(name)).items.append(item)
    if not stars:
        raise ReadError(f"no light curve given: an empty {type(target).__name__}")
    return list(stars.values())


def several(target) -> bool:
    """Whether a target is a list of targets, of which one that cannot be read must not hide the others."""
    return isinstance(target, (list, tuple, Mapping, ValuesView, Iterator))


def _items(target):
    """The single curves and files a target names, in order; a `Source` with an error for what names none."""
    if isinstance(target, (str, os.PathLike)):
        yield from _paths(os.fspath(target))
    elif hasattr(target, "flux") and hasattr(target, "time"):  # a LightCurve is a table, and iterable
        yield target
    elif several(target) or type(target).__name__ == "LightCurveCollection":
        for item in target.values() if isinstance(target, Mapping) else target:
            yield from _items(item)
    else:
        kind = type(target).__name__
        error = TypeError(f"cannot read a light curve from {kind}; give a LightCurve, a FITS path, a folder or a list")
        yield Source(f"<{kind}>", error=error)


def _paths(text: str):
    path = Path(text).expanduser()
    if path.is_dir():
        yield from _folder(path, text)
    elif path.exists():
        yield path
    elif any(character in text for character in "*?["):
        found = sorted(glob.glob(str(path), recursive=True))
        if not found:
            yield Source(text, error=FileNotFoundError(f"{text}: no file matches"))
        for name in found:
            if Path(name).is_dir():
                yield from _folder(Path(name), name)
            else:
                yield Path(name)
    elif "/" in text or os.sep in text or path.suffix.lower() in (".fits", ".gz", ".fit"):
        yield Source(text, error=FileNotFoundError(f"{text}: no such file"))
    else:
        yield Source(
            text,
            error=FileNotFoundError(
                f"{text}: no such file or folder. Star names and downloads come in a later version of lcnet; give "
                "FITS files, a folder, a glob or lightkurve objects, for example "
                f"lightkurve.search_lightcurve({text!r}, author={_author(text)!r}).download_all()"
            ),
        )


def _author(name: str) -> str:
    """The mission's own pipeline for a star of this name; of what has no mission in its name TESS sees most."""
    name = name.strip().lower()
    if name.startswith(("kepler", "kic", "koi")):
        return "Kepler"
    return "K2" if name.startswith(("k2", "epic")) else "SPOC"


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
        yield Source(text, error=ReadError(f"{text}: the folder {why}"))
    yield from found
