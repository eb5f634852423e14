"""One light curve of a star in plain arrays: of a file directly, or of a lightkurve object.

`read_part` goes from the bytes of a file to arrays without lightkurve, whose import alone takes longer than reading a
hundred files.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from lcnet.transits.fitsfile import named
from lcnet.transits.headers import SEGMENTS, identify
from lcnet.transits.products import ForLightkurve, Product, open_product, read_product
from lcnet.transits.star import star_of

__all__ = ["Part", "part_of", "read_part"]

_FORMATS = {"bkjd": "BKJD", "btjd": "BTJD", "jd": "BJD"}
# A Julian date of our century; a "jd" below it is days from a zero nobody stated (lightkurve's format for bare arrays)
_FULL_JD = 2_400_000.0


@dataclass(frozen=True)
class Part:
    """One light curve: finite times and fluxes in the order of time, no time twice.

    Attributes
    ----------
    time, flux, flux_err : array, shape (N,), float64
        Days in `system`; flux and error as the file has them, the error NaN where it states none.
    segment : array, shape (N,), int64
        Sector, quarter or campaign.
    system, scale : str
        "BKJD", "BTJD", "BJD" or "unknown"; astropy's time scale.
    author, mission, target, label : str
    numbered : str
        What `segment` counts: "sector", "quarter", "campaign" or "".
    cadence : float, seconds
        Measured; NaN for fewer than two points.
    crowding : str
        As `Product.crowding`.
    star : dict
        As `star.star_of`.
    repairs : dict of str to int
        What was wrong with how many points: "infinite", "unordered", "repeated".
    meta : dict
        "FILENAME", "FLUX_ORIGIN", "RA", "DEC", "CROWDSAP", what there is of them.
    """

    time: np.ndarray
    flux: np.ndarray
    flux_err: np.ndarray
    segment: np.ndarray
    system: str
    scale: str
    author: str
    mission: str
    target: str
    label: str
    numbered: str
    cadence: float
    crowding: str = "unknown"
    star: dict = field(default_factory=dict)
    repairs: dict = field(default_factory=dict)
    meta: dict = field(default_factory=dict)


def read_part(path, number: int = 0, *, flux_column=None, quality_bitmask="default", check: bool = True) -> Part:
    """Read one light-curve file into plain arrays.

    Parameters
    ----------
    path : path-like
    number : int
        The segment of a curve whose header names none.
    flux_column, quality_bitmask, check
        As `products.open_product`.

    Returns
    -------
    Part

    Raises
    ------
    ReadError, FileNotFoundError
    """
    path = Path(path)
    options = {"flux_column": flux_column, "quality_bitmask": quality_bitmask, "check": check}
    try:
        product = open_product(path, **options)
    except ForLightkurve:
        return part_of(read_product(path, **options), number)
    with named(path):
        return _of_product(product, number)


def _of_product(product: Product, number: int) -> Part:
    label, keep, cards = product.label, product.keep, product.cards
    segment, numbered = np.full(keep.size, number if label.segment is None else label.segment), label.segments
    if label.segment is None:
        for name in (key.lower() for key in SEGMENTS):
            if name in product.rows and product.rows[name].dtype.kind in "iu":
                segment, numbered = product.rows[name][keep], name
                break
    error = np.full(keep.size, np.nan) if product.flux_err is None else product.rows[product.flux_err][keep]
    return _tidy(
        product.days[keep],
        product.rows[product.flux][keep],
        error,
        segment,
        system=product.system,
        scale=product.scale,
        author=label.author,
        mission=label.mission,
        target=label.target,
        label=label.name,
        numbered=numbered,
        crowding=product.crowding,
        star=star_of(cards),
        meta={
            "FILENAME": str(product.path),
            "FLUX_ORIGIN": product.origin,
            "RA": cards.get("RA_OBJ"),
            "DEC": cards.get("DEC_OBJ"),
            "CROWDSAP": cards.get("CROWDSAP"),
        },
    )


def part_of(curve, number: int = 0) -> Part:
    """The plain arrays of a lightkurve object.

    Parameters
    ----------
    curve : lightkurve.LightCurve
    number : int
        The segment of a curve that names none.

    Returns
    -------
    Part
    """
    meta = dict(curve.meta)
    label = identify(meta)
    time, system = _own_time(curve.time, meta.get("LCNET_TIME_SYSTEM"))
    flux = _plain(curve.flux)
    segment, numbered = _segments(curve, meta, number)
    return _tidy(
        time,
        flux,
        _plain(curve.flux_err) if "flux_err" in curve.colnames else np.full_like(flux, np.nan),
        segment,
        system=system,
        scale=str(getattr(curve.time, "scale", "")),
        author=meta.get("LCNET_AUTHOR") or label.author,
        mission=meta.get("LCNET_MISSION") or label.mission,
        target=meta.get("LCNET_TARGET") or label.target,
        label=str(meta.get("LABEL") or label.name or ""),
        numbered=numbered,
        crowding=str(meta.get("LCNET_CROWDING") or "unknown"),
        star=star_of(meta),
        meta={key: meta.get(key) for key in ("FILENAME", "FLUX_ORIGIN", "RA", "DEC", "CROWDSAP")},
    )


def _tidy(time, flux, flux_err, segment, **said) -> Part:
    """Finite, in order, no time twice; errors that are none as NaN; and a count of what had to be done."""
    time, flux, flux_err = (np.asarray(values, dtype=np.float64) for values in (time, flux, flux_err))
    segment = np.asarray(segment, dtype=np.int64)
    repairs = {"infinite": int(np.isinf(flux).sum() + np.isinf(time).sum())}
    good = np.isfinite(time) & np.isfinite(flux)
    time, flux, flux_err, segment = time[good], flux[good], flux_err[good], segment[good]
    steps = np.diff(time)
    repairs["unordered"] = int((steps < 0).sum())
    if repairs["unordered"]:
        order = np.argsort(time, kind="stable")
        time, flux, flux_err, segment = time[order], flux[order], flux_err[order], segment[order]
        steps = np.diff(time)
    if (steps == 0).any():  # the first of a time that is given twice
        first = np.append(True, steps > 0)
        repairs["repeated"] = int((~first).sum())
        time, flux, flux_err, segment = time[first], flux[first], flux_err[first], segment[first]
        steps = np.diff(time)
    flux_err = np.where((flux_err > 0) & np.isfinite(flux_err), flux_err, np.nan)
    cadence = float(np.median(steps) * 86400) if steps.size else np.nan
    repairs = {what: count for what, count in repairs.items() if count}
    return Part(time, flux, flux_err, segment, cadence=cadence, repairs=repairs, **said)


def _plain(column) -> np.ndarray:
    """A column without unit and mask, masked values NaN, float64."""
    if hasattr(column, "filled"):
        column = column.filled(np.nan)
    column = getattr(column, "value", column)
    return np.array(np.ma.filled(np.ma.asarray(column, dtype=float), np.nan), dtype=np.float64)


def _own_time(time, stated):
    """Times in days and the zero they count from.

    `stated`, of the file they were read from, is believed while they still have the format it was read in: whoever
    sets ``lc.time.format`` leaves the meta as it was. That no zero was stated remains true in any format.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ERFA's "dubious year" for times that are no dates
        form = getattr(time, "format", "")
        if form in _FORMATS:
            days, system = _plain(time.value), _FORMATS[form]
        else:
            days, system = _plain(getattr(time, "jd", time)), "BJD"
        if stated == "unknown" or (stated == system and form in _FORMATS):
            return days, stated
        if system == "BJD" and not (days.size and np.nanmin(days) > _FULL_JD):
            system = "unknown"
    return days, system


def _segments(curve, meta, number: int):
    """The sector, quarter or campaign of every point: from the header, else a column of that name, else the order."""
    for key in SEGMENTS:
        value = meta.get(key)
        if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
            return np.full(len(curve), int(value), dtype=np.int64), key.lower()
    for name in ("segment", *(key.lower() for key in SEGMENTS)):
        if name in curve.colnames:
            column = _plain(curve[name])
            return np.where(np.isfinite(column), column, -1).astype(np.int64), "" if name == "segment" else name
    return np.full(len(curve), number, dtype=np.int64), ""
