"""Is this a supernova, and one like those the network was trained on?

Two kinds of doubt. Physics: a supernova brightens once, for weeks; an object that was significantly bright long before
or long after its peak, or all the time and as bright, or fainter than its template, or that jumps from night to night,
or was gone days after its peak, or never rose above the noise, is something else. Range: the network has seen fluxes,
errors, colours and widths of certain ranges, which its card holds; beyond them it guesses.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lcnet.supernovae.photometry import Photometry
from lcnet.supernovae.views import CHANNELS, Views

__all__ = ["NAMES", "doubts", "summaries", "training_ranges"]

NAMES = ("log_flux", "log_snr", "log_error", "g_minus_r", "r_minus_i", "i_minus_z", "rise", "fall")
_LONG_BEFORE, _LONG_AFTER = -100.0, 300.0  # days from the peak
_SNR = 5.0
_FEW = 2  # points that may be wrong for other reasons
_TAIL = 1e-3  # share of the training set outside each range, both sides
_MARGIN = 0.15  # of a range, added on both sides
_JUMP, _JUMPS = 6.0, 0.35  # sigma from the line between its neighbours; share of the points
_WIDTH = 10.0  # sigma of the bump that is looked for, as `window` finds the peak [d]
_NOISE = 21.0  # fall of chi squared by the best bump that noise in four bands reaches once in a thousand seasons
_PATIENCE = 30.0  # days of data without a detection before it is said that there is none: a supernova's rise
_FLOOR = 0.03  # of errors, as a share of the flux: calibration
_STEADY_SPAN, _STEADY, _MOST = 50.0, 0.007, 1.5  # days; magnitudes a day; factor that is enough, however long
_THIRD, _TREND, _ABSENT = 3, 4.0, 0.3  # points; sigma; share of its mean below which it was not there
_PLATEAU = 130.0  # days, after which every plateau has ended
_FLASH, _GONE, _LEFT = 3.0, 12.0, 0.2  # days; days after which more than this share of the peak is left


def summaries(views: Views) -> np.ndarray:
    """Eight numbers an object, array (n, 8) named by `NAMES`; NaN where the data do not say.

    Decimal logarithms of the brightest flux, its SNR and the median error; colours near the peak as arcsinh of the flux
    over half a percent of the brightest flux; weighted mean times [d] before and after the peak.
    """
    flux, error, time = (views.inputs[name].astype(np.float64) for name in ("flux", "flux_err", "time"))
    seen = error > 0
    out = np.full((len(flux), len(NAMES)), np.nan)
    there = seen.any(axis=(1, 2))
    if not there.any():
        return out
    bright = np.where(seen, flux - error, -np.inf).max(axis=(1, 2))
    snr = np.where(seen, flux / np.where(seen, error, 1), -np.inf).max(axis=(1, 2))
    with np.errstate(all="ignore"):
        out[:, 0] = np.log10(np.maximum(bright, 0.1))
        out[:, 1] = np.log10(np.maximum(snr, 0.1))
        logs = np.where(seen, np.log10(np.where(seen, error, 1)), 0)
        out[:, 2] = logs.sum(axis=(1, 2)) / seen.sum(axis=(1, 2))
        near = seen & (np.abs(time) < 8)[:, :, None]
        mean = np.where(near, flux, 0).sum(axis=1) / near.sum(axis=1)
        scaled = np.arcsinh(mean / np.maximum(bright, 1e-3)[:, None] / 0.05)
        out[:, 3:6] = scaled[:, :-1] - scaled[:, 1:]
        weight = np.where(seen, np.maximum(flux, 0), 0).sum(axis=2)
        for column, side in ((6, time < 0), (7, time > 0)):
            out[:, column] = (weight * time * side).sum(axis=1) / (weight * side).sum(axis=1)
    out[~there] = np.nan
    return out


def training_ranges(views: Views) -> dict[str, list[float]]:
    """The range of every summary over a training set, for the network's card."""
    values = summaries(views)
    ranges = {}
    for column, name in enumerate(NAMES):
        found = values[:, column][np.isfinite(values[:, column])]
        low, high = np.quantile(found, [_TAIL, 1 - _TAIL])
        margin = _MARGIN * (high - low)
        ranges[name] = [round(float(low - margin), 4), round(float(high + margin), 4)]
    return ranges


def doubts(photometry: Photometry, views: Views, ranges=None, *, until=None) -> list[list[str]]:
    """What speaks against each object, a list of sentences; an empty one if nothing does.

    Parameters
    ----------
    photometry : Photometry
    views : Views
        Of the same objects.
    ranges : mapping of str to (float, float), optional
        As from `training_ranges`.
    until : array, shape (n,), MJD, optional
        Only what was observed up to then, as in `make_views`; NaN: everything.
    """
    names = np.array([band.name for band in photometry.bands] or [""])
    kept = np.isin(names, CHANNELS)[photometry.band] if len(photometry.mjd) else np.zeros(0, bool)
    if until is not None and len(kept):
        kept &= ~(photometry.mjd > np.asarray(until)[photometry.owner] + 1e-3)
    owner = photometry.owner[kept]
    n = len(photometry)
    points = _Points(
        owner=owner,
        channel=photometry.band[kept],
        phase=photometry.mjd[kept] - views.peak[owner],
        flux=photometry.flux[kept],
        error=photometry.flux_err[kept],
        objects=n,
    )
    snr, phase = points.snr, points.phase
    negative = points.count(snr < -_SNR)
    before = points.count((snr > _SNR) & (phase < _LONG_BEFORE))
    after = points.count((snr > _SNR) & (phase > _LONG_AFTER))
    jumps, span = _jumps(points), points.span()
    nothing = (span > _PATIENCE) & (_brightening(points) < _NOISE) & (negative <= _FEW)
    steady, flash = _steady(points), _flash(points)
    values = summaries(views)
    found: list[list[str]] = [[] for _ in range(n)]
    for number in range(n):
        said = found[number]
        if negative[number] > _FEW:
            said.append(f"{negative[number]} points below zero by 5 sigma: a variable source or a bad template")
        if before[number] > _FEW:
            said.append(f"bright more than {-_LONG_BEFORE:.0f} d before its peak")
        if after[number] > _FEW:
            said.append(f"bright more than {_LONG_AFTER:.0f} d after its peak")
        if jumps[number] > _JUMPS:
            said.append("jumps from night to night")
        if nothing[number]:
            said.append(f"nothing rises above the noise in {span[number]:.0f} d")
        if steady[number]:
            said.append(f"bright throughout {span[number]:.0f} d without rise or fall")
        if flash[number]:
            said.append("a flash: gone within days of its peak")
    for column, name in enumerate(NAMES):
        if ranges and name in ranges:
            low, high = ranges[name]
            with np.errstate(invalid="ignore"):
                outside = (values[:, column] < low) | (values[:, column] > high)
            for number in np.flatnonzero(outside):
                found[number].append(
                    f"{name} {values[number, column]:.2f} outside {low:.2f} to {high:.2f} of the training"
                )
    return found


@dataclass(frozen=True)
class _Points:
    """Points of n objects in the network's bands: whose, in which filter, days from the peak, flux and error."""

    owner: np.ndarray
    channel: np.ndarray
    phase: np.ndarray
    flux: np.ndarray
    error: np.ndarray
    objects: int

    @property
    def snr(self) -> np.ndarray:
        return self.flux / self.error

    @property
    def key(self) -> np.ndarray:
        """One number for each object and filter."""
        return self.owner * self.channels + self.channel

    @property
    def channels(self) -> int:
        return int(self.channel.max(initial=0)) + 1

    def count(self, mask) -> np.ndarray:
        return np.bincount(self.owner[mask], minlength=self.objects)

    def ends(self, mask=...) -> tuple[np.ndarray, np.ndarray]:
        """First and last phase of each object's points in `mask`; infinite without any."""
        first, last = np.full(self.objects, np.inf), np.full(self.objects, -np.inf)
        np.minimum.at(first, self.owner[mask], self.phase[mask])
        np.maximum.at(last, self.owner[mask], self.phase[mask])
        return first, last

    def span(self) -> np.ndarray:
        first, last = self.ends()
        return np.where(last >= first, last - first, 0.0)


def _jumps(points: _Points) -> np.ndarray:
    """Share of the points that lie far off the line between their neighbours in the same band."""
    order = np.lexsort((points.phase, points.key))
    key, who = points.key[order], points.owner[order]
    t, f, e = points.phase[order], points.flux[order], points.error[order]
    share = np.zeros(points.objects)
    if len(t) < 3:
        return share
    a, b, c = slice(0, -2), slice(1, -1), slice(2, None)
    span = t[c] - t[a]
    # nightly repeats say nothing
    usable = (key[a] == key[b]) & (key[b] == key[c]) & (span > 0.5) & (span < 15)
    w = np.divide(t[b] - t[a], span, out=np.zeros_like(span), where=span > 0)
    line = (1 - w) * f[a] + w * f[c]
    size = np.maximum(np.abs(f[a]), np.abs(f[c]))
    sigma = np.sqrt(e[b] ** 2 + ((1 - w) * e[a]) ** 2 + (w * e[c]) ** 2 + (_FLOOR * size) ** 2)
    # what a line misses of a bump of 10 d, the curvature of the fastest supernovae
    curved = size * w * (1 - w) * span**2 / (2 * _WIDTH**2)
    jump = usable & (np.abs(f[b] - line) > curved + _JUMP * sigma)
    total = np.bincount(who[b][usable], minlength=len(share))
    return np.bincount(who[b][jump], minlength=len(share)) / np.maximum(total, 4)


def _brightening(points: _Points) -> np.ndarray:
    """How much a bump at the peak, of 10 d and a height of its own in every filter, lowers chi squared, array (n,)."""
    bump, weight = np.exp(-0.5 * (points.phase / _WIDTH) ** 2), points.error**-2.0
    size = points.objects * points.channels
    top = np.bincount(points.key, bump * weight * points.flux, minlength=size)
    bottom = np.bincount(points.key, bump**2 * weight, minlength=size)
    gain = np.divide(np.maximum(top, 0) ** 2, bottom, out=np.zeros(size), where=bottom > 0)
    return gain.reshape(points.objects, -1).sum(axis=1)


def _steady(points: _Points) -> np.ndarray:
    """Whether an object is bright and the same in the first, middle and last third of its time, in all filters.

    In some filter a supernova changes by more than 0.7 mag in 100 d, plateaus in g; and what changes less in a shorter
    time does so by a trend, which shows above the scatter of the points. Of a star that varies from night to night the
    thirds are alike within their scatter. A filter in which nothing is ever seen says nothing: stars are red.
    """
    first, last = points.ends()
    span = np.where(last > first, last - first, 1.0)
    third = np.minimum((3 * (points.phase - first[points.owner]) / span[points.owner]).astype(int), 2)
    place, size = 3 * points.key + third, 3 * points.objects * points.channels

    def sums(values):
        return np.bincount(place, values, minlength=size).reshape(points.objects, -1, 3)

    number = sums(None)
    many = np.maximum(number, 1)
    # plain means: weighted ones of a source that varies are those of its faint points, whose errors are small
    mean, error = sums(points.flux) / many, np.sqrt(sums(points.error**2)) / many
    scatter = np.sqrt(np.maximum(sums(points.flux**2) / many - mean**2, 0) / np.maximum(number - 1, 1))
    judged, bright = (number >= _THIRD).all(axis=2), mean > _SNR * error
    # the outer thirds lie two thirds of the time apart
    change = np.minimum(10 ** (0.4 * _STEADY * span * 2 / 3), _MOST)[:, None]
    alike = bright.all(axis=2) & ((mean + 2 * error).max(axis=2) < change * (mean - 2 * error).min(axis=2))
    level = np.abs(mean[:, :, [0, 0, 1]] - mean[:, :, [1, 2, 2]])
    known = np.hypot(scatter, error)
    level = (level < _TREND * np.hypot(known[:, :, [0, 0, 1]], known[:, :, [1, 2, 2]])).all(axis=2)
    seen = judged & bright.any(axis=2)
    usual = (sums(points.flux).sum(axis=2) / np.maximum(number.sum(axis=2), 1)).ravel()[points.key]
    once = points.count(points.flux + 3 * points.error < _ABSENT * usual) == 0
    long = (span > _STEADY_SPAN) & seen.any(axis=1) & once
    return long & (~seen | (alike & (level | (span > _PLATEAU)[:, None]))).all(axis=1)


def _flash(points: _Points) -> np.ndarray:
    """Whether all that is bright lies within three days, and twelve days on the filter of the peak shows it gone."""
    n = points.objects
    bright = points.snr > _SNR
    first, last = points.ends(bright)
    short = (last >= first) & (last - first < _FLASH)
    order = np.lexsort((np.where(bright, points.snr, -np.inf), points.owner))
    owner = points.owner[order]
    final = np.r_[owner[1:] != owner[:-1], True] if len(owner) else np.zeros(0, bool)
    best = np.full(n, -1)
    best[owner[final]] = order[final]
    top = best[points.owner]  # the most significant point of each point's object
    days = points.phase - points.phase[top]
    low = points.flux + 3 * points.error < _LEFT * (points.flux - 3 * points.error)[top]
    gone = low & (points.channel == points.channel[top]) & (days > 0) & (days <= _GONE)
    return short & (points.count(gone) > 0)
