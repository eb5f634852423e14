"""One simulated star: its bodies, its own variability, the photometer and the pipeline's residuals, with the truth."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from lcnet.transits.simulator import photon_noise
from lcnet.transits.simulator.binaries import BINARIES
from lcnet.transits.simulator.missions import mission_named
from lcnet.transits.simulator.planets import PLANETS
from lcnet.transits.simulator.sampling import sample
from lcnet.transits.simulator.systematics import levels, systematics
from lcnet.transits.simulator.systems import draw_system
from lcnet.transits.simulator.variability import VARIABLES, convection, variability

__all__ = ["ALIASES", "KINDS", "SimulatedCurve", "simulate_star"]

KINDS = (*PLANETS, "planets", "eclipse", *BINARIES, "quiet", "variable", *VARIABLES, "glitch", "steps")
ALIASES = {"blend": "background"}


@dataclass(frozen=True)
class SimulatedCurve:
    """A light curve with everything that went into it.

    Attributes
    ----------
    time : array, shape (N,), days, BTJD (TESS) or BKJD (Kepler, K2)
        Mid-exposure times, increasing, all finite.
    flux, flux_err : array, shape (N,), e-/s
        Like PDCSAP_FLUX, not normalised; NaN at cadences the pipeline would leave out.
    quality : array of int32, shape (N,)
        The mission's quality flags.
    segment : array of int32, shape (N,)
        Sector, quarter or campaign number.
    truth : dict
        ``mission``, ``time_system``, ``kind``; ``signals``, a list of dicts (``kind`` "planet", "eclipse", "secondary
        eclipse" or "occultation"; ``period`` and ``epoch`` [d, the curve's own system], ``duration`` [h, first to
        fourth contact], ``depth`` [ppm, the instantaneous minimum after dilution], ...); ``star``; ``cadence`` [s];
        ``white_ppm``, the white noise of one exposure; ``sectors``, the segments' numbers.
    model : array, shape (N,)
        The noiseless relative flux of the transits and eclipses (1 outside), averaged over exposures.
    """

    time: np.ndarray
    flux: np.ndarray
    flux_err: np.ndarray
    quality: np.ndarray
    segment: np.ndarray
    truth: dict = field(repr=False)
    model: np.ndarray = field(repr=False)

    @property
    def mission(self) -> str:
        """ "TESS", "Kepler" or "K2"."""
        return self.truth["mission"]


def _numbers(rng, sectors, mission):
    """Segment numbers: as given, or so many contiguous ones from a random first."""
    low, high = mission.segments
    if not isinstance(sectors, (int, np.integer)):
        return [int(number) for number in sectors]
    if not 1 <= sectors <= high - low + 1:
        raise ValueError(f"{mission.name} has 1 to {high - low + 1} {mission.segment}s to give, not {sectors}")
    # TESS goes on past the first two years, the other two ended
    last = high if mission.name == "TESS" else high - int(sectors) + 1
    first = int(rng.integers(low, last + 1))
    return list(range(first, first + int(sectors)))


def simulate_star(
    seed,
    *,
    kind="planet",
    mission="TESS",
    cadence=None,
    sectors=1,
    noise=1.0,
    tmag=None,
    star=None,
    period=None,
    snr=(8.0, math.inf),
):
    """One light curve of one star.

    Parameters
    ----------
    seed : int, numpy.random.SeedSequence or numpy.random.Generator
        The same seed gives the same curve, bit for bit. When, what, the star's own light and the instrument's noise
        have streams of their own: `noise` changes neither the times nor the truth.
    kind : str
        "planet", "planets" (two to four), "hot_jupiter" (with occultation and phase curve), "grazing_planet";
        "eclipse" or one of its kinds ("detached", "grazing", "twin", "background", also called "blend"); "quiet" (spots
        only), "variable" or one of its kinds ("rotation", "pulsation", "contact", "heartbeat", "flares"); "glitch"
        (instrumental events) or "steps" (steps and sudden sensitivity dropouts).
    mission : str
        "TESS", "Kepler" or "K2".
    cadence : float, seconds, optional
        Default 120 for TESS, 1765.46 for the others; any other works.
    sectors : int or sequence of int
        How many contiguous sectors, quarters or campaigns (from a random one), or their numbers.
    noise : float
        Factor on white and correlated noise, granulation, systematics and outliers; 0 leaves the star's spots and its
        transits (and errors of 0).
    tmag : float, optional
        TESS magnitude, short for ``star={"tmag": ...}``.
    star : dict, optional
        What is not to be drawn: ``radius``, ``mass`` [solar], ``teff`` [K], ``rho`` [solar densities], ``tmag`` or
        ``kepmag``, ``crowdsap``.
    period : (float, float), days, optional
        Range of the (first) period.
    snr : (float, float)
        Range for the expected white-noise SNR of every planet and of primary eclipses.

    Returns
    -------
    SimulatedCurve

    Raises
    ------
    ValueError
        An unknown kind or mission, a quarter or campaign that was not, or a range that no draw meets.
    """
    kind = ALIASES.get(kind, kind)
    if kind not in KINDS:
        raise ValueError(f"kind {kind!r} is not one of {', '.join((*KINDS, *ALIASES))}")
    mission = mission_named(mission)
    cadence = mission.cadence if cadence is None else float(cadence)
    if not 0.0 < cadence < 0.5 * 86400.0:
        raise ValueError(f"cadence must be positive and below half a day (seconds), got {cadence}")
    if tmag is not None:
        star = {**(star or {}), "tmag": tmag}
    when, what, own, instrument = np.random.default_rng(seed).spawn(4)
    samplings = [sample(when, number, cadence, mission.name) for number in _numbers(when, sectors, mission)]
    time = np.concatenate([s.time for s in samplings])
    if time.size == 0 or np.any(np.diff(time) <= 0.0):
        raise ValueError(f"{mission.segment}s {list(sectors)} are not in increasing order")
    varies = list(VARIABLES)[int(what.choice(len(VARIABLES), p=list(VARIABLES.values())))]
    varies = varies if kind == "variable" else kind
    drawn, bodies = draw_system(
        what, varies, time, cadence=cadence, mission=mission.name, snr=snr, period=period, noise=noise, star=star
    )
    model, relative = np.ones(time.size), np.ones(time.size)
    for body in bodies:
        relative *= body.flux(time, cadence)
        model *= body.eclipses(time, cadence)
    curve, described = variability(own, time, varies, drawn, exposure=cadence, mission=mission.name)
    white = drawn["excess"] * photon_noise.white_noise(drawn["mag"], cadence, mission.name)
    if noise > 0.0:
        curve = curve + noise * convection(own, time, drawn, exposure=cadence, mission=mission.name)
    relative *= np.maximum(1.0 + curve, 0.05)
    if noise > 0.0:
        hourly = photon_noise.white_noise(drawn["mag"], 3600.0, mission.name)
        strength = 10.0 ** (instrument.uniform(0.7, 1.6) if kind == "glitch" else instrument.uniform(-0.5, 0.5))
        relative += noise * systematics(
            instrument, samplings, strength=strength, hourly=hourly, steps=2.5 if kind == "steps" else 0.0
        )
        relative += noise * white * instrument.standard_normal(time.size)
        hit = instrument.random(time.size) < 1e-4  # cosmic rays that the flags missed
        relative[hit] += noise * white * instrument.uniform(4.0, 15.0, int(hit.sum()))
    rate = photon_noise.flux_rate(drawn["mag"], mission.name)
    level = np.repeat(levels(instrument, samplings), [s.time.size for s in samplings])
    segment = np.repeat(np.array([s.number for s in samplings], np.int32), [s.time.size for s in samplings])
    quality = np.concatenate([s.quality for s in samplings])
    flux, flux_err = rate * relative * level, np.full(time.size, noise * rate * white)
    empty = (quality & mission.no_flux) != 0
    flux[empty] = flux_err[empty] = np.nan
    truth = dict(
        mission=mission.name,
        time_system=mission.system,
        kind=kind,
        signals=[signal for body in bodies for signal in body.signals()],
        star={**drawn, **described},
        cadence=cadence,
        white_ppm=1e6 * noise * white,
        sectors=[s.number for s in samplings],
    )
    return SimulatedCurve(
        time=time, flux=flux, flux_err=flux_err, quality=quality, segment=segment, truth=truth, model=model
    )
