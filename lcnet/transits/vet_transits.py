"""The transits one by one: how many, how much of them was seen, whether they agree, and whether they stand alone.

Depths: their robust scatter over their errors, and the ratio of mean to median depth (the DMM of Thompson et al. 2018,
appendix), which a few deep events pull up. One event: the share of the strongest in the significance of all.
"""

from __future__ import annotations

from math import nan, sqrt

import numpy as np

from lcnet.transits.vet_result import Test

__all__ = ["judge_coverage", "judge_depths", "judge_number"]

FEW = 3  # Kepler's least number of transits (Thompson et al. 2018)
LOW_COVERAGE = 0.5
MEAN_TO_MEDIAN = 1.5
ONE_EVENT = 0.8  # of the significance, for up to five transits (Thompson et al. 2018)
UNEVEN_SIGMA = 5.0
UNEVEN_SCATTER = 0.25, 0.5  # intrinsic scatter over the depth: warn, fail


def judge_number(event, candidate):
    """Do at least three transits hold data? `value` is their number."""
    n = int(candidate.n_transits)
    if getattr(candidate, "status", "ok") == "single_transit" or n < 2:
        words = "the period rests on one event" if n else "no transit holds data"
        return Test("n_transits", n, nan, "fail", words, "one_event")
    if n < FEW:
        return Test(
            "n_transits", n, nan, "warn", "two transits: the period could be a fraction of this", "few_transits"
        )
    return Test("n_transits", n, nan, "pass", f"{n} transits hold data")


def judge_coverage(event, candidate):
    """Were most of the transits that should have been seen, seen? `value` is the share."""
    share = float(candidate.coverage)
    words = f"{100 * share:.0f} % of the transits expected hold data"
    if share < LOW_COVERAGE:
        return Test("coverage", share, nan, "warn", words, "low_coverage")
    return Test("coverage", share, nan, "pass", words)


def depth_statistics(depths, errors):
    """(intrinsic scatter over the median depth, its sigma, mean over median, share of the strongest).

    The scatter is a robust one: another planet's transit on top of one of these is no reason to doubt all of them.

    Parameters
    ----------
    depths, errors : array, shape (K,), relative flux
    """
    k = depths.size
    median = float(np.median(depths))
    # over their errors the depths of one event scatter by 1, known to 1.17 / sqrt(k) where it is a median's (Rousseeuw
    # & Croux 1993: an efficiency of 37 %)
    spread = 1.4826 * float(np.median(np.abs(depths - median) / errors))
    scatter = sqrt(max(0.0, spread**2 - 1.0)) * float(np.median(errors)) / median if median > 0 else nan
    single = depths / errors
    total = float(np.sum(single)) / sqrt(k)
    return (
        scatter,
        (spread - 1.0) * sqrt(k) / 1.17,
        float(np.mean(depths)) / median if median > 0 else nan,
        float(single.max()) / total if total > 0 else nan,
    )


def judge_depths(event):
    """Do the transits agree in depth?

    Parameters
    ----------
    event : Event

    Returns
    -------
    Test
        `value` the scatter beyond the errors over the mean depth, `sigma` how far that is from none.
    """
    good = np.isfinite(event.depths) & (event.errors > 0)
    # one seen in part is fainter or deeper than it was
    good &= event.points >= 0.6 * event.days / event.cadence
    if good.sum() < 3:
        return Test("depths", nan, nan, "not_tested", "fewer than three whole transits")
    scatter, sigma, ratio, share = depth_statistics(event.depths[good], event.errors[good])
    if event.number.size <= 5 and share > ONE_EVENT:
        words = f"one of {good.sum()} transits makes {100 * share:.0f} % of the significance"
        return Test("depths", scatter, sigma, "fail", words, "one_event")
    beyond = f"they scatter by {100 * scatter:.0f} % beyond their errors ({sigma:.1f} sigma)"
    if good.sum() > 5 and not 1 / MEAN_TO_MEDIAN < ratio < MEAN_TO_MEDIAN and sigma > UNEVEN_SIGMA:
        words = f"the mean depth is {ratio:.1f} times the median one: {beyond}"
        return Test("depths", scatter, sigma, "fail", words, "uneven_depths")
    if sigma > UNEVEN_SIGMA and scatter > UNEVEN_SCATTER[0]:
        verdict = "fail" if scatter > UNEVEN_SCATTER[1] else "warn"
        return Test("depths", scatter, sigma, verdict, f"the transits differ in depth: {beyond}", "uneven_depths")
    return Test("depths", scatter, sigma, "pass", f"the transits agree in depth: {beyond}")
