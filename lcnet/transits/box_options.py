"""What a box search was asked for, checked before any light curve is looked at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lcnet.transits.ephemeris import plain
from lcnet.transits.peaks import N_PEAKS
from lcnet.transits.periods import SLACK
from lcnet.transits.points import converted, floats
from lcnet.transits.star import SUN_DENSITY

__all__ = ["BoxOptions", "read_options"]

ENGINES = ("auto", "exact", "folding")


@dataclass(frozen=True)
class BoxOptions:
    """The options of `bls.bls_search` in plain numbers.

    Attributes
    ----------
    limits : (float, float) or None, days
        The range to search; None for the default.
    trials : array or None, days, ascending
        Single periods, which are searched instead.
    pair : bool
        Whether these are two that nobody can tell from a range.
    hours : array or None
        Explicit durations, ascending.
    density : float, solar densities
    oversample : int or None
    objective, engine : str
    n_peaks : int
    threads : int or None
    """

    limits: tuple[float, float] | None
    trials: np.ndarray | None
    pair: bool
    hours: np.ndarray | None
    density: float
    oversample: int | None
    objective: str
    engine: str
    n_peaks: int
    threads: int | None

    def check(self, shortest, points):
        """Raise a ValueError for durations that cannot be searched in these `Points`, or periods that may be a range.

        Parameters
        ----------
        shortest : float, days
            Period.
        points : Points
        """
        hours = self.hours
        if hours is not None and hours[-1] >= 24.0 * shortest:
            raise ValueError(
                f"duration {hours[-1]:g} h is not shorter than the shortest period {shortest:g} d = "
                f"{24 * shortest:g} h: durations are in hours; were days or minutes meant?"
            )
        if self.pair:
            low, high = self.trials
            raise ValueError(
                f"two periods may be a range: give that as a tuple, period=({low:g}, {high:g}), and two single periods "
                f"as a plain array, period=np.array([{low:g}, {high:g}])"
            )
        if self.trials is not None:
            return  # single periods are searched as they stand, as astropy does: who gives them knows why
        cadence = 24.0 * points.cadence
        if hours is not None and hours[-1] < SLACK * cadence and points.regular:
            raise ValueError(
                f"duration {hours[-1]:g} h is shorter than the time from one point to the next, {cadence:.4g} h: "
                f"durations are in hours; were days meant? Then duration={24 * hours[-1]:g}"
            )


def read_options(
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
    """The `BoxOptions` of what `bls.bls_search` was given; a ValueError names what makes no sense."""
    if objective not in ("snr", "likelihood"):
        raise ValueError(f"objective must be 'snr' or 'likelihood', got {objective!r}")
    if engine not in ENGINES:
        raise ValueError(f"engine must be one of {', '.join(ENGINES)}, got {engine!r}")
    limits, trials = _range_or_trials(period)
    if engine == "folding" and trials is not None:
        raise ValueError("the folding engine searches a range, period=(low, high); single periods are searched exactly")
    return BoxOptions(
        limits=limits,
        trials=trials,
        pair=trials is not None and trials.size == 2 and type(period) is not np.ndarray,
        hours=_hours(duration),
        density=_density(density),
        oversample=None if oversample is None else _whole("oversample", oversample, 1),
        objective=objective,
        engine=engine,
        n_peaks=_whole("n_peaks", n_peaks, 0),
        threads=None if threads is None else _whole("threads", threads, 1),
    )


def _range_or_trials(period):
    """((low, high), None) of a tuple, (None, ascending trial periods) of anything else; both None for the default."""
    if period is None:
        return None, None
    if isinstance(period, tuple):
        if len(period) != 2 or any(value is None for value in period):
            raise ValueError(f"a period range is (shortest, longest) in days, got {period}; single ones are an array")
        return tuple(plain(value, "d") for value in period), None
    trials = np.atleast_1d(floats("period", period, "d"))
    if trials.ndim != 1:
        raise ValueError(f"trial periods must be 1-D, got an array of shape {trials.shape}")
    if not (trials.size and np.all((trials > 0) & np.isfinite(trials))):
        raise ValueError("trial periods must be positive and finite")
    return None, np.sort(trials)


def _hours(duration):
    if duration is None:
        return None
    hours = np.sort(np.ravel(floats("duration", duration, "h")))
    if not (hours.size and np.all((hours > 0) & np.isfinite(hours))):
        raise ValueError("durations must be positive, in hours")
    return hours


def _density(density):
    """Solar densities."""
    if hasattr(density, "to_value"):
        density = converted("density", density, "g/cm3") / SUN_DENSITY
    try:
        density = float(density)
    except (TypeError, ValueError):
        raise ValueError(f"density must be one number, in solar densities, got {density!r}") from None
    if not 0 < density < np.inf:
        raise ValueError(f"density must be positive, in solar densities, got {density:g}")
    return density


def _whole(name, value, least):
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = None
    if number is None or number != value or number < least:
        raise ValueError(f"{name} must be a whole number, {least} or more, got {value!r}")
    return number
