"""Stars that pulsate: many sinusoids (delta Scuti, gamma Doradus) and one steep wave (RR Lyrae).

Solar-like oscillations are in `granulation`, where their excitation is.
"""

from __future__ import annotations

import math

import numpy as np

__all__ = ["delta_scuti", "pulsation", "rr_lyrae", "slow_pulsator"]

# Fourier parameters A_k / A_1 and phi_k - k phi_1 (sine series of the magnitude) of an RRab: the middle of the ranges
# in Nemec et al. 2013, ApJ 773, 181 (R21 0.42-0.52, R31 0.28-0.36; phi21 2.3-2.6, phi31 4.9-5.6), then falling on
_RATIOS = (1.0, 0.47, 0.33, 0.21, 0.14, 0.09, 0.06)
_PHASES = (0.0, 2.40, 5.10, 1.55, 4.30, 0.85, 3.60)


def _attenuation(frequency, exposure):
    """Amplitude a sinusoid keeps when averaged over an exposure [s]; `frequency` in cycles a day."""
    return np.sinc(frequency * exposure / 86400.0)


def pulsation(rng, time, *, amplitude, period, modes, exposure=0.0):
    """`modes` sinusoids within a factor of 1.6 of `period` [d], the strongest of semi-amplitude `amplitude`.

    Parameters
    ----------
    time : array, shape (N,), days
    exposure : float, seconds
        Averaged over, exactly.

    Returns
    -------
    array, shape (N,), relative
    """
    out = np.zeros(time.size)
    for i in range(modes):
        frequency = 1.0 / period * (1.0 if i == 0 else rng.uniform(0.6, 1.6))
        strength = amplitude * rng.uniform(0.3, 1.0) ** min(i, 1) * _attenuation(frequency, exposure)
        out += strength * np.sin(2.0 * np.pi * (frequency * time + rng.random()))
    return out


def delta_scuti(rng, time, *, exposure=0.0):
    """Pressure modes of 20 minutes to 5 hours, 1 to 12, 30 ppm to 1 % (Uytterhoeven et al. 2011, A&A 534, A125).

    Returns
    -------
    curve : array, shape (N,), relative
    what : dict
        ``period`` [d] and ``amplitude`` of the strongest.
    """
    period = math.exp(rng.uniform(math.log(0.014), math.log(0.21)))
    amplitude = 10.0 ** rng.uniform(-4.5, -2.0)
    curve = pulsation(rng, time, amplitude=amplitude, period=period, modes=int(rng.integers(1, 13)), exposure=exposure)
    return curve, dict(period=period, amplitude=amplitude)


def slow_pulsator(rng, time, *, exposure=0.0):
    """Gravity modes of 0.3 to 3 days (gamma Doradus, slowly pulsating B), 50 ppm to 5 %; returns as `delta_scuti`."""
    period = math.exp(rng.uniform(math.log(0.3), math.log(3.0)))
    amplitude = 10.0 ** rng.uniform(-4.3, -1.3)
    curve = pulsation(rng, time, amplitude=amplitude, period=period, modes=int(rng.integers(1, 10)), exposure=exposure)
    return curve, dict(period=period, amplitude=amplitude)


def rr_lyrae(rng, time, *, exposure=0.0):
    """An RR Lyrae star: a steep rise, a slow fall, peak to peak 0.02 to 1 (the small ones blended); Blazhko for half.

    Parameters
    ----------
    time : array, shape (N,), days
    exposure : float, seconds

    Returns
    -------
    curve : array, shape (N,), relative
    what : dict
        ``period`` [d] and ``amplitude``, half of peak to peak.
    """
    period, phase = rng.uniform(0.35, 0.75), rng.random()
    grid = np.arange(512) / 512.0
    form = sum(
        r * np.sin(2 * np.pi * (k + 1) * grid + p) for k, (r, p) in enumerate(zip(_RATIOS, _PHASES, strict=True))
    )
    amplitude = 0.5 * 10.0 ** rng.uniform(-1.7, 0.0)
    scale = 2.0 * amplitude / np.ptp(form)
    cycle = np.zeros(time.size)
    for k, (ratio, shift) in enumerate(zip(_RATIOS, _PHASES, strict=True)):
        frequency = (k + 1) / period
        part = np.sin(2.0 * np.pi * (k + 1) * (time / period + phase) + shift)
        cycle -= scale * ratio * _attenuation(frequency, exposure) * part
    if rng.random() < 0.5:  # Blazhko effect: half of Kepler's RRab (Benko et al. 2010, MNRAS 409, 1585)
        cycle *= 1.0 + rng.uniform(0.05, 0.4) * np.sin(2.0 * np.pi * (time / rng.uniform(20.0, 80.0) + rng.random()))
    return cycle, dict(period=period, amplitude=amplitude)
