"""Light between eclipses: amplitudes against published formulae, hot Jupiters and heartbeats as they should look."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lcnet.transits.simulator import phase_curves
from lcnet.transits.simulator.binaries import draw_binary, draw_heartbeat
from lcnet.transits.simulator.planets import Planet, draw_planet
from lcnet.transits.simulator.systems import draw_star

KEPLER, TESS = 640.0, 786.5
SUN = dict(mass=1.0, radius=1.0, teff=5772.0, density=1.41, u1=0.4, u2=0.25)
M_JUP, R_JUP = 9.546e-4, 10.97  # solar masses, Earth radii


def harmonics(flux, phase):
    """Amplitudes of cos 2phi, sin phi and cos phi by least squares."""
    angle = 2 * np.pi * phase
    design = np.stack([np.cos(2 * angle), np.sin(angle), np.cos(angle), np.ones_like(angle)], axis=1)
    return np.linalg.lstsq(design, flux, rcond=None)[0][:3]


def test_amplitudes_of_faigler_and_mazeh():
    """MNRAS 415, 3921, eqs. 2, 3 and 10: 2.7, 13 and 57 ppm for Jupiter about the Sun at one day, but for rounding."""
    velocity = phase_curves.semi_amplitude(1.0, 1.0, M_JUP)
    assert 1e6 * 4 * velocity / 299792.458 == pytest.approx(2.7, abs=0.05)
    axis = (4.2083) * 1.0  # a/R of one day about the Sun, from Kepler's third law: 0.01957 au
    assert 1e6 * M_JUP / axis**3 == pytest.approx(13.0, abs=0.5)
    # theirs is for a tenth of the light that meets the planet
    assert 1e6 * 0.1 * (R_JUP * 0.009158 / axis) ** 2 == pytest.approx(57.0, abs=0.5)


def test_tidal_factor_is_morris():
    """Morris 1985, eq. 1: 0.15 (15 + u)(1 + g) / (3 - u); about 1.2-1.6 for a Sun."""
    assert phase_curves.tidal_factor(0.6, 0.32) == pytest.approx(0.15 * 15.6 * 1.32 / 2.4)
    # Loeb & Gaudi 2003: alpha = x e^x / (4 (e^x - 1)), about 1 for a Sun in the optical; g with it
    assert phase_curves.beaming_factor(5772.0, KEPLER) == pytest.approx(1.0, abs=0.03)
    assert phase_curves.gravity_darkening(5772.0, KEPLER) == pytest.approx(0.32, abs=0.01)
    # in the Rayleigh-Jeans limit the intensity goes as T: alpha = 1/4
    assert phase_curves.beaming_factor(1e9, KEPLER) == pytest.approx(0.25, rel=1e-4)


def test_the_curve_has_its_amplitudes():
    time = np.linspace(0.0, 30.0, 20_001)
    options = dict(period=2.5, epoch=0.4, ellipsoidal=4e-4, beaming=3e-5, reflection=5e-5, cosi=0.2)
    flux = phase_curves.phase_curve(time, **options)
    sine = math.sqrt(0.96)
    got = harmonics(flux, (time - 0.4) / 2.5)
    np.testing.assert_allclose(got, [-4e-4 * sine**2, 3e-5, -5e-5 * sine], rtol=1e-9)
    # an hour's exposure takes sin(x)/x of each, x = pi f T: 0.11 % of the first, 0.46 % of the second harmonic
    slow = harmonics(phase_curves.phase_curve(time, exposure=3600.0, **options), (time - 0.4) / 2.5)
    factor = np.sinc(np.array([2, 1, 1]) / 2.5 / 24)
    # steps of 300 s: a twelfth squared of what is lost is lost again
    np.testing.assert_allclose(slow, got * factor, rtol=2e-4)


def test_small_eccentricity_is_the_limit_of_the_circle():
    time = np.linspace(0.0, 5.0, 2001)
    options = dict(period=2.5, epoch=0.4, ellipsoidal=4e-4, beaming=3e-5, reflection=5e-5, cosi=0.2)
    circle = phase_curves.phase_curve(time, **options)
    near = phase_curves.phase_curve(time, ecc=1e-6, omega=37.0, **options)
    np.testing.assert_allclose(near, circle, atol=1e-5 * 4e-4)


def test_heartbeat_beats_at_periastron():
    """The tide is (a/d)^3 strong: a pulse at periastron, 1 / (1 - e)^3 times what a circular orbit would show."""
    ecc, time = 0.6, np.linspace(-5.0, 5.0, 10_001)
    flux = phase_curves.phase_curve(time, period=10.0, epoch=0.0, ellipsoidal=1e-3, cosi=1.0, ecc=ecc, omega=90.0)
    # seen pole-on nothing is left but the distance: (2/3) A (a/d)^3 - (2/3) A; conjunction is periastron at omega = 90
    assert flux.max() == flux[5000] == pytest.approx(2e-3 / 3 * ((1 - ecc) ** -3 - 1), rel=1e-9)
    assert flux.min() == pytest.approx(2e-3 / 3 * ((1 + ecc) ** -3 - 1), rel=1e-6)
    star = draw_star(np.random.default_rng(1), given={"mass": 1.2, "radius": 1.3})
    binary = draw_heartbeat(np.random.default_rng(2), star, start=0.0)
    assert binary.signals() == [] and binary.ecc >= 0.3
    time = np.linspace(0.0, 3 * binary.period, 6000)
    assert np.all(binary.eclipses(time, 0.0) == 1.0) and np.ptp(binary.flux(time, 0.0)) > 1e-5


def test_a_hot_jupiter_shows_its_day_side():
    """Depth of the occultation, phases between night and day, flat where the planet is hidden."""
    planet = Planet(
        "hot_jupiter", period=2.0, epoch=0.0, a_rs=5.0, rp=0.1, b=0.3, radius=11.0, u1=0.3, u2=0.2, mass=0.001,
        day=3e-4, night=5e-5,
    )  # fmt: skip
    transit, occultation = planet.signals()
    assert (transit["kind"], occultation["kind"]) == ("planet", "occultation")
    assert occultation["epoch"] == pytest.approx(1.0) and occultation["duration"] == transit["duration"]
    contrast = 2.5e-4
    assert 1e-6 * occultation["depth"] == pytest.approx(contrast / (1 + contrast), rel=1e-9)
    half = transit["duration"] / 48
    phase_time = 1.0 + np.array([-1.02, -1.0, 0.0, 1.0, 1.02]) * half
    # while hidden only the small rest of the phases varies, next to it the day side is back
    eclipse = planet.eclipses(phase_time, 0.0)
    assert 1 - eclipse[2] == pytest.approx(contrast / (1 + contrast), rel=1e-9) and eclipse[0] == eclipse[4] == 1.0
    time = np.linspace(0.2, 0.8, 301)
    a, b = planet.flux(np.array([0.15, 0.85]), 0.0)
    expected = -0.5 * contrast * math.sqrt(1 - (0.3 / 5) ** 2) / (1 + contrast)
    assert a - b == pytest.approx(expected * (math.cos(np.pi * 0.15) - math.cos(np.pi * 0.85)), rel=1e-9)
    assert np.all(np.diff(planet.flux(time, 0.0)) > 0)


def test_hot_jupiters_have_the_depths_of_known_ones():
    """HAT-P-7 b in Kepler's band: 70 ppm (Esteves et al. 2015); WASP-18 b in TESS's: 340 ppm (Shporer et al. 2019)."""
    for teff, axis, rp, wavelength, known in ((6441, 4.15, 0.0776, KEPLER, 71), (6400, 3.48, 0.0975, TESS, 339)):
        # no albedo, no heat carried to the night side: the hottest day there can be
        hottest = teff / math.sqrt(axis) * (2 / 3) ** 0.25
        depth = 1e6 * rp**2 * phase_curves.planck_ratio(hottest, teff, wavelength)
        assert known / 1.5 < depth < known * 1.5
    rng = np.random.default_rng(3)
    depths = []
    for _ in range(300):
        star = draw_star(rng, mission="Kepler")
        planet = draw_planet(rng, star, start=0.0, kind="hot_jupiter", wavelength=KEPLER)
        depths.append(1e6 * (planet.day - planet.night))
        assert planet.day >= planet.night >= 0.0 and planet.a_rs >= 1.5 * (1 + planet.rp) * (1 - 1e-12)
    # a fair share with secondaries that can be seen: some tens of ppm and more, few beyond the strongest known
    assert np.quantile(depths, 0.25) < 30 < np.quantile(depths, 0.75) and np.quantile(depths, 0.97) < 600


def test_ellipsoidal_variation_of_binaries():
    """What `flux` adds to the eclipses has the amplitude of Morris's formula, both stars weighed by their light."""
    rng = np.random.default_rng(4)
    for _ in range(10):
        star = draw_star(rng)
        binary = draw_binary(rng, star, start=0.0, kind="detached", period=(0.5, 3.0))
        time = binary.epoch + binary.period * np.linspace(0.0, 4.0, 4001)
        added = binary.flux(time, 0.0) - binary.eclipses(time, 0.0)
        share = 1.0 - binary.third_light
        sine2 = 1 - (binary.b / binary.a_rs) ** 2
        second = binary.surface_brightness * binary.rp**2
        teff = phase_curves.brightness_temperature(binary.surface_brightness, star["teff"], TESS)
        u, q = star["u1"] + star["u2"], binary.mass_ratio
        alphas = [
            0.15 * (15 + u) * (1 + phase_curves.gravity_darkening(t, TESS)) / (3 - u) for t in (star["teff"], teff)
        ]
        expected = (alphas[0] * q / binary.a_rs**3 + second * alphas[1] / q * (binary.rp / binary.a_rs) ** 3) / (
            1 + second
        )
        got = harmonics(added, (time - binary.epoch) / binary.period)
        assert got[0] == pytest.approx(-share * expected * sine2, rel=1e-6)
        # the cooler companion is lit by the hotter star: brighter when seen from its lit side, at the secondary
        if binary.rp < 1 and binary.surface_brightness < 0.8:
            assert got[2] < 0.0


def test_brightness_temperature_inverts_planck():
    for ratio in (1.0, 0.3, 1e-3):
        teff = phase_curves.brightness_temperature(ratio, 6000.0, TESS)
        assert phase_curves.planck_ratio(teff, 6000.0, TESS) == pytest.approx(ratio, rel=1e-9)


def test_grazing_planets_are_grazing():
    rng = np.random.default_rng(5)
    planets = [draw_planet(rng, draw_star(rng), start=0.0, kind="grazing_planet") for _ in range(100)]
    assert all(0.75 <= p.b <= 1.0 and p.radius >= 5 for p in planets)
    # V-shaped: a good part has no flat bottom at all, b > 1 - rp (TrES-2: b 0.84, rp 0.125)
    assert 0.2 < np.mean([p.b > 1 - p.rp for p in planets]) < 0.8
