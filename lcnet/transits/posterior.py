"""What a folded transit tells of its mid-time, duration, shape and depth: means and errors over the posterior.

In noise the likelihood is no paraboloid: the ingress of a small planet is shorter than its edges are known to, and long
exposures hide the shape. So the errors are not the curvature at the best fit but integrals over a grid about it, level
and depth, which are linear, integrated out exactly.
"""

from __future__ import annotations

import numpy as np

from lcnet.core.jit import njit
from lcnet.transits.shapes import shape_at

__all__ = ["PRIOR", "integrate"]

PRIOR = (0.45, 0.35)  # impact parameters of found transits: all but uniform from 0 to 1
FOLDED = (40, 240)  # cells a duration of the folded transit that the posterior is computed on, by its SNR
SPAN = 4.0  # errors by which the posterior's grid reaches beyond the fit on either side
EDGE = 0.01  # share of the posterior at the grid's edge from which on it is widened


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
                        right = shape_at(integral, shape, row, share, x + half)[0]
                        left = shape_at(integral, shape, row, share, x - half)[0]
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


def integrate(problem, fit, errors, sigma):
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
