"""Cleaning and flattening: what must go goes, what must stay stays."""

import numpy as np
import pytest

from lcnet.transits.detrend import clean, flatten_curve, in_transit, robust_sigma, trend_segments

CADENCE = 1 / 48


def spotted(seed=0, *, days=27.0, noise=2e-4, amplitude=0.005, rotation=10.0):
    rng = np.random.default_rng(seed)
    time = np.arange(0, days, CADENCE)
    trend = 1 + amplitude * np.sin(2 * np.pi * time / rotation)
    return time, trend, trend * (1 + noise * rng.normal(size=time.size))


def test_a_smooth_trend_is_followed_to_well_under_the_noise():
    time, trend, flux = spotted()
    flat = flatten_curve(time, flux, np.full(time.size, 2e-4), window=1.0)
    residual = flat.trend / np.interp(flat.time, time, trend) - 1
    # a window of 48 points gives the trend a statistical error of noise / sqrt(48), more at the ends of the data; its
    # curvature bias at most amplitude (pi window / rotation)^2 / 6
    bias = 0.005 * (np.pi / 10) ** 2 / 6
    assert np.std(residual) < 2e-4 / np.sqrt(48) * 1.5 + bias
    assert 2e-4 * 0.9 < robust_sigma(flat.flux) < np.hypot(2e-4, bias) * 1.1


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 0.0, -1.0])
def test_an_error_that_is_none_is_the_median_of_its_segment(wrong):
    time, _, flux = spotted()
    error = np.linspace(1e-4, 3e-4, time.size)
    error[::3] = wrong
    segment = (time > 13).astype(int)
    _, cleaned, filled, numbers = clean(time, flux, error, segment=segment)
    for number in (0, 1):
        here = segment == number
        known = here & (np.arange(time.size) % 3 > 0)
        level = np.median(flux[here])
        assert filled[here & ~known] == pytest.approx(np.median(error[known]) / level, rel=1e-12)
        assert filled[known] == pytest.approx(error[known] / level, rel=1e-12)
    assert np.array_equal(numbers, segment) and cleaned.size == time.size


def test_a_linear_trend_leaves_nothing_at_the_edges_of_gaps():
    time = np.concatenate([np.arange(0, 10, CADENCE), np.arange(12, 20, CADENCE)])
    flux = 1 + 0.01 * time
    flat = flatten_curve(time, flux, np.full(time.size, 1e-4), window=1.0)
    # a running median would be off by slope x window / 4 = 0.25% at each of the four edges
    np.testing.assert_allclose(flat.flux, 1, atol=1e-8)


def test_a_jump_between_stretches_is_not_bridged():
    time = np.concatenate([np.arange(0, 10, CADENCE), np.arange(11, 20, CADENCE)])
    flux = np.where(time < 10.5, 1.0, 1.3)
    flat = flatten_curve(time, flux, np.full(time.size, 1e-4), window=1.0)
    np.testing.assert_allclose(flat.flux, 1, atol=1e-9)
    segment = (time > 5).astype(int)
    assert trend_segments(time, segment).max() == 2


@pytest.mark.parametrize("depth", [2e-3, 2e-2])
def test_a_masked_transit_keeps_its_depth(depth):
    time, _, flux = spotted(1)
    inside = in_transit(time, 4.0, 1.3, 4.0)
    flux = flux * (1 - depth * inside)
    flat = flatten_curve(
        time, flux, np.full(time.size, 2e-4), window=1.0, mask=in_transit(time, 4.0, 1.3, 4.0, widen=1.5)
    )
    measured = 1 - np.mean(flat.flux[in_transit(flat.time, 4.0, 1.3, 4.0)])
    # 56 points in transit, and the trend bridges each from about 20 points on either side
    assert measured == pytest.approx(depth, abs=4 * 2e-4 / np.sqrt(inside.sum() / 2))


def test_bright_outliers_and_single_faint_cadences_go_and_transits_stay():
    time, _, flux = spotted(2, noise=1e-4)
    flux[100] += 0.01
    flux[200] -= 0.01
    flux[300:304] -= 0.01
    flat = flatten_curve(time, flux, np.full(time.size, 1e-4), window=1.0)
    assert time[100] not in flat.time and time[200] not in flat.time
    assert np.isin(time[300:304], flat.time).all()


def test_clean_normalises_each_segment_and_repairs_errors():
    time = np.array([3.0, 1.0, 2.0, np.nan, 5.0, 4.0, 4.0] + list(np.arange(10.0, 40.0)))
    flux = np.full(time.size, 200.0)
    flux[:7] = [10, 11, 9, 10, np.nan, 10, 99]
    err = np.full(time.size, 2.0)
    err[:7] = [0.1, -1.0, np.nan, 0.1, 0.1, 0.1, 0.1]
    segment = np.r_[np.zeros(7), np.ones(30)]
    t, f, e, s = clean(time, flux, err, segment=segment)
    np.testing.assert_array_equal(t[:4], [1, 2, 3, 4])  # sorted; NaN time and flux gone; the repeated cadence once
    np.testing.assert_allclose(f[:4], np.array([11, 9, 10, 10]) / 10)
    np.testing.assert_allclose(e[:4], 0.01)
    np.testing.assert_allclose(f[4:], 1)
    np.testing.assert_allclose(e[4:], 0.01)
    assert set(s) == {0, 1}


def test_too_few_points_and_unequal_lengths_are_named():
    with pytest.raises(ValueError, match="at least 20"):
        clean(np.arange(5.0), np.ones(5))
    with pytest.raises(ValueError, match="differ in length"):
        clean(np.arange(50.0), np.ones(49))
    with pytest.raises(ValueError, match="not positive"):  # a background-subtracted flux about zero is not relative
        clean(np.arange(50.0), np.zeros(50))
