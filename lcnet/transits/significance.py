"""How likely a periodogram's peak is, judged by the periodogram itself.

Two numbers. The signal detection efficiency is a peak's height over the running median in units of the scatter about it
(Kovacs et al. 2002; Hippke & Heller 2019). The false-alarm probability is that of noise like this star's giving a peak
as high anywhere in the search: the maxima of blocks of the periodogram, with what was found taken out, follow an
extreme-value law (Suveges 2014). g = SNR^2 / 2, a gain in log likelihood, has an exponential tail for any chain of
Gaussian tries, so that its maxima follow Gumbel's law: the best of n boxes lies at ln n, with scale 1. So the power
rises towards long periods because more boxes fit into the orbit, which moves the law and does not stretch it (dividing
the power by its running median would); what stretches it is red noise.

References
----------
Suveges 2014, MNRAS 440, 2099; Baluev 2008, MNRAS 385, 1279; Kovacs, Zucker & Mazeh 2002, A&A 391, 369; Hippke & Heller
2019, A&A 623, A39.
"""

from __future__ import annotations

import numpy as np

from lcnet.transits.detrend import robust_sigma

__all__ = [
    "PeriodogramNoise",
    "detection_efficiency",
    "gumbel_probability",
    "noise_level",
    "periodogram_probability",
]

LEAST = 50  # trial periods that a scatter can be told from
PIECES = 25
BLOCKS = 64
ENOUGH = 1000
# Independent boxes in as much of the orbit as the best box is long: what makes the median gain of white noise that of
# Gumbel's law, at all periods from 0.4 d to half of four years, cadences of 2 and 30 minutes, densities of 0.3 to 2
BOXES_A_DURATION = 0.8


def running_median(values):
    """The running median along a periodogram, shape (P,)."""
    edges = np.linspace(0, values.size, PIECES + 1).astype(int)
    middle = 0.5 * (edges[1:] + edges[:-1])
    medians = []
    for first, last in zip(edges, edges[1:], strict=False):
        # of hundreds of thousands of values, every n-th tells the median as well: neighbours are all but equal
        medians.append(np.median(values[first : last : max(1, (last - first) // ENOUGH)]))
    return np.interp(np.arange(values.size), middle, medians)


def noise_level(search):
    """The running median of a periodogram's power, shape (P,).

    It takes out the rise of the noise towards long periods.
    """
    return running_median(search.power)


def detection_efficiency(search, peak):
    """SDE of one peak: its height over the running median of the periodogram in units of the scatter about it."""
    if search.power.size < LEAST:
        return np.nan
    residual = search.power - noise_level(search)
    scatter = robust_sigma(residual[:: max(1, residual.size // (PIECES * ENOUGH))])
    return float(residual[peak] / scatter) if scatter > 0 else np.nan


def gumbel_probability(value, maxima):
    """Probability that the largest of as many maxima as there are reaches `value`.

    Gumbel's law through the quartiles of the maxima: a few that are signals do not move them.

    Parameters
    ----------
    value : float
    maxima : array, shape (M,)

    Returns
    -------
    float
        NaN for fewer than 8 maxima.
    """
    if maxima.size < 8 or not np.isfinite(value):
        return np.nan
    low, high = np.quantile(maxima, (0.25, 0.75))
    scale = (high - low) / (np.log(np.log(4.0)) - np.log(np.log(4.0 / 3.0)))
    if not scale > 0:
        return np.nan
    place = low + scale * np.log(np.log(4.0))
    # 1 - exp(-M exp(-y)), exact also where it is tiny
    return float(-np.expm1(-maxima.size * np.exp(-max((value - place) / scale, -30.0))))


class PeriodogramNoise:
    """The extreme-value law of one periodogram, best one without what was found.

    At one trial period the best of n independent boxes is taken, n about the orbit over their duration: in white noise
    g follows Gumbel's law about ln n with scale 1. Red noise multiplies it, by more at the longer durations of long
    periods: the running median tells by how much. g / that - ln n is of one law at all periods, and so are its maxima
    over blocks, whose quartiles tell what is left to know.

    Parameters
    ----------
    search : BoxSearch
    """

    def __init__(self, search):
        self.period, self.maxima = search.period, np.empty(0)
        level = noise_level(search) if search.power.size >= 8 * PIECES else np.zeros(1)
        if not np.median(level) > 0:
            return
        self.tries = np.log(np.maximum(BOXES_A_DURATION * 24.0 * search.period / running_median(search.duration), 2.0))
        # the median of Gumbel's law lies ln ln 2 beyond its place
        self.red = 0.5 * level**2 / (self.tries - np.log(np.log(2.0)))
        self.red = np.maximum(self.red, 0.01 * np.median(self.red))
        gain = 0.5 * search.power**2 / self.red - self.tries
        n = min(BLOCKS, gain.size // 8)
        self.maxima = np.maximum.reduceat(gain, np.linspace(0, gain.size, n + 1).astype(int)[:-1])

    def probability(self, period, power):
        """False-alarm probability of a peak of this period [d] and white-noise SNR; NaN if too little is known."""
        if self.maxima.size == 0:
            return np.nan
        here = min(np.searchsorted(self.period, period), self.period.size - 1)
        return gumbel_probability(0.5 * power**2 / self.red[here] - self.tries[here], self.maxima)


def periodogram_probability(period, power, noise):
    """False-alarm probability of a peak, from a periodogram of the same light curve without what was found.

    Parameters
    ----------
    period : float, days
    power : float
        White-noise SNR of the peak, in the periodogram it was found in.
    noise : BoxSearch

    Returns
    -------
    float
        NaN where the periodogram is too short to tell.
    """
    return PeriodogramNoise(noise).probability(period, power)
