"""The transit model against batman, against direct integration and in its analytic limits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad

from lcnet.transits.transit_model import eclipse_flux, occulted_fraction, scaled_axis, transit_duration, transit_flux

ORBIT = dict(period=3.0, epoch=0.7, a_rs=9.0, rp=0.1, b=0.3, u1=0.3, u2=0.2)


def _batman(time, *, period, epoch, a_rs, rp, b, u1, u2, ecc=0.0, omega=90.0, **supersampling):
    batman = pytest.importorskip("batman")
    p = batman.TransitParams()
    w = math.radians(omega)
    p.t0, p.per, p.rp, p.a, p.ecc, p.w, p.u, p.limb_dark = epoch, period, rp, a_rs, ecc, omega, [u1, u2], "quadratic"
    p.inc = math.degrees(math.acos(b / a_rs * (1 + ecc * math.sin(w)) / (1 - ecc**2)))
    return batman.TransitModel(p, time, **supersampling).light_curve(p)


def _direct(b, r, u1, u2):
    """Light lost by brute force: rings of the star times the angle each has behind the disc."""

    def ring(x):
        mu = math.sqrt(max(0.0, 1 - x * x))
        if x <= r - b:
            angle = math.pi
        elif x <= abs(b - r) or x >= b + r:
            angle = 0.0
        else:
            angle = math.acos(min(1.0, max(-1.0, (x * x + b * b - r * r) / (2 * x * b))))
        return 2 * x * (1 - u1 * (1 - mu) - u2 * (1 - mu) ** 2) * angle

    edges = [0.0, *sorted(x for x in (abs(b - r), b + r) if 0 < x < 1), 1.0]
    total = sum(quad(ring, *pair, epsabs=1e-13, limit=200)[0] for pair in zip(edges[:-1], edges[1:], strict=True))
    return total / (math.pi * (1 - u1 / 3 - u2 / 6))


def test_agrees_with_batman():
    # batman's own quadratic law is good to about 1e-7 (its elliptic integrals); 1e-6 is what the fits will need. Its
    # elliptic integral of the third kind does not converge where the disc's limb crosses the star's centre (z = rp), so
    # those points, and no others, are left to the direct integration below.
    rng = np.random.default_rng(1)
    for number in range(150):
        rp = 10 ** rng.uniform(-2.3, math.log10(0.25))
        b = (rng.uniform(0, 1 + rp), 0.0, 1 - rp, 1 + rp * rng.uniform(-1, 1), 0.5)[number % 5]
        q1, q2 = rng.uniform(size=2)  # Kipping 2013: every physical pair of coefficients
        orbit = dict(period=rng.uniform(1, 10), epoch=rng.uniform(-1, 1), a_rs=rng.uniform(2.5, 30), rp=rp, b=b)
        orbit |= dict(u1=2 * math.sqrt(q1) * q2, u2=math.sqrt(q1) * (1 - 2 * q2))
        half = 0.6 / 24 * transit_duration(orbit["period"], orbit["a_rs"], rp, b)
        time = orbit["epoch"] + np.linspace(-half, half, 201)
        angle = 2 * math.pi * (time - orbit["epoch"]) / orbit["period"]
        z = np.hypot(orbit["a_rs"] * np.sin(angle), b * np.cos(angle))
        safe = np.abs(z - rp) > 1e-3
        ours = transit_flux(time, **orbit)
        np.testing.assert_allclose(ours[safe], _batman(time, **orbit)[safe], rtol=0, atol=1e-6, err_msg=str(orbit))


@pytest.mark.parametrize("omega", [0.0, 60.0, 200.0, 270.0])
def test_eccentric_orbit_agrees_with_batman(omega):
    orbit = ORBIT | dict(ecc=0.4, omega=omega)
    time = np.linspace(0.5, 0.9, 401)
    ours = transit_flux(time, **orbit)
    assert ours.min() < 0.995
    # batman solves Kepler's equation to 1e-7 rad: 1e-7 x 9 stellar radii, times a slope of at most 0.02 in ingress
    np.testing.assert_allclose(ours, _batman(time, **orbit), rtol=0, atol=1e-6)


def test_exposures_agree_with_batman():
    time = np.linspace(0.5, 0.9, 101)
    ours = transit_flux(time, **ORBIT, exposure=1800.0, oversample=201)
    theirs = _batman(time, **ORBIT, supersample_factor=201, exp_time=1800 / 86400)
    # the two place their 201 points differently (midpoints, and both ends included): they differ by a spacing's change
    # of the flux, depth x (exposure / ingress) / 201 = 0.011 x (0.5 h / 0.27 h) / 201 = 1e-4, less where it is smooth
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4)
    assert np.abs(ours - transit_flux(time, **ORBIT)).max() > 1e-3
    # the default of 15 points against 201: below 1e-3 of the depth, as stated in the module
    np.testing.assert_allclose(transit_flux(time, **ORBIT, exposure=1800.0), ours, rtol=0, atol=1.1e-5)


def test_light_lost_agrees_with_direct_integration():
    rng = np.random.default_rng(2)
    for number in range(60):
        r = 10 ** rng.uniform(-2, 0.5)
        b = (rng.uniform(0, 1 + r), min(r, 1.0), r + 1e-7, 0.5, abs(1 - r) + 1e-5)[number % 5]
        # 24 nodes against 800: 2e-9 at worst, where the inner contact meets a large disc
        assert occulted_fraction(b, r, 0.5, 0.3) == pytest.approx(_direct(b, r, 0.5, 0.3), abs=1e-8), (b, r)


def test_uniform_disc_and_full_cover():
    z = np.array([0.0, 0.3, 0.899])
    np.testing.assert_allclose(occulted_fraction(z, 0.1, 0.0, 0.0), 0.01, rtol=1e-12)
    # a centred disc of a linear law (u1 = 1): light inside rho is 1 - (1 - rho^2)^(3/2)
    assert occulted_fraction(0.0, 0.2, 1.0, 0.0) == pytest.approx(1 - 0.96**1.5, rel=1e-12)
    assert occulted_fraction(0.5, 1.6, 0.4, 0.2) == 1.0
    np.testing.assert_array_equal(occulted_fraction([1.1, 1.2, 5.0], 0.1, 0.4, 0.2), 0.0)


@pytest.mark.parametrize("r", [0.05, 0.5, 1.0, 1.7])
def test_light_lost_is_continuous_and_falls_outwards(r):
    z = np.linspace(0, 1.05 + r, 20001)
    lost = occulted_fraction(z, r, 0.4, 0.25)
    # steepest where a long edge crosses the centre: the chord over the disc, 2 / (pi (1 - u1/3 - u2/6)) = 0.77
    assert np.all(np.diff(lost) <= 1e-8) and np.abs(np.diff(lost)).max() < 0.8 * (z[1] - z[0])
    for contact in (abs(1 - r), 1 + r):
        inside, outside = occulted_fraction([max(0.0, contact - 1e-9), contact + 1e-9], r, 0.4, 0.25)
        assert inside == pytest.approx(outside, abs=1e-8)


def test_duration_is_first_to_fourth_contact():
    time = np.arange(-0.2, 0.2, 1e-6)
    for ecc, omega, tolerance in ((0.0, 90.0, 1e-5), (0.3, 40.0, 0.01)):  # eq. 16 for ecc > 0 is good to a percent
        flux = transit_flux(time, **(ORBIT | dict(epoch=0.0, ecc=ecc, omega=omega)))
        measured = 24 * np.ptp(time[flux < 1])
        stated = transit_duration(3.0, 9.0, 0.1, 0.3, ecc=ecc, omega=omega)
        # the flux leaves 1 as the 3/2 power of time: some steps of 1e-6 d are lost to rounding at each contact
        assert measured == pytest.approx(stated, rel=tolerance, abs=1e-3)
    assert transit_duration(3.0, 9.0, 0.1, 1.2) == 0.0
    inclination = math.acos(0.3 / 9.0)
    winn = 24 * 3.0 / math.pi * math.asin(math.sqrt(1.1**2 - 0.3**2) / 9.0 / math.sin(inclination))
    assert transit_duration(3.0, 9.0, 0.1, 0.3) == pytest.approx(winn, rel=1e-12)


def test_sun_and_earth():
    # a = 1 au = 215.03 solar radii for P = 365.256 d and the Sun's 1.4098 g/cm3
    assert scaled_axis(365.256, 1.4098) == pytest.approx(215.03, rel=1e-3)
    assert transit_duration(365.256, 215.03, 0.00916, 0.0) == pytest.approx(13.1, abs=0.1)


def test_eclipses_of_two_uniform_stars():
    stars = dict(period=2.0, epoch=0.0, a_rs=8.0, rp=0.5, b=0.0, u1=0.0, u2=0.0, surface_brightness=0.4)
    time = np.array([0.0, 0.5, 1.0, 2.0])
    total = 1 + 0.4 * 0.25
    expected = [1 - 0.25 / total, 1.0, 1 / total, 1 - 0.25 / total]  # the second star is hidden whole at phase 1/2
    np.testing.assert_allclose(eclipse_flux(time, **stars), expected, rtol=1e-12)
    diluted = eclipse_flux(time, **stars, third_light=0.9)
    np.testing.assert_allclose(1 - diluted, 0.1 * (1 - np.array(expected)), atol=1e-14)


def test_grazing_eclipses_are_pointed_and_total_ones_flat():
    time = np.linspace(-0.1, 0.1, 2001)
    stars = dict(period=2.0, epoch=0.0, a_rs=8.0, rp=0.5, u1=0.0, u2=0.0, surface_brightness=0.0)
    total, grazing = (1 - eclipse_flux(time, **stars, b=b) for b in (0.0, 1.2))
    # second to third contact lasts P / pi asin((1 - rp) / a), the asin of 0.5 / 8, of the 0.2 d looked at
    assert np.mean(total > 0.999 * total.max()) == pytest.approx(2.0 / np.pi * np.arcsin(0.5 / 8) / 0.2, rel=0.02)
    assert 0 < np.mean(grazing > 0.999 * grazing.max()) < 0.02


def test_secondary_of_an_eccentric_binary_is_where_the_orbit_puts_it():
    stars = dict(period=5.0, epoch=0.0, a_rs=12.0, rp=0.6, b=0.1, u1=0.3, u2=0.2, surface_brightness=0.5)
    time = np.arange(0.5, 4.5, 1e-3)
    for ecc, omega in ((0.0, 90.0), (0.3, 0.0), (0.3, 180.0)):
        flux = eclipse_flux(time, **stars, ecc=ecc, omega=omega)
        middle = np.mean(time[flux < 1]) / 5.0
        # phase of the secondary for omega = 0 or 180 deg: 1/2 +- (asin e + e sqrt(1 - e^2)) / pi (Hilditch 2001)
        shift = math.cos(math.radians(omega)) * (math.asin(ecc) + ecc * math.sqrt(1 - ecc**2)) / math.pi
        # ingress and egress of an eccentric orbit differ slightly in speed: 2e-3 of the period
        assert middle == pytest.approx(0.5 + shift, abs=2e-3)


def test_missing_times_and_impossible_orbits():
    assert np.isnan(transit_flux(np.array([0.7, np.nan]), **ORBIT))[1]
    for wrong in (dict(period=-1.0), dict(a_rs=1.0), dict(ecc=1.0), dict(b=20.0)):
        with pytest.raises(ValueError):
            transit_flux(np.array([0.0]), **(ORBIT | wrong))
    with pytest.raises(ValueError, match="third_light"):
        eclipse_flux(np.array([0.0]), **ORBIT, surface_brightness=0.1, third_light=1.0)
