"""The exact box search against astropy's, and against boxes whose depth and time are known."""

import astropy.units as u
import numpy as np
import pandas as pd
import pytest
from astropy.table import MaskedColumn
from astropy.time import Time, TimeDelta
from astropy.timeseries import BoxLeastSquares
from astropy.utils.masked import Masked
from hypothesis import given, settings
from hypothesis import strategies as st

from lcnet.transits.bls import bls_many, bls_search


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
        ({"period": (1.0, 4.4, 10.0)}, "shortest, longest"),
        ({"period": (None, 10.0)}, "shortest, longest"),
        ({"period": np.ones((2, 3))}, "1-D"),
        ({"period": [1.0, 10.0]}, r"tuple, period=\(1, 10\).*np.array"),
        ({"period": [1.0, 10.0] * u.d}, "tuple"),
        ({"period": Time([2001.0, 2002.0], format="mjd")}, "period must be numbers, got dates"),
        ({"oversample": -1}, "oversample must be a whole number"),
        ({"oversample": 0}, "oversample must be a whole number"),
        ({"oversample": 2.5}, "oversample must be a whole number"),
        ({"n_peaks": -1}, "n_peaks"),
        ({"threads": 0}, "threads"),
        ({"density": 3 * u.d}, "density in d cannot be converted"),
        ({"density": None}, "density"),
        ({"duration": 3 * u.percent}, "duration in %"),
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


def same(*searches):
    for search in searches[1:]:
        for name in ("period", "power", "epoch", "duration", "depth", "depth_err"):
            np.testing.assert_array_equal(getattr(search, name), getattr(searches[0], name))


def test_masked_points_are_missing():
    time, flux, err = light_curve(7)
    hidden = np.arange(time.size) % 5 == 0
    expected = bls_search(time[~hidden], flux[~hidden], err[~hidden])
    flux[hidden] = 0.5
    as_numpy = np.ma.array(flux, mask=hidden)
    times = Time(time, format="mjd", scale="tdb")
    times[hidden] = np.ma.masked
    same(
        expected,
        bls_search(time, as_numpy, err),
        bls_search(time, Masked(flux, mask=hidden), err),
        bls_search(time, Masked(flux, mask=hidden) * u.dimensionless_unscaled, err),
        bls_search(time, MaskedColumn(as_numpy), err),
        bls_search(np.ma.array(time, mask=hidden), flux, err),
        bls_search(times, flux, err),
        bls_search(time, flux, np.ma.array(err, mask=hidden)),
        bls_search(pd.Series(time), pd.Series(flux).mask(hidden), pd.Series(err)),
    )


def test_units_are_converted():
    time, flux, err = light_curve(8)
    expected = bls_search(time, flux, err)
    same(expected, bls_search(Time(time, format="mjd", scale="tdb"), flux, err), bls_search(time * u.d, flux, err))
    hours = bls_search((time * 24) * u.h, flux, err)
    assert hours.period[hours.best] == pytest.approx(expected.period[expected.best], rel=1e-9)
    assert hours.power.max() == pytest.approx(expected.power.max(), rel=1e-9)
    column = MaskedColumn(24 * time, unit="h", mask=np.zeros(time.size, bool))
    same(hours, bls_search(column, flux, err))
    since = bls_search(TimeDelta(time - time[0], format="jd"), flux, err)
    assert since.power.max() == pytest.approx(expected.power.max(), rel=1e-9)
    for unit in (u.percent, u.electron / u.s):
        percent = bls_search(time, flux * unit, (err * unit).to(1e-2 * unit))
        assert percent.power.max() == pytest.approx(expected.power.max(), rel=1e-9)
        assert percent.depth[percent.best] == pytest.approx(expected.depth[expected.best], rel=1e-9)
    assert bls_search(time, flux, (err * u.one).to(u.percent)).power.max() == pytest.approx(expected.power.max())
    same(bls_search(time, flux, np.full(time.size, 1e-3)), bls_search(time, flux, 1e-3))
    assert bls_search(time, flux, 0.1 * u.percent).power.max() == pytest.approx(
        bls_search(time, flux, 1e-3).power.max()
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t, f, e: (t, f * u.percent, e), "give both a unit"),
        (lambda t, f, e: (t, f, e * u.electron), "flux_err in electron cannot be converted"),
        (lambda t, f, e: (t, f * u.electron, e * u.percent), "flux_err in %"),
        (lambda t, f, e: (t, f * u.mag, e * u.mag), "magnitudes"),
        (lambda t, f, e: (t * u.m, f, e), "time in m cannot be converted to d"),
        (lambda t, f, e: (Time(t, format="mjd", scale="tdb").copy("isot"), f, e), "isot"),
        (lambda t, f, e: (t, ["a"] * t.size, e), "flux must be an array of numbers, got list: could not convert"),
        (lambda t, f, e: (t, None, e), "flux"),
    ],
)
def test_arrays_that_do_not_fit_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        bls_search(*change(*light_curve(9)))


def test_options_with_units():
    time, flux, err = light_curve(10)
    period, density = np.linspace(3, 4, 30), 3 * u.M_sun / (4 * np.pi * u.R_sun**3)
    plain = bls_search(time, flux, err, period=period, duration=3.0)
    same(plain, bls_search(time, flux, err, period=period * u.d, duration=3 * u.h))
    ours, sun = bls_search(time, flux, err, density=density), bls_search(time, flux, err)
    np.testing.assert_allclose(ours.duration, sun.duration, rtol=1e-3)
    # two periods in a plain array are themselves, as astropy's
    two = bls_search(time, flux, err, period=np.array([3.0, 3.3]), duration=3.0)
    theirs = BoxLeastSquares(time, flux, err).power([3.0, 3.3], 3.0 / 24, objective="snr")
    np.testing.assert_allclose(two.power, theirs.power, rtol=1e-9)


def regular(seed, *, cadence, duration, period, snr=14.0, span=27.0):
    """A light curve with a point every `cadence` [d] and boxes of `duration` [h]."""
    rng = np.random.default_rng(seed)
    time = np.arange(0, span, cadence)
    inside = (time - rng.uniform(0, period)) % period < duration / 24
    flux = 1 + 1e-3 * rng.normal(size=time.size) - inside * snr * 1e-3 / np.sqrt(inside.sum())
    return time, flux, np.full(time.size, 1e-3)


def test_durations_below_the_cadence_are_taken_for_days():
    curve = regular(1, cadence=10 / 1440, duration=2.88, period=3.3)
    with pytest.raises(ValueError, match="days meant. Then duration=2.88"):
        bls_search(*curve, duration=0.12)
    assert bls_search(*curve, period=(3, 4), duration=[0.12, 2.88]).power.max() > 8
    # points at random times tell shorter dips than lie between two of them
    time, flux, err = light_curve(11, n=200, span=100.0)
    assert bls_search(time, flux, err, period=np.linspace(1, 5, 20), duration=0.5).period.size == 20


def test_single_periods_are_searched_as_they_stand():
    """Beyond the baseline and under four cadences too, where a range is refused: any given grid is astropy's."""
    time, flux, err = regular(2, cadence=10 / 1440, duration=2.0, period=3.3)
    period = np.array([0.02, 0.5, 1.0, 26.0, 40.0])
    ours = bls_search(time, flux, err, period=period, duration=0.2, threads=1)
    theirs = BoxLeastSquares(time, flux, err).power(period, 0.2 / 24, objective="snr", oversample=10)
    np.testing.assert_allclose(ours.power, theirs.power, rtol=1e-9)


def test_the_exact_grid_follows_short_durations():
    """Boxes of 12 minutes at a matched SNR of 14: the period is found to a duration over the baseline."""
    found = 0
    for seed in range(8):
        period = np.random.default_rng(seed).uniform(1.01, 1.09)
        curve = regular(seed, cadence=2 / 1440, duration=0.2, period=period)
        search = bls_search(*curve, period=(1.0, 1.1), duration=0.2, engine="exact")
        found += abs(search.period[search.best] / period - 1) * 27.0 < 0.2 / 24
    assert found == 8


def test_a_grid_for_which_there_is_no_memory_is_refused():
    time, flux, err = light_curve(13)
    time = time + 2457000.0
    time[3] = 0.0
    for options in ({}, {"period": (0.5, 13.0)}, {"engine": "exact"}):
        with pytest.raises(ValueError, match=r"GiB.*is one of the times a missing value\?"):
            bls_search(time, flux, err, **options)
    with pytest.raises(ValueError, match="longer durations"):
        bls_search(*light_curve(13), duration=1e-6)


class Counted:
    """Light curves made on demand, and how many there are at once."""

    def __init__(self, n):
        self.n, self.made, self.done, self.most = n, 0, 0, 0

    def __iter__(self):
        for seed in range(self.n):
            self.made += 1
            self.most = max(self.most, self.made - self.done)
            yield light_curve(seed, n=300, period=2.0 + 0.1 * seed)

    def keep(self, found):
        self.done += 1
        return found.period[found.best]


@pytest.mark.parametrize("threads", [1, 3])
def test_a_batch_is_taken_lazily_and_keeps_its_order(threads):
    curves = Counted(12)
    periods = bls_many(curves, keep=curves.keep, threads=threads, period=(1.5, 4.0))
    expected = [bls_search(*curve, period=(1.5, 4.0), threads=1) for curve in Counted(12)]
    assert periods == [search.period[search.best] for search in expected]
    assert curves.most <= threads


def test_what_fails_in_a_batch_is_in_its_place():
    def read(seed):
        if seed == 2:
            raise OSError("truncated")
        time, flux, err = light_curve(seed, n=300)
        if seed == 1:
            time[0] = -2457000.0
        return (time, flux, err) if seed != 3 else flux

    results = bls_many(map(read, range(6)), keep=lambda found: found.peaks)
    kinds = [type(result) for result in results]
    assert kinds[1:4] == [ValueError, OSError, TypeError] and "GiB" in str(results[1])
    assert all(not isinstance(results[k], Exception) for k in (0, 4, 5))
    assert [type(result) for result in bls_many([light_curve(1)], keep=lambda found: found.no)] == [AttributeError]
    assert all("bls_search" in str(error) for error in bls_many(light_curve(0)))


def test_what_is_wrong_for_every_light_curve_is_an_error_of_the_batch():
    with pytest.raises(ValueError, match="objective"):
        bls_many([light_curve(0)], objective="chi2")
    with pytest.raises(TypeError, match="peaks"):
        bls_many([light_curve(0)], peaks=3)
