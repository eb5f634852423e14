"""What a close companion does to the light between eclipses: beaming, tides and reflection (BEER).

Beaming, ellipsoidal and reflection amplitudes as in Faigler & Mazeh 2011 (MNRAS 415, 3921), with the tide's
coefficient of Morris 1985 (ApJ 295, 143, eq. 1). On an eccentric orbit the tide follows the cube of the distance and
the angle to the line of sight (Kumar, Ao & Quataert 1995, ApJ 449, 294, eq. 44): a heartbeat star.
"""

from __future__ import annotations

import math

import numpy as np

from lcnet.transits.transit_model import mean_anomaly_at, true_anomaly

__all__ = [
    "beaming_amplitude",
    "beaming_factor",
    "brightness_temperature",
    "gravity_darkening",
    "phase_curve",
    "planck_ratio",
    "semi_amplitude",
    "tidal_factor",
]

_HC_K = 1.438777e7  # nm K: second radiation constant
_C = 299792.458  # km/s
_SUB_S = 300.0  # sub-exposures: at P >= 0.25 d an error of (2 pi 2 x 300 s / P)^2 / 24 < 0.2 % of an amplitude


def _x(teff, wavelength):
    return _HC_K / (wavelength * teff)


def planck_ratio(first, second, wavelength):
    """Surface brightness of a black body of `first` K over one of `second` K, at `wavelength` nm."""
    return math.expm1(_x(second, wavelength)) / math.expm1(_x(first, wavelength))


def brightness_temperature(ratio, teff, wavelength):
    """Temperature [K] of a black body of `ratio` (> 0) times the surface brightness of one of `teff`."""
    return _HC_K / wavelength / math.log1p(math.expm1(_x(teff, wavelength)) / ratio)


def beaming_factor(teff, wavelength):
    """alpha of F/F0 = 1 - 4 alpha v/c for a black body (Loeb & Gaudi 2003, ApJ 588, L117, eq. 3)."""
    x = _x(teff, wavelength)
    return 0.25 * x * math.exp(x) / math.expm1(x)


def gravity_darkening(teff, wavelength):
    """Exponent of flux with gravity in the band: bolometric 0.32 below 7000 K, 1 above (Lucy; von Zeipel)."""
    return (0.32 if teff < 7000.0 else 1.0) * beaming_factor(teff, wavelength)


def tidal_factor(u, g):
    """alpha of the ellipsoidal semi-amplitude ``alpha q (R/a)^3 sin^2 i``: 0.15 (15 + u)(1 + g) / (3 - u).

    Parameters
    ----------
    u : float
        Linear limb darkening.
    g : float
        `gravity_darkening`.
    """
    return 0.15 * (15.0 + u) * (1.0 + g) / (3.0 - u)


def semi_amplitude(period, mass, companion, *, sine=1.0, ecc=0.0):
    """Radial-velocity semi-amplitude [km/s] of a star of `mass` with `companion` (both solar), `period` in days."""
    # 212.9 km/s = (2 pi G Msun / 1 d)^(1/3)
    return (
        212.9 * companion * sine / ((mass + companion) ** (2.0 / 3.0) * period ** (1.0 / 3.0) * math.sqrt(1 - ecc**2))
    )


def _instant(time, period, epoch, ellipsoidal, beaming, reflection, sine, ecc, omega):
    """At instants; amplitudes as in `phase_curve`."""
    if ecc == 0.0:
        angle = 2.0 * np.pi * ((time - epoch) / period)
        toward, across, near, offset = np.cos(angle), np.sin(angle), 1.0, 0.0
    else:
        w = math.radians(omega)
        f = true_anomaly(mean_anomaly_at(ecc, omega) + 2.0 * np.pi * (time - epoch) / period, ecc)
        toward, across = np.sin(w + f), -np.cos(w + f)
        near = (1.0 + ecc * np.cos(f)) / (1.0 - ecc * ecc)  # a over the distance
        offset = ecc * math.cos(w)
    s2 = sine * sine
    tide = ellipsoidal * (2.0 / 3.0) * (near**3 * (1.0 - 3.0 * s2 * toward**2) - (1.0 - 1.5 * s2))
    return tide + beaming * (across - offset) - reflection * sine * near**2 * toward


def phase_curve(
    time, *, period, epoch, ellipsoidal=0.0, beaming=0.0, reflection=0.0, cosi=0.0, ecc=0.0, omega=90.0, exposure=0.0
):
    """Relative flux, zero on average for a circular orbit, of the three effects on one star and its companion.

    Parameters
    ----------
    time : array, shape (N,), days
    period, epoch : float, days
        `epoch`: the companion in front.
    ellipsoidal : float
        ``tidal_factor q (R/a)^3``: the semi-amplitude seen edge-on.
    beaming : float
        ``4 alpha K / c``.
    reflection : float
        Semi-amplitude seen edge-on: half of what the companion's day side gives more than its night side.
    cosi : float
        Cosine of the inclination; the tide falls with sin^2 i, the reflection with sin i (K has its own).
    ecc, omega : float, none and degrees
    exposure : float, seconds
        Averaged over in steps of at most 300 s.

    Returns
    -------
    array, shape (N,)
        Circular: ``-ellipsoidal sin^2 i cos 2phi + beaming sin phi - reflection sin i cos phi``.
    """
    time = np.asarray(time, float)
    sine = math.sqrt(max(0.0, 1.0 - cosi * cosi))
    number = max(1, math.ceil(exposure / _SUB_S))
    out = np.zeros(time.size)
    for j in range(number):
        shift = ((j + 0.5) / number - 0.5) * exposure / 86400.0
        out += _instant(time + shift, period, epoch, ellipsoidal, beaming, reflection, sine, ecc, omega)
    return out / number


def beaming_amplitude(velocity, teff, wavelength):
    """``4 alpha K / c`` of a star of `teff` with a radial-velocity semi-amplitude of `velocity` km/s."""
    return 4.0 * beaming_factor(teff, wavelength) * velocity / _C
