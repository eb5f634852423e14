"""One light-curve file of an archive: whose it is, and its curve.

`lightkurve.read` knows the missions' products. What it does not do, and what this file adds, is to say in one sentence
what is wrong with a file it cannot read, to tell the star and the pipeline from the header (lightkurve takes the
pipeline from the file's name), and to say honestly which zero the times count from.
"""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from lcnet.transits.headers import Label, identify, text, time_system

__all__ = ["ReadError", "read_header", "read_product"]

_LIGHTKURVE_FORMATS = {"BKJD": "bkjd", "BTJD": "btjd", "BJD": "jd"}
_TIMES = ("TIME", "T", "BJD", "TMID_BJD")
# in the order of preference: systematics removed, then as it is, then other pipelines' names
_FLUXES = ("PDCSAP_FLUX", "FLUX", "FCOR", "CORR_FLUX", "CAL_APER_FLUX", "KSPSAP_FLUX", "DET_FLUX", "SAP_FLUX", "FRAW")


class ReadError(ValueError):
    """A light curve that cannot be read; the message names the file and what to do."""


@contextmanager
def _named(path: Path):
    """Whatever goes wrong inside becomes a `ReadError` that names the file and what to do."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # archive files are full of units astropy finds unusual
            # astropy only warns of a file cut off in its data, and then reads what is left as if it were all
            warnings.filterwarnings("error", message="File may have been truncated")
            yield
    except (ReadError, FileNotFoundError):
        raise
    except Exception as error:
        said = " ".join(str(error).split())[:120]
        if "truncated" in said.lower() or _cut_off(path):
            raise ReadError(f"{path}: the file is cut off (an interrupted download?); fetch it again") from error
        raise ReadError(f"{path}: not readable as a FITS light curve ({type(error).__name__}: {said})") from error


def _cut_off(path: Path) -> bool:
    """Whether a file that failed ends too early: FITS comes in blocks of 2880 bytes, gzip ends with a checksum."""
    import gzip
    import zlib

    size = 0
    try:
        with gzip.open(path) if _packed(path) else open(path, "rb") as stream:
            while block := stream.read(1 << 20):
                size += len(block)
    except (EOFError, zlib.error):
        return True
    except OSError:
        return False
    return size % 2880 != 0


def _packed(path: Path) -> bool:
    with open(path, "rb") as stream:
        return stream.read(2) == b"\x1f\x8b"


def _sniff(path: Path) -> None:
    """Refuse what is not FITS before astropy does, which would only say that SIMPLE is missing."""
    import gzip

    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    with gzip.open(path) if _packed(path) else open(path, "rb") as stream:
        start = stream.read(512)
    if not start:
        raise ReadError(f"{path}: the file is empty; fetch it again")
    if start.lstrip()[:1] == b"<":
        raise ReadError(f"{path}: a web page, not a FITS file (a failed download?); open it to see what it says")
    if not start.startswith(b"SIMPLE  ="):
        raise ReadError(f"{path}: not a FITS file; lcnet reads light curves as FITS (.fits, .fits.gz)")


def _table(hdus, path: Path):
    """The first table of times and fluxes; says what the file is when it has none."""
    creator = text(hdus[0].header.get("CREATOR")).lower()
    pixels = "targetpixel" in creator
    for hdu in hdus[1:]:
        if not hasattr(hdu, "columns") or not hasattr(hdu.columns, "names"):
            continue
        columns = {name.upper(): name for name in hdu.columns.names}
        flux = next((columns[name] for name in _FLUXES if name in columns), None)
        if flux is not None and "," in str(hdu.columns[flux].dim or ""):
            pixels = True
        elif flux is not None and not pixels and any(name in columns for name in _TIMES):
            return hdu, next(columns[name] for name in _TIMES if name in columns), flux
    if pixels:
        raise ReadError(
            f"{path}: a target-pixel file, not a light curve; make one with "
            "lightkurve.read(path).to_lightcurve() and pass that, or fetch the star's _lc.fits"
        )
    if _cut_off(path):
        raise ReadError(f"{path}: the file is cut off (an interrupted download?); fetch it again")
    raise ReadError(f"{path}: no table with a time and a flux column; give a light-curve file (_lc.fits, _llc.fits)")


def read_header(path) -> Label:
    """`identify` for a file, without reading its data.

    Raises
    ------
    ReadError, FileNotFoundError
    """
    path = Path(path)
    with _named(path):
        from astropy.io import fits

        _sniff(path)
        with fits.open(path) as hdus:
            hdu, _, _ = _table(hdus, path)
            return identify(_merged(hdus[0].header, hdu.header))


def _merged(primary, table) -> dict:
    cards = {}
    for header in (table, primary):
        cards.update({key: header[key] for key in header if key and key not in ("COMMENT", "HISTORY")})
    return {key: value for key, value in cards.items() if isinstance(value, (str, bool, int, float))}


def read_product(path):
    """Read one light-curve file.

    Parameters
    ----------
    path : path-like
        A FITS light curve, plain or gzipped.

    Returns
    -------
    lightkurve.LightCurve
        With lightkurve's default quality mask. Its ``meta`` also has ``LCNET_TARGET``, ``LCNET_MISSION``,
        ``LCNET_AUTHOR`` and ``LCNET_TIME_SYSTEM``, told from the headers.

    Raises
    ------
    ReadError, FileNotFoundError
    """
    path = Path(path)
    with _named(path):
        from astropy.io import fits

        _sniff(path)
        with fits.open(path) as hdus:
            hdu, time_column, flux_column = _table(hdus, path)
            cards = _merged(hdus[0].header, hdu.header)
            system, zero = time_system(hdu.header, str(hdu.columns[time_column].unit or ""))
            raw = _lightkurve(path)
            if raw is None:
                raw = _plain(hdu, time_column, flux_column, cards, system, zero)
            else:
                raw = _with_zero(raw, system, zero)
        if raw.meta.get("AUTHOR") and "AUTHOR" not in cards:
            cards["AUTHOR"] = raw.meta["AUTHOR"]
        label = identify(cards)
    if len(raw) == 0:
        raise ReadError(f"{path}: no cadence is left after the quality flags; fetch another sector or quarter")
    raw.meta.update(
        FILENAME=str(path),
        AUTHOR=label.author,
        LCNET_TARGET=label.target,
        LCNET_MISSION=label.mission,
        LCNET_AUTHOR=label.author,
        LCNET_TIME_SYSTEM=system,
    )
    return raw


def _lightkurve(path: Path):
    """lightkurve's own reading, or None where it refuses the file or makes no light curve of it."""
    import lightkurve

    try:
        curve = lightkurve.read(str(path))
    except (EOFError, OSError):
        raise  # damaged, not unknown
    except Exception:
        return None
    return curve if isinstance(curve, lightkurve.LightCurve) else None


def _plain(hdu, time_column, flux_column, cards, system, zero):
    """The table's times, fluxes and quality, for files `lightkurve.read` refuses."""
    import lightkurve
    from astropy.time import Time

    table = hdu.data
    time = np.asarray(table[time_column], dtype=float)
    flux = np.asarray(table[flux_column], dtype=float)
    if flux.ndim != 1 or time.ndim != 1:
        raise ValueError("the time and flux columns are not one number a row")
    columns = {name.upper(): name for name in hdu.columns.names}
    error = columns.get(f"{flux_column.upper()}_ERR")
    quality = columns.get("QUALITY") or columns.get("SAP_QUALITY")
    keep = np.isfinite(time)
    if quality is not None:
        keep &= np.asarray(table[quality]) == 0
    offset = zero if system == "BJD" else 0.0
    return lightkurve.LightCurve(
        time=Time(time[keep] + offset, format=_LIGHTKURVE_FORMATS.get(system, "jd"), scale="tdb"),
        flux=flux[keep],
        flux_err=np.asarray(table[error], dtype=float)[keep] if error else None,
        meta={**cards, "LABEL": cards.get("OBJECT")},
    )


def _with_zero(curve, system: str, zero: float | None):
    """The curve with times from the header's zero; lightkurve takes TESS's or Kepler's for granted."""
    from astropy.time import Time

    assumed = {"bkjd": 2454833.0, "btjd": 2457000.0, "jd": 0.0}.get(curve.time.format)
    if zero is None or assumed is None or assumed == zero or (assumed == 0.0 and system == "BJD"):
        return curve
    value = np.asarray(curve.time.value, dtype=float) + (zero if system == "BJD" else 0.0)
    # a new curve: assigning to `curve.time` would convert to the format already there
    columns = {name: curve[name] for name in curve.colnames if name != "time"}
    time = Time(value, format=_LIGHTKURVE_FORMATS[system], scale="tdb")
    return type(curve)(data=columns, time=time, meta=curve.meta)
