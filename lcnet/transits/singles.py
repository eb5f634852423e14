"""Events that happen once: the strongest boxes of a light curve in time, not in phase.

A box of each duration slides over the light curve; its significance is its mean below the level about it, in units of
the scatter that the boxes of this duration show everywhere (Foreman-Mackey et al. 2016 search alike). Both sides of an
event must be there: what begins or ends with the data is how most false events look (Kepler's data validation calls
them sudden dropouts and ramps).

References
----------
Foreman-Mackey et al. 2016, AJ 152, 206 (long-period planets from single transits); Mullally et al. 2016, PASP 128,
074502 (a transit against a sudden drop in sensitivity, event by event).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lcnet.core.jit import njit
from lcnet.transits.views import _median_of_many

__all__ = ["Event", "Events", "find_events", "shortest_period", "whole_transits"]

CELLS = 4  # a duration: a box that falls between two places loses at most an eighth of its points
STEP = 1.4  # ratio of neighbouring durations: at worst 4 % of the SNR lost
LEAST_POINTS = 4
WITHOUT_FAINTEST = 0.7  # of its SNR, that an event must keep without its faintest point
SIDES = 0.5  # of the points expected in a duration before, and after, that must be there
UNLIKE_SIDES = 0.4  # the two sides may differ by so much of the depth: more is a step, not a dip
# Noise that is not Gaussian has no law to judge an event by; but it goes up as often as down, and seldom once.
OVER_BUMPS = 1.3
ALIKE, MOST_ALIKE = 0.6, 4  # an event must not be one of more than four that reach 0.6 of its SNR
JUMP = 1.0  # of the depth: the sides' straight lines may miss each other by so much where a star turns fast
ERRORS = 3.0  # of white noise, by which the sides of a transit may differ too
# Trials of the two shapes a dip is compared with, in durations
SHIFTS, LENGTHS, INGRESSES = np.linspace(-0.3, 0.3, 7), np.array([0.6, 0.8, 1.0, 1.25, 1.5]), np.array([0.1, 0.35, 0.5])
JUMPS, DECAYS = np.linspace(-1.0, 1.0, 21), np.array([0.2, 0.4, 0.8, 1.6])
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

    def stands_out(self, event):
        """Whether an event is one of few such dips, and deeper than what rises: noise is as often up as down."""
        alike = sum(other.snr > ALIKE * event.snr for other in self.events)
        return alike <= MOST_ALIKE and event.snr > OVER_BUMPS * self.bump


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
    level, cadence = _median_of_many(flux), float(np.median(np.diff(time)))
    durations = _durations(cadence, longest)
    block = BLOCK * durations[-1]
    maxima = np.zeros(int((time[-1] - time[0]) / block) + 1)
    found, bump = [], 0.0
    for days in durations:
        centre, power, local = _boxes(time, flux, level, days, cadence)
        if centre.size < 20:
            continue
        scatter = 1.4826 * _median_of_many(np.abs(power))
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
def _sides(away, flux):
    """(mean, points) of the flux before and after a transit; `away` in durations from its middle."""
    mean, count = np.zeros(2), np.zeros(2)
    for i in range(away.size):
        if 0.6 <= abs(away[i]) < 1.6:
            k = 0 if away[i] < 0 else 1
            mean[k] += flux[i]
            count[k] += 1.0
    return mean / np.maximum(count, 1.0), count


@njit(nogil=True)
def _gain(model, flux):
    """By how much a dip of this shape, over a level, lowers the sum of squares; 0 for one that would be a rise."""
    n = flux.size
    m, mm, my, y = 0.0, 0.0, 0.0, 0.0
    for i in range(n):
        m += model[i]
        mm += model[i] * model[i]
        my -= model[i] * flux[i]
        y -= flux[i]
    norm, dip = mm - m * m / n, my - m * y / n
    return dip * dip / norm if norm > 1e-12 and dip > 0.0 else 0.0


@njit(nogil=True)
def _best_transit(away, flux):
    """The largest gain of a trapezoid."""
    model, best = np.empty(away.size), 0.0
    for shift in SHIFTS:
        for length in LENGTHS:
            for ingress in INGRESSES:
                for i in range(away.size):
                    # in units of the ingress, from the first or fourth contact inwards
                    inwards = (0.5 - abs(away[i] - shift) / length) / ingress
                    model[i] = min(max(inwards, 0.0), 1.0)
                best = max(best, _gain(model, flux))
    return best


@njit(nogil=True)
def _best_dropout(away, flux):
    """The largest gain of a sudden drop that decays, or of its mirror image."""
    model, best = np.empty(away.size), 0.0
    for jump in JUMPS:
        for decay in DECAYS:
            for sign in (-1.0, 1.0):
                for i in range(away.size):
                    after = sign * (away[i] - jump)
                    model[i] = np.exp(-after / decay) if after >= 0.0 else 0.0
                best = max(best, _gain(model, flux))
    return best


def _jump(away, raw, sigma):
    """(difference at mid-transit of the straight lines through the two sides, its error); 0 where one is too short."""
    value, variance = np.zeros(2), 0.0
    for k, side in enumerate((away < -0.55, away > 0.55)):
        x, y = away[side], raw[side]
        spread = np.sum((x - x.mean()) ** 2) if x.size > 3 else 0.0
        if not spread > 0:
            return 0.0, np.inf
        slope = np.sum((x - x.mean()) * y) / spread
        value[k] = y.mean() - slope * x.mean()
        variance += sigma**2 * (1 / x.size + x.mean() ** 2 / spread)
    return value[1] - value[0], np.sqrt(variance)


def whole_transits(curve, mids, duration, *, sigma, others=None, better=1.0):
    """Which transits have both sides, are no step, and look like a transit rather than a sudden drop that decays.

    A transit leaves the star where it was: the flux before flattening goes on after it as it went before.

    Parameters
    ----------
    curve : Flattened
    mids : array, shape (K,), days
    duration : float, hours
    sigma : float
        Standard error of a point, white noise.
    others : array of bool, optional
        Points left out.
    better : float
        By what factor a trapezoid must lower the sum of squares more than the drop.

    Returns
    -------
    array of bool, shape (K,)
    """
    days = duration / 24.0
    wanted = SIDES * days / float(np.median(np.diff(curve.time)))
    whole = np.zeros(len(mids), bool)
    for k, mid in enumerate(mids):
        here = slice(*np.searchsorted(curve.time, [mid - 2 * days, mid + 2 * days]))
        away, flux, raw = (curve.time[here] - mid) / days, curve.flux[here], curve.raw_flux[here]
        if others is not None:
            away, flux, raw = (x[~others[here]] for x in (away, flux, raw))
        mean, count = _sides(away, flux)
        inside = flux[np.abs(away) < 0.5]
        if count.min() < wanted or inside.size < 2:
            continue
        depth = np.average(mean, weights=count) - np.mean(inside)
        step, step_error = mean[1] - mean[0], sigma * np.sqrt(np.sum(1 / count))
        jump, jump_error = _jump(away, raw, sigma)
        level = abs(step) < max(UNLIKE_SIDES * depth, ERRORS * step_error)
        if depth > 0 and level and abs(jump) < max(JUMP * depth, ERRORS * jump_error):
            whole[k] = _best_transit(away, flux) > better * _best_dropout(away, flux)
    return whole


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
    covered = np.convolve(count >= 0.5 * min(expected, 1.0), np.ones(5), mode="same") > 0.5
    place = min(max(int((epoch - time[0]) / cell), 0), n - 1)
    return cell * _shortest(covered, place, 4)
