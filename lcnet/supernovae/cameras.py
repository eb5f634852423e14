"""Surveys other than the challenge's, drawn at random: filters, depth, cadence and follow-up of griz cameras.

A network that has seen one survey alone takes its filters, depth and cadence for granted. Here every object is of a
survey of its own, between a deep rolling search and the follow-up of a bright nearby supernova, so that what real
surveys have lies inside (domain randomisation: Tobin et al. 2017, IROS 23). No real survey's light curves are used.
"""

from __future__ import annotations

import numpy as np

from lcnet.supernovae.survey import BANDS, WAVELENGTHS, Cadence

__all__ = ["REDSHIFTS", "draw_cameras", "draw_distances"]

REDSHIFTS = (0.004, 1.1)
_DETUNED = 0.075  # largest shift of a filter from the challenge's, relative: Pan-STARRS's z is 6% bluer
_DEPTH = (0.0, 2.3)  # decimal logarithm of the error of a faint point at zeropoint 27.5
_PHOTON, _PHOTON_SCATTER = 0.025, 0.9  # variance per unit of flux and of that error; scatter, natural logarithm
_FLOOR = (-2.7, -1.5)  # decimal logarithm of the smallest error as a share of the flux
_FOLLOW_UP = 0.5  # share of the objects that are observed from when somebody noticed them
_WITHOUT = (0.05, 0.02, 0.05, 0.25)  # share of the cameras without the band
_GAP = (0.0, 1.0)  # decimal logarithm of the mean time between visits [d]
_OFFSET = 0.3


def draw_cameras(n: int, rng, *, visits: int = 62) -> Cadence:
    """Nights, bands, filters and errors of `n` objects, each of a survey of its own."""
    bands = len(BANDS)
    mean = 10 ** rng.uniform(*_GAP, (n, 1))
    time = np.cumsum(mean * np.exp(0.5 * rng.standard_normal((n, visits)) - 0.125), axis=1)
    time -= time[:, :1]
    season = rng.uniform(50, 180, n)
    follow_up = rng.random(n) < _FOLLOW_UP
    peak = np.where(follow_up, rng.uniform(-6, 20, n), rng.uniform(-20, 1, n) + (season + 10) * rng.random(n))
    depth = 10 ** rng.uniform(*_DEPTH, n)
    each = depth[:, None] * np.exp(0.35 * rng.standard_normal((n, bands)))
    night = rng.standard_normal((n, visits, 1))
    own = rng.standard_normal((n, visits, bands))
    error = each[:, None, :] * np.exp(0.35 * (0.8 * night + 0.6 * own))
    # a survey takes all bands every night, or one or two of them
    present = np.where(rng.random((n, 1)) < 0.5, rng.uniform(0.3, 1, (n, 1)), 1.0) * (rng.random((n, bands)) > _WITHOUT)
    seen = (rng.random(error.shape) < present[:, None, :]) & (time < season[:, None])[:, :, None]
    return Cadence(
        time=time,
        error=np.where(seen, error, 0.0),
        peak=peak,
        photon=_PHOTON * depth * np.exp(_PHOTON_SCATTER * rng.standard_normal(n)),
        floor=10 ** rng.uniform(*_FLOOR, n),
        offset=_OFFSET * rng.standard_normal((n, bands)),
        wavelength=np.round(WAVELENGTHS * (1 + rng.uniform(-_DETUNED, _DETUNED, (n, bands)))),
    )


def draw_distances(n: int, rng) -> np.ndarray:
    """Redshifts, half of them even in the logarithm, half in z: depth, not volume, says how far a survey sees."""
    low, high = REDSHIFTS
    near = np.exp(rng.uniform(np.log(low), np.log(high), n))
    return np.where(rng.random(n) < 0.5, near, rng.uniform(10 * low, high, n))
