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

import os
from threading import Lock

import numpy as np

from lcnet.transits.box_options import read_options
from lcnet.transits.boxes import BoxSearch, in_threads, search_bands
from lcnet.transits.engines import search_exactly, search_limits
from lcnet.transits.peaks import N_PEAKS
from lcnet.transits.periods import Band, search_range, split_octaves
from lcnet.transits.points import columns, read_points

__all__ = ["BoxSearch", "bls", "bls_many", "bls_search", "search_bands"]

# what lightkurve's periodogram takes and this one does not
OTHERS = {
    "minimum_period": "the range is period=(shortest, longest)",
    "maximum_period": "the range is period=(shortest, longest)",
    "frequency_factor": "the grid follows the durations tried; oversample=3 makes it finer",
}


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

    Masked points are left out, as those without a finite time and flux and a positive error are.

    Parameters
    ----------
    time : array, shape (N,), days, or Quantity, or Time in days of any zero (its own numbers are taken)
    flux : array, shape (N,), or Quantity
        Relative flux, flattened; or in any other unit but magnitudes, which that of the depths is then.
    flux_err : array, shape (N,), or one number for all points, or Quantity, optional
        Standard errors, in the flux's unit; without them all points weigh the same, with the robust scatter as error.
    period : (float, float), or array, shape (P,), or Quantity, optional, days
        A tuple of two is a range; an array or list the periods themselves, searched exactly. A list or Quantity of just
        two is refused: it may be either. Default: 0.4 d to half the baseline.
    duration : float or array, hours, or Quantity, optional
        Durations tried at every period; by default a few that grow with the period as in `periods.trial_durations`.
    density : float, solar densities, or Quantity
        Of the star; sets the trial durations and, with them, the period grid.
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
        No usable point, arrays or units that do not fit, an option that makes no sense, a range that cannot be searched
        (beyond the baseline, under four cadences), a duration not shorter than a period or all of them under a cadence,
        or a grid too large for memory. The message names what would work.
    """
    options = read_options(
        period=period,
        duration=duration,
        density=density,
        oversample=oversample,
        objective=objective,
        engine=engine,
        n_peaks=n_peaks,
        threads=threads,
    )
    return _search(read_points(time, flux, flux_err), options)


def _search(points, options):
    """Search `Points` as `BoxOptions` say."""
    hours, trials = options.hours, options.trials
    if trials is None:
        limits = search_range(points.baseline, options.limits, cadence=points.cadence)
        options.check(limits[0], points)
        return search_limits(points, limits, options)
    options.check(trials[0], points)
    bands = split_octaves(trials, points.cadence, density=options.density) if hours is None else [Band(trials, hours)]
    return search_exactly(points, bands, options)


def bls_many(light_curves, *, keep=None, threads=None, **options):
    """Search many light curves, one a core at a time: `bls_search` with each, the results in the same order.

    Light curves are taken from the iterable as cores become free, so that as many are in memory as there are threads;
    the kernels let go of the interpreter, and threads keep all cores busy.

    Parameters
    ----------
    light_curves : iterable of tuple or LightCurve
        (time, flux) or (time, flux, flux_err) each, as `bls_search` takes them, or lightkurve's objects, whose depths
        come in the unit of their flux. A generator or ``map(read, paths)`` is read as it is searched.
    keep : callable, optional
        Called with each `BoxSearch`, in the thread that made it; what it returns is the result instead. A periodogram
        is megabytes, and what is wanted of it differs: ``keep=lambda found: found.peaks``, a row for a table, a file.
    threads : int, optional
        Default: all cores.
    **options
        Of `bls_search`.

    Returns
    -------
    list of BoxSearch (or whatever `keep` makes of it) or Exception
        A light curve that cannot be read or searched, or whose `keep` fails, is the exception in its place. After one
        of its own a generator has nothing more to give, where ``map`` goes on.

    Raises
    ------
    TypeError, ValueError
        One light curve instead of some; options that `bls_search` refuses whatever the light curve.
    """
    if hasattr(light_curves, "flux"):
        raise TypeError("bls_many takes several light curves; transits.bls searches one LightCurve")
    threads = read_options(threads=threads, **options).threads
    options = read_options(threads=1, **options)
    remaining, results, lock = iter(light_curves), [], Lock()

    def work(_):
        while True:
            with lock:
                try:
                    curve = next(remaining)
                except StopIteration:
                    return
                except Exception as error:
                    results.append(error)
                    continue
                number = len(results)
                results.append(None)
            try:
                found = _search(read_points(*_arrays(curve)), options)
                results[number] = found if keep is None else keep(found)
            except Exception as error:
                results[number] = error

    in_threads(work, range(threads or os.cpu_count() or 1), threads)
    return results


def _arrays(curve):
    """(time, flux) or (time, flux, flux_err) of one light curve of `bls_many`."""
    if hasattr(curve, "flux"):
        return columns(curve)
    arrays = isinstance(curve, (tuple, list, np.ndarray)) and len(curve) in (2, 3) and np.ndim(curve[0]) > 0
    if not arrays:
        raise TypeError(
            "a light curve is a LightCurve, (time, flux) or (time, flux, flux_err), got "
            f"{type(curve).__name__}; bls_search searches a single one"
        )
    return curve


def bls(lc, *, period=None, duration=None, objective="snr", **options):
    """The box least squares periodogram of a lightkurve light curve.

    Parameters
    ----------
    lc : lightkurve.LightCurve
        Flattened (`transits.flatten`); points without a finite time and flux are left out.
    period : (low, high), or array, days, or Quantity, optional
        A tuple of two is a range, as in `search`; an array the trial periods themselves, as lightkurve's. A list or
        Quantity of just two is refused, for it may be either. Default: 0.4 d to half the baseline.
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
        No light curve, or an option of lightkurve's that this search has another one for.
    ValueError
        As `bls_search`, or times that are no days.
    """
    from lcnet.transits.periodogram import periodogram

    for name in OTHERS.keys() & options.keys():
        raise TypeError(f"{name} is lightkurve's; here {OTHERS[name]}")
    return periodogram(lc, period=period, duration=duration, objective=objective, **options)
