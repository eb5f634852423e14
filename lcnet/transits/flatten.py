"""Flatten a lightkurve light curve: the verb around `detrend`."""

from __future__ import annotations

import numpy as np

from lcnet.transits.candidates import flatten_window
from lcnet.transits.detrend import clean, flatten_curve, in_transit
from lcnet.transits.ephemeris import ZERO, ephemeris_of, plain
from lcnet.transits.periods import MIN_PERIOD

__all__ = ["flatten", "is_flat"]


def is_flat(lc):
    """Whether a light curve came out of `flatten`."""
    return hasattr(lc, "flux") and "LCNET_FLATTENED" in lc.meta


def flatten(lc, *, window=None, period=None, epoch=None, duration=None):
    """Clean and flatten a light curve, keeping transits.

    Points without a finite time and flux go, quarters or sectors are normalised one by one, a gap-aware biweight trend
    is divided out, bright outliers and single faint cadences are dropped. As it takes a LightCurve and returns one, it
    fits ``collection.stitch(corrector_func=transits.flatten)``.

    Parameters
    ----------
    lc : lightkurve.LightCurve, LightCurveCollection or list of LightCurve
        A collection's curves are flattened one by one and stitched.
    window : float or Quantity, days, optional
        Full width of the trend's window. Default: three times the longest duration of the default search.
    period, epoch : float or Quantity, days, optional
    duration : float or Quantity, hours, optional
        The ephemeris of transits that must not draw the trend; all three or none.

    Returns
    -------
    lightkurve.LightCurve
        ``flux`` and ``flux_err`` relative to the trend, sorted in time, fewer points; other columns follow theirs.
        ``meta`` gains ``NORMALIZED`` and ``LCNET_FLATTENED``, the window in days.

    Raises
    ------
    TypeError
        No light curve, or a list of something else.
    ValueError
        Fewer than 20 usable points, times that are no days, or an incomplete or impossible ephemeris.
    """
    if not hasattr(lc, "flux"):
        lc = _collection(lc)
        options = {"window": window, "period": period, "epoch": epoch, "duration": duration}
        return lc.stitch(corrector_func=lambda one: flatten(one, **options))

    ephemeris = None
    if not (period is None and epoch is None and duration is None):
        ephemeris = ephemeris_of(lc, period, epoch, duration)
    form = getattr(lc.time, "format", "a phase")
    if form not in ("jd", *ZERO):
        raise ValueError(f"the light curve's times are {form!r}, not days; set lc.time.format = 'jd' first")
    own_time = _array(lc.time)
    time, flux, flux_err, segment = clean(
        own_time, _array(lc.flux), _array(lc.flux_err) if "flux_err" in lc.colnames else None, segment=_segments(lc)
    )
    window = plain(window, "d") or flatten_window(max(0.5 * (time[-1] - time[0]), MIN_PERIOD))
    mask = None if ephemeris is None else in_transit(time, *ephemeris, widen=1.5)
    flat = flatten_curve(time, flux, flux_err, segment=segment, window=window, mask=mask)

    import astropy.units as u

    finite = np.flatnonzero(np.isfinite(own_time) & np.isfinite(_array(lc.flux)))
    order = finite[np.argsort(own_time[finite], kind="stable")]
    result = lc[order[np.searchsorted(own_time[order], flat.time)]]
    result["flux"] = flat.flux * u.dimensionless_unscaled
    result["flux_err"] = flat.flux_err * u.dimensionless_unscaled
    result.meta = {**lc.meta, "NORMALIZED": True, "LCNET_FLATTENED": float(window)}
    return result


def _collection(curves):
    """Several curves as what has lightkurve's `stitch`."""
    if not hasattr(curves, "stitch"):
        if not isinstance(curves, (list, tuple)) or not all(hasattr(one, "flux") for one in curves):
            raise TypeError(f"a LightCurve or LightCurveCollection is needed, got {type(curves).__name__}")
        import lightkurve

        curves = lightkurve.LightCurveCollection(list(curves))
    if len(curves) == 0:
        raise ValueError("an empty LightCurveCollection: nothing to flatten")
    return curves


def _array(column):
    """A column's plain numbers, masked ones NaN."""
    value = column.value
    if hasattr(value, "filled"):
        value = value.astype(float).filled(np.nan)
    return np.asarray(value, float)


def _segments(lc):
    """Quarter or sector of each point, where a stitched curve has such a column."""
    for name in ("quarter", "sector", "campaign", "segment"):
        if name in lc.colnames:
            return np.nan_to_num(_array(lc[name]), nan=-1).astype(np.int64)
    return None
