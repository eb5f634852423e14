"""Stars, planets and binaries drawn from broad priors, and the flux each would show (docs/transits-simulator.md)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from lcnet.transits.transit_model import eclipse_flux, occulted_fraction, scaled_axis, transit_duration, transit_flux

__all__ = ["BINARIES", "Binary", "Planet", "draw_binary", "draw_planet", "draw_star"]

_SUN_DENSITY = 1.41  # g cm^-3
_EARTH = 0.009158  # solar radii, IAU 2015 nominal values
_TRIES = 1000
BINARIES = ("detached", "grazing", "twin", "background")  # the kinds of eclipse; "eclipse" draws one of them


@dataclass(frozen=True)
class Planet:
    """A planet on a circular orbit: period and epoch in days, lengths in stellar radii, radius also in Earth radii."""

    period: float
    epoch: float
    a_rs: float
    rp: float
    b: float
    radius: float
    u1: float
    u2: float

    def flux(self, time, exposure):
        """Relative flux, shape (N,), at `time` (N,) [d], exposures of `exposure` seconds."""
        return transit_flux(
            time,
            period=self.period,
            epoch=self.epoch,
            a_rs=self.a_rs,
            rp=self.rp,
            b=self.b,
            u1=self.u1,
            u2=self.u2,
            exposure=exposure,
        )

    def signals(self):
        """What a search should find, as the dictionaries of `SimulatedCurve.truth`."""
        depth = float(occulted_fraction(self.b, self.rp, self.u1, self.u2))
        return [
            dict(
                kind="planet",
                period=self.period,
                epoch=self.epoch,
                depth=1e6 * depth,
                radius=self.radius,
                duration=transit_duration(self.period, self.a_rs, self.rp, self.b),
                a_rs=self.a_rs,
                rp=self.rp,
                b=self.b,
                ecc=0.0,
            )
        ]


@dataclass(frozen=True)
class Binary:
    """Two stars, lengths in radii of the one eclipsed at `epoch`; `third_light` of all the light is from neither."""

    subkind: str
    period: float
    epoch: float
    a_rs: float
    rp: float
    b: float
    u1: float
    u2: float
    surface_brightness: float
    third_light: float
    ecc: float
    omega: float
    mass_ratio: float

    def _keywords(self):
        return dict(
            period=self.period,
            epoch=self.epoch,
            a_rs=self.a_rs,
            rp=self.rp,
            b=self.b,
            u1=self.u1,
            u2=self.u2,
            surface_brightness=self.surface_brightness,
            secondary_limb=(self.u1, self.u2),
            third_light=self.third_light,
            ecc=self.ecc,
            omega=self.omega,
        )

    def eclipses(self, time, exposure):
        """Relative flux of the eclipses alone, shape (N,)."""
        return eclipse_flux(time, **self._keywords(), exposure=exposure)

    def flux(self, time, exposure):
        """Relative flux, shape (N,), with the first star's tidal distortion (Morris & Naftilan 1993, leading term)."""
        tide = 1.2 * self.mass_ratio / self.a_rs**3 * (1.0 - self.third_light)
        return self.eclipses(time, exposure) - tide * np.cos(
            4.0 * np.pi * (np.asarray(time) - self.epoch) / self.period
        )

    def secondary_phase(self):
        """Phase of the second star's eclipse after `epoch`, cycles."""
        if self.ecc == 0.0:
            return 0.5
        w = math.radians(self.omega)

        def mean(f):
            e = 2.0 * math.atan2(
                math.sqrt(1.0 - self.ecc) * math.sin(0.5 * f), math.sqrt(1.0 + self.ecc) * math.cos(0.5 * f)
            )
            return e - self.ecc * math.sin(e)

        return ((mean(-0.5 * math.pi - w) - mean(0.5 * math.pi - w)) / (2.0 * math.pi)) % 1.0

    def signals(self):
        """The primary and, where there is one, the secondary eclipse."""
        s = self.ecc * math.sin(math.radians(self.omega))
        b2 = self.b * (1.0 + s) / (1.0 - s)
        second = self.surface_brightness * self.rp**2
        share = (1.0 - self.third_light) / (1.0 + second)
        first_depth = share * float(occulted_fraction(self.b, self.rp, self.u1, self.u2))
        second_depth = share * second * float(occulted_fraction(b2 / self.rp, 1.0 / self.rp, self.u1, self.u2))
        common = dict(
            period=self.period,
            a_rs=self.a_rs,
            rp=self.rp,
            ecc=self.ecc,
            third_light=self.third_light,
            subkind=self.subkind,
        )
        out = []
        if first_depth > 0.0:
            duration = transit_duration(self.period, self.a_rs, self.rp, self.b, ecc=self.ecc, omega=self.omega)
            out.append(
                dict(kind="eclipse", epoch=self.epoch, depth=1e6 * first_depth, duration=duration, b=self.b, **common)
            )
        if second_depth > 0.0:
            duration = transit_duration(self.period, self.a_rs, self.rp, b2, ecc=self.ecc, omega=self.omega + 180.0)
            out.append(
                dict(
                    kind="secondary eclipse",
                    epoch=self.epoch + self.secondary_phase() * self.period,
                    depth=1e6 * second_depth,
                    duration=duration,
                    b=b2,
                    **common,
                )
            )
        return out


def _log_uniform(rng, low, high):
    return math.exp(rng.uniform(math.log(low), math.log(high)))


def draw_star(rng, *, tmag=None):
    """A main-sequence star or (one in five) a subgiant.

    Parameters
    ----------
    rng : numpy.random.Generator
    tmag : float, optional
        TESS magnitude; uniform in 6 to 13.5 when omitted.

    Returns
    -------
    dict
        ``tmag``, ``mass`` and ``radius`` [solar], ``density`` [g cm^-3], ``teff`` [K], ``logg`` [cgs], ``u1``, ``u2``.
    """
    tmag_drawn = rng.uniform(6.0, 13.5)
    mass = rng.uniform(0.35, 1.6)
    radius = mass**0.9 * math.exp(rng.normal(0.0, 0.05))
    if rng.random() < 0.2 and mass > 0.7:
        radius *= rng.uniform(1.2, 2.5)
    teff = 5772.0 * mass**0.6 * (radius / mass**0.9) ** -0.3
    # about Claret 2017 (A&A 600, A30) in the TESS band for 3500-7000 K, widened: the scatter covers the trend with teff
    u1, u2 = float(np.clip(rng.normal(0.3, 0.1), 0.05, 0.6)), float(np.clip(rng.normal(0.25, 0.1), 0.0, 0.39))
    return dict(
        tmag=tmag_drawn if tmag is None else float(tmag),
        mass=mass,
        radius=radius,
        density=_SUN_DENSITY * mass / radius**3,
        teff=teff,
        logg=4.438 + math.log10(mass / radius**2),
        u1=u1,
        u2=u2,
    )


def draw_planet(rng, star, *, start, period=(0.5, 13.0), radius=None):
    """A transiting planet of `star`: period log-uniform, impact parameter uniform, radius from two populations.

    Parameters
    ----------
    start : float, days
        The epoch is the first mid-transit after it.
    period : (float, float), days
    radius : float, Earth radii, optional
    """
    p = _log_uniform(rng, *period)
    giant = rng.random() < 0.3 and star["mass"] > 0.6  # giants are rare about M dwarfs (Gan et al. 2023)
    drawn = rng.normal(12.5, 2.0) if giant else _log_uniform(rng, 0.9, 8.0)
    radius = float(np.clip(drawn, 0.9, 20.0)) if radius is None else float(radius)
    rp = radius * _EARTH / star["radius"]
    # a planet inside 1.5 stellar radii would be torn apart: such short periods are moved out to that orbit
    p = max(p, p * (1.5 * (1.0 + rp) / scaled_axis(p, star["density"])) ** 1.5)
    b = rng.uniform(0.0, 1.0) * (1.0 if rng.random() < 0.95 else 1.0 + rp)
    return Planet(
        period=p,
        epoch=start + rng.uniform(0.0, p),
        a_rs=scaled_axis(p, star["density"]),
        rp=rp,
        b=b,
        radius=radius,
        u1=star["u1"],
        u2=star["u2"],
    )


def draw_binary(rng, star, *, start, kind="eclipse", period=(0.25, 13.0)):
    """An eclipsing binary whose first star is `star`, or one behind it (`kind` "background").

    Parameters
    ----------
    kind : str
        One of `BINARIES`, or "eclipse" for a draw among them (45, 15, 15 and 25 %).

    Raises
    ------
    ValueError
        A star so large that no detached orbit of that period turned up.
    """
    if kind == "eclipse":
        kind = BINARIES[int(rng.choice(4, p=(0.45, 0.15, 0.15, 0.25)))]
    for _ in range(_TRIES):
        p = _log_uniform(rng, *period)
        q = rng.uniform(0.95, 1.0) if kind == "twin" else rng.uniform(0.1, 1.0)
        k = q**0.85 * math.exp(rng.normal(0.0, 0.02 if kind == "twin" else 0.1))
        brightness = rng.uniform(0.85, 1.0) if kind == "twin" else min(1.0, q**2.2 * rng.uniform(0.4, 1.6))
        b = rng.uniform(abs(1.0 - k), 1.0 + k) if kind == "grazing" else rng.uniform(0.0, 1.0 + k)
        third = 0.0
        if kind == "background":
            third = 1.0 - 10.0 ** rng.uniform(-3.2, -0.5)
        elif rng.random() < 0.3:
            third = rng.uniform(0.0, 0.5)
        ecc = omega = 0.0
        # tides circularise close binaries (Zahn 1977); twins are kept circular so that P/2 stays in step
        if kind != "twin" and p > 3.0 and rng.random() < 0.5:
            ecc, omega = rng.beta(1.0, 4.0) * 0.8, rng.uniform(0.0, 360.0)
        axis = scaled_axis(p, star["density"]) * (1.0 + q) ** (1.0 / 3.0)
        if axis * (1.0 - ecc) < 1.5 * (1.0 + k):
            continue
        binary = Binary(
            subkind=kind,
            period=p,
            epoch=start + rng.uniform(0.0, p),
            a_rs=axis,
            rp=k,
            b=b,
            u1=star["u1"],
            u2=star["u2"],
            surface_brightness=brightness,
            third_light=third,
            ecc=ecc,
            omega=omega,
            mass_ratio=q,
        )
        # an orbit seen so that conjunction grazes may hide its periastron side: keep those with a primary eclipse
        if binary.signals() and binary.signals()[0]["kind"] == "eclipse":
            return binary
    raise ValueError(f"no detached {kind} binary of a period in {period} d about this star in {_TRIES} draws")
