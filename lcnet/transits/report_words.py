"""What a page says of a star and its candidates, in words and numbers for people."""

from __future__ import annotations

import numpy as np

__all__ = ["HEADS", "candidate_cells", "changes", "about_star", "explained", "verdict"]

# head -> whether its column is text
HEADS = (
    ("#", False),
    ("period [d]", False),
    ("epoch", False),
    ("duration [h]", False),
    ("depth [ppm]", False),
    ("SNR", False),
    ("transits", False),
    ("p(planet)", False),
    ("p(transit)", False),
    ("radius [R⊕]", False),
    ("flags", True),
)
PLANET_LIKE = 0.5


def number(value, form=".3g") -> str:
    """A number in `form`; "–" for one that is missing."""
    value = float(getattr(value, "value", value))
    return format(value, form) if np.isfinite(value) else "–"


def measured(value, error, form=".6g") -> str:
    """A number and its error to the error's two digits."""
    value, error = (float(getattr(x, "value", x)) for x in (value, error))
    if not (np.isfinite(error) and error > 0):
        return number(value, form)
    decimals = int(np.clip(1 - np.floor(np.log10(error)), 0, 8))
    return f"{value:.{decimals}f} ± {error:.{decimals}f}"


def _flags(row) -> list[str]:
    words = [str(row.get("status", "")).replace("_", " ")] if row.get("status") not in ("ok", "", None) else []
    if row.get("harmonic_of"):
        words.append(f"harmonic of {row['harmonic_of']}")
    return words + [flag.replace("_", " ") for flag in str(row.get("flags", "")).split() if flag != "harmonic"]


def candidate_cells(row) -> list[str]:
    """The cells of one candidate, in the order of `HEADS`."""
    system = row.get("time_system", "")
    return [
        str(row["candidate"]),
        measured(row["period"], row["period_err"]),
        f"{measured(row['epoch'], row['epoch_err'], '.4f')} {system if system != 'unknown' else ''}".strip(),
        number(row["duration"], ".2f"),
        number(row["depth"], ".0f"),
        number(row["snr"], ".1f"),
        str(row["n_transits"]),
        "no guide" if _unlike(row) else measured(row.get("p_planet", np.nan), row.get("p_planet_std", np.nan), ".3f"),
        "no guide" if _unlike(row) else number(row.get("p_transit", np.nan), ".3f"),
        number(row.get("planet_radius", np.nan), ".2f"),
        ", ".join(_flags(row)) or "–",
    ]


def _unlike(row) -> bool:
    return "out_of_distribution" in str(row.get("flags", "")).split()


def explained(explanation) -> list[str]:
    """What stands behind a candidate's probabilities, a sentence each: the events most like it, or that none is."""
    if explanation is None or not explanation.similar:
        return []
    said = [f"{explanation.unlike[:1].upper()}{explanation.unlike[1:]}."] if explanation.unlike else []
    seen = "; ".join(event.words for event in explanation.similar if event.source != "simulated")
    said.append(f"{'Nearest of the labelled events, though far' if explanation.unlike else 'Most like'}: {seen}.")
    said += [f"Nearer still is {event.words}." for event in explanation.similar if event.source == "simulated"]
    if not explanation.unlike:
        far = max(explanation.view_distance, explanation.embedding_distance)
        said.append(f"It lies within the training: at {100 * far:.0f} % of the distance that counts as unlike it.")
    return said


def about_star(star) -> str:
    """One line of what is known of the star."""
    parts = (("radius", "R☉", ".2f"), ("mass", "M☉", ".2f"), ("teff", "K", ".0f"), ("rho", "ρ☉", ".2f"))
    words = [f"{name} {number(star[name], form)} {unit}" for name, unit, form in parts if name in star]
    if "tmag" in star:
        words.append(f"Tmag {number(star['tmag'], '.2f')}")
    return "star: " + ", ".join(words) if words else ""


def verdict(rows, reason="") -> list[str]:
    """A sentence a candidate, the answer before the evidence."""
    said = []
    for row in rows:
        planet, transit = (float(row.get(name, np.nan)) for name in ("p_planet", "p_transit"))
        what = f"Candidate {row['candidate']} (P = {number(row['period'], '.5g')} d, {number(row['depth'], '.0f')} ppm)"
        if np.isfinite(planet) and _unlike(row):
            what += f" is unlike anything in the network's training: its p(planet) = {planet:.3f} is no probability."
        elif np.isfinite(planet):
            shares = {
                "a planet": planet,
                "an eclipsing binary": transit - planet,
                "neither (noise, stellar variability)": 1 - transit,
            }
            best = max(shares, key=shares.get)
            what += f" is most likely {best}: p(planet) = {measured(planet, row.get('p_planet_std', np.nan), '.3f')}"
            what += f", p(transit or eclipse) = {transit:.3f}."
        else:
            what += " has no probability."
        against = [flag for flag in _flags(row) if flag not in ("ok", "out of distribution")]
        if against:
            what += f" Take note: {', '.join(against)}."
        said.append(what)
    return said or [f"No candidate. {reason}".strip()]


def share_for(planet, prior, wanted=PLANET_LIKE):
    """The prior share of planets at which p(planet) would be `wanted` (Bayes; the others keep their proportions).

    Parameters
    ----------
    planet : float
        p(planet) where planets are the share `prior` of the candidates.
    prior : float
    wanted : float

    Returns
    -------
    float
        NaN where no share would do.
    """
    if not (0 < planet < 1 and 0 < prior < 1):
        return np.nan
    evidence = planet / (1 - planet) * (1 - prior) / prior
    odds = wanted / (1 - wanted) / evidence
    return odds / (1 + odds)


_FIXES = {
    "odd_even": "another period: where odd and even transits differ, the true one is twice this, and the body a star",
    "secondary": "a spectrum or a second colour: a planet's secondary is no deeper than its heat and reflected light",
    "v_shape": "a radius below 2 Jupiters from a model with the star's density: V shapes are grazing, and mostly stars",
    "sine": "a longer light curve: spots and pulsations drift in phase and amplitude, an orbit does not",
    "uneven_depths": "the pixels or another reduction of the deviating transits: a real transit repeats",
    "gap_edge": "a light curve whose data do not end at the transits: edges imitate dips",
    "planet_secondary": "the star's size and heat: the second eclipse is as shallow as a hot planet's, if they agree",
    "half_period": "the period: the dip half an orbit later is as deep, so the true period may be half of this one",
    "not_unique": "more data: dips as significant as this one stand elsewhere in the folded light curve",
    "too_large": "the star's radius: with the one assumed, the body is too large for a planet",
    "two_transits": "a third transit at the predicted time",
    "low_coverage": "data at the transits that fell into gaps",
    "ephemeris_match": "the pixels: another star has the same ephemeris, and one of the two contaminates the other",
}


def changes(row, meta, tests=(), *, known=False) -> list[str]:
    """What would change the verdict on one candidate.

    Parameters
    ----------
    row : mapping
    meta : mapping
        Of the table: the prior.
    tests : sequence
        Of the vetting, with `verdict` and `words`.
    known : bool
        The ephemeris was given, not found.

    Returns
    -------
    list of str
    """
    said = []
    planet, transit = (float(row.get(name, np.nan)) for name in ("p_planet", "p_transit"))
    prior = meta.get("prior_planet")
    if np.isfinite(planet) and prior:
        share = share_for(planet, prior)
        if np.isfinite(share) and share > 1e-6:
            now = f"here {100 * prior:.2g} % are assumed"
            if planet < PLANET_LIKE:
                said.append(
                    f"The search: where {100 * share:.2g} % or more of the candidates are planets ({now}), p(planet) "
                    f"would pass {PLANET_LIKE:g}; --prior states it."
                )
            else:
                said.append(
                    f"The search: only where fewer than {100 * share:.2g} % of the candidates are planets ({now}) "
                    f"would p(planet) fall below {PLANET_LIKE:g}."
                )
    flags = set(str(row.get("flags", "")).split())
    if _unlike(row):
        said = ["The network: trained on events like this one, it could judge it; the tests below do not need it."]
    said += [f"{fix[0].upper()}{fix[1:]}." for flag, fix in _FIXES.items() if flag in flags]
    failed = [test for test in tests if getattr(test, "verdict", "") == "fail"]
    if failed and not said:
        said.append("The failed tests: " + ", ".join(str(_name(test)) for test in failed) + ".")
    if row.get("status") == "single_transit" and known:
        said.append("A second transit in the data: of the one that is there, the period is only what was given.")
    elif row.get("status") == "single_transit":
        said.append("A second transit: the period rests on one event, so it is a lower limit at best.")
    elif 0 < float(row["snr"]) < 12:
        n = int(np.ceil(row["n_transits"] * ((12 / float(row["snr"])) ** 2 - 1)))
        said.append(f"More data: about {n} more transit{'s' if n != 1 else ''} would bring SNR {row['snr']:.1f} to 12.")
    if np.isfinite(transit) and transit > 0.5:
        said.append(
            "The pixels: one light curve cannot tell an eclipsing binary in a neighbouring pixel, or blended, from a "
            "planet; the centroid in and out of transit can, and so can a larger telescope."
        )
    return said or ["Nothing short of new data: no test and no prior comes near."]


def _name(test):
    return getattr(test, "test", None) or getattr(test, "name", "")
