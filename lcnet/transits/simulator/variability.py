"""Which stars vary, and how: a star's own light drawn from the priors, by kind."""

from __future__ import annotations

import math

import numpy as np

from lcnet.transits.simulator import granulation, pulsation
from lcnet.transits.simulator.flares import draw_flares
from lcnet.transits.simulator.missions import MISSIONS
from lcnet.transits.simulator.rotation import draw_rotation

__all__ = ["VARIABLES", "contact", "convection", "variability"]

# what "variable" draws from, and how often
VARIABLES = {"rotation": 0.3, "pulsation": 0.35, "contact": 0.2, "heartbeat": 0.05, "flares": 0.1}
_PULSATORS = {"delta Scuti": 0.4, "slow pulsator": 0.4, "RR Lyrae": 0.2}


def contact(rng, time, *, amplitude, period):
    """Two nearly equal, nearly sinusoidal minima a cycle, as a contact binary shows."""
    phase = 2.0 * np.pi * (time / period + rng.random())
    return -amplitude * (
        np.cos(2.0 * phase) + rng.uniform(0.0, 0.15) * np.cos(phase) + rng.uniform(0.0, 0.2) * np.cos(4.0 * phase)
    )


def convection(rng, time, star, *, exposure, mission="TESS"):
    """Granulation and, below the instability strip, solar-like oscillations in the mission's band; shape (N,)."""
    scale = MISSIONS[mission].granulation
    out = granulation.granulation(rng, time, star, exposure=exposure, scale=scale)
    return out + granulation.solar_like_pulsation(rng, time, star, exposure=exposure, scale=scale)


def variability(rng, time, kind, star, *, exposure=120.0, mission="TESS"):
    """The star's own variability but for convection: spots and flares, or by `kind` something stronger.

    Parameters
    ----------
    rng : numpy.random.Generator
    time : array, shape (N,), days
    kind : str
        One of `VARIABLES`; any other, and "heartbeat" (whose tides are a `Binary`'s), for spots alone.
    star : dict
    exposure : float, seconds
    mission : str

    Returns
    -------
    curve : array, shape (N,), relative
    what : dict
        ``variability``, ``rotation`` (its period, days) and ``amplitude`` (relative); ``flares``, how many.
    """
    if kind == "pulsation":
        name = list(_PULSATORS)[int(rng.choice(3, p=list(_PULSATORS.values())))]
        draw = {"delta Scuti": pulsation.delta_scuti, "slow pulsator": pulsation.slow_pulsator}
        curve, what = draw.get(name, pulsation.rr_lyrae)(rng, time, exposure=exposure)
        return curve, dict(variability=name, rotation=what["period"], amplitude=what["amplitude"], flares=0)
    if kind == "contact":
        period, amplitude = rng.uniform(0.25, 1.0), 2.0 * 10.0 ** rng.uniform(-3.3, -1.3)
        curve = contact(rng, time, amplitude=amplitude, period=period)
        return curve, dict(variability="contact", rotation=period, amplitude=amplitude, flares=0)
    if kind in ("rotation", "flares"):  # fast rotators are the active ones
        period, amplitude = _log_uniform(rng, 0.2, 12.0), 10.0 ** rng.uniform(-3.3, -1.3)
    else:
        # slow rotation, few spots: about the upper envelope's fall in McQuillan et al. 2014, ApJS 211, 24
        period = _log_uniform(rng, 1.5, 30.0 if mission == "TESS" else 45.0)
        amplitude = 10.0 ** rng.uniform(-5.0, -2.3)
        if mission == "Kepler":
            amplitude *= min(1.0, 10.0 / period)
    curve, form = draw_rotation(rng, time, amplitude=amplitude, period=period)
    number, rate = 0, _flare_rate(rng, kind, star)
    if rate > 0.0:
        flares, number = draw_flares(rng, time, rate=rate, exposure=exposure)
        curve = curve + flares
    name = {"rotation": "fast rotator", "flares": "flare star", "heartbeat": "heartbeat"}.get(kind, "spots")
    return curve, dict(variability=name, form=form, rotation=period, amplitude=amplitude, flares=number)


def _flare_rate(rng, kind, star):
    """Flares a day above 0.03 %: one to twenty a week on flare stars, fewer on a third of the other M dwarfs."""
    if kind == "flares":
        return 10.0 ** rng.uniform(-0.8, 0.5)
    return 10.0 ** rng.uniform(-2.0, -0.5) if star["teff"] < 4000.0 and rng.random() < 0.33 else 0.0


def _log_uniform(rng, low, high):
    return math.exp(rng.uniform(math.log(low), math.log(high)))
