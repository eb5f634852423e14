"""Is this a supernova, and one like those the network was trained on?

Two kinds of doubt. Physics: a supernova brightens once; an object that was significantly bright long before or long
after its peak, or fainter than its template, or that jumps from night to night, is something else. Range: the network
has seen fluxes, errors, colours and widths of certain ranges, which its card holds; beyond them it guesses.
"""

from __future__ import annotations

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
    snr = photometry.flux[kept] / photometry.flux_err[kept]
    phase = photometry.mjd[kept] - views.peak[owner]

    def count(mask):
        return np.bincount(owner[mask], minlength=n)

    negative = count(snr < -_SNR)
    before = count((snr > _SNR) & (phase < _LONG_BEFORE))
    after = count((snr > _SNR) & (phase > _LONG_AFTER))
    jumps = _jumps(photometry, kept, owner, phase)
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


def _jumps(photometry, kept, owner, phase) -> np.ndarray:
    """Share of the points that lie far off the line between their neighbours in the same band."""
    channel = photometry.band[kept]
    flux, error = photometry.flux[kept], photometry.flux_err[kept]
    order = np.lexsort((phase, channel, owner))
    key = owner[order] * (int(channel.max(initial=0)) + 1) + channel[order]
    t, f, e, who = phase[order], flux[order], error[order], owner[order]
    share = np.zeros(len(photometry))
    if len(t) < 3:
        return share
    a, b, c = slice(0, -2), slice(1, -1), slice(2, None)
    span = t[c] - t[a]
    # between a supernova's points 15 d apart the curvature is a few percent of the flux; nightly repeats say nothing
    usable = (key[a] == key[b]) & (key[b] == key[c]) & (span > 0.5) & (span < 15)
    w = np.divide(t[b] - t[a], span, out=np.zeros_like(span), where=span > 0)
    line = (1 - w) * f[a] + w * f[c]
    size = np.maximum(np.abs(f[a]), np.abs(f[c]))
    sigma = np.sqrt(e[b] ** 2 + ((1 - w) * e[a]) ** 2 + (w * e[c]) ** 2 + (0.15 * size) ** 2)
    jump = usable & (np.abs(f[b] - line) > _JUMP * sigma)
    total = np.bincount(who[b][usable], minlength=len(share))
    return np.bincount(who[b][jump], minlength=len(share)) / np.maximum(total, 4)
