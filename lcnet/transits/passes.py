"""The passes of a search: the strongest dip, its transits masked, and again; then whether what was found is noise."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import numpy as np

from lcnet.transits.bls import bls_search
from lcnet.transits.characterise import characterise
from lcnet.transits.detrend import Flattened, in_transit
from lcnet.transits.dips import Candidate, Dip, transit_mask
from lcnet.transits.measure import measure_box, repeats
from lcnet.transits.refine import refine_box
from lcnet.transits.significance import PeriodogramNoise, detection_efficiency, gumbel_probability, noise_level
from lcnet.transits.singles import find_events

__all__ = ["WINDOW_DURATIONS", "Passes"]

WINDOW_DURATIONS = 3.0  # of the trend's window, in the longest durations searched (Hippke et al. 2019)
N_ABOVE = 4  # periods measured in a pass beside the search's own peaks
PAIR_POWER = 0.8  # of a pair's, from which on a period of more transits goes before it
SEPARATION = 0.02  # relative, of distinct periods
LONE = 1.25  # times the threshold: nothing bears a single event out (benchmarks/false_alarms.py)
FEW_EVENTS = 4  # transits up to which a period may rest on each of them being an event of its own
EACH = 0.5  # of the threshold, for each of those events: what four equal transits have that reach it together
BEYOND = 6  # candidates found beyond those asked for, to tell whether these are noise
MOST_EVENTS = 4  # tried in a pass
NEAR_EVENT = 3.0  # windows about a single event in which its width is found again
ALONE = 1.5  # of the box of a single event, which the trend has bitten into: masked until it is known better
GROWTH = 1.25  # of a transit's length once the trend is drawn without it, from which on its mask is widened


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


def _strongest(curve, search, noise, min_snr, limits):
    """(dip, reason): the first peak that stands above the light curve's own noise and repeats, or why none does.

    Any two events of two planets make a pair: where the first rests on two transits, one of nearly its power that rests
    on more goes before it, if it would be found without these two.
    """
    best, pair = 0.0, None
    for peak, *box in _peaks(search):
        power = float(search.power[peak])
        if pair is not None and power < PAIR_POWER * pair.power:
            continue
        box = refine_box(curve, *box, limits=limits)
        measured = measure_box(curve, *box)
        if measured is None:
            continue
        best = max(best, measured["snr"])
        if not (measured["snr"] >= min_snr and repeats(measured["single"])):
            continue
        if measured["n_transits"] > 2:
            if pair is not None and not _without(curve, pair, box, min_snr):
                continue
            pair = None
        elif pair is not None:
            continue
        # the probability is an upper limit as yet: the periodogram still holds this signal itself
        box = _longest_alias(curve, box, measured, limits)
        dip = Dip(box, power, detection_efficiency(search, peak), noise.probability(box[0], power))
        if measured["n_transits"] > 2:
            return dip, ""
        pair = dip
    if pair is not None:
        return pair, ""
    if best < min_snr:
        return None, f"the strongest dip has SNR {best:.2f} < {min_snr:g} against the light curve's own noise"
    return None, f"the strongest dip, of SNR {best:.2f}, does not repeat"


def _without(curve, pair, box, min_snr):
    """Whether a box is found without the two transits of a pair: else it is an alias that has them for its own."""
    measured = measure_box(curve, *box, others=in_transit(curve.time, *pair.box))
    return measured is not None and measured["snr"] >= min_snr and repeats(measured["single"])


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


def _by_its_events(curve, box, events):
    """The product of the false-alarm probabilities of a box's few transits; NaN unless half of them, and two, are
    events of their own.

    As a single event must, they have to be deeper in the mean than what rises, and to have few others of their like.
    """
    measured = measure_box(curve, *box)
    if measured is None or not 2 <= measured["n_transits"] <= FEW_EVENTS:
        return np.nan
    period, epoch, duration = box
    mids, own = epoch + period * measured["single"][:, 0], []
    for mid in mids:
        reach = (0.5 * (duration + one.duration) / 24.0 for one in events.events)
        own += [one for one, days in zip(events.events, reach, strict=True) if abs(mid - one.epoch) < days][:1]
    if len(own) < max(2, mids.size / 2) or not events.stand_out(own):
        return np.nan
    faps = [gumbel_probability(0.5 * one.snr**2, 0.5 * events.maxima**2) for one in own]
    return float(np.prod(faps))


class Passes:
    """One light curve being searched: what has been found in it so far."""

    def __init__(self, flattener, limits, min_snr, max_fap, density):
        self.flattener, self.limits, self.density = flattener, limits, density
        self.min_snr, self.max_fap = min_snr, max_fap
        self.curve = flattener.flatten()
        self.found, self.dips, self.periodograms = [], [], []
        self.asked = None  # the curve once as many were found as are wanted: more are found only to judge these
        self.reason = self.taken_back = ""

    def rest(self):
        """The light curve without the transits found; None where under 20 points are left."""
        free = ~transit_mask(self.curve.time, self.found)
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
        try:
            search = bls_search(rest.time, rest.flux, rest.flux_err, period=self.limits, **options)
        except ValueError:
            if not self.found:
                raise
            self.reason = "the transits found so far leave too little of the light curve to search"
            return None
        self.periodograms.append(search)
        return rest, search

    def search(self, most):
        """Search what is left for the next candidate, periodic or else single; False where there is none.

        Also where there are `most` already and none of them is in doubt any more.
        """
        searched = self.periodogram()
        if searched is None:
            return False
        rest, search = searched
        noise = PeriodogramNoise(search)
        self.weigh(noise)
        if len(self.found) >= most and not self.in_doubt(most):
            return False
        dip, self.reason = _strongest(rest, search, noise, self.min_snr, self.limits)
        if dip is not None and self.accept(dip):
            if len(self.found) == most:
                self.asked = self.curve
            self.others(search, noise, most)
            return True
        # an event that does not repeat hides what does: with it set aside, the next pass may find more
        return self.accept_event(rest)

    def others(self, search, noise, most):
        """What else a periodogram shows, once there are `most` and one is in doubt: planets that pass for noise.

        They are accepted as any other is, but without a periodogram each: the next one judges, without all of them.
        """
        while len(self.found) >= most and self.in_doubt(most) and len(self.found) < most + BEYOND:
            rest = self.rest()
            dip = rest and _strongest(rest, search, noise, self.min_snr, self.limits)[0]
            if dip is None or not self.accept(dip):
                return

    def weigh(self, noise):
        """Probabilities by a periodogram without what was found: upper limits while other planets are in it.

        The last one counts, the least of several would be low by chance.
        """
        for k, dip in enumerate(self.dips):
            if not dip.sure:
                fap = noise.probability(dip.box[0], dip.power)
                fap = float(fap if np.isfinite(fap) else dip.fap)
                self.dips[k] = replace(dip, fap=fap)
                self.found[k] = replace(self.found[k], fap=fap)

    def find_events(self, rest):
        """The single events of what is left, down to what each transit of a few may have."""
        longest = self.flattener.window / WINDOW_DURATIONS
        return find_events(rest, longest=longest, min_snr=EACH * self.min_snr)

    def weigh_few(self):
        """Probabilities of doubtful dips of few transits by these: noise would have to make every one of them.

        Each must be an event of its own, on a trend that knew of none of them, nor of what else is in doubt. Any two
        events make a pair, so that all together are as rare as the product; a third has to keep the period too.
        """
        for k, dip in enumerate(self.dips):
            if dip.one or not dip.fap > self.max_fap:
                continue
            known = [one for one in self.found if not one.fap > self.max_fap]
            curve = self.flattener.flatten(transit_mask(self.flattener.time, known))
            curve = _points(curve, ~transit_mask(curve.time, known))
            if curve.time.size < 20:
                continue
            fap = _by_its_events(curve, dip.box, self.find_events(curve))
            if fap < dip.fap:
                self.dips[k] = replace(dip, fap=fap, sure=True)
                self.found[k] = replace(self.found[k], fap=fap)

    def in_doubt(self, most):
        """Whether any of the first `most` may be noise as far as is known."""
        return any(dip.fap > self.max_fap for dip in self.dips[:most])

    def judge(self):
        """Take back what is no rarer than noise; whether there was any."""
        self.weigh_few()
        doubtful = [k for k, dip in enumerate(self.dips) if dip.fap > self.max_fap]
        if not doubtful:
            return False
        first = self.found[doubtful[0]]
        dip = "a further dip" if len(doubtful) < len(self.found) else "the strongest dip"
        self.reason = self.taken_back = (
            f"{dip}, of SNR {first.snr:.2f} at {first.period:.6g} d, is no rarer than this light curve's noise: "
            f"false-alarm probability {first.fap:.2g} > {self.max_fap:g}"
        )
        self.found = [one for k, one in enumerate(self.found) if k not in doubtful]
        self.dips = [one for k, one in enumerate(self.dips) if k not in doubtful]
        self.curve, self.asked = self.flattener.flatten(transit_mask(self.flattener.time, self.found)), None
        return True

    def run(self, most):
        """All passes: candidates until none is left or there are `most`, then whether they are more than noise.

        While other planets in what is left pass for noise and leave one in doubt, the search goes on beyond `most`.
        """
        for _ in range(most + 1):
            while len(self.found) < most or (self.in_doubt(most) and len(self.found) < most + BEYOND):
                if not self.search(most):
                    break
            if not self.judge() or len(self.found) >= most or not self.accept_event(self.rest()):
                break
        if len(self.found) > most:
            self.found, self.dips, self.curve = self.found[:most], self.dips[:most], self.asked or self.curve

    def accept_event(self, rest):
        """Accept the strongest single event that lasts; False where there is none."""
        reason = self.reason
        accepted = any(self.accept(dip) for dip in islice(self.events(rest), MOST_EVENTS))
        self.reason = reason
        return accepted

    def events(self, rest):
        """The single events that stand out, the strongest first, their trend not knowing of them, as dips."""
        if rest is None:
            return
        events = self.find_events(rest)
        for event in events.events:
            # for measuring, a period that brings no second transit
            box = 4 * (rest.time[-1] - rest.time[0]), event.epoch, event.duration
            measured = measure_box(rest, *box)
            if measured is None or not measured["snr"] >= self.min_snr or not events.stand_out([event]):
                continue
            fap = gumbel_probability(0.5 * event.snr**2, 0.5 * events.maxima**2)
            rare = fap <= self.max_fap or not np.isfinite(fap)
            if rare and min(event.snr, measured["snr"]) >= LONE * self.min_snr:
                yield Dip(box, event.snr, fap=fap, one=True, sure=True)

    def accept(self, dip):
        """Mask a dip, flatten again and measure it there; False where it does not last."""
        period, epoch, duration = dip.box
        length = (ALONE if dip.one else 1.15) * duration  # a guess at first to fourth contact
        known = Candidate(period, np.nan, epoch, np.nan, length, *[np.nan] * 4, 0, 0.0)
        for _ in range(3):
            mask = transit_mask(self.flattener.time, [*self.found, known])
            try:
                flatter = self.flattener.flatten(mask)
            except ValueError:
                self.reason = "with the strongest dip masked too, no stretch is left to draw a trend through"
                return False
            if dip.one:
                dip = self._wider(flatter, dip)
            candidate = characterise(flatter, dip, self.found, self.found)
            if candidate is None or not candidate.snr >= (LONE if dip.one else 1.0) * self.min_snr:
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
        others = transit_mask(curve.time, self.found)
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
                again = characterise(self.curve, dip, self.found[:k], others)
                # one whose transits all but coincide with another's has nothing left to be measured on
                if again is not None and again.snr >= self.min_snr:
                    self.found[k] = again
