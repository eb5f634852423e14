"""Events that happen once: the strongest boxes of a light curve in time, not in phase.

A box of each duration slides over the light curve; its significance is its mean below the level about it, in units of
the scatter that the boxes of this duration show everywhere (Foreman-Mackey et al. 2016 search alike). Both sides of an
event must be there: what begins or ends with the data is how most false events look (Kepler's data validation calls
them sudden dropouts and ramps).

Reference
---------
Foreman-Mackey et al. 2016, AJ 152, 206 (long-period planets from single transits).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lcnet.core.jit import njit
from lcnet.transits.medians import median_of_many

__all__ = ["Event", "Events", "find_events", "shortest_period"]

CELLS = 4  # a duration: a box that falls between two places loses at most an eighth of its points
STEP = 1.4  # ratio of neighbouring durations: at worst 4 % of the SNR lost
LEAST_POINTS = 4
WITHOUT_FAINTEST = 0.7  # of its SNR, that an event must keep without its faintest point
SIDES = 0.5  # of the points expected in a duration before, and after, that must be there
UNLIKE_SIDES = 0.4  # the two sides may differ by so much of the depth: more is a step, not a dip
# Noise that is not Gaussian has no law to judge an event by; but it goes up as often as down, and seldom once.
OVER_BUMPS = 1.3
ALIKE, MOST_ALIKE = 0.6, 4  # an event must not be one of more than four that reach 0.6 of its SNR
AROUND = 2  # half durations about a mid-transit in which a point would show it
BLOCK = 10  # durations: the maxima of blocks this long are taken for independent


@dataclass(frozen=True)
class Event:
    """One dip: `epoch` [d, middle of the box], `duration` [h, of the box], `snr`."""

    epoch: float
    duration: float
    snr: float


@dataclass(frozen=True)
class Events:
    """The dips of a light curve, the strongest first; `maxima`, the strongest SNR of each block of it; `bump`, the SNR
    of its strongest rise of the same kind, which no planet makes."""

    events: tuple[Event, ...]
    maxima: np.ndarray
    bump: float

    def stand_out(self, own):
        """Whether events, one or those of one body, have few others of their like and are deeper in the mean than what
        rises: noise is as often up as down."""
        snr = np.mean([event.snr for event in own])
        alike = sum(other.snr > ALIKE * snr for other in self.events if other not in own)
        return alike < MOST_ALIKE and snr > OVER_BUMPS * self.bump


@njit(nogil=True)
def _boxes(time, flux, level, days, cadence):
    """(centre, depth x sqrt(points), the same against its sides) of every full box of `days`.

    The last is signed, of the smaller size of the two, and 0 where a side is missing or the sides are a step.
    """
    cell = days / CELLS
    n = int((time[-1] - time[0]) / cell) + 1
    total, count = np.zeros(n + 1), np.zeros(n + 1)
    for i in range(time.size):
        k = int((time[i] - time[0]) / cell)
        total[k + 1] += level - flux[i]
        count[k + 1] += 1.0
    for k in range(n):
        total[k + 1] += total[k]
        count[k + 1] += count[k]
    expected = max(1.0, days / cadence)
    centre, power, local = np.empty(n), np.empty(n), np.empty(n)
    m = 0
    for k in range(CELLS, n + 1 - 2 * CELLS):
        inside = count[k + CELLS] - count[k]
        if inside < max(LEAST_POINTS, 0.5 * expected):
            continue
        depth = (total[k + CELLS] - total[k]) / inside
        before, after = count[k] - count[k - CELLS], count[k + 2 * CELLS] - count[k + CELLS]
        centre[m] = time[0] + (k + 0.5 * CELLS) * cell
        power[m] = depth * np.sqrt(inside)
        local[m] = 0.0
        if before >= SIDES * expected and after >= SIDES * expected:
            left = (total[k] - total[k - CELLS]) / before
            right = (total[k + 2 * CELLS] - total[k + CELLS]) / after
            side = (left * before + right * after) / (before + after)
            if depth * (depth - side) > 0.0 and abs(left - right) < UNLIKE_SIDES * abs(depth - side):
                against = (depth - side) / np.sqrt(1.0 / inside + 1.0 / (before + after))
                local[m] = power[m] if abs(power[m]) < abs(against) else against
        m += 1
    return centre[:m], power[:m], local[:m]


def _durations(cadence, longest):
    shortest = max(LEAST_POINTS * cadence, 1.0 / 24.0)
    n = max(1, int(np.log(max(longest / shortest, 1.0)) / np.log(STEP)) + 1)
    return shortest * STEP ** np.arange(n)


def _of_several(time, flux, level, event):
    """Whether a dip is one of several points, not of one that is far off."""
    half = event.duration / 48.0
    first, last = np.searchsorted(time, [event.epoch - half, event.epoch + half])
    lost = level - flux[first:last]
    return lost.sum() - lost.max() > WITHOUT_FAINTEST * lost.sum() * np.sqrt(1 - 1 / max(2, lost.size))


def find_events(curve, *, longest, min_snr, most=10):
    """The single dips of a flattened light curve.

    Parameters
    ----------
    curve : Flattened
        Without the transits that are known already.
    longest : float, days
        The longest duration; a third of the trend's window.
    min_snr : float
    most : int
        At most so many, the strongest.

    Returns
    -------
    Events
    """
    time, flux = np.ascontiguousarray(curve.time), np.ascontiguousarray(curve.flux)
    level, cadence = median_of_many(flux), float(np.median(np.diff(time)))
    durations = _durations(cadence, longest)
    block = BLOCK * durations[-1]
    maxima = np.zeros(int((time[-1] - time[0]) / block) + 1)
    found, bump = [], 0.0
    for days in durations:
        centre, power, local = _boxes(time, flux, level, days, cadence)
        if centre.size < 20:
            continue
        scatter = 1.4826 * median_of_many(np.abs(power))
        if not scatter > 0:
            continue
        snr = local / scatter
        bump = max(bump, -float(snr.min()))
        np.maximum.at(maxima, ((centre - time[0]) / block).astype(np.int64), snr)
        strong = np.flatnonzero(snr >= min_snr)
        found += [Event(float(centre[k]), 24.0 * float(days), float(snr[k])) for k in strong]
    events = []
    for event in sorted(found, key=lambda event: -event.snr):
        apart = (abs(event.epoch - other.epoch) > (event.duration + other.duration) / 48.0 for other in events)
        if all(apart) and _of_several(time, flux, level, event):
            events.append(event)
            if len(events) == most:
                break
    return Events(tuple(events), maxima[maxima > 0], bump)


@njit(nogil=True)
def _shortest(covered, place, low):
    """The smallest number of cells >= low at which no multiple from `place` lands on a covered cell."""
    n = covered.size
    furthest = max(place, n - 1 - place)
    for period in range(low, furthest + 1):
        free = True
        for direction in (-1, 1):
            k = place + direction * period
            while 0 <= k < n and free:
                free = not covered[k]
                k += direction * period
        if free:
            return period
    return furthest + 1


def shortest_period(time, epoch, duration):
    """The shortest period at which a dip seen once could have been seen once only, from where there are data.

    Parameters
    ----------
    time : array, shape (N,), days
    epoch : float, days
    duration : float, hours

    Returns
    -------
    float, days
        Its other transits would all fall into gaps, or beyond the data.
    """
    cell = duration / 48.0
    n = int((time[-1] - time[0]) / cell) + 1
    count = np.bincount(((time - time[0]) / cell).astype(np.int64), minlength=n)
    expected = cell / float(np.median(np.diff(time)))
    # any point within a duration of a mid-transit: not a part of one of the others was seen
    covered = np.convolve(count >= 0.5 * min(expected, 1.0), np.ones(2 * AROUND + 1)) > 0.5
    place = AROUND + min(max(int((epoch - time[0]) / cell), 0), n - 1)
    return cell * _shortest(covered, place, 4)
