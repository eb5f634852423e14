"""Photometry in tables: DataFrames, astropy tables, lightkurve LightCurves, PLAsTiCC; ZTF alerts through `alerts`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lcnet.supernovae import alerts
from lcnet.supernovae.columns import fluxes, mjd_of, named, numbers, plain, text_of, texts
from lcnet.supernovae.metadata import METADATA, by_object, describe
from lcnet.supernovae.photometry import ZEROPOINT, Photometry

__all__ = ["is_light_curve", "join_light_curves", "read_table"]


def read_table(table, *, zeropoint=None, survey="", metadata=None, lookup, name: str = "", source="") -> Photometry:
    """One table of points.

    Parameters
    ----------
    table : DataFrame, mapping, table of astropy or LightCurve
    zeropoint, survey : optional
        As in `lcnet.supernovae.read`.
    metadata : table, optional
        One row an object.
    lookup : callable
        ``lookup(survey, letter) -> Band``.
    name, source : str
        Of the object, where the table has only one and does not name it, and of the file.

    Raises
    ------
    ValueError
        If it has no time, no band, or neither a flux nor a magnitude.
    """
    frame, units, meta = plain(table)
    constant = frame[[one for one in METADATA if one in frame]]
    if alerts.is_packet(frame):
        frame, constant = alerts.unpack(frame), None
    if alerts.is_alerts(frame):
        frame, units, zeropoint, survey = alerts.to_flux(frame), {}, ZEROPOINT, survey or "ZTF"
    if "passband" in frame and "object_id" in frame:
        survey = survey or "PLASTICC"
    time, band, key = named(frame, "mjd"), named(frame, "band"), named(frame, "object")
    if time is None or (band is None and "band" not in meta):
        raise ValueError(f"a table needs a time (mjd) and a band; it has {', '.join(map(str, frame.columns[:12]))}")
    flux, flux_err = fluxes(frame, units, zeropoint)
    if key is None:
        names = np.full(len(frame), text_of(meta.get("object")) or name or "object", dtype=object)
    else:
        names = texts(frame[key])
        names[names == ""] = "unnamed"
    owner, names = pd.factorize(names)
    objects: list[dict] = [{"object": one, "survey": survey, "source": source} for one in names]
    truths: list[dict] = [{} for _ in objects]
    if metadata is None and constant is not None and len(constant.columns):
        # columns of the points' own table that are constant over an object
        metadata = constant.groupby(owner).first().set_axis(names)
    elif metadata is not None:
        metadata = by_object(metadata, names)
    if metadata is not None:
        describe(objects, truths, metadata)
    surveys = np.array([one["survey"] for one in objects], dtype=object)[owner]
    if stated := named(frame, "survey"):
        own = texts(frame[stated])
        surveys = np.where(own == "", surveys, own)
        pairs = pd.DataFrame({"owner": owner, "survey": surveys}).drop_duplicates().sort_values("survey")
        for number, together in pairs[pairs["survey"] != ""].groupby("owner")["survey"].agg("+".join).items():
            objects[number]["survey"] = together
    detected = None
    if found := named(frame, "detected"):
        detected = np.nan_to_num(numbers(frame[found]), nan=-1).astype(np.int8)
    return Photometry.build(
        objects,
        owner,
        mjd_of(frame[time]),
        texts(frame[band]) if band else np.full(len(frame), text_of(meta["band"])),
        flux,
        flux_err,
        # lcnet's own names where no survey is stated
        survey=np.where(surveys == "", "lcnet", surveys),
        detected=detected,
        truth=truths,
        lookup=lookup,
    )


def is_light_curve(table) -> bool:
    """Whether a table is one of lightkurve's, of one object in one band, and says which object."""
    return hasattr(table, "flux") and hasattr(table, "time") and bool(getattr(table, "meta", {}).get("LABEL"))


def join_light_curves(curves: Sequence, *, zeropoint=None) -> pd.DataFrame:
    """One table of the LightCurves of an object, or of several: each is one band.

    Raises
    ------
    ValueError
        As `read_table`.
    """
    frames = []
    for curve in curves:
        frame, units, meta = plain(curve)
        flux, flux_err = fluxes(frame, units, zeropoint)
        time, band = named(frame, "mjd"), named(frame, "band")
        if band is None and "band" not in meta:
            raise ValueError(f"the LightCurve of {meta['label']} does not say its band: set its meta['BAND']")
        made = {"object": text_of(meta["label"]), "mjd": mjd_of(frame[time]), "flux": flux, "flux_err": flux_err}
        frames.append(pd.DataFrame(made).assign(band=texts(frame[band]) if band else text_of(meta["band"])))
    return pd.concat(frames, ignore_index=True)
