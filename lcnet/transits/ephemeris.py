"""Periods, epochs and durations as people give them: plain numbers or Quantities, own time system or full BJD."""

from __future__ import annotations

import numpy as np

__all__ = ["check_ephemeris", "ephemeris_of", "own_epoch", "plain"]

FULL_BJD = 2_400_000.0
ZERO = {"bkjd": 2454833.0, "btjd": 2457000.0, "mjd": 2400000.5}


def plain(value, unit):
    """A number in `unit` ("d", "h"): Quantities are converted, plain numbers are in it already; None stays None."""
    if value is None:
        return None
    if hasattr(value, "to_value"):
        # an astropy Time has to_value too, of a format: epochs are often given that way
        value = value.jd if hasattr(value, "jd") else value.to_value(unit)
    if np.ndim(value):
        raise ValueError(f"one number is needed, got an array of shape {np.shape(value)}")
    return float(value)


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


def own_epoch(epoch, time_format):
    """An epoch in a light curve's own time system; a full BJD is recognised by its value > 2,400,000.

    Parameters
    ----------
    epoch : float, days
    time_format : str
        lightkurve's: "bkjd", "btjd", "jd", "mjd".

    Raises
    ------
    ValueError
        A full BJD for a light curve whose time zero is unknown.
    """
    if epoch <= FULL_BJD or time_format == "jd":
        return epoch
    if time_format not in ZERO:
        raise ValueError(f"epoch {epoch:.4f} is a full BJD, but the light curve's zero is unknown ({time_format!r})")
    return epoch - ZERO[time_format]


def ephemeris_of(lc, period, epoch, duration):
    """(period [d], epoch [d, own system], duration [h]) checked and as plain numbers, for a light curve or collection.

    Raises
    ------
    ValueError
        As `check_ephemeris` and `own_epoch`; or one of the three is missing.
    """
    values = {"period": plain(period, "d"), "epoch": plain(epoch, "d"), "duration": plain(duration, "h")}
    missing = [name for name, value in values.items() if value is None]
    if missing:
        raise ValueError(f"an ephemeris needs period, epoch and duration; {', '.join(missing)} not given")
    check_ephemeris(**values)
    first = lc if hasattr(lc, "flux") else lc[0]
    values["epoch"] = own_epoch(values["epoch"], first.time.format)
    return tuple(values.values())
