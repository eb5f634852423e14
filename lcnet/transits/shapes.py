"""Shapes of transits from a box to a V, tabulated, and a fit's normal equations, on plain arrays.

The star's limb is darkened like the Sun's in red light; a family runs from a central transit to a grazing one, for the
radius ratio that the depth suggests. A shape's running integral is tabulated, so that its mean over an exposure
(Kipping 2010) is one difference and all derivatives are exact.

Reference
---------
Kipping 2010, MNRAS 408, 1758 (finite exposures).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from lcnet.core.jit import njit

__all__ = ["RATIOS", "normal_equations", "shape_at", "shape_table"]

LIMB_DARKENING = (0.4, 0.25)  # quadratic; a Sun-like star in the bands of Kepler and TESS (Claret 2011)
# The family: impact parameters from central to grazing, for the radius ratio that the depth suggests
RATIOS = np.geomspace(0.008, 0.4, 11)
GRAZING = 0.85  # impact parameters up to 1 + GRAZING x ratio; beyond it a transit is too shallow to have been found
N_IMPACTS = 21
POINTS = 400  # of a shape's table, over half a duration


@lru_cache(maxsize=len(RATIOS))
def shape_table(k):
    """(impact, running integral from mid-transit, shape) of transits of RATIOS[k]: x in half durations, 1 at x = 0."""
    from lcnet.transits.transit_model import occulted_fraction

    ratio = RATIOS[k]
    # the shape changes with the ingress, which goes like 1 / sqrt(1 - b^2): finer towards the limb
    impact = (1 + GRAZING * ratio) * np.sin(0.5 * np.pi * np.linspace(0, 1, N_IMPACTS))
    x = (np.arange(POINTS) + 0.5) / POINTS
    shape = np.empty((impact.size, POINTS))
    for row, b in enumerate(impact):
        z = np.sqrt(b * b + ((1 + ratio) ** 2 - b * b) * x * x)
        shape[row] = occulted_fraction(z, ratio, *LIMB_DARKENING) / occulted_fraction(b, ratio, *LIMB_DARKENING)
    integral = np.concatenate([np.zeros((impact.size, 1)), np.cumsum(shape, axis=1) / POINTS], axis=1)
    return impact, integral, shape


@njit(nogil=True)
def shape_at(integral, shape, row, share, x):
    """(running integral, shape, derivative of the integral by the row) at x in half durations, between two rows."""
    away = abs(x)
    n = shape.shape[1]
    place = away * n
    k = int(place)
    if k >= n:
        low, high, s = integral[row, n], integral[row + 1, n], 0.0
    else:
        rest = (place - k) / n
        low = integral[row, k] + rest * shape[row, k]
        high = integral[row + 1, k] + rest * shape[row + 1, k]
        s = (1.0 - share) * shape[row, k] + share * shape[row + 1, k]
    total, slope = (1.0 - share) * low + share * high, high - low
    return (total, s, slope) if x >= 0.0 else (-total, s, -slope)


@njit(nogil=True)
def normal_equations(away, number, lost, impact, integral, shape, exposure, fit, matrix, vector):
    """chi^2 for unit errors of the model `fit` and, in place, its normal equations.

    fit: level, depth, mid-time [d], period shift [d], duration [d], impact. `lost` is 1 - flux.
    """
    matrix[:] = 0.0
    vector[:] = 0.0
    row = min(max(np.searchsorted(impact, fit[5]) - 1, 0), impact.size - 2)
    width = impact[row + 1] - impact[row]
    share = min(max((fit[5] - impact[row]) / width, 0.0), 1.0)
    scale = 2.0 / fit[4]
    half = max(0.5 * exposure * scale, 1.0 / shape.shape[1])  # of the exposure, in half durations
    grow = np.empty(6)
    grow[0] = 1.0
    chi2 = 0.0
    for i in range(away.size):
        x = (away[i] - fit[2] - number[i] * fit[3]) * scale
        if abs(x) > 1.0 + half:
            difference = lost[i] - fit[0]
            chi2 += difference * difference
            matrix[0, 0] += 1.0
            vector[0] += difference
            continue
        right, s_right, d_right = shape_at(integral, shape, row, share, x + half)
        left, s_left, d_left = shape_at(integral, shape, row, share, x - half)
        mean = (right - left) / (2.0 * half)
        by_x = (s_right - s_left) / (2.0 * half)
        by_half = 0.5 * (s_right + s_left) / half - mean / half
        grow[1] = mean
        grow[2] = -fit[1] * by_x * scale
        grow[3] = grow[2] * number[i]
        grow[4] = -fit[1] * (by_x * x + by_half * half) / fit[4]
        grow[5] = fit[1] * (d_right - d_left) / (2.0 * half * width)
        difference = lost[i] - fit[0] - fit[1] * mean
        chi2 += difference * difference
        for a in range(6):
            vector[a] += grow[a] * difference
            for b in range(a + 1):
                matrix[a, b] += grow[a] * grow[b]
    for a in range(6):
        for b in range(a):
            matrix[b, a] = matrix[a, b]
    return chi2
