"""The verb `transits.simulate`: light curves with their truth, as plain arrays (docs/transits-simulator.md).

One star is made in `simulator.curves`, the labelled search candidates a network learns from in `labelled`; both have
their names here too. Nothing below imports astropy, lightkurve or torch; the search is imported for candidates alone.
"""

from __future__ import annotations

import math

import numpy as np

from lcnet.transits.simulator.curves import ALIASES, KINDS, SimulatedCurve, simulate_star
from lcnet.transits.simulator.missions import mission_named

__all__ = ["KINDS", "MIXTURE", "SimulatedCurve", "simulate", "simulate_star"]

_LABELLED = ("CLASSES", "label", "simulate_candidates")
# what `kind=None` draws from: a bit of everything, far from what the sky holds
MIXTURE = {
    "planet": 0.25,
    "planets": 0.05,
    "hot_jupiter": 0.05,
    "grazing_planet": 0.05,
    "eclipse": 0.2,
    "quiet": 0.15,
    "variable": 0.15,
    "glitch": 0.07,
    "steps": 0.03,
}


def simulate(
    n=1,
    *,
    mission="TESS",
    kind=None,
    cadence=None,
    sectors=None,
    quarters=None,
    campaigns=None,
    star=None,
    period=None,
    snr=(8.0, math.inf),
    noise=1.0,
    seed=0,
    first=0,
):
    """Simulated light curves with their truth.

    Parameters
    ----------
    n : int
        How many stars.
    mission : str
        "TESS" (2-minute cadence by default), "Kepler" or "K2" (long cadence).
    kind : str, optional
        As in `simulate_star`: "planet", "planets", "hot_jupiter", "grazing_planet", "eclipse", "blend", "rotation",
        "pulsation", "flares", "steps", "quiet", ...; default a mixture of all, `MIXTURE`.
    cadence : float, seconds, optional
    sectors, quarters, campaigns : int or sequence of int, optional
        How many contiguous ones (default one, from a random one on), or their numbers; by the mission's own name.
    star : dict, optional
        What is known of the stars and not drawn: ``radius``, ``mass`` [solar], ``teff`` [K], ``rho`` [solar densities],
        ``tmag`` or ``kepmag``, ``crowdsap``.
    period : (float, float), days, optional
    snr : (float, float)
        Range for the expected white-noise SNR of every planet and primary eclipse.
    noise : float
        Factor on all noise; 0 leaves transits and spots.
    seed : int
        Star number i of a seed is the same whatever `n`.
    first : int
        Number of the first star: the stars are `first` to `first` + `n` - 1 of the seed.

    Returns
    -------
    list of SimulatedCurve

    Raises
    ------
    ValueError
        An unknown mission or kind, another mission's segments, or a range that no draw meets.

    Examples
    --------
    >>> (curve,) = simulate(mission="Kepler", kind="planet", period=(3.0, 10.0), seed=1)
    >>> sorted(curve.truth["signals"][0])[:4]
    ['a_rs', 'b', 'depth', 'duration']
    """
    where = mission_named(mission)
    given = {"sector": sectors, "quarter": quarters, "campaign": campaigns}
    wrong = [f"{name}s" for name, value in given.items() if value is not None and name != where.segment]
    if wrong:
        raise ValueError(f"{where.name} has {where.segment}s, not {' or '.join(wrong)}")
    segments = given[where.segment] if given[where.segment] is not None else 1
    if not (n >= 0 and first >= 0):
        raise ValueError(f"n and first must not be negative, got {n} and {first}")
    if kind is not None and kind not in (*KINDS, *ALIASES):
        raise ValueError(f"kind {kind!r} is not one of {', '.join((*KINDS, *ALIASES))}")
    curves = []
    for number in range(int(first), int(first) + int(n)):
        rng = np.random.default_rng([int(seed), number])
        each = kind or list(MIXTURE)[int(rng.choice(len(MIXTURE), p=list(MIXTURE.values())))]
        curves.append(
            simulate_star(
                rng,
                kind=each,
                mission=where.name,
                cadence=cadence,
                sectors=segments,
                star=star,
                period=period,
                snr=snr,
                noise=noise,
            )
        )
    return curves


def __getattr__(name):
    if name not in _LABELLED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from lcnet.transits import labelled

    return getattr(labelled, name)
