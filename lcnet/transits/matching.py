"""Whether a candidate found by a search is a signal that is known to be there, at its period or a harmonic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["RATIOS", "Match", "match_ephemeris"]

RATIOS = (1.0, 0.5, 2.0, 1.0 / 3.0, 3.0)  # candidate period over true period, the likeliest first
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
    return abs((time - epoch + 0.5 * period) % period - 0.5 * period)


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
