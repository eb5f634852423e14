"""Convection at the surface of a star: granulation and solar-like oscillations, from gravity and temperature."""

from __future__ import annotations

import math

import numpy as np

from lcnet.transits.simulator.stochastic import oscillator_noise

__all__ = ["granulation", "granulation_components", "nu_max", "solar_like_modes", "solar_like_pulsation"]

_MICROHERTZ = 86400e-6  # cycles a day
_NU_MAX, _LARGE, _TEFF = 3090.0, 135.1, 5777.0  # the Sun's: Huber et al. 2011, ApJ 743, 143
_AMPLITUDE = 2.53e-6  # rms of the Sun's radial modes at nu_max, bolometric: Michel et al. 2009, A&A 495, 979


def nu_max(star):
    """Frequency of maximum oscillation power [micro-Hz] from ``logg`` and ``teff`` (Brown et al. 1991)."""
    return _NU_MAX * 10.0 ** (star["logg"] - 4.438) * math.sqrt(_TEFF / star["teff"])


def granulation_components(star):
    """The two components of Kallinger et al. 2014 (A&A 570, A41, table 2): [(sigma, period [d]), ...].

    Their profile ``1 / (1 + (nu / b)^4)`` is that of an oscillator of Q = 1/sqrt(2) and period 1/b; the amplitude a is
    the standard deviation of each (relative flux, Kepler's band).
    """
    numax = nu_max(star)
    sigma = 3382e-6 * numax**-0.609
    rates = 0.317 * numax**0.970, 0.948 * numax**0.992  # micro-Hz
    return [(sigma, 1.0 / (rate * _MICROHERTZ)) for rate in rates]


def granulation(rng, time, star, *, exposure=0.0, scale=1.0):
    """Granulation's relative flux, shape (N,), at `time` [d], averaged over exposures of `exposure` seconds.

    Parameters
    ----------
    star : dict
        ``logg`` [cgs] and ``teff`` [K].
    scale : float
        Amplitude relative to Kepler's band.
    """
    out = np.zeros(time.size)
    for sigma, period in granulation_components(star):
        out += oscillator_noise(
            rng, time, sigma=scale * sigma, period=period, quality=1.0 / math.sqrt(2.0), exposure=exposure
        )
    return out


def solar_like_modes(star):
    """Frequencies [cycles/d], rms amplitudes and quality factors of the modes about nu_max, arrays of shape (M,).

    Radial and dipole modes of the asymptotic relation under a Gaussian envelope of FWHM 0.66 nu_max^0.88 micro-Hz
    (Mosser et al. 2012, A&A 537, A30), of rms 2.53 ppm (L/M) (Teff/Sun)^-2 at its top, L and M from
    ``radius``, ``teff``, ``mass`` (Kjeldsen & Bedding 1995, A&A 293, 87); fading above 6300 K as Chaplin et al. 2011
    (ApJ 732, 54, eq. 7) have it. Dipole power 1.5 times the radial. Line width 1 micro-Hz (Teff / 5777 K)^13 above
    5300 K (Corsaro et al. 2012, ApJ 757, 190, rounded), at least 0.1.
    """
    numax, teff = nu_max(star), star["teff"]
    large = _LARGE * (numax / _NU_MAX) ** 0.77  # Stello et al. 2009, MNRAS 400, L80
    envelope = 0.66 * numax**0.88 / 2.3548
    luminosity = star["radius"] ** 2 * (teff / _TEFF) ** 4
    red_edge = 8907.0 * luminosity**-0.093
    if teff >= red_edge:
        return (np.empty(0),) * 3
    fading = 1.0 - math.exp(-(red_edge - teff) / 1550.0)
    # the Sun's own fading is in its amplitude already
    fading /= 1.0 - math.exp(-(8907.0 - _TEFF) / 1550.0)
    top = _AMPLITUDE * luminosity / star["mass"] * (teff / _TEFF) ** -2 * fading
    order = np.arange(1, 60)
    frequency = np.concatenate([large * (order + 1.5), large * (order + 2.0)])
    power = np.repeat([1.0, 1.5], order.size) * np.exp(-0.5 * ((frequency - numax) / envelope) ** 2)
    kept = power > 0.01
    width = max(0.1, (teff / _TEFF) ** 13 if teff > 5300.0 else (5300.0 / _TEFF) ** 13)
    frequency = frequency[kept]
    return frequency * _MICROHERTZ, top * np.sqrt(power[kept]), frequency / width


def solar_like_pulsation(rng, time, star, *, exposure=0.0, scale=1.0):
    """The p modes of a cool star, each a damped oscillator; arguments as of `granulation`.

    Modes that an exposure wipes out (by 100 and more) are left out.
    """
    out = np.zeros(time.size)
    for frequency, sigma, quality in zip(*solar_like_modes(star), strict=True):
        if abs(np.sinc(frequency * exposure / 86400.0)) > 0.01:
            out += oscillator_noise(
                rng, time, sigma=scale * sigma, period=1.0 / frequency, quality=quality, exposure=exposure
            )
    return out
