"""How significant a periodic box is against the light curve's own noise, on plain arrays.

SNR = depth / (sigma beta / sqrt(n_in)), where beta >= 1 is the scatter of duration-long bins over what white noise of
scatter sigma would give (Pont, Zucker & Queloz 2006, in the form of Winn et al. 2008). A white-noise SNR is of no use
here: red noise drives it past 13 on quiet stars.

References
----------
Pont, Zucker & Queloz 2006, MNRAS 373, 231; Winn et al. 2008, ApJ 683, 1076; Carter et al. 2008, ApJ 689, 499.
"""

from __future__ import annotations

import numpy as np

from lcnet.core.jit import njit
from lcnet.transits.detrend import in_transit
from lcnet.transits.medians import median_of_many

__all__ = ["first_transit", "line_errors", "measure_box", "red_noise_beta", "repeats", "transit_numbers"]

# A period rests on its other transits: without the strongest they must reach REST_SNR (about 100 places in a sector are
# tried for the second of two, whose best is 2.5 sigma of noise) and half of the strongest one's own.
REST_SNR = 4.0
REST_SHARE = 0.5
# Few transits of one body are equally deep. A tenth of the depth is what trend and spots do to it, another what the two
# eclipses of a binary found at half its period may differ by; beyond MAX_UNLIKE the events are not of one period.
UNLIKE_SHARE = 0.2
MAX_UNLIKE = 4.0
FEW = 5
LEAST_MEDIAN = 0.4
SEEN = 0.3  # of a box's points that must be there for its transit to count


@njit(nogil=True)
def _binned_scatter(time, flux, level, days, expected, shift):
    """Mean of (bin mean - level)^2 x count over the bins of `days` that are half full, and how many those are."""
    total, bins = 0.0, 0
    number, count, box = np.int64(-1), 0, 0.0
    for i in range(time.size + 1):
        here = np.int64(-2) if i == time.size else np.int64(np.floor((time[i] - time[0]) / days + shift))
        if here != number:
            if count >= 0.5 * expected and count > 0:
                total += box * box / count
                bins += 1
            number, count, box = here, 0, 0.0
        if i < time.size:
            box += flux[i] - level
            count += 1
    return (total / bins if bins else 0.0), bins


@njit(nogil=True)
def _beta(time, flux, level, sigma, days, cadence):
    expected = max(1.0, days / cadence)
    ratio, n = 0.0, 0
    # bins that start half a duration apart: a run of faint points split by one set of edges is whole in the other
    for shift in (0.0, 0.5):
        one, bins = _binned_scatter(time, flux, level, days, expected, shift)
        if bins >= 5:
            ratio += one
            n += 1
    if n == 0 or not sigma > 0:  # no scatter to compare with
        return 1.0
    return max(1.0, np.sqrt(ratio / n) / sigma)


@njit(nogil=True)
def _scatter(flux, level):
    return 1.4826 * median_of_many(np.abs(flux - level))


def red_noise_beta(time, flux, duration):
    """Scatter of the means of duration-long bins over the white-noise expectation, at least 1 (Winn et al. 2008).

    Parameters
    ----------
    time, flux : array, shape (N,), days and relative flux, out of transit
    duration : float, hours

    Returns
    -------
    float
    """
    if time.size < 3:
        return 1.0
    time, flux = np.ascontiguousarray(time, float), np.ascontiguousarray(flux, float)
    level = median_of_many(flux)
    return float(_beta(time, flux, level, _scatter(flux, level), duration / 24.0, float(np.median(np.diff(time)))))


@njit(nogil=True)
def _split(time, flux, free, period, epoch, half):
    """(which transit, flux) of the free points within `half` of a mid-transit; (time, flux) of those beyond 2 half."""
    n = time.size
    number, inside = np.empty(n, np.int64), np.empty(n)
    out_time, outside = np.empty(n), np.empty(n)
    n_in, n_out = 0, 0
    for i in range(n):
        if not free[i]:
            continue
        cycle = np.floor((time[i] - epoch) / period + 0.5)
        away = abs(time[i] - epoch - cycle * period)
        if away < half:
            number[n_in], inside[n_in] = np.int64(cycle), flux[i]
            n_in += 1
        elif away >= 2.0 * half:
            out_time[n_out], outside[n_out] = time[i], flux[i]
            n_out += 1
    return number[:n_in], inside[:n_in], out_time[:n_out], outside[:n_out]


def transit_numbers(time, period, epoch):
    """Which transit each point is nearest to (integer, 0 at `epoch`)."""
    return np.rint((time - epoch) / period).astype(np.int64)


def first_transit(time, period, epoch, duration):
    """The first mid-transit at which the light curve holds in-transit points."""
    number = transit_numbers(time, period, epoch)[in_transit(time, period, epoch, duration)]
    return epoch + period * number.min() if number.size else epoch


def measure_box(curve, period, epoch, duration, *, others=None):
    """Depth and red-noise significance of one ephemeris on a flattened light curve.

    Parameters
    ----------
    curve : Flattened
    period, epoch : float, days
    duration : float, hours
    others : array of bool, optional
        Points in the transits of other candidates, left out of everything.

    Returns
    -------
    dict or None
        depth, depth_err [ppm], snr, sigma, beta, n_transits, coverage, and `single`: (number, depth, SNR) of each
        transit with data. None where fewer than 2 points are inside or fewer than 10 outside.
    """
    days = duration / 24.0
    free = np.ones(curve.time.size, bool) if others is None else ~others
    number, inside, out_time, outside = _split(
        curve.time, curve.flux, free, float(period), float(epoch), min(0.5 * days, 0.5 * period)
    )
    if inside.size < 2 or outside.size < 10:
        return None
    cadence = curve.cadence
    middle = median_of_many(outside)
    sigma = _scatter(outside, middle)
    beta = float(_beta(out_time, outside, middle, sigma, days, cadence))
    if not sigma > 0:  # noiseless or coarsely digitised: no median deviation, but another scatter or stated errors
        scatters = np.std(outside), np.median(curve.flux_err)
        sigma = next((scatter for scatter in scatters if scatter > 0), np.nan)
    level = np.mean(outside)
    depth = level - np.mean(inside)
    depth_err = sigma * beta / np.sqrt(inside.size)

    wanted = max(1.0, SEEN * days / cadence)
    first = number.min()
    count = np.bincount(number - first)
    total = np.bincount(number - first, weights=inside)
    seen = count >= wanted
    mean = level - total[seen] / count[seen]
    single = np.column_stack([first + np.flatnonzero(seen), mean, mean * np.sqrt(count[seen]) / (sigma * beta)])
    begin, end = curve.time[0], curve.time[-1]
    expected = int(np.floor((end - epoch) / period) - np.ceil((begin - epoch) / period)) + 1
    return {
        "depth": 1e6 * depth,
        "depth_err": 1e6 * depth_err,
        "snr": depth / depth_err,
        "sigma": float(sigma),
        "beta": beta,
        "n_transits": int(seen.sum()),
        "coverage": min(1.0, seen.sum() / max(1, expected)),
        "single": single,
    }


def repeats(single):
    """Whether transits are those of one period: not one event alone, nor two bodies' events taken for one's.

    Parameters
    ----------
    single : array, shape (K, 3)
        Number, depth and SNR of each transit with data, as `measure_box` returns them.

    Returns
    -------
    bool
    """
    depth, snr = single[:, 1], single[:, 2]
    if snr.size < 2:
        return False
    rest = (snr.sum() - snr.max()) / np.sqrt(snr.size - 1)
    if rest < max(REST_SNR, REST_SHARE * snr.max()):
        return False
    if snr.size > FEW:  # half of them must show the dip: else the period is a part of the true one, or none
        return bool(np.median(depth) > LEAST_MEDIAN * np.mean(depth))
    error = np.abs(depth / np.where(snr == 0, np.nan, snr))
    error = np.where(np.isfinite(error), error, 0.0)
    weight = 1.0 / np.maximum(error, 1e-12) ** 2
    mean = np.sum(weight * depth) / np.sum(weight)
    pull = (depth - mean) / np.hypot(error, UNLIKE_SHARE * mean)
    return bool(np.sum(pull**2) / (snr.size - 1) < MAX_UNLIKE)


def line_errors(snr, duration, numbers, cadence):
    """(period_err, epoch_err) in days: a straight line through the mid-times of the transits that were seen.

    One mid-time is known to sqrt(T tau / 2) / SNR_1 (Carter et al. 2008, eq. 20, in the limit of a short ingress tau),
    SNR_1 that of one transit. A box knows no ingress: where it begins is blurred by the exposures, so tau is the longer
    of a cadence and a sixth of the duration (b = 0.5, radius ratio 0.1); and the box itself moves in steps of 1/20 of
    its duration, at worst uniform within one.
    """
    n = max(1, len(numbers))
    days = duration / 24.0
    ingress = max(cadence, days / 6)
    centre = np.sqrt(days * ingress / 2) / snr
    centre = np.hypot(centre, days / 20 / np.sqrt(12))
    spread = np.sum((numbers - np.mean(numbers)) ** 2) if n > 1 else 0.0
    period_err = centre * np.sqrt(n) / np.sqrt(spread) if spread > 0 else np.nan  # one transit: nobody knows
    # the epoch given is the first one, away from the middle where it is best known
    lever = np.mean(numbers) - np.min(numbers) if n > 1 else 0.0
    return float(period_err), float(np.hypot(centre, lever * period_err) if n > 1 else centre)
