"""Photometry of any kind in, one container out: `read`.

Which reader a file gets is decided by what it is (its name, its first bytes, its columns), not by an option.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from lcnet.supernovae import archives
from lcnet.supernovae.bands import lookup
from lcnet.supernovae.photometry import Photometry

__all__ = ["read"]

_TABLES = (".csv", ".csv.gz", ".parquet", ".ecsv", ".vot", ".json")
_FITS = (".fits", ".fits.gz", ".fit")


def read(source, *, zeropoint=None, bands: Mapping | None = None, survey: str = "", metadata=None) -> Photometry:
    """Light curves of supernovae from files, archives or tables.

    Parameters
    ----------
    source : path, glob, folder, DataFrame, table, LightCurve, Photometry, or a list of these
        SNANA text files; SNANA FITS, of which the HEAD file or both are named; tar and zip archives of either; PLAsTiCC
        CSV; tables of ZTF alerts (a broker's, or the alerts themselves); any table with an object, a time, a band and a
        flux or magnitude with its error; lightkurve LightCurves.
    zeropoint : float or "nJy", optional
        Of the fluxes of a table: the magnitude of flux 1 (nJy: 31.4). Default: the table's own ``zeropoint`` column or
        unit, else 27.5. SNANA's FLUXCAL is at 27.5 by definition.
    bands : mapping, optional
        What letters mean that lcnet does not know: ``{"X": "g"}``, ``{("MYSURVEY", "X"): "g"}``.
    survey : str, optional
        Of a table that does not say it itself, so that its letters are understood; default: lcnet's own band names.
    metadata : path or DataFrame, optional
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
        For a mapping to a band that does not exist.

    Examples
    --------
    >>> from lcnet import supernovae
    >>> photometry = supernovae.read("SIMGEN_PUBLIC_DES.tar.xz")  # doctest: +SKIP
    """
    find = lookup(bands)
    options = {"zeropoint": zeropoint, "survey": survey, "metadata": metadata, "lookup": find}
    parts = list(_parts(source, options))
    if not parts:
        raise FileNotFoundError(f"no light curve in {source}")
    return Photometry.concatenate(parts)


def _parts(source, options):
    if isinstance(source, Photometry):
        yield source
    elif isinstance(source, str | os.PathLike):
        yield from _files(archives.paths_of(source), options)
    elif hasattr(source, "columns") or hasattr(source, "colnames"):
        yield _table(source, options)
    elif not isinstance(source, Mapping | Iterable):
        raise TypeError(f"a source is a path, a table, a light curve or a list of these, not {source!r}")
    elif isinstance(source, Mapping):
        import pandas as pd

        yield _table(pd.DataFrame(dict(source)), options)
    else:
        paths = []
        for one in source:
            if isinstance(one, str | os.PathLike):
                paths.append(one)
            else:
                yield from _files(_expanded(paths), options) if paths else ()
                paths = []
                yield from _parts(one, options)
        if paths:
            yield from _files(_expanded(paths), options)


def _expanded(sources) -> list[Path]:
    """The files of several sources; one of many that is not there stays in the list, to become a failed row."""
    if len(sources) == 1:
        return archives.paths_of(sources[0])
    found = []
    for one in sources:
        try:
            found += archives.paths_of(one)
        except FileNotFoundError:
            found.append(Path(one))
    return found


def _files(paths: list[Path], options):
    """Many files: all SNANA text of a run is parsed together."""
    from lcnet.supernovae.snana_fits import pair_heads

    texts: list[tuple[str, bytes]] = []
    heads, photometries = pair_heads([path for path in paths if str(path).lower().endswith(_FITS)])
    for path in paths:
        name = str(path).lower()
        try:
            if path in photometries:
                continue
            if archives.is_archive(name) or path in heads or name.endswith(_TABLES) or name.endswith(_FITS):
                if texts:
                    yield _snana(texts, options)
                    texts = []
                yield from _one(path, heads.get(path), options)
            else:
                texts.append((str(path), archives.slurp(path)))
        except (ValueError, OSError) as error:
            if texts:  # rows keep the order of the source
                yield _snana(texts, options)
                texts = []
            yield _failed(path, error, options)
    if texts:
        yield _snana(texts, options)


def _one(path: Path, photometry, options):
    from lcnet.supernovae import snana_fits

    name = str(path).lower()
    if archives.is_archive(name):
        texts, tables, damage = [], {}, None
        try:
            for member, data in archives.open_archive(path):
                if member.lower().endswith(_FITS):
                    tables[member] = data
                else:
                    texts.append((member, data))
        except ValueError as error:  # what lies before the damage is kept
            damage = error
        if texts:
            yield _snana(texts, options)
        if tables:
            yield from snana_fits.read_members(tables, options["lookup"])
        if damage is not None:
            raise damage
        if not texts and not tables:
            raise ValueError(f"{path} holds no light curve")
    elif name.endswith(_FITS):
        yield snana_fits.read_pair(path, photometry, options["lookup"])
    else:
        yield _table(_load(path), options, source=str(path))


def _load(path: Path):
    import pandas as pd

    name = str(path).lower()
    if name.endswith((".csv", ".csv.gz")):
        return pd.read_csv(path, dtype={"object_id": str, "objectId": str, "oid": str, "SNID": str, "snid": str})
    if name.endswith(".parquet"):
        return pd.read_parquet(path)
    if name.endswith(".json"):
        return pd.read_json(path, dtype={"oid": str})
    from astropy.table import Table

    return Table.read(path).to_pandas()


def _table(table, options, source: str = "") -> Photometry:
    from lcnet.supernovae.tables import read_table

    try:
        found = read_table(table, source=source, **options)
        if source and not len(found):
            raise ValueError("a table without rows")
        return found
    except (ValueError, KeyError) as error:
        if not source:
            raise
        return _failed(Path(source), error, options)


def _snana(texts, options) -> Photometry:
    from lcnet.supernovae.snana_text import parse_texts

    objects, truths, points = parse_texts(texts)
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


def _failed(path: Path, error: Exception, options) -> Photometry:
    reason = " ".join(str(error).split())
    row = {"object": path.name.split(".")[0], "source": str(path), "status": "failed", "reason": reason}
    empty = np.array([], dtype=float)
    return Photometry.build([row], empty, empty, empty.astype(str), empty, empty, lookup=options["lookup"])
