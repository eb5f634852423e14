"""The exact box search: every given period, on a phase-binned light curve (Kovacs, Zucker & Mazeh 2002).

For each trial period the points are folded into phase bins a fraction of the shortest duration wide, and boxes of every
trial duration slide over running sums of flux and weight. This is the estimator of astropy's ``BoxLeastSquares``
(``method="fast"``) on the same bins, and on the same periods and durations it gives the same power. The mean is
subtracted once instead of being carried through every box, which makes a box's power one product and one comparison;
the fold needs no modulo; the periods are shared out over threads.

On its own durations it also closes the orbit: astropy repeats only as many bins as the shortest duration has (a longer
box cannot reach across phase 0) and its padding replaces the last, partial bin. With explicit durations both are kept,
so that the numbers are astropy's.

References
----------
Kovacs, Zucker & Mazeh 2002, A&A 391, 369; Hartman & Bakos 2016, A&C 17, 1.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from lcnet.core.jit import njit

__all__ = ["BoxSearch", "box_columns", "box_sums", "exact_boxes", "in_threads", "search_bands"]

EMPTY = np.finfo(float).eps  # a box of less weight holds no point
CHUNK = 256  # periods a task: enough to amortise the call, few enough to balance the threads
BOXES = 128  # looked at before one of them is remembered
POINTS = 2048  # points folded at a time: their bin numbers stay in the first-level cache


@dataclass(frozen=True)
class BoxSearch:
    """The best box at every trial period.

    Attributes
    ----------
    period : array, shape (P,), days, ascending
    power : array
        Depth over its white-noise error ("snr"), or the gain in log likelihood ("likelihood"); 0 where nothing dims.
    epoch : array, days
        First mid-transit after the first point.
    duration : array, hours
    depth, depth_err : array
        Relative flux outside minus inside the box.
    objective : str
    engine : {"exact", "folding"}
        "folding": the periods of `peaks` are refined and exact, all others those of the coarse search.
    peaks : tuple of Peak
        The strongest separate periods, refined, best first; boxes that rest on one transit come last, whatever their
        power. Empty when the periods were given one by one.
    """

    period: np.ndarray
    power: np.ndarray
    epoch: np.ndarray
    duration: np.ndarray
    depth: np.ndarray
    depth_err: np.ndarray
    objective: str = "snr"
    engine: str = "exact"
    peaks: tuple = ()

    @property
    def best(self) -> int:
        """Index of the strongest period; of several refined ones, of the strongest that rests on repeated transits."""
        return self.peaks[0].index if self.peaks else int(np.argmax(self.power))


@njit(nogil=True)
def phase_bins(time, trial, bin_size, bins):
    """Fill `bins` with the phase bin each point falls into at the period `trial`, counted from 1."""
    for i in range(time.size):
        phase = time[i] - trial * np.floor(time[i] / trial)
        bins[i] = np.uint32(phase / bin_size) + 1


@njit(nogil=True)
def _fold_points(time, sums_in, trial, bin_size, bins, even, odd):
    """Add the points to `even[1:]` by phase bin; `odd` is spare.

    Every other point is added to a second set of sums: neighbours in time fall into the same bin, and an addition that
    waits for the one before it would set the pace.
    """
    for first in range(0, time.size, POINTS):
        # slices and unsigned bins: an index that cannot be negative needs no test
        when, what = time[first : first + POINTS], sums_in[first : first + POINTS]
        n = when.size
        phase_bins(when, trial, bin_size, bins)
        for i in range(n // 2):
            a, b = bins[2 * i], bins[2 * i + 1]
            even[a, 0] += what[2 * i, 0]
            even[a, 1] += what[2 * i, 1]
            odd[b, 0] += what[2 * i + 1, 0]
            odd[b, 1] += what[2 * i + 1, 1]
        if n % 2:
            a = bins[n - 1]
            even[a, 0] += what[n - 1, 0]
            even[a, 1] += what[n - 1, 1]
    for k in range(even.shape[0]):
        even[k, 0] += odd[k, 0]
        even[k, 1] += odd[k, 1]


@njit(nogil=True)
def _any_better(flux, weight, width, n, total, likelihood, best):
    """Whether any of n boxes has s^2 / rest > best: without a division, a branch or a store, many boxes at a time."""
    flux_end, weight_end = flux[width : width + n], weight[width : width + n]
    found = 0
    if likelihood:
        for k in range(n):
            s, w = flux_end[k] - flux[k], weight_end[k] - weight[k]
            found += (s < 0) & (s * s > best * (w * (total - w) * (total - w)))
    else:
        for k in range(n):
            s, w = flux_end[k] - flux[k], weight_end[k] - weight[k]
            found += (s < 0) & (s * s > best * (w * (total - w)))
    return found > 0


@njit(nogil=True)
def scan_boxes(flux, weight, n_bins, widths, total, likelihood, box):
    """s^2/(w(W-w)) of the best box over running sums of `n_bins` phase bins; `box` gets its (start, width, s, w)."""
    best = 0.0
    box[:] = 0.0
    for d in range(widths.size):
        width = widths[d]
        for first in range(0, n_bins - width + 1, BOXES):
            n = min(BOXES, n_bins - width + 1 - first)
            if not _any_better(flux[first:], weight[first:], width, n, total, likelihood, best):
                continue
            for k in range(first, first + n):
                s, w = flux[k + width] - flux[k], weight[k + width] - weight[k]
                rest = w * (total - w)
                if likelihood:
                    rest *= total - w
                if s < 0 and s * s > best * rest and w > EMPTY and total - w > EMPTY:
                    best = s * s / rest
                    box[0], box[1], box[2], box[3] = k, d, s, w
    return best


@njit(nogil=True)
def exact_boxes(time, sums_in, period, widths, bin_size, pad_at, wrap, likelihood, power, box):
    """Fill, for each period, `power` with s^2/(w(W-w)) [SNR^2/W] of its best box and `box` with (start, width, s, w).

    `sums_in` (N, 2) holds weight x (flux - mean) and weight. Because the first column sums to zero the points outside a
    box hold minus its sum s, and with w the box's weight and W the total, SNR^2 = s^2 W / (w (W - w)) and
    2 log L = s^2 W^2 / (w (W - w)^2).
    """
    total = sums_in[:, 1].sum()
    size = int(np.ceil(period.max() / bin_size)) + wrap + 1
    sums, odd = np.empty((size, 2)), np.empty((size, 2))
    flux, weight = np.empty(size), np.empty(size)
    bins = np.empty(POINTS, np.uint32)
    for p in range(period.size):
        trial = period[p]
        n_data = int(np.ceil(trial / bin_size))
        n_bins = n_data + wrap
        sums[: n_bins + 1] = 0.0
        odd[: n_bins + 1] = 0.0
        _fold_points(time, sums_in, trial, bin_size, bins, sums[: n_bins + 1], odd[: n_bins + 1])
        # the beginning of the orbit again after its end, for the boxes that reach across phase 0
        for k in range(wrap):
            sums[n_data + pad_at + k, 0] = sums[1 + k, 0]
            sums[n_data + pad_at + k, 1] = sums[1 + k, 1]
        flux[0], weight[0] = sums[0, 0], sums[0, 1]
        for k in range(1, n_bins + 1):
            flux[k], weight[k] = flux[k - 1] + sums[k, 0], weight[k - 1] + sums[k, 1]
        power[p] = scan_boxes(flux, weight, n_bins, widths, total, likelihood, box[p])


def in_threads(work, tasks, threads=None):
    """Call `work`, which must let go of the interpreter, with each task on `threads` threads (default: all cores)."""
    if threads is None:
        if os.environ.get("NUMBA_NUM_THREADS", "").isdigit():
            threads = max(1, int(os.environ["NUMBA_NUM_THREADS"]))
        else:
            threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if threads == 1 or len(tasks) < 2:
        for task in tasks:
            work(task)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, tasks))


def box_sums(flux, flux_err):
    """Weight x (flux - mean) and weight of each point, shape (N, 2)."""
    weight = flux_err**-2.0
    mean = np.sum(weight * flux) / np.sum(weight)
    return np.column_stack([weight * (flux - mean), weight])


def box_columns(s, w, total, objective):
    """(power, depth, depth_err) of boxes with weighted flux s and weight w of `total`; 0, 0 and infinity for none."""
    found = w > 0
    w = np.where(found, w, 1.0)
    out = np.where(found, total - w, 1.0)
    snr2 = np.where(found, s * s * total / (w * out), 0.0)
    power = 0.5 * snr2 * total / out if objective == "likelihood" else np.sqrt(snr2)
    return power, np.where(found, -s * total / (w * out), 0.0), np.where(found, np.sqrt(1 / w + 1 / out), np.inf)


def _search_band(time, sums_in, band, oversample, objective, like_astropy, threads):
    """(power, epoch since the first point [d], duration [h], depth, depth_err) at each period of `band`."""
    period = np.ascontiguousarray(band.period, float)
    duration = np.ascontiguousarray(band.duration, float) / 24.0
    bin_size = duration.min() / oversample
    widths = np.floor(duration / bin_size + 0.5).astype(np.int64)  # halves up, as in C; numpy rounds them to even
    pad_at, wrap = (0, oversample) if like_astropy else (1, int(widths.max()))
    power, box = np.empty(period.size), np.empty((period.size, 4))

    def work(first):
        here = slice(first, first + CHUNK)
        likelihood = objective == "likelihood"
        exact_boxes(time, sums_in, period[here], widths, bin_size, pad_at, wrap, likelihood, power[here], box[here])

    in_threads(work, range(0, period.size, CHUNK), threads)
    start, index, s, w = box.T
    power, depth, depth_err = box_columns(s, w, sums_in[:, 1].sum(), objective)
    width = widths[index.astype(int)] * bin_size
    return power, (start * bin_size + 0.5 * width) % period, 24.0 * width, depth, depth_err


def search_bands(time, flux, flux_err, bands, *, oversample, objective="snr", like_astropy=False, threads=None):
    """Search given bands of a light curve whose points are all finite and whose errors are positive.

    Parameters
    ----------
    time, flux, flux_err : array, shape (N,), days and relative flux
    bands : list of Band
    oversample : int
        Phase bins in a band's shortest duration.
    objective : {"snr", "likelihood"}
    like_astropy : bool
        Repeat no more of the orbit than astropy does.
    threads : int, optional

    Returns
    -------
    BoxSearch
    """
    first = time.min()
    sums_in = box_sums(flux, flux_err)
    found = [_search_band(time - first, sums_in, band, oversample, objective, like_astropy, threads) for band in bands]
    power, since, hours, depth, depth_err = (np.concatenate(column) for column in zip(*found, strict=True))
    return BoxSearch(
        period=np.concatenate([band.period for band in bands]),
        power=power,
        epoch=first + since,
        duration=hours,
        depth=depth,
        depth_err=depth_err,
        objective=objective,
    )
