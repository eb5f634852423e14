"""Planets: drawn from broad priors, and the light of star and planet together."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from lcnet.transits.simulator import phase_curves
from lcnet.transits.transit_model import eclipse_flux, mean_anomaly_at, occulted_fraction, scaled_axis, transit_duration

__all__ = ["PLANETS", "Planet", "draw_planet"]

PLANETS = ("planet", "hot_jupiter", "grazing_planet")
_EARTH, _JUPITER = 0.009158, 9.546e-4  # solar radii and solar masses, IAU 2015 nominal values


@dataclass(frozen=True)
class Planet:
    """A planet: period and epoch in days, lengths in stellar radii, `radius` in Earth radii, `mass` in solar ones.

    `day` and `night` are its two sides' light over the star's; `ellipsoidal` and `beaming` as in `phase_curve`.
    """

    subkind: str
    period: float
    epoch: float
    a_rs: float
    rp: float
    b: float
    radius: float
    u1: float
    u2: float
    ecc: float = 0.0
    omega: float = 90.0
    mass: float = 0.0
    day: float = 0.0
    night: float = 0.0
    ellipsoidal: float = 0.0
    beaming: float = 0.0

    def _keywords(self):
        names = ("period", "epoch", "a_rs", "rp", "b", "u1", "u2", "ecc", "omega")
        return {name: getattr(self, name) for name in names}

    def _impact(self, toward):
        """Impact parameter at conjunction (`toward` 1) or at the occultation (-1)."""
        s = self.ecc * math.sin(math.radians(self.omega))
        return self.b * (1.0 + s) / (1.0 + toward * s)

    def eclipses(self, time, exposure):
        """Relative flux of transits and occultations alone, shape (N,): 1 outside of both."""
        return eclipse_flux(
            time, **self._keywords(), surface_brightness=(self.day - self.night) / self.rp**2, exposure=exposure
        )

    def flux(self, time, exposure):
        """Relative flux, shape (N,), at `time` (N,) [d], exposures of `exposure` seconds.

        The planet's phases are those of a sphere whose light falls from the day to the night side as (1 - cos) / 2
        (Faigler & Mazeh 2011); it is hidden at the occultation, when its day side faces us.
        """
        if self.day == self.ellipsoidal == self.beaming == 0.0:
            return self.eclipses(time, exposure)
        contrast = self.day - self.night
        cosi = self.b * (1.0 + self.ecc * math.sin(math.radians(self.omega))) / (self.a_rs * (1.0 - self.ecc**2))
        curve = phase_curves.phase_curve(
            time,
            period=self.period,
            epoch=self.epoch,
            ellipsoidal=self.ellipsoidal,
            beaming=self.beaming,
            reflection=0.5 * contrast,
            cosi=cosi,
            ecc=self.ecc,
            omega=self.omega,
            exposure=exposure,
        )
        # 1 is the mean level: half of the contrast below it at the transit, above it beside the occultation
        return self.eclipses(time, exposure) + curve / (1.0 + contrast)

    def signals(self):
        """What a search should find, as the dictionaries of `SimulatedCurve.truth`."""
        contrast = self.day - self.night
        common = dict(
            period=self.period, radius=self.radius, a_rs=self.a_rs, rp=self.rp, ecc=self.ecc, subkind=self.subkind
        )
        out = []
        for toward, omega in ((1.0, self.omega), (-1.0, self.omega + 180.0)):
            b = self._impact(toward)
            if toward > 0:
                kind, epoch = "planet", self.epoch
                depth = float(occulted_fraction(b, self.rp, self.u1, self.u2)) / (1.0 + contrast)
            else:
                mean = mean_anomaly_at(self.ecc, self.omega, -90.0) - mean_anomaly_at(self.ecc, self.omega)
                kind, epoch = "occultation", self.epoch + self.period * (mean / (2.0 * math.pi) % 1.0)
                depth = contrast * float(occulted_fraction(b / self.rp, 1.0 / self.rp, 0.0, 0.0)) / (1.0 + contrast)
            if depth > 0.0:
                duration = transit_duration(self.period, self.a_rs, self.rp, b, ecc=self.ecc, omega=omega)
                out.append(dict(kind=kind, epoch=epoch, depth=1e6 * depth, duration=duration, b=b, **common))
        return out


def _log_uniform(rng, low, high):
    return math.exp(rng.uniform(math.log(low), math.log(high)))


def draw_planet(rng, star, *, start, period=(0.5, 13.0), radius=None, kind="planet", wavelength=786.5):
    """A transiting planet of `star`.

    Parameters
    ----------
    rng : numpy.random.Generator
    star : dict
        As drawn by `systems.draw_star`.
    start : float, days
        The epoch falls within one period after it.
    period : (float, float), days
        Log-uniform within; a hot Jupiter's is limited to 0.7-6 d where the range allows it.
    radius : float, Earth radii, optional
        Default: 30 % giants, the rest log-uniform in 0.9-8; hot Jupiters and grazing planets are giants.
    kind : str
        "planet": circular below 6 d, three in ten beyond eccentric. "hot_jupiter": with day side, tides and beaming.
        "grazing_planet": impact parameter from 0.75 to where half of the planet misses the star.
    wavelength : float, nm
        Of the pass band, for the hot Jupiter's light.
    """
    low, high = period
    if kind == "hot_jupiter":
        low, high = max(low, 0.7), min(high, 6.0)
        low, high = (low, high) if low < high else period
    p = _log_uniform(rng, low, high)
    giants = kind in ("hot_jupiter", "grazing_planet")
    # giants about stars below 0.6 Msun are rare (Gan et al. 2023)
    giant = giants or (star["mass"] > 0.6 and rng.random() < 0.3)
    drawn = rng.normal(13.5 if kind == "hot_jupiter" else 12.5, 2.0) if giant else _log_uniform(rng, 0.9, 8.0)
    radius = float(np.clip(drawn, 0.9, 20.0)) if radius is None else float(radius)
    rp = radius * _EARTH / star["radius"]
    # a planet inside 1.5 stellar radii would be torn apart: such short periods are moved out to that orbit
    p = max(p, p * (1.5 * (1.0 + rp) / scaled_axis(p, star["density"])) ** 1.5)
    axis = scaled_axis(p, star["density"])
    if kind == "grazing_planet":
        b = rng.uniform(0.75, 1.0)
    else:
        b = rng.uniform(0.0, 1.0) * (1.0 if rng.random() < 0.95 else 1.0 + rp)
    ecc = omega = None
    if kind == "planet" and p > 6.0 and rng.random() < 0.3:
        ecc, omega = rng.beta(0.867, 3.03), rng.uniform(0.0, 360.0)  # Kipping 2013, MNRAS 434, L51
        if axis * (1.0 - ecc) < 1.5 * (1.0 + rp) or ecc > 0.8:
            ecc = None
    return Planet(
        subkind=kind,
        period=p,
        epoch=start + rng.uniform(0.0, p),
        a_rs=axis,
        rp=rp,
        b=b,
        radius=radius,
        u1=star["u1"],
        u2=star["u2"],
        **({} if ecc is None else dict(ecc=ecc, omega=omega)),
        **(_hot(rng, star, p, axis, rp, b, wavelength) if kind == "hot_jupiter" else {}),
    )


def _hot(rng, star, period, axis, rp, b, wavelength):
    """Light and mass of a hot Jupiter.

    Day side by Cowan & Agol 2011 (ApJ 729, 54): ``T0 (1 - A)^(1/4) (2/3 - 5/12 e)^(1/4)``, night ``T0 (1 - A)^(1/4)
    (e / 4)^(1/4)``, T0 = Teff / sqrt(a/R), both as black bodies, and a reflecting sphere of geometric albedo 2/3 A.
    """
    albedo, spread = rng.uniform(0.0, 0.5), rng.uniform(0.0, 0.6)
    hottest = star["teff"] / math.sqrt(axis) * (1.0 - albedo) ** 0.25
    day = rp**2 * phase_curves.planck_ratio(
        hottest * (2.0 / 3.0 - 5.0 / 12.0 * spread) ** 0.25, star["teff"], wavelength
    )
    night = 0.0
    if spread > 0.01:
        night = rp**2 * phase_curves.planck_ratio(hottest * (0.25 * spread) ** 0.25, star["teff"], wavelength)
    day += 2.0 / 3.0 * albedo * (rp / axis) ** 2
    mass = _JUPITER * _log_uniform(rng, 0.3, 10.0)
    u, g = star["u1"] + star["u2"], phase_curves.gravity_darkening(star["teff"], wavelength)
    sine = math.sqrt(1.0 - (b / axis) ** 2)
    velocity = phase_curves.semi_amplitude(period, star["mass"], mass, sine=sine)
    return dict(
        mass=mass,
        day=day,
        night=min(night, day),
        ellipsoidal=phase_curves.tidal_factor(u, g) * mass / star["mass"] / axis**3,
        beaming=phase_curves.beaming_amplitude(velocity, star["teff"], wavelength),
    )
