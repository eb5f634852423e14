"""One star's light curves as plain arrays, ready for the kernels: one product a sector, never two of one time.

The kernels know no lightkurve and no units. Here files or a `LightCurveCollection` become a frozen `Curve`: float64
arrays sorted in time, the quarter or sector of every point, and what an observer wants said about where they come from.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace

import numpy as np

from lcnet.transits.fitsfile import ReadError
from lcnet.transits.parts import Part, part_of, read_part
from lcnet.transits.products import NoCadence, NoColumn, read_header

__all__ = ["Curve", "curve_arrays"]

# Which pipeline to take for a piece of a star's light curve; others after them, in the order given. K2's own PDCSAP
# keeps the spacecraft's roll, which EVEREST (Luger et al. 2018, AJ 156, 99) and K2SFF (Vanderburg & Johnson 2014, PASP
# 126, 948) take out.
_AUTHORS = {"K2": ("EVEREST", "K2SFF", "K2SC", "K2", "Kepler")}
_ALL_AUTHORS = ("SPOC", "TESS-SPOC", "QLP", "Kepler")
# s; the missions' own planet searches used nothing shorter, and 20 s data are ten times as many for no more signal
_SHORTEST = 119.0
# d; a longer hole is one another curve may fill, a shorter one is a momentum dump or a flare left out
_GAP = 0.5
# cadences this far apart are different ones; a mission's own drifts by less with the barycentric correction
_SAME_CADENCE = 1.1
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
    kept, left_out, dropped, cut = _one_a_sector(parts)
    left_out += without
    flags, notes = _said(kept, left_out, dropped, cut)
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


def _one_a_sector(parts):
    """One product a sector, no time twice.

    The best pipeline comes first, and of it the best cadence. A curve of another pipeline for a sector that is taken is
    left out whole: what it has and the better one has not was mostly left out there for a reason. A curve covered by
    more than half by better ones is left out too; of one covered by less, the points outside are kept: points of two
    levels in turn would be taken for noise.

    Returns
    -------
    kept : list of Part, in the order of time
    left_out : list of (author, "sector", numbers)
    dropped, cut : int
        Curves of the same pipeline left out, and points left out of others.
    """
    given = list(dict.fromkeys(part.author for part in parts))

    def rank(part):
        known = _AUTHORS.get(part.mission, _ALL_AUTHORS)
        author = known.index(part.author) if part.author in known else len(known) + given.index(part.author)
        short = part.cadence < _SHORTEST
        return author, part.cadence != part.cadence, short, -part.cadence if short else part.cadence

    kept, left_out, dropped, cut = [], [], 0, 0
    for part in sorted((part for part in parts if part.time.size), key=rank):
        pieces = _pieces(part)
        rival = any(pieces & _pieces(other) and other.author != part.author for other in kept)
        covered = np.zeros(part.time.size, bool)
        if not rival:
            for other in kept:
                covered |= _covered(part.time, other)
        if rival or covered.mean() > 0.5:
            if any(other.author == part.author for other in kept) and not rival:
                dropped += 1
            else:
                left_out.append((part.author, part.numbered, {number for _, number in pieces}))
            continue
        if covered.any():
            cut += int(covered.sum())
            columns = ("time", "flux", "flux_err", "segment")
            part = replace(part, **{name: getattr(part, name)[~covered] for name in columns})
        kept.append(part)
    return sorted(kept, key=lambda part: part.time.min()) or parts[:1], left_out, dropped, cut


def _pieces(part) -> set[tuple[str, int]]:
    """The sectors, quarters or campaigns of a curve that says which; nothing for one that does not."""
    return {(part.numbered, int(number)) for number in np.unique(part.segment)} if part.numbered else set()


def _said(kept, left_out, dropped, cut) -> tuple[list[str], list[str]]:
    """Flags and sentences about which curves were used and what was done to them."""
    flags, notes = [], []
    authors = list(dict.fromkeys(part.author for part in kept))
    if len(authors) > 1:
        flags.append("mixed_authors")
        notes.append("; ".join(f"{_used(kept, author)} from {author}" for author in authors))
    if left_out:
        flags.append("other_authors")
        others = {}
        for author, what, numbers in left_out:
            others.setdefault((author, what), set()).update(numbers)
        words = (f"{author} ({_listed(what, which)})" if which else author for (author, what), which in others.items())
        notes.append(f"{', '.join(authors)} used; not used: {', '.join(words)}")
    if dropped or cut:
        flags.append("overlaps_dropped")
    if dropped:
        notes.append(f"{dropped} curve{'s' if dropped > 1 else ''} of the same time span left out")
    if cut:
        notes.append(f"{cut} point{'s' if cut > 1 else ''} in overlaps of its curves left out")
    cadences = sorted(part.cadence for part in kept if part.cadence == part.cadence)
    if cadences and cadences[-1] > _SAME_CADENCE * cadences[0]:
        flags.append("mixed_cadences")
        notes.append(f"cadences of {cadences[0]:.0f} to {cadences[-1]:.0f} s, each weighed by its own scatter")
    shares = [part.meta.get("CROWDSAP") for part in kept if part.crowding == "not corrected"]
    shares = [share for share in shares if isinstance(share, (int, float)) and 0 < share <= 1]
    if shares:
        flags.append("not_crowding_corrected")
        notes.append(f"{100 * (1 - np.median(shares)):.1f} % of the light in the aperture is of other stars")
    repairs = {what: sum(part.repairs.get(what, 0) for part in kept) for what in _REPAIRS}
    notes += [words.format(count) for what, words in _REPAIRS.items() if (count := repairs[what])]
    return flags, notes


_REPAIRS = {
    "infinite": "{} infinite values left out",
    "unordered": "times out of order at {} places; sorted",
    "repeated": "{} points of a time given twice left out",
}


def _listed(what: str, numbers) -> str:
    """ "sectors 1, 3"."""
    return f"{what}{'s' * (len(numbers) > 1)} {', '.join(str(number) for number in sorted(numbers))}"


def _used(parts, author) -> str:
    """Which pieces one pipeline gave."""
    mine = [part for part in parts if part.author == author and part.numbered]
    return _listed(mine[0].numbered, {n for part in mine for _, n in _pieces(part)}) if mine else "a piece"


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


def _covered(time, other):
    """Which times lie within a stretch of another curve; its gaps (between sectors, say) cover nothing."""
    theirs = other.time
    if not (time.size and theirs.size and theirs[0] <= time[-1] and time[0] <= theirs[-1]):
        return np.zeros(time.size, bool)
    gap = max(_GAP, 10 * other.cadence / 86400) if theirs.size > 1 else _GAP
    breaks = np.flatnonzero(np.diff(theirs) > gap)
    first, last = theirs[np.r_[0, breaks + 1]], theirs[np.r_[breaks, theirs.size - 1]]
    stretch = np.searchsorted(first, time, side="right") - 1
    return (stretch >= 0) & (time <= last[stretch])
