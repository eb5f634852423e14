"""From a raw light curve to its transit candidates, on plain arrays: clean, flatten, search, measure, mask, repeat.

The passes are in `passes`, what is measured in `measure`, how a candidate's shape is fitted in `refine`, single events
in `singles` and `whole`, what a peak is worth in `significance`.
"""

from __future__ import annotations

import numpy as np

from lcnet.transits.detrend import Flattener, clean, in_transit
from lcnet.transits.dips import MASK_WIDTH, Candidate, Search, transit_mask
from lcnet.transits.measure import measure_box, red_noise_beta
from lcnet.transits.passes import WINDOW_DURATIONS, Passes
from lcnet.transits.periods import central_duration, search_range
from lcnet.transits.views import make_views

__all__ = [
    "MASK_WIDTH",
    "MAX_FAP",
    "MIN_SNR",
    "Candidate",
    "Search",
    "candidate_points",
    "candidate_views",
    "find_candidates",
    "flatten_window",
    "measure_box",
    "red_noise_beta",
]

MIN_SNR = 7.1  # Kepler's threshold: one false alarm in the mission for white noise (Jenkins et al. 2002)
# Real noise has longer tails than the law it is judged by: at this limit under one star in a hundred has a false
# candidate, single events included (benchmarks/false_alarms.py)
MAX_FAP = 1e-6
MIN_WINDOW = 0.75  # d


def flatten_window(longest_period, *, density=1.0):
    """Width of the trend's window [d]: three of the longest durations searched (Hippke et al. 2019)."""
    longest = 1.5 * float(central_duration(longest_period, density=density)) / 24.0
    return max(MIN_WINDOW, WINDOW_DURATIONS * longest)


def find_candidates(
    time,
    flux,
    flux_err=None,
    *,
    segment=None,
    period=None,
    min_snr=MIN_SNR,
    max_candidates=5,
    density=None,
    max_fap=MAX_FAP,
):
    """Search a raw light curve for transits, the strongest first.

    Each pass flattens the light curve, with the transits found so far masked, searches what is left, and accepts the
    strongest peak whose SNR against the light curve's own red noise reaches `min_snr` and whose transits repeat. It is
    judged on a curve whose trend did not know of it (masking a dip while drawing the trend deepens any dip, real or
    not); once accepted its transits are masked, the curve is flattened again, and the candidate is measured and fitted
    there. Where the strongest peak is one event it is reported as that. At the end, what is left is searched for
    further single events.

    Parameters
    ----------
    time : array, shape (N,), days
    flux : array, shape (N,)
        Raw flux, any unit.
    flux_err : array, shape (N,), optional
    segment : array of int, shape (N,), optional
        Quarter or sector; each is normalised and flattened by itself.
    period : (float, float), optional, days
        Default: 0.4 d to half the baseline.
    min_snr : float
    max_candidates : int
    density : float, solar densities, optional
        Of the star: sets the durations tried at each period. Default: the Sun's.
    max_fap : float
        False-alarm probability up to which a dip is a candidate, by the light curve's own periodogram; 1 for no limit.

    Returns
    -------
    Search

    Raises
    ------
    ValueError
        Too few points, a constant light curve, or a period range that cannot be searched.
    """
    if max_candidates < 1:
        raise ValueError(f"max_candidates must be at least 1, got {max_candidates}")
    if density is not None and not 0 < density < np.inf:
        raise ValueError(f"density must be positive, in solar densities, got {density}")
    time, flux, flux_err, segment = clean(time, flux, flux_err, segment=segment)
    if not np.ptp(flux) > 0:
        raise ValueError("the light curve is constant: there is nothing to search")
    limits = search_range(float(time[-1] - time[0]), period, cadence=float(np.median(np.diff(time))))
    window = flatten_window(limits[1], density=density or 1.0)
    passes = Passes(Flattener(time, flux, flux_err, segment=segment, window=window), limits, min_snr, max_fap, density)
    passes.run(max_candidates)
    passes.measure_again()
    curve, found = passes.curve, passes.found
    return Search(
        candidates=tuple(found),
        status="ok" if found else "no_candidate",
        reason=passes.taken_back if found else passes.reason,
        time=curve.time,
        flux=curve.flux,
        flux_err=curve.flux_err,
        trend=curve.trend,
        raw_flux=curve.raw_flux,
        segment=curve.segment,
        periodograms=tuple(passes.periodograms),
    )


def candidate_views(search, index):
    """The views of one candidate of a search, other planets' transits taken out of the light curve first.

    Parameters
    ----------
    search : Search
    index : int
        0-based.

    Returns
    -------
    views : dict of array, float32
    flags : tuple of str
        As `views.make_views` returns them.

    Raises
    ------
    ValueError
        Nothing is left of the light curve.
    """
    this, free = search.candidates[index], candidate_points(search, index)
    return make_views(search.time[free], search.flux[free], this.period, this.epoch, this.duration)


def candidate_points(search, index):
    """Which points of a search's light curve the views of candidate `index` (0-based) are made of.

    All but the transits of other planets; a point that is in this one's transit too stays.

    Returns
    -------
    array of bool, shape (N,)
    """
    this = search.candidates[index]
    # a harmonic is the same body seen again (a secondary eclipse, say): its dips are evidence, not contamination
    linked = {this.harmonic_of - 1} | {k for k, other in enumerate(search.candidates) if other.harmonic_of == index + 1}
    others = [other for k, other in enumerate(search.candidates) if k != index and k not in linked]
    return ~transit_mask(search.time, others) | in_transit(search.time, this.period, this.epoch, this.duration)
