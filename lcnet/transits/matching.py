"""Whether a candidate found by a search is a signal that is known to be there, at its period or a harmonic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lcnet.transits.views import fold

__all__ = ["HARMONICS", "RATIOS", "Match", "harmonic_ratio", "match_ephemeris"]

RATIOS = (1.0, 0.5, 2.0, 1.0 / 3.0, 3.0)  # candidate period over true period, the likeliest first
HARMONICS = (1.0, 2.0, 0.5, 3.0, 1.0 / 3.0)  # of a candidate's period over a stronger one's
_OVERLAP = 0.25  # share of a candidate's in-transit points inside true events from which it is not noise


@dataclass(frozen=True)
class Match:
    """What a candidate is.

    Attributes
    ----------
    signal : dict or None
        The true signal, None when there is none.
    ratio : float
        Candidate period over the signal's; NaN without a signal.
    ambiguous : bool
        No signal matches, yet the candidate shares a period or many points with one: neither that signal nor noise.
    """

    signal: dict | None
    ratio: float
    ambiguous: bool


def _offset(time, period, epoch):
    """Days from the nearest event, of one time or an array."""
    return abs(fold(time, period, epoch)) if np.ndim(time) else float(abs(fold(time, period, epoch)[0]))


def harmonic_ratio(this, stronger, *, first, last):
    """Which simple ratio makes one ephemeris the same body as a stronger one, or 0.

    The periods must be a ratio of `HARMONICS` to within a duration of drift over the data. At one and the same period
    the two are one body at any phase, as a binary's secondary eclipse is; two planets cannot share a period. At another
    ratio their events must also coincide: two planets near a resonance keep their own phases.

    Parameters
    ----------
    this, stronger : (float, float, float)
        Period [d], epoch [d], duration [h].
    first, last : float, days
        Of the light curve.

    Returns
    -------
    float
        Period of `this` over that of `stronger`, nearly; 0 where they are two bodies.
    """
    period, epoch, duration = this
    other_period, other_epoch, other_duration = stronger
    slack = max(duration, other_duration) / 24.0
    reach = 0.5 * (duration + other_duration) / 24.0
    middle = 0.5 * (first + last)
    for ratio in HARMONICS:
        if abs(period - ratio * other_period) * (last - first) / period >= slack:
            continue
        if ratio == 1.0:
            return ratio
        # every event of the longer period is one of the shorter one's
        long, short = ((period, epoch), (other_period, other_epoch))[:: 1 if ratio > 1 else -1]
        event = long[1] + long[0] * round((middle - long[1]) / long[0])
        if _offset(event, *short) < reach:
            return ratio
    return 0.0


def match_ephemeris(time, period, epoch, duration, signals):
    """Find the signal that a candidate's ephemeris belongs to.

    A match means that over the data the two ephemerides drift apart by no more than the longer of the two durations,
    and that in the middle of the data the events lie within half of it.

    Parameters
    ----------
    time : array, shape (N,), days
        Times of the data.
    period, epoch : float, days
    duration : float, hours
    signals : sequence of dict
        As in `SimulatedCurve.truth`: ``period`` and ``epoch`` [d], ``duration`` [h].

    Returns
    -------
    Match
    """
    baseline, middle = float(time[-1] - time[0]), 0.5 * float(time[-1] + time[0])
    in_candidate = _offset(time, period, epoch) < duration / 48.0
    in_events = np.zeros(time.size, bool)
    related = False
    for ratio in RATIOS:
        for signal in signals:
            longer = max(duration, signal["duration"]) / 24.0
            if abs(period - ratio * signal["period"]) * baseline / period > longer:
                continue
            related = True
            if ratio >= 1.0:  # every event of the candidate should be one of the signal's
                event = epoch + period * round((middle - epoch) / period)
                apart = _offset(event, signal["period"], signal["epoch"])
            else:
                event = signal["epoch"] + signal["period"] * round((middle - signal["epoch"]) / signal["period"])
                apart = _offset(event, period, epoch)
            if apart <= 0.5 * longer:
                return Match(signal, ratio, False)
    for signal in signals:
        in_events |= _offset(time, signal["period"], signal["epoch"]) < signal["duration"] / 48.0
    shared = float(in_events[in_candidate].mean()) if in_candidate.any() else 0.0
    return Match(None, float("nan"), related or shared > _OVERLAP)
