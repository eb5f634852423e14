"""The period and duration grid."""

import numpy as np
import pytest

from lcnet.transits.periods import (
    central_duration,
    count_periods,
    period_bands,
    period_grid,
    search_range,
)


def test_the_earth_crosses_the_sun_in_thirteen_hours():
    # 2 R_sun / (2 pi au / yr) = 13.0 h
    expected = 2 * 6.957e8 / (2 * np.pi * 1.495978707e11 / (365.25 * 24))
    assert central_duration(365.25) == pytest.approx(expected, rel=2e-3)


def test_a_denser_star_is_crossed_faster():
    assert central_duration(10.0, density=8.0) == pytest.approx(0.5 * central_duration(10.0))


@pytest.mark.parametrize("oversampling", [1.0, 3.0])
def test_neighbouring_periods_drift_apart_by_a_fraction_of_a_duration(oversampling):
    baseline = 200.0
    period = period_grid(baseline, 0.5, 100.0, oversampling=oversampling)
    drift = np.diff(period) * baseline / period[:-1]
    # Ofir's step is that of a transit across the stellar radius: half the central duration
    limit = central_duration(period[1:]) / 24 / oversampling
    assert np.all(drift <= 1.05 * limit)
    assert np.all(drift >= 0.3 * limit)
    assert period[0] == 0.5 and period[-1] == 100.0


def test_bands_partition_the_grid_and_their_durations_grow():
    bands = period_bands(27.0, 0.4, 13.5, 120 / 86400)
    period = np.concatenate([band.period for band in bands])
    np.testing.assert_allclose(period, period_grid(27.0, 0.4, 13.5))
    shortest = [band.duration[0] for band in bands]
    assert np.all(np.diff(shortest) > 0)
    for band in bands:
        assert band.duration[-1] <= 24 * 0.16 * band.period[0]
        assert band.duration[0] * 1.0 >= 24 * 120 / 86400


def test_no_duration_is_shorter_than_a_cadence():
    for band in period_bands(27.0, 0.4, 13.5, 1800 / 86400):
        assert band.duration[0] >= 0.5


@pytest.mark.parametrize(
    ("baseline", "period", "message"),
    [(0.5, None, "too short"), (27.0, (3.0, 3.0), "empty"), (27.0, (0.0, 3.0), "positive"), (27.0, (1, 30), "second")],
)
def test_ranges_that_cannot_be_searched_are_named(baseline, period, message):
    with pytest.raises(ValueError, match=message):
        search_range(baseline, period)


def test_what_would_work_is_named_and_works():
    """Below four cadences and beyond the baseline: the range in the message can be searched."""
    for asked, cadence in (
        ((0.02, 5.0), 0.02),
        ((0.02, 0.03), 0.02),
        ((0.02, 50.0), 0.02),
        ((0.5, 40.0), 0.02),
        ((14.0, 28.0), 0.02),
        ((20.0, 27.1), 0.02),
        ((30.0, 60.0), 0.02),
        (None, 0.02),
    ):
        baseline = 26.9937 if asked else 0.7
        with pytest.raises(ValueError) as error:
            search_range(baseline, asked, cadence=cadence)
        low, high = str(error.value).split("try period=(")[1].rstrip(")").split(", ")
        assert search_range(baseline, (float(low), float(high)), cadence=cadence) == (float(low), float(high))
        if asked:  # nothing that was not asked for, where anything of it works
            assert float(low) >= min(asked[0], 0.4) and (float(high) <= asked[1] or asked[1] < 4 * cadence)
    assert search_range(27.0, cadence=0.2)[0] == pytest.approx(0.8)


def test_the_last_exposure_belongs_to_the_light_curve():
    """27 d of points a hundredth of a day apart: the last lies at 26.99 d, and 27 d can be asked for."""
    assert search_range(26.99, (20.0, 27.0), cadence=0.01) == (20.0, 26.99)
    time = np.arange(1500.0, 1527.0, 600 / 86400)  # a median step that is short of it by a rounding error
    assert search_range(np.ptp(time), (20.0, 27.0), cadence=np.median(np.diff(time)))[1] == np.ptp(time)
    with pytest.raises(ValueError, match="no second transit"):
        search_range(26.99, (20.0, 27.02), cadence=0.01)
    with pytest.raises(ValueError, match="no second transit"):
        search_range(26.99, (26.995, 27.0), cadence=0.01)


@pytest.mark.parametrize("duration", [0.2, 5.0])
def test_the_grid_of_one_duration_steps_by_a_fraction_of_it(duration):
    period = period_grid(27.0, 1.0, 10.0, duration=duration)
    drift = np.diff(period) * 27.0 / period[:-1] * 24
    assert np.all(drift <= 1.02 * duration / 3) and np.all(drift >= 0.95 * duration / 3)
    assert period[0] == 1.0 and period[-1] == 10.0
    assert period.size == count_periods(27.0, 1.0, 10.0, duration=duration)


def test_a_denser_star_has_shorter_durations_and_a_finer_grid():
    sun, dwarf = (period_bands(27.0, 1.0, 10.0, 1e-3, density=density) for density in (1.0, 8.0))
    assert dwarf[0].duration[0] == pytest.approx(0.5 * sun[0].duration[0])
    assert count_periods(27.0, 1.0, 10.0, density=8.0) == pytest.approx(2 * count_periods(27.0, 1.0, 10.0), rel=0.01)
    assert sum(band.period.size for band in sun) == count_periods(27.0, 1.0, 10.0)
