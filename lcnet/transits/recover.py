"""Injection and recovery: which planets would have been found in this very light curve, and called planets.

Synthetic planets are put into the raw light curve one at a time and each is sought as any other is: flattened,
searched, looked at by the network. What comes back, against period and size, is the completeness of the search of this
star (Christiansen et al. 2013, 2020; Burke et al. 2015).
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict, dataclass, replace

import numpy as np

from lcnet.transits.batch import Options, search_curve, searched
from lcnet.transits.curves import Curve
from lcnet.transits.detrend import in_transit
from lcnet.transits.ephemeris import plain
from lcnet.transits.injection import Injection, draw_injections, inject
from lcnet.transits.judge import NETWORK, THRESHOLD, load_judge
from lcnet.transits.matching import match_ephemeris
from lcnet.transits.periods import search_range
from lcnet.transits.resume import Journal, journal_path
from lcnet.transits.star import EARTH_RADII, check_star, with_given
from lcnet.transits.star import density as star_density
from lcnet.transits.table import check_output

__all__ = ["Completeness", "Recovery", "recover"]

_BATCH = 16  # injections a process takes at once, and a line of the journal holds
_MASK = 2.0  # durations about the transits the light curve has of its own
_OUTCOMES = ("recovered", "found", "harmonic", "missed", "failed")
_COLUMNS = {
    "period": ("d", "of the planet put in"),
    "epoch": ("d", "mid-transit, in the time system of the light curve"),
    "duration": ("h", "first to fourth contact"),
    "depth": ("ppm", "at mid-transit"),
    "radius": ("R_earth", "NaN where the star's radius is not known"),
    "radius_ratio": ("", "radius of the planet over the star's"),
    "impact": ("", "impact parameter"),
    "n_transits": ("", "of its transits that hold data"),
    "found_period": ("d", "of the candidate it was found as"),
    "found_depth": ("ppm", "of that candidate"),
    "snr": ("", "of that candidate, red noise included"),
    "candidate": ("", "its number, the strongest first; 0 for none"),
    "p_transit": ("", "by the network"),
    "p_planet": ("", "by the network"),
}
_COUNTS = ("n_transits", "candidate")


@dataclass(frozen=True)
class Completeness:
    """Shares of the planets put in that came back, on a grid.

    Attributes
    ----------
    period, size : array, shape (P + 1,) and (S + 1,)
        Edges of the cells: days; ppm or Earth radii.
    kind : str
        What `size` is: "depth" or "radius".
    injected, recovered : array of int, shape (P, S)
    share, low, high : array, shape (P, S)
        Recovered over injected and its 68 % Jeffreys interval; NaN where nothing was put in.
    """

    period: np.ndarray
    size: np.ndarray
    kind: str
    injected: np.ndarray
    recovered: np.ndarray
    share: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True)
class Recovery:
    """The outcome of injections into one light curve.

    Attributes
    ----------
    target : str
    table : astropy.table.QTable
        One row a planet put in: what it was, what it was found as, and its `status`: "recovered" (found at its own
        period and, where a network was asked, p_planet at or above the threshold), "found" (at its period, below the
        threshold or without a p_planet), "harmonic" (at a simple ratio of its period), "missed" or "failed", with
        `reason`.
    kind : str
        "depth" or "radius": what the sizes were drawn in.
    """

    target: str
    table: object
    kind: str

    def completeness(self, *, bins=None, found=False) -> Completeness:
        """The share recovered in cells of period and size, even in the logarithm.

        Parameters
        ----------
        bins : (int, int), optional
            Cells in period and in size; default: as many as leave some 15 planets in each, at most 8 x 8, and one where
        all planets have the same.
        found : bool
            Count what was found at its own period, whatever the network said.

        Returns
        -------
        Completeness

        Raises
        ------
        ValueError
            `bins` are not two numbers, each at least 1.
        """
        from astropy.stats import binom_conf_interval

        table = self.table[np.array(self.table["status"]) != "failed"]
        period, size = table["period"].value, table[self.kind].value
        if bins is None:
            n = int(np.clip(np.sqrt(len(table) / 15), 2, 8))
            bins = tuple(n if np.ptp(np.log(values)) > 1e-3 else 1 for values in (period, size))
        elif np.shape(bins) != (2,) or min(bins) < 1:
            raise ValueError(f"bins must be two numbers, cells in period and in size, got {bins}")
        good = ("recovered", "found") if found else ("recovered",)
        came_back = np.isin(np.array(table["status"]), good)
        edges = [_edges(values, n) for values, n in zip((period, size), bins, strict=True)]
        injected = np.histogram2d(period, size, edges)[0].astype(int)
        recovered = np.histogram2d(period[came_back], size[came_back], edges)[0].astype(int)
        share, low, high = np.full((3, *injected.shape), np.nan)
        some = injected > 0
        share[some] = recovered[some] / injected[some]
        if some.any():
            low[some], high[some] = binom_conf_interval(recovered[some], injected[some], interval="jeffreys")
        return Completeness(*edges, self.kind, injected, recovered, share, low, high)


def _edges(values, n):
    """Edges of `n` cells, even in the logarithm, that hold all values."""
    if values.size == 0:
        return np.geomspace(1.0, 10.0, n + 1)
    low, high = values.min(), values.max()
    return np.geomspace(low * (1 - 1e-9), max(high, low * 1.001) * (1 + 1e-9), n + 1)


def recover(
    lc,
    *,
    n=1000,
    period=None,
    depth=None,
    radius=None,
    star=None,
    seed=0,
    min_snr=7.1,
    max_candidates=5,
    threshold=THRESHOLD,
    network=NETWORK,
    prior=None,
    jobs=1,
    output=None,
    resume=False,
    progress=None,
):
    """Put planets into a light curve and look which of them come back.

    Parameters
    ----------
    lc : LightCurve, LightCurveCollection, path-like or str
        One star, raw: as `read` takes it.
    n : int
        Planets to put in, one at a time.
    period : (float or Quantity, float or Quantity), days, optional
        Drawn uniformly in the logarithm; default: the range `score` searches, 0.4 d to half the baseline. Where this
        one goes beyond it the planets are searched for there too, as with `score`'s own `period`.
    depth : (float or Quantity, float or Quantity), ppm, optional
        At mid-transit; default, where no radius is given: from half to thirty times what a transit of median duration
        at the middle period needs for `min_snr` in the white noise of this light curve.
    radius : (float or Quantity, float or Quantity), R_earth, optional
        Instead of the depth; needs the star's radius.
    star : dict, optional
        radius, mass, rho, ... in solar units, before those of the header; the density sets the durations.
    seed : int
    min_snr, max_candidates, network, prior
        As in `score`; ``network=None`` asks only whether they are found.
    threshold : float
        p_planet from which on a planet counts as recovered.
    jobs : int
        Processes.
    output : path-like, optional
        Write the table to this file too: .ecsv, .vot, .xml, .parquet or .csv. While planets are sought their outcomes
        go to a journal beside it, ``<output>.part``, which is removed when the table is written.
    resume : bool
        Go on with the journal of a stopped run of the same plan: the result is the same.
    progress : callable, optional
        Called as ``progress(done, n, outcome)``.

    Returns
    -------
    Recovery
        The transits that the light curve has of its own are cut out first: its candidates are in
        ``table.meta["own_candidates"]``.

    Raises
    ------
    ReadError, FileNotFoundError, TypeError
        The light curve cannot be read.
    ValueError
        More than one star, or a range that makes no sense.
    JournalError, NotWritten
        The output or its journal cannot be written, or the journal is of another plan.

    Examples
    --------
    >>> from lcnet import transits
    >>> from lcnet.transits.plots_recovery import plot_completeness
    >>> recovery = transits.recover("one_lc.fits", n=1000, jobs=2)  # doctest: +SKIP
    >>> plot_completeness(recovery.completeness())  # doctest: +SKIP
    """
    from lcnet import __version__

    if int(n) < 1 or int(jobs) < 1:
        raise ValueError("n and jobs must be at least 1")
    if not min_snr > 0:
        raise ValueError(f"min_snr must be positive, got {min_snr}")
    if not 0 <= threshold <= 1:
        raise ValueError(f"threshold is a probability, 0 to 1, got {threshold}")
    if output is not None:
        check_output(output)
    elif resume:
        raise ValueError("resume needs output: the outcomes of a stopped run lie beside it")
    period, depth, radius = _pair("period", period, "d"), _depths(depth), _pair("radius", radius, "R_earth")
    curve = _one_star(lc)
    star = with_given(curve.star, check_star(star or {}))
    density = star_density(star)
    baseline = float(curve.time.max() - curve.time.min())
    limits, searched_range = _ranges(curve, baseline, period)
    options = Options(
        period=searched_range,
        min_snr=float(min_snr),
        max_candidates=int(max_candidates),
        star=star,
        views=network is not None,
    )
    judge = load_judge(network, prior)
    curve, own = _without_own(curve, options)
    kind = "depth" if radius is None else "radius"
    sizes = {"depth": None, "radius_ratio": None}
    if radius is None:
        sizes["depth"] = _depth_range(curve, limits, min_snr) if depth is None else depth
    elif depth is not None:
        raise ValueError("give either depth or radius")
    elif "radius" not in star:
        raise ValueError("radius needs the star's: star={'radius': 0.9} in solar radii, or give depth in ppm")
    else:
        scale = star["radius"] * EARTH_RADII
        sizes["radius_ratio"] = tuple(value / scale for value in radius)
    injections = draw_injections(
        int(n), start=float(curve.time[0]), period=limits, density=density or 1.0, seed=int(seed), **sizes
    )
    plan = {
        "verb": "recover",
        "targets": [repr(injection) for injection in injections],
        "lcnet": __version__,
        "light_curve": _digest(curve),
        "star": star,
        "period_searched": searched_range,
        "min_snr": float(min_snr),
        "max_candidates": int(max_candidates),
        "network": judge.meta(),
        "threshold": float(threshold),
    }
    meta = {name: value for name, value in plan.items() if name not in ("verb", "targets")}
    meta |= {"target": curve.target, "seed": int(seed), "own_candidates": own, "time_system": curve.time_system}
    journal = None
    if output is not None:
        journal = Journal(journal_path(output), plan, resume=resume, what="planets")
    try:
        rows = _run(curve, options, judge, injections, float(threshold), int(jobs), journal, progress)
        table = _table(rows, star, meta)
        if journal is not None:
            journal.finish(table, output)
    except BaseException:
        if journal is not None:
            journal.close()
        raise
    return Recovery(curve.target, table, kind)


def _one_star(lc) -> Curve:
    from lcnet.transits.read import plan

    sources = plan(lc)
    if len(sources) != 1:
        raise ValueError(f"recover takes one star, not {len(sources)}: {', '.join(s.target for s in sources[:3])} ...")
    if sources[0].error is not None:
        raise sources[0].error
    return sources[0].curve()


def _pair(name, limits, unit):
    """(smallest, largest) in plain numbers of a unit; None stays None."""
    if limits is None:
        return None
    try:
        values = tuple(plain(value, unit) for value in limits)
    except TypeError:  # one number, or words
        values = ()
    if len(values) != 2 or not 0 < values[0] <= values[1] < np.inf:
        raise ValueError(f"{name} must be (smallest, largest), positive, in {unit}; got {limits}")
    return values


def _depths(depth):
    from astropy.units import cds

    depths = _pair("depth", depth, cds.ppm)
    if depths is not None and depths[1] < 1.0:
        low, high = (1e6 * value for value in depths)
        raise ValueError(f"depths are in ppm and no light curve shows {depths[1]:g} ppm: depth=({low:g}, {high:g})?")
    return depths


def _ranges(curve, baseline, period):
    """The periods of the planets, and those searched: None for the usual ones, else these widened to hold them."""
    cadence = float(np.median(np.diff(np.sort(curve.time))))
    limits = search_range(baseline, period, cadence=cadence)
    if period is None:
        return limits, None
    try:
        usual = search_range(baseline, cadence=cadence)
    except ValueError:  # too short for those
        return limits, limits
    wider = min(usual[0], limits[0]), max(usual[1], limits[1])
    return limits, None if wider == usual else wider


def _without_own(curve, options):
    """The light curve without the transits of its own candidates, and those candidates in words."""
    found = searched(curve, options, options.star)
    keep = np.ones(curve.time.size, bool)
    for candidate in found.candidates:
        ephemeris = (candidate.period, candidate.epoch, candidate.duration)
        if candidate.status == "single_transit":  # its period is nobody's
            keep &= np.abs(curve.time - candidate.epoch) > 0.5 * _MASK * candidate.duration / 24.0
        else:
            keep &= ~in_transit(curve.time, *ephemeris, widen=_MASK)
    own = [f"{candidate.period:.5g} d, {candidate.depth:.0f} ppm" for candidate in found.candidates]
    columns = {name: getattr(curve, name)[keep] for name in ("time", "flux", "flux_err", "segment")}
    return replace(curve, **columns), own


def _depth_range(curve, limits, min_snr):
    """Depths about the one found in white noise at the middle period: SNR = depth sqrt(points in transit) / sigma."""
    from lcnet.transits.detrend import clean, robust_sigma
    from lcnet.transits.periods import central_duration

    time, flux, _, _ = clean(curve.time, curve.flux, curve.flux_err, segment=curve.segment)
    sigma = robust_sigma(np.diff(flux)) / np.sqrt(2)
    middle = np.sqrt(limits[0] * limits[1])
    inside = max(1.0, time.size * 0.8 * float(central_duration(middle)) / 24.0 / middle)
    needed = 1e6 * float(min_snr) * (sigma if sigma > 0 else 1e-5) / np.sqrt(inside)
    return 0.5 * needed, min(30.0 * needed, 4e5)


def _digest(curve) -> str:
    import hashlib

    whole = hashlib.sha256()
    for name in ("time", "flux", "flux_err", "segment"):
        whole.update(np.ascontiguousarray(getattr(curve, name)).tobytes())
    return whole.hexdigest()[:16]


def _run(curve, options, judge, injections, threshold, jobs, journal, progress):
    """The outcome of every injection, in order; kept in the journal batch by batch."""
    from joblib import Parallel, delayed

    batches = [injections[k : k + _BATCH] for k in range(0, len(injections), _BATCH)]
    rows, left = [], batches
    if journal is not None:
        rows, left = [row for _, row in journal.rows()], batches[journal.done :]
    threshold = None if judge.network is None else threshold
    # loky: fresh interpreters of one thread each, and no guard of __main__ in the caller's script
    calls = (delayed(_search_batch)(curve, options, batch) for batch in left)
    with closing(Parallel(n_jobs=min(jobs, max(len(left), 1)), return_as="generator")(calls)) as stream:
        for batch, found in zip(left, stream, strict=True):
            probabilities = judge.probabilities(found)
            fresh = [
                _outcome(curve.time, injection, star, p, threshold)
                for injection, star, p in zip(batch, found, probabilities, strict=True)
            ]
            if journal is not None:
                journal.write(len(fresh), [(None, row) for row in fresh])
            rows += fresh
            if progress is not None:
                progress(len(rows), len(injections), fresh[-1]["status"])
    return rows


def _search_batch(curve, options, batch):
    return [_search(curve, options, injection) for injection in batch]


def _search(curve, options, injection: Injection):
    """What is found with the planet in; an error is a result."""
    from lcnet.transits.batch import Found

    exposure = curve.meta.get("cadence")
    exposure = float(exposure) if exposure and np.isfinite(exposure) else 120.0
    try:
        flux = inject(curve.time, curve.flux, injection, exposure=exposure)
        return search_curve(replace(curve, flux=flux), options)
    except Exception as error:
        return Found(curve.target, error=RuntimeError(f"{type(error).__name__}: {error}"))


def _outcome(time, injection, found, probabilities, threshold) -> dict:
    """The row of one injection, plain; `threshold` is None where no network was asked."""
    row = {name: value for name, value in asdict(injection).items() if name != "a_rs"}
    inside = in_transit(time, injection.period, injection.epoch, injection.duration)
    row["n_transits"] = int(np.unique(np.rint((time[inside] - injection.epoch) / injection.period)).size)
    if found.error is not None:
        return {**row, "status": "failed", "reason": " ".join(str(found.error).split())}
    truth = [{"period": injection.period, "epoch": injection.epoch, "duration": injection.duration}]
    best = None
    for number, candidate in enumerate(found.search.candidates, 1):
        match = match_ephemeris(time, candidate.period, candidate.epoch, candidate.duration, truth)
        if match.signal is None or (best is not None and not (match.ratio == 1.0 and best[2] != 1.0)):
            continue
        best = number, candidate, match.ratio
    if best is None:
        return {**row, "status": "missed", "reason": found.search.reason if not found.search.candidates else ""}
    number, candidate, ratio = best
    p_transit, p_planet, _ = map(float, probabilities[number - 1])
    row |= {"found_period": float(candidate.period), "found_depth": float(candidate.depth)}
    row |= {"snr": float(candidate.snr), "candidate": number, "p_transit": p_transit, "p_planet": p_planet}
    if ratio != 1.0:
        return {**row, "status": "harmonic", "reason": f"found at {ratio:.3g} times its period"}
    if candidate.status == "single_transit":
        return {**row, "status": "missed", "reason": "only one of its transits was seen"}
    if threshold is None or p_planet >= threshold:
        return {**row, "status": "recovered", "reason": ""}
    if np.isnan(p_planet):
        view = found.views[number - 1] if found.views else None
        said = " ".join(str(view).split()) if isinstance(view, Exception) else "the network gave none"
        return {**row, "status": "found", "reason": f"no p_planet: {said}"}
    return {**row, "status": "found", "reason": f"p_planet {p_planet:.2f} < {threshold:g}"}


def _table(rows, star, meta):
    import astropy.units as u
    from astropy.table import Column, QTable
    from astropy.units import cds

    units = {"d": u.day, "h": u.hour, "ppm": cds.ppm, "R_earth": u.R_earth}
    scale = star.get("radius", np.nan) * EARTH_RADII
    table = QTable(meta=meta)
    for name, (unit, description) in _COLUMNS.items():
        if name == "radius":
            values = np.array([row["radius_ratio"] * scale for row in rows], float)
        elif name in _COUNTS:
            values = np.array([row.get(name, 0) for row in rows], np.int64)
        else:
            values = np.array([row.get(name, np.nan) for row in rows], float)
        table[name] = values * units[unit] if unit else Column(values)
        table[name].info.description = description
        if name not in _COUNTS:
            table[name].info.format = ".5g"
    for name in ("status", "reason"):
        table[name] = Column(np.array([row[name] for row in rows], dtype=str))
    table["status"].info.description = ", ".join(_OUTCOMES)
    table["reason"].info.description = "why, in words"
    return table
