"""A table of candidates as people have it, from any of its files or readers, as `candidate_table` made it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from lcnet.transits.table import _CSV_SUFFIX, COLUMNS, MISSING, candidate_table, check_output

__all__ = ["as_written", "read_table"]


def read_table(path):
    """Read what `write_table` wrote.

    Parameters
    ----------
    path : path-like
        .ecsv, .vot or .xml (VOTable), .parquet or .csv.

    Returns
    -------
    astropy.table.QTable
        As `candidate_table` makes it, with its meta; that of a CSV is empty.

    Raises
    ------
    ValueError
        An unknown suffix, or no table of candidates.
    OSError
        The file cannot be read.
    """
    from astropy.table import QTable

    kind = check_output(path)
    if not Path(path).exists():
        raise FileNotFoundError(f"{path}: no such file")
    if kind == "votable":
        return as_written(_votable(path))
    return as_written(QTable.read(path, format="ascii.csv" if kind == "csv" else kind))


def _votable(path):
    from astropy.io.votable import parse

    file = parse(str(path))
    table = file.get_first_table().to_table()
    for info in file.resources[0].infos:
        try:
            table.meta[info.name] = json.loads(info.value)
        except ValueError:  # a word is written as it is
            table.meta[info.name] = info.value
    return table


def as_written(table):
    """A table that came back from a file, as it was before: its names, its units, what is missing.

    Parameters
    ----------
    table : astropy.table.Table
        Units are converted; the names of a CSV (``period_d``) are known; masked values are missing ones.

    Returns
    -------
    astropy.table.QTable
        All of `COLUMNS`, and the table's meta; other columns are left out.

    Raises
    ------
    ValueError
        No column ``target``, or a column that holds something else.
    """
    if "target" not in table.colnames:
        raise ValueError("the table has no column 'target'; give what score() or search() returned")
    columns = {}
    for name, (kind, unit, _) in COLUMNS.items():
        stored = next((one for one in (name, name + _CSV_SUFFIX[unit]) if one in table.colnames), None)
        if stored is not None:
            try:
                columns[name] = _plain(table[stored], kind, unit)
            except (TypeError, ValueError) as error:
                raise ValueError(f"column {stored!r} is no {name}: {error}") from error
    names = list(columns)
    return candidate_table(
        [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)], table.meta
    )


def _plain(column, kind, unit):
    """A column's values in the table's own unit, as plain numbers or texts."""
    from astropy import units as u
    from astropy.units import cds

    known = {"d": u.day, "h": u.hour, "ppm": cds.ppm, "R_earth": u.R_earth, "deg": u.deg}
    stored = getattr(column, "unit", None)
    values = getattr(column, "value", column)  # of a Quantity, masked or not
    mask = np.broadcast_to(getattr(values, "mask", False), np.shape(values))
    values = np.asarray(getattr(values, "unmasked", getattr(values, "data", values)))
    factor = 1.0 if stored is None or not unit else float((1.0 * stored).to_value(known[unit]))
    # np.ma.masked is an array too, and a float of it NaN: what is missing goes by the mask, not by the value
    return [MISSING[kind] if gone else _one(value, kind, factor) for value, gone in zip(values, mask, strict=True)]


def _one(value, kind, factor):
    if kind == "s":
        return value.decode() if isinstance(value, bytes) else str(value)
    return int(value) if kind == "i" else factor * float(value)
