"""One star's light curves as plain arrays, ready for the kernels: one product a sector, never two of one time.

The kernels know no lightkurve and no units. Here files or a `LightCurveCollection` become a frozen `Curve`: float64
arrays sorted in time, the quarter or sector of every point, and what an observer wants said about where they come from.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace

import numpy as np

from lcnet.transits.choice import one_a_sector, said
from lcnet.transits.fitsfile import ReadError
from lcnet.transits.parts import Part, part_of, read_part
from lcnet.transits.products import NoCadence, NoColumn, read_header

__all__ = ["Curve", "curve_arrays"]

_FEWEST = 3


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
        "other_authors": curves of other pipelines were left out; "mixed_authors": different pieces are of different
        ones; "mixed_cadences"; "overlaps_dropped"; "not_crowding_corrected": the flux asked for holds the light of
        other stars; "time_system_unknown", "time_not_tdb".
    time : array, shape (N,), float64, days
        Increasing.
    flux : array, shape (N,), float64
        As the file has it: not normalised, unit of the pipeline.
    flux_err : array, shape (N,), float64
        Same unit; NaN where the file states none. Where pieces differ in cadence or pipeline, scaled to each one's own
        point-to-point scatter, so that a point weighs by its exposure.
    segment : array, shape (N,), int64
        Sector, quarter or campaign of every point.
    label : str
        The curve's own name.
    notes : tuple of str
        Sentences for the table's `reason`.
    meta : dict
        "files", "cadence" [s], "segments" ("sector", "quarter", "campaign" or ""), "flux_origin", "ra", "dec";
        "authors" and "cadences" [s] by segment; "crowding" ("corrected", "not corrected", "unknown") and "crowdsap",
        the share of the target's light in the aperture (median; NaN where not stated).
    star : dict
        What the headers say of the star, as `star.star_of`.
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
    star: dict = field(default_factory=dict)


def curve_arrays(collection, *, target: str | None = None, flux_column=None, quality_bitmask="default") -> Curve:
    """Plain arrays of one star.

    Parameters
    ----------
    collection : path, LightCurve, LightCurveCollection, or sequence of paths and LightCurves
        All of one star. Files are read directly, without lightkurve. Of each sector, quarter or campaign one product
        is used: SPOC, else TESS-SPOC, else QLP, else the first (K2: EVEREST, K2SFF, K2SC, K2); of one product
        the shortest cadence of 120 s or more, else the longest there is.
    target : str, optional
        The star's name; by default from the headers, else the label, else "unnamed-1".
    flux_column, quality_bitmask
        For files, as `products.open_product`. A file of another product that has no such column is left out.

    Returns
    -------
    Curve
        NaNs dropped, sorted in time, one integer a sector, quarter or campaign.

    Raises
    ------
    ReadError
        A file cannot be read, fewer than three finite points are left, or the curves count time from different zeros.
    FileNotFoundError
    """
    parts, without, empty = _parts(_sequence(collection), flux_column, quality_bitmask)
    name = target or next((part.target or part.label for part in parts if part.target or part.label), "unnamed-1")
    kept, left_out, dropped, cut = one_a_sector(parts)
    left_out += without
    flags, notes = said(kept, left_out, dropped, cut)
    if empty:
        notes.append(f"{empty} file{'s' * (empty > 1)} without a good cadence left out")
    systems = sorted({part.system for part in kept})
    if len(systems) > 1:
        raise ReadError(f"{name}: its curves count time in {' and '.join(systems)}; convert them to one system first")
    if systems == ["unknown"]:
        flags.append("time_system_unknown")
    if any(part.scale not in ("tdb", "local", "") for part in kept):
        flags.append("time_not_tdb")
    points = sum(part.time.size for part in kept)
    if points == 0:
        raise ReadError(f"{name}: no finite flux in its light curve; give another sector or quarter")
    if points < _FEWEST:
        raise ReadError(f"{name}: only {points} point{'s' * (points > 1)} in its light curve; nothing can be searched")
    if "mixed_authors" in flags or "mixed_cadences" in flags:
        kept = [_weighed(part) for part in kept]
    time, flux, flux_err, segment = (
        np.concatenate([getattr(part, column) for part in kept]) for column in ("time", "flux", "flux_err", "segment")
    )
    order = np.argsort(time, kind="stable")
    first, authors = kept[0], list(dict.fromkeys(part.author for part in kept))
    star = {}
    for part in kept:
        star = {**part.star, **star}
    return Curve(
        target=name,
        mission=first.mission,
        author=", ".join(authors),
        time_system=systems[0],
        flags=tuple(flags),
        time=time[order],
        flux=flux[order],
        flux_err=flux_err[order],
        segment=segment[order],
        label=first.label or name,
        notes=tuple(notes),
        meta=_meta(kept),
        star=star,
    )


def _sequence(collection):
    """The curves of a collection; a LightCurve is a table and would iterate over its rows."""
    if isinstance(collection, (str, os.PathLike)) or (hasattr(collection, "time") and hasattr(collection, "flux")):
        return [collection]
    curves = list(collection)
    if not curves:
        raise ReadError("an empty LightCurveCollection: nothing to score")
    return curves


def _parts(items, flux_column, quality_bitmask):
    """The items in plain arrays.

    Returns
    -------
    parts : list of Part
    without : list of (author, "sector", numbers)
        Files that have not the column asked for.
    empty : int
        Files of which the quality mask leaves nothing.
    """
    parts, without, empty, problem = [], [], 0, None
    for number, item in enumerate(items):
        if not isinstance(item, (str, os.PathLike)):
            parts.append(part_of(item, number))
            continue
        try:
            parts.append(read_part(item, number, flux_column=flux_column, quality_bitmask=quality_bitmask))
        except NoColumn as error:
            problem = error
            label = read_header(item)
            without.append((label.author, label.segments, {label.segment} if label.segments else set()))
        except NoCadence as error:
            problem = problem or error
            empty += 1
    if not parts:
        raise problem
    return parts, without, empty


def _weighed(part: Part) -> Part:
    """The errors scaled so that their median is the point-to-point scatter.

    Pipelines define their errors differently (QLP's are no photon noise), so those of two cannot be compared. Of points
    an exposure apart, the scatter is what an exposure leaves; from 120 s to 1800 s it falls by sqrt(15).
    """
    steps = np.abs(np.diff(part.flux))
    if not steps.any():
        return part
    # the median absolute difference of two normal deviates is 0.6745 sqrt(2) sigma
    scatter = float(np.median(steps) or np.median(steps[steps > 0])) / (0.6745 * np.sqrt(2))
    stated = part.flux_err[np.isfinite(part.flux_err)]
    if stated.size == 0:
        return replace(part, flux_err=np.full(part.time.size, scatter))
    return replace(part, flux_err=part.flux_err * (scatter / float(np.median(stated))))


def _meta(kept) -> dict:
    first = kept[0]
    authors, cadences = {}, {}
    for part in kept:
        for number in np.unique(part.segment):
            authors.setdefault(int(number), part.author)
            cadences.setdefault(int(number), part.cadence)
    shares = [part.meta.get("CROWDSAP") for part in kept]
    shares = [share for share in shares if isinstance(share, (int, float)) and 0 < share <= 1]
    known = [np.full(part.time.size, part.cadence) for part in kept if part.cadence == part.cadence]
    crowding = {part.crowding for part in kept}
    return {
        "files": [part.meta["FILENAME"] for part in kept if part.meta.get("FILENAME")],
        "cadence": float(np.median(np.concatenate(known))) if known else np.nan,
        "segments": first.numbered,
        "flux_origin": str(first.meta.get("FLUX_ORIGIN") or ""),
        "ra": first.meta.get("RA"),
        "dec": first.meta.get("DEC"),
        "authors": authors,
        "cadences": cadences,
        "crowding": crowding.pop()
        if len(crowding) == 1
        else "not corrected" * ("not corrected" in crowding) or "unknown",
        "crowdsap": float(np.median(shares)) if shares else np.nan,
    }
