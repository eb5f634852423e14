"""The table of candidates: its columns with their units, and its files.

One table for `search` and `score`, in memory (a QTable) and on disk (ECSV, VOTable, Parquet, CSV). Missing numbers are
NaN, missing counts 0, missing words "".
"""

from __future__ import annotations

import json
from array import array

import numpy as np

from lcnet.tables import FORMATS, file_format, votable
from lcnet.transits.vet import COLUMNS as VETTED

__all__ = [
    "COLUMNS",
    "FORMATS",
    "MISSING",
    "NotWritten",
    "Rows",
    "candidate_table",
    "check_output",
    "failed_row",
    "plain_row",
    "write_table",
]

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
    "duration": ("f", "h", "from first to fourth contact"),
    "depth": ("f", "ppm", "depth at mid-transit"),
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
    "planet_radius": ("f", "R_earth", "radius of the planet, from the depth and the radius of the star"),
    "rho_ratio": ("f", "", "density of the star that the transit asks for, over the star's own"),
    **VETTED,
    "depth_err": ("f", "ppm", "standard error of the depth"),
    "duration_err": ("f", "h", "standard error of the duration"),
    "impact": ("f", "", "impact parameter of the fitted transit"),
    "fap": ("f", "", "probability that noise like this star's gives such a peak anywhere in the search"),
    "ra": ("f", "deg", "right ascension of the header"),
    "dec": ("f", "deg", "declination of the header"),
}
# Digits that are printed. astropy's own writers use them too, so they keep more than any of these is known to:
# 1e-8 d is a millisecond
_SHOWN = {"period": ".8f", "epoch": ".6f", "duration": ".4f", "depth": ".2f", "snr": ".3f", "sde": ".3f"}
_SHOWN |= dict.fromkeys(("coverage", "p_transit", "p_planet", "p_planet_std", "ra", "dec"), ".5f")
MISSING = {"s": "", "i": 0, "f": np.nan}
_CSV_SUFFIX = {"d": "_d", "h": "_h", "ppm": "_ppm", "R_earth": "_R_earth", "deg": "_deg", "": ""}


def failed_row(target: str, reason: str, **known) -> dict:
    """The row of a target that could not be scored."""
    return {"target": target, "status": "failed", "reason": reason, **known}


class NotWritten(OSError):
    """A finished table that its file cannot take; it is here, in ``table``."""

    def __init__(self, message, table):
        super().__init__(message)
        self.table = table


class Rows:
    """Rows as they come, column by column: a night's table, not a dict of thirty names a row."""

    def __init__(self):
        empty = {"s": list, "i": lambda: array("q"), "f": lambda: array("d")}
        self._columns = {name: empty[kind]() for name, (kind, *_) in COLUMNS.items()}
        self._places = array("q")
        self._words: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._places)

    def add(self, row, place: int | None = None) -> None:
        """Add one row.

        Parameters
        ----------
        row : dict
            As in `candidate_table`.
        place : int, optional
            Where it belongs in the table; default: behind those before it.

        Raises
        ------
        KeyError
            A name that is no column.
        """
        if unknown := set(row) - set(self._columns):
            raise KeyError(f"no such column: {', '.join(sorted(unknown))}")
        for name, (kind, *_) in COLUMNS.items():
            value = row.get(name, MISSING[kind])
            # many rows say the same words: one string for all
            self._columns[name].append(self._words.setdefault(value, value) if kind == "s" else _plain(value, kind))
        self._places.append(len(self._places) if place is None else place)

    def column(self, name):
        """What has been added under one name, in the order of adding; a list or array that may be changed in place."""
        return self._columns[name]

    def table(self, meta=None):
        """The rows as `candidate_table` returns them."""
        import astropy.units as u
        from astropy.table import Column, QTable
        from astropy.units import cds

        # astropy knows ppm only among the units of the CDS
        units = {"d": u.day, "h": u.hour, "ppm": cds.ppm, "R_earth": u.R_earth, "deg": u.deg}
        order = np.argsort(np.array(self._places, dtype=np.int64), kind="stable")
        table = QTable(meta=dict(meta or {}))
        for name, (kind, unit, description) in COLUMNS.items():
            values = np.array(self._columns[name], dtype={"s": str, "i": np.int64, "f": np.float64}[kind])[order]
            table[name] = values * units[unit] if unit else Column(values)
            table[name].info.description = description
            if kind == "f":
                table[name].info.format = _SHOWN.get(name, ".4g")
        return table


def _plain(value, kind):
    return float(value) if kind == "f" else int(value)


def plain_row(row) -> dict:
    """A row of plain Python numbers and texts, which JSON gives back bit for bit; missing ones left out.

    A text that no file can hold (a file name in another encoding) has its bytes spelt out.
    """
    plain = {}
    for name, value in row.items():
        kind = COLUMNS[name][0]
        if kind == "s":
            value = str(value).encode("utf-8", "backslashreplace").decode()
        else:
            value = _plain(value, kind)
        if value == value and value != MISSING[kind]:
            plain[name] = value
    return plain


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
        All of `COLUMNS`, in that order. Each is printed with the digits that mean something; `write_table` writes all.

    Raises
    ------
    KeyError
        A row has a name that is no column.
    """
    collected = Rows()
    for row in rows:
        collected.add(row)
    return collected.table(meta)


def check_output(path) -> str:
    """The format of an output file by its suffix.

    Raises
    ------
    ValueError
        For a suffix that is none of `FORMATS`, or a folder.
    """
    return file_format(path, example="candidates.ecsv")


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
            votable(_for_file(table), spell=_spelt).to_xml(str(temporary))
        else:
            _for_file(table).write(temporary, format=kind, overwrite=True)


def _for_file(table):
    """The table with every digit of its numbers, in units that a new session of astropy knows: 1e-6 for ppm."""
    import astropy.units as u

    table = table.copy(copy_data=False)
    for name in table.colnames:
        if str(getattr(table[name], "unit", None) or "") == "ppm":
            said = table[name].info.description
            table[name] = table[name].value * u.Unit(1e-6)
            table[name].info.description = f"{said} (in ppm)"
        table[name].info.format = None
    return table


def _plain_columns(table):
    from astropy.table import Table

    plain = Table()
    for name in table.colnames:
        unit = str(getattr(table[name], "unit", None) or "")
        unit = {"earthRad": "R_earth"}.get(unit, unit)
        plain[name + _CSV_SUFFIX[unit]] = table[name].value if unit else np.asarray(table[name])
    return plain


def _spelt(value) -> str:
    """A value of the meta in a VOTable: JSON where it is no text."""
    return value if isinstance(value, str) else json.dumps(value)
