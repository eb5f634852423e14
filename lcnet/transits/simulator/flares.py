"""Stellar flares: the empirical template of white-light flares, integrated over each exposure in closed form."""

from __future__ import annotations

import math

import numpy as np

__all__ = ["draw_flares", "flare_template"]

# Davenport et al. 2014, ApJ 797, 122, eqs. 1 and 4: time in units of the full width at half maximum, peak 1
_RISE = (1.0, 1.941, -0.175, -2.246, -1.125)
_DECAY = ((0.6890, 1.600), (0.3030, 0.2783))


def _integral(t):
    """Integral of the template from -1 to `t`."""
    rise = np.clip(t, -1.0, 0.0)
    out = sum(c / (k + 1) * (rise ** (k + 1) - (-1.0) ** (k + 1)) for k, c in enumerate(_RISE))
    decay = np.maximum(t, 0.0)
    return out + sum(a / b * -np.expm1(-b * decay) for a, b in _DECAY)


def flare_template(time, *, peak, fwhm, amplitude, exposure):
    """Relative flux of one flare, averaged over exposures.

    Parameters
    ----------
    time : array, shape (N,), days
        Mid-exposure times.
    peak, fwhm : float, days
    amplitude : float
        Of the peak, relative to the star.
    exposure : float, seconds
        Must be positive.

    Returns
    -------
    array, shape (N,)
    """
    half = 0.5 * exposure / 86400.0 / fwhm
    t = (np.asarray(time) - peak) / fwhm
    return amplitude * (_integral(t + half) - _integral(t - half)) / (2.0 * half)


def draw_flares(rng, time, *, rate, exposure, smallest=3e-4):
    """Flares of a star: a Poisson process with a power law of energies.

    Parameters
    ----------
    rate : float, flares a day
        Above `smallest`.
    exposure : float, seconds
    smallest : float
        Relative amplitude of the weakest; amplitudes follow a power law of index -1 in the number above (a differential
        index of -2 as of energies: Hawley et al. 2014, ApJ 797, 121), at most 1.

    Returns
    -------
    curve : array, shape (N,), relative
    number : int
    """
    out = np.zeros(time.size)
    days = time[-1] - time[0]
    number = int(rng.poisson(rate * days))
    for _ in range(number):
        peak = time[0] + days * rng.random()
        amplitude = min(1.0, smallest / rng.uniform(1e-6, 1.0))
        # FWHM of minutes to half an hour, longer for the stronger: Hawley et al. 2014, figure 9, as a power law
        fwhm = 4.0 / 1440.0 * (amplitude / 1e-3) ** 0.3 * math.exp(rng.normal(0.0, 0.4))
        here = slice(*np.searchsorted(time, [peak - 2 * fwhm - exposure / 86400, peak + 40 * fwhm]))
        out[here] += flare_template(time[here], peak=peak, fwhm=fwhm, amplitude=amplitude, exposure=exposure)
    return out, number
