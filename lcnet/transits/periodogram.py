"""The box search as a lightkurve periodogram.

`BoxPeriodogram` is lightkurve's ``BoxLeastSquaresPeriodogram`` with another engine behind it: whatever takes the one
takes the other. Two things are more: `search`, the plain arrays, and `peaks`, the refined periods with the transits
they rest on.
"""

from __future__ import annotations

import astropy.units as u
import numpy as np
from astropy.table import QTable
from astropy.time import Time
from astropy.timeseries import BoxLeastSquares
from lightkurve.periodogram import BoxLeastSquaresPeriodogram

from lcnet.transits.bls import bls_search
from lcnet.transits.detrend import robust_sigma
from lcnet.transits.ephemeris import ZERO

__all__ = ["BoxPeriodogram", "periodogram"]


class BoxPeriodogram(BoxLeastSquaresPeriodogram):
    """A box periodogram of a light curve: see `lcnet.transits.bls`.

    The values "at max power" are those of the strongest box that rests on repeated transits: one deep event gives every
    long period a high power, and no period.

    Attributes
    ----------
    search : BoxSearch
        The plain arrays: days, hours, the light curve's flux unit.
    """

    def __init__(self, *args, search=None, **kwargs):
        self.search = search
        super().__init__(*args, **kwargs)

    @property
    def peaks(self):
        """The refined periods, best first: QTable with one row a peak; empty for single trial periods."""
        unit = getattr(self.depth, "unit", None) or u.dimensionless_unscaled
        peaks = self.search.peaks
        table = QTable()
        for name, to in (("period", u.d), ("epoch", u.d), ("duration", u.h), ("depth", unit), ("depth_err", unit)):
            table[name] = [getattr(peak, name) for peak in peaks] * to
        for name in ("power", "n_transits", "n_effective", "strongest", "rest", "score", "kind"):
            table[name] = [getattr(peak, name) for peak in peaks]
        return table

    @property
    def period_at_max_power(self):
        """The period of the strongest repeated box."""
        return self.period[self.search.best]

    @property
    def frequency_at_max_power(self):
        """Its inverse."""
        return self.frequency[self.search.best]

    @property
    def transit_time_at_max_power(self):
        """The first mid-transit of the strongest repeated box."""
        return self.transit_time[self.search.best]

    @property
    def duration_at_max_power(self):
        """The duration of the strongest repeated box."""
        return self.duration[self.search.best]

    @property
    def depth_at_max_power(self):
        """The depth of the strongest repeated box."""
        return self.depth[self.search.best]


def _plain(column):
    value = column.value
    return np.asarray(np.ma.filled(np.ma.asarray(value, dtype=float), np.nan), float)


def periodogram(lc, **options):
    """The `BoxPeriodogram` of a lightkurve light curve; `options` as in `bls_search`."""
    if not (hasattr(lc, "flux") and hasattr(lc, "time")):
        hint = "; stitch a collection first: collection.stitch(corrector_func=transits.flatten)"
        raise TypeError(f"a LightCurve is needed, got {type(lc).__name__}{hint if hasattr(lc, 'stitch') else ''}")
    form = lc.time.format if isinstance(lc.time, Time) else "a phase"
    if form not in ("jd", *ZERO):
        raise ValueError(f"the light curve's times are {form!r}, not days; set lc.time.format = 'jd' first")
    time, flux = _plain(lc.time), _plain(lc.flux)
    err = _plain(lc.flux_err) if "flux_err" in lc.colnames else np.full(time.shape, np.nan)
    good = np.isfinite(time) & np.isfinite(flux)
    # errors that are there for some points only are no errors; lightkurve does the same
    stated = bool(good.any()) and bool(np.all((err[good] > 0) & np.isfinite(err[good])))
    time, flux, err = time[good], flux[good], err[good]
    search = bls_search(time, flux, err if stated else None, **options)
    if search.period.size < 2:
        raise ValueError("a periodogram needs at least two trial periods; use transits.bls_search for one")
    if not stated:
        scatter = robust_sigma(flux)
        err = np.full(time.size, scatter if scatter > 0 else 1.0)
    unit = lc.flux.unit or u.dimensionless_unscaled
    times = Time(lc.time[good])
    depth = search.depth * unit
    return BoxPeriodogram(
        frequency=1.0 / (search.period * u.d),
        power=search.power * u.dimensionless_unscaled,
        default_view="period",
        label=lc.meta.get("LABEL"),
        targetid=lc.meta.get("TARGETID"),
        transit_time=Time(search.epoch, format=times.format, scale=times.scale),
        duration=(search.duration / 24.0) * u.d,
        depth=depth,
        snr=search.depth / search.depth_err * u.dimensionless_unscaled,
        bls_result=search,
        bls_obj=BoxLeastSquares(times, flux * unit, err * unit),
        time=times,
        flux=lc.flux[good],
        time_unit="day",
        search=search,
    )
