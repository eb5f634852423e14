"""The exact box search against astropy's, and against boxes whose depth and time are known."""

import astropy.units as u  # noqa: F401  (astropy's BLS wants its units registered before warnings become errors)
import numpy as np
import pytest
from astropy.timeseries import BoxLeastSquares
from hypothesis import given, settings
from hypothesis import strategies as st

from lcnet.transits.bls import bls_search


def light_curve(seed, *, n=1500, span=27.0, period=3.3, depth=3e-3, heteroscedastic=True):
    rng = np.random.default_rng(seed)
    time = np.sort(rng.uniform(0, span, n)) + 2000.0
    err = rng.uniform(0.5, 2.0, n) * 1e-3 if heteroscedastic else np.full(n, 1e-3)
    flux = 1 + err * rng.normal(size=n)
    flux[(time - 2001.0) % period < 0.12] -= depth
    return time, flux, err


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    objective=st.sampled_from(["snr", "likelihood"]),
    oversample=st.sampled_from([3, 5, 10]),
    shortest=st.floats(0.8, 3.0),
)
def test_power_equals_astropy(seed, objective, oversample, shortest):
    time, flux, err = light_curve(seed, n=400)
    period = np.geomspace(0.7, 13.0, 60)
    duration = shortest * np.array([1.0, 1.7, 3.1])
    ours = bls_search(
        time, flux, err, period=period, duration=duration, oversample=oversample, objective=objective, threads=1
    )
    theirs = BoxLeastSquares(time, flux, err).power(period, duration / 24, objective=objective, oversample=oversample)
    np.testing.assert_allclose(ours.power, theirs.power, rtol=1e-9)
    # where two boxes are equally good, each may name another of them
    differ = ~np.isclose(ours.duration / 24, theirs.duration) | (
        np.abs((ours.epoch - theirs.transit_time + 0.5 * period) % period - 0.5 * period) > 1e-9 * period
    )
    assert differ.mean() <= 0.1
    same = ~differ
    np.testing.assert_allclose(ours.depth[same], theirs.depth[same], rtol=1e-7)
    np.testing.assert_allclose(ours.depth_err[same], theirs.depth_err[same], rtol=1e-9)


def test_threads_do_not_change_the_result():
    time, flux, err = light_curve(3)
    one, two = (bls_search(time, flux, err, threads=threads) for threads in (1, 2))
    np.testing.assert_array_equal(one.power, two.power)
    np.testing.assert_array_equal(one.epoch, two.epoch)


@pytest.mark.parametrize("start", [0.0, 0.5, 1.0])
def test_a_box_is_found_wherever_it_begins(start):
    """Also across phase 0, where astropy's padding ends a long box early."""
    time = 1000 + np.arange(0, 27.0, 1 / 72)
    period, duration = 3.0, 0.15
    flux = np.where((time - time[0] + start * duration) % period < duration, 1 - 1e-3, 1.0)
    found = bls_search(time, flux, np.full(time.size, 1e-4), period=(2.5, 3.5))
    best = found.best
    # the grid is a third of a duration over the baseline fine
    assert abs(found.period[best] - period) < duration / 3 * period / 27.0
    assert abs(found.depth[best] - 1e-3) < 2e-4
    # the white SNR of all in-transit points
    inside = (flux < 1).sum()
    expected = 1e-3 / (1e-4 * np.sqrt(1 / inside + 1 / (time.size - inside)))
    assert 0.85 * expected < found.power[best] <= 1.001 * expected


def test_epoch_is_the_first_mid_transit_after_the_first_point():
    time, flux, err = light_curve(4, depth=0.05)
    found = bls_search(time, flux, err)
    best = found.best
    assert time[0] <= found.epoch[best] < time[0] + found.period[best]
    centre = 2001.0 + 0.06
    offset = (found.epoch[best] - centre + 1.65) % 3.3 - 1.65
    assert abs(offset) < 0.06


def test_gaps_and_missing_points_do_not_matter():
    time, flux, err = light_curve(5)
    holes = np.r_[time, np.nan, 2005.0], np.r_[flux, 1.0, np.nan], np.r_[err, 1e-3, 1e-3]
    period = np.linspace(3.0, 3.6, 50)
    np.testing.assert_array_equal(
        bls_search(time, flux, err, period=period).power, bls_search(*holes, period=period).power
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"objective": "chi2"}, "objective"),
        ({"period": (5.0, 2.0)}, "empty"),
        ({"period": (1.0, 100.0)}, "no second transit"),
        ({"period": [1.0, 2.0], "duration": 30.0}, "in hours"),
        ({"period": [-1.0]}, "positive"),
        ({"duration": [0.0]}, "positive"),
    ],
)
def test_bad_options_are_named(options, message):
    time, flux, err = light_curve(6)
    with pytest.raises(ValueError, match=message):
        bls_search(time, flux, err, **options)


def test_too_few_points_are_named():
    with pytest.raises(ValueError, match="usable points"):
        bls_search([1.0, 2.0], [1.0, 1.0])
    with pytest.raises(ValueError, match="one length"):
        bls_search([1.0, 2.0, 3.0], [1.0, 1.0])
