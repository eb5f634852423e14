"""Known ephemerides are measured as the search would have measured them."""

from __future__ import annotations

import numpy as np
import pytest

from lcnet.transits.candidates import find_candidates
from lcnet.transits.detrend import in_transit
from lcnet.transits.known import BOX, Ephemeris, measure_known, why_not


def boxes(*signals, days=27.0, noise=2e-4, seed=0, cadence=1 / 48, start=1500.0):
    """Time, flux and a noise that is white, with boxes of (period, epoch, duration h, depth)."""
    time = start + np.arange(0, days, cadence)
    flux = 1 + noise * np.random.default_rng(seed).normal(size=time.size)
    for period, epoch, duration, depth in signals:
        flux[in_transit(time, period, epoch, duration)] -= depth
    return time, flux


def test_it_agrees_with_the_search_on_what_the_search_found(simulated):
    curve = simulated["planet"]
    found = find_candidates(curve.time, curve.flux, curve.flux_err, max_candidates=1).candidates[0]
    ephemeris = (found.period, found.epoch, found.duration)
    known = measure_known(curve.time, curve.flux, curve.flux_err, ephemerides=[ephemeris]).candidates[0]
    assert (known.period, known.duration) == (found.period, found.duration)
    assert (known.n_transits, known.coverage) == (found.n_transits, found.coverage)
    assert known.epoch == pytest.approx(found.epoch, abs=1e-6)
    # the trend was drawn with a mask, and the SNR measured in a box, of nearly the same width; the same points, so the
    # depths differ by less than their noise
    assert abs(known.depth - found.depth) < found.depth_err
    assert known.snr == pytest.approx(found.snr, rel=0.05)
    assert np.isnan(known.sde) and known.status == "ok"


@pytest.mark.parametrize("cycles", [-1000, -1, 0, 3, 1000])
def test_an_epoch_outside_of_the_data_is_carried_into_them(cycles):
    time, flux = boxes((3.3, 1501.2, 3.0, 2e-3))
    known = measure_known(time, flux, ephemerides=[(3.3, 1501.2 + 3.3 * cycles, 3.0)])
    assert known.candidates[0].epoch == pytest.approx(1501.2, abs=1e-8)
    assert known.candidates[0].n_transits == 8 and known.candidates[0].coverage == 1.0


def test_depth_and_snr_of_a_box_in_white_noise():
    depth, noise, duration = 2e-3, 2e-4, 3.0
    time, flux = boxes((3.3, 1501.2, duration, depth), noise=noise)
    one = measure_known(time, flux, ephemerides=[(3.3, 1501.2, duration)]).candidates[0]
    inside = in_transit(time, 3.3, 1501.2, BOX * duration).sum()
    # sigma and beta scatter about 1 by some 1/sqrt(2 x 200 bins), and beta is at least 1
    assert one.snr == pytest.approx(depth * np.sqrt(inside) / noise, rel=0.3)
    # the fitted shape is rounder than a box: at mid-transit it is deeper than its mean, by a sixth at most
    error = 1e6 * noise / np.sqrt(inside)
    assert 1e6 * depth - 4 * error < one.depth < 1e6 * depth * 7 / 6 + 4 * error


def test_each_of_several_is_measured_without_the_others_transits():
    planets = [(3.3, 1501.2, 3.0, 2e-3), (7.9, 1502.5, 4.0, 4e-3), (5.1, 1503.3, 2.0, 1e-3)]
    time, flux = boxes(*planets)
    together = measure_known(time, flux, ephemerides=[planet[:3] for planet in planets])
    assert [one.period for one in together.candidates] == [3.3, 7.9, 5.1]  # as given, not by strength
    for one, (*_, depth) in zip(together.candidates, planets, strict=True):
        assert 1e6 * depth - 5 * one.depth_err < one.depth < 1e6 * depth * 7 / 6 + 5 * one.depth_err
        assert one.harmonic_of == 0


def test_a_harmonic_names_the_stronger_one_wherever_it_stands():
    time, flux = boxes((4.0, 1501.2, 3.0, 4e-3), (4.0, 1503.2, 3.0, 1e-3))
    known = measure_known(time, flux, ephemerides=[(4.0, 1503.2, 3.0), (4.0, 1501.2, 3.0), (7.3, 1502.0, 3.0)])
    assert [one.harmonic_of for one in known.candidates] == [2, 0, 0]
    assert known.candidates[0].flags == ("harmonic",)


def test_an_event_listed_twice_keeps_its_measures():
    time, flux = boxes((4.0, 1501.2, 3.0, 4e-3))
    alone = measure_known(time, flux, ephemerides=[(4.0, 1501.2, 3.0)]).candidates[0]
    twice = measure_known(time, flux, ephemerides=[(4.0, 1501.2, 3.0)] * 2).candidates
    assert twice[0].depth == twice[1].depth == pytest.approx(alone.depth)
    assert [one.harmonic_of for one in twice] == [0, 1]


def test_junk_that_covers_the_light_curve_does_not_hide_a_planet():
    time, flux = boxes((4.0, 1501.2, 3.0, 4e-3))
    junk = [(0.5, 1500.1, 11.0), (0.7, 1500.0, 16.0), (1.1, 1500.2, 24.0)]
    known = measure_known(time, flux, ephemerides=[*junk, (4.0, 1501.2, 3.0)])
    assert 4000 - 6 * known.candidates[3].depth_err < known.candidates[3].depth < 4700


def test_no_transit_in_the_data_is_said_for_that_one_only():
    time, flux = boxes((4.0, 1501.2, 3.0, 4e-3))
    hole = (time > 1510) & (time < 1516)
    ephemerides = [(200.0, 1600.0, 5.0), (4.0, 1501.2, 3.0), (100.0, 1513.0, 5.0)]
    known = measure_known(time[~hole], flux[~hole], ephemerides=ephemerides)
    assert [one.status for one in known.candidates] == ["failed", "ok", "failed"]
    assert "nearest are at 1400.00 and 1600.00, the data run from 1500.00 to 1526.98" in why_not(known, 0)
    assert why_not(known, 1) == ""
    assert "at 1513.00 there is a gap" in why_not(known, 2)
    assert np.isnan(known.candidates[0].depth) and known.candidates[0].n_transits == 0


def test_one_transit_is_a_single_transit():
    time, flux = boxes((40.0, 1512.0, 6.0, 4e-3))
    one = measure_known(time, flux, ephemerides=[(40.0, 1512.0, 6.0)]).candidates[0]
    assert (one.status, one.n_transits) == ("single_transit", 1)
    assert np.isnan(one.period_err) and one.epoch_err > 0


@pytest.mark.parametrize(
    ("ephemerides", "said"),
    [
        ([], "no ephemeris"),
        ([(3.0, 1501.0, 80.0)], "were days or minutes meant"),
        ([(-3.0, 1501.0, 2.0)], "positive"),
        ([(3.0, np.nan, 2.0)], "finite"),
    ],
)
def test_impossible_ephemerides(ephemerides, said):
    with pytest.raises(ValueError, match=said):
        measure_known(*boxes(), ephemerides=ephemerides)


def test_a_constant_light_curve():
    with pytest.raises(ValueError, match="constant"):
        measure_known(np.arange(100.0), np.ones(100), ephemerides=[(3.0, 1.0, 2.0)])


@pytest.mark.parametrize(
    ("epoch", "system", "own", "expected"),
    [
        (2458501.25, "", "BTJD", 1501.25),
        (2458501.25, "BJD", "BTJD", 1501.25),
        (2458501.25, "", "BJD", 2458501.25),
        (140.5, "BKJD", "BKJD", 140.5),
        (140.5, "BKJD", "BTJD", 140.5 + 2454833 - 2457000),
        (140.5, "BKJD", "BJD", 2454973.5),
        (1501.25, "", "BTJD", 1501.25),
        (12.5, "", "unknown", 12.5),
    ],
)
def test_epochs_find_the_light_curves_own_days(epoch, system, own, expected):
    assert Ephemeris(3.0, epoch, 2.0, system).counted_in(own) == (3.0, pytest.approx(expected, abs=1e-9), 2.0)


@pytest.mark.parametrize(
    ("epoch", "system", "own"),
    [(2458501.25, "", "unknown"), (140.5, "BKJD", "unknown"), (140.5, "", "BJD"), (140.5, "BJD", "BJD")],
)
def test_epochs_that_cannot_be_counted(epoch, system, own):
    with pytest.raises(ValueError, match="epoch"):
        Ephemeris(3.0, epoch, 2.0, system).counted_in(own)
