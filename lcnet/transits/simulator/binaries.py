"""Eclipsing binaries and heartbeat stars: drawn from broad priors, and the light of both stars together."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lcnet.transits.simulator import phase_curves
from lcnet.transits.transit_model import eclipse_flux, mean_anomaly_at, occulted_fraction, scaled_axis, transit_duration

__all__ = ["BINARIES", "Binary", "draw_binary", "draw_heartbeat"]

_TRIES = 1000
_ALBEDO = 0.5  # of convective envelopes (Rucinski 1969)
BINARIES = ("detached", "grazing", "twin", "background")  # the kinds of eclipse; "eclipse" draws one of them


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
    ellipsoidal: float = 0.0
    beaming: float = 0.0
    reflection: float = 0.0

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
        """Relative flux, shape (N,), with tides, beaming and reflection of both stars (`phase_curves`)."""
        s = self.ecc * math.sin(math.radians(self.omega))
        curve = phase_curves.phase_curve(
            time,
            period=self.period,
            epoch=self.epoch,
            ellipsoidal=self.ellipsoidal,
            beaming=self.beaming,
            reflection=self.reflection,
            cosi=min(1.0, self.b * (1.0 + s) / (self.a_rs * (1.0 - self.ecc**2))),
            ecc=self.ecc,
            omega=self.omega,
            exposure=exposure,
        )
        return self.eclipses(time, exposure) + (1.0 - self.third_light) * curve

    def secondary_phase(self):
        """Phase of the second star's eclipse after `epoch`, cycles."""
        mean = mean_anomaly_at(self.ecc, self.omega, -90.0) - mean_anomaly_at(self.ecc, self.omega)
        return mean / (2.0 * math.pi) % 1.0

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


def draw_binary(rng, star, *, start, kind="eclipse", period=(0.25, 13.0), wavelength=786.5):
    """An eclipsing binary whose first star is `star`, or one behind it (`kind` "background").

    Parameters
    ----------
    kind : str
        One of `BINARIES`, or "eclipse" for a draw among them (45, 15, 15 and 25 %).
    wavelength : float, nm
        Of the pass band.

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
            **_between_eclipses(star, p, axis, k, q, b, ecc, omega, brightness, wavelength),
        )
        # an orbit seen so that conjunction grazes may hide its periastron side: keep those with a primary eclipse
        if binary.signals() and binary.signals()[0]["kind"] == "eclipse":
            return binary
    raise ValueError(f"no detached {kind} binary of a period in {period} d about this star in {_TRIES} draws")


def _between_eclipses(star, period, axis, k, q, b, ecc, omega, brightness, wavelength):
    """Amplitudes of tides, beaming and reflection of both stars over their common light.

    The second star's tide has the phase of the first one's, its beaming and its lit side the opposite.
    """
    second = brightness * k * k
    light = 1.0 / (1.0 + second), second / (1.0 + second)
    teff = star["teff"], phase_curves.brightness_temperature(brightness, star["teff"], wavelength)
    u = star["u1"] + star["u2"]
    factor = [phase_curves.tidal_factor(u, phase_curves.gravity_darkening(t, wavelength)) for t in teff]
    total = star["mass"] * (1.0 + q)
    s = ecc * math.sin(math.radians(omega))
    sine = math.sqrt(max(0.0, 1.0 - (b * (1.0 + s) / (axis * (1.0 - ecc**2))) ** 2))
    first = phase_curves.semi_amplitude(period, star["mass"], q * star["mass"], sine=sine, ecc=ecc)
    velocity = first, -first * star["mass"] / (total - star["mass"])
    return dict(
        ellipsoidal=light[0] * factor[0] * q / axis**3 + light[1] * factor[1] / q * (k / axis) ** 3,
        beaming=sum(
            part * phase_curves.beaming_amplitude(v, t, wavelength)
            for part, v, t in zip(light, velocity, teff, strict=True)
        ),
        reflection=0.5 * _ALBEDO * (light[0] * (k / axis) ** 2 - light[1] / axis**2),
    )


def draw_heartbeat(rng, star, *, start, period=(2.0, 20.0), wavelength=786.5):
    """A binary of eccentricity 0.3 to 0.8 that does not eclipse, seen by its tides alone (Thompson et al. 2012).

    Returns
    -------
    Binary
        With ``signals()`` empty.

    Raises
    ------
    ValueError
        No orbit fits about this star.
    """
    for _ in range(_TRIES):
        p, q, ecc = _log_uniform(rng, *period), rng.uniform(0.2, 1.0), rng.uniform(0.3, 0.8)
        k, omega = q**0.85, rng.uniform(0.0, 360.0)
        axis = scaled_axis(p, star["density"]) * (1.0 + q) ** (1.0 / 3.0)
        if not 1.5 * (1.0 + k) < axis * (1.0 - ecc) < 8.0 * (1.0 + k):
            continue
        brightness = min(1.0, q**2.2)
        s = ecc * math.sin(math.radians(omega))
        b = math.sqrt(1.0 - rng.uniform(0.1, 0.95) ** 2) * axis * (1.0 - ecc**2) / (1.0 + s)
        binary = Binary(
            "heartbeat", p, start + rng.uniform(0.0, p), axis, k, b, star["u1"], star["u2"], brightness, 0.0, ecc,
            omega, q, **_between_eclipses(star, p, axis, k, q, b, ecc, omega, brightness, wavelength),
        )  # fmt: skip
        if not binary.signals():
            return binary
    raise ValueError(f"no heartbeat orbit of a period in {period} d about this star in {_TRIES} draws")
