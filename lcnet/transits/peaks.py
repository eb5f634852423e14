"""The strongest separate periods of a box search, refined on the light curve itself, and the transits they rest on.

A coarse search says roughly where the peaks are; their order among themselves is uncertain by its losses. So more
peaks than are wanted are improved in a cheap way, which looks only at the points about the predicted transits: they are
gathered into phase bins of a twelfth of the duration, in up to 32 stretches of time that are then moved against each
other for a range of periods (as is done for pulsars: Ransom, Eikenberry & Middleditch 2002). The best of them are
searched at their improved periods with the exact engine and all trial durations.

A box that rests on one event is no period. Each refined peak is taken apart into its transits, and ranks by the lesser
of its power and what its transits other than the strongest promise for all of them, sqrt(n/(n-1)) x their SNR: for n
equal transits that is its power; for one deep event among noise, little.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from lcnet.core.jit import njit
from lcnet.transits.boxes import exact_boxes
from lcnet.transits.medians import median

__all__ = ["N_PEAKS", "Peak", "Place", "find_peaks", "put_in"]

N_PEAKS = 10  # refined exactly
SHORTLIST = 3  # times as many are improved on the points about their transits
PHASE_BINS = 12  # a duration, for that
STRETCHES = 32  # of time, moved against each other
DRIFTS = 8  # periods tried for each duration of drift over the baseline, and at most so many either way
MOST_DRIFTS = 40
STRETCHED = (7, 8, 10, 12, 14, 17)  # widths tried, in those bins: 0.6 to 1.4 of the duration found
# Periods of the exact search, a twelfth of a duration apart: where its bins begin moves its power by some percent, as
# it does from one trial to the next in the exact engine. The peaks behind the first few get one.
TRIES = 3
FIRST = 4
SEEN = 0.2  # a transit counts as seen with this much of the best-covered one's weight
ONE_EVENT = 0.5  # the other transits together below this much of the strongest: one event


@dataclass(frozen=True)
class Peak:
    """One refined period.

    Attributes
    ----------
    index : int
        Of the period in the search's arrays.
    period, epoch : float, days
    duration : float, hours
    depth, depth_err : float, relative
    power : float
    n_transits : int
        Transits that hold data.
    n_effective : float
        (sum w)^2 / sum w^2 over the transits' weights: less than `n_transits` where some are half covered or noisy.
    strongest, rest : float
        SNR of the strongest single transit, and of all others together (white noise).
    score : float
        What peaks are ranked by: `power` (as SNR), or less where the other transits do not bear it out.
    kind : {"periodic", "two_transits", "single_transit"}
    """

    index: int
    period: float
    epoch: float
    duration: float
    depth: float
    depth_err: float
    power: float
    n_transits: int
    n_effective: float
    strongest: float
    rest: float
    score: float
    kind: str


@dataclass(frozen=True)
class Place:
    """What the refinement needs to know of a stretch of the period grid.

    Attributes
    ----------
    first, last : int
        The grid's indices [first, last).
    blocks : array of int
        Where blocks of neighbouring periods begin, counted from `first`; one peak a block at most.
    drift : float, days
        How far the last transit may move from one trial period to the next.
    duration : array, hours
        The trial durations of the exact search.
    low, high : float, days
        Limits of the refined period.
    """

    first: int
    last: int
    blocks: np.ndarray
    drift: float
    duration: np.ndarray
    low: float
    high: float


@njit(nogil=True)
def _first_after(time, moment):
    """Index of the first of the ascending `time` not before `moment`."""
    low, high = 0, time.size
    while low < high:
        middle = (low + high) // 2
        if time[middle] < moment:
            low = middle + 1
        else:
            high = middle
    return low


@njit(nogil=True, error_model="numpy")
def _improve(time, sums, trial, since, days, drift):
    """(power, period, since, days) of the best box near a given one, from the points about its transits.

    `sums` (N, 2) holds s and w as in `folding`; `drift` [d] is how far the first and the last transit may move against
    each other, either way.
    """
    size = days / PHASE_BINS
    half = 1.25 * days + 0.5 * drift
    n_bins = int(2 * half / size) + 1
    last_time = time[-1]
    n_first = int(np.ceil((-half - since) / trial))
    count = int(np.floor((last_time + half - since) / trial)) - n_first + 1
    stretches = min(count, STRETCHES)
    part = np.zeros((stretches, 2 * n_bins))
    weight, moment = np.zeros(stretches), np.zeros(stretches)
    for n in range(count):
        begin = since + (n_first + n) * trial - half
        g = n * stretches // count
        i = _first_after(time, begin)
        while i < time.size:
            k = int((time[i] - begin) / size)
            if k >= n_bins:
                break
            part[g, 2 * k] += sums[i, 0]
            part[g, 2 * k + 1] += sums[i, 1]
            weight[g] += sums[i, 1]
            moment[g] += sums[i, 1] * n
            i += 1
    total = weight.sum()
    if not total > 0:
        return 0.0, trial, since, days
    centre = moment.sum() / total
    profile = np.empty(2 * n_bins)
    best, best_step, best_mid, best_days = 0.0, 0.0, half, days
    tries = min(int(np.ceil(drift / (days / DRIFTS))), MOST_DRIFTS)
    for q in range(-tries, tries + 1):
        step = drift * q / tries * trial / last_time
        profile[:] = 0.0
        for g in range(stretches):
            if weight[g] > 0:
                shift = 2 * int(np.rint((moment[g] / weight[g] - centre) * step / size))
                low, high = max(0, -shift), min(2 * n_bins, 2 * n_bins - shift)
                if high > low:
                    for k in range(high - low):
                        profile[low + k] += part[g, low + shift + k]
        for k in range(2, 2 * n_bins):
            profile[k] += profile[k - 2]
        for width in STRETCHED:
            for k in range(width, n_bins):
                s = profile[2 * k] - profile[2 * (k - width)]
                w = profile[2 * k + 1] - profile[2 * (k - width) + 1]
                if s < 0 and s * s > best * w * (1 - w) and w > 0:
                    best = s * s / (w * (1 - w))
                    best_step, best_days = step, width * size
                    best_mid = (k + 1 - 0.5 * width) * size
    middle = since + (n_first + centre) * trial + best_mid - half
    period = trial + best_step
    return best, period, (middle - (n_first + centre) * period) % period, best_days


@njit(nogil=True, error_model="numpy")
def _transits(time, sums, period, since, days):
    """(transits with data, effective number, SNR of the strongest, SNR of all others) of one box."""
    n_first = int(np.ceil((-0.5 * days - since) / period))
    count = max(int(np.floor((time[-1] + 0.5 * days - since) / period)) - n_first + 1, 1)
    s, w = np.zeros(count), np.zeros(count)
    for n in range(count):
        begin = since + (n_first + n) * period - 0.5 * days
        i = _first_after(time, begin)
        while i < time.size and time[i] < begin + days:
            s[n] += sums[i, 0]
            w[n] += sums[i, 1]
            i += 1
    top, seen, strongest, at = w.max(), 0, 0.0, 0
    for n in range(count):
        if w[n] > SEEN * top:
            seen += 1
        if w[n] > 0 and -s[n] / np.sqrt(w[n]) > strongest:
            strongest, at = -s[n] / np.sqrt(w[n]), n
    s_rest, w_rest = s.sum() - s[at], w.sum() - w[at]
    rest = -s_rest / np.sqrt(w_rest) if w_rest > 1e-9 * top else 0.0
    effective = w.sum() ** 2 / (w**2).sum() if top > 0 else 0.0
    return seen, effective, strongest, max(rest, 0.0)


@njit(nogil=True, error_model="numpy")
def _improve_all(time, sums, first, limits, out):
    """`_improve` each of `first` (trial, since, days, drift), and what its other transits say of it.

    `out` gets power, period (within `limits`), days, transits seen and the SNR of all but the strongest.
    """
    for k in range(first.shape[0]):
        power, period, since, days = _improve(time, sums, first[k, 0], first[k, 1], first[k, 2], first[k, 3])
        seen, _, _, rest = _transits(time, sums, period, since, days)
        period = min(max(period, limits[k, 0]), limits[k, 1])
        out[k, 0], out[k, 1], out[k, 2], out[k, 3], out[k, 4] = power, period, days, seen, rest


@njit(nogil=True, error_model="numpy")
def _exact_all(time, sums, peaks, limits, hours, edges, oversample, likelihood, out):
    """The exact box of each of `peaks` (period, days, tries), at the best of so many periods that a box of those days
    hardly tells apart, and its transits.

    The trial durations of peak k are hours[edges[k]:edges[k + 1]]. `out` gets period, mid-transit since the first
    point, width [d], s, w, transits seen, their effective number, SNR of the strongest and of the rest.
    """
    for k in range(peaks.shape[0]):
        period, found, tries = peaks[k, 0], peaks[k, 1], int(peaks[k, 2])
        days = hours[edges[k] : edges[k + 1]] / 24.0
        size = days.min() / oversample
        widths = np.floor(days / size + 0.5).astype(np.int64)
        trial, power, box = np.empty(tries), np.empty(tries), np.empty((tries, 4))
        for i in range(tries):
            near = (i - tries // 2) * found / PHASE_BINS
            trial[i] = min(max(period * (1 + near / time[-1]), limits[k, 0]), limits[k, 1])
        exact_boxes(time, sums, trial, widths, size, 1, int(widths.max()), likelihood, power, box)
        best = int(np.argmax(power))
        period, width = trial[best], widths[int(box[best, 1])] * size
        since = (box[best, 0] * size + 0.5 * width) % period
        out[k, 0], out[k, 1], out[k, 2], out[k, 3], out[k, 4] = period, since, width, box[best, 2], box[best, 3]
        out[k, 5], out[k, 6], out[k, 7], out[k, 8] = _transits(time, sums, period, since, width)


@njit(nogil=True)
def _apart(period, days, baseline):
    """Which of the peaks, the strongest first, are not the same as one before them."""
    alone = np.zeros(period.size, np.bool_)
    for i in range(period.size):
        alone[i] = True
        for k in range(i):
            if alone[k] and not abs(period[i] - period[k]) * baseline / period[i] > days[i] + days[k]:
                alone[i] = False
                break
    return alone


# these two are over before another thread could wake up: they keep the interpreter
@njit
def _separate(order, period, duration, baseline, wanted, chosen, n_chosen):
    """Add to `chosen` the first of `order` that are no neighbours of those chosen; how many there are then.

    Neighbours drift apart by less than the sum of their durations over the baseline: the same transits make them.
    """
    for i in order:
        if n_chosen >= wanted:
            break
        alone = True
        for other in chosen[:n_chosen]:
            apart = abs(period[i] - period[other]) * baseline / max(period[i], period[other])
            if apart < (duration[i] + duration[other]) / 24.0:
                alone = False
                break
        if alone:
            chosen[n_chosen] = i
            n_chosen += 1
    return n_chosen


@njit
def _tops(power, edges):
    """(where, height) of the maximum of each stretch between `edges`, their median, and the scatter about it."""
    n = edges.size - 1
    where, highest = np.empty(n, np.int64), np.empty(n)
    for k in range(n):
        at = edges[k]
        for i in range(edges[k] + 1, edges[k + 1]):
            if power[i] > power[at]:
                at = i
        where[k], highest[k] = at, power[at]
    work = highest.copy()
    level = median(work, 0, n)
    return where, highest, level, 1.4826 * median(np.abs(highest - level), 0, n)


def _shortlist(search, places, baseline, wanted):
    """Indices of separate peaks: half of them the strongest, half those that stand out most in their own octave.

    Few transits make a noisy fold, so without the second half a search of years would look only at its long end.
    """
    tops, excess = [], []
    for place in places:
        power = search.power[place.first : place.last]
        where, highest, level, spread = _tops(power, np.append(place.blocks, power.size))
        # of each place no more blocks than could be wanted
        some = np.argpartition(highest, -wanted)[-wanted:] if highest.size > wanted else np.arange(highest.size)
        some = some[highest[some] > 0]
        tops.append(place.first + where[some])
        excess.append((highest[some] - level) / spread if spread > 0 else np.zeros(some.size))
    tops, excess = np.concatenate(tops), np.concatenate(excess)
    chosen = np.empty(wanted, np.int64)
    n = 0
    for order, limit in ((tops[np.argsort(-search.power[tops])], wanted // 2), (tops[np.argsort(-excess)], wanted)):
        n = _separate(order, search.period, search.duration, baseline, limit, chosen, n)
    return chosen[:n]


def find_peaks(time, sums, search, places, *, zero, total, oversample, n_peaks=N_PEAKS):
    """The strongest separate periods of a search, refined.

    Parameters
    ----------
    time : array, shape (N,), days since the first point, ascending
    sums : array, shape (N, 2)
        Of each point weight x (flux - mean) x sqrt(W) and weight, the weights divided by their sum W.
    search : BoxSearch
    places : list of Place
        The stretches that make up its grid.
    zero : float, days
        The time of the first point in the search's epochs.
    total : float
        W.
    oversample : int
        Phase bins in the shortest trial duration of the exact search.
    n_peaks : int

    Returns
    -------
    tuple of Peak
        Best first.
    """
    baseline = time[-1]
    chosen = _shortlist(search, places, baseline, SHORTLIST * n_peaks)
    ends = np.array([place.last for place in places])
    places = [places[number] for number in np.searchsorted(ends, chosen, side="right")]
    # the rounded moves of log2(R) halvings add up: the best coarse trial may be some trials away from the period
    trial = search.period[chosen]
    reach = np.array([place.drift for place in places]) * (1 + 0.25 * np.log2(baseline / trial))
    first = np.column_stack([trial, search.epoch[chosen] - zero, search.duration[chosen] / 24.0, reach])
    limits = np.array([(place.low, place.high) for place in places]).reshape(-1, 2)
    out = np.empty((len(places), 5))
    _improve_all(time, sums, first, limits, out)
    improved = []
    # of peaks that have moved onto each other, the strongest
    order = np.argsort(-out[:, 0], kind="stable")
    order = order[_apart(out[order, 1], out[order, 2], baseline)]
    for number, (power, period, days, seen, rest) in zip(order.tolist(), out[order].tolist(), strict=True):
        # a fold in which nothing dips gives a rounding error, of either sign
        improved.append((_score(math.sqrt(max(power, 0.0)), seen, rest), power, period, days, places[number]))
    improved.sort(key=lambda entry: -entry[0])
    # most by what their transits promise together; the last few by power alone, which is where single events are
    kept, rest = improved[: n_peaks - n_peaks // 4], improved[n_peaks - n_peaks // 4 :]
    kept += sorted(rest, key=lambda entry: -entry[1])[: n_peaks // 4]
    peaks = _exact_peaks(time, sums, search, kept, zero, total, oversample)
    peaks.sort(key=lambda peak: (peak.kind == "single_transit", -peak.score))
    return tuple(peaks)


def _score(snr, seen, rest):
    """The SNR, or what the transits but the strongest promise for all, if that is less; 0 for one transit."""
    return min(snr, rest * math.sqrt(seen / (seen - 1))) if seen > 1 else 0.0


def _exact_peaks(time, sums, search, kept, zero, total, oversample):
    """The improved peaks as `Peak`s, by their exact boxes (`_exact_all`); one that holds no point is left out."""
    tries = [TRIES if rank < FIRST else 1 for rank in range(len(kept))]
    places = [entry[4] for entry in kept]
    boxes = np.empty((len(kept), 9))
    if kept:
        _exact_all(
            time,
            sums,
            np.array([(*entry[2:4], tried) for entry, tried in zip(kept, tries, strict=True)]),
            np.array([(place.low, place.high) for place in places]),
            np.concatenate([place.duration for place in places]),
            np.cumsum([0] + [place.duration.size for place in places]),
            oversample,
            search.objective == "likelihood",
            boxes,
        )
    return [_peak(search, *box, zero, total) for box in boxes.tolist() if box[4] > 0]


def _peak(search, period, since, width, s, w, seen, effective, strongest, rest, zero, total):
    """One `Peak` from its exact box."""
    # `sums` have weight 1 in all and carry sqrt(W) in s
    snr2, root = s * s / (w * (1 - w)), math.sqrt(total)
    power = 0.5 * snr2 / (1 - w) if search.objective == "likelihood" else math.sqrt(snr2)
    depth, depth_err = -s / (w * (1 - w)) / root, math.sqrt(1 / w + 1 / (1 - w)) / root
    snr = math.sqrt(snr2)
    if seen < 2 or rest < ONE_EVENT * strongest:
        kind = "single_transit"
    else:
        kind = "two_transits" if seen == 2 else "periodic"
    index = int(np.searchsorted(search.period, period))
    if index == search.period.size or (index and period - search.period[index - 1] < search.period[index] - period):
        index -= 1
    return Peak(
        index=index,
        period=period,
        epoch=float(zero + since),
        duration=float(24.0 * width),
        depth=depth,
        depth_err=depth_err,
        power=power,
        n_transits=int(seen),
        n_effective=float(effective),
        strongest=float(strongest),
        rest=float(rest),
        score=_score(snr, seen, rest),
        kind=kind,
    )


def put_in(search, peaks, baseline):
    """The search with each peak at its refined period and values, and no coarse neighbour above it."""
    columns = {name: getattr(search, name) for name in ("period", "power", "epoch", "duration", "depth", "depth_err")}
    for peak in sorted(peaks, key=lambda peak: peak.power):
        reach = peak.duration / 24.0 * peak.period / baseline
        a, b = np.searchsorted(search.period, (peak.period - reach, peak.period + reach))
        np.minimum(columns["power"][a:b], np.nextafter(peak.power, 0.0), out=columns["power"][a:b])
        for name, column in columns.items():
            column[peak.index] = getattr(peak, name)
    return replace(search, peaks=peaks, **columns)
