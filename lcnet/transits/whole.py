"""Whether one transit, looked at alone, is a transit: both sides there, no step, no sudden drop that decays.

Few transits must each pass: many bear each other out.

Reference
---------
Mullally et al. 2016, PASP 128, 074502 (a transit against a sudden drop in sensitivity, event by event).
"""

from __future__ import annotations

import numpy as np

from lcnet.core.jit import njit

__all__ = ["whole_transits"]

SIDES = 0.5  # of the points expected in a duration before, and after, that must be there
UNLIKE_SIDES = 0.4  # the two sides may differ by so much of the depth: more is a step, not a dip
JUMP = 1.0  # of the depth: the sides' straight lines may miss each other by so much where a star turns fast
ERRORS = 3.0  # of white noise, by which the sides of a transit may differ too
# Trials of the two shapes a dip is compared with, in durations
SHIFTS, LENGTHS, INGRESSES = np.linspace(-0.3, 0.3, 7), np.array([0.6, 0.8, 1.0, 1.25, 1.5]), np.array([0.1, 0.35, 0.5])
JUMPS, DECAYS = np.linspace(-1.0, 1.0, 21), np.array([0.2, 0.4, 0.8, 1.6])


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
    """Which transits have both sides and are no step; none, if they look like a sudden drop that decays.

    A transit leaves the star where it was: the flux before flattening goes on after it as it went before. What the
    shape is, all of them tell together, for they are of one body: one that has another dip at its side does not.

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
    transit, dropout = 0.0, 0.0
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
            whole[k] = True
            transit += _best_transit(away, flux)
            dropout += _best_dropout(away, flux)
    return whole & (transit > better * dropout)
