"""How fast a star varies, from its light curve's own autocorrelation, and what trend that asks for.

A sliding line of width W leaves A (pi W / P)^2 / 6 of a sine of amplitude A and period P, a sliding parabola
A (pi W / P)^4 / 280 (the first terms of the local polynomials' biases). The parabola is worth its price, more of the
noise and of long transits in the trend, only where the line's remainder stands above the noise and the parabola's does
not: where the variation is slow against the window. For what varies within the window no polynomial of it is a model.

Reference
---------
McQuillan, Aigrain & Mazeh 2013, MNRAS 432, 1203 (rotation from the autocorrelation).
"""

from __future__ import annotations

import numpy as np

__all__ = ["trend_order", "variation"]

CELLS_A_WINDOW = 12
SLOWEST_WINDOWS = 4.0  # a parabola's remainder is a tenth of a line's from P = 4 W on: (pi/4)^2 6/280 = 1/76
CLIP = 0.005


def variation(time, flux, cell):
    """(period, amplitude) of a light curve's correlated variation.

    The period is four times the lag at which the autocorrelation first falls to zero: a quarter of the cycle of a sine,
    and a fair time scale of what is no sine. The amplitude is that of the sine with the autocovariance at a lag of one
    cell, which white noise does not enter.

    Parameters
    ----------
    time, flux : array, shape (N,), days and relative flux
    cell : float, days
        Width of the bins it is computed on.

    Returns
    -------
    period : float, days
        Infinite where the autocorrelation does not fall to zero over a quarter of the baseline.
    amplitude : float
        Relative flux; 0 where nothing is correlated.
    """
    index = ((time - time[0]) / cell).astype(np.int64)
    n = int(index[-1]) + 1
    low, high = np.quantile(flux, (CLIP, 1 - CLIP))  # eclipses and flares are no rotation
    clipped = np.clip(flux, low, high)
    clipped = clipped - np.mean(clipped)
    count = np.bincount(index, minlength=n)
    level = np.bincount(index, weights=clipped, minlength=n) / np.maximum(count, 1)
    size = 1 << int(np.ceil(np.log2(2 * n)))

    def correlation(x):
        return np.fft.irfft(np.abs(np.fft.rfft(x, size)) ** 2, size)[: max(2, n // 4)]

    covariance = correlation(level) / np.maximum(correlation((count > 0).astype(float)), 0.5)
    if not covariance[1] > 0:
        return 0.0, 0.0
    below = np.flatnonzero(covariance <= 0)
    if below.size == 0:
        return np.inf, float(np.sqrt(2 * covariance[1]))
    k = below[0]
    share = covariance[k - 1] / (covariance[k - 1] - covariance[k])
    return float(4 * cell * (k - 1 + share)), float(np.sqrt(2 * covariance[1]))


def trend_order(time, flux, window):
    """Order of the polynomial that a trend of this window needs: 1, or 2 for a strong, slow variation.

    Parameters
    ----------
    time, flux : array, shape (N,), days and relative flux
    window : float, days

    Returns
    -------
    int
    """
    cell = window / CELLS_A_WINDOW
    period, amplitude = variation(time, flux, cell)
    if not SLOWEST_WINDOWS * window <= period < np.inf:
        return 1
    step = np.diff(flux)
    white = 1.4826 * np.median(np.abs(step - np.median(step))) / np.sqrt(2)
    longest = max(1.0, window / 3 / np.median(np.diff(time)))  # points in the longest transit the window is made for
    remainder = amplitude * (np.pi * window / period) ** 2 / 6
    return 2 if remainder > white / np.sqrt(longest) else 1
