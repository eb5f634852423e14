"""From what was found in a star to its rows of the table."""

from __future__ import annotations

import re

import numpy as np

from lcnet.transits.ephemeris import FULL_BJD
from lcnet.transits.star import planet_radius, rho_ratio
from lcnet.transits.table import failed_row

__all__ = ["sentence", "star_rows"]

_MEASURED = ("period", "period_err", "epoch", "epoch_err", "duration", "depth", "snr", "sde", "n_transits", "coverage")
_FITTED = ("depth_err", "duration_err", "impact", "fap")
OUT_OF_DISTRIBUTION = "out_of_distribution"
_JUDGED = ("p_transit", "p_planet", "p_planet_std")


def star_rows(found, probabilities) -> list[dict]:
    """The table's rows of one star.

    Parameters
    ----------
    found : Found
    probabilities : array, shape (candidates, 3)
        p_transit, p_planet and p_planet_std.

    Returns
    -------
    list of dict
        As `table.candidate_table` takes them: one for each candidate or known ephemeris, or one that says why there is
        none.
    """
    star = {"target": found.target}
    notes, flags = (), ()
    if (curve := found.curve) is not None:
        star |= {"mission": curve.mission, "author": curve.author, "time_system": curve.time_system}
        sky = {name: curve.meta.get(name) for name in ("ra", "dec")}
        star |= {name: float(value) for name, value in sky.items() if isinstance(value, (int, float, np.number))}
        notes, flags = curve.notes, curve.flags
    if found.error is not None:
        failed = failed_row(reason=sentence(found.error, *notes), flags=" ".join(flags), **star)
        return [failed | _as_given(one, number) for number, one in enumerate(found.known, 1)] or [failed]
    search = found.search
    if not search.candidates:
        reason = sentence(search.reason, *notes)
        return [{**star, "flags": " ".join(flags), "status": "no_candidate", "reason": reason}]
    views = found.views or [({}, ())] * len(search.candidates)
    nothing = [None] * len(search.candidates)
    everything = zip(search.candidates, views, found.vettings or nothing, found.explanations or nothing, strict=True)
    rows = []
    for number, (candidate, view, vetting, explanation) in enumerate(everything, 1):
        row = {**star, **{name: getattr(candidate, name) for name in (*_MEASURED, *_FITTED)}}
        row |= {"candidate": number, "harmonic_of": candidate.harmonic_of, "status": candidate.status}
        row["planet_radius"] = planet_radius(candidate.depth, found.star)
        impact = min(candidate.impact, 0.99) if candidate.impact == candidate.impact else 0.0
        shape = candidate.period, candidate.duration, candidate.depth
        row["rho_ratio"] = rho_ratio(*shape, found.star, impact=impact)
        words = list(notes)
        judged = probabilities[number - 1].copy()
        stronger = _body(search.candidates, number - 1, probabilities[:, 1])
        if stronger != number - 1:
            # the same body seen again, at a period or phase that hides what gave it away (an eclipse's other half)
            judged[1:] = probabilities[stronger, 1:]
            words.insert(0, f"the same body as candidate {stronger + 1}, whose p_planet it has")
        row |= dict(zip(_JUDGED, judged, strict=True))
        tested = ()
        if vetting is not None:
            row |= vetting.columns
            tested = vetting.flags
            words += [_failing(test, vetting) for test in vetting.tests if test.verdict == "fail"]
        unlike = ()
        if explanation is not None and explanation.unlike:
            unlike = (OUT_OF_DISTRIBUTION,)
            words.insert(0, explanation.unlike)
        if isinstance(view, Exception):
            row["status"] = "failed"
            words.insert(0, str(view) if candidate.status == "failed" else f"no views: {view}")
            view = ({}, ())
        if number == 1:
            words.append(search.reason)
        row["flags"] = " ".join(dict.fromkeys((*flags, *candidate.flags, *view[1], *unlike, *tested)))
        row["reason"] = sentence(*words)
        rows.append(row)
    return rows


def _failing(test, vetting) -> str:
    """A test that fails, and on what number, shortly: a flag does not tell a failure from a warning."""
    if test.test == "secondary":
        phase = vetting.columns["secondary_phase"]
        return f"secondary: {test.value:.0f} ppm at phase {phase:.3g}, {test.sigma:.1f} sigma"
    words = re.split("[;:,] ", test.words)[0]
    sigma = f", {test.sigma:.1f} sigma" if np.isfinite(test.sigma) and "sigma" not in words else ""
    return f"{test.test}: {words}{sigma}"


def _body(candidates, index, planet) -> int:
    """The candidate whose p_planet this one has: itself, or the least likely planet along its chain of harmonics."""
    lowest, seen = index, {index}
    while (index := candidates[index].harmonic_of - 1) >= 0 and index not in seen:
        seen.add(index)
        if planet[index] < planet[lowest]:
            lowest = index
    return lowest


def _as_given(ephemeris, number) -> dict:
    """What a row keeps of a known ephemeris that could not be measured: it stands in the list as it was given."""
    row = {name: getattr(ephemeris, name) for name in ("period", "epoch", "duration")} | {"candidate": number}
    system = ephemeris.system or ("BJD" if ephemeris.epoch > FULL_BJD else "")
    return row | ({"time_system": system} if system else {})


def sentence(*parts) -> str:
    """One line of several remarks."""
    return "; ".join(" ".join(str(part).split()) for part in parts if str(part))
