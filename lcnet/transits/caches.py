"""Where files of the archive lie on disk: our own cache and lightkurve's, in the same folders."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lcnet.cache import cache_dir
from lcnet.transits.names import MISSIONS

__all__ = ["Product", "by_number", "cache_roots", "own_cache"]


@dataclass(frozen=True)
class Product:
    """One light-curve file of the archive.

    Attributes
    ----------
    uri : str
        MAST's dataURI; "" for a file found on disk without asking.
    collection, obs_id, filename : str
        Where astroquery and lightkurve keep it, below "mastDownload".
    star : str
        "KIC 11442793"; "" when the archive's target name has no number.
    mission, author : str
    exptime : float, s
    number : str
        Quarter, campaign or sector, "" if unknown.
    distance : float, arcsec
        From the place of the name.
    """

    uri: str
    collection: str
    obs_id: str
    filename: str
    star: str
    mission: str
    author: str
    exptime: float
    number: str
    distance: float

    def __post_init__(self):
        # these become folders: what came over the network must not point anywhere else
        for part in (self.collection, self.obs_id, self.filename):
            if not re.fullmatch(r"[\w.+-][\w.+ -]*", part) or set(part) == {"."}:
                raise ValueError(f"not a file name: {part!r}")

    @property
    def place(self) -> Path:
        """The file's path below a cache's root, the same as lightkurve's."""
        return Path("mastDownload", self.collection, self.obs_id, self.filename)


def own_cache() -> Path:
    """The folder downloads go to, above "mastDownload"."""
    return cache_dir("mastDownload").parent


def cache_roots() -> Iterator[Path]:
    """Where downloaded files may lie: our own cache; then, as lightkurve is imported only when it is asked for, its."""
    yield own_cache()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # lightkurve's import speaks of an optional package, every time
        import lightkurve
    if lightkurve.conf.cache_dir:
        yield Path(lightkurve.conf.cache_dir).expanduser()
        return
    # lightkurve.config.get_cache_dir would make the folder. Its place is astropy's to say, and was another one before
    # astropy 8, where the files of older days still are.
    places = [Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "lightkurve", Path("~/.lightkurve/cache")]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a folder that is set and does not exist
            from astropy.config import get_cache_dir_path

            places.insert(0, get_cache_dir_path("lightkurve", ensure_exists=False))
    except (ImportError, TypeError, OSError):
        pass
    yield from dict.fromkeys(place.expanduser() for place in places)


# A light curve of a catalogue number by its file name alone, for a star no search was ever kept of
_PATTERNS = {
    "KIC": ("Kepler", "kplr{:09d}*", "kplr{:09d}-*_llc.fits", 1800.0),
    "EPIC": ("K2", "ktwo{:09d}*", "ktwo{:09d}-*_llc.fits", 1800.0),
    "TIC": ("TESS", "tess*-{:016d}-*-s", "tess*-{:016d}-*-s_lc.fits", 120.0),
}


def by_number(name: str) -> tuple[Product, ...]:
    """The default products of a star that lie in a cache, by their file names.

    Parameters
    ----------
    name : str
        "KIC 11442793": catalogue and number.
    """
    catalogue, number = name.split()
    mission, folder, file, exptime = _PATTERNS[catalogue]
    found = {}
    for root in cache_roots():
        pattern = f"mastDownload/{mission}/{folder.format(int(number))}/{file.format(int(number))}"
        for path in sorted(root.glob(pattern)):
            made = Product(
                "", mission, path.parent.name, path.name, name, mission, MISSIONS[mission][0], exptime, "", 0
            )
            found.setdefault(made.place, made)
    return tuple(found.values())
