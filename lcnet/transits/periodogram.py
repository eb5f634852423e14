"""The box search as a lightkurve periodogram.

`BoxPeriodogram` is lightkurve's ``BoxLeastSquaresPeriodogram`` with another engine behind it: whatever takes the one
takes the other. Two things are more: `search`, the plain arrays, and `peaks`, the refined periods with the transits
they rest on.
"""

from __future__ import annotations

from dataclasses import replace

import astropy.units as u
import numpy as np
from astropy.table import QTable
from astropy.time import Time
from astropy.timeseries import BoxLeastSquares
from lightkurve.periodogram import BoxLeastSquaresPeriodogram

from lcnet.transits.bls import bls_search
from lcnet.transits.detrend import robust_sigma
from lcnet.transits.points import columns

__all__ = ["BoxPeriodogram", "periodogram"]

COLUMNS = ("period", "power", "epoch", "duration", "depth", "depth_err")


class BoxPeriodogram(BoxLeastSquaresPeriodogram):
    """A box periodogram of a light curve: see `lcnet.transits.bls`.

    The values "at max power" are those of the strongest box that rests on repeated transits: one deep event gives every
    long period a high power, and no period. Only where no box repeats are they those of the highest power.

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
    def _best(self):
        """Index in `search`: of the strongest repeated box, or of the highest power where none repeats."""
        peaks = self.search.peaks
        repeats = bool(peaks) and peaks[0].kind != "single_transit"
        return peaks[0].index if repeats else int(np.argmax(self.search.power))

    @property
    def frequency_at_max_power(self):
        """The inverse of the period of the strongest repeated box."""
        return 1.0 / (self.search.period[self._best] * u.d)

    @property
    def period_at_max_power(self):
        """The period of the strongest repeated box."""
        return 1.0 / self.frequency_at_max_power

    @property
    def transit_time_at_max_power(self):
        """The first mid-transit of the strongest repeated box."""
        return self.transit_time[self._best]

    @property
    def duration_at_max_power(self):
        """The duration of the strongest repeated box."""
        return self.duration[self._best]

    @property
    def depth_at_max_power(self):
        """The depth of the strongest repeated box."""
        return self.depth[self._best]

    def bin(self, binsize=10, method="mean"):
        """As lightkurve's: mean or median power. The boxes, and the best of them, stay those of all the periods."""
        binned = super().bin(binsize, method)
        return binned._boxes(self._members()[: binned.frequency.size * binsize].ravel())

    def __getitem__(self, key):
        return super().__getitem__(key)._boxes(np.ravel(self._members()[key]))

    def _members(self):
        """Which periods of `search` each period here is made of, shape (P, bin size)."""
        size = self.search.period.size // self.frequency.size
        return np.arange(self.frequency.size * size).reshape(-1, size)

    def _boxes(self, members):
        """This periodogram with only so many of the boxes, `members` in `search`."""
        place = {old: new for new, old in enumerate(members.tolist())}
        peaks = tuple(replace(peak, index=place[peak.index]) for peak in self.search.peaks if peak.index in place)
        columns = {name: getattr(self.search, name)[members] for name in COLUMNS}
        self.search = self._BLS_result = replace(self.search, peaks=peaks, **columns)
        for name in ("transit_time", "duration", "depth", "snr"):
            setattr(self, name, getattr(self, name)[members])
        return self


def periodogram(lc, **options):
    """The `BoxPeriodogram` of a lightkurve light curve; `options` as in `bls_search`."""
    time, flux, err = columns(lc)
    good = np.isfinite(time) & np.isfinite(flux)
    time, flux, err = time[good], flux[good], None if err is None else err[good]
    search = bls_search(time, flux, err, **options)
    if search.period.size < 2:
        raise ValueError("a periodogram needs at least two trial periods; use transits.bls_search for one")
    if err is None:
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
