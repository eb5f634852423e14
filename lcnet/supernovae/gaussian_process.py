"""A light curve in all bands as one Gaussian process over time and wavelength (Boone 2019, AJ 158, 257, section 3.2).

Kernel: a Matern-3/2 in time times one in wavelength, whose length is fixed at 6000 Angstrom. The amplitude follows the
brightest point, the length in time maximises the likelihood over a short list; the process relaxes to zero flux.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve, cholesky

__all__ = ["Surface", "fit_surface"]

_WAVELENGTH = 6000.0  # length of the kernel [A]
_TIMES = (8.0, 13.0, 20.0, 32.0, 50.0)  # lengths tried [d]


@dataclass(frozen=True)
class Surface:
    """A fitted process: `predict` gives flux at any time and wavelength."""

    time: np.ndarray
    wavelength: np.ndarray
    amplitude: float
    length: float
    factor: np.ndarray
    weights: np.ndarray

    def predict(self, time, wavelength) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of the flux.

        Parameters
        ----------
        time, wavelength : array, shape (m,), days and Angstrom
            In the frame of the fit.
        """
        from scipy.linalg import solve_triangular

        cross = self.amplitude**2 * _kernel(time, wavelength, self.time, self.wavelength, self.length)
        half = solve_triangular(self.factor, cross.T, lower=True)
        variance = self.amplitude**2 - (half**2).sum(axis=0)
        return cross @ self.weights, np.sqrt(np.maximum(variance, 0))


def fit_surface(time, wavelength, flux, flux_err) -> Surface:
    """The process through the points of one object.

    Parameters
    ----------
    time, wavelength, flux, flux_err : array, shape (N,)
        Days, Angstrom, and flux with its error.

    Raises
    ------
    ValueError
        Without points.
    """
    if len(time) == 0:
        raise ValueError("no points to fit")
    # the brightest point above its own noise, as Boone 2019
    amplitude = max(float(np.max(flux - flux_err)), float(np.median(flux_err)))
    best = None
    for length in _TIMES:
        matrix = amplitude**2 * _kernel(time, wavelength, time, wavelength, length)
        matrix[np.diag_indices_from(matrix)] += flux_err**2 + (1e-3 * amplitude) ** 2
        factor = cholesky(matrix, lower=True)
        weights = cho_solve((factor, True), flux)
        likelihood = -0.5 * flux @ weights - np.log(np.diag(factor)).sum()
        if best is None or likelihood > best[0]:
            best = (likelihood, length, factor, weights)
    _, length, factor, weights = best
    return Surface(np.asarray(time), np.asarray(wavelength), amplitude, length, factor, weights)


def _kernel(time, wavelength, other_time, other_wavelength, length) -> np.ndarray:
    a = np.sqrt(3) * np.abs(np.subtract.outer(time, other_time)) / length
    b = np.sqrt(3) * np.abs(np.subtract.outer(wavelength, other_wavelength)) / _WAVELENGTH
    return (1 + a) * np.exp(-a) * (1 + b) * np.exp(-b)
