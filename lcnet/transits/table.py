"""The table of candidates: its columns with their units, and its files.

One table for `search` and `score`, in memory (a QTable) and on disk (ECSV, VOTable, Parquet, CSV). Missing numbers are
NaN, missing counts 0, missing words "".
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

__all__ = ["COLUMNS", "FORMATS", "candidate_table", "check_output", "failed_row", "write_table"]

# name -> (kind, unit, what it is); kinds: s text, i count, f number
COLUMNS = {
    "target": ("s", "", "catalogue and number from the header"),
    "mission": ("s", "", "Kepler, K2 or TESS"),
    "author": ("s", "", "pipeline of the light curve"),
    "candidate": ("i", "", "number of the candidate, the strongest first; 0 in a row without one"),
    "period": ("f", "d", "orbital period"),
    "period_err": ("f", "d", "its standard error"),
    "epoch": ("f", "d", "first mid-transit in the data, in the time system of the light curve"),
    "epoch_err": ("f", "d", "its standard error"),
    "time_system": ("s", "", "BKJD = BJD_TDB - 2454833, BTJD = BJD_TDB - 2457000, BJD, or unknown"),
    "duration": ("f", "h", "duration of the transit"),
    "depth": ("f", "ppm", "depth of the transit"),
    "snr": ("f", "", "depth over its error, red noise included"),
    "sde": ("f", "", "signal detection efficiency of the periodogram's peak"),
    "n_transits": ("i", "", "transits that hold data"),
    "coverage": ("f", "", "fraction of the transits expected that hold data"),
    "p_transit": ("f", "", "probability of a transit or eclipse: 1 - junk"),
    "p_planet": ("f", "", "probability of a planet-like transit"),
    "p_planet_std": ("f", "", "scatter of p_planet over the members of the ensemble"),
    "odd_even_sigma": ("f", "", "difference of odd and even transits"),
    "secondary_sigma": ("f", "", "significance of the strongest secondary eclipse"),
    "secondary_phase": ("f", "", "its phase"),
    "sine_sigma": ("f", "", "significance of a sine wave at the period"),
    "harmonic_of": ("i", "", "the stronger candidate this is a harmonic of; 0 for none"),
    "flags": ("s", "", "separated by spaces"),
    "status": ("s", "", "ok, no_candidate, single_transit or failed"),
    "reason": ("s", "", "why, in words"),
}
_MISSING = {"s": "", "i": 0, "f": np.nan}
_CSV_SUFFIX = {"d": "_d", "h": "_h", "ppm": "_ppm", "": ""}
FORMATS = {
    ".ecsv": "ascii.ecsv",
    ".vot": "votable",
    ".xml": "votable",
    ".parquet": "parquet",
    ".csv": "csv",
}


def failed_row(target: str, reason: str, **known) -> dict:
    """The row of a target that could not be scored."""
    return {"target": target, "status": "failed", "reason": reason, **known}


def candidate_table(rows, meta=None):
    """A table of candidates from one dict a row.

    Parameters
    ----------
    rows : sequence of dict
        Column name to plain number or text (days, hours, ppm); what is absent is missing.
    meta : dict, optional

    Returns
    -------
    astropy.table.QTable
        All of `COLUMNS`, in that order.

    Raises
    ------
    KeyError
        A row has a name that is no column.
    """
    import astropy.units as u
    from astropy.table import Column, QTable
    from astropy.units import cds

    # astropy knows ppm only among the units of the CDS
    units = {"d": u.day, "h": u.hour, "ppm": cds.ppm}
    rows = list(rows)
    for row in rows:
        if unknown := set(row) - set(COLUMNS):
            raise KeyError(f"no such column: {', '.join(sorted(unknown))}")
    table = QTable(meta=dict(meta or {}))
    for name, (kind, unit, description) in COLUMNS.items():
        values = [row.get(name, _MISSING[kind]) for row in rows]
        array = np.array(values, dtype={"s": str, "i": np.int64, "f": np.float64}[kind])
        if unit:
            column = array * units[unit]
            column.info.description = description
        else:
            column = Column(array, description=description)
        table[name] = column
    return table


def check_output(path) -> str:
    """The format of an output file by its suffix.

    Raises
    ------
    ValueError
        For a suffix that is none of `FORMATS`, or a folder.
    """
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"{path} is a folder; give a file, for example {path / 'candidates.ecsv'}")
    if path.suffix.lower() not in FORMATS:
        raise ValueError(f"{path}: cannot tell the format from {path.suffix!r}; use one of {', '.join(FORMATS)}")
    return FORMATS[path.suffix.lower()]


def write_table(table, path) -> None:
    """Write a table of candidates, whole or not at all.

    Parameters
    ----------
    table : QTable
        From `candidate_table`.
    path : path-like
        The suffix is the format: .ecsv, .vot or .xml (VOTable), .parquet, .csv. The depth has the unit 1e-6, which is
        the same: astropy knows "ppm" only after ``astropy.units.cds.enable()``, and without it would warn of the file
        and convert nothing. Plain CSV has no units, so its column names carry them: ``period_d``, ``duration_h``,
        ``depth_ppm``.

    Raises
    ------
    ValueError
        An unknown suffix.
    OSError
        The file cannot be written.
    """
    import warnings

    from lcnet.core.files import replaced

    kind = check_output(path)
    with replaced(path) as temporary, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # VOTable's remarks on units and the parquet writer's on metadata
        if kind == "csv":
            plain = _plain_columns(table)
            plain.write(temporary, format="ascii.csv", overwrite=True)
        elif kind == "votable":
            _votable(_known_units(table)).to_xml(str(temporary))
        else:
            _known_units(table).write(temporary, format=kind, overwrite=True)


def _known_units(table):
    """The table in units that a new session of astropy knows: 1e-6 for ppm."""
    import astropy.units as u

    table = table.copy(copy_data=False)
    for name in table.colnames:
        if str(table[name].unit or "") == "ppm":
            said = table[name].info.description
            table[name] = table[name].value * u.Unit(1e-6)
            table[name].info.description = f"{said} (in ppm)"
    return table


def _plain_columns(table):
    from astropy.table import Table

    plain = Table()
    for name in table.colnames:
        unit = COLUMNS[name][1] if name in COLUMNS else ""
        plain[name + _CSV_SUFFIX[unit]] = table[name].value if unit else np.asarray(table[name])
    return plain


def _votable(table):
    """The table with its meta as INFO elements, which astropy's own conversion leaves out."""
    from astropy.io.votable.tree import Info, VOTableFile
    from astropy.table import Table

    file = VOTableFile.from_table(Table(table, copy=True))
    for name, value in table.meta.items():
        file.resources[0].infos.append(Info(name=str(name), value=str(value)))
    return file
