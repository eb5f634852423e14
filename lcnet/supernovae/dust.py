"""Milky Way dust: how much a band is dimmed, after Fitzpatrick (1999, PASP 111, 63) with R_V = 3.1."""

from __future__ import annotations

from functools import cache

import numpy as np

__all__ = ["deredden", "extinction"]

# Fitzpatrick (1999), table 3 with R_V = 3.1: 1 / wavelength [1 / micron] and A / E(B-V) of the spline's anchors
_X = (0.0, 1e4 / 26500, 1e4 / 12200, 1e4 / 6000, 1e4 / 5470, 1e4 / 4670, 1e4 / 4110, 1e4 / 2700, 1e4 / 2600)
_A = (0.0, 0.265, 0.829, 2.688, 3.055, 3.806, 4.315, 6.265, 6.591)


@cache
def _spline():
    from scipy.interpolate import CubicSpline

    return CubicSpline(_X, _A, bc_type="natural")


def extinction(wavelength) -> np.ndarray:
    """A(lambda) / E(B-V), magnitudes.

    Parameters
    ----------
    wavelength : array, Angstrom
        2600 or more; what is bluer has the value at 2600, what is not finite is NaN.

    Returns
    -------
    array
    """
    wavelength = np.asarray(wavelength, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return _spline()(np.minimum(1e4 / wavelength, _X[-1]))


def deredden(flux, flux_err, wavelength, mwebv):
    """Flux and error above the Milky Way's dust.

    Parameters
    ----------
    flux, flux_err : array, shape (N,)
    wavelength : array, shape (N,), Angstrom
        Where it is not finite, nothing is corrected.
    mwebv : array, shape (N,), mag
        E(B-V); not finite or negative: nothing is corrected.

    Returns
    -------
    flux, flux_err : array, shape (N,)
    """
    reddening = np.where(np.isfinite(mwebv) & (np.asarray(mwebv) > 0), mwebv, 0.0)
    factor = 10 ** (0.4 * np.nan_to_num(extinction(wavelength)) * reddening)
    return flux * factor, flux_err * factor
