"""The red-noise SNR of a box, against a plain reading of its definition; which transits bear a period out."""

from types import SimpleNamespace

import numpy as np
import pytest

from lcnet.transits.detrend import Flattened, in_transit, robust_sigma
from lcnet.transits.measure import first_transit, measure_box, red_noise_beta, repeats

HOURS = 3.03  # no point lies on an edge of the box


def curve(seed=0, *, n=3000, cadence=1 / 72, depth=1e-3, period=3.1, epoch=1.2, duration=3.0, sigma=4e-4):
    rng = np.random.default_rng(seed)
    time = np.arange(n) * cadence
    time = time[np.abs(time - 20) > 1.5]
    flux = 1 - depth * in_transit(time, period, epoch, duration) + sigma * rng.normal(size=time.size)
    return Flattened(time, flux, np.full(time.size, sigma), np.ones(time.size), flux, np.zeros(time.size, int))


def beta_by_loops(time, flux, days):
    """Winn et al. 2008 in the plainest words, over two sets of bin edges."""
    expected = max(1.0, days / np.median(np.diff(time)))
    ratios = []
    for shift in (0.0, 0.5):
        number = np.floor((time - time[0]) / days + shift)
        squares = []
        for k in np.unique(number):
            here = flux[number == k]
            if here.size >= 0.5 * expected:
                squares.append((here.mean() - np.median(flux)) ** 2 * here.size)
        ratios.append(np.mean(squares))
    return max(1.0, np.sqrt(np.mean(ratios)) / robust_sigma(flux))


def test_beta_is_what_its_definition_says():
    rng = np.random.default_rng(1)
    time = np.sort(rng.uniform(0, 30, 2000))
    flux = 1 + 1e-3 * rng.normal(size=2000) + 2e-3 * np.sin(time / 0.3)
    for hours in (2.0, 5.0, 9.7):
        assert red_noise_beta(time, flux, hours) == pytest.approx(beta_by_loops(time, flux, hours / 24), rel=1e-9)


def test_a_box_is_measured_as_its_definition_says():
    light = curve()
    box = measure_box(light, 3.1, 1.2, HOURS)
    inside = in_transit(light.time, 3.1, 1.2, HOURS)
    outside = ~in_transit(light.time, 3.1, 1.2, HOURS, widen=2.0)
    depth = light.flux[outside].mean() - light.flux[inside].mean()
    sigma, beta = robust_sigma(light.flux[outside]), beta_by_loops(light.time[outside], light.flux[outside], HOURS / 24)
    assert box["depth"] == pytest.approx(1e6 * depth, rel=1e-9)
    assert box["snr"] == pytest.approx(depth / (sigma * beta / np.sqrt(inside.sum())), rel=1e-9)
    number = np.rint((light.time - 1.2) / 3.1)
    for k, one, snr in box["single"]:
        here = inside & (number == k)
        assert one == pytest.approx(light.flux[outside].mean() - light.flux[here].mean(), rel=1e-9)
        assert snr == pytest.approx(one * np.sqrt(here.sum()) / (sigma * beta), rel=1e-9)
    assert box["n_transits"] == len(box["single"]) and 0.8 < box["coverage"] <= 1


def test_points_of_other_planets_are_left_out():
    light = curve()
    others = in_transit(light.time, 5.0, 0.7, 4.0)
    light.flux[others] -= 0.01
    assert measure_box(light, 3.1, 1.2, 3.0, others=others)["snr"] > 2 * measure_box(light, 3.1, 1.2, 3.0)["snr"]


def test_too_few_points_are_no_measurement():
    light = curve(n=400)
    assert measure_box(light, 100.0, 60.0, 1.0) is None


def test_the_first_transit_is_the_first_with_data():
    light = curve()
    light = SimpleNamespace(time=light.time[light.time > 5])
    assert first_transit(light.time, 3.1, 1.2, 3.0) == pytest.approx(1.2 + 2 * 3.1)


def single(depths, snrs):
    return np.column_stack([np.arange(len(depths)), depths, snrs])


@pytest.mark.parametrize(
    ("depths", "snrs", "expected"),
    [
        ([1e-3], [20.0], False),  # one event
        ([1e-3, 1e-3], [6.0, 5.0], True),
        ([1e-3, 1e-4], [20.0, 2.0], False),  # the second is noise
        ([8e-3, 3.5e-3], [130.0, 60.0], False),  # two bodies, each seen once
        ([8e-3, 6e-3], [130.0, 100.0], True),  # the two eclipses of a binary at half its period
        ([1e-3] * 10, [5.0] * 10, True),
        ([1e-2, 1e-2, 1e-2, 0, 0, 0, 0, 0], [20.0, 20, 20, 0.1, 0.2, 0.1, 0.1, 0.1], False),  # most show nothing
    ],
)
def test_a_period_rests_on_more_than_one_event(depths, snrs, expected):
    assert repeats(single(depths, snrs)) is expected
