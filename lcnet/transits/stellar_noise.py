"""What a star and a photometer do to a light curve besides transits: spots, pulsation, granulation, photon noise."""

from __future__ import annotations

import math

import numpy as np

from lcnet.core.jit import njit

__all__ = [
    "contact",
    "correlated_noise",
    "flux_rate",
    "granulation",
    "pulsation",
    "spots",
    "variability",
    "white_noise",
]

_ZERO_POINT = 20.44  # magnitude that gives one e-/s: TESS Instrument Handbook v0.1 (2018), section 6
_LIVE = 0.8 * 0.99  # cosmic-ray mitigation drops 2 of 10 exposures; 1.98 of 2.00 s collect light
_READ_NOISE = 10.0  # e- a pixel and 2-s exposure, same source
_SKY = 60.0  # e-/s a pixel: zodiacal light near V = 22.7 mag/arcsec^2 (Sullivan et al. 2015, section 6.4.1)
_FLOOR_1H = 30e-6  # systematic floor over one hour; in flight below the 60 ppm requirement (Ricker et al. 2015)


def flux_rate(tmag):
    """Electrons per second of a star of TESS magnitude `tmag`."""
    return 10.0 ** (0.4 * (_ZERO_POINT - tmag))


def white_noise(tmag, cadence):
    """Relative white noise of one exposure: star, sky and read noise in the aperture, and the floor, in quadrature.

    Parameters
    ----------
    tmag : float, TESS magnitude
    cadence : float, seconds

    Returns
    -------
    float
        Standard deviation over the flux (1e-3 = 1000 ppm). Sullivan et al. 2015, ApJ 809, 77, section 6.
    """
    pixels = min(
        60.0, max(4.0, 10.0 ** (1.9 - 0.12 * tmag))
    )  # ~15 pixels at 6, 5 at 10, after the SPOC apertures' trend
    live = cadence * _LIVE
    star = flux_rate(tmag) * live
    sky = pixels * _SKY * live
    read = pixels * _READ_NOISE**2 * (live / 2.0)
    return math.hypot(math.sqrt(star + sky + read) / star, _FLOOR_1H * math.sqrt(3600.0 / cadence))


@njit(nogil=True)
def _ou(time, tau, normal, out):
    value = normal[0]
    out[0] = value
    for i in range(1, time.size):
        keep = math.exp(-(time[i] - time[i - 1]) / tau)
        value = value * keep + math.sqrt(1.0 - keep * keep) * normal[i]
        out[i] = value


def correlated_noise(rng, time, *, sigma, tau):
    """A Gaussian process with covariance ``sigma^2 exp(-|dt| / tau)``, drawn in O(N) whatever the sampling.

    Parameters
    ----------
    time : array, shape (N,), days, increasing
    sigma : float
        Standard deviation.
    tau : float, days
    """
    out = np.empty(time.size)
    _ou(time, float(tau), rng.standard_normal(time.size), out)
    return sigma * out


def granulation(rng, time, star):
    """Granulation, its amplitude and time scale from the surface gravity (Kallinger et al. 2014, A&A 570, A41)."""
    nu_max = 3090.0 * 10.0 ** (star["logg"] - 4.438) * math.sqrt(5772.0 / star["teff"])  # micro-Hz
    tau = 1.0 / (2.0 * math.pi * 0.317e-6 * nu_max**0.970) / 86400.0
    return correlated_noise(rng, time, sigma=3382e-6 * nu_max**-0.609, tau=tau)


def spots(rng, time, *, amplitude, period):
    """Rotational modulation: three harmonics, each two close frequencies (differential rotation) so that it evolves.

    Parameters
    ----------
    amplitude : float
        Semi-amplitude of the strongest harmonic, relative.
    period : float, days
    """
    out = np.zeros(time.size)
    for harmonic, weight in ((1, 1.0), (2, 0.6), (3, 0.25)):
        strength = amplitude * weight * rng.uniform(0.3, 1.0)
        for share in (0.7, 0.3):
            frequency = harmonic / period * (1.0 + rng.uniform(-0.06, 0.06))
            out += strength * share * np.sin(2.0 * np.pi * (frequency * time + rng.random()))
    return out


def pulsation(rng, time, *, amplitude, period, modes):
    """`modes` sinusoids within a factor of 1.6 of `period` [d], the strongest of semi-amplitude `amplitude`."""
    out = np.zeros(time.size)
    for i in range(modes):
        frequency = 1.0 / period * (1.0 if i == 0 else rng.uniform(0.6, 1.6))
        out += amplitude * rng.uniform(0.3, 1.0) ** min(i, 1) * np.sin(2.0 * np.pi * (frequency * time + rng.random()))
    return out


def contact(rng, time, *, amplitude, period):
    """Two nearly equal, nearly sinusoidal minima a cycle, as a contact binary shows."""
    phase = 2.0 * np.pi * (time / period + rng.random())
    return -amplitude * (
        np.cos(2.0 * phase) + rng.uniform(0.0, 0.15) * np.cos(phase) + rng.uniform(0.0, 0.2) * np.cos(4.0 * phase)
    )


def variability(rng, time, kind):
    """The star's own variability, drawn from the priors: spots, or for `kind` "variable" something stronger.

    Returns
    -------
    curve : array, shape (N,), relative
    what : dict
        ``variability``, ``rotation`` (its period, days) and ``amplitude`` (relative).
    """
    rotation = math.exp(rng.uniform(math.log(1.5), math.log(30.0)))
    amplitude = 10.0 ** rng.uniform(-4.2, -2.3)
    if kind != "variable":
        if kind == "quiet":
            amplitude *= 2.0
        return spots(rng, time, amplitude=amplitude, period=rotation), dict(
            variability="spots", rotation=rotation, amplitude=amplitude
        )
    what = ("pulsator", "fast rotator", "contact", "slow pulsator")[int(rng.integers(4))]
    amplitude = 10.0 ** rng.uniform(-3.3, -1.3)
    if what == "pulsator":
        p = math.exp(rng.uniform(math.log(0.03), math.log(0.4)))
        curve = pulsation(rng, time, amplitude=0.3 * amplitude, period=p, modes=int(rng.integers(1, 7)))
    elif what == "slow pulsator":
        p = math.exp(rng.uniform(math.log(0.4), math.log(3.0)))
        curve = pulsation(rng, time, amplitude=amplitude, period=p, modes=int(rng.integers(1, 7)))
    elif what == "contact":
        p = rng.uniform(0.25, 1.0)
        curve = contact(rng, time, amplitude=2.0 * amplitude, period=p)
    else:
        p = math.exp(rng.uniform(math.log(0.2), math.log(2.0)))
        curve = spots(rng, time, amplitude=amplitude, period=p)
    return curve, dict(variability=what, rotation=p, amplitude=amplitude)
