"""Synthetic transits for a real light curve: drawn from a seed, and put into its raw flux.

A planet goes in before the light curve is cleaned and flattened, so that what flattening does to a transit counts
(Christiansen et al. 2013; Burke & Catanzarite 2017). Orbits are circular, the impact parameter is uniform in [0, 0.9],
the star limb-darkened like the Sun in the TESS band.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from lcnet.transits.transit_model import occulted_fraction, scaled_axis, transit_duration, transit_flux

__all__ = ["Injection", "draw_injections", "inject"]

LIMB_DARKENING = (0.30, 0.24)  # near those of the Sun in the TESS band (Claret 2017, A&A 600, A30)
LARGEST_IMPACT = 0.9
SUN_DENSITY = 1.4098  # g cm^-3, IAU 2015 nominal values
EARTH_RADII = 109.1  # of the Sun, IAU 2015 nominal (equatorial) values


@dataclass(frozen=True)
class Injection:
    """One synthetic planet.

    Attributes
    ----------
    period, epoch : float, days
        The epoch, a mid-transit, lies within the first period of the data.
    duration : float, hours
        First to fourth contact.
    depth : float, ppm
        At mid-transit.
    radius_ratio, a_rs, impact : float, stellar radii
    """

    period: float
    epoch: float
    duration: float
    depth: float
    radius_ratio: float
    a_rs: float
    impact: float


def _radius_ratio(depth, impact):
    """The planet whose transit is `depth` [ppm] deep at mid-transit."""
    wanted = 1e-6 * depth
    return brentq(lambda k: float(occulted_fraction(impact, k, *LIMB_DARKENING)) - wanted, 1e-5, 3.0, xtol=1e-12)


def draw_injections(n, *, start, period, depth=None, radius_ratio=None, density=1.0, seed=0):
    """Planets whose period and size are uniform in the logarithm.

    Parameters
    ----------
    n : int
    start : float, days
        First time of the data.
    period : (float, float), days
    depth : (float, float), ppm, optional
        At mid-transit. Either this or `radius_ratio`.
    radius_ratio : (float, float), stellar radii, optional
    density : float, solar densities
        Of the star: durations follow from it.
    seed : int

    Returns
    -------
    list of Injection
        The k-th does not depend on `n`.

    Raises
    ------
    ValueError
        Not one of `depth` and `radius_ratio`, or a range that makes no sense.
    """
    if (depth is None) == (radius_ratio is None):
        raise ValueError("give the size of the planets as either depth or radius")
    for name, limits in (("period", period), ("depth", depth), ("radius", radius_ratio)):
        if limits is not None and not (len(limits) == 2 and 0 < limits[0] <= limits[1] < np.inf):
            raise ValueError(f"{name} must be (smallest, largest), positive; got {limits}")
    if depth is not None and depth[1] >= 5e5:
        raise ValueError(f"depth goes up to {depth[1]:g} ppm; a planet's transit is less than 500,000 ppm deep")
    made = []
    for child in np.random.SeedSequence(seed).spawn(n):
        rng = np.random.default_rng(child)
        u_period, u_size, u_epoch, impact = rng.uniform(size=4)
        impact *= LARGEST_IMPACT
        p = float(np.exp(np.log(period[0]) + u_period * np.log(period[1] / period[0])))
        low, high = depth if depth is not None else radius_ratio
        size = float(np.exp(np.log(low) + u_size * np.log(high / low)))
        k = _radius_ratio(size, impact) if depth is not None else size
        axis = max(float(scaled_axis(p, SUN_DENSITY * density)), 1.05 * (1.0 + k))  # no planet inside its star
        deep = size if depth is not None else 1e6 * float(occulted_fraction(impact, k, *LIMB_DARKENING))
        hours = float(transit_duration(p, axis, k, impact))
        made.append(Injection(p, start + u_epoch * p, hours, deep, float(k), axis, float(impact)))
    return made


def inject(time, flux, injection, *, exposure):
    """The raw flux with the planet's transits in it.

    Parameters
    ----------
    time : array, shape (N,), days
    flux : array, shape (N,)
        Any unit; what is put in is relative.
    injection : Injection
    exposure : float, seconds
        Of one point: the transit is averaged over it.

    Returns
    -------
    array, shape (N,)
    """
    u1, u2 = LIMB_DARKENING
    return flux * transit_flux(
        time,
        period=injection.period,
        epoch=injection.epoch,
        a_rs=injection.a_rs,
        rp=injection.radius_ratio,
        b=injection.impact,
        u1=u1,
        u2=u2,
        exposure=exposure,
    )
