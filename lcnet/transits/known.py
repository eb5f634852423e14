"""Measure ephemerides that are already known, on plain arrays: what a search would say of them, without the search.

The light curve is flattened once, the transits of all its ephemerides masked, which is the state a search ends in; then
each is measured with the very functions that `find_candidates` measures with.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lcnet.transits.candidates import MASK_WIDTH, Candidate, Search, flatten_window
from lcnet.transits.detrend import clean, flatten_curve, in_transit
from lcnet.transits.ephemeris import FULL_BJD, check_ephemeris
from lcnet.transits.matching import harmonic_ratio
from lcnet.transits.measure import first_transit, line_errors, measure_box
from lcnet.transits.periods import MIN_PERIOD
from lcnet.transits.refine import fit_transit

__all__ = ["Ephemeris", "measure_flat", "measure_known", "why_not"]

ZERO = {"BKJD": 2454833.0, "BTJD": 2457000.0, "BJD": 0.0}
# The trend is drawn through what no mask covers; junk in a table of events can cover a light curve whole
MIN_FREE = 0.5
# as `find_candidates`: a mean over its window keeps a transit of a third of it
WINDOW_DURATIONS = 3.0
# The box that fits a transit best is shorter than first to fourth contact; its SNR is what the search would report
BOX = 0.87


@dataclass(frozen=True)
class Ephemeris:
    """One known event, as it was given.

    Attributes
    ----------
    period : float, days
    epoch : float, days
        Any mid-transit, before, in or after the data.
    duration : float, hours
    system : str
        "BKJD", "BTJD", "BJD", or "" for the light curve's own days; an epoch over 2,400,000 is a full BJD anyway.
    """

    period: float
    epoch: float
    duration: float
    system: str = ""

    def counted_in(self, system: str) -> tuple[float, float, float]:
        """(period [d], epoch [d], duration [h]) with the epoch in a light curve's own time system.

        Raises
        ------
        ValueError
            It is no ephemeris (`check_ephemeris`), or the epoch cannot be brought to `system`.
        """
        check_ephemeris(self.period, self.epoch, self.duration)
        stated = self.system
        full = self.epoch > FULL_BJD
        if stated == "BJD" and not full:
            raise ValueError(f"epoch {self.epoch:.4f} is said to be a BJD, but no BJD is below {FULL_BJD:,.0f}")
        if full:
            stated = "BJD"
        if not stated:
            if system == "BJD":
                raise ValueError(f"epoch {self.epoch:.4f} is no full BJD, but the light curve's times are")
            return self.period, self.epoch, self.duration
        if system not in ZERO:
            raise ValueError(
                f"epoch {self.epoch:.4f} is a {stated}, but the light curve counts its days from an unstated zero"
            )
        return self.period, self.epoch + (ZERO[stated] - ZERO[system]), self.duration


def measure_known(time, flux, flux_err=None, *, segment=None, ephemerides) -> Search:
    """Measure known ephemerides on a raw light curve.

    Parameters
    ----------
    time : array, shape (N,), days
    flux : array, shape (N,)
        Raw flux, any unit.
    flux_err : array, shape (N,), optional
    segment : array of int, shape (N,), optional
        Quarter or sector; each is normalised and flattened by itself.
    ephemerides : sequence of (period [d], epoch [d], duration [h])
        The epoch, any mid-transit, in the light curve's own time system.

    Returns
    -------
    Search
        One `Candidate` for each ephemeris, in their order, and no periodogram. Its period and duration are those given,
        its epoch is carried to the first mid-transit in the data, `sde` is NaN, and the errors are what this light
        curve alone would tell period and epoch to. One that cannot be measured has status "failed", its depth and SNR
        are NaN, and `why_not` says why.

    Raises
    ------
    ValueError
        No ephemeris, an impossible one, or a light curve that cannot be flattened.
    """
    known = [(float(period), float(epoch), float(duration)) for period, epoch, duration in ephemerides]
    if not known:
        raise ValueError("no ephemeris given")
    for ephemeris in known:
        check_ephemeris(*ephemeris)
    time, flux, flux_err, segment = clean(time, flux, flux_err, segment=segment)
    if not np.ptp(flux) > 0:
        raise ValueError("the light curve is constant: there is nothing to measure")
    baseline = float(time[-1] - time[0])
    longest = max(duration for _, _, duration in known) / 24.0
    window = max(flatten_window(max(0.5 * baseline, MIN_PERIOD)), WINDOW_DURATIONS * longest)
    mask = _trend_mask(time, known)
    return measure_flat(flatten_curve(time, flux, flux_err, segment=segment, window=window, mask=mask), known)


def measure_flat(curve, ephemerides) -> Search:
    """`measure_known` on a light curve that is flat already.

    Parameters
    ----------
    curve : Flattened
    ephemerides : sequence of (period [d], epoch [d], duration [h])

    Returns
    -------
    Search
    """
    known = [tuple(map(float, ephemeris)) for ephemeris in ephemerides]
    return Search(
        candidates=_candidates(curve, known),
        status="ok",
        reason="",
        time=curve.time,
        flux=curve.flux,
        flux_err=curve.flux_err,
        trend=curve.trend,
        raw_flux=curve.raw_flux,
        segment=curve.segment,
        periodograms=(),
    )


def why_not(search: Search, index: int) -> str:
    """Why an ephemeris of `measure_known` could not be measured, in words; "" for one that was."""
    this = search.candidates[index]
    if this.status != "failed":
        return ""
    first, last = search.time[0], search.time[-1]
    number = np.arange(np.floor((first - this.epoch) / this.period), np.ceil((last - this.epoch) / this.period) + 1)
    mid = this.epoch + this.period * number
    within = mid[(mid >= first) & (mid <= last)]
    if within.size == 0:
        nearest = f"the nearest are at {mid[0]:.2f} and {mid[-1]:.2f}"
        return f"no transit falls on the data: {nearest}, the data run from {first:.2f} to {last:.2f}"
    if in_transit(search.time, this.period, this.epoch, this.duration, widen=2.0).mean() > 0.5:
        return "too little of the light curve lies outside of the transits"
    where = ", ".join(f"{one:.2f}" for one in within[:3]) + (" ..." if within.size > 3 else "")
    return f"no transit holds enough points: at {where} there is a gap"


def _mask(time, ephemeris):
    """The points in transit, wings included; at most half of the orbit, however long the event is said to be."""
    period, _, duration = ephemeris
    return in_transit(time, *ephemeris, widen=min(MASK_WIDTH, 12.0 * period / duration))


def _trend_mask(time, known):
    """The transits the trend is not drawn through: the rarest first, as long as half of the points stay."""
    masked = np.zeros(time.size, bool)
    for ephemeris in sorted(known, key=lambda one: one[2] / one[0]):
        both = masked | _mask(time, ephemeris)
        if 1.0 - both.mean() >= MIN_FREE:
            masked = both
    return masked


def _candidates(curve, known):
    boxes = [_box(curve, known, k) for k in range(len(known))]
    snr = [-np.inf if box is None else box["snr"] for box, _ in boxes]
    order = sorted(range(len(known)), key=lambda k: (-snr[k], k))
    span = {"first": curve.time[0], "last": curve.time[-1]}
    harmonic = [0] * len(known)
    for rank, k in enumerate(order):
        harmonic[k] = next((j + 1 for j in order[:rank] if harmonic_ratio(known[k], known[j], **span)), 0)
    return tuple(
        _candidate(curve, *one, number) for one, number in zip(zip(known, boxes, strict=True), harmonic, strict=True)
    )


def _box(curve, known, k):
    """What `measure_box` says of one ephemeris (None: nothing to measure), and the others' points that it left out."""
    period, epoch, duration = known[k]
    box = measure_box(curve, period, epoch, BOX * duration)
    if box is None or box["n_transits"] == 0:
        return None, None
    masked = np.zeros(curve.time.size, bool)
    for other in known[:k] + known[k + 1 :]:
        masked |= _mask(curve.time, other)
    # of an event listed twice, or under junk that covers it, nothing would be left: then it is measured as it is
    if masked.any() and masked[in_transit(curve.time, *known[k])].mean() < 0.5:
        again = measure_box(curve, period, epoch, BOX * duration, others=masked)
        if again is not None and again["n_transits"]:
            return again, masked
    return box, None


def _candidate(curve, ephemeris, measured, harmonic):
    period, epoch, duration = ephemeris
    box, others = measured
    if box is None:
        return Candidate(period, np.nan, epoch, np.nan, duration, *[np.nan] * 4, 0, 0.0, status="failed")
    epoch = float(first_transit(curve.time, period, epoch, duration))
    cadence = curve.cadence
    period_err, epoch_err = line_errors(max(box["snr"], 1.0), BOX * duration, box["single"][:, 0], cadence)
    fitted = {"depth": box["depth"], "depth_err": box["depth_err"]}
    sigma = box["sigma"] * box["beta"]
    shape = fit_transit(curve, period, epoch, BOX * duration, sigma=sigma, exposure=cadence, others=others)
    # a fit that has wandered off is of another dip than the one in question
    if shape is not None and 0.5 < shape.duration / duration < 2.0:
        fitted = {name: getattr(shape, name) for name in ("depth", "depth_err", "duration_err", "impact")}
    flags = []
    single = np.sort(box["single"][:, 2])
    if single.size > 1 and single[-1] > 2 * single[:-1].sum() / np.sqrt(single.size - 1):
        flags.append("one_event")
    elif box["n_transits"] == 2:
        flags.append("two_transits")
    if harmonic:
        flags.append("harmonic")
    if duration / 24.0 > 0.15 * period:
        flags.append("long_duration")
    return Candidate(
        period=period,
        period_err=float(period_err),
        epoch=epoch,
        epoch_err=float(epoch_err),
        duration=duration,
        snr=float(box["snr"]),
        sde=np.nan,
        n_transits=box["n_transits"],
        coverage=float(box["coverage"]),
        harmonic_of=harmonic,
        flags=tuple(flags),
        status="ok" if box["n_transits"] > 1 else "single_transit",
        **{name: float(value) for name, value in fitted.items()},
    )
