"""Which periods and durations a box search tries.

The grid is uniform in the cube root of the frequency (Ofir 2014): neighbouring trial periods then drift apart by the
same fraction of a transit's duration over the whole baseline, so no period is tried more finely than its transits need.
It is cut into octaves; each octave has its own few durations about the transit time of a star of solar density.

References
----------
Ofir 2014, A&A 561, A138; Seager & Mallen-Ornelas 2003, ApJ 585, 1038.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = [
    "Band",
    "central_duration",
    "count_periods",
    "octave_edges",
    "period_bands",
    "period_grid",
    "search_range",
    "split_octaves",
    "trial_durations",
]

MIN_PERIOD = 0.4  # d
MIN_CADENCES = 4  # points an orbit: one inside, and enough outside to call it a dip
SLACK = 0.95  # of a limit by the cadence: the median step moves by less when points are masked
# (G M_sun / R_sun^3) in d^-2: nominal solar values of IAU 2015 resolution B3
SOLAR_DENSITY = 1.3271244e20 / 6.957e8**3 * 86400.0**2
# Durations tried, in units of the central transit of a star of solar density: from a grazing transit of an M dwarf
# to a transit of a subgiant. Steps of 4/3 lose at most 1% of the SNR to a wrong width.
DURATION_FACTORS = 0.3 * (4 / 3) ** np.arange(7)
# T/P = asin(R/a)/pi: a box longer than this is an orbit within two stellar radii, inside the Roche limit of a planet.
# Contact binaries are found all the same, by their depth; what the limit keeps out is slow variability.
MAX_DUTY = 0.16


@dataclass(frozen=True)
class Band:
    """Trial periods that share their trial durations: `period` (days, ascending), `duration` (hours, ascending)."""

    period: np.ndarray
    duration: np.ndarray


def central_duration(period, *, density=1.0):
    """Duration of a central transit of a small planet on a circular orbit.

    Parameters
    ----------
    period : float or array, days
    density : float, solar densities

    Returns
    -------
    float or array, hours
        P / pi x R/a with (a/R)^3 = G rho P^2 / (3 pi), 13 h for a year and the Sun.
    """
    scaled_axis = (SOLAR_DENSITY * density * np.asarray(period, float) ** 2 / (4 * np.pi**2)) ** (1 / 3)
    return 24.0 * period / np.pi / scaled_axis


def search_range(baseline, period=None, *, cadence=None):
    """(shortest, longest) period to search, in days.

    Parameters
    ----------
    baseline : float, days
    period : (float, float), optional
        What the user asks for; None means 0.4 d, or four cadences where they are longer, to half the baseline. It may
        end a cadence beyond the baseline, where the last exposure ends: 27 points of a day make a light curve of 27 d.
    cadence : float, optional, days

    Raises
    ------
    ValueError
        The range is empty, not positive, longer than the baseline (no second transit could be seen), or begins below
        four cadences (a box and its surroundings would share them); the message says what can be searched.
    """
    shortest = 0.0 if cadence is None else MIN_CADENCES * cadence
    low, high = (max(MIN_PERIOD, shortest), 0.5 * baseline) if period is None else (float(x) for x in period)
    if not (0 < low < np.inf and 0 < high < np.inf):
        raise ValueError(f"periods must be positive and finite, got {low:g} to {high:g} d")
    if low >= high:
        if period is None:
            below = max(0.1 * baseline, shortest)
            hint = f"; to look for shorter ones try period=({below:.4g}, {0.5 * baseline:.4g})"
            raise ValueError(
                f"a light curve of {baseline:.2f} d is too short to search: periods start at {low:g} d"
                f"{hint if below < 0.4 * baseline else ''}"
            )
        raise ValueError(f"the period range is empty: {low:g} to {high:g} d")
    if low < SLACK * shortest:
        raise ValueError(
            f"periods from {low:g} d were asked of a light curve with a point every {cadence:.4g} d: below four "
            f"of them, {shortest:.4g} d, a transit and the rest of its orbit cannot be told apart"
            f"{_instead(low, high, shortest, baseline)}"
        )
    if high > _last_end(baseline, cadence) or low >= baseline:
        raise ValueError(
            f"periods up to {high:g} d were asked of a light curve of {baseline:.2f} d: no second transit could be "
            f"seen beyond {baseline:.2f} d{_instead(low, high, shortest, baseline)}"
        )
    return low, min(high, baseline)


def _last_end(baseline, cadence):
    """Where the last exposure ends, with the slack of a median."""
    return baseline + (2.0 - SLACK) * (cadence or 0.0)


def _instead(low, high, shortest, baseline):
    """The range nearest to what was asked that can be searched, in words; "" where there is none."""
    if low >= SLACK * baseline or high <= shortest:
        low, high = MIN_PERIOD, 0.5 * baseline
    low = max(low, shortest)
    # beyond half the baseline two transits are not certain to be seen: only for who asked for nothing else
    high = min(high, 0.5 * baseline if low < SLACK * 0.5 * baseline else baseline)
    high = float(f"{high - 0.5 * 10 ** (np.floor(np.log10(high)) - 3):.4g}")  # rounded down
    low = float(f"{low:.4g}")
    return f"; try period=({low:g}, {high:g})" if low < high else ""


def period_grid(baseline, low, high, *, oversampling=3.0, density=1.0, duration=None):
    """Trial periods from `low` to `high`, uniform in frequency^(1/3) (Ofir 2014, eq. 5 to 7).

    Parameters
    ----------
    baseline, low, high : float, days
    oversampling : float
        Steps a duration: neighbouring trials shift the last transit against the first by 1/oversampling durations.
    density : float, solar densities
    duration : float, hours, optional
        The duration meant, where it is the same at every period: the grid is then uniform in the logarithm. By default
        that of a central transit, which grows with the period.

    Returns
    -------
    array, days, ascending
    """
    n = max(2, count_periods(baseline, low, high, oversampling=oversampling, density=density, duration=duration))
    if duration is None:
        period = np.linspace(high ** (-1 / 3), low ** (-1 / 3), n)[::-1] ** -3
    else:
        period = np.geomspace(low, high, n)
    period[0], period[-1] = low, high
    return period


def count_periods(baseline, low, high, *, oversampling=3.0, density=1.0, duration=None):
    """How many trial periods `period_grid` has."""
    if duration is not None:
        # over a baseline of T the last transit moves by dP T/P
        return int(np.ceil(np.log(high / low) * oversampling * baseline / (duration / 24.0))) + 1
    axis = (SOLAR_DENSITY * density) ** (-1 / 3)  # R / (G M)^(1/3) in d^(2/3)
    step = (2 * np.pi) ** (2 / 3) / np.pi * axis / (baseline * oversampling)
    return int(np.ceil(3 * (low ** (-1 / 3) - high ** (-1 / 3)) / step)) + 1


def trial_durations(period, cadence, *, shortest=None, density=1.0):
    """The durations tried at `period` [d], in hours, none shorter than a cadence [d] or longer than MAX_DUTY."""
    duration = DURATION_FACTORS * central_duration(period, density=density)
    longest = 24.0 * MAX_DUTY * (period if shortest is None else shortest)
    fits = duration[(duration >= 24.0 * cadence) & (duration <= longest)]
    return fits if fits.size else np.array([np.clip(1.5 * 24.0 * cadence, 0.0, longest)])


def period_bands(baseline, low, high, cadence, *, oversampling=3.0, density=1.0):
    """The whole grid in octaves of the period, each with its durations.

    Parameters
    ----------
    baseline, low, high, cadence : float, days
    oversampling, density : float
        As in `period_grid`.

    Returns
    -------
    list of Band
    """
    period = period_grid(baseline, low, high, oversampling=oversampling, density=density)
    return split_octaves(period, cadence, density=density)


def octave_edges(low, high):
    """The fewest equal steps of at most a factor of two from `low` to `high`."""
    return np.geomspace(low, high, max(1, int(np.ceil(np.log2(high / low) - 1e-9))) + 1)


def split_octaves(period, cadence, *, density=1.0):
    """Ascending trial periods [d] in octaves, each with the durations of its middle (`trial_durations`).

    Parameters
    ----------
    period : array, shape (P,), days
    cadence : float, days
    density : float, solar densities

    Returns
    -------
    list of Band
    """
    edges = octave_edges(period[0], period[-1])
    n_octaves = edges.size - 1
    octave = np.clip(np.searchsorted(edges, period, side="right") - 1, 0, n_octaves - 1)
    bands = []
    for k in range(n_octaves):
        trials = period[octave == k]
        if trials.size:
            middle = np.sqrt(edges[k] * edges[k + 1])
            bands.append(Band(trials, trial_durations(middle, cadence, shortest=edges[k], density=density)))
    return bands
