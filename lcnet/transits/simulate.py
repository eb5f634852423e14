"""Simulated TESS light curves and the labelled search candidates a network learns from.

`simulate_star` draws one star with its signals, noise and instrument; `simulate_candidates` searches such stars with
the same code that meets real ones and labels what it finds by its ephemeris. Priors, sources and what is lacking:
docs/transits-simulator.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lcnet.core.examples import Examples
from lcnet.transits import stellar_noise
from lcnet.transits.candidates import candidate_views, find_candidates
from lcnet.transits.matching import match_ephemeris
from lcnet.transits.systems import BINARIES, draw_binary, draw_planet, draw_star
from lcnet.transits.tess_sampling import DESATURATION, DROPPED, MANUAL, OUTLIER, sample, systematics

__all__ = ["CLASSES", "KINDS", "SimulatedCurve", "label", "simulate_candidates", "simulate_star"]

KINDS = ("planet", "planets", "eclipse", *BINARIES, "quiet", "variable", "glitch")
_NO_FLUX = DESATURATION | MANUAL | OUTLIER  # the pipeline leaves PDCSAP_FLUX empty there
_TRIES = 400
CLASSES = ("planet", "eclipse", "junk")
_KINDS_OF = {  # which stars are drawn for a class, and how often
    "planet": (("planet", 0.85), ("planets", 0.15)),
    "eclipse": (("eclipse", 1.0),),
    "junk": (("variable", 0.4), ("glitch", 0.5), ("quiet", 0.1)),
}
_ROWS_A_STAR = 2


@dataclass(frozen=True)
class SimulatedCurve:
    """A light curve with everything that went into it.

    Attributes
    ----------
    time : array, shape (N,), days, BTJD
        Mid-exposure times, increasing, all finite.
    flux, flux_err : array, shape (N,), e-/s
        Like PDCSAP_FLUX, not normalised; NaN at cadences the pipeline would leave out.
    quality : array of int32, shape (N,)
        TESS quality flags.
    segment : array of int32, shape (N,)
        Sector number.
    truth : dict
        ``kind``; ``signals``, a list of dicts (``kind``, ``period`` and ``epoch`` [d, BTJD], ``duration`` [h, first to
        fourth contact], ``depth`` [ppm, the instantaneous minimum after dilution], ...); ``star``; ``cadence`` [s];
        ``white_ppm``, the white noise of one exposure.
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


def _expected_snr(signal, times, white, cadence):
    """White-noise SNR of a signal's transits that fall on data, for the choice of what is worth simulating."""
    if not signal["duration"] > 0.0:
        return 0.0
    phase = (times - signal["epoch"] + 0.5 * signal["period"]) % signal["period"] - 0.5 * signal["period"]
    inside = np.count_nonzero(np.abs(phase) < signal["duration"] / 48.0)
    return signal["depth"] * 1e-6 / white * math.sqrt(inside)


def _draw_system(rng, kind, samplings, cadence, snr, tmag, period, noise):
    """Draw star and bodies again and again until every one's expected SNR lies within `snr`."""
    start = float(samplings[0].time[0])
    times = np.concatenate([s.time for s in samplings])
    longest = 13.0 if len(samplings) == 1 else 0.48 * float(times[-1] - start)
    for _ in range(_TRIES):
        star = draw_star(rng, tmag=tmag)
        white = max(noise, 1e-3) * stellar_noise.white_noise(star["tmag"], cadence)
        if kind in ("planet", "planets"):
            bodies = [draw_planet(rng, star, start=start, period=period or (0.5, longest))]
            if kind == "planets":
                low = bodies[0].period * 1.25
                if low > 0.8 * longest:
                    continue
                bodies.append(draw_planet(rng, star, start=start, period=(low, longest)))
        elif kind in ("eclipse", *BINARIES):
            try:
                bodies = [draw_binary(rng, star, start=start, kind=kind, period=period or (0.25, longest))]
            except ValueError:  # too large a star for so short a period: another star
                continue
            if not 300.0 <= bodies[0].signals()[0]["depth"] <= 500e3:
                continue
        else:
            return star, []
        firsts = [_expected_snr(body.signals()[0], times, white, cadence) for body in bodies]
        if all(snr[0] <= value <= snr[1] for value in firsts):
            return star, bodies
    raise ValueError(f"no {kind} with an expected SNR within {snr} in {_TRIES} draws; widen snr, tmag or period")


def simulate_star(
    seed, *, kind="planet", cadence=120.0, sectors=1, noise=1.0, tmag=None, period=None, snr=(8.0, math.inf)
):
    """One TESS light curve of one star.

    Parameters
    ----------
    seed : int, numpy.random.SeedSequence or numpy.random.Generator
        The same seed gives the same curve, bit for bit.
    kind : str
        "planet", "planets" (two), "eclipse" or one of its kinds ("detached", "grazing", "twin", "background"), "quiet"
        (spots only), "variable" (pulsation, fast rotation, contact binary) or "glitch" (instrumental events).
    cadence : float, seconds
        120 or 1800 as TESS has them; any other works.
    sectors : int or sequence of int
        How many contiguous sectors (from a random one of 1 to 26), or their numbers.
    noise : float
        Factor on white and correlated noise, systematics and outliers; 0 leaves the star and its transits (and
        errors of 0).
    tmag : float, optional
        TESS magnitude; drawn from 6 to 13.5 when omitted.
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
        An unknown kind, or a range that no draw meets.
    """
    if kind not in KINDS:
        raise ValueError(f"kind {kind!r} is not one of {', '.join(KINDS)}")
    rng = np.random.default_rng(seed)
    if isinstance(sectors, (int, np.integer)):
        first = int(rng.integers(1, 27))
        sectors = range(first, first + int(sectors))
    samplings = [sample(rng, sector, cadence) for sector in sectors]
    star, bodies = _draw_system(rng, kind, samplings, cadence, snr, tmag, period, noise)
    time = np.concatenate([s.time for s in samplings])
    model, relative = np.ones(time.size), np.ones(time.size)
    for body in bodies:
        relative *= body.flux(time, cadence)
        model *= body.eclipses(time, cadence) if hasattr(body, "eclipses") else body.flux(time, cadence)
    curve, what = stellar_noise.variability(rng, time, kind)
    relative *= np.maximum(1.0 + curve, 0.05)
    white = noise * stellar_noise.white_noise(star["tmag"], cadence)
    rate = stellar_noise.flux_rate(star["tmag"])
    if noise > 0.0:
        relative += noise * stellar_noise.granulation(rng, time, star)
        hourly = stellar_noise.white_noise(star["tmag"], 3600.0)
        strength = 10.0 ** (rng.uniform(0.7, 1.6) if kind == "glitch" else rng.uniform(-0.5, 0.5))
        relative += noise * systematics(rng, samplings, strength=strength, hourly=hourly)
        relative += white * rng.standard_normal(time.size)
        hit = rng.random(time.size) < 1e-4  # cosmic rays that the flags missed
        relative[hit] += white * rng.uniform(4.0, 15.0, int(hit.sum()))
    levels = {s.sector: 1.0 + rng.normal(0.0, 0.003) for s in samplings}  # another aperture on another detector
    segment = np.concatenate([np.full(s.time.size, s.sector, np.int32) for s in samplings])
    flux = rate * relative * np.array([levels[number] for number in segment.tolist()])
    flux_err = np.full(time.size, rate * white)
    quality = np.concatenate([s.quality for s in samplings])
    flux[(quality & _NO_FLUX) != 0] = np.nan
    flux_err[(quality & _NO_FLUX) != 0] = np.nan
    truth = dict(
        kind=kind,
        signals=[signal for body in bodies for signal in body.signals()],
        star={**star, **what},
        cadence=float(cadence),
        white_ppm=1e6 * white,
        sectors=[s.sector for s in samplings],
    )
    return SimulatedCurve(
        time=time, flux=flux, flux_err=flux_err, quality=quality, segment=segment, truth=truth, model=model
    )


def label(match):
    """The class of a candidate: "planet", "eclipse", "junk", or None for one that teaches nothing.

    A planet found at its own period is a planet, at a harmonic it is left out; an eclipse is one at any harmonic, and
    so is its secondary; what matches nothing is junk, unless it shares its events or its period with a signal.
    """
    if match.signal is None:
        return None if match.ambiguous else "junk"
    if match.signal["kind"] != "planet":
        return "eclipse"
    return "planet" if match.ratio == 1.0 else None


def _rows(seed, number, rng, wanted):
    """Labelled candidates of one star, simulated for class `wanted` and searched as a real one would be."""
    kinds, shares = zip(*_KINDS_OF[wanted], strict=True)
    kind = kinds[int(rng.choice(len(kinds), p=shares))]
    cadence = (120.0, 1800.0)[int(rng.integers(2))]
    curve = simulate_star(rng, kind=kind, cadence=cadence, sectors=1 if rng.random() < 0.8 else 2)
    good = (curve.quality & DROPPED) == 0
    try:
        search = find_candidates(curve.time[good], curve.flux[good], curve.flux_err[good], segment=curve.segment[good])
    except ValueError:  # too little left of it to search: a star that has nothing to teach
        return []
    rows = []
    for index, candidate in enumerate(search.candidates):
        ephemeris = candidate.period, candidate.epoch, candidate.duration
        match = match_ephemeris(search.time, *ephemeris, curve.truth["signals"])
        name = label(match)
        if name is None:
            continue
        views, _ = candidate_views(search, index)
        signal = match.signal or {}
        inputs = dict(views, **{key: getattr(candidate, key) for key in ("period", "duration", "depth", "snr")})
        meta = dict(
            kind=signal.get("subkind", curve.truth["kind"]),
            matched=signal.get("kind", "nothing"),
            ratio=match.ratio,
            truth_period=signal.get("period", math.nan),
            truth_depth=signal.get("depth", math.nan),
            star=number,
            cadence=cadence,
            sectors=len(curve.truth["sectors"]),
            tmag=curve.truth["star"]["tmag"],
            variability=curve.truth["star"]["variability"],
        )
        rows.append((CLASSES.index(name), inputs, meta, f"sim-{seed}-{number}"))
    return rows


def simulate_candidates(n, seed):
    """`n` labelled candidates, a third of each class, each found by the search in a simulated star.

    Stars are drawn for the class that is furthest behind, at most two rows a star and class are kept, and what the
    search does not find is not taught: as on real data, a planet counts from the depth at which it is detected.

    Parameters
    ----------
    n : int
    seed : int

    Returns
    -------
    Examples
        Inputs ``global_view`` (n, 201), ``local_view`` and ``secondary_view`` (n, 61), ``period`` [d], ``duration``
        [h], ``depth`` [ppm] and ``snr``, all float32; target ``label`` indexes `CLASSES`; ``group`` is the star;
        ``meta`` holds the truth.
    """
    quota = [(n + 2 - i) // 3 for i in range(3)]
    rows, number = [], 0
    count = [0, 0, 0]
    while len(rows) < n:
        behind = max(range(3), key=lambda i: ((quota[i] - count[i]) / max(quota[i], 1), -i))
        rng = np.random.default_rng([int(seed), number])
        kept = [0, 0, 0]
        for row in _rows(seed, number, rng, CLASSES[behind]):
            i = row[0]
            if count[i] < quota[i] and kept[i] < _ROWS_A_STAR:
                rows.append(row)
                count[i] += 1
                kept[i] += 1
        number += 1
        if number > 1000 + 100 * n:
            raise RuntimeError(f"only {len(rows)} of {n} candidates after {number} stars: the search finds nothing")
    order = np.random.default_rng([int(seed), 2**32]).permutation(n)  # no class comes last in every block
    labels, inputs, meta, group = zip(*(rows[i] for i in order), strict=True)
    return Examples(
        inputs={key: np.array([row[key] for row in inputs], np.float32) for key in inputs[0]},
        targets={"label": np.array(labels, np.int64)},
        group=np.array(group),
        meta=pd.DataFrame(list(meta)),
    )
