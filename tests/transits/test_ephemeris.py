"""Ephemerides as people give them: units, dates of several scales, full Julian dates and zeros nobody stated."""

from __future__ import annotations

import astropy.units as u
import lightkurve
import numpy as np
import pytest
from astropy.time import Time, TimeDelta

from lcnet import transits
from lcnet.transits.ephemeris import ephemeris_of, plain

DAYS = 1325.0 + np.arange(0, 20, 1 / 48)


def curve(form="btjd", offset=0.0, scale="tdb"):
    time = Time(DAYS + offset, format=form, scale=scale)
    return lightkurve.LightCurve(time=time, flux=np.ones(DAYS.size))


def bare(offset=0.0):
    """lightkurve calls plain numbers "jd", whatever they count from."""
    return lightkurve.LightCurve(time=DAYS + offset, flux=np.ones(DAYS.size))


def test_numbers_quantities_and_time_deltas_are_the_same():
    expected = (3.0, 1326.0, 2.5)
    for period in (3.0, 3 * u.d, 72 * u.h, TimeDelta(3.0, format="jd"), TimeDelta(3 * u.d)):
        for duration in (2.5, 150 * u.min, TimeDelta(2.5 * u.h), TimeDelta(2.5 / 24, format="jd")):
            np.testing.assert_allclose(ephemeris_of(curve(), period, 1326.0, duration), expected, rtol=1e-12)


def test_a_time_delta_is_given_in_the_unit_asked_for():
    assert plain(TimeDelta(2.5 * u.h), "h") == pytest.approx(2.5, rel=1e-12)
    assert plain(TimeDelta(2.5 * u.h), "d") == pytest.approx(2.5 / 24, rel=1e-12)
    assert plain(None, "d") is None


def test_a_date_is_no_span_of_time_and_several_numbers_are_not_one():
    with pytest.raises(ValueError, match="span of time"):
        plain(Time(2459000.0, format="jd"), "d")
    with pytest.raises(ValueError, match="one number"):
        plain([1.0, 2.0] * u.d, "d")
    with pytest.raises(ValueError, match="one epoch"):
        ephemeris_of(curve(), 3.0, Time([1326.0, 1327.0], format="btjd", scale="tdb"), 2.5)


@pytest.mark.parametrize(
    ("lc", "own"),
    [
        (curve(), 1326.0),
        (curve("bkjd", 2167.0), 3493.0),
        (curve("jd", 2457000.0), 2458326.0),
        (curve("mjd", 56999.5), 58325.5),
    ],
)
def test_an_epoch_goes_into_the_light_curves_own_system(lc, own):
    dates = (own, 2458326.0, 2458326.0 * u.d, Time(1326.0, format="btjd", scale="tdb"))
    for epoch in dates:
        # a double resolves 5e-10 d of a full Julian date, and twice is converted
        assert ephemeris_of(lc, 3.0, epoch, 2.5)[1] == pytest.approx(own, abs=1e-9, rel=0)


def test_a_date_in_utc_is_69_seconds_later_in_tdb():
    utc = Time(2458326.0, format="jd", scale="utc")
    # 32.184 s from TT to TAI and 37 leap seconds in 2018; TDB keeps within 2 ms of TT
    assert 86400 * (ephemeris_of(curve(), 3.0, utc, 2.5)[1] - 1326.0) == pytest.approx(69.184, abs=0.003)
    # of a light curve that counts UTC it is the date itself
    assert ephemeris_of(curve(scale="utc"), 3.0, utc, 2.5)[1] == pytest.approx(1326.0, abs=1e-9)


def test_a_full_date_and_a_zero_nobody_stated_do_not_go_together():
    assert ephemeris_of(bare(), 3.0, 1326.0, 2.5)[1] == 1326.0
    assert ephemeris_of(bare(2457000.0), 3.0, 2458326.0, 2.5)[1] == 2458326.0
    for epoch in (2458326.0, Time(1326.0, format="btjd", scale="tdb")):
        with pytest.raises(ValueError, match="unstated zero"):
            ephemeris_of(bare(), 3.0, epoch, 2.5)
    with pytest.raises(ValueError, match="is no full BJD"):
        ephemeris_of(bare(2457000.0), 3.0, 1326.0, 2.5)
    with pytest.raises(ValueError, match="is no full BJD"):
        ephemeris_of(curve("jd", 2457000.0), 3.0, 1326.0, 2.5)


@pytest.mark.parametrize("form", ["unix", "isot", "decimalyear"])
def test_times_that_are_no_days_are_refused(form):
    lc = curve()
    lc.time.format = form
    with pytest.raises(ValueError, match="not days"):
        ephemeris_of(lc, 3.0, 1326.0, 2.5)
    with pytest.raises(ValueError, match="not days"):
        transits.flatten(lc)


def test_what_is_missing_or_impossible_is_named():
    with pytest.raises(ValueError, match="epoch, duration not given"):
        ephemeris_of(curve(), 3.0, None, None)
    with pytest.raises(ValueError, match="durations are in hours"):
        ephemeris_of(curve(), 3.0, 1326.0, 80.0)
    for wrong in ([], 5.0, ["a.fits"], {"TIC 1": curve()}):
        with pytest.raises(TypeError, match="LightCurve"):
            ephemeris_of(wrong, 3.0, 1326.0, 2.5)


@pytest.fixture(scope="module")
def planet(simulated):
    star = simulated["planet"]
    good = star.quality == 0
    time = Time(star.time[good], format="btjd", scale="tdb")
    return lightkurve.LightCurve(time=time, flux=star.flux[good], flux_err=star.flux_err[good]), star.truth["signals"][
        0
    ]


def test_views_of_quantities_are_those_of_numbers(planet):
    lc, truth = planet
    period, epoch, duration = truth["period"], truth["epoch"], truth["duration"]
    made = transits.views(lc, period, epoch, duration)
    others = {
        "units": (24 * period * u.h, epoch * u.d, duration / 24 * u.d),
        "dates": (TimeDelta(period * u.d), Time(epoch, format="btjd", scale="tdb"), TimeDelta(duration * u.h)),
        "BJD": (period, epoch + 2457000.0, duration),
    }
    for name, ephemeris in others.items():
        for view, values in transits.views(lc, *ephemeris).items():
            # 4e-5 s in the epoch, from a double's place for a full Julian date: one point may change its bin
            same = np.isclose(values, made[view], atol=1e-5)
            assert same.mean() > 0.9 and np.corrcoef(values, made[view])[0, 1] > 0.99, (name, view)
    # and they show the planet: the deepest bins are the transit's
    assert abs(np.argmin(made["local_view"]) - 30) <= 4


def test_views_of_a_list_are_those_of_its_curves(planet):
    lc, truth = planet
    ephemeris = truth["period"], truth["epoch"], truth["duration"]
    alone = transits.views(lc, *ephemeris)
    for several in ([lc], (lc,), lightkurve.LightCurveCollection([lc])):
        for view, values in transits.views(several, *ephemeris).items():
            np.testing.assert_array_equal(values, alone[view])
    with pytest.raises(TypeError, match="LightCurve"):
        transits.views(["a.fits"], *ephemeris)
    with pytest.raises(TypeError, match="LightCurve"):
        transits.flatten([1.0])
    with pytest.raises(ValueError, match="nothing to flatten"):
        transits.flatten([])
