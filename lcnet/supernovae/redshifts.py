"""Redshifts of host galaxies as people give them, one for each object."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lcnet.supernovae.archives import on_disk
from lcnet.supernovae.columns import named, numbers, plain, text_of, texts
from lcnet.supernovae.metadata import warn_if_strangers
from lcnet.supernovae.photometry import Photometry
from lcnet.supernovae.table_files import load_table

__all__ = ["Remarks", "given_redshifts"]

_ERROR = 0.01  # of a redshift that has none: a good photometric one


class Remarks(NamedTuple):
    """What is to be said of objects' redshifts: those that are none, those unlike the training's. Number -> words."""

    missing: dict[int, list[str]]
    strange: dict[int, list[str]]


def given_redshifts(photometry: Photometry, redshift, error, span) -> tuple[np.ndarray, np.ndarray, Remarks]:
    """Redshift and error of every object, arrays (n,), NaN where there is none, and remarks on them.

    Parameters
    ----------
    photometry : Photometry
    redshift, error
        As `redshift` and `redshift_err` of `lcnet.supernovae.classify`.
    span : tuple of float
        The redshifts that the network was trained on.

    Raises
    ------
    ValueError
        As `lcnet.supernovae.classify`.
    """
    names = photometry.objects["object"].to_numpy().astype(str)
    z, z_err = np.full(len(names), np.nan), np.full(len(names), np.nan)
    if redshift is None:
        if error is not None:
            raise ValueError("redshift_err without a redshift")
        return z, z_err, Remarks({}, {})
    if isinstance(redshift, str) and redshift == "host":
        z, z_err = (photometry.objects[name].to_numpy().copy() for name in ("redshift", "redshift_err"))
    else:
        if isinstance(redshift, str | os.PathLike):
            redshift = _table(Path(redshift))
        if hasattr(redshift, "columns") or hasattr(redshift, "colnames"):
            redshift, own = _columns(redshift)
            error = own if error is None else error
        if isinstance(redshift, Mapping):
            warn_if_strangers({text_of(key) for key in redshift}, names, "redshifts")
        z = _by_object(redshift, names, "redshift")
    if error is not None:
        z_err = _by_object(error, names, "redshift_err")
    infinite = np.isinf(z) | np.isposinf(z_err)
    z = np.where((z > 0) & ~infinite, z, np.nan)  # SNANA's -9 is no redshift
    z_err = np.where(np.isfinite(z), np.where(z_err > 0, z_err, _ERROR), np.nan)
    missing = {int(number): ["an infinite redshift is taken for none"] for number in np.flatnonzero(infinite)}
    # below the range is a nearby supernova, of which the training has many: the network takes it at the range's end
    strange = {int(number): [f"redshift {z[number]:.3g}, above {span[1]:g}"] for number in np.flatnonzero(z > span[1])}
    return z, z_err, Remarks(missing, strange)


def _table(path: Path):
    if not path.is_file():
        raise ValueError(f"redshift must be a number, an array, a table, its file or 'host': there is no file {path}")
    return load_table(path.name, on_disk(path).read())


def _columns(table) -> tuple[dict, dict | None]:
    """Redshifts and errors by name."""
    frame, _, _ = plain(table)
    key = named(frame, "object")
    column = next((one for one in ("redshift", "z", "REDSHIFT") if one in frame), None)
    if key is None or column is None:
        raise ValueError(f"a table of redshifts has object and redshift, not {', '.join(map(str, frame.columns))}")
    given = next((one for one in ("redshift_err", "z_err", "redshift_error") if one in frame), None)
    names, values = texts(frame[key]), numbers(frame[column])
    errors = None if given is None else numbers(frame[given])
    seen: dict[str, tuple] = {}
    for name, *said in zip(names, values, values if errors is None else errors, strict=True):
        if seen.setdefault(name, said) != said and not np.array_equal(seen[name], said, equal_nan=True):
            raise ValueError(f"the table of redshifts has two different ones of {name}")
    return dict(zip(names, values, strict=True)), None if errors is None else dict(zip(names, errors, strict=True))


def _by_object(values, names, what) -> np.ndarray:
    if isinstance(values, Mapping):
        values = {text_of(key): value for key, value in values.items()}
        return np.array([float(values.get(name, np.nan)) for name in names])
    array = np.asarray(getattr(values, "value", values), dtype=np.float64)
    if array.ndim == 0:
        if not (array > 0 and np.isfinite(array)):
            raise ValueError(f"{what} must be positive, not {array}")
        array = np.full(len(names), float(array))
    if array.shape != names.shape:
        raise ValueError(f"{what} has shape {array.shape} for {len(names)} objects: give one number, or one an object")
    return array
