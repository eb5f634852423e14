"""Photometry as a network's inputs, and what is known of it on the way: bands, peak, trigger.

What enters is the photometry in the network's bands and the Milky Way's dust, and nothing else of an object: no name,
no survey, no date, no SIM_ key, no redshift but the one the caller gives.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lcnet.supernovae import window
from lcnet.supernovae.photometry import Photometry

__all__ = ["CHANNELS", "Views", "make_views"]

CHANNELS = ("g", "r", "i", "z")


@dataclass(frozen=True)
class Views:
    """What a network is given of n objects, and where that lies in time.

    Parameters
    ----------
    inputs : dict of str to array
        ``time`` (n, nights), ``flux`` and ``flux_err`` (n, nights, bands), ``wavelength`` (n, bands).
    peak, trigger : array, shape (n,), MJD
        NaN where there is none.
    n_obs : array of int, shape (n,)
        Points in the window.
    seen : array of bool, shape (n, bands)
        Bands with a point in the window.
    snr : array, shape (n,)
        Highest of a single point in the window; NaN without one.
    """

    inputs: dict[str, np.ndarray]
    peak: np.ndarray
    trigger: np.ndarray
    n_obs: np.ndarray
    seen: np.ndarray
    snr: np.ndarray


def make_views(
    photometry: Photometry, *, epoch=None, until=None, dust: bool = True, nights: int = window.NIGHTS
) -> Views:
    """The window of every object.

    Parameters
    ----------
    photometry : Photometry
    epoch : float or array, shape (n,), days, optional
        Only what was observed up to so many days after the trigger (before the first night of objects that never
        trigger: nothing is left of them); default: everything.
    until : array, shape (n,), MJD, optional
        Only what was observed up to then; NaN: everything.
    dust : bool
        Correct for the dust of the Milky Way (Fitzpatrick 1999).
    nights : int

    Returns
    -------
    Views
    """
    channel_of = np.array([CHANNELS.index(band.name) if band.name in CHANNELS else -1 for band in photometry.bands])
    channel = channel_of[photometry.band] if len(photometry.mjd) else np.array([], dtype=np.int64)
    kept = channel >= 0
    owner = photometry.owner[kept]
    start = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=len(photometry)))])
    mjd, channel = photometry.mjd[kept], channel[kept].astype(np.int64)
    flux, err = photometry.flux[kept], photometry.flux_err[kept]
    wavelength = np.array([band.wavelength for band in photometry.bands] or [0.0])[photometry.band[kept]]
    if dust and len(mjd):
        from lcnet.supernovae.dust import deredden

        flux, err = deredden(flux, err, wavelength, photometry.objects["mwebv"].to_numpy()[owner])
    t = window.days(mjd, start)
    trigger = window.find_triggers(t, flux, err, start)
    n = len(photometry)
    first = np.full(n, np.nan)
    has = np.diff(start) > 0
    first[has] = mjd[start[:-1][has]]
    latest = np.full(n, np.inf)
    if epoch is not None:
        latest = np.where(np.isfinite(trigger), trigger + epoch, -np.inf)
    if until is not None:
        # a time itself is in: half a tick above it, so that rounding does not put it out
        latest = np.fmin(latest, np.asarray(until) - first + 1e-3)
    peak = window.find_peaks(t, channel, flux, err, start, latest, len(CHANNELS))
    time, fluxes, errors = window.make_nights(t, channel, flux, err, start, peak, latest, len(CHANNELS), nights)
    inside = (t >= peak[owner] - window.BEFORE) & (t <= peak[owner] + window.AFTER) & (t <= latest[owner])
    snr = np.full(n, -np.inf)
    np.maximum.at(snr, owner[inside], (flux / err)[inside])
    seen = (errors > 0).any(axis=1)
    filters = np.zeros((n, len(CHANNELS)), np.float32)
    filters[owner, channel] = wavelength
    return Views(
        # a band that is not in the window says nothing, its filter neither
        inputs={"time": time, "flux": fluxes, "flux_err": errors, "wavelength": np.where(seen, filters, np.float32(0))},
        peak=first + peak,
        trigger=np.where(trigger <= latest, first + trigger, np.nan),
        n_obs=np.bincount(owner[inside], minlength=n),
        seen=seen,
        snr=np.where(np.isfinite(snr), snr, np.nan),
    )
