"""Vetting: a number, a significance and a word beside every probability.

Every test follows a published one, measures something an astronomer can check by eye, and says what it saw in one
sentence. A test that cannot be made says so (`not_tested`). Nothing here needs pixels, a catalogue or the network.
docs/transits-vetting.md has each test's formula, its limit, and what it misses.
"""

from __future__ import annotations

from math import nan

import numpy as np

from lcnet.transits.star import density
from lcnet.transits.vet_event import event_of
from lcnet.transits.vet_gaps import judge_gaps
from lcnet.transits.vet_matches import EphemerisMatch, judge_harmonic, match_ephemerides
from lcnet.transits.vet_odd_even import judge_odd_even
from lcnet.transits.vet_result import Test, Vetting
from lcnet.transits.vet_secondary import judge_secondary, judge_unique, model_shift
from lcnet.transits.vet_shape import fit_trapezoid, judge_shape, judge_size
from lcnet.transits.vet_sine import judge_sine
from lcnet.transits.vet_transits import judge_coverage, judge_depths, judge_duration, judge_number

__all__ = [
    "COLUMNS",
    "TESTS",
    "EphemerisMatch",
    "Test",
    "Vetting",
    "match_ephemerides",
    "vet",
    "vet_candidate",
]

_THOMPSON = ("Thompson et al. 2018, ApJS 235, 38", "2018ApJS..235...38T", "10.3847/1538-4365/aab4f9")
_COUGHLIN_16 = ("Coughlin et al. 2016, ApJS 224, 12", "2016ApJS..224...12C", "10.3847/0067-0049/224/1/12")
_COUGHLIN_14 = ("Coughlin et al. 2014, AJ 147, 119", "2014AJ....147..119C", "10.1088/0004-6256/147/5/119")
_SEAGER = ("Seager & Mallen-Ornelas 2003, ApJ 585, 1038", "2003ApJ...585.1038S", "10.1086/346105")
_KUNIMOTO = ("Kunimoto et al. 2025, AJ 170, 280", "2025AJ....170..280K", "")


def _about(column, limit, paper):
    reference, bibcode, doi = paper
    return {"column": column, "limit": limit, "reference": reference, "bibcode": bibcode, "doi": doi}


# test -> the table's column with its significance (or value), the limit in words, and the paper
TESTS = {
    "n_transits": _about("n_transits", "warn at 2, fail at 1", _THOMPSON),
    "coverage": _about("coverage", "warn below 0.5", _KUNIMOTO),
    "duration": _about("duration", "of the orbit: warn over 0.16, fail over 0.25", _KUNIMOTO),
    "unique": _about(
        "unique_sigma", "fail below FA1, or less than FA2 above a third dip or a brightening", _COUGHLIN_16
    ),
    "odd_even": _about("odd_even_sigma", "warn at 3 sigma, fail at 4, from 1 % of the depth", _THOMPSON),
    "secondary": _about("secondary_sigma", "above FA1, and FA2 above a third dip and a brightening", _COUGHLIN_16),
    "depths": _about("depth_scatter", "scatter over 0.25 (warn) or 0.5 (fail) at 5 sigma; mean/median 1.5", _THOMPSON),
    "shape": _about("ingress_share", "over 0.8 at 3 sigma: warn; deeper than 4 %: fail", _SEAGER),
    "size": _about("radius_ratio", "fail over 25 Earth radii, or a depth of 15 %", _KUNIMOTO),
    "sine": _about(
        "sine_sigma", "at 5 sigma: fail if it makes 0.25 of the dip or is 3 times as large, warn if larger", _THOMPSON
    ),
    "harmonic": _about("harmonic_of", "periods in a ratio of 1 to 3 within a duration, events together", _COUGHLIN_16),
    "gaps": _about("gap_share", "fail at 3 sigma over chance if the others' SNR is below 5", _THOMPSON),
    "ephemeris_match": _about("flags", "periods 3.5 sigma and epochs 2 sigma from chance", _COUGHLIN_14),
}

# Companion over star, where the star's radius is not known, up to which reflected light is thought of. A few giants of
# M dwarfs have more (TOI-5205 b: 0.27): they need the star's radius to be told from binaries.
MAX_RATIO = 0.22
_SHARED = ("odd_even_sigma", "secondary_sigma", "secondary_phase", "sine_sigma")
# columns beyond the table's own odd_even_sigma, secondary_sigma, secondary_phase and sine_sigma
COLUMNS = {
    "unique_sigma": ("f", "", "the transit's model-shift significance, red noise included"),
    "red_noise": ("f", "", "scatter of transit-long boxes in the folded light curve over white noise"),
    "secondary_depth": ("f", "ppm", "depth of the strongest secondary dip"),
    "depth_scatter": ("f", "", "scatter of the transits' depths beyond their errors, over the median depth"),
    "ingress_share": ("f", "", "ingress and egress over the transit's duration: 0 a box, 1 a V"),
    "radius_ratio": ("f", "", "companion's radius over the star's, from the depth of the fitted trapezoid"),
    "gap_share": ("f", "", "share of the transits that lie at gaps"),
}


def vet_candidate(search, index, *, star=None):
    """Every test of one candidate, on plain arrays.

    Parameters
    ----------
    search : Search
        With its candidates and flattened light curve (days, relative flux).
    index : int
        0-based.
    star : dict, optional
        ``radius`` [solar], ``rho`` [solar] or ``mass`` [solar] where known.

    Returns
    -------
    Vetting
        Tests in the order of `TESTS`, without the match of ephemerides, which needs the whole batch
        (`match_ephemerides`).

    A candidate that cannot be measured (no points, no depth) has every test "not_tested", with the reason.
    """
    candidate = search.candidates[index]
    try:
        if not np.isfinite(candidate.depth):
            raise ValueError("no transit could be measured")
        event = event_of(search, index)
    except ValueError as problem:
        tests = tuple(Test(name, nan, nan, "not_tested", str(problem)) for name in TESTS if name != "ephemeris_match")
        return Vetting(tests, dict.fromkeys((*_SHARED, *COLUMNS), nan), ())
    shift, trapezoid = model_shift(event), fit_trapezoid(event)
    size = judge_size(event, trapezoid, star)
    large = size.verdict == "fail" or (not (star or {}).get("radius") and size.value > MAX_RATIO)
    secondary = judge_secondary(event, shift, density=density(star), planet_sized=not large)
    unique = judge_unique(event, shift)
    odd_even, depths, gaps = judge_odd_even(event), judge_depths(event), judge_gaps(event)
    shape, sine = judge_shape(event, trapezoid), judge_sine(event)
    tests = (
        judge_number(event, candidate),
        judge_coverage(event, candidate),
        judge_duration(event),
        unique,
        odd_even,
        secondary,
        depths,
        shape,
        size,
        sine,
        judge_harmonic(candidate, _stronger(search, index), float(search.time[0]), float(search.time[-1])),
        gaps,
    )
    columns = {
        "odd_even_sigma": odd_even.sigma,
        "secondary_sigma": secondary.sigma,
        "secondary_phase": nan if shift is None else shift.phase,
        "sine_sigma": sine.sigma,
        "unique_sigma": unique.sigma,
        "red_noise": nan if shift is None else shift.red,
        "secondary_depth": secondary.value,
        "depth_scatter": depths.value,
        "ingress_share": shape.value,
        "radius_ratio": size.value,
        "gap_share": gaps.value,
    }
    flags = tuple(dict.fromkeys(test.flag for test in tests if test.flag))
    return Vetting(tests, {name: float(value) if np.isfinite(value) else nan for name, value in columns.items()}, flags)


def _stronger(search, index):
    """(number, candidate) of those found before this one; of known ephemerides, those of higher SNR."""
    this = search.candidates[index]
    return [
        (number, other)
        for number, other in enumerate(search.candidates, 1)
        if (number <= index if search.periodograms else other.snr > this.snr)
    ]


def vet(lc, period, epoch, duration, *, star=None):
    """Vet one ephemeris of a light curve.

    Parameters
    ----------
    lc : lightkurve.LightCurve or LightCurveCollection
        Raw, or as `transits.flatten` returns it (then the star's own waves are gone, and the test for them says so).
    period : float or Quantity, days
    epoch : float or Quantity, days
        A mid-transit, in the light curve's own time system or as full BJD.
    duration : float or Quantity, hours
    star : dict, optional
        ``radius``, ``mass`` [solar], ``rho`` [solar]: sharpen the tests of size and of a planet's own eclipse. What the
        headers say of the star is used where this does not.

    Returns
    -------
    astropy.table.QTable
        One row a test: ``test``, ``value``, ``sigma``, ``verdict`` (pass, warn, fail, not_tested), ``words``,
        ``limit``, ``reference``. The meta holds the ephemeris, the flags and the worst verdict.

    Raises
    ------
    TypeError
        `lc` is no light curve.
    ValueError
        An impossible ephemeris, or no transit of it holds data.

    Examples
    --------
    >>> from lcnet import transits
    >>> transits.vet(lc, period=6.2678, epoch=1325.504, duration=2.8)  # doctest: +SKIP
    """
    from astropy.table import QTable

    from lcnet.transits.ephemeris import ephemeris_of
    from lcnet.transits.star import check_star

    star = check_star(star)
    search, said = _known(lc, ephemeris_of(lc, period, epoch, duration))
    this = search.candidates[0]
    found = vet_candidate(search, 0, star={**said, **star})
    rows = found.tests
    table = QTable(
        {
            "test": [test.test for test in rows],
            "value": np.array([test.value for test in rows], float),
            "sigma": np.array([test.sigma for test in rows], float),
            "verdict": [test.verdict for test in rows],
            "words": [test.words for test in rows],
            "limit": [TESTS[test.test]["limit"] for test in rows],
            "reference": [TESTS[test.test]["reference"] for test in rows],
        }
    )
    table.meta = {
        "period_d": this.period,
        "epoch_d": this.epoch,
        "duration_h": this.duration,
        "verdict": found.verdict,
        "flags": " ".join(found.flags),
        "bibcodes": {test.test: TESTS[test.test]["bibcode"] for test in rows},
    }
    return table


def _known(lc, ephemeris):
    """A light curve with one known ephemeris, as the Search that a candidate of it would come from; and its star."""
    from lcnet.transits.candidates import Candidate, Search, measure_box
    from lcnet.transits.curves import curve_arrays
    from lcnet.transits.detrend import Flattened, clean
    from lcnet.transits.flatten import is_flat
    from lcnet.transits.known import measure_known, why_not

    curve = curve_arrays(lc)
    star = getattr(curve, "star", {})
    if not is_flat(lc):
        search = measure_known(curve.time, curve.flux, curve.flux_err, segment=curve.segment, ephemerides=[ephemeris])
        if problem := why_not(search, 0):
            raise ValueError(problem)
        return search, star
    time, flux, flux_err, segment = clean(curve.time, curve.flux, curve.flux_err, segment=curve.segment)
    flat = Flattened(time, flux, flux_err, np.ones_like(flux), flux, segment)
    box = measure_box(flat, *ephemeris)
    if box is None or box["n_transits"] == 0:
        raise ValueError(f"no transit of period {ephemeris[0]:g} d holds data in this light curve")
    single = Candidate(
        period=ephemeris[0],
        period_err=nan,
        epoch=ephemeris[1],
        epoch_err=nan,
        duration=ephemeris[2],
        depth=float(box["depth"]),
        depth_err=float(box["depth_err"]),
        snr=float(box["snr"]),
        sde=nan,
        n_transits=int(box["n_transits"]),
        coverage=float(box["coverage"]),
    )
    columns = {name: getattr(flat, name) for name in Flattened.__dataclass_fields__}
    return Search(candidates=(single,), status="ok", reason="", periodograms=(), **columns), star
