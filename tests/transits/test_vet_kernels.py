"""Each test's own measurement against arrays whose truth is known, or an independent way to compute it."""

import numpy as np
import pytest
from scipy.special import erfcinv
from scipy.stats import binom, norm, t
from vet_cases import CADENCE, candidate, dips, noisy, search, times

from lcnet.transits.transit_model import eclipse_flux, transit_duration, transit_flux
from lcnet.transits.vet_event import event_of
from lcnet.transits.vet_gaps import judge_gaps
from lcnet.transits.vet_odd_even import judge_odd_even, odd_even
from lcnet.transits.vet_result import binomial_sigma, false_alarm_threshold, significance
from lcnet.transits.vet_secondary import TRIALS, judge_secondary, judge_unique, model_shift
from lcnet.transits.vet_shape import fit_trapezoid, judge_shape, judge_size
from lcnet.transits.vet_sine import judge_sine, sine_waves
from lcnet.transits.vet_transits import depth_statistics, judge_depths, judge_duration

P, T0, HOURS, DEPTH, SIGMA = 2.9, 1326.1, 3.0, 4e-3, 5e-4


def event(flux, time, *, raw=None, others=(), **changes):
    this = candidate(*(changes.pop("ephemeris", (P, T0, HOURS))), changes.pop("depth", DEPTH), **changes)
    return event_of(search(time, flux, [*others, this], raw=raw), len(others))


# statistics


def test_statistics_are_the_textbook_ones():
    assert significance(norm.sf(3.0) * 2) == pytest.approx(3.0, rel=1e-9)
    assert false_alarm_threshold(0.125, 2.5) == pytest.approx(np.sqrt(2) * erfcinv(0.05))
    assert false_alarm_threshold(0.125, 2.5, TRIALS) == pytest.approx(np.sqrt(2) * erfcinv(0.05 / TRIALS))
    assert binomial_sigma(4, 5, 0.2) == pytest.approx(norm.isf(binom.sf(3, 5, 0.2)), rel=1e-9)
    assert binomial_sigma(0, 5, 0.2) == 0


# one event


def test_single_transits_are_measured_with_honest_errors():
    time = times()
    pulls = []
    for seed in range(12):
        found = event(noisy(time, seed) + dips(time, P, T0, HOURS, DEPTH), time)
        pulls.extend((found.depths - DEPTH) / found.errors)
    pulls = np.array(pulls)
    assert pulls.size > 80
    # the error of a mean of n pulls is 1 / sqrt(n), of their scatter 1 / sqrt(2 n)
    assert abs(pulls.mean()) < 3 / np.sqrt(pulls.size)
    assert pulls.std() == pytest.approx(1.0, abs=3 / np.sqrt(2 * pulls.size) + 0.05)


def test_red_noise_widens_the_errors_of_single_transits():
    time, rng = times(), np.random.default_rng(1)
    slow = np.repeat(rng.normal(0, 5e-4, time.size // 24 + 1), 24)[: time.size]  # constant for two hours each
    white = event(noisy(time, 2) + dips(time, P, T0, HOURS, DEPTH), time)
    red = event(noisy(time, 2) + slow + dips(time, P, T0, HOURS, DEPTH), time)
    assert white.beta < 1.25
    # 36 points a transit: white 0.083 mmag-like, slow noise 5e-4 over about 1.5 independent values
    assert red.single_error > 3 * white.single_error
    assert red.beta > 2.5


def test_a_transit_under_another_candidates_is_left_out():
    time = times()
    other = candidate(5.8, T0 + 2.9 * 2, 3.0, 8e-3)  # meets every other one
    third = candidate(11.6, T0 + 2.9, 3.0, 8e-3)  # meets one in four
    flux = noisy(time, 3) + dips(time, P, T0, HOURS, DEPTH) + dips(time, 11.6, T0 + 2.9, 3.0, 8e-3)
    found = event(flux, time, others=[third])
    assert list(found.number[np.isnan(found.depths)]) == [1, 5] or list(found.number[np.isnan(found.depths)]) == [1]
    assert np.nanmax(found.depths) < 1.2 * DEPTH
    assert not np.isnan(event(flux, time, others=[other]).depths).all()


# odd and even


def test_odd_even_is_a_weighted_mean_with_students_tail():
    number, errors = np.arange(6), np.full(6, 2.0)
    depths = np.array([100.0, 120.0, 104.0, 122.0, 96.0, 118.0])
    found = odd_even(number, depths, errors)
    assert (found["odd"], found["even"]) == (100.0, 120.0)
    scale = np.sqrt((np.var(depths[::2]) * 3 + np.var(depths[1::2]) * 3) / 4) / 2.0
    assert found["even_error"] == pytest.approx(scale * 2 / np.sqrt(3))
    ratio = 20 / (scale * np.sqrt(8 / 3))
    assert found["sigma"] == pytest.approx(norm.isf(t.sf(ratio, 4)), rel=1e-6)


@pytest.mark.parametrize(("odd", "verdict"), [(1.0, "pass"), (0.7, "fail"), (0.0, "fail")])
def test_odd_even(odd, verdict):
    time = times()
    flux = noisy(time, 4) + dips(time, 2 * P, T0, HOURS, DEPTH) + dips(time, 2 * P, T0 + P, HOURS, odd * DEPTH)
    test = judge_odd_even(event(flux, time))
    assert test.verdict == verdict
    assert test.value == pytest.approx((1 - odd) / (0.5 + 0.5 * odd), abs=5 * SIGMA / 6 / DEPTH)
    assert ("period may be twice" in test.words) == (odd == 0)


def test_wandering_depths_are_not_alternating_ones():
    time, rng = times(), np.random.default_rng(5)
    flux = noisy(time, 5, 5e-5)
    for k in range(-1, 10):
        flux += dips(time, 1e4, T0 + k * P, HOURS, DEPTH * rng.normal(1, 0.2))
    test = judge_odd_even(event(flux, time))
    assert test.verdict == "pass" and test.value > 0.01


def test_all_even_is_not_tested():
    time = times()
    assert judge_odd_even(event(noisy(time, 6), time, ephemeris=(30.0, T0, HOURS))).verdict == "not_tested"


# model-shift


def test_a_secondary_is_found_at_its_phase_with_its_depth():
    time = times()
    flux = noisy(time, 7) + dips(time, P, T0, HOURS, DEPTH) + dips(time, P, T0 + 0.37 * P, HOURS, 0.2 * DEPTH)
    found = event(flux, time)
    shift = model_shift(found)
    assert shift.phase == pytest.approx(0.37, abs=HOURS / 24 / P / 8)
    assert shift.depth == pytest.approx(0.2 * DEPTH, abs=4 * shift.depth_err)
    n = time.size * HOURS / 24 / P
    # against a level beside it of three times the points: sqrt(4/3) less significant than against a known one
    assert shift.primary == pytest.approx(DEPTH * np.sqrt(n) / SIGMA / np.sqrt(4 / 3), rel=0.05)
    test = judge_secondary(found, shift)
    assert test.verdict == "fail" and "% of the transit" in test.words
    assert judge_unique(found, shift).verdict == "pass"


def test_noise_has_no_secondary():
    time = times()
    sigmas = []
    for seed in range(20):
        found = event(noisy(time, 100 + seed) + dips(time, P, T0, HOURS, DEPTH), time)
        shift = model_shift(found)
        sigmas.append(shift.secondary / shift.red)
        assert judge_secondary(found, shift).verdict == "pass"
    # the best of about P / duration = 23 independent places
    assert 1.0 < np.median(sigmas) < 3.5


def test_a_phase_curve_is_no_secondary_and_hides_none():
    time = times()
    wave = -3e-4 * np.cos(2 * np.pi * (time - T0) / P)
    dip = dips(time, P, T0 + 0.5 * P, HOURS, 1.2e-4)
    base = noisy(time, 8, 1e-4) + dips(time, P, T0, HOURS, 0.01)
    with_dip = event(base + wave + dip, time, depth=0.01)
    shift = model_shift(with_dip)
    assert shift.depth == pytest.approx(1.2e-4, abs=4 * shift.depth_err)
    test = judge_secondary(with_dip, shift)
    assert (test.verdict, test.flag) == ("warn", "planet_secondary") and "possible hot Jupiter" in test.words
    without = event(base + wave, time, depth=0.01)
    assert judge_secondary(without, model_shift(without)).verdict == "pass"


def test_a_secondary_too_bright_for_a_planet_fails():
    time = times()
    flux = noisy(time, 9, 1e-4) + dips(time, 9.0, T0, 4.0, 0.01) + dips(time, 9.0, T0 + 3.3, 4.0, 6e-4)
    found = event(flux, time, ephemeris=(9.0, T0, 4.0), depth=0.01)
    test = judge_secondary(found, model_shift(found))
    assert test.verdict == "fail" and "albedo" in test.words
    # the same dip of a denser orbit: a/R* from the star's density decides
    small = judge_secondary(found, model_shift(found), density=0.01)
    assert (small.verdict, small.flag) == ("warn", "planet_secondary")
    assert judge_secondary(found, model_shift(found), density=0.01, planet_sized=False).verdict == "fail"


def test_equal_dips_half_an_orbit_apart_ask_for_half_the_period():
    time = times()
    flux = noisy(time, 10) + dips(time, P, T0, HOURS, DEPTH)
    found = event(flux, time, ephemeris=(2 * P, T0, HOURS))
    test = judge_secondary(found, model_shift(found))
    assert (test.verdict, test.flag) == ("warn", "half_period")


def test_a_dip_among_many_is_not_unique():
    time, rng = times(), np.random.default_rng(11)
    flux = noisy(time, 11)
    for start in rng.uniform(time[0], time[-1], 60):  # dips and bumps of three hours anywhere
        flux += rng.normal(0, 4e-3) * (np.abs(time - start) < 1.5 / 24)
    found = event(flux, time, depth=2e-3)
    assert judge_unique(found, model_shift(found)).verdict == "fail"


# shape


def model_event(model, period, hours, *, exposure=CADENCE, sigma=1e-4):
    time = times()
    flux = noisy(time, 12, sigma) * model(time)
    depth = 1 - model(time).min()
    return event(flux, time, ephemeris=(period, T0, 0.9 * hours), depth=0.9 * depth)


@pytest.mark.parametrize("b", [0.0, 0.5, 0.8])
def test_the_ingress_share_of_a_planet_is_its_contacts(b):
    orbit = dict(period=P, a_rs=9.0, rp=0.1, b=b)
    outer = transit_duration(**orbit)
    inner = outer * np.sqrt(((1 - 0.1) ** 2 - b**2) / ((1 + 0.1) ** 2 - b**2))
    found = model_event(lambda x: transit_flux(x, epoch=T0, u1=0.0, u2=0.0, **orbit), P, outer)
    fit = fit_trapezoid(found)
    # shares are tried in steps of 0.05; an ingress is no straight line, which moves the contacts by as much again
    assert fit["share"] == pytest.approx(1 - inner / outer, abs=0.08)
    assert fit["full"] * 24 == pytest.approx(outer, rel=0.06)
    assert fit["depth"] == pytest.approx(0.01, rel=0.03)
    assert judge_shape(found, fit).verdict == "pass"


def test_a_grazing_binary_is_a_v():
    orbit = dict(period=P, a_rs=9.0, rp=0.9, b=1.4)
    outer = transit_duration(**orbit)
    found = model_event(lambda x: eclipse_flux(x, epoch=T0, u1=0.3, u2=0.2, surface_brightness=0.8, **orbit), P, outer)
    fit = fit_trapezoid(found)
    test = judge_shape(found, fit)
    assert (
        test.value >= 0.8 - 1e-9
        and test.flag == "v_shape"
        and test.verdict == ("fail" if fit["depth"] > 0.04 else "warn")
    )


def test_long_exposures_make_no_v_of_a_box():
    time = 1325.0 + np.arange(0.0, 27.0, 30 / 1440)
    fine = time[:, None] + (np.arange(30) - 14.5) / 1440
    flux = noisy(time, 13, 1e-4) + dips(fine, P, T0, 2.0, 0.01).mean(axis=1)
    found = event(flux, time, ephemeris=(P, T0, 2.0), depth=0.01)
    fit = fit_trapezoid(found)
    assert fit["share"] <= 0.3 and judge_shape(found, fit).verdict == "pass"


def test_size_needs_a_star_or_a_very_deep_dip():
    time = times()
    found = event(noisy(time, 14) + dips(time, P, T0, HOURS, 0.02), time, depth=0.02)
    fit = fit_trapezoid(found)
    assert judge_size(found, fit).verdict == "pass"
    test = judge_size(found, fit, {"radius": 2.0})
    assert test.verdict == "fail" and test.value == pytest.approx(np.sqrt(0.02), rel=0.02)
    assert f"{test.value * 2 * 109.08:.1f} Earth radii" in test.words
    assert judge_size(found, fit, {"radius": 0.5}).verdict == "pass"


# sine


def test_waves_are_the_least_squares_ones():
    time = times()
    rng = np.random.default_rng(15)
    wave = (
        2e-3 * np.sin(2 * np.pi * time / P + 1) + 1e-3 * np.sin(4 * np.pi * time / P) + rng.normal(0, 2e-4, time.size)
    )
    found = event(noisy(time, 16), time, raw=1.0 + wave)
    waves = sine_waves(found)
    free = np.abs(found.phase) >= 0.75 * found.days
    for row, factor in zip(waves, (2.0, 1.0, 0.5), strict=True):
        if abs(row[2]) > 0:
            continue  # fitted at its own frequency
        x = 2 * np.pi * factor * time[free] / P
        design = np.column_stack([np.ones(x.size), np.cos(x), np.sin(x)])
        _, a, b = np.linalg.lstsq(design, wave[free], rcond=None)[0]
        assert row[0] == pytest.approx(np.hypot(a, b), rel=1e-8)
    assert waves[1, 2] == 0 and waves[0, 2] == 0
    assert waves[1, 0] == pytest.approx(2e-3, rel=0.1)


@pytest.mark.parametrize("offset", [-0.6, -0.2, 0.0, 0.2, 0.6])
def test_the_peak_of_a_wave_off_the_period_is_placed(offset):
    time = times(gap=(13, 13))
    f = 1 / P + offset / (time[-1] - time[0])
    wave = 5e-3 * np.sin(2 * np.pi * f * (time - time[0]))
    waves = sine_waves(event(noisy(time, 17), time, raw=noisy(time, 18) + wave))
    assert waves[1, 2] == pytest.approx(offset, abs=0.1)


@pytest.mark.parametrize(
    ("amplitude", "factor", "hours", "verdict"),
    [
        (0.0, 1.0, 3.0, "pass"),
        (2.0, 1.0, 10.0, "fail"),  # the dip is the wave's minimum
        (2.0, 1.0, 2.0, "warn"),  # too narrow for it
        (5.0, 1.0, 2.0, "fail"),  # of which any detail is a dip
        (5.0, 1.23, 2.0, "pass"),  # at another period
        (5.0, 1.069, 2.0, "pass"),  # at one that differs by 0.6 of the resolution
        (0.1, 1.0, 3.0, "pass"),  # tides
    ],
)
def test_sine(amplitude, factor, hours, verdict):
    time = times()
    wave = -amplitude * DEPTH * np.cos(2 * np.pi * (time - T0) / P / factor)
    flux = noisy(time, 19) + dips(time, P, T0, hours, DEPTH)
    drift = 1e-4 * (time - time[0])
    found = event(flux, time, raw=flux + wave + drift, ephemeris=(P, T0, hours))
    test = judge_sine(found)
    assert test.verdict == verdict, test.words
    assert (test.flag == "sine") == (verdict != "pass")


def test_a_flattened_light_curve_has_no_waves_to_test():
    time = times()
    assert judge_sine(event(noisy(time, 21), time)).verdict == "not_tested"


# depths and gaps


def test_depth_statistics():
    found = depth_statistics(np.array([10.0, 10, 10, 10, 40]), np.full(5, 1.0))
    assert (found["scatter"], found["ratio"]) == (0.0, 1.6) and found["scatter_sigma"] < 0
    assert found["share"] == pytest.approx(40 / (80 / np.sqrt(5)))
    assert found["ratio_sigma"] == pytest.approx(1.0 / np.sqrt((1 + 2.25 * np.pi / 2) / 5))
    many = np.random.default_rng(1).normal(10.0, np.hypot(1.0, 3.0), 4000)
    found = depth_statistics(many, np.ones(4000))
    assert found["scatter"] == pytest.approx(0.3, abs=0.03)  # 1.17 / sqrt(4000) of a spread of 3.2
    assert found["scatter_sigma"] == pytest.approx((np.sqrt(10) - 1) / 1.17 * np.sqrt(4000), rel=0.1)


def test_depths_of_white_noise_are_not_uneven():
    rng = np.random.default_rng(2)
    found = [depth_statistics(rng.normal(10.0, 1.0, 8), np.ones(8)) for _ in range(500)]
    assert max(one["ratio_sigma"] for one in found) < 3
    assert np.mean([one["scatter_sigma"] > 5 for one in found]) < 0.01


@pytest.mark.parametrize(("hours", "verdict"), [(3.0, "pass"), (13.0, "warn"), (18.0, "fail")])
def test_duration(hours, verdict):
    time = times()
    test = judge_duration(event(noisy(time, 26) + dips(time, P, T0, hours, DEPTH), time, ephemeris=(P, T0, hours)))
    assert test.verdict == verdict and test.value == pytest.approx(hours / 24 / P)


def test_uneven_depths():
    time, rng = times(), np.random.default_rng(22)
    flux, even = noisy(time, 22), noisy(time, 22) + dips(time, 1.3, T0, HOURS, DEPTH)
    for k in range(-1, 21):
        flux = flux + dips(time, 1e4, T0 + k * 1.3, HOURS, DEPTH * max(0.0, rng.normal(1, 0.8)))
    test = judge_depths(event(flux, time, ephemeris=(1.3, T0, HOURS)))
    assert test.verdict == "fail" and test.flag == "uneven_depths"
    assert judge_depths(event(even, time, ephemeris=(1.3, T0, HOURS))).verdict == "pass"


def test_one_event_makes_no_period():
    time = times()
    flux = noisy(time, 23) + dips(time, 1e4, T0 + 6.0, HOURS, 0.02)
    few = judge_depths(event(flux, time, ephemeris=(6.0, T0, HOURS)))
    assert (few.verdict, few.flag) == ("fail", "one_event")
    many = judge_depths(event(flux, time, ephemeris=(3.0, T0, HOURS)))
    assert (many.verdict, many.flag) == ("fail", "uneven_depths")


def test_transits_at_gaps_are_told_from_chance():
    time = times(gap=(13, 13))
    for k in range(1, 9):  # 40 minutes are missing of every transit, as about a momentum dump
        time = time[np.abs(time - (T0 + k * P + 1.2 / 24)) > 20 / 1440]
    flux = noisy(time, 24)
    for k in range(1, 9):
        flux += dips(time, 1e4, T0 + k * P, HOURS, DEPTH)
    at_gap = event(flux, time)
    test = judge_gaps(at_gap)
    assert (test.verdict, test.flag) == ("fail", "gap_edge")
    assert test.value > 0.8 and test.sigma > 3
    # elsewhere the same gaps are chance: about 8 x (2 x 3 h + 40 min less what need not be met) of 27 d
    clear = event(noisy(time, 25) + dips(time, P, T0 + 1.2, HOURS, DEPTH), time, ephemeris=(P, T0 + 1.2, HOURS))
    assert judge_gaps(clear).verdict == "pass"
    assert 0.02 < clear.gap_share < 0.15
