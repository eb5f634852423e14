"""Do the transits fall where data are missing? Edges of gaps, momentum dumps and rolling bands make dips of their own.

A transit is *at a gap* when more than a quarter of the two durations about it is missing (the Rubble test of Thompson
et al. 2018, appendix) or more than a twentieth of the event itself and two cadences (a momentum dump or an excluded
stretch). How often that happens by chance is counted all over the light curve, so that a short period, some of whose
many transits always fall into gaps, is not blamed. Then the candidate is weighed again without those transits.
"""

from __future__ import annotations

from math import nan

import numpy as np

from lcnet.transits.vet_result import Test, binomial_sigma

__all__ = ["judge_gaps"]

SHARE, SIGMA = 0.5, 3.0
REST_SNR = 5.0


def judge_gaps(event):
    """Do more transits fall at gaps than chance would have, and what is left without them?

    Parameters
    ----------
    event : Event

    Returns
    -------
    Test
        `value` the share of the transits at gaps, `sigma` that of so many by chance.
    """
    n = event.number.size
    if n == 0:
        return Test("gaps", nan, nan, "not_tested", "no transit holds data")
    hits = int(event.at_gap.sum())
    share, sigma = hits / n, binomial_sigma(hits, n, event.gap_share)
    clear = ~event.at_gap & np.isfinite(event.depths)
    rest = 0.0
    if clear.any():
        rest = float(np.sum(event.depths[clear] / event.errors[clear]) / np.sqrt(clear.sum()))
    words = f"{hits} of {n} transits lie at gaps (by chance {100 * event.gap_share:.0f} %)"
    if hits == 0:
        return Test("gaps", share, sigma, "pass", "no transit lies at a gap")
    if share < SHARE and sigma < SIGMA:
        return Test("gaps", share, sigma, "pass", words)
    words += f"; the others have an SNR of {rest:.1f}" if clear.any() else "; there is no other"
    if sigma >= SIGMA and rest < REST_SNR:
        return Test("gaps", share, sigma, "fail", words, "gap_edge")
    if rest < REST_SNR or clear.sum() < 2:
        return Test("gaps", share, sigma, "warn", words, "gap_edge")
    return Test("gaps", share, sigma, "pass", words)
