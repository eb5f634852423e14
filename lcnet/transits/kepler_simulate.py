"""Simulated Kepler stars, searched as real ones: labelled candidates with their search, for the benchmark tasks."""

from __future__ import annotations

import numpy as np

from lcnet.core.examples import Examples
from lcnet.transits.candidates import candidate_points, find_candidates
from lcnet.transits.labelled import STARS, label
from lcnet.transits.matching import match_ephemeris
from lcnet.transits.simulator.curves import simulate_star
from lcnet.transits.simulator.missions import MISSIONS
from lcnet.transits.views import make_views

__all__ = ["simulate_kepler"]


def _finds(number, seed, wanted):
    """(is it a planet, search, index) of each labelled find in one star, drawn for a class of `STARS`."""
    rng = np.random.default_rng([seed, number])
    kinds = STARS[wanted]
    kind = list(kinds)[int(rng.choice(len(kinds), p=list(kinds.values())))]
    try:
        curve = simulate_star(rng, kind=kind, mission="Kepler")
        good = (curve.quality & MISSIONS["Kepler"].dropped) == 0
        search = find_candidates(curve.time[good], curve.flux[good], curve.flux_err[good], segment=curve.segment[good])
    except ValueError:  # nothing to be seen in it
        return []
    found = []
    for index, candidate in enumerate(search.candidates):
        ephemeris = candidate.period, candidate.epoch, candidate.duration
        name = label(match_ephemeris(search.time, *ephemeris, curve.truth["signals"]))
        if name is not None:
            found.append((name == "planet", search, index))
    return found


def simulate_kepler(n, seed, inputs):
    """`n` candidates of simulated Kepler stars, half of them planets, the others eclipses and junk.

    Parameters
    ----------
    n, seed : int
    inputs : callable
        ``inputs(candidate, views) -> dict``: what the task takes of a candidate, and of its views of either kind
        (``views("tess")``, ``views("kepler")``).

    Returns
    -------
    Examples
        Target ``label``: 1 for a planet, else 0; ``group`` is the star.
    """
    quota = [n - n // 2, n // 2]
    rows, number = [], 0
    while any(quota):
        wanted = "planet" if quota[1] >= max(quota[0], 1) else ("eclipse", "junk")[number % 2]
        for planet, search, index in _finds(number, int(seed), wanted):
            if quota[planet]:
                quota[planet] -= 1
                candidate, free = search.candidates[index], candidate_points(search, index)

                def views(kind, candidate=candidate, time=search.time[free], flux=search.flux[free]):
                    ephemeris = candidate.period, candidate.epoch, candidate.duration
                    return make_views(time, flux, *ephemeris, kind=kind)[0]

                rows.append((int(planet), inputs(candidate, views), f"sim-{seed}-{number}"))
        number += 1
        if number > 1000 + 100 * n:
            raise RuntimeError(f"only {len(rows)} of {n} candidates after {number} stars: the search finds nothing")
    order = np.random.default_rng([int(seed), 2**32]).permutation(n)
    return Examples(
        inputs={name: np.array([rows[i][1][name] for i in order], np.float32) for name in rows[0][1]},
        targets={"label": np.array([rows[i][0] for i in order], np.int64)},
        group=np.array([rows[i][2] for i in order]),
    )
