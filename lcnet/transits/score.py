"""The main job: a star in, its transit candidates with calibrated probabilities out.

Read, flatten and search (`batch.find_all`), look at every candidate's views with one network, and write the table. One
network of three classes (planet-like, eclipse, junk) gives both ``p_transit`` = 1 - junk and ``p_planet``, so that the
two never contradict each other.
"""

from __future__ import annotations

import os
import re
from itertools import islice
from pathlib import Path

import numpy as np

from lcnet.transits.batch import Options, find_all
from lcnet.transits.ephemeris import plain
from lcnet.transits.read import plan, several
from lcnet.transits.table import candidate_table, failed_row

__all__ = ["score"]

NETWORK = "transits/candidate"
PLANET, JUNK = "planet", "junk"
# The published training events have no SNR of our kind, only the simulated ones: where it is given, the network has
# learnt to take the star for a simulated one.
WITHHELD = ("snr",)
REFERENCES = (
    "Yu et al. 2019, AJ 158, 25 (views, training set)",
    "Kovacs, Zucker & Mazeh 2002, A&A 391, 369 (box least squares)",
    "Ofir 2014, A&A 561, A138 (period grid)",
    "Pont, Zucker & Queloz 2006, MNRAS 373, 231 (red-noise SNR)",
)
# stars a network sees at once: with figures their light curves wait in memory for the probabilities
_BATCH, _BATCH_WITH_FIGURES = 4096, 16


def score(
    target,
    *,
    period=None,
    min_snr=7.1,
    max_candidates=5,
    prior=None,
    jobs=1,
    progress=None,
    figures=None,
    network=NETWORK,
):
    """Find and score the transit candidates of one star or of many.

    Parameters
    ----------
    target : LightCurve, LightCurveCollection, path-like, str, or several of these
        As in `read`: FITS files, a glob, a folder, lightkurve objects; a list or iterator of them, or what `read`
        returned.
    period : (float or Quantity, float or Quantity), days, optional
        Range to search; default 0.4 d to half the baseline.
    min_snr : float
        Red-noise SNR from which on a dip is a candidate.
    max_candidates : int
        At most so many a star.
    prior : float or mapping of str to float, optional
        What share of the candidates of this search are planets, or the share of every class ("planet", "eclipse",
        "junk"); default: that of the training set, ``lcnet.load("transits/candidate").card["prevalence"]``.
    jobs : int
        Processes. A script that asks for more than one needs the ``if __name__ == "__main__":`` guard.
    progress : callable, optional
        Called as ``progress(done, total, target)`` after every star.
    figures : path-like, optional
        Folder for one PNG a star. A figure that cannot be made is a remark in `reason`.
    network : str, path, Network or None
        A name or file for `lcnet.load`, or what it gave; None searches only and leaves the probabilities NaN.

    Returns
    -------
    astropy.table.QTable
        One row a candidate, in the order of the input and the strongest candidate first; one row "no_candidate" for a
        star with nothing found, one "failed" with its `reason` for one that could not be scored. `duration` is the
        width of the box. A harmonic is the same body as the stronger candidate it belongs to (`harmonic_of`): its
        `p_planet` is never above that one's. The meta names the network, its version, sha256 and prior.

    Raises
    ------
    ReadError, FileNotFoundError, TypeError
        A single file, folder or glob of which nothing can be read; in a list it is a "failed" row. Or an empty list or
        collection.
    ValueError
        A prior or option that makes no sense.

    Examples
    --------
    >>> from lcnet import transits
    >>> table = transits.score("folder/*_lc.fits", figures="figures")  # doctest: +SKIP
    >>> table["target", "period", "depth", "p_planet"]  # doctest: +SKIP
    """
    period = _check(period, min_snr, max_candidates, jobs)
    sources = plan(target)
    alone = len(sources) == 1 and not several(target)
    if alone and sources[0].error is not None:
        raise sources[0].error
    net = _load(network)
    shares = None if net is None else prior_shares(net, prior)
    options = Options(
        period=period,
        min_snr=float(min_snr),
        max_candidates=int(max_candidates),
        views=net is not None,
        keep_curves=figures is not None,
    )
    if figures is not None:
        Path(figures).mkdir(parents=True, exist_ok=True)
    rows, names = [], set()
    stream = _reporting(find_all(sources, options, jobs=int(jobs)), len(sources), progress)
    while batch := list(islice(stream, _BATCH if figures is None else _BATCH_WITH_FIGURES)):
        if alone and batch[0].curve is None and isinstance(batch[0].error, (ValueError, OSError)):
            raise batch[0].error
        for found, probabilities in zip(batch, _predict(net, batch, shares), strict=True):
            here = _rows(found, probabilities)
            if figures is not None and found.search is not None:
                problem = _save_figure(found, here, Path(figures) / _file_name(found.target, names))
                if problem:
                    here = [{**row, "reason": _sentence(row["reason"], f"no figure: {problem}")} for row in here]
            rows += here
    return candidate_table(rows, _meta(net, shares, options))


def _check(period, min_snr, max_candidates, jobs):
    """The period range in plain days; a ValueError for options that make no sense."""
    if not min_snr > 0:
        raise ValueError(f"min_snr must be positive, got {min_snr}")
    if int(max_candidates) < 1 or int(jobs) < 1:
        raise ValueError("max_candidates and jobs must be at least 1")
    if period is None:
        return None
    try:
        values = tuple(plain(value, "d") for value in period)
    except TypeError:
        values = ()
    if len(values) != 2 or not 0 < values[0] < values[1]:
        raise ValueError(f"period must be (shortest, longest) in days, got {period}")
    return values


def _load(network):
    if network is None:
        return None
    if not hasattr(network, "predict_members"):
        import lcnet

        network = lcnet.load(os.fspath(network))
    if not {PLANET, JUNK} <= set(network.classes):
        told = ", ".join(network.classes)
        raise ValueError(f"score needs a network that tells {PLANET} and {JUNK} apart, not {told}")
    return network


def prior_shares(net, prior):
    """The prior share of every class, in the network's order; None for that of its training set.

    Parameters
    ----------
    net : Network
    prior : float, mapping or None
        A single number is the share of planets; the other classes keep their proportions.

    Returns
    -------
    array, shape (classes,), or None

    Raises
    ------
    ValueError
    """
    if prior is None:
        return None
    trained = _prevalence(net)
    if isinstance(prior, (int, float, np.integer, np.floating)):
        if not 0 < prior < 1:
            raise ValueError(f"prior must lie between 0 and 1, got {prior:g}")
        shares = trained.copy()
        planet = list(net.classes).index(PLANET)
        shares[planet] = 0.0
        shares *= (1 - prior) / shares.sum()
        shares[planet] = prior
        return shares
    if set(prior) != set(net.classes):
        raise ValueError(f"prior must give a share for each of {', '.join(net.classes)}; got {', '.join(prior)}")
    shares = np.array([float(prior[name]) for name in net.classes])
    if not (np.isfinite(shares).all() and (shares >= 0).all() and shares.sum() > 0):
        raise ValueError(f"prior must be non-negative shares, got {dict(prior)}")
    return shares / shares.sum()


def _prevalence(net) -> np.ndarray:
    known = net.card.get("prevalence")
    if known is None:
        raise ValueError("the network's card states no prevalence, so it cannot be given another prior")
    values = [known[name] for name in net.classes] if hasattr(known, "keys") else list(known)
    return np.array(values, dtype=float) / np.sum(values)


def _reporting(stream, total, progress):
    for done, found in enumerate(stream, 1):
        if progress is not None:
            progress(done, total, found.target)
        yield found


def network_inputs(net, found) -> dict[str, np.ndarray]:
    """What the network takes of the candidates that have views: one row each, stars in order.

    Parameters
    ----------
    net : Network
    found : sequence of Found

    Returns
    -------
    dict of str to array, float32
    """
    pairs = [
        (candidate, view[0])
        for star in found
        if star.search is not None
        for candidate, view in zip(star.search.candidates, star.views, strict=True)
        if not isinstance(view, Exception)
    ]
    inputs = {}
    for name in net.inputs:
        if name in WITHHELD:
            continue
        if pairs and name in pairs[0][1]:
            inputs[name] = np.stack([views[name] for _, views in pairs]).astype(np.float32)
        elif pairs and hasattr(pairs[0][0], name):
            inputs[name] = np.array([getattr(candidate, name) for candidate, _ in pairs], dtype=np.float32)
    return inputs


def _predict(net, batch, shares):
    """For each star an array (candidates, 3): p_transit, p_planet, p_planet_std, NaN where there is no view."""
    tables = [np.full((len(star.search.candidates) if star.search else 0, 3), np.nan) for star in batch]
    if net is None:
        return tables
    inputs = network_inputs(net, batch)
    if not inputs:
        return tables
    members = np.asarray(net.predict_members(inputs), dtype=float)
    mean = members.mean(axis=0)
    if shares is not None:
        from lcnet.core.calibration import reweight

        trained = _prevalence(net)
        # the mean is what was calibrated, so it is what another prior re-weights
        mean, members = reweight(mean, trained, shares), reweight(members, trained, shares)
    planet, junk = (list(net.classes).index(name) for name in (PLANET, JUNK))
    results = iter(np.column_stack([1 - mean[:, junk], mean[:, planet], members[:, :, planet].std(axis=0)]))
    for star, table in zip(batch, tables, strict=True):
        for number, view in enumerate(star.views):
            if not isinstance(view, Exception):
                table[number] = next(results)
    return tables


def _rows(found, probabilities) -> list[dict]:
    """The table's rows of one star."""
    known = {"target": found.target}
    notes, flags = (), ()
    if (curve := found.curve) is not None:
        known |= {"mission": curve.mission, "author": curve.author, "time_system": curve.time_system}
        notes, flags = curve.notes, curve.flags
    if found.error is not None:
        return [failed_row(reason=_sentence(found.error, *notes), flags=" ".join(flags), **known)]
    search = found.search
    if not search.candidates:
        reason = _sentence(search.reason, *notes)
        return [{**known, "flags": " ".join(flags), "status": "no_candidate", "reason": reason}]
    rows = []
    copied = ("period", "period_err", "epoch", "epoch_err", "duration", "depth", "snr", "sde", "n_transits")
    views = found.views or [({}, ())] * len(search.candidates)
    for number, (candidate, view, p) in enumerate(zip(search.candidates, views, probabilities, strict=True), 1):
        row = {**known, **{name: getattr(candidate, name) for name in copied}}
        row |= {"candidate": number, "coverage": candidate.coverage, "harmonic_of": candidate.harmonic_of}
        row |= {"p_transit": p[0], "p_planet": p[1], "p_planet_std": p[2], "status": candidate.status}
        words = list(notes)
        if candidate.harmonic_of and rows[candidate.harmonic_of - 1]["p_planet"] < p[1]:
            # the same body seen again, at a period or phase that hides what gave it away (an eclipse's other half)
            row |= {name: rows[candidate.harmonic_of - 1][name] for name in ("p_planet", "p_planet_std")}
            words.insert(0, f"the same body as candidate {candidate.harmonic_of}, whose p_planet it has")
        if isinstance(view, Exception):
            row["status"] = "failed"
            words.insert(0, f"no views: {view}")
            view = ({}, ())
        row["flags"] = " ".join(dict.fromkeys((*flags, *candidate.flags, *view[1])))
        row["reason"] = _sentence(*words)
        rows.append(row)
    return rows


def _sentence(*parts) -> str:
    return "; ".join(" ".join(str(part).split()) for part in parts if str(part))


def _meta(net, shares, options) -> dict:
    from lcnet import __version__

    meta = {"lcnet": __version__}
    if net is not None:
        card = net.card
        meta |= {"network": str(card.get("name", "")), "network_version": str(card.get("version", ""))}
        meta |= {"network_sha256": str(card.get("sha256", ""))}
        if shares is not None or card.get("prevalence"):
            believed = _prevalence(net) if shares is None else shares
            meta["prior_planet"] = float(believed[list(net.classes).index(PLANET)])
        if shares is None:
            meta["prior"] = "that of the training set"
        else:
            meta["prior"] = {str(name): float(share) for name, share in zip(net.classes, shares, strict=True)}
    meta |= {"duration": "duration is the box width", "min_snr": options.min_snr}
    meta["period_searched"] = list(options.period) if options.period else "0.4 d to half the baseline"
    meta["references"] = list(REFERENCES)
    return meta


def _file_name(target: str, taken: set[str]) -> str:
    stem = re.sub(r"[^\w.+-]+", "_", Path(target).name if os.sep in target else target).strip("_") or "star"
    name, number = f"{stem}.png", 2
    while name.lower() in taken:  # some file systems do not tell cases apart
        name, number = f"{stem}-{number}.png", number + 1
    taken.add(name.lower())
    return name


def _save_figure(found, rows, path: Path) -> str:
    """Draw and save a star's page; why there is none, or "". A table of a night must not be lost with a picture."""
    from lcnet.core.files import replaced

    try:
        from lcnet.transits.plots import plot_target

        figure = plot_target(found.curve, found.search, rows)
        with replaced(path) as temporary:
            figure.savefig(temporary, format="png", dpi=110)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""
