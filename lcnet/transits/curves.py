"""One star's light curves as plain arrays, ready for the kernels.

The kernels know no lightkurve and no units. Here a `LightCurveCollection` becomes a frozen `Curve`: float64 arrays
sorted in time, the quarter or sector of every point, and what an observer wants said about where they come from.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field, replace

import numpy as np

from lcnet.transits.headers import identify
from lcnet.transits.products import ReadError

__all__ = ["Curve", "curve_arrays"]

# Which pipeline to keep when one star comes from several: they are not to be stitched, their systematics differ
_AUTHORS = ("SPOC", "TESS-SPOC", "QLP")
_SEGMENTS = ("SECTOR", "QUARTER", "CAMPAIGN")
_FORMATS = {"bkjd": "BKJD", "btjd": "BTJD", "jd": "BJD"}
# A Julian date of our century; a "jd" below it is days from a zero nobody stated (lightkurve's format for bare arrays)
_FULL_JD = 2_400_000.0
# d; a longer hole is one another curve may fill, a shorter one is a momentum dump or a flare left out
_GAP = 0.5


@dataclass(frozen=True)
class Curve:
    """One star as the kernels want it.

    Attributes
    ----------
    target, mission, author : str
        "KIC 11442793", "Kepler", "Kepler"; mission is "" when unknown.
    time_system : str
        "BKJD" (BJD_TDB - 2454833), "BTJD" (BJD_TDB - 2457000), "BJD" or "unknown".
    flags : tuple of str
        "time_system_unknown", "time_not_tdb", "other_authors", "overlaps_dropped".
    time : array, shape (N,), float64, days
        Increasing.
    flux : array, shape (N,), float64
        As the file has it: not normalised, unit of the pipeline.
    flux_err : array, shape (N,), float64
        Same unit; NaN where the file states none.
    segment : array, shape (N,), int64
        Sector, quarter or campaign of every point.
    label : str
        The curve's own name.
    notes : tuple of str
        Sentences for the table's `reason`.
    meta : dict
        "files", "cadence" [s], "segments" ("sector", "quarter", "campaign" or ""), "flux_origin", "ra", "dec".
    """

    target: str
    mission: str
    author: str
    time_system: str
    flags: tuple[str, ...]
    time: np.ndarray
    flux: np.ndarray
    flux_err: np.ndarray
    segment: np.ndarray
    label: str = ""
    notes: tuple[str, ...] = ()
    meta: dict = field(default_factory=dict)


@dataclass(frozen=True)
class _Part:
    """One light curve of the collection, in plain arrays."""

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
    meta: dict


def curve_arrays(collection, *, target: str | None = None) -> Curve:
    """Plain arrays of one star.

    Parameters
    ----------
    collection : LightCurve, LightCurveCollection or sequence of LightCurve
        All of one star. Of several pipelines only one is kept: SPOC, else TESS-SPOC, else QLP, else the first.
    target : str, optional
        The star's name; by default from the headers, else the label, else "unnamed-1".

    Returns
    -------
    Curve
        NaNs dropped, sorted in time, one integer a sector, quarter or campaign.

    Raises
    ------
    ReadError
        No finite point is left, or the curves count time from different zeros.
    """
    parts = [_part(curve, number) for number, curve in enumerate(_sequence(collection))]
    name = target or next((part.target or part.label for part in parts if part.target or part.label), "unnamed-1")
    flags, notes = [], []
    authors = list(dict.fromkeys(part.author for part in parts))
    author = next((known for known in _AUTHORS if known in authors), authors[0])
    if len(authors) > 1:
        others = ", ".join(other for other in authors if other != author)
        flags.append("other_authors")
        notes.append(f"{author} scored; also given: {others}")
    parts, dropped, cut = _without_overlaps([part for part in parts if part.author == author])
    if dropped or cut:
        flags.append("overlaps_dropped")
    if dropped:
        notes.append(f"{dropped} curve{'s' if dropped > 1 else ''} of the same time span left out")
    if cut:
        notes.append(f"{cut} point{'s' if cut > 1 else ''} in overlaps of its curves left out")
    systems = sorted({part.system for part in parts})
    if len(systems) > 1:
        raise ReadError(f"{name}: its curves count time in {' and '.join(systems)}; convert them to one system first")
    if systems == ["unknown"]:
        flags.append("time_system_unknown")
    if any(part.scale not in ("tdb", "local", "") for part in parts):
        flags.append("time_not_tdb")
    time, flux, flux_err, segment = (
        np.concatenate([getattr(part, column) for part in parts]) for column in ("time", "flux", "flux_err", "segment")
    )
    order = np.argsort(time, kind="stable")
    if time.size == 0:
        raise ReadError(f"{name}: no finite flux in its light curve; give another sector or quarter")
    first = parts[0]
    return Curve(
        target=name,
        mission=first.mission,
        author=author,
        time_system=systems[0],
        flags=tuple(flags),
        time=time[order],
        flux=flux[order],
        flux_err=flux_err[order],
        segment=segment[order],
        label=first.label or name,
        notes=tuple(notes),
        meta={
            "files": [part.meta["FILENAME"] for part in parts if part.meta.get("FILENAME")],
            "cadence": float(np.nanmedian([part.cadence for part in parts])) if time.size > 1 else np.nan,
            "segments": first.numbered,
            "flux_origin": str(first.meta.get("FLUX_ORIGIN") or ""),
            "ra": first.meta.get("RA"),
            "dec": first.meta.get("DEC"),
        },
    )


def _sequence(collection):
    """The curves of a collection; a LightCurve is a table and would iterate over its rows."""
    if hasattr(collection, "time") and hasattr(collection, "flux"):
        return [collection]
    curves = list(collection)
    if not curves:
        raise ReadError("an empty LightCurveCollection: nothing to score")
    return curves


def _plain(column) -> np.ndarray:
    """A column without unit and mask, masked values NaN, float64."""
    if hasattr(column, "filled"):
        column = column.filled(np.nan)
    column = getattr(column, "value", column)
    return np.array(np.ma.filled(np.ma.asarray(column, dtype=float), np.nan), dtype=np.float64)


def _part(curve, number: int) -> _Part:
    meta = dict(curve.meta)
    label = identify(meta)
    time, system = _own_time(curve.time, meta.get("LCNET_TIME_SYSTEM"))
    flux = _plain(curve.flux)
    flux_err = _plain(curve.flux_err) if "flux_err" in curve.colnames else np.full_like(flux, np.nan)
    segment, numbered = _segments(curve, meta, number)
    good = np.isfinite(time) & np.isfinite(flux)
    step = np.diff(np.sort(time[good]))
    return _Part(
        time[good],
        flux[good],
        flux_err[good],
        segment[good],
        system,
        str(getattr(curve.time, "scale", "")),
        meta.get("LCNET_AUTHOR") or label.author,
        meta.get("LCNET_MISSION") or label.mission,
        meta.get("LCNET_TARGET") or label.target,
        str(meta.get("LABEL") or label.name or ""),
        numbered,
        float(np.median(step) * 86400) if step.size else np.nan,
        meta,
    )


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
    for key in _SEGMENTS:
        value = meta.get(key)
        if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
            return np.full(len(curve), int(value), dtype=np.int64), key.lower()
    for name in ("segment", *(key.lower() for key in _SEGMENTS)):
        if name in curve.colnames:
            column = _plain(curve[name])
            return np.where(np.isfinite(column), column, -1).astype(np.int64), "" if name == "segment" else name
    return np.full(len(curve), number, dtype=np.int64), ""


def _without_overlaps(parts):
    """No time twice: a sector comes at 20 s and 120 s, a quarter in long and short cadence, a file twice.

    Where two curves cover the same time, the cadence nearest 120 s (TESS) or the longest (Kepler) is kept: the one the
    mission's own search used. Of a curve covered by more than half by better ones nothing is kept; of one covered by
    less, the points outside: points of two levels in turn would be taken for noise.

    Returns
    -------
    kept : list of _Part
    dropped, cut : int
        Curves left out, and points left out of the others.
    """

    def rank(part):
        if part.mission == "TESS" and part.cadence == part.cadence:
            return abs(np.log(max(part.cadence, 1.0) / 120.0))
        return -part.cadence if part.cadence == part.cadence else np.inf

    kept, dropped, cut = [], 0, 0
    for part in sorted((part for part in parts if part.time.size), key=rank):
        covered = np.zeros(part.time.size, bool)
        for other in kept:
            covered |= _covered(part.time, other)
        if covered.mean() > 0.5:
            dropped += 1
            continue
        if covered.any():
            cut += int(covered.sum())
            columns = ("time", "flux", "flux_err", "segment")
            part = replace(part, **{name: getattr(part, name)[~covered] for name in columns})
        kept.append(part)
    if not kept:
        return parts, 0, 0
    return sorted(kept, key=lambda part: part.time.min()), dropped, cut


def _covered(time, other):
    """Which times lie within a stretch of another curve; its gaps (between sectors, say) cover nothing."""
    theirs = np.sort(other.time)
    gap = max(_GAP, 10 * other.cadence / 86400) if theirs.size > 1 else _GAP
    breaks = np.flatnonzero(np.diff(theirs) > gap)
    first, last = theirs[np.r_[0, breaks + 1]], theirs[np.r_[breaks, theirs.size - 1]]
    stretch = np.searchsorted(first, time, side="right") - 1
    return (stretch >= 0) & (time <= last[stretch])
