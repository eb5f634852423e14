"""U or V: how much of the transit is ingress and egress, from a trapezoid fitted to the folded light curve.

A planet well inside its star's limb gives a flat-bottomed transit whose ingress takes 2 k / (1 + k) of it at most where
it crosses the centre (k the radius ratio); two stars that graze give a V, with a share of 1 (Seager & Mallen-Ornelas
2003). A planet can graze too, so a V alone is a warning; a deep V is no planet. The trapezoid is averaged over an
exposure, or a 30-minute cadence would make a V of every short transit.
"""

from __future__ import annotations

from math import nan, sqrt

import numpy as np

from lcnet.core.jit import njit
from lcnet.transits.star import planet_radius
from lcnet.transits.vet_result import Test, ppm

__all__ = ["fit_trapezoid", "judge_shape", "judge_size"]

SPAN = 1.75  # durations on either side of mid-transit
BINS = 71
V_SHARE = 0.8
V_SIGMA = 3.0
DEEP_V = 0.04  # a V hides how large the other body is: at least sqrt(depth) = 0.2 of the star
MAX_RADIUS = 25.0  # Earth radii (Kunimoto et al. 2025); the largest planets have 22
MAX_DEPTH = 0.15  # radius ratio 0.39: above any known planet's


@njit(nogil=True)
def _bins(phase, flux, level, half, n_bins, n_times):
    """(centre, mean dip, points) of bins over +-half days."""
    count, total, where = np.zeros(n_bins), np.zeros(n_bins), np.zeros(n_bins)
    scale = n_bins / (2.0 * half)
    for i in range(phase.size):
        if abs(phase[i]) < half:
            j = min(n_bins - 1, int((phase[i] + half) * scale))
            count[j] += 1.0
            total[j] += level - flux[i]
            where[j] += phase[i]
    for j in range(n_bins):
        if count[j] > 0:
            total[j] /= count[j]
            where[j] /= count[j]
    return where, total, count


@njit(nogil=True)
def _trapezoid(x, full, flat):
    """Depth, 1 at the bottom, of a trapezoid `full` wide at the top and `flat` at the bottom."""
    x = abs(x)
    if x >= 0.5 * full:
        return 0.0
    if x <= 0.5 * flat:
        return 1.0
    return (0.5 * full - x) / (0.5 * (full - flat))


@njit(nogil=True)
def _chi2(x, y, n, full, share, centre, exposure, samples):
    """(loss of sum n (y - level - depth model)^2 against a constant, depth, level) of the best depth and level."""
    flat = full * (1.0 - share)
    s0, sm, smm, sy, sym = 0.0, 0.0, 0.0, 0.0, 0.0
    for j in range(x.size):
        if n[j] > 0:
            m = 0.0
            for k in range(samples):
                m += _trapezoid(x[j] - centre + exposure * ((k + 0.5) / samples - 0.5), full, flat)
            m /= samples
            s0 += n[j]
            sm += n[j] * m
            smm += n[j] * m * m
            sy += n[j] * y[j]
            sym += n[j] * y[j] * m
    det = s0 * smm - sm * sm
    if det <= 1e-9 * s0 * s0:
        return 0.0, 0.0, 0.0
    depth = (s0 * sym - sm * sy) / det
    if depth <= 0.0:
        return 0.0, 0.0, 0.0
    level = (sy - depth * sm) / s0
    return depth * (sym - sm * sy / s0), depth, level


@njit(nogil=True)
def _fit(x, y, n, days, period, exposure, fulls, shares):
    """Best (full, share, centre, depth) and, for every share, the best gain."""
    samples = max(1, min(7, int(np.ceil(6.0 * exposure / days))))
    best, centre = 0.0, 0.0
    for c in range(-6, 7):
        for full in (0.9, 1.2, 1.5):
            for share in (0.3, 0.8):
                gain, _, _ = _chi2(x, y, n, min(full * days, period), share, 0.03 * c * days, exposure, samples)
                if gain > best:
                    best, centre = gain, 0.03 * c * days
    gains = np.zeros(shares.size)
    best, full_best, share_best, depth_best = 0.0, days, 0.5, 0.0
    for i in range(shares.size):
        for full in fulls:
            gain, depth, _ = _chi2(x, y, n, min(full * days, period), shares[i], centre, exposure, samples)
            gains[i] = max(gains[i], gain)
            if gain > best:
                best, full_best, share_best, depth_best = gain, min(full * days, period), shares[i], depth
    return full_best, share_best, centre, depth_best, gains


_FULLS = np.linspace(0.7, 2.1, 29)
_SHARES = np.linspace(0.05, 1.0, 20)


def fit_trapezoid(event):
    """Fit a trapezoid to the folded transit.

    Parameters
    ----------
    event : Event

    Returns
    -------
    dict
        ``full`` (first to fourth contact) and ``centre`` [d], ``share`` (ingress and egress over `full`, 0 a box, 1 a
        V), ``depth`` [relative], ``v_sigma``: how much better a share above `V_SHARE` fits than one below, signed.
    """
    half = min(SPAN * event.days, 0.45 * event.period)
    x, y, n = _bins(event.phase, event.flux, event.level, half, BINS, 0)
    full, share, centre, depth, gains = _fit(x, y, n, event.days, event.period, event.cadence, _FULLS, _SHARES)
    noise2 = (event.sigma * event.beta) ** 2
    v_like = _SHARES > V_SHARE - 1e-9
    difference = float(gains[v_like].max() - gains[~v_like].max()) / noise2
    sigma = float(np.sign(difference) * sqrt(abs(difference)))
    return {"full": full, "share": share, "centre": centre, "depth": depth, "v_sigma": sigma}


def judge_shape(event, trapezoid, star=None):
    """Is the transit a V?

    Returns
    -------
    Test
        `value` the share of ingress and egress, `sigma` of a V against a U (negative: a U).
    """
    share, sigma = float(trapezoid["share"]), trapezoid["v_sigma"]
    if not trapezoid["depth"] > 0:
        return Test("shape", nan, nan, "not_tested", "no dip is left to fit a trapezoid to")
    if 3 * event.days < 4 * event.cadence:
        return Test("shape", share, sigma, "not_tested", "the cadence is too long to see the shape")
    words = f"ingress and egress take {100 * share:.0f} % of it"
    if share < V_SHARE - 1e-9 or sigma < V_SIGMA:
        kind = "flat-bottomed" if sigma < -V_SIGMA else "neither clearly U nor V"
        return Test("shape", share, sigma, "pass", f"{words}: {kind}")
    words = f"V-shaped: {words}"
    if trapezoid["depth"] > DEEP_V:
        words += f", and {ppm(trapezoid['depth'])} deep: two stars that graze"
        return Test("shape", share, sigma, "fail", words, "v_shape")
    return Test("shape", share, sigma, "warn", f"{words}: a grazing planet or two stars", "v_shape")


def judge_size(event, trapezoid, star=None):
    """Is the other body too large for a planet? `value` its radius over the star's, from the depth alone."""
    depth = max(float(trapezoid["depth"]), event.depth)
    if not depth > 0:
        return Test("size", nan, nan, "not_tested", "no depth to derive a radius from")
    ratio = sqrt(depth)
    earth = float(planet_radius(1e6 * depth, star))
    if earth > 0:
        words = f"{earth:.1f} Earth radii, if no other star is in the aperture"
        if earth > MAX_RADIUS:
            return Test("size", ratio, nan, "fail", f"{words}: too large for a planet", "too_large")
        return Test("size", ratio, nan, "pass", words)
    words = f"{ratio:.2f} of the star's radius, if no other star is in the aperture"
    if depth > MAX_DEPTH:
        return Test("size", ratio, nan, "fail", f"{words}: no planet is so large", "too_large")
    return Test("size", ratio, nan, "pass", words)
