"""Box least squares (Kovacs, Zucker & Mazeh 2002), exact on a phase-binned light curve.

For each trial period the points are folded into phase bins a fraction of the shortest duration wide, and boxes of every
trial duration slide over running sums of flux and weight. This is the estimator of astropy's ``BoxLeastSquares``
(``method="fast"``) on the same bins, and on the same periods and durations it gives the same power. The mean is
subtracted once instead of being carried through every box, which makes a box's power one product and one comparison;
the fold needs no modulo; the periods are shared out over threads.

On its own grid it also closes the orbit: astropy repeats only as many bins as the shortest duration has (a longer box
cannot reach across phase 0) and its padding replaces the last, partial bin. With explicit `duration` both are kept, so
that the numbers are astropy's.

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
from lcnet.transits.detrend import robust_sigma
from lcnet.transits.ephemeris import plain
from lcnet.transits.periods import Band, period_bands, search_range, split_octaves

__all__ = ["BoxSearch", "bls_search", "search_bands"]

BINS_A_DURATION = 5  # phase bins in the shortest trial duration of our own grid
EMPTY = np.finfo(float).eps  # a box of less weight holds no point
CHUNK = 256  # periods a task: enough to amortise the call, few enough to balance the threads


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
    """

    period: np.ndarray
    power: np.ndarray
    epoch: np.ndarray
    duration: np.ndarray
    depth: np.ndarray
    depth_err: np.ndarray
    objective: str = "snr"

    @property
    def best(self) -> int:
        """Index of the strongest period."""
        return int(np.argmax(self.power))


@njit(nogil=True)
def _box_search(time, sums_in, period, widths, bin_size, pad_at, wrap, likelihood, power, box):
    """Fill, for each period, `power` with s^2/(w(W-w)) [SNR^2/W] of its best box and `box` with (start, width, s, w).

    `sums_in` (N, 2) holds weight x (flux - mean) and weight. Because the first column sums to zero the points outside a
    box hold minus its sum s, and with w the box's weight and W the total, SNR^2 = s^2 W / (w (W - w)) and
    2 log L = s^2 W^2 / (w (W - w)^2).
    """
    total = sums_in[:, 1].sum()
    sums = np.empty((int(np.ceil(period.max() / bin_size)) + wrap + 1, 2))
    for p in range(period.size):
        trial = period[p]
        n_data = int(np.ceil(trial / bin_size))
        n_bins = n_data + wrap
        sums[: n_bins + 1] = 0.0
        for i in range(time.size):
            phase = time[i] - trial * np.floor(time[i] / trial)
            k = int(phase / bin_size) + 1
            sums[k, 0] += sums_in[i, 0]
            sums[k, 1] += sums_in[i, 1]
        # the beginning of the orbit again after its end, for the boxes that reach across phase 0
        for k in range(wrap):
            sums[n_data + pad_at + k, 0] = sums[1 + k, 0]
            sums[n_data + pad_at + k, 1] = sums[1 + k, 1]
        for k in range(1, n_bins + 1):
            sums[k, 0] += sums[k - 1, 0]
            sums[k, 1] += sums[k - 1, 1]
        best = 0.0
        box[p, 0], box[p, 1], box[p, 2], box[p, 3] = 0.0, 0.0, 0.0, 0.0
        for d in range(widths.size):
            width = widths[d]
            for k in range(n_bins - width + 1):
                s = sums[k + width, 0] - sums[k, 0]
                w = sums[k + width, 1] - sums[k, 1]
                rest = w * (total - w)
                if likelihood:
                    rest *= total - w
                # s^2 / rest > best, without a division for the many boxes that do not reach it
                if s < 0 and s * s > best * rest and w > EMPTY and total - w > EMPTY:
                    best = s * s / rest
                    box[p, 0], box[p, 1], box[p, 2], box[p, 3] = k, d, s, w
        power[p] = best


def _threads():
    """All cores this process may use, or as many as NUMBA_NUM_THREADS says."""
    if os.environ.get("NUMBA_NUM_THREADS", "").isdigit():
        return max(1, int(os.environ["NUMBA_NUM_THREADS"]))
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _search_band(time, sums_in, band, oversample, objective, like_astropy, threads):
    """(power, epoch since the first point [d], duration [h], depth, depth_err) at each period of `band`."""
    period = np.ascontiguousarray(band.period, float)
    duration = np.ascontiguousarray(band.duration, float) / 24.0
    bin_size = duration.min() / oversample
    widths = np.floor(duration / bin_size + 0.5).astype(np.int64)  # halves up, as in C; numpy rounds them to even
    pad_at, wrap = (0, oversample) if like_astropy else (1, int(widths.max()))
    power, box = np.empty(period.size), np.empty((period.size, 4))
    likelihood = objective == "likelihood"

    def work(first):
        here = slice(first, first + CHUNK)
        _box_search(time, sums_in, period[here], widths, bin_size, pad_at, wrap, likelihood, power[here], box[here])

    starts = range(0, period.size, CHUNK)
    if threads == 1 or len(starts) == 1:
        for first in starts:
            work(first)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, starts))
    total = sums_in[:, 1].sum()
    power = 0.5 * power * total**2 if likelihood else np.sqrt(power * total)
    start, index, s, w = box.T
    found = w > 0
    w = np.where(found, w, 1.0)
    width = widths[index.astype(int)] * bin_size
    depth = np.where(found, -s * total / (w * np.where(found, total - w, 1.0)), 0.0)
    depth_err = np.where(found, np.sqrt(1 / w + 1 / np.where(found, total - w, 1.0)), np.inf)
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
    weight = flux_err**-2.0
    mean = np.sum(weight * flux) / np.sum(weight)
    sums_in = np.column_stack([weight * (flux - mean), weight])
    found = [
        _search_band(time - first, sums_in, band, oversample, objective, like_astropy, threads or _threads())
        for band in bands
    ]
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


def bls_search(
    time, flux, flux_err=None, *, period=None, duration=None, oversample=None, objective="snr", threads=None
):
    """Search a light curve for periodic boxes.

    Parameters
    ----------
    time : array, shape (N,), days
    flux : array, shape (N,)
        Relative flux, flattened.
    flux_err : array, shape (N,), optional
        Standard errors; without them all points weigh the same, with the robust scatter as error.
    period : (float, float) or array, shape (P,), or Quantity, optional, days
        A tuple of two is a range, searched on the Ofir grid; an array or list the periods themselves. Default: 0.4 d to
        half the baseline.
    duration : float or array, hours, or Quantity, optional
        Durations tried at every period; by default a few that grow with the period as in `periods.trial_durations`.
    oversample : int, optional
        Phase bins in the shortest duration: 5 on our own durations, 10 (as astropy) on explicit ones.
    objective : {"snr", "likelihood"}
    threads : int, optional
        Default: all cores.

    Returns
    -------
    BoxSearch

    Raises
    ------
    ValueError
        No usable point, unknown objective, a range that cannot be searched, or a duration not shorter than a period.
    """
    if objective not in ("snr", "likelihood"):
        raise ValueError(f"objective must be 'snr' or 'likelihood', got {objective!r}")
    time, flux = np.asarray(time, float), np.asarray(flux, float)
    err = np.full(time.shape, np.nan) if flux_err is None else np.asarray(flux_err, float)
    if not time.shape == flux.shape == err.shape or time.ndim != 1:
        raise ValueError(f"time {time.shape}, flux {flux.shape} and flux_err {err.shape} must be 1-D and of one length")
    good = np.isfinite(time) & np.isfinite(flux) & ((err > 0) | (flux_err is None))
    if good.sum() < 3:
        raise ValueError(f"{int(good.sum())} usable points, at least 3 are needed")
    time, flux, err = time[good], flux[good], err[good]
    if flux_err is None:
        scatter = robust_sigma(flux)
        err = np.full(time.size, scatter if scatter > 0 else 1.0)
    baseline = np.ptp(time)
    cadence = np.median(np.diff(np.sort(time)))

    if isinstance(period, tuple) and len(period) == 2:
        period = tuple(plain(value, "d") for value in period)
    if period is None or isinstance(period, tuple):
        bands = period_bands(baseline, *search_range(baseline, period), cadence)
    else:
        trials = np.atleast_1d(np.asarray(period.to_value("d") if hasattr(period, "to_value") else period, float))
        if not np.all((trials > 0) & np.isfinite(trials)):
            raise ValueError("trial periods must be positive and finite")
        bands = split_octaves(np.sort(trials), cadence)
    if duration is not None:
        hours = duration.to_value("h") if hasattr(duration, "to_value") else duration
        hours = np.sort(np.atleast_1d(np.asarray(hours, float)))
        if not np.all(hours > 0):
            raise ValueError("durations must be positive, in hours")
        if hours[-1] >= 24.0 * bands[0].period[0]:
            raise ValueError(
                f"duration {hours[-1]:g} h is not shorter than the shortest period {bands[0].period[0]:g} d = "
                f"{24 * bands[0].period[0]:g} h: durations are in hours; were days or minutes meant?"
            )
        bands = [Band(np.concatenate([band.period for band in bands]), hours)]
    return search_bands(
        time,
        flux,
        err,
        bands,
        oversample=int(oversample or (BINS_A_DURATION if duration is None else 10)),
        objective=objective,
        like_astropy=duration is not None,
        threads=threads,
    )
