"""A candidate's ephemeris and shape from the points about its transits alone, on plain arrays.

First the best box on a fine grid of periods, epochs and widths (`refine_box`), then a limb-darkened transit fitted by
least squares (`fit_transit`): mid-time, period, duration from first to fourth contact, depth at mid-transit, each with
its error. The shapes are one family from a box to a V: a central transit of a small planet, then an ever larger impact
parameter, the star's limb darkened like the Sun's in red light. A shape's running integral is tabulated, so that its
mean over an exposure (Kipping 2010) is one difference and all derivatives are exact.

References
----------
Carter et al. 2008, ApJ 689, 499 (what a transit tells); Kipping 2010, MNRAS 408, 1758 (finite exposures); Levenberg
1944, Q. Appl. Math. 2, 164; Golub & Pereyra 2003, Inverse Problems 19, R1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lcnet.core.jit import njit

__all__ = ["Shape", "fit_transit", "refine_box"]

CELLS = 20  # of the shortest box
WIDTHS = np.array([0.75, 0.87, 1.0, 1.15, 1.3])
NEAR = 1.5  # durations from mid-transit up to which points are fitted
LIMB_DARKENING = (0.4, 0.25)  # quadratic; a Sun-like star in the bands of Kepler and TESS (Claret 2011)
# The family: impact parameters from central to grazing, for the radius ratio that the depth suggests
RATIOS = np.geomspace(0.008, 0.4, 11)
GRAZING = 0.85  # impact parameters up to 1 + GRAZING x ratio; beyond it a transit is too shallow to have been found
N_IMPACTS = 21
POINTS = 400  # of a shape's table, over half a duration
PRIOR = (0.45, 0.35)  # impact parameters of found transits: all but uniform from 0 to 1
# What other limb darkening and radius ratios than the table's make wrong in the duration (more where exposures hide the
# ingress: SMEARED of the exposure) and in the depth, relative, rms of fits with hardly any noise over Sun-like to cool
# stars (tests/transits/test_refine.py): errors do not fall below it.
FLOOR_DURATION, SMEARED, FLOOR_DEPTH = 0.006, 0.12, 0.015
FOLDED = (40, 240)  # cells a duration of the folded transit that the posterior is computed on, by its SNR
SPAN = 4.0  # errors by which the posterior's grid reaches beyond the fit on either side
EDGE = 0.01  # share of the posterior at the grid's edge from which on it is widened
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
                if box < 0.0 and inside > 0.0 and box * box > best * inside * (total - inside):
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


@lru_cache(maxsize=len(RATIOS))
def _shapes(k):
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
def _at(integral, shape, row, share, x):
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
def _normal(away, number, lost, impact, integral, shape, exposure, fit, matrix, vector):
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
        right, s_right, d_right = _at(integral, shape, row, share, x + half)
        left, s_left, d_left = _at(integral, shape, row, share, x - half)
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


class _Fit:
    """The least-squares problem of one transit: its points, its scatter, its prior."""

    def __init__(self, away, number, lost, depth, sigma, exposure, free):
        self.data = away, number, lost
        self.sigma, self.exposure, self.free = sigma, exposure, free
        ratio = np.sqrt(np.clip(depth, 1e-6, 1.0))
        self.table = _shapes(int(np.argmin(np.abs(np.log(RATIOS / ratio)))))
        self.matrix, self.vector = np.empty((6, 6)), np.empty(6)

    def equations(self, fit):
        """(chi^2 with the prior, normal matrix, right-hand side) of the free parameters."""
        chi2 = _normal(*self.data, *self.table, self.exposure, fit, self.matrix, self.vector) / self.sigma**2
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


@njit(nogil=True)
def _posterior(phase, lost, weight, impact, integral, shape, exposure, mids, durations, impacts, prior):
    """Posterior of (mid-time, duration, impact, depth): means (4,), variances (4,), and its share at the grid's edges.

    Level and depth are linear and integrated out: with the normal matrix M of the two, a grid point's weight is
    exp(-chi^2 / 2) / sqrt(det M), and the depth has its own variance there.
    """
    n_mid, n_dur, n_imp = mids.size, durations.size, impacts.size
    logp = np.empty((n_mid, n_dur, n_imp))
    depth = np.zeros((n_mid, n_dur, n_imp))
    spread = np.zeros((n_mid, n_dur, n_imp))
    sw, sy = 0.0, 0.0
    for i in range(phase.size):
        sw += weight[i]
        sy += weight[i] * lost[i]
    for c in range(n_imp):
        row = min(max(np.searchsorted(impact, impacts[c]) - 1, 0), impact.size - 2)
        share = min(max((impacts[c] - impact[row]) / (impact[row + 1] - impact[row]), 0.0), 1.0)
        pull = (impacts[c] - prior[0]) / prior[1]
        for b in range(n_dur):
            scale = 2.0 / durations[b]
            half = max(0.5 * exposure * scale, 1.0 / shape.shape[1])
            for a in range(n_mid):
                sm, smm, smy = 0.0, 0.0, 0.0
                for i in range(phase.size):
                    x = (phase[i] - mids[a]) * scale
                    if abs(x) < 1.0 + half:
                        right = _at(integral, shape, row, share, x + half)[0]
                        left = _at(integral, shape, row, share, x - half)[0]
                        mean = (right - left) / (2.0 * half)
                        sm += weight[i] * mean
                        smm += weight[i] * mean * mean
                        smy += weight[i] * mean * lost[i]
                norm = smm - sm * sm / sw
                dip = smy - sm * sy / sw
                if norm > 0.0 and dip > 0.0:
                    depth[a, b, c], spread[a, b, c] = dip / norm, 1.0 / norm
                    logp[a, b, c] = 0.5 * dip * dip / norm - 0.5 * np.log(norm) - 0.5 * pull * pull
                else:
                    logp[a, b, c] = -np.inf
    top = logp.max()
    means, squares, edge, total = np.zeros(4), np.zeros(4), np.zeros(3), 0.0
    for a in range(n_mid):
        for b in range(n_dur):
            for c in range(n_imp):
                w = np.exp(logp[a, b, c] - top)
                total += w
                edge[0] += w if a == 0 or a == n_mid - 1 else 0.0
                edge[1] += w if b == 0 or b == n_dur - 1 else 0.0
                edge[2] += w if c == 0 or c == n_imp - 1 else 0.0
                values = mids[a], durations[b], impacts[c], depth[a, b, c]
                for k in range(4):
                    means[k] += w * values[k]
                    squares[k] += w * values[k] ** 2
                squares[3] += w * spread[a, b, c]
    means /= total
    return means, squares / total - means * means, edge / total


@njit(nogil=True)
def _fold_cells(away, shift, lost, half, cell):
    """(phase, mean of lost, count) in the cells of the folded transit that hold points."""
    n = int(np.ceil(2 * half / cell))
    phase, total, count = np.zeros(n), np.zeros(n), np.zeros(n)
    for i in range(away.size):
        since = away[i] - shift[i]
        k = int(np.floor((since + half) / cell))
        if 0 <= k < n:
            phase[k] += since
            total[k] += lost[i]
            count[k] += 1.0
    held = count > 0
    return phase[held] / count[held], total[held] / count[held], count[held]


def _integrate(problem, fit, errors, sigma):
    """Means and standard deviations of mid-time, duration, impact and depth over the posterior.

    In noise the likelihood is no paraboloid (the ingress of a small planet is shorter than its edges are known to), so
    its curvature is no error.
    """
    away, number, lost = problem.data
    days = fit[4]
    half = float(np.max(np.abs(away)))
    cells = np.clip(2.0 * fit[1] / sigma * np.sqrt(away.size / 3), *FOLDED)
    phase, mean, count = _fold_cells(away, number * fit[3], lost, half, days / cells)
    impact = problem.table[0]
    span = SPAN * np.maximum(errors, [1e-6 * days, 1e-6 * days, 1e-3])
    lowest = np.array([-0.7 * days, 0.05 * days, 0.0])
    highest = np.array([0.7 * days, max(1.9 * half, 1.5 * days), impact[-1]])
    centre = np.array([fit[2], days, fit[5]])
    for _ in range(8):
        low, high = np.maximum(centre - span, lowest), np.minimum(centre + span, highest)
        grid = [np.linspace(a, b, n) for a, b, n in zip(low, high, (11, 11, 7), strict=True)]
        means, variances, edge = _posterior(
            phase, mean, count / sigma**2, *problem.table, problem.exposure, *grid, np.array(PRIOR)
        )
        whole = np.array([low[0] <= lowest[0] and high[0] >= highest[0], False, low[2] <= 0 and high[2] >= impact[-1]])
        whole[1] = low[1] <= lowest[1] and high[1] >= highest[1]
        if not np.isfinite(means).all() or np.all((edge < EDGE) | whole):
            break
        span = np.where(edge < EDGE, span, 2.0 * span)
    return means, np.sqrt(np.maximum(variances, 0.0))


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
    means, deviations = _integrate(problem, fit, errors[[2, 4, 5]], problem.sigma * worse)
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
