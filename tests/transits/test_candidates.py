"""The search end to end on simulated light curves: what is there is found, what is not is not."""

import numpy as np
import pytest

from lcnet.transits.candidates import candidate_views, find_candidates, red_noise_beta
from lcnet.transits.detrend import in_transit


def star(seed, planets, *, days=27.0, cadence=1 / 72, noise=4e-4, red=0.0, spots=0.001, gap=True):
    rng = np.random.default_rng(seed)
    time = 1500 + np.arange(0, days, cadence)
    if gap:
        time = time[np.abs(time - 1500 - days / 2) > 0.6]
    flux = 1 + spots * np.sin(2 * np.pi * time / 6.3 + 1)
    for period, epoch, duration, depth in planets:
        flux -= depth * in_transit(time, period, epoch, duration)
    flux += noise * rng.normal(size=time.size)
    if red:
        kernel = np.exp(-np.arange(0, 1.0, cadence) / 0.15)
        walk = np.convolve(rng.normal(size=time.size + kernel.size), kernel, mode="valid")[: time.size]
        flux += red * walk / walk.std()
    return time, 1e4 * flux, np.full(time.size, 1e4 * noise)


def test_one_planet():
    time, flux, err = star(1, [(3.77, 1501.2, 3.0, 1.5e-3)])
    found = find_candidates(time, flux, err)
    assert found.status == "ok" and len(found.candidates) == 1
    planet = found.candidates[0]
    cycles = 27 / 3.77
    assert abs(planet.period - 3.77) * cycles <= 0.5 * 3.0 / 24
    assert abs(planet.epoch - 1501.2) <= 0.25 * 3.0 / 24
    assert planet.duration == pytest.approx(3.0, rel=0.3)
    assert planet.depth == pytest.approx(1500, rel=0.1)
    assert planet.n_transits >= 6 and planet.status == "ok" and planet.harmonic_of == 0
    inside = in_transit(time, 3.77, 1501.2, 3.0).sum()
    assert planet.snr == pytest.approx(1.5e-3 / 4e-4 * np.sqrt(inside), rel=0.2)


def test_two_planets_and_the_order_is_by_strength():
    time, flux, err = star(2, [(2.31, 1500.9, 2.2, 1.0e-3), (7.9, 1503.3, 4.0, 2.5e-3)])
    found = find_candidates(time, flux, err)
    found = [c for c in found.candidates if not c.harmonic_of]
    assert [round(c.period, 1) for c in found] == [7.9, 2.3]
    # each is measured with the other's transits out of the noise: both SNR are those of the planet alone
    for candidate, depth in zip(found, (2.5e-3, 1.0e-3), strict=True):
        inside = in_transit(time, candidate.period, candidate.epoch, candidate.duration).sum()
        assert candidate.snr == pytest.approx(depth / 4e-4 * np.sqrt(inside), rel=0.2)


@pytest.mark.parametrize("start", [-0.4, 0.0, 0.4])
def test_a_transit_across_the_first_point_is_measured_as_well_as_any(start):
    period, duration = 3.3, 4.0
    time = 1500 + np.arange(0, 27, 1 / 144)
    epoch = 1500 + start * duration / 24
    flux = 1 - 3e-3 * in_transit(time, period, epoch, duration)
    flux *= 1 + 3e-4 * np.random.default_rng(0).normal(size=time.size)
    planet = find_candidates(time, flux, np.full(time.size, 3e-4), period=(2.5, 5), max_candidates=1).candidates[0]
    cycles = np.rint((planet.epoch - epoch) / period)
    assert abs(planet.epoch - epoch - cycles * period) < 0.05 * duration / 24
    assert abs(planet.period - period) * 27 / period < 0.06 * duration / 24


@pytest.mark.parametrize("cadence", [1 / 720, 1 / 48])
def test_errors_hold(cadence):
    """Period and epoch lie within their errors as often as a normal error would, and no error is a shot in the dark."""
    pulls = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        period, duration = rng.uniform(2.0, 5.0), rng.uniform(2.0, 4.0)
        epoch = 1500 + rng.uniform(0, period)
        noise = 1e-3 * np.sqrt(duration / 24 / cadence * 27 / period) / 25  # a 1000 ppm transit at SNR 25
        time, flux, err = star(seed, [(period, epoch, duration, 1e-3)], cadence=cadence, noise=noise)
        planet = find_candidates(time, flux, err, period=(1.5, 6.0), max_candidates=1).candidates[0]
        cycles = np.rint((planet.epoch - epoch) / period)
        predicted = epoch + cycles * period
        pulls.append(((planet.epoch - predicted) / planet.epoch_err, (planet.period - period) / planet.period_err))
    rms = np.sqrt(np.mean(np.square(pulls), axis=0))
    # of 12 draws the rms of a unit normal lies below 1.5 with 99.5%; errors five times too large would give 0.2
    assert np.all(rms < 1.5) and np.all(rms > 0.2), rms


def test_errors_count_the_years_between_sectors():
    near = np.arange(0, 27, 1 / 72)
    time = 1500 + np.concatenate([near, near + 730])
    flux = 1 - 2e-3 * in_transit(time, 3.77, 1501.2, 3.0) + 3e-4 * np.random.default_rng(1).normal(size=time.size)
    segment = (time > 1600).astype(int)
    planet = find_candidates(time, flux, segment=segment, period=(3.5, 4.0), max_candidates=1).candidates[0]
    # 14 mid-times over 200 cycles, not over 14
    assert planet.period_err < 2e-4
    assert abs(planet.period - 3.77) < 3 * planet.period_err


def test_what_was_found_survives_a_pass_that_cannot_be_flattened():
    """A last dip whose mask would leave nothing to draw a trend through ends the search; it used to end the star."""
    # a binary of half a day whose V-shaped eclipses last two hours each: pass after pass finds some of their wings
    rng = np.random.default_rng(0)
    time = 1500 + np.arange(0, 27, 1 / 48)

    def eclipse(phase):
        offset = (time - 1500.1 - 0.5 * phase + 0.25) % 0.5 - 0.25
        return 0.05 * np.clip(1 - np.abs(offset) / (2.0 / 48), 0, 1)

    flux = (1 - eclipse(0.0) - 0.6 * eclipse(0.5)) * (1 + 5e-4 * rng.normal(size=time.size))
    found = find_candidates(time, flux)
    assert found.status == "ok" and abs(found.candidates[0].period - 0.5) < 1e-3


def test_an_eclipsing_binary_and_its_secondary_are_one_body():
    time, flux, err = star(3, [(4.2, 1501.0, 4.0, 0.05), (4.2, 1501.0 + 2.1, 4.0, 0.01)])
    found = find_candidates(time, flux, err)
    first = found.candidates[0]
    assert abs(first.period - 4.2) < 0.01
    assert all(c.harmonic_of == 1 for c in found.candidates[1:])
    assert len(found.candidates) >= 2


@pytest.mark.parametrize("seed", range(6))
def test_red_noise_is_not_a_planet(seed):
    # red noise of twice the white noise per point: the white-noise SNR of its best box is far beyond any threshold
    time, flux, err = star(seed, [], noise=2e-4, red=4e-4)
    found = find_candidates(time, flux, err)
    white = found.periodograms[0].power.max()
    assert white > 15
    assert found.status == "no_candidate" and "SNR" in found.reason


def test_white_noise_is_not_a_planet():
    for seed in range(5):
        found = find_candidates(*star(seed, []))
        assert found.status == "no_candidate"


def test_one_event_is_not_a_period():
    time, flux, err = star(4, [(50.0, 1509.0, 6.0, 4e-3)])
    found = find_candidates(time, flux, err)
    assert found.candidates and all(c.status == "single_transit" for c in found.candidates)


def test_beta_of_white_noise_is_one_and_grows_with_red_noise():
    rng = np.random.default_rng(0)
    time = np.arange(0, 200, 1 / 48)
    white = rng.normal(size=time.size)
    assert red_noise_beta(time, white, 4.0) < 1.1
    # AR(1) of correlation r: variance of means of n goes to sigma^2 (1 + r) / (1 - r) / n for n (1 - r) >> 1
    r = 0.5
    red = np.empty_like(white)
    red[0] = white[0] / np.sqrt(1 - r * r)
    for i in range(1, white.size):
        red[i] = r * red[i - 1] + white[i]
    n = 16
    expected = np.sqrt((1 + r) / (1 - r) - 2 * r * (1 - r**n) / (n * (1 - r) ** 2))
    assert red_noise_beta(time, red, n / 2.0) == pytest.approx(expected, rel=0.1)


def test_a_dip_that_is_taken_back_is_named():
    """Beside a strong planet one that is no rarer than noise, by a limit that only the strong one passes."""
    rng = np.random.default_rng(5)
    time = np.arange(0, 60, 1 / 48)
    flux = 1 + 2e-4 * rng.normal(size=time.size)
    for period, epoch, depth in ((3.1, 1.3, 2e-2), (4.7, 2.2, 6e-4)):
        flux[in_transit(time, period, epoch, 3.4)] -= depth
    both, one = find_candidates(time, flux), find_candidates(time, flux, max_fap=1e-280)
    assert len(both.candidates) == 2 and both.reason == ""
    assert [round(found.period, 1) for found in one.candidates] == [3.1]
    assert one.reason.startswith("a further dip, of SNR ") and "at 4.7" in one.reason and "no rarer" in one.reason


def test_planets_beyond_those_asked_for_are_no_noise():
    """Two of four planets, the other two in their periodogram: what they are judged by is without all four."""
    planets = [(4.1, 1.3, 3.4, 8e-4), (7.3, 2.2, 4.1, 7e-4), (11.9, 5.1, 4.8, 7e-4), (19.7, 3.3, 5.3, 8e-4)]
    rng = np.random.default_rng(3)
    time = np.arange(0, 120, 1 / 48)
    flux = 1 + 2e-4 * rng.normal(size=time.size)
    for period, epoch, duration, depth in planets:
        flux[in_transit(time, period, epoch, duration)] -= depth
    two, all_four = find_candidates(time, flux, max_candidates=2), find_candidates(time, flux)
    assert len(two.candidates) == 2 and len(all_four.candidates) == 4
    assert len(two.periodograms) == 3  # one each, and the one that judges
    for one, again in zip(two.candidates, all_four.candidates, strict=False):
        assert one.period == pytest.approx(again.period, abs=3 * again.period_err)
        assert one.fap == pytest.approx(again.fap, rel=1e-6)


def test_views_of_one_planet_do_not_show_the_other():
    planets = [(2.31, 1500.9, 2.2, 2.0e-3), (7.9, 1503.3, 4.0, 6e-3)]
    found = find_candidates(*star(5, planets, noise=1e-4))
    index = [k for k, c in enumerate(found.candidates) if abs(c.period - 2.31) < 0.01]
    views, flags = candidate_views(found, index[0])
    assert flags == ()
    # left in, the 7.9 d planet's transits, three times as deep, would be the deepest bins, scattered in phase
    assert np.argmin(views["global_view"]) in range(95, 106)
    assert np.sum(views["global_view"] < -0.5) < 15


def test_a_search_is_deterministic():
    one, two = (find_candidates(*star(1, [(3.77, 1501.2, 3.0, 1.5e-3)])) for _ in range(2))
    assert one.candidates == two.candidates


@pytest.mark.parametrize(
    ("arrays", "options", "message"),
    [
        ((np.arange(100.0), np.ones(100)), {}, "constant"),
        ((np.arange(5.0), np.ones(5)), {}, "at least 20"),
        ((np.linspace(0, 0.5, 100), np.random.default_rng(0).normal(1, 0.1, 100)), {}, "too short"),
        ((np.arange(100.0), np.random.default_rng(0).normal(1, 0.1, 100)), {"max_candidates": 0}, "max_candidates"),
        ((np.arange(100.0), np.random.default_rng(0).normal(1, 0.1, 100)), {"period": (5, 200)}, "second transit"),
    ],
)
def test_what_cannot_be_searched_is_named(arrays, options, message):
    with pytest.raises(ValueError, match=message):
        find_candidates(*arrays, **options)


def test_no_candidate_is_reported_below_the_threshold():
    """Also where transits of two candidates coincide, and masking the one leaves little to measure the other on."""
    for seed in range(4):
        planets = [(2.0, 1500.5, 3.0, 3e-3), (4.0 + 0.004 * seed, 1500.5, 3.0, 3e-3), (6.0, 1500.5, 3.0, 3e-3)]
        found = find_candidates(*star(seed, planets))
        assert found.candidates and all(c.snr >= 7.1 for c in found.candidates)
