"""Fitted transits against simulated ones of other limb darkening and size: no bias, and errors that hold."""

from types import SimpleNamespace

import numpy as np
import pytest

from lcnet.transits.refine import fit_transit, refine_box
from lcnet.transits.shapes import RATIOS, shape_at, shape_table
from lcnet.transits.transit_model import occulted_fraction, scaled_axis, transit_duration, transit_flux

BASELINE = 27.0


def system(rng, cadence, snr):
    """A light curve of one planet, white noise, and its truth."""
    period, density = rng.uniform(1.5, 8), np.exp(rng.normal(0, 0.5))
    ratio, b = np.exp(rng.uniform(np.log(0.015), np.log(0.15))), rng.uniform(0, 0.9)
    dark = rng.uniform(0.2, 0.6), rng.uniform(0.1, 0.35)
    axis = scaled_axis(period, density)
    duration, epoch = transit_duration(period, axis, ratio, b), 1500 + rng.uniform(0, period)
    time = 1500 + np.arange(0, BASELINE, cadence)
    orbit = {"period": period, "epoch": epoch, "a_rs": axis, "rp": ratio, "b": b, "u1": dark[0], "u2": dark[1]}
    depth = float(occulted_fraction(b, ratio, *dark))
    sigma = depth * np.sqrt(BASELINE / period * duration / 24 / cadence) / snr
    flux = transit_flux(time, **orbit, exposure=cadence * 86400) + sigma * rng.normal(size=time.size)
    light = SimpleNamespace(time=time, flux=flux, flux_err=np.full(time.size, sigma))
    return light, sigma, (period, epoch, duration, 1e6 * depth)


def pulls(rng, cadence, snr):
    """((measured - true) / error) of period, epoch, duration and depth, begun at a box that is somewhat off."""
    light, sigma, (period, epoch, duration, depth) = system(rng, cadence, snr)
    off = duration / 24 * rng.normal(size=2) * 0.1
    box = refine_box(
        light, period * (1 + off[0] / BASELINE), epoch + off[1], duration * rng.uniform(0.6, 1), limits=(0.4, 13.5)
    )
    shape = fit_transit(light, *box, sigma=sigma, exposure=cadence)
    cycles = np.rint((shape.epoch - epoch) / period)
    return (
        (shape.period - period) / shape.period_err,
        (shape.epoch - epoch - cycles * period) / shape.epoch_err,
        (shape.duration - duration) / shape.duration_err,
        (shape.depth - depth) / shape.depth_err,
    )


@pytest.mark.parametrize("snr", [15, 50])
@pytest.mark.parametrize("cadence", [1 / 720, 1 / 48], ids=["2 min", "30 min"])
def test_errors_hold(cadence, snr):
    """68 % of the truths within one error, also where exposures of half an hour blur the shape."""
    rng = np.random.default_rng(int(snr))
    n = 120
    inside = (np.abs([pulls(rng, cadence, snr) for _ in range(n)]) < 1).mean(axis=0)
    # three standard deviations of a binomial share of 0.683 on either side
    slack = 3 * np.sqrt(0.683 * 0.317 / n)
    assert np.all(np.abs(inside - 0.683) < slack), inside


def test_hardly_any_noise_leaves_the_stated_floors():
    """What other limb darkening than the table's does to duration and depth is what the errors' floors say."""
    rng = np.random.default_rng(3)
    wrong = []
    for _ in range(40):
        light, sigma, (period, epoch, duration, depth) = system(rng, 1 / 720, 2000)
        shape = fit_transit(light, period, epoch, 0.9 * duration, sigma=sigma, exposure=1 / 720)
        wrong.append((shape.duration / duration - 1, shape.depth / depth - 1))
    rms = np.sqrt(np.mean(np.square(wrong), axis=0))
    assert rms[0] < 0.015 and rms[1] < 0.025, rms


def test_a_box_on_a_fine_grid_is_the_best_one():
    time = np.arange(0, 30, 1 / 72)
    flux = 1 - 1e-3 * (np.abs((time - 1.3 + 2) % 4 - 2) < 0.06) + 1e-4 * np.random.default_rng(0).normal(size=time.size)
    light = SimpleNamespace(time=time, flux=flux, flux_err=np.full(time.size, 1e-4))
    period, epoch, duration = refine_box(light, 4.003, 1.29, 2.2, limits=(3.0, 5.0))
    assert abs(period - 4) * 7 < 0.02 and duration == pytest.approx(2.88, rel=0.15)
    assert abs((epoch - 1.3 + 2) % 4 - 2) < 0.015


def test_the_table_is_the_transit_it_tabulates():
    impact, integral, shape = shape_table(6)
    b = impact[7]
    x = np.linspace(-1.2, 1.2, 97)
    h = 0.01
    table = [
        (shape_at(integral, shape, 7, 0.0, v + h)[0] - shape_at(integral, shape, 7, 0.0, v - h)[0]) / (2 * h) for v in x
    ]
    fine = x[:, None] + np.linspace(-h, h, 41)
    ratio = RATIOS[6]
    z = np.sqrt(b * b + ((1 + ratio) ** 2 - b * b) * fine**2)
    exact = np.mean(occulted_fraction(z, ratio, 0.4, 0.25), axis=1) / float(occulted_fraction(b, ratio, 0.4, 0.25))
    # the table is piecewise constant on cells of 1/400, and averaged over eight of them
    assert np.max(np.abs(np.array(table) - exact)) < 0.02


def test_no_dip_is_no_fit():
    rng = np.random.default_rng(0)
    time = np.arange(0, 27, 1 / 72)
    light = SimpleNamespace(time=time, flux=1 + 1e-3 * (np.abs(time % 3 - 1) < 0.1), flux_err=np.full(time.size, 1e-4))
    light.flux += 1e-5 * rng.normal(size=time.size)
    assert fit_transit(light, 3.0, 1.0, 4.0, sigma=1e-4, exposure=1 / 72) is None
    assert fit_transit(light, 3.0, 1.0, 4.0, sigma=np.nan, exposure=1 / 72) is None


def test_one_event_has_no_period_error():
    rng = np.random.default_rng(0)
    time = np.arange(0, 27, 1 / 48)
    light = SimpleNamespace(time=time, flux=1 - 4e-3 * (np.abs(time - 9) < 0.125), flux_err=np.full(time.size, 2e-4))
    light.flux += 2e-4 * rng.normal(size=time.size)
    shape = fit_transit(light, 100.0, 9.02, 5.0, sigma=2e-4, exposure=1 / 48, one=True)
    assert np.isnan(shape.period_err)
    assert abs(shape.epoch - 9) < 4 * shape.epoch_err and shape.duration == pytest.approx(6.0, abs=0.7)
