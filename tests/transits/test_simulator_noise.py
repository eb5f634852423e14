"""What stars and instruments add: power spectra against their analytic form, amplitudes and noise as stated."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lcnet.transits.simulator import flares, granulation, photon_noise, pulsation, rotation, stochastic, systematics
from lcnet.transits.simulator.missions import MISSIONS
from lcnet.transits.simulator.sampling import FLAGS, sample

SUN = dict(radius=1.0, mass=1.0, teff=5777.0, logg=4.438)


def rng(seed=1):
    return np.random.default_rng(seed)


def power(flux, step):
    """One-sided periodogram, (flux unit)^2 per cycle a day, without the mean; Hann's window against leakage."""
    window = np.hanning(flux.size)
    spectrum = np.abs(np.fft.rfft((flux - flux.mean()) * window)) ** 2 * 2 * step / np.sum(window**2)
    return np.fft.rfftfreq(flux.size, step)[1:-1], spectrum[1:-1]


@pytest.mark.parametrize(("quality", "period"), [(1 / math.sqrt(2), 1.0), (0.8, 0.11), (5.0, 0.5)])
def test_oscillator_has_its_power_spectrum(quality, period):
    """The mean periodogram in octaves against the analytic density, exposures averaged and aliases folded back in."""
    step, n = 1800.0 / 86400, 2**17
    time = step * np.arange(n)
    noise = stochastic.oscillator_noise(rng(), time, sigma=3.0, period=period, quality=quality, exposure=1800.0)
    frequency, measured = power(noise, step)
    expected = np.zeros_like(frequency)
    for alias in range(-40, 41):  # a density falling as f^-6 (f^-4 sinc^2): what is beyond 40 samplings is < 1e-8
        expected += stochastic.oscillator_psd(
            np.abs(frequency + alias / step), sigma=3.0, period=period, quality=quality, exposure=1800.0
        )
    edges = np.geomspace(frequency[0] * 64, frequency[-1], 12)
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        here = (frequency >= low) & (frequency < high)
        ratio = np.mean(measured[here] / expected[here])
        # each ordinate over its expectation is a unit exponential, and under Hann's window one is correlated with the
        # next two: the mean of n scatters by sqrt(35 / 18 / n)
        assert ratio == pytest.approx(1.0, abs=4.5 * math.sqrt(35 / 18 / here.sum()))


def test_oscillator_variance_and_its_loss_by_exposure():
    time = 1800.0 / 86400 * np.arange(200_000)
    options = dict(sigma=2.0, period=0.05, quality=0.8)
    whole = stochastic.oscillator_noise(rng(2), time, **options)
    # correlation time about Q / pi periods = 0.013 d, below a step: 200,000 nearly independent values, 5 sigma = 1.6 %
    assert np.var(whole) == pytest.approx(4.0, rel=0.025)
    averaged = stochastic.oscillator_noise(rng(3), time, exposure=1800.0, **options)
    frequency = np.linspace(0.0, 4000.0, 400_001)
    analytic = np.trapezoid(stochastic.oscillator_psd(frequency, exposure=1800.0, **options), frequency)
    assert analytic < 3.0 and np.var(averaged) == pytest.approx(analytic, rel=0.025)


def test_oscillator_does_not_care_for_gaps_or_the_step():
    """Uneven times: the covariance at a lag is the process's own, exp(-a t) (cos b t + a/b sin b t)."""
    time = np.cumsum(rng(4).choice([0.02, 0.05, 0.11], size=300_000))
    x = stochastic.oscillator_noise(rng(5), time, sigma=1.0, period=0.3, quality=2.0)
    w = 2 * math.pi / 0.3
    a, b = w / 4.0, w * math.sqrt(1 - 1 / 16)
    for lag in (0.02, 0.05, 0.11):
        near = np.isclose(np.diff(time), lag)
        expected = math.exp(-a * lag) * (math.cos(b * lag) + a / b * math.sin(b * lag))
        # 100,000 pairs, correlated over 2 / a / 0.06 = 3 steps: one sigma is 0.006
        assert np.mean(x[1:][near] * x[:-1][near]) == pytest.approx(expected, abs=0.03)


def test_oscillator_refuses():
    with pytest.raises(ValueError, match="exceed 1/2"):
        stochastic.oscillator_noise(rng(), np.arange(3.0), sigma=1.0, period=1.0, quality=0.5)
    with pytest.raises(ValueError, match="overlap"):
        stochastic.oscillator_noise(rng(), np.arange(3.0), sigma=1.0, period=1.0, quality=1.0, exposure=1e5)
    assert stochastic.oscillator_noise(rng(), np.empty(0), sigma=1.0, period=1.0, quality=1.0).size == 0


def test_granulation_of_the_sun_and_of_a_giant():
    """Kallinger et al. 2014: amplitude 3382 nu_max^-0.609 ppm in each of two components, 25 ppm each for the Sun."""
    for star, expected in ((SUN, 3382 * 3090**-0.609), (dict(SUN, logg=3.0, teff=5000.0), None)):
        (first, slow), (second, fast) = granulation.granulation_components(star)
        assert first == second and fast < slow
        if expected:
            assert 1e6 * first == pytest.approx(expected, rel=1e-9) and 1e6 * first == pytest.approx(25.3, abs=0.5)
            # b1 = 0.317 nu_max^0.970 = 770 micro-Hz
            assert 1e6 / (slow * 86400) == pytest.approx(770.0, rel=0.01)
        time = 120 / 86400 * np.arange(60_000)
        noise = granulation.granulation(rng(6), time, star, exposure=0.0)
        # 83 days: the giant's slower component (0.17 d) has 500 independent values, 5 sigma of its variance 30 %
        assert np.var(noise) == pytest.approx(2 * first**2, rel=0.05 if expected else 0.3)


def test_solar_modes():
    frequency, sigma, quality = granulation.solar_like_modes(SUN)
    strongest = frequency[np.argmax(sigma)] / 86400e-6
    # 3090 micro-Hz to half a large separation; dipole modes 1.5 times the power of the radial 2.53 ppm
    assert strongest == pytest.approx(3090, abs=68) and 1e6 * sigma.max() == pytest.approx(2.53 * 1.5**0.5, rel=0.01)
    assert np.diff(np.sort(frequency)).max() / 86400e-6 == pytest.approx(135.1 / 2, rel=0.01)
    # the line width is nu / Q: 1 micro-Hz for the Sun
    np.testing.assert_allclose(frequency / quality / 86400e-6, 1.0, rtol=1e-9)
    hot = dict(SUN, radius=1.8, mass=1.7, teff=8500.0, logg=4.15)
    assert granulation.solar_like_modes(hot)[0].size == 0


def test_solar_modes_show_where_they_should():
    """Power of a subgiant's oscillations in 2-minute data: the modes' variance, at nu_max."""
    star = dict(radius=2.5, mass=1.2, teff=5700.0, logg=4.438 + math.log10(1.2 / 2.5**2))
    numax = granulation.nu_max(star) * 86400e-6
    step = 120 / 86400
    flux = granulation.solar_like_pulsation(rng(7), step * np.arange(2**16), star, exposure=120.0)
    frequency, spectrum = power(flux, step)
    where, sigma, _ = granulation.solar_like_modes(star)
    assert np.sum(spectrum * frequency) / np.sum(spectrum) == pytest.approx(numax, rel=0.1)
    expected = np.sum((sigma * np.sinc(where * step)) ** 2)
    # 91 d of some 12 modes of 0.84 micro-Hz: each has pi width T = 21 independent values, together 250; 5 sigma 45 %
    assert np.var(flux) == pytest.approx(expected, rel=0.45)


def test_rotation_process():
    time = 0.02 * np.arange(200_000)
    flux = rotation.rotation_process(rng(8), time, sigma=1e-3, period=5.0, quality=8.0, mix=0.5)
    # 4000 d, life Q P / pi = 13 d: 300 independent values; 5 sigma of the variance: 41 %
    assert np.var(flux) == pytest.approx(1e-6, rel=0.41)
    frequency, spectrum = power(flux, 0.02)
    near = [np.abs(frequency * 5.0 - k) < 0.25 for k in (1, 2)]
    peaks = [frequency[here][np.argmax(np.convolve(spectrum, np.ones(101), "same")[here])] for here in near]
    # the lines are 1/16 of their frequency wide (Q = 8)
    assert peaks[0] == pytest.approx(0.2, rel=1 / 16) and peaks[1] == pytest.approx(0.4, rel=1 / 16)


def test_flare_template():
    """Peak, half-width and the integral over the exposure, against the published polynomial summed finely."""
    t = np.linspace(-2, 30, 320_001)
    rise = 1 + 1.941 * t - 0.175 * t**2 - 2.246 * t**3 - 1.125 * t**4
    decay = 0.6890 * np.exp(-1.600 * t) + 0.3030 * np.exp(-0.2783 * t)
    fine = np.where(t < -1, 0.0, np.where(t < 0, rise, decay))
    fwhm, exposure = 0.01, 120.0
    got = flares.flare_template(t * fwhm, peak=0.0, fwhm=fwhm, amplitude=1.0, exposure=1e-3)
    # the published template jumps where its pieces meet, by 0.005 and 0.008: an exposure there sees both sides
    smooth = np.all(np.abs(t[:, None] - [-1.0, 0.0]) > 1e-5, axis=1)
    np.testing.assert_allclose(got[smooth], fine[smooth], atol=1e-6)
    width = np.ptp(t[fine > 0.5])
    assert width == pytest.approx(1.0, abs=0.1)  # meant to be 1; the published fit's own is 0.913
    got = flares.flare_template(np.array([0.3, 2.0]) * fwhm, peak=0.0, fwhm=fwhm, amplitude=0.5, exposure=exposure)
    half = 0.5 * exposure / 86400 / fwhm
    for value, centre in zip(got, (0.3, 2.0), strict=True):
        here = (t > centre - half) & (t < centre + half)
        assert value == pytest.approx(0.5 * fine[here].mean(), rel=3e-3)


def test_flares_follow_their_power_law():
    time = np.arange(0.0, 2000.0, 0.02)
    curve, number = flares.draw_flares(rng(9), time, rate=1.0, exposure=1728.0)
    assert number == pytest.approx(2000, abs=5 * 2000**0.5) and curve.min() >= 0.0
    assert np.median(curve) < 1e-5 and curve.max() > 0.03


@pytest.mark.parametrize("draw", [pulsation.delta_scuti, pulsation.slow_pulsator, pulsation.rr_lyrae])
def test_pulsators_average_over_their_exposures(draw):
    """A long exposure is the mean of the short ones within it: each sinusoid's attenuation is exact."""
    inside = 1800.0 / 86400 * ((np.arange(400) + 0.5) / 400 - 0.5)
    time = 100.0 + 0.05 * np.arange(200)
    fine, _ = draw(rng(10), (time[:, None] + inside).ravel(), exposure=0.0)
    coarse, what = draw(rng(10), time, exposure=1800.0)
    # the midpoint rule of 400: (pi f T / 400)^2 / 6 of an amplitude, 1e-4 at the shortest period; Blazhko varies less
    np.testing.assert_allclose(fine.reshape(200, 400).mean(1), coarse, atol=3e-4 * what["amplitude"] * 12)


def test_rr_lyrae_rises_fast():
    time = np.linspace(0.0, 0.6, 6001)
    shares = []
    for seed in range(5):
        flux, what = pulsation.rr_lyrae(rng(seed), time + 50)
        cycle = flux[: int(what["period"] / 1e-4)]
        shares.append(np.mean(np.diff(cycle) > 0))
    assert max(shares) < 0.4


def test_kepler_noise_is_the_published():
    """Jenkins et al. 2010: 3.46e8 electrons a long cadence at Kp 12; 6.5 h of Gilliland et al.'s detector noise."""
    assert photon_noise.flux_rate(12.0, "Kepler") * 1765.46 == pytest.approx(3.46e8)
    six = photon_noise.white_noise(12.0, 6.5 * 3600, "Kepler")
    # Gilliland et al. 2011, table 4: Poisson and read-out 16.8 ppm at Kp 11.5-12.5, detector 10.8: 20.0 together;
    # the mean star of Kp 12 stands a quarter above the envelope
    assert 1e6 * six * (1 + MISSIONS["Kepler"].excess) == pytest.approx(math.hypot(16.8, 10.8), rel=0.05)
    assert photon_noise.white_noise(15.0, 1765.0, "Kepler") > 3 * photon_noise.white_noise(12.0, 1765.0, "Kepler")
    assert photon_noise.white_noise(12.0, 1765.0, "K2") > photon_noise.white_noise(12.0, 1765.0, "Kepler")


def test_dropout_recovers_in_part():
    time = np.linspace(0.0, 10.0, 1001)
    drop = systematics.dropout(time, at=4.0, depth=1e-3, recovered=0.6, tau=0.2)
    assert np.all(drop[time < 4.0] == 0.0)
    np.testing.assert_allclose(drop[[400, 1000]], [-1e-3, -0.4e-3], rtol=1e-6)


@pytest.mark.parametrize(("mission", "number"), [("Kepler", 5), ("K2", 6), ("TESS", 9)])
def test_sampling(mission, number):
    cadence = 1765.46 if mission != "TESS" else 120.0
    s = sample(rng(11), number, cadence, mission)
    steps = np.diff(s.time) / (cadence / 86400)
    # every time is on the mission's beat, also after a gap
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-6)
    gaps = steps[steps > 1.5] * cadence / 86400
    assert len(gaps) == len(s.orbits) - 1 and np.all(gaps > 0.5)
    name = {"K2": "thruster"}.get(mission, "desaturation")
    flagged = s.time[(s.quality & FLAGS[mission][name]) != 0]
    assert all(np.abs(flagged - dump).min() < 0.03 for dump in s.dumps if np.abs(s.time - dump).min() < 0.01)
    days = {"Kepler": 94.67, "K2": 80.0, "TESS": 27.4}[mission]
    assert 0.75 * days < np.ptp(s.time) <= days


def test_k2_rolls():
    """The residual of a K2 star repeats with the thrusters: more power at 6 h and its overtones than beside them."""
    s = sample(rng(12), 4, 1765.46, "K2")
    out = systematics.systematics(rng(13), [s], strength=3.0, hourly=1e-9)
    keep = (s.quality & FLAGS["K2"]["thruster"]) == 0
    even = np.interp(np.arange(s.time[0], s.time[-1], 0.02), s.time[keep], out[keep])
    frequency, spectrum = power(even, 0.02)
    tooth = np.abs(frequency - 1 / 0.2452) < 0.08
    beside = np.abs(frequency - 1 / 0.2452 + 0.7) < 0.3
    assert spectrum[tooth].max() > 20 * np.median(spectrum[beside])


def test_seasons_of_kepler_return():
    many = [sample(rng(14), number, 1765.46, "Kepler") for number in range(1, 13)]
    level = np.array(systematics.levels(rng(15), many))
    # quarters 4 apart lie on the same detectors: 0.2 % scatter on 0.5 %
    assert np.std(level[4:] - level[:-4]) < 1.2 * math.sqrt(2) * 0.002 * 1.5 < np.std(level[1:] - level[:-1]) * 1.5
