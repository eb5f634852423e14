"""Photometry of any kind in, one container out: `read`.

Which reader a file gets is decided by what it is (its name, its first bytes, its columns), not by an option.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from itertools import chain, groupby
from pathlib import Path

import numpy as np

from lcnet.supernovae import archives, snana_fits
from lcnet.supernovae.bands import lookup
from lcnet.supernovae.columns import text_of, zeropoint_of
from lcnet.supernovae.photometry import Photometry
from lcnet.supernovae.snana_text import is_snana, parse_texts
from lcnet.supernovae.table_files import is_table, load_table, looks_like_table
from lcnet.supernovae.tables import is_light_curve, join_light_curves, read_table

__all__ = ["read"]


def read(source, *, zeropoint=None, bands: Mapping | None = None, survey: str = "", metadata=None) -> Photometry:
    """Light curves of supernovae from files, archives or tables.

    Parameters
    ----------
    source : path, glob, folder, DataFrame, table, LightCurve, Photometry, or a list of these
        SNANA text files; SNANA FITS, of which the HEAD file or both are named; PLAsTiCC CSV; tables of ZTF alerts (a
        broker's, or the alerts themselves) and forced photometry; any table with an object, a time, a band and a flux
        or magnitude with its error; tar and zip archives of all of these; lightkurve LightCurves, of which those with
        one label are the bands of one object.
    zeropoint : float or unit, optional
        Of the fluxes of a table: the magnitude of flux 1, or their unit ("nJy": 31.4). Default: the table's own unit,
        what the flux is by definition (SNANA's FLUXCAL 27.5, LSST's psfFlux nJy) or a ``zeropoint`` column, else 27.5.
    bands : mapping, optional
        What letters mean that lcnet does not know: ``{"X": "g"}``, ``{("MYSURVEY", "X"): "g"}``.
    survey : str, optional
        Of a file or table that does not say it itself, so that its letters are understood; default for a table: lcnet's
        own band names. A survey that stands before a letter (``CFA3K-g``) or in a column of the points goes before.
    metadata : path or table, optional
        Of a table: one row an object, with redshift (of the host), redshift_err, mwebv ...

    Returns
    -------
    Photometry
        One row an object, failed ones included: nothing that was given is missing.

    Raises
    ------
    FileNotFoundError
        There is nothing at `source`; in a list it is a failed row.
    ValueError
        For a mapping to a band that does not exist, a zeropoint that is none, a table that cannot be understood (one of
        several is a failed row).

    Examples
    --------
    >>> from lcnet import supernovae
    >>> photometry = supernovae.read("SIMGEN_PUBLIC_DES.tar.xz")  # doctest: +SKIP
    """
    find = lookup(bands)
    if zeropoint is not None:
        zeropoint_of(zeropoint)  # wrong whatever the source is
    if isinstance(metadata, str | os.PathLike):
        metadata = load_table(str(metadata), archives.on_disk(Path(metadata)).read())
    options = {"zeropoint": zeropoint, "survey": survey, "metadata": metadata, "lookup": find}
    parts = list(_parts(source, options))
    if not parts:
        raise FileNotFoundError(f"no light curve in {source}")
    return Photometry.concatenate(parts)


def _parts(source, options):
    if isinstance(source, Photometry):
        yield source
    elif isinstance(source, str | os.PathLike):
        yield from _files(archives.files_of(source), options)
    elif hasattr(source, "columns") or hasattr(source, "colnames") or isinstance(source, Mapping):
        yield read_table(source, **options)
    elif isinstance(source, Iterable) or hasattr(source, "__getitem__"):  # a LightCurveCollection has the latter alone
        sources = [*source] if isinstance(source, Iterable) else [source[k] for k in range(len(source))]
        yield from _several(sources, options) if len(sources) > 1 else chain(*(_parts(one, options) for one in sources))
    else:
        raise TypeError(f"a source is a path, a table, a light curve or a list of these, not {source!r}")


def _several(sources, options):
    """Each of several sources in its place; of these what cannot be read is a failed row."""
    curves = [one for one in sources if is_light_curve(one)]
    for together, some in groupby(sources, key=lambda one: isinstance(one, str | os.PathLike)):
        if together:
            yield from _files([file for one in some for file in _named(one)], options)
            continue
        for one in some:
            if not is_light_curve(one):
                yield from _guarded(one, options)
            elif curves:  # the bands of one object are read together, where the first stands
                yield from _light_curves(curves, options)
                curves = []


def _named(source):
    try:
        yield from archives.files_of(source)
    except FileNotFoundError as error:
        yield archives.unreadable(str(source), error)


def _guarded(source, options, name: str = "table"):
    try:
        yield from list(_parts(source, options))
    except (ValueError, LookupError, ArithmeticError, OSError) as error:
        yield _failed(name, error, options)


def _light_curves(curves, options):
    label = lambda curve: text_of(curve.meta["LABEL"])  # noqa: E731
    for name in dict.fromkeys(map(label, curves)):
        try:
            joined = join_light_curves([one for one in curves if label(one) == name], zeropoint=options["zeropoint"])
            yield read_table(joined, **{**options, "zeropoint": None})
        except ValueError as error:
            yield _failed(name, error, options)


def _files(files, options):
    """Many files: SNANA text that stands together is parsed together, pairs of FITS are read where the first stands."""
    files = list(files)
    pairs = snana_fits.pair_up(files)
    texts: list[tuple[str, bytes]] = []
    for place, file in enumerate(files):
        if place not in pairs and snana_fits.is_half(file.name):
            continue  # read with its other half
        try:
            found = _one(file, pairs.get(place), texts, options)
        except Exception as error:  # whatever a file does to a reader is that file's row, not the end of the others
            found = _failed(file.name, error, options)
        if found is None:
            continue
        if texts:  # rows keep the order of the source
            yield _snana(texts, options)
            texts.clear()
        yield found
    if texts:
        yield _snana(texts, options)


def _one(file, pair, texts, options) -> Photometry | None:
    """What is in a file; None for SNANA text, which is put to `texts`."""
    if pair is not None:
        return snana_fits.read_pair(*pair, survey=options["survey"], lookup=options["lookup"])
    data = file.read()
    if not is_table(file.name) and (is_snana(data) or not looks_like_table(data)):
        texts.append((file.name, data))
        return None
    found = read_table(load_table(file.name, data), name=archives.stem(file.name), source=file.name, **options)
    if not len(found):
        raise ValueError("a table without rows")
    return found


def _snana(texts, options) -> Photometry:
    objects, truths, points = parse_texts(texts)
    for one in objects:
        one["survey"] = one.get("survey") or options["survey"]
    columns = ("mjd", "band", "flux", "flux_err", "detected")
    if "mjd" not in points:
        points = points.assign(**{name: np.array([], dtype=float) for name in columns})
    points = points[points["mjd"].notna()]
    mjd, band, flux, flux_err, detected = (points[name].to_numpy() for name in columns)
    return Photometry.build(
        objects,
        points["owner"].to_numpy(dtype=np.int64),
        mjd,
        band,
        flux,
        flux_err,
        detected=detected,
        truth=truths,
        lookup=options["lookup"],
    )


def _failed(name: str, error: Exception, options) -> Photometry:
    reason = " ".join(str(error).split())
    if not reason or not isinstance(error, ValueError | OSError):
        reason = f"{type(error).__name__}: {reason}"
    row = {"object": archives.stem(name), "source": name, "status": "failed", "reason": reason}
    empty = np.array([], dtype=float)
    return Photometry.build([row], empty, empty, empty.astype(str), empty, empty, lookup=options["lookup"])
