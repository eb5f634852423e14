"""Cleaning and flattening a light curve, on plain arrays.

A light curve is cleaned once (`clean`) and flattened as often as more of its transits are known (`Flattener`): the
trend (`trend`) is divided out, then bright points and lone faint ones go.

References
----------
Hippke et al. 2019, AJ 158, 143 (wotan, whose biweight the trend uses).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lcnet.transits.trend import MIN_GAP, draw_trend, stretch_bounds, trend_segments
from lcnet.transits.variability import trend_order
from lcnet.transits.views import fold

__all__ = ["Flattened", "Flattener", "clean", "flatten_curve", "in_transit", "robust_sigma", "trend_segments"]

OUTLIER = 5.0  # robust sigma
# A real transit of one cadence comes back equally deep; what is left of a cosmic ray or a momentum dump does not.
ALIKE = 0.25  # relative scatter of the depths of lone faint points up to which they are taken for one body's
MIN_ALIKE = 3


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

    @cached_property
    def cadence(self) -> float:
        """Median step of the times [d]."""
        return float(np.median(np.diff(self.time)))


def robust_sigma(values):
    """Standard deviation of the normal distribution that has this median absolute deviation."""
    values = np.asarray(values, float)
    return 1.4826 * float(np.median(np.abs(values - np.median(values)))) if values.size else np.nan


def in_transit(time, period, epoch, duration, *, widen=1.0):
    """Mask of the points within `widen` x half a duration of a mid-transit (days, days, days, hours)."""
    return np.abs(fold(time, period, epoch)) < 0.5 * widen * duration / 24.0


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
    for number in np.unique(segment[np.append(True, segment[1:] != segment[:-1])[: segment.size]]):
        here = segment == number
        level = np.median(flux[here])
        if not level > 0:  # a background-subtracted flux about zero cannot be made relative
            continue
        keep |= here
        flux[here] /= level
        errors = flux_err[here] / level
        errors[~(errors > 0)] = np.nan
        known = np.isfinite(errors)
        if not known.all():
            fill = np.median(errors[known]) if known.any() else robust_sigma(np.diff(flux[here])) / np.sqrt(2)
            errors[~known] = fill if fill > 0 else np.nan
        flux_err[here] = errors
    flux_err[~(flux_err > 0)] = 1.0
    if time.size >= 20 and not keep.any():
        raise ValueError("the median flux is not positive: give the flux itself, not the flux minus its mean")
    if keep.sum() < 20:
        raise ValueError(f"{int(keep.sum())} usable points in the light curve, at least 20 are needed")
    return time[keep], flux[keep], flux_err[keep], segment[keep]


def _lone_faint(flat, time, sigma, cadence):
    """Single points far below both neighbours, unless they are as deep as each other: a transit of one cadence."""
    low = np.zeros(flat.size, bool)
    if flat.size > 2 and sigma > 0:
        adjacent = np.diff(time) < 1.5 * cadence
        depth = 1 - flat
        # the neighbours of a very deep point may lie as low as noise goes, those of a faint one must not
        calm = np.clip(0.2 * depth[1:-1], 1.5 * sigma, 3 * sigma)
        low[1:-1] = (depth[1:-1] > OUTLIER * sigma) & adjacent[:-1] & adjacent[1:]
        low[1:-1] &= (depth[:-2] < calm) & (depth[2:] < calm)
    return low


def _alike(depths, sigma):
    """Whether the depths of lone faint points are those of one body: as many as a period needs, and all but equal."""
    return depths.size >= MIN_ALIKE and robust_sigma(depths) < np.hypot(ALIKE * np.median(depths), sigma)


class Flattener:
    """Flattens one cleaned light curve again and again, each time with more of its transits masked.

    Parameters
    ----------
    time, flux, flux_err : array, shape (N,)
        As `clean` returns them (days, relative flux).
    segment : array of int, shape (N,), optional
    window : float, days
        Full width of the sliding window; three times the longest duration searched keeps transits.
    order : {1, 2}, optional
        A line or a parabola in each window; by default as the star's own variation asks for (`variability`).
    gap : float, days
        Longer gaps end a stretch.
    """

    def __init__(self, time, flux, flux_err, *, segment=None, window, order=None, gap=MIN_GAP):
        self.time, self.flux, self.flux_err = (np.ascontiguousarray(x, float) for x in (time, flux, flux_err))
        self.segment = np.zeros(self.time.size, np.int64) if segment is None else segment
        self.window = float(window)
        self.order = trend_order(self.time, self.flux, self.window) if order is None else int(order)
        self._bounds = stretch_bounds(self.time, self.segment, gap=gap)
        # points sorted in time whose segment numbers do not rise (two cameras at once) have more runs than segments
        runs = np.flatnonzero(np.diff(self.segment)) + 1
        numbers = self.segment[np.concatenate([[0], runs])]
        if np.unique(numbers).size == numbers.size:
            edges = np.concatenate([[0], runs, [self.time.size]])
            self._segments = [slice(a, b) for a, b in zip(edges[:-1], edges[1:], strict=True)]
        else:
            self._segments = [np.flatnonzero(self.segment == number) for number in np.unique(numbers)]
        self._cadence = float(np.median(np.diff(self.time)))
        self._knots = None

    def flatten(self, mask=None):
        """The flattened light curve, the masked points not drawing the trend.

        Parameters
        ----------
        mask : array of bool, shape (N,), optional

        Returns
        -------
        Flattened
            Of M <= N points.

        Raises
        ------
        ValueError
            Fewer than 20 points lie in a stretch long enough for a trend.
        """
        time, used = self.time, np.ones(self.time.size, bool) if mask is None else ~np.asarray(mask, bool)
        trend, self._knots = draw_trend(
            time, self.flux, self._bounds, window=self.window, order=self.order, used=used, before=self._knots
        )
        good = trend > 0
        if good.sum() < 20:
            raise ValueError(f"no stretch of the light curve is long enough for a trend of {self.window:.2f} d")
        flat = np.divide(self.flux, trend, out=np.ones_like(trend), where=good)
        lone = np.zeros(time.size, bool)
        depth, scatter = [], []
        for here in self._segments:
            fine = good[here] & used[here]
            sigma = robust_sigma(flat[here][fine]) if fine.any() else 0.0
            if sigma > 0:
                good[here] &= ~(flat[here] > 1 + OUTLIER * sigma)
                low = _lone_faint(flat[here], time[here], sigma, self._cadence) & fine
                if low.any():
                    lone[here] = low
                    depth.append(1 - flat[here][low])
                    scatter.append(sigma)
        if depth and not _alike(np.concatenate(depth), np.median(scatter)):
            good &= ~lone
        return Flattened(
            time=time[good],
            flux=flat[good],
            flux_err=self.flux_err[good] / trend[good],
            trend=trend[good],
            raw_flux=self.flux[good],
            segment=self.segment[good],
        )


def flatten_curve(time, flux, flux_err, *, segment=None, window, order=None, mask=None, gap=MIN_GAP):
    """Divide out the slow variation of a cleaned light curve and drop outliers.

    Points more than 5 robust sigma bright go (flares, cosmic rays), so do single cadences as far below both of their
    neighbours, unless at least three of them are equally deep (a white dwarf's transits last a cadence or two);
    everything else that is faint stays, since it may be a transit.

    Parameters
    ----------
    time, flux, flux_err, segment, window, order, gap
        As for `Flattener`.
    mask : array of bool, shape (N,), optional
        Points that must not draw the trend (transits already found).

    Returns
    -------
    Flattened
        Of M <= N points.

    Raises
    ------
    ValueError
        Fewer than 20 points lie in a stretch long enough for a trend.
    """
    return Flattener(time, flux, flux_err, segment=segment, window=window, order=order, gap=gap).flatten(mask)
