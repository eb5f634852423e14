"""Stars, and the bodies about them: drawn from broad priors until they can be seen (docs/transits-simulator.md)."""

from __future__ import annotations

import math

import numpy as np

from lcnet.transits.simulator import photon_noise
from lcnet.transits.simulator.binaries import BINARIES, draw_binary, draw_heartbeat
from lcnet.transits.simulator.missions import MISSIONS
from lcnet.transits.simulator.planets import PLANETS, draw_planet

__all__ = ["GIANTS", "draw_star", "draw_system", "expected_snr"]

_SUN_DENSITY = 1.41  # g cm^-3
_TRIES = 400
GIANTS = {"TESS": 0.1, "Kepler": 0.15, "K2": 0.15}  # share of red giants among stars without bodies
_GIVEN = ("crowdsap", "kepmag", "mass", "radius", "rho", "teff", "tmag")


def draw_star(rng, *, mag=None, mission="TESS", given=None, giants=0.0):
    """A main-sequence star, (one in five above 0.7 solar masses) a subgiant, or a red giant.

    Parameters
    ----------
    rng : numpy.random.Generator
    mag : float, optional
        Magnitude in the mission's band; uniform in its range when omitted.
    mission : str
    given : dict, optional
        What is known and not drawn: ``radius`` and ``mass`` [solar], ``teff`` [K], ``rho`` [solar densities; sets the
        mass where that is not given], ``tmag`` or ``kepmag``, ``crowdsap``.
    giants : float
        Share of red giants; none where mass, radius, density or temperature are given.

    Returns
    -------
    dict
        ``mag`` and, under its own name, ``tmag`` or ``kepmag``; ``mass``, ``radius`` and ``rho`` [solar], ``density``
        [g cm^-3], ``teff`` [K], ``logg`` [cgs], ``u1``, ``u2``, ``crowdsap``; ``excess``, its white noise over
        `photon_noise`'s.

    Raises
    ------
    ValueError
        A key that is not known, or a value that is not positive.
    """
    mission, given = MISSIONS[mission], {} if given is None else dict(given)
    for key, value in given.items():
        if key not in _GIVEN:
            raise ValueError(f"star has no {key!r}; it may have {', '.join(_GIVEN)}")
        if not (np.isfinite(value) and (value > 0.0 or key.endswith("mag"))):
            raise ValueError(f"star's {key} is {value}, which is not positive")
    name = "tmag" if mission.name == "TESS" else "kepmag"
    drawn = rng.uniform(*mission.magnitudes)
    mag = given.get(name, drawn) if mag is None else mag
    mass = rng.uniform(*mission.masses)
    radius = mass**0.9 * math.exp(rng.normal(0.0, 0.05))
    if rng.random() < 0.2 and mass > 0.7:
        radius *= rng.uniform(1.2, 2.5)
    # about Claret 2017 (A&A 600, A30) in the TESS band for 3500-7000 K, widened: the scatter covers the trend with
    # teff, and Kepler's band, where u1 is higher by 0.1 (Claret & Bloemen 2011, A&A 529, A75)
    u1 = float(np.clip(rng.normal(0.3 if mission.name == "TESS" else 0.4, 0.1), 0.05, 0.6))
    u2 = float(np.clip(rng.normal(0.25, 0.1), 0.0, 0.39))
    crowdsap = 1.0 - min(0.5, rng.exponential(mission.crowding))
    excess = 1.0 + rng.exponential(mission.excess)
    teff = 5772.0 * mass**0.6 * (radius / mass**0.9) ** -0.3
    if giants and rng.random() < giants and not {"mass", "radius", "rho", "teff"} & set(given):
        # the giant branch and clump: log g 3.3 to 1.9
        mass, radius = rng.uniform(0.9, 2.0), math.exp(rng.uniform(math.log(4.0), math.log(20.0)))
        teff = 5100.0 - 350.0 * math.log2(radius / 4.0) + rng.normal(0.0, 80.0)
    if "mass" in given or "rho" in given or "radius" in given:
        radius = float(given.get("radius", given["mass"] ** 0.9 if "mass" in given else radius))
        mass = float(given.get("mass", given["rho"] * radius**3 if "rho" in given else min(max(radius, 0.1), 2.0)))
        teff = 5772.0 * mass**0.6 * (radius / mass**0.9) ** -0.3
    teff = given.get("teff", teff)
    rho = float(given.get("rho", mass / radius**3))
    return {
        "mag": float(mag),
        name: float(mag),
        "mass": mass,
        "radius": radius,
        "rho": rho,
        "density": _SUN_DENSITY * rho,
        "teff": float(teff),
        "logg": 4.438 + math.log10(mass / radius**2),
        "u1": u1,
        "u2": u2,
        "crowdsap": float(given.get("crowdsap", crowdsap)),
        "excess": excess,
    }


def expected_snr(signal, times, white):
    """White-noise SNR of a signal's transits that fall on data.

    Parameters
    ----------
    signal : dict
        ``period``, ``epoch`` [d], ``duration`` [h], ``depth`` [ppm].
    times : array, shape (N,), days
    white : float
        Relative noise of a point.
    """
    if not signal["duration"] > 0.0:
        return 0.0
    phase = (times - signal["epoch"] + 0.5 * signal["period"]) % signal["period"] - 0.5 * signal["period"]
    inside = np.count_nonzero(np.abs(phase) < signal["duration"] / 48.0)
    return signal["depth"] * 1e-6 / white * math.sqrt(inside)


def _planets(rng, kind, star, start, period, longest, wavelength, most):
    """One planet, or for "planets" two to four, each period 1.25 to 4 times the last; None where they do not fit."""
    first = kind if kind in PLANETS else "planet"
    number = 1 if kind != "planets" else min(most, int(rng.choice((2, 3, 4), p=(0.7, 0.2, 0.1))))
    bodies = []
    for i in range(number):
        if i == 0:
            span = period or (0.5, longest / 1.3 ** (number - 1))
        else:
            low = bodies[-1].period * 1.25
            span = (low, min(longest, 4.0 * low))
            if low > 0.9 * longest:
                return None
        bodies.append(draw_planet(rng, star, start=start, period=span, kind=first, wavelength=wavelength))
        if i and abs(bodies[-1].ecc) > 0.0:
            return None  # orbits that could cross
    return bodies


def draw_system(rng, kind, times, *, cadence, mission="TESS", snr=(8.0, math.inf), mag=None, period=None, noise=1.0,
                star=None, longest=None):  # fmt: skip
    """Draw star and bodies again and again until every one's expected SNR lies within `snr`.

    Parameters
    ----------
    rng : numpy.random.Generator
    kind : str
        Of planet or binary, "heartbeat" among them (without a cut in SNR); any other kind is a star alone.
    times : array, shape (N,), days
    cadence : float, seconds
    period : (float, float), days, optional
        Default: 0.5 (binaries 0.25) d to `longest`.
    noise : float
        Factor on the white noise that the SNR is reckoned with (at least 1e-3).
    star : dict, optional
        As `given` of `draw_star`.
    longest : float, days, optional
        Default: 13 d for data of at most 28 d, else 0.48 of the baseline.

    Returns
    -------
    star : dict
    bodies : list of Planet or Binary

    Raises
    ------
    ValueError
        A range that no draw meets.
    """
    where = MISSIONS[mission].wavelength
    start, baseline = float(times[0]), float(times[-1] - times[0])
    longest = longest or (13.0 if baseline < 28.0 else 0.48 * baseline)
    given, seen = star, kind in (*PLANETS, "planets", "eclipse", *BINARIES, "heartbeat")
    for attempt in range(_TRIES):
        star = draw_star(rng, mag=mag, mission=mission, given=given, giants=0.0 if seen else GIANTS[mission])
        white = max(noise, 1e-3) * star["excess"] * photon_noise.white_noise(star["mag"], cadence, mission)
        if kind in (*PLANETS, "planets"):
            # four planets that all can be seen are rare: where they do not turn up, two must do
            most = 4 if attempt < _TRIES // 4 else 2
            bodies = _planets(rng, kind, star, start, period, longest, where, most)
            if bodies is None:
                continue
        elif kind in ("eclipse", *BINARIES):
            try:
                bodies = [
                    draw_binary(rng, star, start=start, kind=kind, period=period or (0.25, longest), wavelength=where)
                ]
            except ValueError:  # too large a star for so short a period: another star
                continue
            if not 300.0 <= bodies[0].signals()[0]["depth"] <= 500e3:
                continue
        elif kind == "heartbeat":
            span = period or (2.0, max(4.0, min(20.0, 0.5 * baseline)))
            try:
                return star, [draw_heartbeat(rng, star, start=start, period=span, wavelength=where)]
            except ValueError:
                continue
        else:
            return star, []
        firsts = [(body.signals() or [None])[0] for body in bodies]
        if any(first is None or first["kind"] not in ("planet", "eclipse") for first in firsts):
            continue
        if all(snr[0] <= expected_snr(first, times, white) <= snr[1] for first in firsts):
            return star, bodies
    raise ValueError(f"no {kind} with an expected SNR within {snr} in {_TRIES} draws; widen snr, mag or period")
