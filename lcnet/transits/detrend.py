"""Cleaning and flattening a light curve, on plain arrays.

The trend is a sliding robust regression: in a window about each knot a straight line is fitted with Tukey's biweight
(the estimator Hippke et al. 2019 found to keep transits best, here with a slope so that it is unbiased where the window
is cut by the end of a segment), and the knots are joined linearly. Segments end at gaps and at quarter or sector
boundaries: a trend never bridges them.

References
----------
Hippke et al. 2019, AJ 158, 143 (wotan); Mosteller & Tukey 1977 (biweight).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lcnet.core.jit import njit

__all__ = ["Flattened", "clean", "flatten_curve", "in_transit", "robust_sigma", "trend_segments"]

BIWEIGHT_CUT = 5.0  # in units of the window's MAD, as in wotan
KNOTS_A_WINDOW = 12  # a straight line between knots this close follows the smoothed trend to well under the noise
MIN_GAP = 0.5  # d; a shorter gap is bridged


@dataclass(frozen=True)
class Flattened:
    """A cleaned, flattened light curve: arrays of one length, sorted in time, finite.

    Attributes
    ----------
    time : array, days
    flux, flux_err : array
        Relative, the trend divided out.
    trend : array
        In units of the segment's median flux.
    raw_flux : array
        Relative to the segment's median, before the trend was divided out.
    segment : array of int
        Quarter or sector.
    """

    time: np.ndarray
    flux: np.ndarray
    flux_err: np.ndarray
    trend: np.ndarray
    raw_flux: np.ndarray
    segment: np.ndarray


def robust_sigma(values):
    """Standard deviation of the normal distribution that has this median absolute deviation."""
    values = np.asarray(values, float)
    return 1.4826 * float(np.median(np.abs(values - np.median(values)))) if values.size else np.nan


def in_transit(time, period, epoch, duration, *, widen=1.0):
    """Mask of the points within `widen` x half a duration of a mid-transit (days, days, days, hours)."""
    half = 0.5 * widen * duration / 24.0
    return np.abs((np.asarray(time, float) - epoch + 0.5 * period) % period - 0.5 * period) < half


def clean(time, flux, flux_err=None, *, segment=None):
    """Finite points in the order of time, each segment divided by its median flux.

    Parameters
    ----------
    time : array, shape (N,), days
    flux : array, shape (N,)
        Any unit; segments may differ in level (aperture, pixel, quarter).
    flux_err : array, shape (N,), optional
        Errors <= 0 or not finite are replaced by the segment's median error, and where there is none by the
        point-to-point scatter.
    segment : array of int, shape (N,), optional
        Quarter or sector of each point.

    Returns
    -------
    time, flux, flux_err, segment : arrays, shape (M,)

    Raises
    ------
    ValueError
        Lengths differ, fewer than 20 usable points remain, or no segment's median flux is positive.
    """
    time, flux = np.asarray(time, float).ravel(), np.asarray(flux, float).ravel()
    flux_err = np.full(time.shape, np.nan) if flux_err is None else np.asarray(flux_err, float).ravel()
    segment = np.zeros(time.shape, np.int64) if segment is None else np.asarray(segment).astype(np.int64).ravel()
    lengths = {"time": time.size, "flux": flux.size, "flux_err": flux_err.size, "segment": segment.size}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"arrays of one light curve differ in length: {lengths}")
    good = np.isfinite(time) & np.isfinite(flux)
    # a duplicate time stamp is the same cadence delivered twice (overlapping products): the first is kept
    order = np.flatnonzero(good)[np.argsort(time[good], kind="stable")]
    order = order[np.append(True, np.diff(time[order]) > 0)] if order.size else order
    time, flux, flux_err, segment = time[order], flux[order].copy(), flux_err[order].copy(), segment[order]
    keep = np.zeros(time.size, bool)
    for number in np.unique(segment):
        here = segment == number
        level = np.median(flux[here])
        if not level > 0:  # a background-subtracted flux about zero cannot be made relative
            continue
        keep |= here
        flux[here] /= level
        errors = flux_err[here] / level
        errors[~(errors > 0)] = np.nan
        if np.isfinite(errors).any():
            fill = np.nanmedian(errors)
        else:
            fill = robust_sigma(np.diff(flux[here])) / np.sqrt(2)
        flux_err[here] = np.where(np.isfinite(errors), errors, fill if fill > 0 else np.nan)
    flux_err[~(flux_err > 0)] = 1.0
    if time.size >= 20 and not keep.any():
        raise ValueError("the median flux is not positive: give the flux itself, not the flux minus its mean")
    if keep.sum() < 20:
        raise ValueError(f"{int(keep.sum())} usable points in the light curve, at least 20 are needed")
    return time[keep], flux[keep], flux_err[keep], segment[keep]


def trend_segments(time, segment, *, gap=MIN_GAP):
    """Number each stretch without a gap longer than `gap` days or a quarter/sector boundary, from 0."""
    breaks = (np.diff(time) > gap) | (np.diff(segment) != 0)
    return np.concatenate([[0], np.cumsum(breaks)])


@njit(nogil=True)
def _biweight_line(t, y, centre, cut, n_iterations):
    """Value at `centre` of the straight line fitted to (t, y) with Tukey's biweight, starting from the median."""
    value = np.median(y)
    slope = 0.0
    scale = np.median(np.abs(y - value))
    for _ in range(n_iterations):
        if scale <= 0:
            break
        s0, s1, s2, b0, b1 = 0.0, 0.0, 0.0, 0.0, 0.0
        for i in range(t.size):
            x = t[i] - centre
            u = (y[i] - value - slope * x) / (cut * scale)
            if abs(u) < 1:
                w = (1 - u * u) ** 2
                s0 += w
                s1 += w * x
                s2 += w * x * x
                b0 += w * y[i]
                b1 += w * x * y[i]
        determinant = s0 * s2 - s1 * s1
        if s0 <= 0:
            break
        if determinant > 1e-12 * s0 * s2:
            new_value = (s2 * b0 - s1 * b1) / determinant
            new_slope = (s0 * b1 - s1 * b0) / determinant
        else:
            new_value, new_slope = b0 / s0, 0.0
        change = abs(new_value - value)
        value, slope = new_value, new_slope
        if change < 1e-3 * scale:
            break
    return value


@njit(nogil=True)
def _trend(time, flux, stretch, used, window, knots_a_window):
    """Trend at every point; NaN where a stretch has too few used points for any knot."""
    n = time.size
    trend = np.full(n, np.nan)
    begin = 0
    while begin < n:
        end = begin
        while end < n and stretch[end] == stretch[begin]:
            end += 1
        t = time[begin:end][used[begin:end]]
        y = flux[begin:end][used[begin:end]]
        span = time[end - 1] - time[begin]
        n_knots = max(2, int(np.ceil(span / window * knots_a_window)) + 1)
        knot_t = np.empty(n_knots)
        knot_y = np.empty(n_knots)
        found = 0
        low = 0
        high = 0
        for k in range(n_knots):
            centre = time[begin] + span * k / (n_knots - 1)
            while low < t.size and t[low] < centre - 0.5 * window:
                low += 1
            while high < t.size and t[high] <= centre + 0.5 * window:
                high += 1
            # a line needs points on more than a sliver of the window: fewer, and the neighbouring knots bridge it
            if high - low >= 5 and t[high - 1] - t[low] > 0.25 * min(window, span):
                if t[low] - 0.1 * window <= centre <= t[high - 1] + 0.1 * window:
                    knot_t[found] = centre
                    knot_y[found] = _biweight_line(t[low:high], y[low:high], centre, BIWEIGHT_CUT, 10)
                    found += 1
        if found > 0:
            trend[begin:end] = np.interp(time[begin:end], knot_t[:found], knot_y[:found])
        begin = end
    return trend


def _isolated_faint(flux, time, sigma, cadence):
    """Single points far below both neighbours: a cosmic-ray correction or a momentum dump, not a transit."""
    low = np.zeros(flux.size, bool)
    if flux.size > 2 and sigma > 0:
        adjacent = np.diff(time) < 1.5 * cadence
        calm = flux > 1 - 1.5 * sigma
        low[1:-1] = (flux[1:-1] < 1 - 5 * sigma) & calm[:-2] & calm[2:] & adjacent[:-1] & adjacent[1:]
    return low


def flatten_curve(time, flux, flux_err, *, segment=None, window, mask=None, gap=MIN_GAP):
    """Divide out the slow variation of a cleaned light curve and drop outliers.

    Points more than 5 robust sigma bright go (flares, cosmic rays), so do single cadences as far below both of their
    neighbours; everything else that is faint stays, since it may be a transit.

    Parameters
    ----------
    time, flux, flux_err : array, shape (N,)
        As `clean` returns them (days, relative flux).
    segment : array of int, shape (N,), optional
    window : float, days
        Full width of the sliding window; three times the longest duration searched keeps transits.
    mask : array of bool, shape (N,), optional
        Points that must not draw the trend (transits already found).
    gap : float, days
        Longer gaps end a stretch.

    Returns
    -------
    Flattened
        Of M <= N points.

    Raises
    ------
    ValueError
        Fewer than 20 points lie in a stretch long enough for a trend.
    """
    time, flux, flux_err = (np.ascontiguousarray(x, float) for x in (time, flux, flux_err))
    segment = np.zeros(time.size, np.int64) if segment is None else segment
    used = np.ones(time.size, bool) if mask is None else ~np.asarray(mask, bool)
    trend = _trend(time, flux, trend_segments(time, segment, gap=gap), used, float(window), KNOTS_A_WINDOW)
    good = trend > 0
    if good.sum() < 20:
        raise ValueError(f"no stretch of the light curve is long enough for a trend of {window:.2f} d")
    flat = np.divide(flux, trend, out=np.ones_like(flux), where=good)
    cadence = float(np.median(np.diff(time)))
    for number in np.unique(segment):
        here = np.flatnonzero((segment == number) & good)
        if here.size == 0:
            continue
        sigma = robust_sigma(flat[here][used[here]]) if used[here].any() else 0.0
        if sigma > 0:
            bad = flat[here] > 1 + 5 * sigma
            bad |= _isolated_faint(flat[here], time[here], sigma, cadence) & used[here]
            good[here[bad]] = False
    return Flattened(
        time=time[good],
        flux=flat[good],
        flux_err=flux_err[good] / trend[good],
        trend=trend[good],
        raw_flux=flux[good],
        segment=segment[good],
    )
