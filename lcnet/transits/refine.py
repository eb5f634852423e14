"""A candidate's ephemeris and shape from the points about its transits alone, on plain arrays.

First the best box on a fine grid of periods, epochs and widths (`refine_box`), then a limb-darkened transit (`shapes`)
fitted by least squares, its errors integrated (`posterior`): mid-time, period, duration from first to fourth contact,
depth at mid-transit (`fit_transit`).

References
----------
Carter et al. 2008, ApJ 689, 499 (what a transit tells); Levenberg 1944, Q. Appl. Math. 2, 164.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lcnet.core.jit import njit
from lcnet.transits.posterior import PRIOR, integrate
from lcnet.transits.shapes import RATIOS, normal_equations, shape_table

__all__ = ["Shape", "fit_transit", "refine_box"]

CELLS = 20  # of the shortest box
WIDTHS = np.array([0.75, 0.87, 1.0, 1.15, 1.3])
NEAR = 1.5  # durations from mid-transit up to which points are fitted
# What other limb darkening and radius ratios than the table's make wrong in the duration (more where exposures hide the
# ingress: SMEARED of the exposure) and in the depth, relative, rms of fits with hardly any noise over Sun-like to cool
# stars (tests/transits/test_refine.py): errors do not fall below it.
FLOOR_DURATION, SMEARED, FLOOR_DEPTH = 0.006, 0.12, 0.015
STARTS = (0.4, 0.6, 0.8, 1.0, 1.2, 1.5)  # durations begun at, in boxes
N_STEPS = 25


@dataclass(frozen=True)
class Shape:
    """A fitted transit.

    Attributes
    ----------
    period, period_err : float, days
    epoch, epoch_err : float, days
        The transit of number 0, as the ephemeris given to the fit counts them.
    duration, duration_err : float, hours
        First to fourth contact.
    depth, depth_err : float, ppm
        At mid-transit, not smeared by the exposure.
    impact : float
        Impact parameter, of a planet whose radius ratio is the root of the depth.
    centre, centre_err : float, cycles and days
        Number of the transit (not whole) whose mid-time is known best, and how well.
    chi2 : float
        Of the points fitted, for the scatter given.
    n_points : int
    """

    period: float
    period_err: float
    epoch: float
    epoch_err: float
    duration: float
    duration_err: float
    depth: float
    depth_err: float
    impact: float
    centre: float
    centre_err: float
    chi2: float
    n_points: int


@njit(nogil=True)
def _gather(time, period, epoch, half):
    """(index, days from mid-transit, transit number) of the points within `half` of a mid-transit."""
    index = np.empty(time.size, np.int64)
    away, number = np.empty(time.size), np.empty(time.size)
    n = 0
    for i in range(time.size):
        cycle = np.floor((time[i] - epoch) / period + 0.5)
        since = time[i] - epoch - cycle * period
        if abs(since) < half:
            index[n], away[n], number[n] = i, since, cycle
            n += 1
    return index[:n], away[:n], number[:n]


@njit(nogil=True)
def _scan(away, number, signal, weight, total, shifts, widths, cell, half):
    """(best SNR^2 / W, shift of the period, centre, width in cells) of boxes about the transits.

    As in `bls`: with s the sum of weight x (flux - mean) in a box, w its weight and W the total of the light curve,
    SNR^2 = s^2 W / (w (W - w)).
    """
    n_cells = int(np.ceil(2.0 * half / cell)) + 1
    s, w = np.empty(n_cells + 1), np.empty(n_cells + 1)
    best, best_shift, best_centre, best_width = 0.0, 0.0, 0.0, widths[0]
    for shift in shifts:
        s[:] = 0.0
        w[:] = 0.0
        for i in range(away.size):
            k = int(np.floor((away[i] - number[i] * shift + half) / cell))
            if 0 <= k < n_cells:
                s[k + 1] += signal[i]
                w[k + 1] += weight[i]
        for k in range(1, n_cells + 1):
            s[k] += s[k - 1]
            w[k] += w[k - 1]
        for width in widths:
            for k in range(n_cells + 1 - width):
                box, inside = s[k + width] - s[k], w[k + width] - w[k]
                # running sums of everything may exceed the total by rounding
                if not (box < 0.0 and 0.0 < inside < (1.0 - 1e-9) * total):
                    continue
                if box * box > best * inside * (total - inside):
                    best = box * box / (inside * (total - inside))
                    best_shift, best_width = shift, width
                    best_centre = (k + 0.5 * width) * cell - half
    return best, best_shift, best_centre, best_width


def refine_box(curve, period, epoch, duration, *, limits):
    """The best box near a peak of a periodogram.

    Parameters
    ----------
    curve : Flattened
    period, epoch : float, days
    duration : float, hours
    limits : (float, float), days
        Periods searched.

    Returns
    -------
    (float, float, float)
        period [d], epoch [d], duration [h].
    """
    time = curve.time
    baseline = time[-1] - time[0]
    weight = curve.flux_err**-2.0
    total = np.sum(weight)
    signal = weight * (curve.flux - np.sum(weight * curve.flux) / total)
    # the search's own step: a third of a duration over the baseline
    step = duration / 24.0 * period / baseline / 3
    for reach, n in ((1.5 * step, 31), (0.12 * step, 13)):
        days = duration / 24.0
        half = min(1.75 * days, 0.5 * period)
        index, away, number = _gather(time, period, epoch, half)
        if index.size < 2:
            break
        middle = np.rint(np.mean(number))
        shifts = np.unique(np.clip(period + np.linspace(-reach, reach, n), *limits)) - period
        cell = WIDTHS[0] * days / CELLS
        # a box as long as the orbit's better part is no transit
        widths = np.unique(np.rint(np.minimum(WIDTHS * days, 0.3 * period) / cell)).astype(np.int64)
        best, shift, centre, width = _scan(
            away, number - middle, signal[index], weight[index], total, shifts, widths, cell, half
        )
        if not best > 0:
            break
        epoch += centre - middle * shift
        period += shift
        duration = 24.0 * width * cell
    return float(period), float(epoch), float(duration)


class _Fit:
    """The least-squares problem of one transit: its points, its scatter, its prior."""

    def __init__(self, away, number, lost, depth, sigma, exposure, free):
        self.data = away, number, lost
        self.sigma, self.exposure, self.free = sigma, exposure, free
        ratio = np.sqrt(np.clip(depth, 1e-6, 1.0))
        self.table = shape_table(int(np.argmin(np.abs(np.log(RATIOS / ratio)))))
        self.matrix, self.vector = np.empty((6, 6)), np.empty(6)

    def equations(self, fit):
        """(chi^2 with the prior, normal matrix, right-hand side) of the free parameters."""
        chi2 = normal_equations(*self.data, *self.table, self.exposure, fit, self.matrix, self.vector) / self.sigma**2
        matrix, vector = self.matrix / self.sigma**2, self.vector / self.sigma**2
        pull = (PRIOR[0] - fit[5]) / PRIOR[1]
        matrix[5, 5] += PRIOR[1] ** -2.0
        vector[5] += pull / PRIOR[1]
        return chi2 + pull**2, matrix[np.ix_(self.free, self.free)], vector[self.free]

    def solve(self, fit, bounds):
        """Levenberg's descent from `fit`, each step cut to the bounds: (chi^2, fit)."""
        chi2, matrix, vector = self.equations(fit)
        damping = 1e-3
        for _ in range(N_STEPS):
            scale = np.sqrt(np.maximum(np.diag(matrix), 1e-300))
            try:
                step = np.linalg.solve(matrix / np.outer(scale, scale) + damping * np.eye(scale.size), vector / scale)
            except np.linalg.LinAlgError:
                break
            trial = fit.copy()
            trial[self.free] += step / scale
            trial = np.clip(trial, *bounds)
            new, new_matrix, new_vector = self.equations(trial)
            if new <= chi2:
                gain, (fit, chi2, matrix, vector) = chi2 - new, (trial, new, new_matrix, new_vector)
                damping = max(damping * 0.2, 1e-9)
                if gain < 1e-3:
                    break
            else:
                damping *= 8.0
                if damping > 1e8:
                    break
        return chi2, fit, matrix


def fit_transit(curve, period, epoch, duration, *, sigma, exposure, others=None, one=False):
    """Fit a limb-darkened transit to the points about the transits of an ephemeris.

    Parameters
    ----------
    curve : Flattened
        Flattened with these transits masked.
    period, epoch : float, days
    duration : float, hours
        Of the best box.
    sigma : float
        Standard error of a point, red noise included: scatter x beta.
    exposure : float, days
    others : array of bool, optional
        Points in the transits of other candidates, left out.
    one : bool
        A single event: its period is not fitted.

    Returns
    -------
    Shape or None
        None where the points do not tell a shape: fewer than 6, or no dip.
    """
    if not (sigma > 0 and np.isfinite(sigma)):
        return None
    days = duration / 24.0
    mid, best = float(epoch), None
    for _ in range(2):  # again where the fitted transit is much wider or narrower than the box
        index, away, number = _gather(curve.time, float(period), mid, min(NEAR * days + exposure, 0.5 * period))
        if others is not None:
            keep = ~others[index]
            index, away, number = index[keep], away[keep], number[keep]
        if index.size < 6:
            return None
        middle = np.rint(np.mean(number))
        single = one or number.min() == number.max()
        free = np.array([0, 1, 2, 4, 5] if single else [0, 1, 2, 3, 4, 5])
        lost, centre = 1.0 - curve.flux[index], np.abs(away) < 0.5 * days
        level = np.median(lost[np.abs(away) > 0.6 * days]) if (np.abs(away) > 0.6 * days).any() else 0.0
        deep = np.mean(lost[centre]) - level if centre.any() else 0.0
        if not deep > 0:
            return None
        problem = _Fit(away, number - middle, lost, deep, float(sigma), float(exposure), free)
        reach = days * 0.6
        longest = min(2.5 * days, 0.9 * period)
        low = np.array([-1.0, 0.0, -reach, -reach, 0.2 * min(days, exposure) + 0.05 * days, 0.0])
        high = np.array([1.0, 2.0, reach, reach, longest, problem.table[0][-1]])
        starts = [np.clip([level, deep * max(1.0, 1 / s), 0.0, 0.0, s * days, PRIOR[0]], low, high) for s in STARTS]
        start = min(starts, key=lambda start: problem.equations(start)[0])
        best = chi2, fit, matrix = problem.solve(start, (low, high))
        if 0.6 * days < fit[4] < 1.6 * days:
            break
        mid, days = mid + fit[2] - middle * fit[3], fit[4]
        period = period + fit[3]
    return _shape(problem, best, period, mid, middle, single)


def _shape(problem, best, period, mid, middle, single):
    """The fitted parameters with their errors, scaled up where the fit is poor."""
    chi2, fit, matrix = best
    try:
        scale = np.sqrt(np.maximum(np.diag(matrix), 1e-300))
        covariance = np.linalg.inv(matrix / np.outer(scale, scale)) / np.outer(scale, scale)
    except np.linalg.LinAlgError:
        return None
    away, number, _ = problem.data
    n = away.size
    # transits that stray from the period, or spots under them, scatter more than the light curve does elsewhere
    worse = np.sqrt(max(1.0, chi2 / max(1, n - problem.free.size)))
    errors = np.zeros(6)
    errors[problem.free] = worse * np.sqrt(np.maximum(np.diag(covariance), 0.0))
    if not (fit[1] > 0 and np.isfinite(errors).all()):
        return None
    means, deviations = integrate(problem, fit, errors[[2, 4, 5]], problem.sigma * worse)
    if not (np.isfinite(means).all() and np.isfinite(deviations).all() and means[3] > 0):
        return None
    # a period is a straight line through mid-times as well known, each, as the folded one is by all of them together
    inside = number[np.abs(away - means[0]) < 0.5 * means[1]]
    lever = np.var(inside) if inside.size else 0.0
    period_err = deviations[0] / np.sqrt(lever) if lever > 0 and not single else np.nan
    first = middle + (np.mean(inside) if inside.size else 0.0)  # cycles from where the mid-time is known to number 0
    floor = np.hypot(FLOOR_DURATION * means[1], SMEARED * problem.exposure if problem.exposure > 0 else 0.0)
    return Shape(
        period=float(period + fit[3]),
        period_err=float(period_err),
        epoch=float(mid + means[0] - middle * fit[3]),
        epoch_err=float(np.hypot(deviations[0], first * period_err) if not single and lever > 0 else deviations[0]),
        duration=float(24.0 * means[1]),
        duration_err=float(24.0 * np.hypot(deviations[1], floor)),
        depth=float(1e6 * means[3]),
        depth_err=float(1e6 * np.hypot(deviations[3], FLOOR_DEPTH * means[3])),
        impact=float(means[2]),
        centre=float(first),
        centre_err=float(deviations[0]),
        chi2=float(chi2),
        n_points=int(n),
    )
