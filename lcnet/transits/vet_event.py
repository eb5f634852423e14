"""One candidate and its light curve, folded and measured once for every vetting test.

All tests share what costs a pass over the points: which points belong to the candidate, their time from mid-transit,
the white noise, the depth of every single transit, and the scatter that the same measurement of depth has where there
is no transit. That last one is the error of a single depth, red noise included (Pont, Zucker & Queloz 2006): it is
measured, not modelled.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lcnet.core.jit import njit

__all__ = ["Event", "event_of"]

GUARD = 0.75  # durations from mid-transit within which a point may be in transit: the box is shorter than four contacts
INNER, OUTER = 0.75, 2.25  # durations: the local level is that of the points between, on both sides
MAX_POSITIONS = 3000  # places at which the depth of nothing is measured: its scatter is then known to 1.3 %
# Where the exposures fall in the ingress changes a box's mean depth by up to (depth at its edges - mean) / n at either
# edge, uniformly: 2 x 0.43 depth / (n sqrt 12) for edges half way down the ingress
SAMPLING = 0.25
DUMP = 0.05  # share of the event itself: ten minutes of three hours, a momentum dump; a cadence or two are nothing
RUBBLE = 0.25  # share of the two durations about a mid-transit that may be missing (Thompson et al. 2018)


@dataclass(frozen=True)
class Event:
    """A candidate, its points, and its transits one by one.

    Attributes
    ----------
    period, epoch, days : float, days
        Ephemeris and duration.
    depth : float
        Mean of the transits' own, relative flux: that of the box, as every dip here is measured.
    time, flux, raw, phase : array, shape (N,)
        The points outside other candidates' transits: days, flattened and unflattened relative flux, days from
        mid-transit.
    level, sigma : float
        Median and robust scatter of the points outside the transit.
    cadence : float, days
    single_error : float
        Scatter of the depth of one whole transit, measured where there is none.
    beta : float
        `single_error` over what white noise of scatter `sigma` would give, at least 1.
    number, points, seen, depths, errors : array, shape (K,)
        Of each transit with data: its number (0 at `epoch`), points, their share of what its cadence would give, depth
        (relative; NaN where another candidate's transit overlaps it) and its error.
    at_gap : array of bool, shape (K,)
        Whether much of its surroundings, or some of itself, is missing.
    gap_share : float
        Share of the light curve's places of which the same would be said.
    """

    period: float
    epoch: float
    days: float
    depth: float
    time: np.ndarray
    flux: np.ndarray
    raw: np.ndarray
    phase: np.ndarray
    level: float
    sigma: float
    cadence: float
    single_error: float
    beta: float
    number: np.ndarray
    points: np.ndarray
    seen: np.ndarray
    depths: np.ndarray
    errors: np.ndarray
    at_gap: np.ndarray
    gap_share: float


@njit(nogil=True)
def _own_points(time, flux, raw, period, epoch, days, others):
    """The points outside the transits of `others` (rows: period, epoch, half a width [d]), and their phase [d]."""
    t, f, r, p = np.empty(time.size), np.empty(time.size), np.empty(time.size), np.empty(time.size)
    n = 0
    for i in range(time.size):
        shifted = time[i] - epoch + 0.5 * period
        phase = shifted - period * np.floor(shifted / period) - 0.5 * period
        keep = True
        if abs(phase) >= 0.5 * days:  # in this one's transit it stays, whoever else is there
            for j in range(others.shape[0]):
                x = time[i] - others[j, 1] + 0.5 * others[j, 0]
                if abs(x - others[j, 0] * np.floor(x / others[j, 0]) - 0.5 * others[j, 0]) < others[j, 2]:
                    keep = False
                    break
        if keep:
            t[n], f[n], r[n], p[n] = time[i], flux[i], raw[i], phase
            n += 1
    return t[:n], f[:n], r[:n], p[:n]


@njit(nogil=True)
def _missing_time(time, cadence):
    """Running sum of the time without data up to every point [d]."""
    missing = np.zeros(time.size)
    for i in range(1, time.size):
        hole = time[i] - time[i - 1] - cadence[i]
        missing[i] = missing[i - 1] + (hole if hole > 0.5 * cadence[i] else 0.0)
    return missing


@njit(nogil=True)
def _missing_at(x, time, cadence, missing):
    """`missing` interpolated to any time; before the first and after the last point everything is missing."""
    n = time.size
    if x <= time[0]:
        return x - time[0]
    if x >= time[n - 1]:
        return missing[n - 1] + x - time[n - 1]
    i = np.searchsorted(time, x, side="right")
    return missing[i - 1] + min(missing[i] - missing[i - 1], max(0.0, x - time[i - 1] - 0.5 * cadence[i]))


@njit(nogil=True)
def _at_gap(centre, days, time, cadence, missing):
    """Whether RUBBLE of the two durations about `centre`, or DUMP of the event and three cadences, have no data."""
    i = min(np.searchsorted(time, centre), time.size - 1)
    about = _missing_at(centre + days, time, cadence, missing) - _missing_at(centre - days, time, cadence, missing)
    half = 0.5 * days
    inside = _missing_at(centre + half, time, cadence, missing) - _missing_at(centre - half, time, cadence, missing)
    return about > RUBBLE * 2.0 * days or inside > max(2.5 * cadence[i], DUMP * days)


@njit(nogil=True)
def _depth_at(centre, days, time, total, free_total, free_count):
    """(points inside, transit points inside, mean inside, level beside or NaN) of a box of `days` at `centre`."""
    a = np.searchsorted(time, centre - 0.5 * days)
    b = np.searchsorted(time, centre + 0.5 * days)
    if b <= a:
        return 0, 0, np.nan, np.nan
    inside = (total[b] - total[a]) / (b - a)
    taken = (b - a) - (free_count[b] - free_count[a])
    left_a = np.searchsorted(time, centre - OUTER * days)
    left_b = np.searchsorted(time, centre - INNER * days)
    right_a = np.searchsorted(time, centre + INNER * days)
    right_b = np.searchsorted(time, centre + OUTER * days)
    n_left = free_count[left_b] - free_count[left_a]
    n_right = free_count[right_b] - free_count[right_a]
    level = np.nan
    if n_left >= 0.5 * (b - a) and n_right >= 0.5 * (b - a):
        # the mean of the two sides' means: a slope across the window cancels, however unevenly they are filled
        left = (free_total[left_b] - free_total[left_a]) / n_left
        right = (free_total[right_b] - free_total[right_a]) / n_right
        level = 0.5 * (left + right)
    return b - a, taken, inside, level


@njit(nogil=True)
def _measure(time, flux, phase, period, epoch, days, level, all_time, cadence, typical):
    """Every transit's depth, and the depth of nothing all over the light curve, both with a local and a fixed level."""
    n = time.size
    total, free_total, free_count = np.zeros(n + 1), np.zeros(n + 1), np.zeros(n + 1)
    guard = min(GUARD * days, 0.3 * period)
    for i in range(n):
        free = abs(phase[i]) >= guard
        total[i + 1] = total[i] + (flux[i] - level)
        free_total[i + 1] = free_total[i] + (flux[i] - level if free else 0.0)
        free_count[i + 1] = free_count[i] + (1.0 if free else 0.0)
    missing = _missing_time(all_time, cadence)

    first = int(np.floor((time[0] - epoch) / period - 0.5)) + 1
    last = int(np.ceil((time[n - 1] - epoch) / period + 0.5)) - 1
    size = max(0, last - first + 1)
    number, points, share = np.zeros(size, np.int64), np.zeros(size), np.zeros(size)
    local, fixed, gap = np.full(size, np.nan), np.full(size, np.nan), np.zeros(size, np.bool_)
    found = 0
    for k in range(first, last + 1):
        centre = epoch + k * period
        inside_n, _, inside, beside = _depth_at(centre, days, time, total, free_total, free_count)
        here = min(np.searchsorted(all_time, centre), all_time.size - 1)
        if inside_n < max(1.0, 0.3 * days / cadence[here]):
            continue
        number[found], points[found], share[found] = k, inside_n, inside_n * cadence[here] / days
        local[found], fixed[found] = beside - inside, -inside
        gap[found] = _at_gap(centre, days, all_time, cadence, missing)
        found += 1

    places = int(2.0 * (time[n - 1] - time[0]) / days)
    stride = 0.5 * days * max(1.0, places / MAX_POSITIONS)
    places = int((time[n - 1] - time[0]) / stride)
    null_local, null_fixed = np.full(places, np.nan), np.full(places, np.nan)
    seen, near = 0, 0
    for j in range(places):
        centre = time[0] + (j + 0.5) * stride
        inside_n, taken, inside, beside = _depth_at(centre, days, time, total, free_total, free_count)
        if inside_n < max(1.0, 0.3 * typical):
            continue
        seen += 1
        near += _at_gap(centre, days, all_time, cadence, missing)
        if taken == 0:
            scale = np.sqrt(inside_n / typical)  # to that of a whole transit
            null_local[j], null_fixed[j] = (beside - inside) * scale, -inside * scale
    return (
        number[:found],
        points[:found],
        share[:found],
        local[:found],
        fixed[:found],
        gap[:found],
        null_local[np.isfinite(null_local)],
        null_fixed[np.isfinite(null_fixed)],
        near / max(1, seen),
    )


def _overlapped(centres, days, others):
    """Which transits meet one of another candidate; none where most do, being of one system of eclipses."""
    overlapped = np.zeros(centres.size, bool)
    for period, epoch, half in others:
        offset = np.abs((centres - epoch + 0.5 * period) % period - 0.5 * period)
        overlapped |= offset < half + 0.5 * days
    return overlapped if overlapped.sum() <= 0.5 * centres.size else np.zeros(centres.size, bool)


def _scatter(values):
    """Robust standard deviation about zero: half of the values lie within 0.6745 of it."""
    return 1.4826 * float(np.median(np.abs(values))) if values.size >= 8 else np.nan


def _cadences(time, segment):
    """Each point's cadence [d], the median step of its segment (sectors may differ in exposure), and the commonest."""
    step = np.diff(time, prepend=2 * time[0] - time[1])
    cadence = np.empty(time.size)
    edges = np.flatnonzero(np.diff(segment)) + 1
    overall = float(np.median(step))
    for a, b in zip(np.r_[0, edges], np.r_[edges, time.size], strict=True):
        typical = float(np.median(step[a + 1 : b])) if b - a > 10 else overall
        cadence[a:b] = typical if typical > 0 else overall
    return cadence, overall


def event_of(search, index, *, mask_width=2.0):
    """Fold and measure one candidate of a search.

    Parameters
    ----------
    search : Search
        Its light curve and candidates (periods and epochs in days, durations in hours, depths in ppm).
    index : int
        0-based.
    mask_width : float
        Points within this many half durations of other candidates' mid-transits are left out; those of a harmonic
        stay, being the same body.

    Returns
    -------
    Event

    Raises
    ------
    ValueError
        Fewer than 20 points, or none outside the transit.
    """
    this = search.candidates[index]
    linked = {this.harmonic_of - 1} | {k for k, other in enumerate(search.candidates) if other.harmonic_of == index + 1}
    others = [
        # at most half of its orbit: a junk candidate can be as long as its period
        (other.period, other.epoch, min(0.5 * mask_width * other.duration / 24.0, 0.25 * other.period))
        for k, other in enumerate(search.candidates)
        if k != index and k not in linked
    ]
    period, epoch, days = float(this.period), float(this.epoch), float(this.duration) / 24.0
    all_time = np.ascontiguousarray(search.time, float)
    if all_time.size < 20:
        raise ValueError(f"{all_time.size} points, at least 20 are needed to vet a candidate")
    columns = (np.ascontiguousarray(column, float) for column in (search.flux, search.raw_flux))
    rows = np.array(others, float).reshape(-1, 3)
    time, flux, raw, phase = _own_points(all_time, *columns, period, epoch, days, rows)
    guard = min(GUARD * days, 0.3 * period)
    outside = flux[np.abs(phase) >= guard]
    if outside.size < 10:
        raise ValueError("fewer than 10 points outside the transit: its depth has nothing to be compared with")
    level = float(np.median(outside))
    sigma = 1.4826 * float(np.median(np.abs(outside - level)))
    if not sigma > 0:  # coarsely digitised or noiseless: half of the points are equal
        sigma = float(np.std(outside)) or float(np.median(search.flux_err)) or np.nan
    cadence, common = _cadences(all_time, np.asarray(search.segment))
    typical = days / common  # points of a whole transit
    number, points, share, local, fixed, at_gap, null_local, null_fixed, gap_share = _measure(
        time, flux, phase, period, epoch, days, level, all_time, cadence, typical
    )
    white = sigma / np.sqrt(max(1.0, typical))
    # the level beside a transit has an error of its own, so even white noise gives a little more than `white`
    error_local, error_fixed = (np.fmax(_scatter(null), white) for null in (null_local, null_fixed))
    # drifts longer than a transit cancel in the local level, short-period stars have no room for one
    overlapped = _overlapped(epoch + period * number, days, rows)
    use_local = np.isfinite(local) & (error_local <= 1.5 * error_fixed)
    scale = np.sqrt(np.maximum(1.0, typical) / points)
    depths = np.where(use_local, local, fixed)
    known = np.isfinite(depths) & ~overlapped
    depth = float(np.average(depths[known], weights=points[known])) if known.any() else float(this.depth) * 1e-6
    errors = np.hypot(np.where(use_local, error_local, error_fixed) * scale, SAMPLING * abs(depth) / points)
    single_error = float(error_local if use_local.mean() > 0.5 else error_fixed) if points.size else float(error_fixed)
    return Event(
        period=period,
        epoch=epoch,
        days=days,
        depth=depth,
        time=time,
        flux=flux,
        raw=raw,
        phase=phase,
        level=level,
        sigma=sigma,
        cadence=common,
        single_error=single_error,
        beta=max(1.0, float(error_fixed / white)) if white > 0 else 1.0,
        number=number,
        points=points,
        seen=share,
        depths=np.where(overlapped, np.nan, depths),
        errors=errors,
        at_gap=at_gap,
        gap_share=float(gap_share),
    )
