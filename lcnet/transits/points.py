"""A light curve as a box search takes it: plain floats, finite, in order of time, whatever the arrays came in.

What is masked is missing, as a NaN is. Times may be days, Quantities or astropy Times; fluxes and their errors have the
same unit or none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lcnet.transits.detrend import robust_sigma
from lcnet.transits.ephemeris import ZERO, is_date

__all__ = ["Points", "columns", "converted", "floats", "read_points"]

UNEVEN = 0.1  # steps off the median by more are no cadence


@dataclass(frozen=True)
class Points:
    """The usable points in order of time, and what the grids need to know of them.

    Attributes
    ----------
    time, flux, err : array, shape (N,)
    baseline, cadence : float, days
        The cadence is the median step.
    """

    time: np.ndarray
    flux: np.ndarray
    err: np.ndarray
    baseline: float
    cadence: float

    @property
    def regular(self):
        """Whether most steps are the cadence: nothing shorter is seen then, as it is by points at random times."""
        return np.mean(np.abs(np.diff(self.time) - self.cadence) < UNEVEN * self.cadence) > 0.5


def converted(name, value, unit):
    """The number or array of a Quantity or TimeDelta in `unit`; a ValueError that names the argument."""
    try:
        return value.to_value(unit)
    except Exception as error:
        own, to = getattr(value, "unit", "a TimeDelta"), str(unit) or "relative flux"
        raise ValueError(f"{name} in {own} cannot be converted to {to}") from error


def floats(name, values, unit):
    """An array as plain floats: masked values are NaN, Quantities and columns with a unit are converted to `unit`.

    Raises
    ------
    ValueError
        No numbers, dates, or another kind of unit; the message names the argument.
    """
    if type(values) is np.ndarray and values.dtype == np.float64:
        return values
    if is_date(values):
        raise ValueError(f"{name} must be numbers, got dates")
    if hasattr(values, "to_value"):
        values = converted(name, values, unit)
    elif getattr(values, "unit", None) is not None and unit is not None:  # a column of an astropy Table
        filled = values.astype(float).filled(np.nan) if hasattr(values, "filled") else values
        values = converted(name, filled.quantity, unit)
    try:
        if hasattr(values, "filled"):
            values = values.astype(float).filled(np.nan)
        return np.asarray(values, float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be an array of numbers, got {type(values).__name__}: {error}") from error


def _days(time):
    """Times in plain days, of astropy Times those of their own format."""
    if not is_date(time):
        return floats("time", time, "d")
    if time.format not in ("jd", *ZERO):
        raise ValueError(f"the light curve's times are {time.format!r}, not days; set time.format = 'jd' first")
    return floats("time", time.value, None)


def _flux(flux):
    """Flux in its own unit."""
    unit = getattr(flux, "unit", None)
    if unit == "mag":
        raise ValueError("flux is in magnitudes, in which a dip is a rise: give relative flux, 10**(-0.4 * magnitude)")
    return floats("flux", flux, unit)


def _error(flux, flux_err):
    """The errors in the flux's unit: a flux in percent, or in electrons a second, says nothing about bare numbers."""
    unit = getattr(flux, "unit", None)
    if unit is not None and unit != "" and getattr(flux_err, "unit", None) is None:
        raise ValueError(f"flux is in {unit} and flux_err has no unit: give both a unit, or neither")
    return floats("flux_err", flux_err, "" if unit is None else unit)


def columns(lc):
    """(time, flux, flux_err) of a lightkurve light curve as plain arrays, in its own days and the unit of its flux.

    As in lightkurve, errors without a unit are in that of the flux, and those that are there for some points only are
    none: None unless every point with a finite time and flux has one.

    Raises
    ------
    TypeError
        No light curve.
    ValueError
        Its times are no days, or its errors of another unit than its fluxes.
    """
    if not (hasattr(lc, "flux") and hasattr(lc, "time")):
        hint = "; stitch a collection first: collection.stitch(corrector_func=transits.flatten)"
        raise TypeError(f"a LightCurve is needed, got {type(lc).__name__}{hint if hasattr(lc, 'stitch') else ''}")
    if not is_date(lc.time):
        raise ValueError("the light curve's times are a phase, not days; search it before it is folded")
    time, flux = _days(lc.time), _flux(lc.flux)
    if "flux_err" not in lc.colnames:
        return time, flux, None
    own = getattr(lc.flux_err, "unit", None)
    err = floats("flux_err", lc.flux_err, own)
    there = err[np.isfinite(time) & np.isfinite(flux)]
    if not (there.size and np.all((there > 0) & np.isfinite(there))):
        return time, flux, None
    return time, flux, err if own is None else _error(lc.flux, lc.flux_err)


def read_points(time, flux, flux_err=None):
    """The usable `Points` of a light curve: of finite time and flux and, where errors are given, a positive one.

    Parameters
    ----------
    time : array, shape (N,), days, or Quantity or Time
    flux : array, shape (N,), or Quantity
    flux_err : array, shape (N,), or one number for all points, or Quantity, optional
        Without, all points weigh the same, with the robust scatter as error.

    Raises
    ------
    ValueError
        Shapes or units that do not fit, or fewer than 3 usable points or one time only.
    """
    time = _days(time)
    err = np.full(time.shape, np.nan) if flux_err is None else _error(flux, flux_err)
    flux = _flux(flux)
    if err.ndim == 0:
        err = np.full(time.shape, float(err))
    if not time.shape == flux.shape == err.shape or time.ndim != 1:
        raise ValueError(f"time {time.shape}, flux {flux.shape} and flux_err {err.shape} must be 1-D and of one length")
    good = np.isfinite(time) & np.isfinite(flux)
    if flux_err is not None:
        good &= (err > 0) & (err < np.inf)
    if good.sum() < 3:
        raise ValueError(f"{int(good.sum())} usable points, at least 3 are needed")
    if not good.all():
        time, flux, err = time[good], flux[good], err[good]
    steps = np.diff(time)
    if (steps < 0).any():
        order = np.argsort(time, kind="stable")
        time, flux, err = time[order], flux[order], err[order]
        steps = np.diff(time)
    if not time[-1] > time[0]:
        raise ValueError("all points have the same time")
    if flux_err is None:
        scatter = robust_sigma(flux)
        err = np.full(time.size, scatter if scatter > 0 else 1.0)
    return Points(time, flux, err, float(time[-1] - time[0]), float(np.median(steps)))
