"""From a raw light curve to its transit candidates, on plain arrays: clean, flatten, search, measure, mask, repeat.

What a pass measures is in `measure`, how a candidate's shape is fitted in `refine`, single events in `singles`, what a
peak is worth in `significance`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from lcnet.transits.bls import BoxSearch, bls_search
from lcnet.transits.detrend import Flattened, Flattener, clean, in_transit
from lcnet.transits.matching import HARMONICS, harmonic_ratio
from lcnet.transits.measure import (
    first_transit,
    line_errors,
    measure_box,
    red_noise_beta,
    repeats,
    transit_numbers,
)
from lcnet.transits.periods import central_duration, search_range
from lcnet.transits.refine import fit_transit, refine_box
from lcnet.transits.significance import detection_efficiency, gumbel_probability, noise_level, periodogram_probability
from lcnet.transits.singles import find_events, shortest_period, whole_transits
from lcnet.transits.views import make_views

__all__ = [
    "HARMONICS",
    "MASK_WIDTH",
    "Candidate",
    "Search",
    "candidate_points",
    "candidate_views",
    "detection_efficiency",
    "find_candidates",
    "flatten_window",
    "measure_box",
    "red_noise_beta",
    "transit_numbers",
]

MIN_SNR = 7.1  # Kepler's threshold: one false alarm in the mission for white noise (Jenkins et al. 2002)
WINDOW_DURATIONS = 3.0
MIN_WINDOW = 0.75  # d
MASK_WIDTH = 1.7  # of first to fourth contact: what a V-shaped eclipse or a transit that strays leaves is no new planet
# One false alarm in a hundred stars: where the noise is worse than SNR knows, the star's own periodogram says so
# (benchmarks/false_alarms.py)
MAX_FAP = 0.01
N_ABOVE = 4  # periods measured in a pass beside the search's own peaks
FEW_TRANSITS = 3  # so few must, but for one of three, be whole: sides, no step, no ramp
LONGEST_DUTY = 0.4  # of the orbit: no eclipse is longer, what is goes up and down
LONE = 1.25  # times the threshold: nothing bears a single event out (benchmarks/false_alarms.py)
# Times the gain of a drop that decays, for a lone event to pass for a transit: a box gains 1.2 times as much, a V 1.4
BETTER = 1.1
FEW_EVENTS = 3  # transits up to which a period may rest on each of them being an event of its own
EACH = 0.65  # of the threshold, for each of those events
MOST_EVENTS = 4  # tried in a pass
NEAR_EVENT = 3.0  # windows about a single event in which its width is found again
ALONE = 1.5  # of the box of a single event, which the trend has bitten into: masked until it is known better
GROWTH = 1.25  # of a transit's length once the trend is drawn without it, from which on its mask is widened
SEPARATION = 0.02  # relative, of distinct periods

_first_transit, _errors = first_transit, line_errors


@dataclass(frozen=True)
class Candidate:
    """One periodic dip, or a single one.

    Attributes
    ----------
    period, period_err : float, days
        Of a single event: the shortest period at which the data could hold it once, and NaN.
    epoch, epoch_err : float, days
        First mid-transit in the data, in the light curve's own time system.
    duration : float, hours
        First to fourth contact.
    depth, depth_err : float, ppm
        At mid-transit.
    snr : float
        Mean depth of the best box over its red-noise error.
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
        "ok", or "single_transit" for an event seen once.
    fap : float
        Probability that noise like this star's gives such a peak anywhere in the search.
    duration_err : float, hours
    impact : float
        Impact parameter of the fitted shape; NaN where none could be fitted.
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
    fap: float = np.nan
    duration_err: float = np.nan
    impact: float = np.nan


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


@dataclass(frozen=True)
class _Dip:
    """What a pass accepted: a box (days, days, hours), what its peak was worth, and whether it is one event only."""

    box: tuple[float, float, float]
    power: float = np.nan
    sde: float = np.nan
    fap: float = np.nan
    one: bool = False
    sure: bool = False  # judged already, by single events


def flatten_window(longest_period, *, density=1.0):
    """Width of the trend's window [d]: three of the longest durations searched (Hippke et al. 2019)."""
    longest = 1.5 * float(central_duration(longest_period, density=density)) / 24.0
    return max(MIN_WINDOW, WINDOW_DURATIONS * longest)


def _mask(time, candidates):
    """The points in the transits, wings included, of any of the candidates."""
    masked = np.zeros(time.size, bool)
    for one in candidates:
        widen = min(MASK_WIDTH, 12.0 * one.period / one.duration)
        masked |= in_transit(time, one.period, one.epoch, one.duration, widen=widen)
    return masked


def _points(curve, keep):
    return Flattened(*(getattr(curve, name)[keep] for name in Flattened.__dataclass_fields__))


def _peaks(search):
    """(index, period, epoch, duration) of distinct strong periods: the search's own, then those highest over the noise.

    The noise rises towards long periods, where it can hide a weak planet of a short one behind many peaks; its level
    alone is no order, for it also prefers the half of a strong period to the period itself.
    """
    taken = np.zeros(search.power.size, bool)

    def take(k):
        # the grid ascends: only the periods about the peak need be looked at
        around = np.searchsorted(search.period, search.period[k] * np.array([1 - SEPARATION, 1 + SEPARATION]))
        taken[around[0] : around[1]] = True

    for peak in search.peaks:
        yield peak.index, peak.period, peak.epoch, peak.duration
        take(peak.index)
    level = noise_level(search)
    above = search.power / np.maximum(level, 1e-3 * max(np.median(level), 1e-300))
    for _ in range(N_ABOVE):
        k = int(np.argmax(np.where(taken, 0.0, above)))
        if taken[k] or not search.power[k] > 0:
            return
        yield k, search.period[k], search.epoch[k], search.duration[k]
        take(k)


def _strongest(curve, search, min_snr, limits):
    """(dip, reason): the first peak that stands above the light curve's own noise and repeats, or why none does."""
    best = 0.0
    for peak, *box in _peaks(search):
        box = refine_box(curve, *box, limits=limits)
        measured = measure_box(curve, *box)
        if measured is None:
            continue
        best = max(best, measured["snr"])
        if measured["snr"] >= min_snr and repeats(measured["single"]):
            box = _longest_alias(curve, box, measured, limits)
            power = float(search.power[peak])
            # an upper limit as yet: the periodogram still holds this signal itself
            fap = periodogram_probability(box[0], power, search)
            return _Dip(box, power, detection_efficiency(search, peak), fap), ""
    if best < min_snr:
        return None, f"the strongest dip has SNR {best:.2f} < {min_snr:g} against the light curve's own noise"
    return None, f"the strongest dip, of SNR {best:.2f}, does not repeat"


def _longest_alias(curve, box, measured, limits):
    """The longest period at which two transits seen could be neighbours or fall in with gaps: as good as any other.

    Its transits are the fewest that had to fall into gaps.
    """
    single = measured["single"]
    if len(single) != 2:
        return box
    period, epoch, duration = box
    apart = int(single[1, 0] - single[0, 0])
    first = epoch + period * single[0, 0]
    for parts in range(max(1, int(np.ceil(apart * period / limits[1]))), apart):
        other = apart * period / parts, first, duration
        again = measure_box(curve, *other)
        if again is not None and len(again["single"]) == 2 and again["snr"] > 0.99 * measured["snr"]:
            return other
    return box


def _made_of(curve, dip, event, events):
    """Whether a dip's transits are few, and each of them, `event` among them, is a single event by itself."""
    single = measure_box(curve, *dip.box)["single"]
    if not 2 <= len(single) <= FEW_EVENTS:
        return False
    period, epoch, duration = dip.box
    transits = epoch + period * single[:, 0]

    def at(mid, one):
        return abs(mid - one.epoch) < 0.5 * (duration + one.duration) / 24.0

    return any(at(mid, event) for mid in transits) and all(any(at(mid, one) for one in events) for mid in transits)


def _candidate(curve, dip, stronger, others):
    """Measure an accepted dip on the light curve flattened with its transits, and those of `others`, masked."""
    hidden = _mask(curve.time, others)
    measured = measure_box(curve, *dip.box, others=hidden)
    if measured is None or measured["n_transits"] == 0:
        return None
    period, epoch, duration = dip.box
    cadence = float(np.median(np.diff(curve.time)))
    sigma = measured["sigma"] * measured["beta"]
    shape = fit_transit(curve, *dip.box, sigma=sigma, exposure=cadence, others=hidden, one=dip.one)
    if shape is None:
        numbers = measured["single"][:, 0]
        period_err, epoch_err = line_errors(max(measured["snr"], 1.0), duration, numbers, cadence)
        fitted = {"depth": measured["depth"], "depth_err": measured["depth_err"]}
    else:
        period, epoch, duration = shape.period, shape.epoch, shape.duration
        period_err, epoch_err = shape.period_err, shape.epoch_err
        fitted = {name: getattr(shape, name) for name in ("depth", "depth_err", "duration_err", "impact")}
    if measured["n_transits"] <= FEW_TRANSITS:
        mids = epoch + period * (measured["single"][:, 0] - (0 if dip.one else np.rint((epoch - dip.box[1]) / period)))
        better = BETTER if dip.one else 1.0
        whole = whole_transits(curve, mids, duration, sigma=measured["sigma"], others=hidden, better=better)
        if whole.sum() < min(2, measured["n_transits"]):
            return None
    if dip.one:
        period, period_err = shortest_period(curve.time, epoch, duration), np.nan
    else:
        first = float(first_transit(curve.time, period, epoch, dip.box[2]))
        if np.isfinite(period_err) and shape is not None:
            epoch_err = _carried(shape, first)
        epoch = first
    flags = []
    if dip.one:
        flags.append("one_event")
    elif measured["n_transits"] == 2:
        flags.append("two_transits")
    begin, end = curve.time[0], curve.time[-1]
    this = period, epoch, duration
    harmonic = 0
    for number, other in enumerate(stronger, 1):
        both = not dip.one and other.status == "ok"
        if both and harmonic_ratio(this, (other.period, other.epoch, other.duration), first=begin, last=end):
            harmonic = number
            flags.append("harmonic")
            break
    if duration / 24.0 > LONGEST_DUTY * period:
        return None
    if duration / 24.0 > 0.15 * period:
        flags.append("long_duration")
    return Candidate(
        period=float(period),
        period_err=float(period_err),
        epoch=float(epoch),
        epoch_err=float(epoch_err),
        duration=float(duration),
        snr=float(measured["snr"]),
        sde=dip.sde,
        fap=dip.fap,
        n_transits=1 if dip.one else measured["n_transits"],
        coverage=float(measured["coverage"]),
        harmonic_of=harmonic,
        flags=tuple(flags),
        status="single_transit" if dip.one else "ok",
        **{name: float(value) for name, value in fitted.items()},
    )


def _carried(shape, epoch):
    """Error of an epoch some cycles away from the fit's own: its mid-time is best known in the middle of the data."""
    cycles = np.rint((epoch - shape.epoch) / shape.period)
    return float(np.hypot(shape.centre_err, (cycles - shape.centre) * shape.period_err))


class _Passes:
    """One light curve being searched: what has been found in it so far."""

    def __init__(self, flattener, limits, min_snr, max_fap, density):
        self.flattener, self.limits, self.density = flattener, limits, density
        self.min_snr, self.max_fap = min_snr, max_fap
        self.curve = flattener.flatten()
        self.found, self.dips, self.periodograms = [], [], []
        self.reason = ""

    def rest(self):
        """The light curve without the transits found; None where under 20 points are left."""
        free = ~_mask(self.curve.time, self.found)
        if free.sum() < 20:
            self.reason = "the transits found so far leave fewer than 20 points"
            return None
        return _points(self.curve, free)

    def periodogram(self):
        """(what is left of the light curve, its periodogram), or None where too little is left."""
        rest = self.rest()
        if rest is None:
            return None
        options = {} if self.density is None else {"density": self.density}
        search = bls_search(rest.time, rest.flux, rest.flux_err, period=self.limits, **options)
        self.periodograms.append(search)
        return rest, search

    def search(self):
        """Search what is left for the next candidate, periodic or else single; False where there is none."""
        searched = self.periodogram()
        if searched is None:
            return False
        rest, search = searched
        dip, self.reason = _strongest(rest, search, self.min_snr, self.limits)
        if dip is not None and self.accept(dip):
            return True
        # an event that does not repeat hides what does: with it set aside, the next pass may find more
        return self.accept_event(rest)

    def judge(self, noise):
        """Judge what was found by a periodogram without any of it; earlier, other planets would pass for noise.

        Those that turn out to be noise are taken back, and returned.
        """
        for k, dip in enumerate(self.dips):
            if not dip.sure:
                fap = periodogram_probability(dip.box[0], dip.power, noise)
                self.dips[k] = replace(dip, fap=float(np.fmin(dip.fap, fap)))
                self.found[k] = replace(self.found[k], fap=self.dips[k].fap)
        doubtful = [k for k, dip in enumerate(self.dips) if dip.fap > self.max_fap]
        if not doubtful:
            return []
        last = self.found[doubtful[0]]
        self.reason = (
            f"the strongest dip, of SNR {last.snr:.2f}, is no rarer than this light curve's noise: false-alarm "
            f"probability {last.fap:.2g} > {self.max_fap:g}"
        )
        dips = [self.dips[k] for k in doubtful]
        self.found = [one for k, one in enumerate(self.found) if k not in doubtful]
        self.dips = [one for k, one in enumerate(self.dips) if k not in doubtful]
        self.curve = self.flattener.flatten(_mask(self.flattener.time, self.found))
        return dips

    def run(self, most):
        """All passes: candidates until none is left or there are `most`, then whether they are more than noise."""
        for _ in range(most + 1):
            last = 0
            while len(self.found) < most and self.search():
                last = len(self.periodograms)
            if not self.found:
                return
            if last == len(self.periodograms):  # the last candidate was found in it: it is no noise yet
                if not any(dip.fap > self.max_fap for dip in self.dips) or self.periodogram() is None:
                    return
            doubtful = self.judge(self.periodograms[-1])
            if not doubtful or not self.accept_event(self.rest(), doubtful):
                return

    def accept_event(self, rest, doubtful=()):
        """Accept the strongest single event that lasts; False where there is none."""
        reason = self.reason
        accepted = any(self.accept(dip) for dip in islice(self.events(rest, doubtful), MOST_EVENTS))
        self.reason = reason
        return accepted

    def events(self, rest, doubtful=()):
        """The single events that stand out, the strongest first, their trend not knowing of them, as dips.

        Where one is among the few transits of a `doubtful` dip, a periodic one that noise could have made, and the
        others are events of their own too, it is that one that is found.
        """
        if rest is None:
            return
        longest = self.flattener.window / WINDOW_DURATIONS
        events = find_events(rest, longest=longest, min_snr=EACH * self.min_snr)
        for event in events.events:
            # for measuring, a period that brings no second transit
            box = 4 * (rest.time[-1] - rest.time[0]), event.epoch, event.duration
            measured = measure_box(rest, *box)
            if measured is None or not measured["snr"] >= self.min_snr or not events.stands_out(event):
                continue
            fap = gumbel_probability(0.5 * event.snr**2, 0.5 * events.maxima**2)
            if fap <= self.max_fap or not np.isfinite(fap):
                for dip in doubtful:
                    if _made_of(rest, dip, event, events.events):
                        yield replace(dip, fap=fap, sure=True)
                if min(event.snr, measured["snr"]) >= LONE * self.min_snr:
                    yield _Dip(box, event.snr, fap=fap, one=True, sure=True)

    def accept(self, dip):
        """Mask a dip, flatten again and measure it there; False where it does not last."""
        period, epoch, duration = dip.box
        length = (ALONE if dip.one else 1.15) * duration  # a guess at first to fourth contact
        known = Candidate(period, np.nan, epoch, np.nan, length, *[np.nan] * 4, 0, 0.0)
        for _ in range(3):
            mask = _mask(self.flattener.time, [*self.found, known])
            try:
                flatter = self.flattener.flatten(mask)
            except ValueError:
                self.reason = "with the strongest dip masked too, no stretch is left to draw a trend through"
                return False
            if dip.one:
                dip = self._wider(flatter, dip)
            candidate = _candidate(flatter, dip, self.found, self.found)
            if candidate is None or not candidate.snr >= self.min_snr:
                self.reason = "the strongest dip vanished when the trend was drawn without it"
                return False
            # the trend took part of a long transit's ends: it shows its length once they are masked too
            if candidate.duration <= GROWTH * known.duration or candidate.duration > 12.0 * period:
                break
            known = candidate
        self.curve = flatter
        self.found.append(candidate)
        self.dips.append(dip)
        return True

    def _wider(self, curve, dip):
        """A single event's box on a trend that was drawn without it."""
        period, epoch, duration = dip.box
        near = np.abs(curve.time - epoch) < NEAR_EVENT * self.flattener.window
        others = _mask(curve.time, self.found)
        here = _points(curve, near & ~others)
        if here.time.size < 20:
            return dip
        longest = 1.5 * self.flattener.window / WINDOW_DURATIONS
        for event in find_events(here, longest=longest, min_snr=0.5 * self.min_snr).events:
            if abs(event.epoch - epoch) < 0.5 * (event.duration + duration) / 24.0:
                return replace(dip, box=(period, event.epoch, event.duration))
        return dip

    def measure_again(self):
        """Each candidate with the transits of all others left out: the first ones were measured while the later ones'
        still passed for noise."""
        if len(self.found) > 1:
            for k, dip in enumerate(self.dips):
                others = self.found[:k] + self.found[k + 1 :]
                again = _candidate(self.curve, dip, self.found[:k], others)
                # one whose transits all but coincide with another's has nothing left to be measured on
                if again is not None and again.snr >= self.min_snr:
                    self.found[k] = again


def find_candidates(
    time,
    flux,
    flux_err=None,
    *,
    segment=None,
    period=None,
    min_snr=MIN_SNR,
    max_candidates=5,
    density=None,
    max_fap=MAX_FAP,
):
    """Search a raw light curve for transits, the strongest first.

    Each pass flattens the light curve, with the transits found so far masked, searches what is left, and accepts the
    strongest peak whose SNR against the light curve's own red noise reaches `min_snr` and whose transits repeat. It is
    judged on a curve whose trend did not know of it (masking a dip while drawing the trend deepens any dip, real or
    not); once accepted its transits are masked, the curve is flattened again, and the candidate is measured and fitted
    there. Where the strongest peak is one event it is reported as that. At the end, what is left is searched for
    further single events.

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
    density : float, solar densities, optional
        Of the star: sets the durations tried at each period. Default: the Sun's.
    max_fap : float
        False-alarm probability up to which a dip is a candidate, by the light curve's own periodogram; 1 for no limit.

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
    if density is not None and not 0 < density < np.inf:
        raise ValueError(f"density must be positive, in solar densities, got {density}")
    time, flux, flux_err, segment = clean(time, flux, flux_err, segment=segment)
    if not np.ptp(flux) > 0:
        raise ValueError("the light curve is constant: there is nothing to search")
    limits = search_range(float(time[-1] - time[0]), period, cadence=float(np.median(np.diff(time))))
    window = flatten_window(limits[1], density=density or 1.0)
    passes = _Passes(Flattener(time, flux, flux_err, segment=segment, window=window), limits, min_snr, max_fap, density)
    passes.run(max_candidates)
    passes.measure_again()
    curve, found = passes.curve, passes.found
    return Search(
        candidates=tuple(found),
        status="ok" if found else "no_candidate",
        reason="" if found else passes.reason,
        time=curve.time,
        flux=curve.flux,
        flux_err=curve.flux_err,
        trend=curve.trend,
        raw_flux=curve.raw_flux,
        segment=curve.segment,
        periodograms=tuple(passes.periodograms),
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
    return ~_mask(search.time, others) | in_transit(search.time, this.period, this.epoch, this.duration)
