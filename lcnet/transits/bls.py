"""Box least squares: the period search, on plain arrays and on lightkurve objects, for one light curve or many.

Two engines stand behind it, and the cheaper one that can do what was asked is taken. The exact one (`boxes`) searches
any given periods and is what astropy's ``BoxLeastSquares`` computes. The two-stage one (`two_stage`) searches a range
of periods by fast folding and repeats its strongest peaks exactly; over a wide range it is tens to hundreds of times
faster, most so for long and for dense light curves.

References
----------
Kovacs, Zucker & Mazeh 2002, A&A 391, 369; Hartman & Bakos 2016, A&C 17, 1; Staelin 1969, Proc. IEEE 57, 724.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lcnet.transits.boxes import BoxSearch, box_sums, in_threads, search_bands
from lcnet.transits.detrend import robust_sigma
from lcnet.transits.ephemeris import plain
from lcnet.transits.folding import LADDERS
from lcnet.transits.peaks import N_PEAKS, Place, find_peaks
from lcnet.transits.periods import (
    Band,
    central_duration,
    count_periods,
    period_bands,
    period_grid,
    search_range,
    split_octaves,
)
from lcnet.transits.two_stage import BINS_A_DURATION, CELLS_A_DURATION, folding_bands, folding_cost, two_stage_search

__all__ = ["BoxSearch", "bls", "bls_many", "bls_search", "search_bands"]

ASTROPY_BINS = 10  # phase bins in the shortest explicit duration, astropy's default
ENGINES = ("auto", "exact", "folding")
# Relative costs, in units of folding and scanning one cell (about 2 ns): adding a point to a phase bin, and what the
# second stage takes for each point of the light curve.
POINT_COST = 0.7
REFINE_COST = 10.0 * N_PEAKS
BLOCK = 32  # neighbouring periods of the exact engine's grid that give one peak at most


@dataclass(frozen=True)
class _Points:
    """The usable points in order of time, and what the grids need to know of them."""

    time: np.ndarray
    flux: np.ndarray
    err: np.ndarray
    baseline: float
    cadence: float


def _points(time, flux, flux_err):
    time, flux = np.asarray(time, float), np.asarray(flux, float)
    err = np.full(time.shape, np.nan) if flux_err is None else np.asarray(flux_err, float)
    if not time.shape == flux.shape == err.shape or time.ndim != 1:
        raise ValueError(f"time {time.shape}, flux {flux.shape} and flux_err {err.shape} must be 1-D and of one length")
    good = np.isfinite(time) & np.isfinite(flux)
    if flux_err is not None:
        good &= (err > 0) & (err < np.inf)
    if good.sum() < 3:
        raise ValueError(f"{int(good.sum())} usable points, at least 3 are needed")
    if not good.all():
        time, flux, err = time[good], flux[good], err[good]
    steps = np.diff(time)
    if (steps < 0).any():
        order = np.argsort(time, kind="stable")
        time, flux, err = time[order], flux[order], err[order]
        steps = np.diff(time)
    if not time[-1] > time[0]:
        raise ValueError("all points have the same time")
    if flux_err is None:
        scatter = robust_sigma(flux)
        err = np.full(time.size, scatter if scatter > 0 else 1.0)
    return _Points(time, flux, err, float(time[-1] - time[0]), float(np.median(steps)))


def _hours(duration):
    if duration is None:
        return None
    hours = duration.to_value("h") if hasattr(duration, "to_value") else duration
    hours = np.sort(np.atleast_1d(np.asarray(hours, float)))
    if not (hours.size and np.all((hours > 0) & np.isfinite(hours))):
        raise ValueError("durations must be positive, in hours")
    return hours


def _check_duration(hours, shortest):
    if hours is not None and hours[-1] >= 24.0 * shortest:
        raise ValueError(
            f"duration {hours[-1]:g} h is not shorter than the shortest period {shortest:g} d = {24 * shortest:g} h: "
            "durations are in hours; were days or minutes meant?"
        )


def _exact_cost(octaves, points, density):
    """Points folded and boxes tried by the exact engine, in the unit of `folding_cost`."""
    cost = 0.0
    for band in octaves:
        low, high = band.period
        bins = 12.0 * (low + high) / band.duration.min() * BINS_A_DURATION
        each = POINT_COST * points.time.size + 0.5 * bins * band.duration.size
        cost += count_periods(points.baseline, low, high, density=density) * each
    return cost


def _exact_places(bands, baseline, density):
    """The exact engine's grid as `find_peaks` needs it."""
    places, first = [], 0
    for band in bands:
        last = first + band.period.size
        middle = float(np.median(band.period))
        step = float(np.median(np.diff(band.period))) * baseline / middle if band.period.size > 1 else 0.0
        drift = max(step, central_duration(middle, density=density) / 24.0 / 6)
        blocks = np.arange(0, band.period.size, BLOCK)
        low, high = float(band.period[0]), float(band.period[-1])
        places.append(Place(first, last, blocks, drift, np.asarray(band.duration, float), low, high))
        first = last
    return places


def _search_range(points, limits, hours, density, oversample, objective, engine, n_peaks, threads):
    """Search a range of periods with the cheaper engine, or the one asked for."""
    low, high = limits
    octaves = folding_bands(low, high, points.cadence, density=density, duration=hours)
    if engine == "auto":
        cells = int(oversample or CELLS_A_DURATION)
        if cells not in LADDERS:
            engine = "exact"
        else:
            folding = folding_cost(octaves, points.baseline, cells) + REFINE_COST * points.time.size
            engine = "folding" if folding < _exact_cost(octaves, points, density) else "exact"
    sums = box_sums(points.flux, points.err)
    if engine == "folding":
        cells = int(oversample or CELLS_A_DURATION)
        if cells not in LADDERS:
            raise ValueError(f"oversample must be one of {tuple(LADDERS)} for the folding engine, got {oversample!r}")
        return two_stage_search(
            points.time,
            sums,
            octaves,
            oversample=cells,
            objective=objective,
            n_peaks=n_peaks,
            threads=threads,
        )
    oversample = int(oversample or (BINS_A_DURATION if hours is None else ASTROPY_BINS))
    if hours is None:
        bands = period_bands(points.baseline, low, high, points.cadence, density=density)
    else:
        bands = [Band(period_grid(points.baseline, low, high, density=density), hours)]
    search = search_bands(
        points.time,
        points.flux,
        points.err,
        bands,
        oversample=oversample,
        objective=objective,
        like_astropy=hours is not None,
        threads=threads,
    )
    total = float(sums[:, 1].sum())
    peaks = find_peaks(
        points.time - points.time[0],
        sums * np.array([1 / np.sqrt(total), 1 / total]),
        search,
        _exact_places(bands, points.baseline, density),
        zero=float(points.time[0]),
        total=total,
        oversample=max(oversample, BINS_A_DURATION),
        n_peaks=n_peaks,
    )
    return replace(search, peaks=peaks)


def bls_search(
    time,
    flux,
    flux_err=None,
    *,
    period=None,
    duration=None,
    density=1.0,
    oversample=None,
    objective="snr",
    engine="auto",
    n_peaks=N_PEAKS,
    threads=None,
):
    """Search a light curve for periodic boxes.

    Parameters
    ----------
    time : array, shape (N,), days
    flux : array, shape (N,)
        Relative flux, flattened.
    flux_err : array, shape (N,), optional
        Standard errors; without them all points weigh the same, with the robust scatter as error.
    period : (float, float) or array, shape (P,), or Quantity, optional, days
        A tuple of two is a range; an array or list the periods themselves, searched exactly. Default: 0.4 d to half the
        baseline.
    duration : float or array, hours, or Quantity, optional
        Durations tried at every period; by default a few that grow with the period as in `periods.trial_durations`.
    density : float, solar densities
        Of the star; sets the trial durations and the period grid.
    oversample : int, optional
        Exact engine: phase bins in the shortest duration, 5 on our own durations, 10 (as astropy) on explicit ones.
        Folding engine: cells in the shortest duration, 2 (the default) or 3.
    objective : {"snr", "likelihood"}
    engine : {"auto", "exact", "folding"}
        "auto" takes the cheaper one: folding for ranges of more than a few hundred periods.
    n_peaks : int
        Peaks refined, when a range is searched.
    threads : int, optional
        Default: all cores.

    Returns
    -------
    BoxSearch

    Raises
    ------
    ValueError
        No usable point, unknown objective or engine, a range that cannot be searched, or a duration not shorter than a
        period.
    """
    if objective not in ("snr", "likelihood"):
        raise ValueError(f"objective must be 'snr' or 'likelihood', got {objective!r}")
    if engine not in ENGINES:
        raise ValueError(f"engine must be one of {', '.join(ENGINES)}, got {engine!r}")
    density = float(density)
    if not 0 < density < np.inf:
        raise ValueError(f"density must be positive, in solar densities, got {density:g}")
    points = _points(time, flux, flux_err)
    hours = _hours(duration)
    if isinstance(period, tuple) and len(period) == 2:
        period = tuple(plain(value, "d") for value in period)
    if period is None or isinstance(period, tuple):
        limits = search_range(points.baseline, period, cadence=points.cadence)
        _check_duration(hours, limits[0])
        return _search_range(points, limits, hours, density, oversample, objective, engine, int(n_peaks), threads)
    if engine == "folding":
        raise ValueError("the folding engine searches a range, period=(low, high); single periods are searched exactly")
    trials = np.atleast_1d(np.asarray(period.to_value("d") if hasattr(period, "to_value") else period, float))
    if not (trials.size and np.all((trials > 0) & np.isfinite(trials))):
        raise ValueError("trial periods must be positive and finite")
    trials = np.sort(trials)
    _check_duration(hours, trials[0])
    bands = split_octaves(trials, points.cadence, density=density) if hours is None else [Band(trials, hours)]
    return search_bands(
        points.time,
        points.flux,
        points.err,
        bands,
        oversample=int(oversample or (BINS_A_DURATION if hours is None else ASTROPY_BINS)),
        objective=objective,
        like_astropy=hours is not None,
        threads=threads,
    )


def bls_many(light_curves, *, threads=None, **options):
    """Search many light curves, one a core at a time: `bls_search` with each, the results in the same order.

    The kernels let go of the interpreter, so threads keep all cores busy; a light curve whose search fails gives the
    exception in its place instead of ending the batch.

    Parameters
    ----------
    light_curves : iterable of tuple
        (time, flux) or (time, flux, flux_err) each.
    threads : int, optional
        Default: all cores.
    **options
        Of `bls_search`.

    Returns
    -------
    list of BoxSearch or Exception
    """
    light_curves = list(light_curves)
    results = [None] * len(light_curves)

    def work(number):
        try:
            results[number] = bls_search(*light_curves[number], threads=1, **options)
        except (ValueError, TypeError) as error:
            results[number] = error

    in_threads(work, range(len(light_curves)), threads)
    return results


def bls(lc, *, period=None, duration=None, objective="snr", **options):
    """The box least squares periodogram of a lightkurve light curve.

    Parameters
    ----------
    lc : lightkurve.LightCurve
        Flattened (`transits.flatten`); points without a finite time and flux are left out.
    period : (low, high) or array, days, or Quantity, optional
        A tuple of two is a range. Default: 0.4 d to half the baseline.
    duration : float or array, **hours**, or Quantity, optional
        Default: a few at each period, from the transits of a star of `density`.
    objective : {"snr", "likelihood"}
    **options
        Of `bls_search`: density, oversample, engine, n_peaks, threads.

    Returns
    -------
    BoxPeriodogram
        A ``lightkurve.periodogram.BoxLeastSquaresPeriodogram`` with power, depth, transit time and duration for every
        period; durations are Quantities in days, as lightkurve's. ``peaks`` is a table of the refined periods.

    Raises
    ------
    TypeError
        No light curve.
    ValueError
        As `bls_search`, or times that are no days.
    """
    from lcnet.transits.periodogram import periodogram

    return periodogram(lc, period=period, duration=duration, objective=objective, **options)
