"""`transits.bls` beside lightkurve's own BLS periodogram: the same attributes and methods, meaning the same."""

import warnings

import numpy as np
import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import astropy.units as u
    import lightkurve
    from astropy.time import Time

from lcnet import transits
from lcnet.transits.periodogram import BoxPeriodogram

PERIOD, EPOCH, DAYS, DEPTH = 3.7, 1501.3, 0.12, 2e-3


def planet(*, seed=0, noise=3e-4, error=True, depth=DEPTH, event=None):
    """A TESS-like light curve with one planet, NaNs included, and perhaps one deep dip at `event`."""
    rng = np.random.default_rng(seed)
    time = np.arange(1500.0, 1527.0, 600 / 86400)
    flux = 1 + noise * rng.normal(size=time.size)
    flux[np.abs((time - EPOCH + PERIOD / 2) % PERIOD - PERIOD / 2) < DAYS / 2] -= depth
    if event is not None:
        flux[np.abs(time - event) < 0.1] -= 3.5e-3
    flux[5:9] = np.nan
    columns = {"flux_err": np.full(time.size, noise)} if error else {}
    return lightkurve.LightCurve(
        time=Time(time, format="btjd", scale="tdb"), flux=flux, meta={"LABEL": "a planet", "TARGETID": 7}, **columns
    )


@pytest.fixture(scope="module")
def found():
    return transits.bls(planet())


def test_it_is_a_lightkurve_periodogram(found):
    assert isinstance(found, BoxPeriodogram) and isinstance(found, lightkurve.periodogram.BoxLeastSquaresPeriodogram)
    assert found.label == "a planet" and found.targetid == 7
    n = found.period.size
    for column in (found.power, found.depth, found.transit_time, found.duration, found.snr, found.frequency):
        assert column.shape == (n,)
    assert found.period.unit == u.d and np.all(np.diff(found.period.value) > 0)


def test_the_best_box_is_the_planet(found):
    assert abs(found.period_at_max_power.to_value("d") - PERIOD) < DAYS * PERIOD / 27
    offset = found.transit_time_at_max_power.value - EPOCH
    assert abs((offset + PERIOD / 2) % PERIOD - PERIOD / 2) < DAYS / 3
    assert abs(found.depth_at_max_power.value - DEPTH) < 0.2 * DEPTH
    assert abs(found.duration_at_max_power.to_value("d") - DAYS) < 0.3 * DAYS
    assert found.period_at_max_power == found.period[np.argmax(found.power)]
    assert found.frequency_at_max_power == 1 / found.period_at_max_power


def test_model_mask_and_statistics_as_lightkurve_has_them(found):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = planet().to_periodogram(
            "bls", period=np.linspace(3.65, 3.75, 200), duration=[0.1, 0.12], objective="snr"
        )
        best = {
            "period": found.period_at_max_power,
            "duration": found.duration_at_max_power,
            "transit_time": found.transit_time_at_max_power,
        }
        for name in ("get_transit_model", "get_transit_mask", "compute_stats"):
            ours, other = getattr(found, name)(**best), getattr(theirs, name)(**best)
            if name == "get_transit_model":
                np.testing.assert_allclose(ours.flux.value, other.flux.value)
                np.testing.assert_array_equal(ours.time.value, other.time.value)
            elif name == "get_transit_mask":
                np.testing.assert_array_equal(ours, other)
            else:
                np.testing.assert_array_equal(ours["per_transit_count"], other["per_transit_count"])
                np.testing.assert_allclose(ours["depth"], other["depth"])
        # without arguments: those of the best box
        np.testing.assert_array_equal(found.get_transit_mask(), found.get_transit_mask(**best))
    inside = np.abs((found.time.value - EPOCH + PERIOD / 2) % PERIOD - PERIOD / 2) < 0.3 * DAYS
    assert found.get_transit_mask(**best)[inside].all()


def test_plot(found):
    import matplotlib

    matplotlib.use("Agg")
    axes = found.plot()
    assert axes.get_ylabel() == "BLS Power"
    assert axes.lines[0].get_xdata().size == found.period.size
    matplotlib.pyplot.close(axes.figure)


def test_peaks_table(found):
    peaks = found.peaks
    assert peaks["period"][0].to_value("d") == pytest.approx(found.period_at_max_power.to_value("d"), rel=1e-12)
    assert peaks["period"].unit == u.d and peaks["duration"].unit == u.h
    assert peaks["kind"][0] == "periodic" and peaks["n_transits"][0] == 7


@pytest.mark.parametrize("objective", ["snr", "likelihood"])
def test_given_periods_and_durations_are_astropys(objective):
    lc = planet()
    period, duration = np.linspace(3.0, 4.5, 60) * u.d, np.array([0.1, 0.15]) * u.d
    ours = transits.bls(lc, period=period, duration=duration, objective=objective)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = lc.to_periodogram("bls", period=period.value, duration=duration.value, objective=objective)
    np.testing.assert_allclose(ours.power.value, theirs.power.value, rtol=1e-9)
    assert ours.period_at_max_power.to_value("d") == pytest.approx(theirs.period_at_max_power.to_value("d"))
    assert ours.depth_at_max_power.value == pytest.approx(float(theirs.depth_at_max_power), rel=1e-7)


def test_without_errors_and_in_electrons():
    lc = planet(error=False)
    lc.flux = lc.flux.value * 1000 * u.electron / u.s
    found = transits.bls(lc, period=(3, 4.5), objective="likelihood")
    assert abs(found.period_at_max_power.to_value("d") - PERIOD) < DAYS * PERIOD / 27
    assert found.depth_at_max_power.to_value(u.electron / u.s) == pytest.approx(1000 * DEPTH, rel=0.2)


def test_one_deep_event_does_not_hide_the_planet():
    """The event alone has twice the planet's SNR: two windows, one of them empty, leave it the stronger."""
    found = transits.bls(planet(depth=8e-4, event=1515.0))
    top = found.period[np.argmax(found.power)].to_value("d")
    assert abs(top - PERIOD) > 1  # what lightkurve would report
    kinds = list(found.peaks["kind"])
    assert "single_transit" in kinds and kinds[0] == "periodic"
    assert abs(found.period_at_max_power.to_value("d") - PERIOD) < DAYS * PERIOD / 27


def test_what_is_no_light_curve_is_named():
    with pytest.raises(TypeError, match="stitch"):
        transits.bls(lightkurve.LightCurveCollection([planet()]))
    with pytest.raises(ValueError, match="two trial periods"):
        transits.bls(planet(), period=[3.7])
    with pytest.raises(ValueError, match="not days"):
        transits.bls(planet().fold(3.7))


@pytest.mark.parametrize("method", ["mean", "median"])
def test_binned_and_cut_periodograms_have_the_best_box_still(found, method):
    best = (found.period_at_max_power, found.duration_at_max_power, found.transit_time_at_max_power.value)
    near = np.abs(found.period - PERIOD * u.d) < 0.3 * u.d
    for part in (found.bin(2, method), found.bin(7, method), found[near], found.bin(3)[10:], found[::-1]):
        assert (part.period_at_max_power, part.duration_at_max_power, part.transit_time_at_max_power.value) == best
        assert part.depth_at_max_power == found.depth_at_max_power
        assert part.frequency_at_max_power == found.frequency_at_max_power
    assert found.bin(2, method).period.size == found.period.size // 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.testing.assert_array_equal(found.bin(5).get_transit_mask(), found.get_transit_mask())
    found.bin(2).show_properties()


def test_without_the_best_period_another_is_best(found):
    far = np.abs(found.period - PERIOD * u.d) > 0.3 * u.d
    rest = found[far]
    assert rest.period.size == rest.depth.size == far.sum()
    assert abs(rest.period_at_max_power - PERIOD * u.d) > 0.3 * u.d
    assert rest.period_at_max_power in rest.period
    assert np.all(np.abs(rest.peaks["period"] - PERIOD * u.d) > 0.3 * u.d)


def test_of_one_event_alone_the_highest_power_is_reported():
    """Nothing repeats: no weak box of another kind may go before what the plot shows."""
    found = transits.bls(planet(depth=0.0, event=1511.0))
    assert set(found.peaks["kind"]) == {"single_transit"}
    top = np.argmax(found.power)
    assert found.period_at_max_power == found.period[top] > 5 * u.d
    assert found.depth_at_max_power == found.depth[top]


def test_lightkurves_own_options_are_answered():
    for name in ("minimum_period", "maximum_period"):
        with pytest.raises(TypeError, match=r"period=\(shortest, longest\)"):
            transits.bls(planet(), **{name: 1.0})
    with pytest.raises(TypeError, match="durations"):
        transits.bls(planet(), frequency_factor=500)


def test_a_batch_takes_light_curves():
    lc = planet()
    first, second = transits.bls_many([lc, planet().fold(3.7)], period=(3, 4.5))
    best = transits.bls(lc, period=(3, 4.5))
    np.testing.assert_array_equal(first.power, best.power.value)
    assert isinstance(second, ValueError) and "phase" in str(second)
    with pytest.raises(TypeError, match="several"):
        transits.bls_many(lc)


def test_errors_are_in_the_unit_of_the_flux():
    lc = planet()
    percent = lc.copy()
    percent.flux = (lc.flux.value * u.one).to(u.percent)
    percent.flux_err = (lc.flux_err.value * u.one).to(1e-6 * u.one)
    found = transits.bls(percent, period=(3, 4.5))
    assert found.max_power.value == pytest.approx(transits.bls(lc, period=(3, 4.5)).max_power.value)
    assert found.depth_at_max_power.to_value(u.one) == pytest.approx(DEPTH, rel=0.2)
