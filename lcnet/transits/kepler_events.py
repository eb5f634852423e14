"""Kepler's labelled events, their views made by lcnet itself: ``python -m lcnet.transits.published kepler FOLDER``.

The light curves of 1,188 stars with Kepler Objects of Interest (72 or 144 minutes a point, mostly 127 days) are
searched as any star is, but down to any false-alarm probability: what noise makes is what a network has to know, and
the search with its own limit lets hardly any of it through (``meta`` holds ``fap``, to cut at). What it finds is
labelled by the KOI it matches; a KOI that it misses, but that shows at its published ephemeris with an SNR above 7, is
measured there, as ``score(ephemeris=...)`` would. The rules:

* a KOI that is CONFIRMED or CANDIDATE is a **planet**; found at another period than its own it is left out;
* a FALSE POSITIVE with a significant secondary (flag ss), of a known binary's ephemeris (ec), or at the period of a
  binary of Kepler's catalogue, is an **eclipse**, at any harmonic; so is any other find that matches such a binary;
* a FALSE POSITIVE that is not transit-like (nt) and none of those is **junk**;
* one that is false only by its centroid (co), or for no stated reason, is left out: one light curve cannot tell;
* a find that matches no KOI and no binary is **junk**, unless it shares its period or its events with one.

The **group** is the connected component of "same star" or "same ephemeris"; the stars of ``lightcurves.csv`` and their
groups are left out.

References
----------
Thompson et al. 2018, ApJS 235, 38 (the flags); Kirk et al. 2016, AJ 151, 68 (the binaries).
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd

from lcnet.core.examples import Examples
from lcnet.transits.candidates import candidate_views, find_candidates
from lcnet.transits.known import measure_known
from lcnet.transits.matching import match_ephemeris
from lcnet.transits.published import ephemeris_groups, held_out_stars
from lcnet.transits.tasks import CLASSES

__all__ = ["kepler", "koi_kind", "star_events"]

MIN_SNR = 7.0
BKJD = 54833.0  # of BJD - 2,400,000
PLANETS = ("CONFIRMED", "CANDIDATE")
SAME_PERIOD = 5e-4  # of two catalogues; an ephemeris is good to 1e-4 (the median of their differences is 1e-5)
ECLIPSE_SHARE = 0.05  # of a binary's period, where only its catalogue, which has no durations, knows it


def koi_kind(disposition, flags, binary):
    """The class of a KOI, or "unclear" for one that teaches nothing.

    Parameters
    ----------
    disposition : str
        "CONFIRMED", "CANDIDATE" or "FALSE POSITIVE".
    flags : dict
        ``nt`` not transit-like, ``ss`` significant secondary, ``co`` centroid offset, ``ec`` a contaminant's ephemeris.
    binary : bool
        The catalogue of eclipsing binaries has this period for this star.
    """
    if disposition in PLANETS:
        return "planet"
    if disposition != "FALSE POSITIVE":
        return "unclear"
    if binary or flags["ss"] or flags["ec"]:
        return "eclipse"
    return "junk" if flags["nt"] else "unclear"


def star_signals(kois, binaries):
    """What is known to be in one star's light curve, as `match_ephemeris` takes it.

    Parameters
    ----------
    kois : DataFrame
        Rows of the KOI table of this star.
    binaries : DataFrame
        Rows of the binaries' catalogue: ``period`` [d], ``bjd0_minus_2400000``.

    Returns
    -------
    list of dict
        ``kind``, ``name``, ``period`` and ``epoch`` [d, BKJD], ``duration`` [h].
    """
    signals, unknown = [], np.ones(len(binaries), bool)
    periods = binaries["period"].to_numpy(float)
    for koi in kois.itertuples():
        ratio = periods / koi.koi_period
        same = np.abs(ratio - 1) < SAME_PERIOD
        # a KOI at half of a binary's period, or at twice it, is that binary too
        unknown &= ~np.any([np.abs(ratio / harmonic - 1) < SAME_PERIOD for harmonic in (0.5, 1.0, 2.0)], axis=0)
        flags = {name: getattr(koi, f"koi_fpflag_{name}") > 0 for name in ("nt", "ss", "co", "ec")}
        kind = koi_kind(koi.koi_disposition, flags, bool(same.any()))
        signals.append(_signal(kind, koi.kepoi_name, koi.koi_period, koi.koi_time0bk, koi.koi_duration))
    for period, epoch in zip(periods[unknown], binaries["bjd0_minus_2400000"].to_numpy(float)[unknown], strict=True):
        duration = float(np.clip(24.0 * ECLIPSE_SHARE * period, 2.0, 24.0))
        signals.append(_signal("eclipse", "binary", period, epoch - BKJD, duration))
    seconds = [
        _signal(
            "eclipse", f"{one['name']} second eclipse", one["period"], one["epoch"] + one["period"] / 2, one["duration"]
        )  # fmt: skip
        for one in signals
        if one["kind"] == "eclipse"
    ]
    return signals + seconds


def _signal(kind, name, period, epoch, duration):
    return {"kind": kind, "name": name, "period": period, "epoch": epoch, "duration": duration}


def _match(search, candidate, signals):
    """(label or None, signal or None, period ratio) of one find."""
    if candidate.status == "single_transit":  # its period is a lower limit: only the event itself can match
        for signal in signals:
            cycles = (candidate.epoch - signal["epoch"]) / signal["period"]
            apart = abs(cycles - round(cycles)) * signal["period"]
            if apart <= 0.5 * max(candidate.duration, signal["duration"]) / 24.0:
                return _known(signal, 1.0), signal, 1.0
    ephemeris = candidate.period, candidate.epoch, candidate.duration
    match = match_ephemeris(search.time, *ephemeris, signals)
    if match.signal is None:
        return (None if match.ambiguous else "junk"), None, math.nan
    return _known(match.signal, match.ratio), match.signal, match.ratio


def _known(signal, ratio):
    """The class of a find that matches `signal`; a planet or junk at another period teaches nothing."""
    if signal["kind"] == "eclipse":
        return "eclipse"
    return signal["kind"] if signal["kind"] in CLASSES and ratio == 1.0 else None


def star_events(time, flux, signals):
    """Labelled events of one star.

    Parameters
    ----------
    time : array, shape (N,), days, BKJD
    flux : array, shape (N,)
    signals : list of dict
        As `star_signals` returns them.

    Returns
    -------
    list of (label, inputs, meta)
        ``inputs`` are the views of `candidate_views` with period [d], duration [h], depth [ppm] and snr.
    """
    events, seen = [], set()
    try:
        search = find_candidates(time, flux, max_fap=1.0)
    except ValueError:  # too short or too sparse to be searched; its KOIs can be measured all the same
        search = None
    for index, candidate in enumerate(search.candidates if search else ()):
        label, signal, ratio = _match(search, candidate, signals)
        if signal is not None and ratio == 1.0:
            seen.add(signal["name"])
        if label is not None:
            events.append(_event(search, index, label, "search", signal, ratio))
    kois = [one for one in signals if one["name"].startswith("K") and "second" not in one["name"]]
    kois = [one for one in kois if 0 < one["duration"] < 12.0 * one["period"]]
    if any(one["kind"] in CLASSES and one["name"] not in seen for one in kois):
        try:
            known = measure_known(
                time, flux, ephemerides=[(one["period"], one["epoch"], one["duration"]) for one in kois]
            )
        except ValueError:
            return [event for event in events if event]
        for index, (candidate, signal) in enumerate(zip(known.candidates, kois, strict=True)):
            if signal["kind"] in CLASSES and signal["name"] not in seen and candidate.snr > MIN_SNR:
                events.append(_event(known, index, signal["kind"], "known", signal, 1.0))
    return [event for event in events if event]


def _event(search, index, label, found, signal, ratio):
    candidate = search.candidates[index]
    try:
        views, _ = candidate_views(search, index)
    except ValueError:  # another event's transits leave nothing of the light curve
        return None
    scalars = {name: getattr(candidate, name) for name in ("period", "duration", "depth", "snr")}
    if not (candidate.depth > 0 and candidate.duration > 0):
        return None
    meta = {
        "found": found,
        "matched": "nothing" if signal is None else signal["name"],
        "ratio": ratio,
        "epoch": candidate.epoch,
        "truth_period": math.nan if signal is None else signal["period"],
        "event": candidate.status,
        "fap": candidate.fap,
        "n_transits": candidate.n_transits,
    }
    return label, dict(views, **scalars), meta


def kepler(folder, *, stars=None):
    """Kepler's KOI light curves as examples of ``transits/candidate``.

    Parameters
    ----------
    folder : path-like
        Holds ``kepler_koi_lightcurves.npz`` (``time`` [d, BKJD], ``flux`` [relative, median 0], ``offset``: star i is
        ``offset[i]:offset[i + 1]``), ``kepler_koi_lightcurves.csv.gz`` (``kepid``, a row a star),
        ``catalogs/koi_cumulative.csv.gz``, ``catalogs/kepler_eb_catalog.csv.gz``, and ``lightcurves.csv``, whose stars
        are left out.
    stars : int, optional
        Only the first so many.

    Returns
    -------
    Examples
        ``meta`` holds ``found`` ("search" or "known"), ``matched``, ``ratio``, ``fap``, ``snr`` and the like.

    Raises
    ------
    FileNotFoundError, ValueError
        A file is missing, or table and light curves do not match.
    """
    folder = Path(folder)
    kepid = pd.read_csv(folder / "kepler_koi_lightcurves.csv.gz")["kepid"].to_numpy()
    kois = pd.read_csv(folder / "catalogs" / "koi_cumulative.csv.gz", comment="#")
    kois = kois[(kois["koi_period"] > 0) & np.isfinite(kois["koi_time0bk"]) & np.isfinite(kois["koi_duration"])]
    binaries = pd.read_csv(folder / "catalogs" / "kepler_eb_catalog.csv.gz", comment="#")
    binaries = binaries[binaries["period"] > 0]
    with np.load(folder / "kepler_koi_lightcurves.npz", allow_pickle=False) as stored:
        time, flux, offset = stored["time"], stored["flux"], stored["offset"]
    if len(offset) != len(kepid) + 1:
        raise ValueError(f"{folder}: the table has {len(kepid)} stars, the light curves {len(offset) - 1}")
    judged = held_out_stars(folder / "lightcurves.csv")

    rows = []
    for number, star in enumerate(kepid[:stars]):
        signals = star_signals(kois[kois["kepid"] == star], binaries[binaries["kic"] == star])
        here = slice(offset[number], offset[number + 1])
        found = star_events(time[here], 1.0 + flux[here].astype(float), signals)
        rows += [(star, *event) for event in found]
    if not rows:
        raise ValueError(f"{folder}: no event in any light curve")
    star = np.array([row[0] for row in rows])
    meta = pd.DataFrame([row[3] for row in rows])
    # the judged stars' own events decide too whose light may be theirs
    theirs = kois[kois["kepid"].isin(judged)]
    period = np.concatenate([[row[2]["period"] for row in rows], theirs["koi_period"]])
    epoch = np.concatenate([meta["epoch"], theirs["koi_time0bk"]])
    group = ephemeris_groups(np.concatenate([star, theirs["kepid"]]), period, epoch)
    mine, tainted = group[: len(rows)], group[len(rows) :]
    keep = ~np.isin(mine, tainted) & ~np.isin(star, judged)
    meta.insert(0, "source", "kepler")
    meta.insert(1, "target", [f"KIC {number}" for number in star])
    meta.insert(2, "mission", "Kepler")
    inputs = {name: np.array([row[2][name] for row in rows], np.float32) for name in rows[0][2]}
    meta["snr"] = inputs.pop("snr")
    examples = Examples(
        inputs=inputs,
        targets={"label": np.array([CLASSES.index(row[1]) for row in rows], np.int64)},
        group=np.array([f"kepler-{number}" for number in mine]),
        meta=meta,
        attributes={"task": "transits/candidate", "source": "Kepler KOI light curves; labels of the KOI and EB tables"},
    )
    return examples.take(keep)
