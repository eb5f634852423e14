"""Global, local, secondary and odd-even views of a folded light curve, the inputs of the transit networks.

A view is the light curve folded at the candidate's period, cut to a window about the event, reduced to a fixed number
of overlapping bins by the median, and scaled so that its median is 0 and its deepest bin -1. Two presets: "tess" (Yu et
al. 2019) has 201, 61 and 61 bins, and twice 61 for odd beside even transits; "kepler" (AstroNet, Shallue & Vanderburg
2018) 2001 and 201 for four years of data.

The kernel drops every point into the bins it belongs to (a counting sort) and selects each bin's median in place, so
its cost is linear in the points: no sort of the folded curve.

References
----------
Yu et al. 2019, AJ 158, 25; Shallue & Vanderburg 2018, AJ 155, 94.
"""

from __future__ import annotations

import numpy as np

from lcnet.core.jit import njit
from lcnet.transits.ephemeris import check_ephemeris, ephemeris_of
from lcnet.transits.medians import median, median_of_many

__all__ = ["find_secondary", "fold", "make_views", "median_bins", "views"]

GLOBAL_BINS, GLOBAL_WIDTH = 201, 1.2  # width in units of P / 201
LOCAL_BINS, LOCAL_WIDTH, LOCAL_SPAN = 61, 0.16, 2.0  # width and half-window in durations
SECONDARY_SPAN = 4.0
BRIGHT_SIGMA = 5.0
# Shallue & Vanderburg 2018, section 3.3: the global bins do not overlap, the local ones are 0.16 durations wide
KEPLER_GLOBAL_BINS, KEPLER_LOCAL_BINS, KEPLER_LOCAL_SPAN = 2001, 201, 4.0


def fold(time, period, epoch):
    """Time from the nearest mid-transit, in days, in [-period/2, period/2).

    Parameters
    ----------
    time : array, shape (N,), days
    period, epoch : float, days

    Returns
    -------
    array, shape (N,), days
    """
    return _fold(np.atleast_1d(np.asarray(time, float)), float(period), float(epoch))


@njit(nogil=True)
def _fold(time, period, epoch):
    phase = np.empty(time.size)
    for i in range(time.size):
        shifted = time[i] - epoch + 0.5 * period
        phase[i] = shifted - period * np.floor(shifted / period) - 0.5 * period
    return phase


@njit(nogil=True)
def _median_bins(x, y, start, spacing, width, n_bins):
    """Median of `y` in bins [start + j spacing, start + j spacing + width); NaN where a bin is empty."""
    first = np.empty(x.size, np.int32)
    last = np.empty(x.size, np.int32)
    offset = np.zeros(n_bins + 1, np.int64)
    end = start + (n_bins - 1) * spacing + width
    scale = 1.0 / spacing
    for i in range(x.size):
        if not start <= x[i] < end:
            first[i], last[i] = 0, -1
            continue
        # the quotients can be off by one in the last digit: the comparisons below are what decides
        low = max(0, int(np.floor((x[i] - start - width) * scale)))
        high = min(n_bins - 1, int((x[i] - start) * scale) + 1)
        while low <= high and x[i] >= start + low * spacing + width:
            low += 1
        while high >= low and x[i] < start + high * spacing:
            high -= 1
        first[i], last[i] = low, high
        for j in range(low, high + 1):
            offset[j + 1] += 1
    for j in range(n_bins):
        offset[j + 1] += offset[j]
    members = np.empty(offset[n_bins], y.dtype)
    filled = offset[:-1].copy()
    for i in range(x.size):
        for j in range(first[i], last[i] + 1):
            members[filled[j]] = y[i]
            filled[j] += 1
    medians = np.full(n_bins, np.nan)
    for j in range(n_bins):
        if offset[j + 1] > offset[j]:
            medians[j] = median(members, offset[j], offset[j + 1])
    return medians


def median_bins(x, y, low, high, n_bins, width):
    """Medians of `y` in `n_bins` bins of one width, spread evenly with the outer edges on the window's.

    Parameters
    ----------
    x, y : array, shape (N,)
    low, high : float
        The window, in the unit of `x`.
    n_bins : int
    width : float
        Width of a bin in the unit of `x`; more than (high - low) / n_bins makes them overlap.

    Returns
    -------
    array, shape (n_bins,)
        NaN where a bin holds no point.
    """
    spacing = (high - low - width) / (n_bins - 1)
    return _median_bins(np.ascontiguousarray(x, float), np.ascontiguousarray(y, float), low, spacing, width, n_bins)


STEPS = 10  # a duration, of the sliding box


@njit(nogil=True)
def _slide_box(since, flux, masked, level, low, high, duration):
    """Centre of the box, between `low` and `high`, of largest depth x sqrt(points); NaN where none is below `level`.

    The box moves by a tenth of its width, so its sum is that of ten cells.
    """
    step = duration / STEPS
    edge = low - 0.5 * duration
    n_cells = int(np.ceil((high - low + duration) / step)) + 1
    total = np.zeros(n_cells)
    count = np.zeros(n_cells)
    for i in range(since.size):
        if not masked[i]:
            cell = int((since[i] - edge) / step)
            if 0 <= cell < n_cells:
                total[cell] += flux[i] - level
                count[cell] += 1
    best_centre, best_power = np.nan, 0.0
    box, n = 0.0, 0.0
    for k in range(n_cells):
        box += total[k]
        n += count[k]
        if k >= STEPS:
            box -= total[k - STEPS]
            n -= count[k - STEPS]
        centre = edge + (k + 1) * step - 0.5 * duration
        if k >= STEPS - 1 and n > 0.5 and box < 0 and centre <= high:
            power = -box / np.sqrt(n)
            if power > best_power:
                best_centre, best_power = centre, power
    return best_centre


@njit(nogil=True)
def _kept(values, keep):
    """values[keep], several times faster than numba's own."""
    out = np.empty(values.size)
    n = 0
    for i in range(values.size):
        out[n] = values[i]
        n += keep[i]
    return out[:n]


@njit(nogil=True)
def _secondary(phase, flux, period, days):
    """(offset of the strongest dip from mid-transit, which points were masked about the primary)."""
    guard = max(days * (0.5 if period < 1 else 1.0), 0.1 * period)
    masked = np.abs(phase) < guard
    since = np.where(phase < 0, phase + period, phase)
    rest = _kept(flux, ~masked)
    if rest.size == 0:
        return np.nan, masked
    level = median_of_many(rest)
    return _slide_box(since, flux, masked, level, guard, period - guard, days), masked


def find_secondary(time, flux, period, epoch, duration):
    """Where the strongest dip beside the transit lies.

    Points with |time from mid-transit| < 1 duration (0.5 where P < 1 d) or < 0.1 P are masked; a box of the transit's
    duration slides over the rest in steps of a tenth of it; the strongest is the one of largest depth x sqrt(points).

    Parameters
    ----------
    time, flux : array, shape (N,), days and relative flux
    period, epoch : float, days
    duration : float, hours

    Returns
    -------
    offset : float, days
        From mid-transit to mid-secondary, in (0, period); NaN when no box lies below the median.
    masked : array of bool, shape (N,)
        The points masked about the primary.
    """
    return _secondary(fold(time, period, epoch), np.asarray(flux, float), float(period), duration / 24.0)


@njit(nogil=True)
def _view(phase, flux, half_window, n_bins, width, period, fill):
    """Median bins over +-half_window, median 0, minimum -1; and whether any held a point.

    Empty bins get `fill`, or where that is NaN a straight line between their neighbours.
    """
    half_window = min(half_window, 0.5 * period)
    view = _median_bins(phase, flux, -half_window, (2 * half_window - width) / (n_bins - 1), width, n_bins)
    filled = np.flatnonzero(np.isfinite(view))
    if filled.size == 0:
        return np.zeros(n_bins, np.float32), False
    if filled.size < n_bins and np.isfinite(fill):
        view = np.where(np.isfinite(view), view, fill)
    elif filled.size < n_bins:
        view = np.interp(np.arange(n_bins), filled, view[filled])
    view = view - np.median(view)
    depth = -view.min()
    return (view / depth if depth > 0 else np.zeros(n_bins)).astype(np.float32), True


@njit(nogil=True)
def _odd_even(time, flux, period, epoch, days):
    """Close-ups of the odd and of the even transits, one after the other, on one scale: common median 0, minimum -1.

    NaN throughout where either has no point in transit: the comparison cannot be made.
    """
    half_window, width = min(LOCAL_SPAN * days, 0.5 * period), LOCAL_WIDTH * days
    spacing = (2 * half_window - width) / (LOCAL_BINS - 1)
    view = np.full(2 * LOCAL_BINS, np.nan)
    for parity in range(2):
        phase = _fold(time, 2 * period, epoch + parity * period)
        if np.abs(phase).min() > 0.5 * days:
            return np.full(2 * LOCAL_BINS, np.nan).astype(np.float32)
        one = _median_bins(phase, flux, -half_window, spacing, width, LOCAL_BINS)
        filled = np.flatnonzero(np.isfinite(one))
        if filled.size == 0:
            return np.full(2 * LOCAL_BINS, np.nan).astype(np.float32)
        if filled.size < LOCAL_BINS:
            one = np.interp(np.arange(LOCAL_BINS), filled, one[filled])
        view[parity * LOCAL_BINS : (parity + 1) * LOCAL_BINS] = one
    view = view - np.median(view)
    depth = -view.min()
    return (view / depth if depth > 0 else np.zeros(2 * LOCAL_BINS)).astype(np.float32)


@njit(nogil=True)
def _views(time, flux, period, epoch, days):
    """The four views and whether each holds points, of finite arrays; odd-even is never said to be empty."""
    centre = median_of_many(flux)
    sigma = 1.4826 * median_of_many(np.abs(flux - centre))
    keep = flux <= (centre + BRIGHT_SIGMA * sigma if sigma > 0 else np.inf)
    time, flux = _kept(time, keep), _kept(flux, keep)
    phase = _fold(time, period, epoch)
    whole = _view(phase, flux, 0.5 * period, GLOBAL_BINS, GLOBAL_WIDTH * period / GLOBAL_BINS, period, np.nan)
    local = _view(phase, flux, LOCAL_SPAN * days, LOCAL_BINS, LOCAL_WIDTH * days, period, np.nan)
    offset, masked = _secondary(phase, flux, period, days)
    if np.isfinite(offset):
        shifted = _fold(_kept(time, ~masked), period, epoch + offset)
        rest = _kept(flux, ~masked)
        second = _view(shifted, rest, SECONDARY_SPAN * days, LOCAL_BINS, LOCAL_WIDTH * days, period, np.nan)
    else:
        second = np.zeros(LOCAL_BINS, np.float32), not masked.all()
    return whole, local, second, (_odd_even(time, flux, period, epoch, days), True)


@njit(nogil=True)
def _kepler_views(time, flux, period, epoch, days):
    """AstroNet's two views and whether each holds points; an empty bin is the median of the whole curve."""
    phase, level = _fold(time, period, epoch), median_of_many(flux)
    n = KEPLER_GLOBAL_BINS
    whole = _view(phase, flux, 0.5 * period, n, period / n, period, level)
    half_window = KEPLER_LOCAL_SPAN * days
    return whole, _view(phase, flux, half_window, KEPLER_LOCAL_BINS, LOCAL_WIDTH * days, period, level)


_PRESETS = {
    "tess": (_views, ("global_view", "local_view", "secondary_view", "odd_even_view")),
    "kepler": (_kepler_views, ("global_view", "local_view")),
}


def _preset(kind):
    """The kernel and the names of its views."""
    if kind not in _PRESETS:
        raise ValueError(f"unknown kind of views {kind!r}: there is {' and '.join(map(repr, _PRESETS))}")
    return _PRESETS[kind]


def make_views(time, flux, period, epoch, duration, *, kind="tess"):
    """The views of one event.

    Parameters
    ----------
    time : array, shape (N,), days
    flux : array, shape (N,)
        Flattened relative flux, the event's own transits masked when the trend was estimated (else the trend eats
        into the dip and the views are not what the networks were trained on). Non-finite points are left out.
    period, epoch : float, days
    duration : float, hours
    kind : {"tess", "kepler"}

    Returns
    -------
    views : dict of array, float32
        Of "tess" (Yu et al. 2019): ``global_view`` (201,): bins of width 1.2 P / 201 over the whole orbit;
        ``local_view`` (61,): bins of width 0.16 duration over +-2 durations; ``secondary_view`` (61,): bins of width
        0.16 duration over +-4 durations about the strongest dip elsewhere in the orbit, the primary masked;
        ``odd_even_view`` (122,): the local view of the odd transits, then of the even ones (the one at `epoch` is odd),
        on one scale; NaN throughout, which a network takes as missing, where either has no point in transit. Points
        over 5 sigma bright are left out, empty bins interpolated.
        Of "kepler" (Shallue & Vanderburg 2018): ``global_view`` (2001,): bins of width P / 2001; ``local_view`` (201,):
        bins of width 0.16 duration over +-4 durations. An empty bin is the median of the whole light curve.
        Each view has median 0 and minimum -1.
    flags : tuple of str
        ``empty_<view>`` for a view without a point, ``flat_<view>`` for one with nothing below its median; such a view
        is zeros.

    Raises
    ------
    ValueError
        Unknown kind, period or duration not positive and finite, duration >= period, or no finite point.
    """
    kernel, names = _preset(kind)
    check_ephemeris(period, epoch, duration)
    time, flux = np.asarray(time, float), np.asarray(flux, float)
    finite = np.isfinite(time) & np.isfinite(flux)
    if not finite.any():
        raise ValueError("no finite point in the light curve")
    if not finite.all():
        time, flux = time[finite], flux[finite]
    made = kernel(np.ascontiguousarray(time), np.ascontiguousarray(flux), float(period), float(epoch), duration / 24.0)
    made = dict(zip(names, made, strict=True))
    flags = tuple(
        f"{'flat' if has_points else 'empty'}_{name}" for name, (view, has_points) in made.items() if not view.any()
    )
    return {name: view for name, (view, _) in made.items()}, flags


def views(lc, period, epoch, duration, kind="tess"):
    """The views of one event of a lightkurve light curve, as a network takes them.

    Parameters
    ----------
    lc : lightkurve.LightCurve or LightCurveCollection
        Raw, or as `transits.flatten` returns it. A raw one is flattened here with the event's transits masked, which is
        what the networks' training views were made from.
    period : float or Quantity, days
    epoch : float or Quantity, days
        A mid-transit, in the light curve's own time system or as full BJD.
    duration : float or Quantity, hours
        First to fourth contact.
    kind : {"tess", "kepler"}
        The preset of Yu et al. (2019), which the shipped network takes, also for Kepler light curves; or AstroNet's.

    Returns
    -------
    dict of array, float32
        "tess": ``global_view`` (201,), ``local_view`` (61,), ``secondary_view`` (61,), ``odd_even_view`` (122,);
        "kepler": ``global_view`` (2001,), ``local_view`` (201,). For `predict` add the axis of examples:
        ``net.predict({name: view[None] for name, view in views.items()})``.

    Raises
    ------
    ValueError
        Unknown kind, an impossible ephemeris, or no usable point.
    """
    _preset(kind)  # before the light curve is flattened
    from lcnet.transits.flatten import flatten, is_flat

    ephemeris = ephemeris_of(lc, period, epoch, duration)
    if not is_flat(lc):
        lc = flatten(lc, period=ephemeris[0], epoch=ephemeris[1], duration=ephemeris[2])
    made, _ = make_views(np.asarray(lc.time.value, float), np.asarray(lc.flux.value, float), *ephemeris, kind=kind)
    return made
