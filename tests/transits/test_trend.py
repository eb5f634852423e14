"""The trend's polynomials, what a new mask moves, and which order a star's own variation asks for."""

import numpy as np
import pytest

from lcnet.transits.detrend import Flattener, in_transit
from lcnet.transits.medians import select_near
from lcnet.transits.trend import draw_trend, stretch_bounds
from lcnet.transits.variability import trend_order, variation

CADENCE = 1 / 48


def star(rotation, *, amplitude=5e-3, noise=2e-4, days=27.0, seed=0):
    time = np.arange(0, days, CADENCE)
    rng = np.random.default_rng(seed)
    return time, 1 + amplitude * np.sin(2 * np.pi * time / rotation) + noise * rng.normal(size=time.size)


@pytest.mark.parametrize("order", [1, 2])
def test_a_polynomial_of_its_order_is_followed_exactly(order):
    time = np.concatenate([np.arange(0, 10, CADENCE), np.arange(12, 20, CADENCE)])
    flux = 1 + 0.01 * time + (order - 1) * 0.002 * time**2
    trend, knots = draw_trend(time, flux, stretch_bounds(time, np.zeros(time.size, int)), window=1.0, order=order)
    # a parabola between its knots, h = 1/12 d apart, is joined by lines that are off by f'' h^2 / 8
    np.testing.assert_allclose(trend, flux, atol=1e-9 + (order - 1) * 0.004 / 8 / 144 * 1.01)
    np.testing.assert_allclose(knots.value, np.interp(knots.time, time, flux), atol=2e-6)


def test_outliers_and_deep_transits_do_not_draw_it():
    time, flux = star(10.0)
    dips = in_transit(time, 5.0, 2.0, 3.0)
    bounds = stretch_bounds(time, np.zeros(time.size, int))
    clean = draw_trend(time, flux, bounds, window=1.0)[0]
    dirty = draw_trend(time, flux - 0.05 * dips, bounds, window=1.0)[0]
    # a seventh of the points of a window weigh nothing: the trend moves by less than its own error, sigma / sqrt(48)
    assert np.max(np.abs(dirty - clean)) < 2e-4


def test_a_new_mask_gives_what_a_new_start_gives():
    time, flux = star(10.0)
    flux -= 3e-3 * in_transit(time, 6.0, 2.0, 3.0)
    flattener = Flattener(time, flux, np.full(time.size, 2e-4), window=1.0, order=1)
    mask = in_transit(time, 6.0, 2.0, 5.0)
    before, again = flattener.flatten(), flattener.flatten(mask)
    fresh = Flattener(time, flux, np.full(time.size, 2e-4), window=1.0, order=1).flatten(mask)
    np.testing.assert_array_equal(again.time, fresh.time)
    # the width of the cut is that of the residuals a fit begins with, so where it begins shows, by less than half of
    # the trend's own error, sigma / sqrt(48)
    np.testing.assert_allclose(again.flux, fresh.flux, atol=0.5 * 2e-4 / np.sqrt(48))
    # five masks and a window, of 27 d: all else is as it was
    far = ~in_transit(again.time, 6.0, 2.0, 24 * 1.5)
    np.testing.assert_array_equal(again.flux[far], before.flux[far])
    assert np.any(again.flux[~far] != before.flux[~far])


@pytest.mark.parametrize("rotation", [3.0, 5.0, 9.0])
def test_the_period_and_amplitude_of_a_rotation_are_told(rotation):
    time, flux = star(rotation, days=80.0)
    period, amplitude = variation(time, flux, 1 / 12)
    assert period == pytest.approx(rotation, rel=0.1) and amplitude == pytest.approx(5e-3, rel=0.1)


def test_white_noise_varies_by_nothing():
    rng = np.random.default_rng(0)
    time = np.arange(0, 27, CADENCE)
    _, amplitude = variation(time, 1 + 1e-3 * rng.normal(size=time.size), 1 / 12)
    assert amplitude < 3e-4


@pytest.mark.parametrize(
    ("rotation", "amplitude", "order"),
    [(4.9, 1e-2, 2), (4.9, 1e-5, 1), (25.0, 1e-3, 1), (1.3, 1e-2, 1)],
    ids=["fast and strong", "too weak", "slow", "faster than any polynomial"],
)
def test_a_parabola_only_where_the_star_asks_for_it(rotation, amplitude, order):
    time, flux = star(rotation, amplitude=amplitude)
    assert trend_order(time, flux, 0.82) == order


def test_transits_of_one_cadence_stay_and_lone_outliers_go():
    """A white dwarf's transits, minutes long and deep, sampled once each."""
    rng = np.random.default_rng(0)
    time = np.arange(0, 27, 1 / 144)
    flux = 1 + 0.01 * rng.normal(size=time.size)
    transits = np.unique(np.searchsorted(time, np.arange(1.0, 27, 1.41)))
    flux[transits] -= 0.4
    kept = Flattener(time, flux, np.full(time.size, 0.01), window=0.8).flatten()
    assert np.isin(time[transits], kept.time).mean() > 0.9
    flux = 1 + 0.01 * rng.normal(size=time.size)
    flux[transits] -= 0.1 * np.exp(rng.normal(0, 1, transits.size))
    kept = Flattener(time, flux, np.full(time.size, 0.01), window=0.8).flatten()
    assert np.isin(time[transits], kept.time).mean() < 0.5


@pytest.mark.parametrize("guess", [0.0, 0.3, 0.66, 0.7, 2.0, np.nan])
def test_a_value_is_selected_whatever_was_guessed(guess):
    rng = np.random.default_rng(8)
    for n in (1, 2, 5, 40, 601):
        values = np.abs(rng.normal(size=n))
        values[: n // 4] = 0.67  # many of the same
        for k in {0, n // 3, n // 2, n - 1}:
            assert select_near(values.copy(), n, k, guess, np.empty(n)) == np.sort(values)[k]
