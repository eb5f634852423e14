"""Periods, epochs and durations as people give them: plain numbers or Quantities, own time system or full BJD."""

from __future__ import annotations

import numpy as np

__all__ = ["check_ephemeris", "ephemeris_of", "is_date", "own_epoch", "plain"]

FULL_BJD = 2_400_000.0
ZERO = {"bkjd": 2454833.0, "btjd": 2457000.0, "mjd": 2400000.5}
# astropy's, less UT1, which would need tables of the Earth's rotation
_SCALES = ("tdb", "tcb", "tcg", "tt", "tai", "utc")


def plain(value, unit):
    """A number in `unit` ("d", "h"): Quantities and TimeDeltas are converted, plain numbers are in it already.

    None stays None. A ValueError for more than one number and for a date where a span of time is asked for.
    """
    if value is None:
        return None
    if is_date(value):
        raise ValueError(f"a span of time is needed, got the date {value}")
    if hasattr(value, "to_value"):
        value = value.to_value(unit)
    if np.ndim(value):
        raise ValueError(f"one number is needed, got an array of shape {np.shape(value)}")
    return float(value)


def is_date(value):
    """Whether this is an astropy Time; a TimeDelta has no calendar."""
    # by a method that only Time has: to ask for .isot writes a calendar date for every point
    return hasattr(value, "to_value") and hasattr(value, "light_travel_time")


def _date(value, scale):
    """The full Julian date of an astropy Time, counted in `scale`."""
    if np.ndim(value):
        raise ValueError(f"one epoch is needed, got an array of shape {np.shape(value)}")
    if value.scale not in (scale, "local"):  # UTC is 69 s behind TDB
        value = getattr(value, scale)
    return float(value.jd)


def check_ephemeris(period, epoch, duration):
    """Raise a ValueError that says what is wrong with an ephemeris (plain numbers: days, days, hours)."""
    for name, value in (("period", period), ("epoch", epoch), ("duration", duration)):
        if not np.isfinite(value):
            raise ValueError(f"{name} must be finite, got {value}")
    if period <= 0 or duration <= 0:
        raise ValueError(f"period and duration must be positive, got period={period} d and duration={duration} h")
    if duration >= 24 * period:
        raise ValueError(
            f"duration {duration:g} h is not shorter than the period {period:g} d = {24 * period:g} h: "
            "durations are in hours; were days or minutes meant?"
        )


def own_epoch(epoch, time):
    """An epoch in a light curve's own time system; a full BJD is recognised by its value > 2,400,000.

    Parameters
    ----------
    epoch : float, days
    time : astropy.time.Time
        The light curve's.

    Raises
    ------
    ValueError
        The light curve's times are no days; or it counts them from a zero that nobody stated (lightkurve's "jd" for
        bare numbers below 2,400,000) and the epoch is a full BJD; or the other way round.
    """
    full, form = epoch > FULL_BJD, getattr(time, "format", "a phase")
    if form in ZERO:
        return epoch - ZERO[form] if full else epoch
    if form != "jd":
        raise ValueError(f"the light curve's times are {form!r}, not days; set lc.time.format = 'jd' (or 'btjd') first")
    days = np.ma.filled(np.ma.asarray(time.value, dtype=float), np.nan)
    first = np.min(days, initial=np.inf, where=np.isfinite(days))
    if full and first <= FULL_BJD:
        raise ValueError(
            f"epoch {epoch:.4f} is a full BJD, but the light curve counts its days from an unstated zero (its first "
            f"is {first:.4f}): give the epoch in its own days, or make its times astropy.time.Time(..., format='btjd')"
        )
    if first > FULL_BJD and not full:
        raise ValueError(
            f"epoch {epoch:.4f} is no full BJD, but the light curve's times are (its first is {first:.4f}): "
            "add 2457000 to a BTJD, 2454833 to a BKJD"
        )
    return epoch


def ephemeris_of(lc, period, epoch, duration):
    """(period [d], epoch [d, own system], duration [h]) checked and as plain numbers, for a light curve or collection.

    An epoch may also be an astropy Time of any scale; light travel time to the barycentre is not put in.

    Raises
    ------
    TypeError
        `lc` is neither a light curve nor some.
    ValueError
        As `check_ephemeris` and `own_epoch`; or one of the three is missing.
    """
    try:
        first = lc if hasattr(lc, "flux") else next(iter(lc), None)
    except TypeError:
        first = None
    if not (hasattr(first, "flux") and hasattr(first, "time")):
        raise TypeError(f"a LightCurve or LightCurveCollection is needed, got {type(lc).__name__}")
    if is_date(epoch):
        epoch = _date(epoch, first.time.scale if getattr(first.time, "scale", "") in _SCALES else "tdb")
    values = {"period": plain(period, "d"), "epoch": plain(epoch, "d"), "duration": plain(duration, "h")}
    missing = [name for name, value in values.items() if value is None]
    if missing:
        raise ValueError(f"an ephemeris needs period, epoch and duration; {', '.join(missing)} not given")
    check_ephemeris(**values)
    values["epoch"] = own_epoch(values["epoch"], first.time)
    return tuple(values.values())
