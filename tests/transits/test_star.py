"""What a header or an observer says of a star, and what its transits then say, against analytic truth and batman."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lcnet.transits.star import check_star, density, planet_radius, rho_ratio, star_of, with_given

SUN = {"radius": 1.0, "mass": 1.0, "rho": 1.0}


def test_a_star_in_plain_numbers_and_in_quantities_is_the_same():
    import astropy.units as u

    plain = {"radius": 0.5, "mass": 0.4, "teff": 3700.0, "tmag": 9.5}
    given_ = {"radius": 0.5 * u.R_sun, "mass": 0.4 * u.M_sun, "teff": 3700 * u.K, "tmag": 9.5 * u.mag}
    assert check_star(plain) == plain
    assert check_star(given_) == pytest.approx(plain, rel=1e-12)
    assert check_star({"radius": (0.5 * u.R_sun).to(u.km)})["radius"] == pytest.approx(0.5, rel=1e-12)
    # the Sun's mean density from astropy's own constants, of which G is known to 2e-5
    mean = (u.M_sun / (4 / 3 * np.pi * u.R_sun**3)).to(u.kg / u.m**3)
    assert check_star({"rho": 2 * mean * u.dimensionless_unscaled})["rho"] == pytest.approx(2, rel=1e-4)
    assert check_star(None) == {} and check_star({"radius": None, "teff": np.nan}) == {}


@pytest.mark.parametrize(
    ("star", "named"),
    [
        ({"radious": 1.0}, "radious"),
        ({"radius": 0.0}, "radius"),
        ({"radius": -1.0}, "radius"),
        ({"mass": 1e5}, "mass"),
        ({"teff": 5.8}, "teff"),
        ({"rho": np.inf}, "rho"),
        ({"tmag": 99.0}, "tmag"),
        ({"teff": "hot"}, "teff"),
        ({"mass": [1.0, 2.0]}, "mass"),
    ],
)
def test_what_no_star_has_is_refused_by_name(star, named):
    with pytest.raises(ValueError, match=named):
        check_star(star)


def test_a_quantity_of_another_kind_is_refused_by_name():
    import astropy.units as u

    with pytest.raises(ValueError, match="radius"):
        check_star({"radius": 3 * u.kg})
    with pytest.raises(TypeError, match="dict"):
        check_star([1.0])


def test_the_star_of_a_header():
    # the header of TIC 188589164 as QLP writes it; the TIC's own density is 8.864
    header = {"RADIUS": 0.325635, "LOGG": 4.8984, "MASS": 0.306053, "TEFF": 3352.0, "TESSMAG": 10.2705}
    star = star_of(header)
    assert star == pytest.approx(
        {"radius": 0.325635, "mass": 0.306053, "teff": 3352, "tmag": 10.2705, "rho": 8.8634}, 1e-4
    )
    # SPOC gives no mass: its gravity must say the same, to the 4 digits it is printed with
    without = {key: value for key, value in header.items() if key != "MASS"}
    assert star_of(without)["rho"] == pytest.approx(star["rho"], rel=2e-3) and "mass" not in star_of(without)
    # another band is no TESS magnitude; sentinels and undefined cards are not values
    assert star_of({"KEPMAG": 13.7, "RADIUS": 0.0, "TEFF": None, "LOGG": -9999, "MASS": True}) == {}
    assert star_of([{"TEFF": 5000}, {"TEFF": 6000, "RADIUS": 2.0}]) == {"teff": 5000.0, "radius": 2.0}


def test_density():
    assert density({"mass": 8.0, "radius": 2.0}) == 1.0
    assert density({"rho": 3.0, "mass": 8.0, "radius": 2.0}) == 3.0
    assert density({"radius": 2.0}) is None and density(None) is None


def test_what_is_given_replaces_the_density_of_the_header_too():
    known = {"radius": 2.0, "mass": 1.0, "rho": 0.125, "teff": 5000.0}
    assert with_given(known, {}) == known
    assert with_given(known, {"radius": 1.0}) == {"radius": 1.0, "mass": 1.0, "rho": 1.0, "teff": 5000.0}
    assert with_given(known, {"rho": 3.0})["rho"] == 3.0
    assert with_given(known, {"mass": 4.0, "rho": 0.4})["rho"] == 0.4
    assert with_given({"radius": 2.0, "rho": 0.5}, {"radius": 1.0})["rho"] == 1.0  # of the same gravity
    assert with_given({}, {"mass": 1.0}) == {"mass": 1.0}


def test_planet_radius():
    # the Earth before the Sun: (6378.1 / 695700)^2 = 84.05 ppm
    assert planet_radius(1e6 * (6378.1 / 695700) ** 2, SUN) == pytest.approx(1.0, rel=1e-12)
    assert planet_radius(10000, {"radius": 2.0}) == pytest.approx(0.2 * 695700 / 6378.1, rel=1e-12)
    assert np.isnan(planet_radius(100, {})) and np.isnan(planet_radius(100, None))
    np.testing.assert_array_equal(
        np.isnan(planet_radius(np.array([-1.0, 0.0, np.nan, 100, 2e6]), SUN)), [1, 1, 1, 0, 1]
    )


def _duration(period, a, k, impact):
    """First to fourth contact [h] of a circular orbit (Winn 2010, eq. 14)."""
    sine = np.sqrt((1 + k) ** 2 - impact**2) / (a * np.sqrt(1 - (impact / a) ** 2))
    return 24 * period / np.pi * np.arcsin(sine)


@given(st.floats(0.5, 400), st.floats(0.01, 30), st.floats(0.005, 0.2), st.floats(0, 0.9))
def test_the_density_that_made_a_transit_is_found_again(period, rho, k, impact):
    from astropy import constants

    # Kepler's third law with astropy's constants; G enters through the solar mass only
    days = period * 86400
    gm, radius = constants.GM_sun.value, constants.R_sun.value
    a = (rho * gm * days**2 / (4 * np.pi**2 * radius**3)) ** (1 / 3)
    if a < 1.5:
        return
    ratio = rho_ratio(period, _duration(period, a, k, impact), 1e6 * k**2, {"rho": 2 * rho}, impact=impact)
    assert ratio == pytest.approx(0.5, rel=1e-7)
    assert rho_ratio(period, _duration(period, a, k, impact), 1e6 * k**2, {"rho": 2 * rho}) >= ratio * (1 - 1e-9)


def test_a_transit_of_batman_gives_the_stars_own_density():
    batman = pytest.importorskip("batman")
    params = batman.TransitParams()
    params.t0, params.per, params.rp, params.ecc, params.w = 0.0, 10.0, 0.08, 0.0, 90.0
    params.a, params.limb_dark, params.u = 20.0, "uniform", []
    impact = 0.4
    params.inc = np.degrees(np.arccos(impact / params.a))
    step = 1e-4
    time = np.arange(-0.3, 0.3, step)
    flux = batman.TransitModel(params, time).light_curve(params)
    duration = 24 * step * np.count_nonzero(flux < 1)
    rho = 4 * np.pi**2 * (params.a * 6.957e8) ** 3 / (1.3271244e20 * (params.per * 86400) ** 2)
    ratio = rho_ratio(params.per, duration, 1e6 * (1 - flux.min()), {"rho": rho}, impact=impact)
    # the duration is known to two steps of the 3.9 h transit, and the density goes with its third power
    assert ratio == pytest.approx(1.0, rel=3 * 2 * step * 24 / duration)


def test_no_orbit_and_no_star_give_nan():
    assert np.isnan(rho_ratio(1.0, 5.0, 100, {})) and np.isnan(rho_ratio(1.0, 5.0, 100, None))
    assert np.isnan(rho_ratio(1.0, 13.0, 100, SUN))  # longer than half an orbit
    assert np.isnan(rho_ratio(np.nan, 5.0, 100, SUN)) and np.isnan(rho_ratio(5.0, 5.0, 100, SUN, impact=1.2))
    with pytest.raises(ValueError, match="impact"):
        rho_ratio(1.0, 5.0, 100, SUN, impact=-0.1)
    assert rho_ratio(np.array([3.0, 4.0]), 2.0, 100, SUN).shape == (2,)
