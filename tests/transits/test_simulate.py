"""The simulator: same seed, same star; truth that is true; noise as stated; candidates labelled by what they are."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest

from lcnet.transits.matching import match_ephemeris
from lcnet.transits.simulate import CLASSES, KINDS, label, simulate_candidates, simulate_star
from lcnet.transits.simulator import photon_noise, stochastic
from lcnet.transits.simulator.binaries import BINARIES, draw_binary
from lcnet.transits.simulator.missions import MISSIONS
from lcnet.transits.simulator.planets import PLANETS, draw_planet
from lcnet.transits.simulator.sampling import FLAGS, sample
from lcnet.transits.simulator.systems import draw_star


@pytest.mark.parametrize("kind", KINDS)
def test_same_seed_same_star(kind):
    one, two, other = (simulate_star(seed, kind=kind, cadence=1800.0) for seed in (3, 3, 4))
    for name in ("time", "flux", "flux_err", "quality", "segment", "model"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    assert one.truth == two.truth
    assert not np.array_equal(one.flux[:100], other.flux[:100])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cadence", [120.0, 1800.0])
def test_shape_of_a_curve(kind, cadence):
    curve = simulate_star(11, kind=kind, cadence=cadence, sectors=(4, 6))
    n = curve.time.size
    assert all(getattr(curve, name).shape == (n,) for name in ("flux", "flux_err", "quality", "segment", "model"))
    assert np.isfinite(curve.time).all() and np.all(np.diff(curve.time) > 0)
    assert list(np.unique(curve.segment)) == [4, 6] == curve.truth["sectors"]
    empty = (curve.quality & MISSIONS["TESS"].no_flux) != 0
    np.testing.assert_array_equal(np.isnan(curve.flux), empty)
    assert 0.6 < np.isfinite(curve.flux).sum() / (2 * 27.4 * 86400 / cadence) < 1.0
    # the gap in the middle of a sector, and the sector that was not observed
    gaps = np.sort(np.diff(curve.time))[::-1]
    assert gaps[0] > 27.4 and np.all((gaps[1:3] > 0.6) & (gaps[1:3] < 1.5))
    signals = curve.truth["signals"]
    most = {"planets": 4, "planet": 1, "grazing_planet": 1, "hot_jupiter": 2, "eclipse": 2}
    most |= dict.fromkeys(BINARIES, 2)
    assert min(1, most.get(kind, 0)) <= len(signals) <= most.get(kind, 0)
    assert len(signals) >= 2 or kind != "planets"
    assert (curve.model.min() < 1) == bool(signals)


@pytest.mark.parametrize("kind", [*PLANETS, "eclipse", *BINARIES])
def test_truth_is_the_model(kind):
    rng = np.random.default_rng(5)
    for _ in range(20):
        star = draw_star(rng)
        draw = draw_planet if kind in PLANETS else draw_binary
        body = draw(rng, star, start=0.0, kind=kind)
        for signal in body.signals():
            days = signal["duration"] / 24
            time = signal["epoch"] + np.linspace(-0.75, 0.75, 6001) * days
            lost = 1e6 * (1 - body.eclipses(time, 0.0))
            if signal["ecc"] == 0.0:
                # conjunction is the closest approach of a circular orbit, and one of the times; 1e-6 ppm is rounding
                assert lost.max() == pytest.approx(signal["depth"], rel=1e-9, abs=1e-6)
                edges = time[lost > 0]
                # 6001 points over 1.5 durations: each edge is known to 2.5e-4 of one; Winn's eq. 14 takes the chord as
                # straight, and at a few stellar radii a circular orbit bends by up to (1 / a)^2 / 6 of the duration
                bend = 0.3 * ((1 + signal["rp"]) / signal["a_rs"]) ** 2
                assert np.ptp(edges) == pytest.approx(days, rel=1e-3 + bend)
            else:
                # an eccentric orbit is closest a little off conjunction: the truth is the depth at conjunction
                assert np.interp(signal["epoch"], time, lost) == pytest.approx(signal["depth"], rel=1e-9, abs=1e-6)
                assert lost.max() >= signal["depth"] * (1 - 1e-9)


def test_kinds_of_binaries():
    rng = np.random.default_rng(6)
    draws = {kind: [draw_binary(rng, draw_star(rng), start=0.0, kind=kind) for _ in range(50)] for kind in BINARIES}
    assert all(abs(1 - b.rp) <= b.b <= 1 + b.rp for b in draws["grazing"])
    assert all(0.68 < b.third_light < 1 for b in draws["background"])
    for binary in draws["twin"]:
        first, second = (signal["depth"] for signal in binary.signals())
        assert 0.6 < second / first < 1.5 and binary.secondary_phase() == 0.5


def test_white_noise_is_what_is_stated():
    # a star so faint that white noise rules: point-to-point differences remove what varies over hours
    curve = simulate_star(8, kind="quiet", tmag=14.0, cadence=120.0)
    flux = curve.flux[np.isfinite(curve.flux)]
    steps = np.diff(flux / np.median(flux))
    measured = 1.4826 * np.median(np.abs(steps - np.median(steps))) / math.sqrt(2)
    # the MAD of n normal values scatters by 1.17 / sqrt(n), sqrt(3/2) more for neighbouring differences: 1 % at 5 sigma
    # for 17,000; jitter of up to the hourly white noise adds less than (1/30) dt / tau = 0.2 % of variance
    assert 1e6 * measured == pytest.approx(curve.truth["white_ppm"], rel=0.055)
    assert np.nanmedian(curve.flux_err / curve.flux) * 1e6 == pytest.approx(curve.truth["white_ppm"], rel=0.02)


def test_noise_follows_photons():
    # photon noise alone for a bright star without the floor: 1 / sqrt(electrons collected)
    electrons = photon_noise.flux_rate(8.0) * 120 * 0.8 * 0.99
    white = photon_noise.white_noise(8.0, 120.0)
    assert 1 / math.sqrt(electrons) < white < 1.3 * math.hypot(1 / math.sqrt(electrons), 30e-6 * math.sqrt(30))
    # white means white: a 30-minute exposure is sqrt(15) quieter
    for tmag in (6.0, 10.0, 13.5):
        ratio = photon_noise.white_noise(tmag, 120.0) / photon_noise.white_noise(tmag, 1800.0)
        assert ratio == pytest.approx(math.sqrt(15), rel=1e-9)


def test_correlated_noise_has_its_covariance():
    rng = np.random.default_rng(9)
    # uneven sampling: the covariance is a function of the time between two points only
    time = np.cumsum(rng.choice([0.01, 0.05], size=200_000))
    noise = stochastic.correlated_noise(rng, time, sigma=2.0, tau=0.1)
    # the effective number of independent values is n x mean step / (2 tau) = 30,000; 5 sigma of a variance: 4 %
    assert np.var(noise) == pytest.approx(4.0, rel=0.04)
    near = np.isclose(np.diff(time), 0.05)
    assert np.mean(noise[1:][near] * noise[:-1][near]) == pytest.approx(4.0 * math.exp(-0.5), rel=0.06)


def test_no_noise_leaves_star_and_transit():
    curve = simulate_star(10, kind="planet", noise=0.0, tmag=10.0, cadence=1800.0)
    signal = curve.truth["signals"][0]
    flux = curve.flux / curve.model
    good = np.isfinite(flux)
    # what is left is spots: smooth over an exposure, amplitude at most 0.5 % and rotation above 1.5 d / 3 harmonics
    assert np.abs(np.diff(flux[good])).max() / np.median(flux[good]) < 0.005 * 2 * np.pi * 3 / 1.4 * 1.2
    assert signal["period"] > 0 and curve.truth["white_ppm"] == 0.0


def test_sampling_flags_momentum_dumps():
    s = sample(np.random.default_rng(1), 1, 120.0)
    assert len(s.dumps) >= 4
    inside = [dump for dump in s.dumps if np.abs(s.time - dump).min() < 60 / 86400]
    assert inside and all(s.quality[np.abs(s.time - dump).argmin()] & FLAGS["TESS"]["desaturation"] for dump in inside)


def test_range_that_cannot_be_met():
    with pytest.raises(ValueError, match="expected SNR"):
        simulate_star(1, kind="planet", cadence=1800.0, snr=(1e9, 2e9))
    with pytest.raises(ValueError, match="kind 'moon'"):
        simulate_star(1, kind="moon")


SIGNAL = dict(kind="planet", period=3.0, epoch=101.0, duration=3.0)


@pytest.mark.parametrize(
    ("period", "epoch", "name", "ratio"),
    [
        (3.0, 101.0, "planet", 1.0),
        (3.002, 101.02, "planet", 1.0),  # drift 0.002 x 9 cycles = 0.018 d, 0.04 d off in all: within 0.0625 d
        (1.5, 101.0, None, 0.5),
        (6.0, 104.0, None, 2.0),
        (3.0, 102.3, None, math.nan),  # its period at another phase: not noise, not the planet
        (4.7, 102.3, "junk", math.nan),
    ],
)
def test_labels_of_a_planet(period, epoch, name, ratio):
    time = np.arange(100.0, 127.0, 0.02)
    match = match_ephemeris(time, period, epoch, 3.0, [SIGNAL])
    assert match.ratio == pytest.approx(ratio, nan_ok=True)
    assert label(match) == name
    if name == "planet":
        assert label(match_ephemeris(time, period, epoch, 3.0, [SIGNAL | dict(kind="eclipse")])) == "eclipse"


def test_eclipses_count_at_any_harmonic():
    time = np.arange(100.0, 127.0, 0.02)
    signals = [SIGNAL | dict(kind="eclipse"), SIGNAL | dict(kind="secondary eclipse", epoch=102.5)]
    for period, epoch in ((3.0, 101.0), (3.0, 102.5), (1.5, 101.0), (6.0, 102.5), (9.0, 101.0)):
        assert label(match_ephemeris(time, period, epoch, 3.0, signals)) == "eclipse"
    # a period that is no harmonic but whose events are the star's: left out
    assert match_ephemeris(time, 4.5, 101.0, 3.0, [SIGNAL]).ambiguous
    assert label(match_ephemeris(time, 4.5, 101.0, 3.0, [])) == "junk"


def test_candidates():
    n = 9
    examples = simulate_candidates(n, 3)
    again = simulate_candidates(n, 3)
    assert np.bincount(examples.targets["label"], minlength=3).tolist() == [3, 3, 3] and len(CLASSES) == 3
    shapes = dict(global_view=(n, 201), local_view=(n, 61), secondary_view=(n, 61), odd_even_view=(n, 122))
    shapes |= {name: (n,) for name in ("period", "duration", "depth", "snr")}
    assert {name: values.shape for name, values in examples.inputs.items()} == shapes
    for name, values in examples.inputs.items():
        assert values.dtype == np.float32
        # odd and even transits cannot be compared where the data hold one kind only: missing, all of it
        assert np.isfinite(values[np.isfinite(values.reshape(n, -1)[:, 0]) | (name != "odd_even_view")]).all()
        np.testing.assert_array_equal(values, again.inputs[name])
    assert examples.group.tolist() == again.group.tolist()
    assert all(group.startswith("sim-3-") for group in examples.group)
    planets = examples.targets["label"] == 0
    period = examples.meta["truth_period"].to_numpy()[planets]
    # a match allows a drift of one duration over the data, so the period is right to duration / baseline < 3 %
    np.testing.assert_allclose(examples.inputs["period"][planets], period, rtol=0.03)
    assert (examples.meta["matched"][examples.targets["label"] == 2] == "nothing").all()


@pytest.mark.parametrize("n", [1, 4])
def test_small_blocks_cover_the_classes(n):
    counts = np.bincount(simulate_candidates(n, 1).targets["label"], minlength=3)
    assert counts.sum() == n and counts.max() - counts.min() <= 1


def test_needs_neither_astropy_nor_lightkurve_nor_torch():
    code = (
        "import sys\n"
        "for name in ('astropy', 'lightkurve', 'torch'): sys.modules[name] = None\n"
        "from lcnet.transits.simulate import simulate_candidates\n"
        "assert len(simulate_candidates(1, 2)) == 1\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=240)
