"""The slow variation of a light curve: a sliding robust line, or parabola, on plain arrays.

In a window about each knot a polynomial of first or second order is fitted with Tukey's biweight (the estimator that
Hippke et al. 2019 found to keep transits best, here with a slope so that it is unbiased where the window is cut by the
end of a stretch), and the knots are joined linearly. Each fit starts from its neighbour's, so that two or three
iterations do, and a new mask moves only the knots whose windows it touches.

References
----------
Hippke et al. 2019, AJ 158, 143 (wotan); Mosteller & Tukey 1977 (biweight); Cleveland 1979, JASA 74, 829 (local
polynomials).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lcnet.core.jit import njit
from lcnet.transits.medians import select, select_near

__all__ = ["MIN_GAP", "Knots", "draw_trend", "stretch_bounds", "trend_segments"]

BIWEIGHT_CUT = 5.0  # in units of the window's MAD, as in wotan
KNOTS_A_WINDOW = 12  # a straight line between knots this close follows the smoothed trend to well under the noise
MIN_GAP = 0.5  # d; a shorter gap is bridged
N_ITERATIONS = 10
ROUNDING = 1e-13


@dataclass(frozen=True)
class Knots:
    """Where a trend was fitted.

    Attributes
    ----------
    time, value : array, shape (K,)
        NaN values where the window held too little.
    first : array of int, shape (S + 1,)
        The knots of stretch i are first[i]:first[i + 1].
    used : array of bool, shape (N,)
        The points that drew the trend.
    """

    time: np.ndarray
    value: np.ndarray
    first: np.ndarray
    used: np.ndarray


def trend_segments(time, segment, *, gap=MIN_GAP):
    """Number each stretch without a gap longer than `gap` days or a quarter/sector boundary, from 0."""
    breaks = (np.diff(time) > gap) | (np.diff(segment) != 0)
    return np.concatenate([[0], np.cumsum(breaks)])


def stretch_bounds(time, segment, *, gap=MIN_GAP):
    """Index of the first point of each stretch, and the number of points: shape (S + 1,)."""
    breaks = (np.diff(time) > gap) | (np.diff(segment) != 0)
    return np.concatenate([[0], np.flatnonzero(breaks) + 1, [time.size]])


@njit(nogil=True)
def _moments(x, y, fit, inverse, order, weight):
    """Sums of the biweights w times 1, x, x^2, x^3, x^4 and times y, x y, x^2 y; those of a parabola 0 for a line.

    The weights come first, in a loop of their own, which the compiler does eight at a time.
    """
    value, slope, curvature = fit[0], fit[1], fit[2]
    for i in range(x.size):
        u = (y[i] - value - x[i] * (slope + curvature * x[i])) * inverse
        w = max(0.0, 1.0 - u * u)
        weight[i] = w * w
    s0, s1, s2, s3, s4, b0, b1, b2 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(x.size):
        t, w = x[i], weight[i]
        wt = w * t
        s0 += w
        s1 += wt
        s2 += wt * t
        b0 += w * y[i]
        b1 += wt * y[i]
    if order == 2:
        for i in range(x.size):
            t, wt = x[i], weight[i] * x[i]
            s3 += wt * t * t
            s4 += wt * t * t * t
            b2 += wt * t * y[i]
    return s0, s1, s2, s3, s4, b0, b1, b2


@njit(nogil=True)
def _deviation(x, y, fit, guess, work, spare):
    """Median absolute residual of a fit, near `guess` most often."""
    value, slope, curvature = fit[0], fit[1], fit[2]
    for i in range(x.size):
        work[i] = abs(y[i] - value - x[i] * (slope + curvature * x[i]))
    return select_near(work, x.size, x.size // 2, guess, spare)


@njit(nogil=True)
def _biweight(x, y, start, order, guess, work, spare, fit):
    """Tukey's biweight polynomial through (x, y), |x| <= 1, in `fit` (value, slope, curvature at x = 0).

    Begins at `fit` if `start`, else at the median of y. Returns the median absolute residual of what it began at, for
    which `guess` is one.
    """
    n = x.size
    if not start:
        for i in range(n):
            work[i] = y[i]
        fit[0], fit[1], fit[2] = select(work, 0, n, n // 2), 0.0, 0.0
    scale = first = _deviation(x, y, fit, guess, work, spare)
    for iteration in range(N_ITERATIONS):
        if scale <= ROUNDING * abs(fit[0]):  # what it began at goes through the points already
            break
        if iteration == 2 and order == 2:
            # the start knew no curvature of its own: its residuals were those of the variation, not of the noise
            scale = _deviation(x, y, fit, guess, work, spare)
            if scale <= ROUNDING * abs(fit[0]):
                break
        s0, s1, s2, s3, s4, b0, b1, b2 = _moments(x, y, fit, 1.0 / (BIWEIGHT_CUT * scale), order, spare)
        if s0 <= 0:
            break
        value, slope, curvature = b0 / s0, 0.0, 0.0
        line = s0 * s2 - s1 * s1
        if line > 1e-12 * s0 * s2:
            value, slope = (s2 * b0 - s1 * b1) / line, (s0 * b1 - s1 * b0) / line
            if order == 2:
                # what of the parabola is not a line: its projection out (one step of Gram-Schmidt)
                p0, p1 = (s2 * s2 - s1 * s3) / line, (s0 * s3 - s1 * s2) / line
                norm = s4 - p0 * s2 - p1 * s3
                if norm > 1e-3 * s4:
                    curvature = (b2 - p0 * b0 - p1 * b1) / norm
                    value -= curvature * p0
                    slope -= curvature * p1
        change = abs(value - fit[0])
        fit[0], fit[1], fit[2] = value, slope, curvature
        if change < 1e-3 * scale and iteration >= (3 if order == 2 else 1):
            break
    return first


@njit(nogil=True)
def _fit_knots(time, flux, bounds, used, touched, window, order, knot_first, knot_time, value):
    """Fit the knots; where `touched` (running count of points whose use changed) does not move, `value` stays."""
    half, guess = 0.5 * window, 0.0
    x, y, work, spare = np.empty(time.size), np.empty(time.size), np.empty(time.size), np.empty(time.size)
    fit = np.zeros(3)
    for stretch in range(bounds.size - 1):
        begin, end = bounds[stretch], bounds[stretch + 1]
        span = time[end - 1] - time[begin]
        low, high = begin, begin
        previous = -1  # the knot `fit` is of
        for k in range(knot_first[stretch], knot_first[stretch + 1]):
            centre = knot_time[k]
            while low < end and time[low] < centre - half:
                low += 1
            while high < end and time[high] <= centre + half:
                high += 1
            if touched[high] == touched[low]:
                previous = -1
                continue
            n = 0
            for i in range(low, high):
                x[n] = (time[i] - centre) / half
                y[n] = flux[i]
                n += used[i]
            value[k] = np.nan
            # a line needs points on more than a sliver of the window: fewer, and the neighbouring knots bridge it
            if n < 5 or (x[n - 1] - x[0]) * half < 0.25 * min(window, span) or x[0] > 0.2 or x[n - 1] < -0.2:
                continue
            start = previous == k - 1 and previous >= 0
            if start:
                step = (centre - knot_time[previous]) / half
                fit[0] += step * (fit[1] + fit[2] * step)
                fit[1] += 2 * fit[2] * step
            guess = _biweight(x[:n], y[:n], start, order, guess, work, spare, fit)
            value[k] = fit[0]
            previous = k


@njit(nogil=True)
def _join(time, bounds, knot_first, knot_time, value, trend):
    """Straight lines between the knots that have a value; NaN on stretches where none has."""
    for stretch in range(bounds.size - 1):
        begin, end = bounds[stretch], bounds[stretch + 1]
        k, last = knot_first[stretch], knot_first[stretch + 1]
        while k < last and np.isnan(value[k]):
            k += 1
        if k == last:
            trend[begin:end] = np.nan
            continue
        after = k  # the first usable knot not before the point
        for i in range(begin, end):
            while after < last and (knot_time[after] < time[i] or np.isnan(value[after])):
                if not np.isnan(value[after]):
                    k = after
                after += 1
            if after == last or after == k:
                trend[i] = value[k]
            else:
                share = (time[i] - knot_time[k]) / (knot_time[after] - knot_time[k])
                trend[i] = value[k] + share * (value[after] - value[k]) if share > 0 else value[k]


def draw_trend(time, flux, bounds, *, window, order=1, used=None, before=None):
    """The trend at every point, and its knots.

    Parameters
    ----------
    time, flux : array, shape (N,), days and relative flux, ascending in time
    bounds : array of int, shape (S + 1,)
        As `stretch_bounds` returns them.
    window : float, days
        Full width.
    order : {1, 2}
        A line or a parabola in each window.
    used : array of bool, shape (N,), optional
        Which points may draw it.
    before : Knots, optional
        The knots of the same light curve, window and order with other points in use: only those whose windows hold a
        point that came or went are fitted again.

    Returns
    -------
    trend : array, shape (N,)
        NaN on stretches where no window holds enough points.
    knots : Knots
    """
    used = np.ones(time.size, bool) if used is None else used
    if before is None:
        span = time[bounds[1:] - 1] - time[bounds[:-1]]
        count = np.maximum(2, np.ceil(span / window * KNOTS_A_WINDOW).astype(np.int64) + 1)
        first = np.concatenate([[0], np.cumsum(count)])
        pieces = [time[a] + s * np.arange(n) / (n - 1) for a, s, n in zip(bounds[:-1], span, count, strict=True)]
        knot_time, value = np.concatenate(pieces), np.full(first[-1], np.nan)
        touched = np.arange(time.size + 1)
    else:
        first, knot_time, value = before.first, before.time, before.value.copy()
        touched = np.concatenate([[0], np.cumsum(used != before.used)])
    _fit_knots(time, flux, bounds, used, touched, float(window), int(order), first, knot_time, value)
    trend = np.empty(time.size)
    _join(time, bounds, first, knot_time, value, trend)
    return trend, Knots(knot_time, value, first, used)
