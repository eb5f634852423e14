"""What a peak is worth: the extreme-value law against drawn maxima, and how often white noise passes."""

import numpy as np
import pytest

from lcnet.transits.bls import bls_search
from lcnet.transits.significance import (
    PeriodogramNoise,
    detection_efficiency,
    gumbel_probability,
    noise_level,
    periodogram_probability,
)

LIMITS = (0.5, 13.0)


def white(seed, *, dip=0.0, period=3.3):
    rng = np.random.default_rng(seed)
    time = np.arange(0, 27, 1 / 48)
    flux = 1 + 1e-3 * rng.normal(size=time.size) - dip * (np.abs((time - 1 + period / 2) % period - period / 2) < 0.06)
    return bls_search(time, flux, np.full(time.size, 1e-3), period=LIMITS, threads=1)


def test_gumbel_maxima_are_judged_as_often_as_drawn():
    """The largest of 64 new maxima passes the limit p in a share p of the cases."""
    rng = np.random.default_rng(0)
    n, p = 2000, 0.1
    draws = rng.gumbel(10.0, 1.3, (n, 65))
    tops = 10.0 + 1.3 * np.log(64) + rng.gumbel(0.0, 1.3, n)  # the law of the largest of 64
    share = np.mean([gumbel_probability(top, draws[k, :64]) < p for k, top in enumerate(tops)])
    # the law is fitted to the quartiles of 64 draws: its scale is known to 15 %, which widens the share by some
    assert 0.07 < share < 0.19


def test_a_few_signals_among_the_maxima_do_not_move_it():
    maxima = np.random.default_rng(1).gumbel(10.0, 1.0, 64)
    with_signals = np.concatenate([maxima[:60], [200.0] * 4])
    one, two = gumbel_probability(20.0, maxima), gumbel_probability(20.0, with_signals)
    assert 0.1 < two / one < 30 and gumbel_probability(60.0, with_signals) < 1e-10


def test_too_few_maxima_tell_nothing():
    assert np.isnan(gumbel_probability(10.0, np.arange(5.0)))
    assert np.isnan(gumbel_probability(np.nan, np.arange(50.0)))
    assert np.isnan(gumbel_probability(10.0, np.ones(50)))


def test_white_noise_passes_one_percent_as_seldom_as_it_should():
    faps = []
    for seed in range(100):
        search = white(seed)
        faps.append(periodogram_probability(search.period[search.best], search.power[search.best], search))
    faps = np.array(faps)
    # 100 draws of 10 %: 2 to 20 with 99.8 %; of 1 %: at most 5 with 99.95 %
    assert 2 <= np.sum(faps < 0.1) <= 20 and np.sum(faps < 0.01) <= 5


def test_white_noise_is_of_one_law_at_all_periods():
    """g = SNR^2 / 2 of the best of n boxes: Gumbel's law about ln n with scale 1, short periods and long."""
    time = np.arange(0, 120, 1 / 48)
    gains, reds = [], []
    for seed in range(4):
        flux = 1 + 1e-3 * np.random.default_rng(seed).normal(size=time.size)
        search = bls_search(time, flux, np.full(time.size, 1e-3), period=(0.5, 60.0), threads=1)
        noise = PeriodogramNoise(search)
        gains.append(0.5 * search.power**2 - noise.tries)
        reds.append(noise.red)
    long = search.period > 10
    for here in (search.period < 1, (search.period > 1) & ~long, long):
        low, middle, high = np.quantile(np.concatenate([gain[here] for gain in gains]), (0.25, 0.5, 0.75))
        # the quartiles of the law are 1.57 apart, its median 0.37; a few hundred independent periods tell it to 0.1
        assert high - low == pytest.approx(1.57, abs=0.25)
        assert middle == pytest.approx(0.37, abs=0.35)
        assert np.median(np.concatenate([red[here] for red in reds])) == pytest.approx(1.0, abs=0.12)


def test_a_probability_is_as_small_as_it_is():
    maxima = np.random.default_rng(2).gumbel(10.0, 1.0, 64)
    assert 0 < gumbel_probability(500.0, maxima) < 1e-150 and gumbel_probability(5e4, maxima) == 0.0


def test_a_planet_stands_out_of_the_noise_without_it():
    found, noise = white(3, dip=1.5e-3), white(3)
    peak = found.best
    assert found.period[peak] == pytest.approx(3.3, abs=0.02)
    assert periodogram_probability(found.period[peak], found.power[peak], noise) < 1e-6
    assert detection_efficiency(found, peak) > 8 > detection_efficiency(noise, noise.best)


def test_the_level_rises_with_the_noise():
    search = white(4)
    level = noise_level(search)
    assert level.shape == search.power.shape
    assert np.mean(level[-50:]) > np.mean(level[:50])
