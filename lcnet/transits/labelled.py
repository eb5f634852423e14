"""Labelled search candidates: simulated stars, searched as real ones are, each find labelled by its ephemeris."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from lcnet.core.examples import Examples
from lcnet.transits.candidates import candidate_views, find_candidates
from lcnet.transits.matching import match_ephemeris
from lcnet.transits.simulator.curves import simulate_star
from lcnet.transits.simulator.missions import MISSIONS

__all__ = ["CLASSES", "SAMPLINGS", "STARS", "label", "simulate_candidates"]

CLASSES = ("planet", "eclipse", "junk")
# which stars are drawn for a class, and how often
STARS = {
    "planet": {"planet": 0.55, "planets": 0.15, "hot_jupiter": 0.2, "grazing_planet": 0.1},
    "eclipse": {"eclipse": 1.0},
    "junk": {"variable": 0.42, "glitch": 0.38, "steps": 0.1, "quiet": 0.1},
}
# share, mission, cadence [s], how many segments
SAMPLINGS = (
    (0.25, "TESS", 120.0, 1),
    (0.05, "TESS", 120.0, 2),
    (0.05, "TESS", 600.0, 1),
    (0.20, "TESS", 1800.0, 1),
    (0.05, "TESS", 1800.0, 2),
    (0.20, "Kepler", None, 1),
    (0.10, "Kepler", None, 3),
    (0.10, "K2", None, 1),
)
_ROWS_A_STAR = 2
# a simulated event beside a labelled one: at 1 the network learns the boundaries of the simulator (RESULTS.md)
WEIGHT = 0.3


def label(match):
    """The class of a candidate: "planet", "eclipse", "junk", or None for one that teaches nothing.

    A planet found at its own period is a planet, at a harmonic it is left out, as is its occultation; an eclipse is one
    at any harmonic, and so is its secondary; what matches nothing is junk, unless it shares its events or its period
    with a signal.
    """
    if match.signal is None:
        return None if match.ambiguous else "junk"
    if match.signal["kind"] == "occultation":
        return None
    if match.signal["kind"] != "planet":
        return "eclipse"
    return "planet" if match.ratio == 1.0 else None


def _rows(seed, number, rng, wanted):
    """Labelled candidates of one star, simulated for class `wanted` and searched as a real one would be."""
    kinds = STARS[wanted]
    kind = list(kinds)[int(rng.choice(len(kinds), p=list(kinds.values())))]
    _, mission, cadence, sectors = SAMPLINGS[int(rng.choice(len(SAMPLINGS), p=[row[0] for row in SAMPLINGS]))]
    try:
        curve = simulate_star(rng, kind=kind, mission=mission, cadence=cadence, sectors=sectors)
        good = (curve.quality & MISSIONS[mission].dropped) == 0
        search = find_candidates(curve.time[good], curve.flux[good], curve.flux_err[good], segment=curve.segment[good])
    except ValueError:  # too little left of it to search, or nothing to be seen: a star that has nothing to teach
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
            mission=mission,
            cadence=curve.truth["cadence"],
            sectors=sectors,
            mag=curve.truth["star"]["mag"],
            variability=curve.truth["star"]["variability"],
        )
        rows.append((CLASSES.index(name), inputs, meta, f"sim-{seed}-{number}"))
    return rows


def simulate_candidates(n, seed):
    """`n` labelled candidates, a third of each class, each found by the search in a simulated star.

    Stars are drawn for the class that is furthest behind, at most two rows a star and class are kept, and what the
    search does not find is not taught: as on real data, a planet counts from the depth at which it is detected. Kinds
    of stars and samplings have the shares of `STARS` and `SAMPLINGS`.

    Parameters
    ----------
    n : int
    seed : int

    Returns
    -------
    Examples
        Inputs ``global_view`` (n, 201), ``local_view`` and ``secondary_view`` (n, 61), ``odd_even_view`` (n, 122),
        ``period`` [d], ``duration`` [h], ``depth`` [ppm] and ``snr``, all float32; target ``label`` indexes `CLASSES`;
        ``group`` is the star;
        ``weight`` is `WEIGHT`; ``meta`` holds the truth.
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
        weight=np.full(n, WEIGHT, np.float32),
        meta=pd.DataFrame(list(meta)),
    )
