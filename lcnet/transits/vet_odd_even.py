"""Odd-even: are every other transit's depths the same? They are not when two unlike stars eclipse each other in turn.

The error of each parity's mean depth is the larger of what its transits' own errors give (red noise included, measured
where there is no transit) and of what their scatter about it does: depths that wander from transit to transit, with
spots or a crowded aperture's quarters, must not pass for alternating ones (Thompson et al. 2018, appendix).
"""

from __future__ import annotations

from math import nan, sqrt

import numpy as np

from lcnet.transits.vet_result import Test, ppm, significance

__all__ = ["judge_odd_even", "odd_even"]

WARN_SIGMA, FAIL_SIGMA = 3.0, 4.0
MIN_DIFFERENCE = 0.01  # of the depth: below it, quarters' crowding and the phases of the exposures differ as much
WHOLE = 0.75  # of the points its cadence would give
FEW, FEW_SCATTER = 4, 0.05  # of the depth: what spots and the trend do to one transit, where nothing shows it
SEEN_SIGMA = 3.0  # from which on there is a dip at all


def odd_even(number, depths, errors):
    """Mean depths of the odd and the even transits, and the significance of their difference.

    Parameters
    ----------
    number : array of int, shape (K,)
        0 for the first transit, which is the first of the odd ones: people count from 1.
    depths, errors : array, shape (K,), relative flux

    Returns
    -------
    dict, or None where one parity has no transit
        ``odd``, ``even`` and their errors ``odd_error``, ``even_error``, relative flux; ``sigma``.
    """
    odd = number % 2 == 0
    if odd.all() or not odd.any():
        return None
    weights = errors**-2
    means, variances, chi2 = [], [], 0.0
    for parity in (odd, ~odd):
        means.append(float(np.sum(weights[parity] * depths[parity]) / np.sum(weights[parity])))
        variances.append(1.0 / float(np.sum(weights[parity])))
        chi2 += float(np.sum(weights[parity] * (depths[parity] - means[-1]) ** 2))
    freedom = depths.size - 2
    scale = sqrt(max(1.0, chi2 / freedom)) if freedom > 0 else 1.0
    sigma = abs(means[0] - means[1]) / (scale * sqrt(sum(variances)))
    if scale > 1.0 and freedom < 30:
        sigma = _normal(sigma, freedom)  # a scatter learnt from few transits makes large ratios likelier
    errors = [scale * sqrt(variance) for variance in variances]
    return dict(odd=means[0], even=means[1], odd_error=errors[0], even_error=errors[1], sigma=sigma)


def _normal(t, freedom):
    """The normal sigma as improbable as Student's t."""
    from scipy.special import stdtr

    return significance(2.0 * float(stdtr(freedom, -t)))


def judge_odd_even(event):
    """Compare the transits' depths in turn.

    Parameters
    ----------
    event : Event

    Returns
    -------
    Test
        `value` the difference over the mean depth, `sigma` over its error.
    """
    # a transit seen in part is a mean over another part of it
    good = np.isfinite(event.depths) & (event.errors > 0) & (event.seen >= WHOLE)
    errors = event.errors[good]
    if errors.size < FEW:  # too few to tell how much they scatter
        errors = np.hypot(errors, FEW_SCATTER * event.depth)
    found = odd_even(event.number[good], event.depths[good], errors)
    if found is None:
        return Test("odd_even", nan, nan, "not_tested", "all the whole transits are odd, or all are even")
    odd, even, sigma = found["odd"], found["even"], found["sigma"]
    mean = 0.5 * (odd + even)
    value = abs(odd - even) / mean if mean > 0 else nan
    depths = f"odd {ppm(odd)}, even {ppm(even)} ({sigma:.1f} sigma)"
    small = value < MIN_DIFFERENCE
    if sigma < WARN_SIGMA or small:
        return Test("odd_even", value, sigma, "pass", f"odd and even transits agree: {depths}")
    seen = odd > SEEN_SIGMA * found["odd_error"], even > SEEN_SIGMA * found["even_error"]
    if seen[0] != seen[1]:
        words = f"only every other transit is there: {depths}; the period may be twice as long"
    else:
        words = f"odd and even transits differ: {depths}"
    return Test("odd_even", value, sigma, "fail" if sigma >= FAIL_SIGMA else "warn", words, "odd_even")
