"""Supernovae as parametric light curves: AB magnitude at any rest wavelength and phase, with the scatter of each type.

Type Ia is a mean spectral sequence (`type_ia`, after Hsiao et al. 2007), moved by a stretch and a colour (population of
SALT2 in the challenge's recipe). Core collapse is a cooling black body under a light curve in V, with the ultraviolet
blanketed: plateau (IIP), linear decline (IIL), slow interaction (IIn), stripped (Ibc); mean brightness and scatter
after Richardson et al. 2014, AJ 147, 118. What no such form has, every object has of its own: a ripple over time and
wavelength.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import map_coordinates

from lcnet.supernovae import type_ia

__all__ = ["CORE_COLLAPSE", "TYPES", "distance_modulus", "draw_redshifts", "magnitudes"]

TYPES = ("Ia", "Ibc", "IIP", "IIL", "IIn")
# Smartt et al. 2009, MNRAS 395, 1409, as in the challenge's recipe
CORE_COLLAPSE = {"Ibc": 0.29, "IIP": 0.59, "IIL": 0.08, "IIn": 0.04}
_OMEGA, _H0, _C = 0.3, 70.0, 299792.458

_BRIGHTEST = -19.5  # in B, of stretch and colour of the mean
# colour law relative to B, per unit of the colour c (Guy et al. 2007, A&A 466, 11, figure 3)
_LAW = np.array(
    [(2000, 3.6), (3000, 2.1), (3600, 1.0), (4400, 0.0), (5500, -1.0), (6500, -1.5), (8000, -2.1), (10000, -2.4)]
)
_ALPHA, _BETA = 0.11, 3.2

# per type: mean and scatter of the brightest V magnitude, rise [d], slope after the peak [mag/d], hottest and final
# temperature [1000 K], time of cooling [d], blanketing of the ultraviolet [mag per 1000 A below 4000 A]
_CC = {
    "Ibc": ((-17.7, 0.9), (17.0, 3.5), (0.055, 0.012), (10.0, 1.5), (5.0, 0.5), (17.0, 4.0), (1.1, 0.5)),
    "IIP": ((-17.4, 0.9), (8.0, 2.0), (0.006, 0.006), (15.0, 2.5), (6.2, 0.6), (20.0, 5.0), (0.6, 0.4)),
    "IIL": ((-17.6, 0.8), (10.0, 2.5), (0.035, 0.010), (15.0, 2.5), (6.2, 0.6), (18.0, 4.0), (0.6, 0.4)),
    "IIn": ((-18.7, 0.8), (20.0, 6.0), (0.016, 0.006), (14.0, 2.5), (7.2, 0.8), (30.0, 9.0), (0.3, 0.2)),
}
_TAIL = 0.0098  # decline powered by 56Co [mag/d]
_RIPPLE, _WAVES = 0.06, 6  # size [mag] and number of the waves that a form lacks
_ULTRAVIOLET = 0.3  # scatter of type Ia's ultraviolet [mag per 1000 A below 3500 A] (Brown et al. 2010, ApJ 721, 1608)
_SUBLUMINOUS, _DUSTY = 0.07, 0.15  # of nearby type Ia: like 1991bg, and behind much dust (Li et al. 2011, MNRAS 412)


def distance_modulus(z) -> np.ndarray:
    """Of flat LCDM, Omega_m 0.3, H0 70."""
    z = np.asarray(z, dtype=np.float64)
    grid = np.linspace(0.0, 2.5, 2501)
    inverse = 1 / np.sqrt(_OMEGA * (1 + grid) ** 3 + 1 - _OMEGA)
    comoving = np.concatenate([[0], np.cumsum((inverse[1:] + inverse[:-1]) / 2 * np.diff(grid))]) * _C / _H0
    return 5 * np.log10(np.maximum((1 + z) * np.interp(z, grid, comoving), 1e-9)) + 25


def draw_redshifts(n: int, power: float, rng, *, low: float = 0.02, high: float = 1.1) -> np.ndarray:
    """Redshifts of explosions at a rate that grows as (1 + z)^power in comoving volume and cosmic time."""
    grid = np.linspace(low, high, 1000)
    distance = 10 ** ((distance_modulus(grid) - 25) / 5) / (1 + grid)
    density = (1 + grid) ** (power - 1) * distance**2 / np.sqrt(_OMEGA * (1 + grid) ** 3 + 1 - _OMEGA)
    total = np.cumsum(density)
    return np.interp(rng.random(n), (total - total[0]) / (total[-1] - total[0]), grid)


def magnitudes(kind: str, phase, wavelength, rng, *, nearby: bool = False) -> np.ndarray:
    """Absolute AB magnitudes of n supernovae of one type, each drawn from its population.

    Parameters
    ----------
    kind : one of `TYPES`
    phase : array, shape (n, times), rest-frame days from the peak in B (Ia) or V
    wavelength : array, shape (n, bands), rest-frame Angstrom
    rng : numpy.random.Generator
    nearby : bool
        As in the neighbourhood, with subluminous type Ia and dusty hosts, instead of in the challenge.

    Returns
    -------
    array, shape (n, times, bands)
        Inf before the explosion.
    """
    n = len(phase)
    if kind == "Ia":
        found = _type_ia(phase, wavelength, rng, nearby)
        dust = rng.exponential(0.6, n) * (rng.random(n) < _DUSTY * nearby)
    else:
        found = _core_collapse(kind, phase, wavelength, rng)
        dust = rng.exponential(0.5 if nearby else 0.10, n)
    # Cardelli-like extinction of the host, good to 10% between 3000 A and 1 micron
    law = (5500 / np.maximum(wavelength, 1800)) ** 1.3
    # what two supernovae of one shape still differ in, all bands together and band by band
    each = 0.12 * rng.standard_normal((n, 1, 1)) + 0.04 * rng.standard_normal((n, 1, wavelength.shape[1]))
    return found + (dust[:, None] * law)[:, None, :] + each + _ripple(phase, wavelength, rng)


def _ripple(phase, wavelength, rng):
    n = len(phase)
    total = np.zeros((n, phase.shape[1], wavelength.shape[1]), dtype=np.float32)
    for _ in range(_WAVES):
        turn = 2 * np.pi * phase / rng.uniform(25, 90, (n, 1))
        colour = 2 * np.pi * wavelength / rng.uniform(2000, 8000, (n, 1)) + rng.uniform(0, 2 * np.pi, (n, 1))
        total += np.cos((turn[:, :, None] + colour[:, None, :]).astype(np.float32))
    return _RIPPLE * np.sqrt(2 / _WAVES) * total


def _two_sided(rng, n, below, above):
    side = rng.random(n) < below / (below + above)
    size = np.abs(rng.standard_normal(n))
    return np.where(side, -below * size, above * size)


def _type_ia(phase, wavelength, rng, nearby):
    n = len(phase)
    x1 = np.clip(_two_sided(rng, n, 1.5, 0.9), -5, 2)
    colour = np.clip(_two_sided(rng, n, 0.08, 0.14), -0.4, 0.6)
    stretch = np.clip(0.98 + 0.09 * x1, 0.6, 1.3)
    brightness = -_ALPHA * x1 + _BETA * colour
    # fast, red and faint (Taubenberger 2017, section 3.2 of the Handbook of Supernovae)
    faint = rng.random(n) < _SUBLUMINOUS * nearby
    stretch = np.where(faint, rng.uniform(0.6, 0.75, n), stretch)
    colour = np.where(faint, rng.uniform(0.25, 0.6, n), colour)
    brightness = np.where(faint, rng.uniform(1.3, 2.3, n), brightness)
    t = phase / stretch[:, None]
    days = (t - type_ia.PHASES[0]) / np.diff(type_ia.PHASES[:2])
    at = (wavelength - type_ia.WAVELENGTHS[0]) / np.diff(type_ia.WAVELENGTHS[:2])
    grid = np.broadcast_arrays(days[:, :, None], at[:, None, :])
    shape = map_coordinates(type_ia.MAGNITUDES, grid, order=2, mode="nearest")
    shape = shape + 0.015 * np.maximum(t - type_ia.PHASES[-1], 0)[:, :, None]
    shape = np.where(t[:, :, None] < type_ia.PHASES[0], np.inf, shape)
    law = np.interp(np.clip(wavelength, 2000, None), _LAW[:, 0], _LAW[:, 1])
    own = colour[:, None] * law
    own += _ULTRAVIOLET * rng.standard_normal((n, 1)) * np.maximum(3500 - wavelength, 0) / 1000
    return _BRIGHTEST + brightness[:, None, None] + shape + own[:, None, :]


def _core_collapse(kind, phase, wavelength, rng):
    n = len(phase)
    drawn = [mean + scatter * rng.standard_normal(n) for mean, scatter in _CC[kind]]
    peak, rise, slope, hot, cold, cooling, blanket = (one[:, None] for one in drawn)
    rise, slope, cooling = np.maximum(rise, 3), np.maximum(slope, -0.005), np.maximum(cooling, 5)
    cold = np.clip(cold, 4.0, 9.0)
    hot = np.maximum(hot, cold + 1.5)
    since = phase + rise  # since the explosion
    rising = -2.5 * np.log10(np.maximum(1 - (1 - np.clip(since / rise, 0, 1)) ** 2, 1e-9))
    after = np.maximum(phase, 0)
    if kind == "IIP":
        length = 95 + 12 * rng.standard_normal((n, 1))
        drop = 1.8 + 0.4 * rng.standard_normal((n, 1))
        shape = slope * after + drop / (1 + np.exp(-(since - length) / 5))
        late = np.maximum(since - length, 0)
        shape = shape + (_TAIL - slope) * late
    elif kind == "Ibc":
        # a parabola at peak turns into the given slope, then into the tail
        turn, tail = 12.0, 32 + 6 * rng.standard_normal((n, 1))
        linear = np.where(after < turn, slope * after**2 / (2 * turn), slope * (after - turn / 2))
        shape = linear - np.maximum(after - tail, 0) * np.maximum(slope - 0.018, 0)
    else:
        shape = slope * np.maximum(after - 3, 0)
        shape = shape - np.maximum(after - 70, 0) * np.maximum(slope - 0.012, 0)
    visual = peak + rising + shape
    kelvin = 1e3 * (cold + (hot - cold) * np.exp(-np.maximum(since, 0) / cooling))
    blanket = np.maximum(blanket, 0.1) * (1 - 0.6 * np.exp(-np.maximum(since, 0) / 15))
    at = np.clip(wavelength, 1800, 12000)[:, None, :]
    colour = _black_body(at, kelvin[:, :, None]) - _black_body(5500.0, kelvin[:, :, None])
    ultraviolet = blanket[:, :, None] * np.maximum(4000 - at, 0) / 1000
    return np.where(since[:, :, None] > 0, visual[:, :, None] + colour + ultraviolet, np.inf)


def _black_body(wavelength, kelvin):
    """AB magnitude of a black body, but for a constant."""
    x = 1.4388e8 / (wavelength * kelvin)
    return -2.5 * np.log10(wavelength**-3.0 / np.expm1(x))
