"""The star a transit is of: what its header or its observer says, and what that makes of a transit.

Units are those of the TESS Input Catalog: radii and masses in solar ones, mean densities in the Sun's, temperatures in
kelvin. Constants are the IAU's nominal ones (resolution B3 of 2015; Prsa et al. 2016, AJ 152, 41).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

__all__ = ["check_star", "density", "planet_radius", "rho_ratio", "star_of", "with_given"]

# GM of the Sun [m3 s-2], its radius [m], the Earth's equatorial radius [m] (IAU 2015 B3)
_GM_SUN, _R_SUN, _R_EARTH = 1.3271244e20, 6.957e8, 6.3781e6
_LOG_G_SUN = float(np.log10(100 * _GM_SUN / _R_SUN**2))  # cgs, 4.438
_DAY = 86400.0
# G [m3 kg-1 s-2] (CODATA 2018); the Sun's mean density, 1.41 g/cm3
_RHO_SUN = 3 * _GM_SUN / (4 * np.pi * 6.6743e-11 * _R_SUN**3) / 1000.0

# key -> unit of a Quantity, smallest and largest that any star has (brown dwarfs, white dwarfs and giants included)
_KEYS = {
    "radius": ("R_sun", 0.005, 2000.0),
    "mass": ("M_sun", 0.01, 300.0),
    "teff": ("K", 300.0, 300_000.0),
    "rho": ("g/cm3", 1e-9, 1e8),
    "tmag": ("mag", -2.0, 30.0),
}
_CARDS = {"radius": "RADIUS", "mass": "MASS", "teff": "TEFF", "tmag": "TESSMAG"}


def check_star(star) -> dict[str, float]:
    """A star as its observer gives it, in plain numbers.

    Parameters
    ----------
    star : mapping or None
        Any of ``radius`` [R_sun], ``mass`` [M_sun], ``teff`` [K], ``rho`` (mean density, in the Sun's) and ``tmag``
        (TESS magnitude). Quantities are converted, ``rho`` from any density. None and NaN are left out.

    Returns
    -------
    dict of str to float

    Raises
    ------
    ValueError
        An unknown key, a value no star has, or one of another kind of unit; the message names it.
    TypeError
        Not a mapping.
    """
    if star is None:
        return {}
    if not isinstance(star, Mapping):
        raise TypeError(f"star must be a dict such as dict(radius=1.0, teff=5800), got {type(star).__name__}")
    checked = {}
    for key, value in star.items():
        if key not in _KEYS:
            raise ValueError(f"star has no {key!r}; it may have {', '.join(_KEYS)}")
        number = _number(key, value)
        if number is not None:
            checked[key] = number
    return checked


def _number(key, value) -> float | None:
    unit, low, high = _KEYS[key]
    if value is None:
        return None
    if hasattr(value, "to_value"):
        try:
            value = value.to_value(unit) / (_RHO_SUN if key == "rho" else 1.0)
        except Exception as error:
            raise ValueError(f"star[{key!r}] = {value} cannot be converted to {unit}") from error
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"star[{key!r}] must be one number, got {value!r}") from error
    if np.isnan(number):
        return None
    if not low <= number <= high:
        said = {"rho": "solar densities"}.get(key, unit)
        raise ValueError(f"star[{key!r}] = {number:g} is no star's: {low:g} to {high:g} {said}")
    return number


def star_of(headers) -> dict[str, float]:
    """What archive headers say of a star.

    Parameters
    ----------
    headers : mapping, or iterable of mappings
        Header cards or a light curve's ``meta``: RADIUS, MASS, TEFF, LOGG, TESSMAG. Of several, the first that knows.

    Returns
    -------
    dict of str to float
        As `check_star`; only what is known. ``rho`` is mass / radius^3, else g / radius from LOGG. KEPMAG is another
        band and is not taken for ``tmag``.
    """
    star = {}
    for header in [headers] if isinstance(headers, Mapping) else headers:
        known = {}
        for key, card in _CARDS.items():
            value = header.get(card)
            if isinstance(value, (int, float, np.number)) and not isinstance(value, bool):
                try:
                    number = _number(key, value)
                except ValueError:  # archives mark a missing value with 0 or -9999
                    number = None
                if number is not None:
                    known[key] = number
        gravity = header.get("LOGG")
        if "mass" in known and "radius" in known:
            known["rho"] = known["mass"] / known["radius"] ** 3
        elif "radius" in known and isinstance(gravity, (int, float, np.number)) and -2 < gravity < 10:
            known["rho"] = 10.0 ** (float(gravity) - _LOG_G_SUN) / known["radius"]
        star = {**known, **star}
    return star


def with_given(known, given) -> dict[str, float]:
    """A header's star with what its observer knows better.

    Parameters
    ----------
    known : mapping
        As `star_of` gives it.
    given : mapping
        As `check_star` gives it.

    Returns
    -------
    dict of str to float
        What is given replaces what was known. A density belongs to the radius and mass it was made of: where one of
        those is given and ``rho`` is not, it is mass / radius^3, or of the same gravity where no mass is known.
    """
    star = {**known, **given}
    if "rho" not in given and {"radius", "mass"} & set(given) and "radius" in star:
        if "mass" in star:
            star["rho"] = star["mass"] / star["radius"] ** 3
        elif "rho" in known and "radius" in known:
            star["rho"] = known["rho"] * known["radius"] / star["radius"]
    return star


def density(star) -> float | None:
    """Mean density of a star in the Sun's: ``rho``, else mass / radius^3, else None."""
    star = star or {}
    if star.get("rho") is not None:
        return float(star["rho"])
    if star.get("mass") is not None and star.get("radius") is not None:
        return float(star["mass"]) / float(star["radius"]) ** 3
    return None


def planet_radius(depth_ppm, star):
    """Radius of the body that makes a transit of this depth.

    Radius = sqrt(depth) x the star's. Assumed: a dark body wholly on the star's disc, no light of other stars in the
    aperture, and no limb darkening (which deepens the middle of a transit by up to a quarter, the radius by a tenth).

    Parameters
    ----------
    depth_ppm : float or array, ppm
    star : mapping or None

    Returns
    -------
    float or array, R_earth
        Equatorial; NaN where the star's radius is not known or the depth not positive.
    """
    depth = np.asarray(depth_ppm, float)
    radius = (star or {}).get("radius")
    size = np.nan if radius is None else float(radius) * _R_SUN / _R_EARTH
    result = size * np.sqrt(np.where((depth > 0) & (depth <= 1e6), depth, np.nan) * 1e-6)
    return result if result.ndim else float(result)


def rho_ratio(period_d, duration_h, depth_ppm, star, *, impact=0.0):
    """Mean density a transit's duration asks of its star, over the star's own.

    Seager & Mallen-Ornelas (2003, ApJ 585, 1038), eqs. 8 and 9 without the ingress time, which a search does not know:
    a/R from period, first-to-fourth-contact duration and depth for an assumed impact parameter, and Kepler's third law.
    For a circular orbit of a small companion about the named star the ratio is 1. It falls with the impact parameter,
    so the default 0 gives the largest. Well below 1: the star is larger than thought or another one, or the planet
    passes near apastron; well above: near periastron, by ((1 + e sin w) / sqrt(1 - e^2))^3 (Kipping 2010, MNRAS 407,
    301).

    Parameters
    ----------
    period_d : float or array, days
    duration_h : float or array, hours
        First to fourth contact. The width of a box is about 0.9 of it, which raises the ratio by a third.
    depth_ppm : float or array, ppm
    star : mapping or None
    impact : float
        Assumed impact parameter, in stellar radii.

    Returns
    -------
    float or array
        NaN where the star's density is not known, or no orbit has such a transit.

    Raises
    ------
    ValueError
        A negative impact parameter.
    """
    if not impact >= 0:
        raise ValueError(f"the impact parameter is not negative, got {impact}")
    period, duration, depth = (np.asarray(value, float) for value in (period_d, duration_h, depth_ppm))
    own = density(star)
    with np.errstate(invalid="ignore", divide="ignore"):
        k = np.sqrt(np.where(depth >= 0, depth, np.nan) * 1e-6)
        sine2 = np.sin(np.pi * duration / (24.0 * period)) ** 2
        possible = (period > 0) & (duration > 0) & (2 * duration < 24 * period) & (impact < 1 + k)
        a2 = ((1 + k) ** 2 - impact**2 * (1 - sine2)) / sine2
        a = np.sqrt(np.where(possible & (a2 > 1), a2, np.nan))
        solar = 4 * np.pi**2 * _R_SUN**3 * a**3 / (_GM_SUN * (period * _DAY) ** 2)
        ratio = np.asarray(solar / (np.nan if own is None else own))
    return ratio if ratio.ndim else float(ratio)
