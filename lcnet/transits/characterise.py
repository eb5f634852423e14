"""An accepted dip as a candidate: measured, fitted, its flags, on the light curve flattened without its transits."""

from __future__ import annotations

import numpy as np

from lcnet.transits.dips import Candidate, transit_mask
from lcnet.transits.matching import harmonic_ratio
from lcnet.transits.measure import first_transit, line_errors, measure_box, repeats
from lcnet.transits.refine import fit_transit
from lcnet.transits.singles import shortest_period
from lcnet.transits.whole import whole_transits

__all__ = ["characterise"]

FEW_TRANSITS = 6  # of so few, half and at least two must be whole: sides, no step, no ramp
LONGEST_DUTY = 0.4  # of the orbit: no eclipse is longer, what is goes up and down
# Times the gain of a drop that decays, for a lone event to pass for a transit: a box gains 1.2 times as much, a V 1.4
BETTER = 1.1


def characterise(curve, dip, stronger, others):
    """Measure an accepted dip on the light curve flattened with its transits, and those of `others`, masked."""
    hidden = transit_mask(curve.time, others)
    measured = measure_box(curve, *dip.box, others=hidden)
    if measured is None or measured["n_transits"] == 0:
        return None
    if not dip.one and not repeats(measured["single"]):  # the trend had bitten into a deep event, not into its like
        return None
    period, epoch, duration = dip.box
    cadence = curve.cadence
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
        if whole.sum() < max(min(2, whole.size), whole.size / 2):
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
