"""The main job: light curves in, calibrated probabilities of their types out, at any epoch.

Read, take the window about the peak that the data show, give its nights to the network, and say what to be careful
about. Nothing but the photometry, the Milky Way's dust and a redshift that the caller asks for reaches the network.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np

from lcnet.supernovae import ood
from lcnet.supernovae.photometry import CLASSES, Photometry
from lcnet.supernovae.read import read
from lcnet.supernovae.redshifts import given_redshifts
from lcnet.supernovae.table import classification_table
from lcnet.supernovae.views import CHANNELS, make_views

__all__ = ["classify", "load_network"]

NETWORK = "supernovae/des"
_FEW = 3  # points in the window below which a type is a guess
_ENOUGH = 3  # bands
_BATCH = 4096
REFERENCES = (
    "Kessler et al. 2010, PASP 122, 1415 (the challenge)",
    "Charnock & Moss 2017, ApJL 837, L28 (sequence networks)",
    "Fitzpatrick 1999, PASP 111, 63 (dust)",
)


def classify(
    source,
    redshift=None,
    redshift_err=None,
    epochs="last",
    *,
    network=NETWORK,
    zeropoint=None,
    bands: Mapping | None = None,
    survey: str = "",
    metadata=None,
    dust: bool = True,
    progress=None,
):
    """Types of supernovae from their light curves.

    Parameters
    ----------
    source : path, glob, folder, archive, DataFrame, table, LightCurve, Photometry, or a list of these
        As in `read`.
    redshift : float, array, mapping, table, path, "host" or None
        Of the host galaxies, for networks that take it: one number for all, one an object in the order of the source,
        a mapping or a table (columns object, redshift, redshift_err) by object's name, or "host" for what the source
        says of the host (on the challenge HOST_GALAXY_PHOTO-Z; never REDSHIFT_FINAL, which may be a supernova's own
        spectrum). None, or an object that is not in the table or has no positive one there (SNANA's -9): without. One
        beyond those of the training is flagged `ood`.
    redshift_err : float, array or mapping, optional
        Its error; default: the source's or table's, else 0.01.
    epochs : {"last", "all"}
        One row an object, from all of its points, or one row an object and night from its first on, each from the
        points up to then.
    network : str, path or Network
        A name or file for `lcnet.load`, or what it gave.
    zeropoint, bands, survey, metadata
        As in `read`.
    dust : bool
        Correct for the Milky Way's dust by the source's MWEBV.
    progress : callable, optional
        Called as ``progress(done, total, "rows")``.

    Returns
    -------
    astropy.table.QTable
        One row an object in the order of the source, failed ones included, with ``status`` (ok, few_points: fewer than
        three; bands_missing: fewer than three of the network's four bands; failed) and ``reason``. With
        ``epochs="all"`` also ``mjd`` and ``epoch`` [d after the trigger].

    Raises
    ------
    FileNotFoundError
        There is nothing at `source`.
    ValueError
        A redshift of the wrong length, a single one that is not positive, an unknown kind of epochs, a table without
        object or redshift or with two redshifts of one object.

    Examples
    --------
    >>> from lcnet import supernovae
    >>> table = supernovae.classify("SIMGEN_PUBLIC_DES.tar.xz")  # doctest: +SKIP
    >>> table["object", "p_Ia", "type", "status"]  # doctest: +SKIP
    """
    if epochs not in ("last", "all"):
        raise ValueError(f"epochs must be 'last' or 'all', not {epochs!r}")
    photometry = read(source, zeropoint=zeropoint, bands=bands, survey=survey, metadata=metadata)
    net = load_network(network)
    z, z_err, remarks = given_redshifts(photometry, redshift, redshift_err, _range(net))
    whole = make_views(photometry, dust=dust)
    rows, until = np.arange(len(photometry)), None
    views = whole
    if epochs == "all":
        rows, until = _nights(photometry)
        views = make_views(photometry.take(rows), until=until, dust=dust)
    members = _predict(net, views, z[rows], z_err[rows], progress)
    # of a night, what was known by then
    doubts = ood.doubts(photometry.take(rows), views, net.card.get("ood"), until=until)
    columns = _columns(photometry, rows, views, members, net.classes)
    columns |= {"redshift": z[rows], "redshift_err": z_err[rows]}
    columns |= _verdicts(photometry, rows, views, doubts, remarks)
    if epochs == "all":
        epoch = until - whole.trigger[rows]
        # the trigger is rounded to 1/1024 d: on its own night the epoch is zero
        columns |= {"mjd": until, "epoch": np.where(np.abs(epoch) < 2e-3, 0.0, epoch)}
    return classification_table(columns, _meta(net, redshift, dust), epochs=epochs == "all")


def load_network(network):
    """The network of a name or path, or the one given.

    Raises
    ------
    ValueError
        For one that does not tell Ia, Ibc and II apart; see also `lcnet.load`.
    """
    if not hasattr(network, "predict_members"):
        import lcnet

        network = lcnet.load(os.fspath(network))
    if tuple(network.classes) != CLASSES:
        raise ValueError(f"classify needs a network of Ia, Ibc and II, not {', '.join(network.classes)}")
    return network


def _range(net) -> tuple[float, float]:
    """The redshifts it was trained on."""
    found = (net.card.get("inputs") or {}).get("redshift") or {}
    return tuple(found.get("range") or (0.0, np.inf))


def _nights(photometry: Photometry) -> tuple[np.ndarray, np.ndarray]:
    """Object and last time of every night of every object; one row, without a time, for an object without points."""
    owner, mjd = photometry.owner, photometry.mjd
    if not len(mjd):
        return np.arange(len(photometry)), np.full(len(photometry), np.nan)
    last = np.r_[(owner[1:] != owner[:-1]) | (np.diff(mjd) > 0.5), True]
    empty = np.flatnonzero(np.diff(photometry.start) == 0)
    rows, until = np.r_[owner[last], empty], np.r_[mjd[last], np.full(len(empty), np.nan)]
    order = np.argsort(rows, kind="stable")
    return rows[order], until[order]


def _predict(net, views, z, z_err, progress) -> np.ndarray:
    """What each member says, array (members, n, 3); NaN for objects without a point in the window."""
    n = len(views.peak)
    there = np.flatnonzero(views.n_obs > 0)
    found = None
    for first in range(0, len(there), _BATCH):
        some = there[first : first + _BATCH]
        inputs = {name: values[some] for name, values in views.inputs.items()}
        inputs |= {"redshift": z[some], "redshift_err": z_err[some]}
        said = net.predict_members({name: values for name, values in inputs.items() if name in net.inputs})
        if found is None:
            found = np.full((len(said), n, said.shape[2]), np.nan)
        found[:, some] = said
        if progress is not None:
            progress(min(first + _BATCH, len(there)), len(there), "rows")
    return np.full((1, n, 3), np.nan) if found is None else found


def _columns(photometry, rows, views, members, classes) -> dict:
    mean = members.mean(axis=0)
    known = np.isfinite(mean[:, 0])
    kinds = np.where(known, np.array(classes)[np.where(known[:, None], mean, 0).argmax(axis=1)], "")
    columns = {f"p_{name}": mean[:, column] for column, name in enumerate(classes)}
    return columns | {
        "object": photometry.objects["object"].to_numpy()[rows].astype(str),
        "p_Ia_std": members[:, :, 0].std(axis=0),
        "type": kinds,
        "mjd_trigger": views.trigger,
        "mjd_peak": views.peak,
        "n_obs": views.n_obs,
        "bands": ["".join(name for name, seen in zip(CHANNELS, one, strict=True) if seen) for one in views.seen],
    }


def _verdicts(photometry, rows, views, doubts, remarks) -> dict:
    """Columns status, reason and ood."""
    objects = photometry.objects
    unknown = _unknown(photometry)
    first, why = objects["status"].to_numpy(), objects["reason"].to_numpy()
    status, reason, strange = [], [], []
    for row, number in enumerate(rows):
        words = [str(why[number])] if why[number] else []
        words += unknown.get(number, [])
        if first[number] != "ok":
            found = "failed"
        elif views.n_obs[row] == 0:
            found = "failed"
            none = photometry.start[number] == photometry.start[number + 1]
            where = "finite flux and a positive error" if none else ", ".join(CHANNELS)
            words.insert(0, f"no point {'with a' if none else 'in'} {where}")
        elif views.n_obs[row] < _FEW:  # before the bands: fewer than three points are never in three bands
            found = "few_points"
            words.insert(0, f"{views.n_obs[row]} point{'s' if views.n_obs[row] > 1 else ''} in the window")
        elif views.seen[row].sum() < _ENOUGH:
            found = "bands_missing"
            without = [name for name, seen in zip(CHANNELS, views.seen[row], strict=True) if not seen]
            words.insert(0, f"no point in {', '.join(without)}")
        else:
            found = "ok"
        said = [*doubts[row], *remarks.strange.get(number, [])] if found != "failed" else []
        words += remarks.missing.get(number, [])
        status.append(found)
        strange.append(bool(said))
        reason.append("; ".join(words + [f"out of distribution: {', '.join(said)}"] * int(bool(said))))
    return {"status": status, "reason": reason, "ood": strange}


def _unknown(photometry: Photometry) -> dict[int, list[str]]:
    """What is said of points in bands that nobody knows."""
    codes = [code for code, band in enumerate(photometry.bands) if not band.name]
    found: dict[int, list[str]] = {}
    for code in codes:
        band = photometry.bands[code]
        of = f" of survey {band.survey!r}" if band.survey else ""
        counts = np.bincount(photometry.owner[photometry.band == code], minlength=len(photometry))
        for number in np.flatnonzero(counts):
            found.setdefault(int(number), []).append(
                f"unknown band {band.letter!r}{of}: {counts[number]} points left out"
                f" (bands={{{band.letter!r}: ...}} names it)"
            )
    return found


def _meta(net, redshift, dust) -> dict:
    from lcnet import __version__

    card = net.card
    meta = {"lcnet": __version__, "network": str(card.get("name", ""))}
    meta |= {"network_version": str(card.get("version", "")), "network_sha256": str(card.get("sha256", ""))}
    meta["prevalence"] = dict(card.get("prevalence") or {})
    meta["redshift"] = (
        "none" if redshift is None else "host" if isinstance(redshift, str) and redshift == "host" else "given"
    )
    meta["dust"] = "Fitzpatrick 1999, R_V 3.1, by MWEBV" if dust else "not corrected"
    if card.get("threshold_Ia"):
        meta["threshold_Ia"] = dict(card["threshold_Ia"])
    meta["references"] = list(REFERENCES)
    return meta
