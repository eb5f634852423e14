"""One star from its files to its candidates, their views and their tests: what a process of a batch does.

A star that fails is a result with its error, never an exception: one broken file must not end a night's run.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from lcnet.transits.candidates import Candidate, Search, candidate_views, find_candidates
from lcnet.transits.curves import Curve
from lcnet.transits.known import Ephemeris, measure_known, why_not
from lcnet.transits.read import ReadError, Source
from lcnet.transits.star import density, with_given
from lcnet.transits.vet import vet_candidate

__all__ = ["Found", "Job", "Options", "find", "measured_only", "search_curve", "searched", "with_views"]


@dataclass(frozen=True)
class Options:
    """What to search for, and what to keep of it.

    Attributes
    ----------
    period : (float, float) or None, days
    min_snr : float
    max_candidates : int
    views : bool
        Make the networks' views of every candidate.
    keep_curves : bool
        Keep the light curve and the periodograms (megabytes a star), for a figure.
    star : dict
        Radius, mass, teff, rho, tmag of the star, before those of its header.
    """

    period: tuple[float, float] | None = None
    min_snr: float = 7.1
    max_candidates: int = 5
    views: bool = True
    keep_curves: bool = False
    star: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """One star and what is asked of it.

    Attributes
    ----------
    source : Source
    known : tuple of Ephemeris or None
        Score these; None searches.
    places : tuple of int
        The row of the table that each of `known` has.
    """

    source: Source
    known: tuple[Ephemeris, ...] | None = None
    places: tuple[int, ...] = ()


@dataclass(frozen=True)
class Found:
    """What was found in one star.

    Attributes
    ----------
    target : str
    curve : Curve or None
        None when it could not be read; without its arrays unless they were to be kept.
    search : Search or None
        None when the search failed; likewise.
    views : tuple
        For each candidate (dict of view name to array, tuple of flags), or the Exception that making them raised.
    vettings : tuple
        For each candidate its `vet.Vetting`, or None for a known ephemeris that could not be measured.
    explanations : tuple
        For each candidate its `explain.Explanation`, None where there is no view; empty where nobody explained.
    star : dict
        What is known of the star itself.
    known : tuple of Ephemeris
        What was asked for, where that was not a search.
    error : Exception or None
    """

    target: str
    curve: Curve | None = None
    search: Search | None = None
    views: tuple = ()
    vettings: tuple = ()
    star: dict = field(default_factory=dict)
    known: tuple[Ephemeris, ...] = ()
    error: Exception | None = None
    explanations: tuple = ()


def find(job: Job, options: Options) -> Found:
    """Read one star, search it or measure what is known of it, and make the views and tests of each candidate."""
    curve = None
    try:
        curve = job.source.curve()
        return search_curve(curve, options, known=job.known)
    except Exception as error:
        target, known = job.source.target, job.known or ()
        return Found(target, curve=_without_arrays(curve), known=known, error=_plain(error))


def search_curve(curve: Curve, options: Options, *, known=None) -> Found:
    """`find` for a star that has been read."""
    star = with_given(curve.star, options.star)
    if known is None:
        search, refused = searched(curve, options, star), {}
    else:
        search, refused = _measured(curve, known)
    numbers = range(len(search.candidates))
    views = tuple(refused.get(k) or _views(search, k) for k in numbers) if options.views or known is not None else ()
    vettings = tuple(_vetted(search, k, star) for k in numbers)
    if not options.keep_curves:
        curve = _without_arrays(curve)
        search = replace(search, **dict.fromkeys(("time", "flux", "flux_err", "trend", "raw_flux", "segment")))
        search = replace(search, periodograms=())
    return Found(curve.target, curve, search, views, vettings, star, known or ())


def searched(curve, options, star):
    """A star's search with the options of a batch: `find_candidates` of its arrays, durations by the star's density."""
    return find_candidates(
        curve.time,
        curve.flux,
        curve.flux_err,
        segment=curve.segment,
        period=options.period,
        min_snr=options.min_snr,
        max_candidates=options.max_candidates,
        density=density(star),
    )


def _measured(curve, known):
    """The search's result for known ephemerides, and for those that this curve cannot tell the time of, why.

    One that cannot be used does not take the others of its star with it.
    """
    usable, refused = {}, {}
    for number, ephemeris in enumerate(known):
        try:
            usable[number] = ephemeris.counted_in(curve.time_system)
        except ValueError as error:
            refused[number] = error
    if not usable:
        raise refused[0]
    numbers = list(usable)
    arrays = (curve.time, curve.flux, curve.flux_err)
    search = measure_known(*arrays, segment=curve.segment, ephemerides=list(usable.values()))
    candidates = [_not_measured(ephemeris) for ephemeris in known]
    for number, candidate in zip(numbers, search.candidates, strict=True):
        harmonic = candidate.harmonic_of and numbers[candidate.harmonic_of - 1] + 1
        candidates[number] = replace(candidate, harmonic_of=harmonic)
    search = replace(search, candidates=tuple(candidates))
    for number in numbers:
        if said := why_not(search, number):
            refused[number] = ValueError(said)
    return search, refused


def _not_measured(this: Ephemeris) -> Candidate:
    nothing = [np.nan] * 4
    return Candidate(this.period, np.nan, this.epoch, np.nan, this.duration, *nothing, 0, np.nan, status="failed")


def _views(search, index):
    try:
        views, flags = candidate_views(search, index)
        for name, view in views.items():
            # NaN throughout is a view that cannot be made, and missing; else the network would refuse the whole batch
            if not (np.isfinite(view).all() or np.isnan(view).all()):
                raise ValueError(f"{name} is not finite")
        return views, flags
    except ValueError as error:  # a candidate without a view is a row without probabilities, not a failed star
        return error


def with_views(found):
    """A star that was measured, with the views of its candidates."""
    views = tuple(_views(found.search, k) for k in range(len(found.search.candidates)))
    return replace(found, views=views, explanations=())  # those were of other views


def _vetted(search, index, star):
    if search.candidates[index].status == "failed":
        return None
    return vet_candidate(search, index, star=star)


def measured_only(found, rows):
    """A star and its rows without the known ephemerides of which nothing can be drawn."""
    kept = [k for k, candidate in enumerate(found.search.candidates) if candidate.status != "failed"]
    if len(kept) == len(found.search.candidates):
        return found, rows
    numbers = {k + 1: number for number, k in enumerate(kept, 1)}
    candidates = [found.search.candidates[k] for k in kept]
    candidates = tuple(replace(one, harmonic_of=numbers.get(one.harmonic_of, 0)) for one in candidates)
    search = replace(found.search, candidates=candidates)
    both = {"views": found.views, "vettings": found.vettings, "explanations": found.explanations}
    both = {name: tuple(values[k] for k in kept) for name, values in both.items() if values}
    return replace(found, search=search, **both), [rows[k] for k in kept]


def _without_arrays(curve):
    return curve and replace(curve, **dict.fromkeys(("time", "flux", "flux_err", "segment")))


def _plain(error: Exception) -> Exception:
    """The error, or one that is certain to travel between processes; only our own need no name of their kind."""
    if type(error) in (ReadError, FileNotFoundError, TypeError, ValueError):
        return error
    if isinstance(error, ReadError):  # a kind of it, which says the same
        return ReadError(str(error))
    return RuntimeError(f"{type(error).__name__}: {error}")
