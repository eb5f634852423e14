"""The transits: how many, how much of them was seen, how long they are, whether they agree, whether one makes them all.

Depths: their robust scatter over their errors, and the ratio of mean to median depth (the DMM of Thompson et al. 2018,
appendix), which a few deep events pull up. One event: the share of the strongest in the significance of all.
"""

from __future__ import annotations

from math import inf, nan, pi, sin, sqrt

import numpy as np

from lcnet.transits.vet_result import Test

__all__ = ["judge_coverage", "judge_depths", "judge_duration", "judge_number"]

WHOLE = 0.6  # of the points its cadence would give
FEW = 3  # Kepler's least number of transits (Thompson et al. 2018)
LOW_COVERAGE = 0.5
LONG_DURATION = 0.16, 0.25  # of the orbit: a / R* of about 2 and of 1.4
MEAN_TO_MEDIAN, RATIO_SIGMA = 1.5, 3.0
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


def judge_duration(event):
    """Is the transit short against the orbit? `value` its duration over the period.

    On a circular orbit duration / P <= asin((1 + k) / (a/R*)) / pi: a quarter of the orbit asks for a body that touches
    its star. What takes longer is a contact binary or a wave.
    """
    share = event.days / event.period
    words = f"it takes {100 * share:.1f} % of the orbit"
    if share <= LONG_DURATION[0]:
        return Test("duration", share, nan, "pass", words)
    axis = (1.0 + sqrt(max(event.depth, 0.0))) / sin(pi * min(share, 0.5))
    words += f", for which the orbit is at most {axis:.1f} stellar radii wide"
    verdict = "fail" if share > LONG_DURATION[1] else "warn"
    return Test("duration", share, nan, verdict, words, "long_duration")


def judge_coverage(event, candidate):
    """Were most of the transits that should have been seen, seen? `value` is the share."""
    share = float(candidate.coverage)
    words = f"{100 * share:.0f} % of the transits expected hold data"
    if share < LOW_COVERAGE:
        return Test("coverage", share, nan, "warn", words, "low_coverage")
    return Test("coverage", share, nan, "pass", words)


def depth_statistics(depths, errors):
    """How the depths of K transits are spread.

    Parameters
    ----------
    depths, errors : array, shape (K,), relative flux

    Returns
    -------
    dict
        ``scatter``: the robust scatter beyond the errors over the median depth, and ``scatter_sigma``, how far that is
        from none. ``ratio``: mean over median depth, and ``ratio_sigma``, how far the mean is above `MEAN_TO_MEDIAN`
        medians. ``share``: the strongest one's significance over that of all.
    """
    k = depths.size
    mean, median, error = float(np.mean(depths)), float(np.median(depths)), float(np.median(errors))
    # robust, for another planet's transit on top of one of these is no reason to doubt all. Over their errors the
    # depths of one event scatter by 1, known to 1.17 / sqrt(k): the MAD has 37 % of a standard deviation's efficiency
    spread = 1.4826 * float(np.median(np.abs(depths - median) / errors))
    single = depths / errors
    total = float(np.sum(single)) / sqrt(k)
    return dict(
        scatter=sqrt(max(0.0, spread**2 - 1.0)) * error / median if median > 0 else inf,
        scatter_sigma=(spread - 1.0) * sqrt(k) / 1.17,
        ratio=mean / median if median > 0 else inf,
        # a median's variance is pi / 2 times a mean's; that the two go together is left out, which is the safe side
        ratio_sigma=(mean - MEAN_TO_MEDIAN * median) * sqrt(k / (1 + MEAN_TO_MEDIAN**2 * pi / 2)) / error,
        share=float(single.max()) / total if total > 0 else inf,
    )


def judge_depths(event):
    """Do the transits agree in depth?

    Parameters
    ----------
    event : Event

    Returns
    -------
    Test
        `value` the scatter beyond the errors over the median depth, `sigma` how far that is from none.
    """
    # one seen in part may be fainter or deeper than it was
    good = np.isfinite(event.depths) & (event.errors > 0) & (event.seen >= WHOLE)
    n = int(good.sum())
    if n < 3:
        return Test("depths", nan, nan, "not_tested", "fewer than three whole transits")
    found = depth_statistics(event.depths[good], event.errors[good])
    scatter, sigma = found["scatter"], found["scatter_sigma"]
    if n <= 5 and found["share"] > ONE_EVENT:
        words = f"one of {n} transits makes {100 * min(found['share'], 1.0):.0f} % of the significance"
        return Test("depths", scatter, sigma, "fail", words, "one_event")
    if found["ratio_sigma"] > RATIO_SIGMA:
        words = "a few of the transits are much deeper than most: the mean depth is "
        words += (
            f"{found['ratio']:.1f} times the median one" if found["ratio"] < inf else "positive, the median one not"
        )
        return Test("depths", scatter, sigma, "fail", words, "uneven_depths")
    beyond = f"they scatter by {100 * scatter:.0f} % beyond their errors ({sigma:.1f} sigma)"
    if scatter == inf:
        beyond = "most of them are none"
    if sigma > UNEVEN_SIGMA and scatter > UNEVEN_SCATTER[0]:
        verdict = "fail" if scatter > UNEVEN_SCATTER[1] else "warn"
        return Test("depths", scatter, sigma, verdict, f"the transits differ in depth: {beyond}", "uneven_depths")
    if sigma < 2.0 or scatter == 0.0:
        beyond = "no scatter beyond their errors"
    elif sigma > UNEVEN_SIGMA:
        beyond += f", less than {100 * UNEVEN_SCATTER[0]:.0f} %"
    else:
        beyond += f", less than {UNEVEN_SIGMA:g} sigma"
    return Test("depths", scatter, sigma, "pass", f"the transits may well be equally deep: {beyond}")
