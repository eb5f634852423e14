"""From a raw light curve to its transit candidates, on plain arrays: clean, flatten, search, measure, mask, repeat.

The significance of a candidate is its depth over the scatter that the light curve itself shows on the time scale of
the transit: SNR = depth / (sigma beta / sqrt(n_in)), where beta >= 1 is the scatter of duration-long bins over what
white noise of scatter sigma would give (Pont, Zucker & Queloz 2006, in the form of Winn et al. 2008). A white-noise SNR
is of no use here: red noise drives it past 13 on quiet stars.

References
----------
Pont, Zucker & Queloz 2006, MNRAS 373, 231; Winn et al. 2008, ApJ 683, 1076; Hartman & Bakos 2016, A&C 17, 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lcnet.transits.bls import BoxSearch, bls_search, search_bands
from lcnet.transits.detrend import Flattened, clean, flatten_curve, in_transit, robust_sigma
from lcnet.transits.periods import Band, central_duration, search_range
from lcnet.transits.views import make_views

__all__ = [
    "Candidate",
    "Search",
    "candidate_points",
    "candidate_views",
    "find_candidates",
    "flatten_window",
    "red_noise_beta",
]

MIN_SNR = 7.1  # Kepler's threshold: one false alarm in the mission for white noise (Jenkins et al. 2002)
WINDOW_DURATIONS = 3.0
MIN_WINDOW = 0.75  # d
MASK_WIDTH = 2.0  # of the box; a box is shorter than first to fourth contact, and V-shaped eclipses have wide wings
N_PEAKS = 8  # distinct periods measured in a pass before the pass is given up
# A period rests on its other transits: without the strongest they must reach REST_SNR (about 100 places in a sector are
# tried for the second of two, whose best is 2.5 sigma of noise) and half of the strongest one's own.
REST_SNR = 4.0
REST_SHARE = 0.5
HARMONICS = (1.0, 2.0, 0.5, 3.0, 1 / 3)


@dataclass(frozen=True)
class Candidate:
    """One periodic dip.

    Attributes
    ----------
    period, period_err : float, days
    epoch, epoch_err : float, days
        First mid-transit in the data, in the light curve's own time system.
    duration : float, hours
        Width of the box.
    depth, depth_err : float, ppm
    snr : float
        Depth over its red-noise error.
    sde : float
        Signal detection efficiency: peak of the periodogram over its running median, in units of its scatter.
    n_transits : int
        Transits that hold data.
    coverage : float
        Of the transits expected between the first and the last point, the fraction that holds data.
    harmonic_of : int
        1-based number of the stronger candidate this is a harmonic of, else 0.
    flags : tuple of str
    status : str
        "ok", or "single_transit" when the period rests on one event: the others hold no data or show no dip.
    """

    period: float
    period_err: float
    epoch: float
    epoch_err: float
    duration: float
    depth: float
    depth_err: float
    snr: float
    sde: float
    n_transits: int
    coverage: float
    harmonic_of: int = 0
    flags: tuple[str, ...] = ()
    status: str = "ok"


@dataclass(frozen=True)
class Search:
    """What a search found, and the light curve it was found in.

    Attributes
    ----------
    candidates : tuple of Candidate
        In the order found: the strongest first.
    status, reason : str
        "ok"; or "no_candidate" and why.
    time, flux, flux_err, trend, raw_flux, segment : array
        The flattened light curve (see `detrend.Flattened`), the candidates' transits masked when its trend was drawn.
    periodograms : tuple of BoxSearch
        One a pass.
    """

    candidates: tuple[Candidate, ...]
    status: str
    reason: str
    time: np.ndarray
    flux: np.ndarray
    flux_err: np.ndarray
    trend: np.ndarray
    raw_flux: np.ndarray
    segment: np.ndarray
    periodograms: tuple[BoxSearch, ...]


def flatten_window(longest_period):
    """Width of the trend's window [d]: three of the longest durations searched (Hippke et al. 2019)."""
    return max(MIN_WINDOW, WINDOW_DURATIONS * 1.5 * float(central_duration(longest_period)) / 24.0)


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
    days = duration / 24.0
    cadence = np.median(np.diff(time))
    expected = max(1.0, days / cadence)
    ratios = []
    # bins that start half a duration apart: a run of faint points split by one set of edges is whole in the other
    for shift in (0.0, 0.5):
        number = np.floor((time - time[0]) / days + shift).astype(np.int64)
        _, inverse, count = np.unique(number, return_inverse=True, return_counts=True)
        mean = np.bincount(inverse, weights=flux) / count
        full = count >= 0.5 * expected
        if full.sum() >= 5:
            ratios.append(np.mean((mean[full] - np.median(flux)) ** 2 * count[full]))
    sigma = robust_sigma(flux)
    if not ratios or not sigma > 0:  # no scatter to compare with
        return 1.0
    return max(1.0, float(np.sqrt(np.mean(ratios)) / sigma))


def _peaks(search, n, min_separation):
    """Indices of the `n` strongest periods whose neighbours within `min_separation` (relative) are all weaker."""
    power = search.power.copy()
    peaks = []
    while len(peaks) < n:
        k = int(np.argmax(power))
        if not power[k] > 0:
            break
        peaks.append(k)
        power[np.abs(search.period / search.period[k] - 1) < min_separation] = 0.0
    return peaks


def detection_efficiency(search, peak):
    """SDE of one peak: its height over the running median of the periodogram in units of the scatter about it.

    The running median takes out the rise of the noise towards long periods (Kovacs et al. 2002; Hippke & Heller 2019).
    """
    power = search.power
    if power.size < 50:
        return np.nan
    edges = np.linspace(0, power.size, 26).astype(int)
    middle = 0.5 * (edges[1:] + edges[:-1])
    medians = [np.median(power[a:b]) for a, b in zip(edges, edges[1:], strict=False)]
    level = np.interp(np.arange(power.size), middle, medians)
    residual = power - level
    scatter = robust_sigma(residual)
    return float(residual[peak] / scatter) if scatter > 0 else np.nan


def _refine(curve, search, peak, baseline, limits):
    """(period, epoch, duration) at the best box on a fine grid of periods and durations about a peak."""
    period, duration = search.period[peak], search.duration[peak]
    step = duration / 24.0 * period / baseline / 3  # the search's own step: a third of a duration over the baseline
    longest = min(1.3 * duration, 24 * 0.3 * period)
    for half_width, n in ((1.5 * step, 31), (0.12 * step, 13)):
        trials = np.unique(np.clip(period + np.linspace(-half_width, half_width, n), *limits))
        widths = np.unique(np.minimum(duration * np.array([0.75, 0.87, 1.0, 1.15, 1.3]), longest))
        bands = [Band(trials, widths)]
        fine = search_bands(curve.time, curve.flux, curve.flux_err, bands, oversample=20, threads=1)
        best = fine.best
        period, epoch, duration = fine.period[best], fine.epoch[best], fine.duration[best]
    return period, epoch, duration


def transit_numbers(time, period, epoch):
    """Which transit each point is nearest to (integer, 0 at `epoch`)."""
    return np.rint((time - epoch) / period).astype(np.int64)


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
    dict
        depth, depth_err, snr, beta, n_transits, coverage, and `single`: (number, depth, SNR) of each transit with data.
    """
    free = np.ones(curve.time.size, bool) if others is None else ~others
    inside = in_transit(curve.time, period, epoch, duration) & free
    outside = ~in_transit(curve.time, period, epoch, duration, widen=2.0) & free
    if inside.sum() < 2 or outside.sum() < 10:
        return None
    # a noiseless or coarsely digitised curve has no median deviation, but may have another scatter or stated errors
    scatters = (robust_sigma(curve.flux[outside]), np.std(curve.flux[outside]), np.median(curve.flux_err[outside]))
    sigma = next((scatter for scatter in scatters if scatter > 0), np.nan)
    beta = red_noise_beta(curve.time[outside], curve.flux[outside], duration)
    level = np.mean(curve.flux[outside])
    depth = level - np.mean(curve.flux[inside])
    depth_err = sigma * beta / np.sqrt(inside.sum())

    number = transit_numbers(curve.time, period, epoch)
    cadence = np.median(np.diff(curve.time))
    wanted = max(1.0, 0.3 * duration / 24.0 / cadence)
    numbers, index, count = np.unique(number[inside], return_inverse=True, return_counts=True)
    mean = level - np.bincount(index, weights=curve.flux[inside]) / count
    seen = count >= wanted
    single = np.column_stack([numbers, mean, mean * np.sqrt(count) / (sigma * beta)])[seen]
    expected = int(np.floor((curve.time[-1] - epoch) / period) - np.ceil((curve.time[0] - epoch) / period)) + 1
    return {
        "depth": 1e6 * depth,
        "depth_err": 1e6 * depth_err,
        "snr": depth / depth_err,
        "beta": beta,
        "n_transits": int(seen.sum()),
        "coverage": min(1.0, seen.sum() / max(1, expected)),
        "single": single,
    }


def _ephemerides(candidates):
    return [(c.period, c.epoch, c.duration) for c in candidates]


def _mask(time, ephemerides):
    """The points in the transits, wings included, of any of the (period, epoch, duration)."""
    masked = np.zeros(time.size, bool)
    for ephemeris in ephemerides:
        masked |= in_transit(time, *ephemeris, widen=MASK_WIDTH)
    return masked


def _harmonic_of(period, duration, candidates, baseline):
    """1-based number of the stronger candidate `period` is a simple ratio of, to a duration over the baseline; or 0."""
    for number, stronger in enumerate(candidates, 1):
        slack = max(duration, stronger.duration) / 24.0
        for ratio in HARMONICS:
            if abs(period - ratio * stronger.period) * baseline / period < slack:
                return number
    return 0


def _errors(snr, duration, numbers, cadence):
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


def _first_transit(time, period, epoch, duration):
    """The first mid-transit at which the light curve holds in-transit points."""
    number = transit_numbers(time, period, epoch)[in_transit(time, period, epoch, duration)]
    return epoch + period * number.min() if number.size else epoch


def _strongest(curve, search, min_snr, baseline, limits):
    """The strongest peak of a periodogram that stands above the light curve's own red noise, or why there is none."""
    best_snr = 0.0
    for peak in _peaks(search, N_PEAKS, 0.02):
        period, epoch, duration = _refine(curve, search, peak, baseline, limits)
        box = measure_box(curve, period, epoch, duration)
        if box is None:
            continue
        best_snr = max(best_snr, box["snr"])
        if box["snr"] >= min_snr:
            return peak, (period, epoch, duration), ""
    return None, None, f"the strongest dip has SNR {best_snr:.2f} < {min_snr:g} against the light curve's own noise"


def _candidate(curve, sde, ephemeris, stronger, others, baseline):
    """Measure an accepted ephemeris on the light curve flattened with its transits, and those of `others`, masked."""
    period, epoch, duration = ephemeris
    epoch = _first_transit(curve.time, period, epoch, duration)
    box = measure_box(curve, period, epoch, duration, others=_mask(curve.time, _ephemerides(others)))
    if box is None or box["n_transits"] == 0:
        return None
    flags, status = [], "ok"
    single = box["single"][:, 2]
    rest = (single.sum() - single.max()) / np.sqrt(single.size - 1) if single.size > 1 else 0.0
    if rest < max(REST_SNR, REST_SHARE * single.max()):
        status = "single_transit"
        flags.append("one_event")
    elif box["n_transits"] == 2:
        flags.append("two_transits")
    harmonic = _harmonic_of(period, duration, stronger, baseline)
    if harmonic:
        flags.append("harmonic")
    if duration / 24.0 > 0.15 * period:
        flags.append("long_duration")
    cadence = float(np.median(np.diff(curve.time)))
    period_err, epoch_err = _errors(max(box["snr"], 1.0), duration, box["single"][:, 0], cadence)
    return Candidate(
        period=float(period),
        period_err=float(period_err),
        epoch=float(epoch),
        epoch_err=float(epoch_err),
        duration=float(duration),
        depth=float(box["depth"]),
        depth_err=float(box["depth_err"]),
        snr=float(box["snr"]),
        sde=sde,
        n_transits=box["n_transits"],
        coverage=float(box["coverage"]),
        harmonic_of=harmonic,
        flags=tuple(flags),
        status=status,
    )


def find_candidates(time, flux, flux_err=None, *, segment=None, period=None, min_snr=MIN_SNR, max_candidates=5):
    """Search a raw light curve for periodic transits, the strongest first.

    Each pass flattens the light curve, with the transits found so far masked, searches what is left, and accepts the
    strongest peak whose SNR against the light curve's own red noise reaches `min_snr`. It is judged on a curve whose
    trend did not know of it (masking a dip while drawing the trend deepens any dip, real or not); once accepted its
    transits are masked, the curve is flattened again and the candidate is measured there.

    Parameters
    ----------
    time : array, shape (N,), days
    flux : array, shape (N,)
        Raw flux, any unit.
    flux_err : array, shape (N,), optional
    segment : array of int, shape (N,), optional
        Quarter or sector; each is normalised and flattened by itself.
    period : (float, float), optional, days
        Default: 0.4 d to half the baseline.
    min_snr : float
    max_candidates : int

    Returns
    -------
    Search

    Raises
    ------
    ValueError
        Too few points, a constant light curve, or a period range that cannot be searched.
    """
    if max_candidates < 1:
        raise ValueError(f"max_candidates must be at least 1, got {max_candidates}")
    time, flux, flux_err, segment = clean(time, flux, flux_err, segment=segment)
    if not np.ptp(flux) > 0:
        raise ValueError("the light curve is constant: there is nothing to search")
    baseline = float(time[-1] - time[0])
    low, high = search_range(baseline, period)
    window = flatten_window(high)

    def flatten(ephemerides):
        return flatten_curve(time, flux, flux_err, segment=segment, window=window, mask=_mask(time, ephemerides))

    found, periodograms, reason = [], [], ""
    kept = []  # what `_candidate` needs to measure each of `found` again
    curve = flatten([])
    while len(found) < max_candidates:
        free = ~_mask(curve.time, _ephemerides(found))
        if free.sum() < 20:
            reason = "the transits found so far leave fewer than 20 points"
            break
        search = bls_search(curve.time[free], curve.flux[free], curve.flux_err[free], period=(low, high))
        periodograms.append(search)
        rest = Flattened(*(getattr(curve, name)[free] for name in Flattened.__dataclass_fields__))
        peak, ephemeris, reason = _strongest(rest, search, min_snr, baseline, (low, high))
        if peak is None:
            break
        try:
            flatter = flatten([*_ephemerides(found), ephemeris])
        except ValueError:
            reason = "with the strongest dip masked too, no stretch is left to draw a trend through"
            break
        sde = detection_efficiency(search, peak)
        candidate = _candidate(flatter, sde, ephemeris, found, found, baseline)
        if candidate is None or not candidate.snr >= min_snr:
            reason = "the strongest dip vanished when the trend was drawn without it"
            break
        curve = flatter
        found.append(candidate)
        kept.append((sde, ephemeris))
    if len(found) > 1:
        # the first ones were measured while the later ones' transits still passed for noise
        for k, (sde, ephemeris) in enumerate(kept):
            others = found[:k] + found[k + 1 :]
            again = _candidate(curve, sde, ephemeris, found[:k], others, baseline)
            # one whose transits all but coincide with another's has nothing left to be measured on: the first stays
            if again is not None and again.snr >= min_snr:
                found[k] = again
    return Search(
        candidates=tuple(found),
        status="ok" if found else "no_candidate",
        reason="" if found else reason,
        time=curve.time,
        flux=curve.flux,
        flux_err=curve.flux_err,
        trend=curve.trend,
        raw_flux=curve.raw_flux,
        segment=curve.segment,
        periodograms=tuple(periodograms),
    )


def candidate_views(search, index):
    """The views of one candidate of a search, other planets' transits taken out of the light curve first.

    Parameters
    ----------
    search : Search
    index : int
        0-based.

    Returns
    -------
    views : dict of array, float32
    flags : tuple of str
        As `views.make_views` returns them.

    Raises
    ------
    ValueError
        Nothing is left of the light curve.
    """
    this, free = search.candidates[index], candidate_points(search, index)
    return make_views(search.time[free], search.flux[free], this.period, this.epoch, this.duration)


def candidate_points(search, index):
    """Which points of a search's light curve the views of candidate `index` (0-based) are made of.

    All but the transits of other planets; a point that is in this one's transit too stays.

    Returns
    -------
    array of bool, shape (N,)
    """
    this = search.candidates[index]
    # a harmonic is the same body seen again (a secondary eclipse, say): its dips are evidence, not contamination
    linked = {this.harmonic_of - 1} | {k for k, other in enumerate(search.candidates) if other.harmonic_of == index + 1}
    others = [other for k, other in enumerate(search.candidates) if k != index and k not in linked]
    return ~_mask(search.time, _ephemerides(others)) | in_transit(search.time, this.period, this.epoch, this.duration)
