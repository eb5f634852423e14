"""Tables of known events (TCEs, KOIs, TOIs, one's own): what is to be scored, row by row."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lcnet.transits.ephemeris import FULL_BJD, check_ephemeris
from lcnet.transits.known import ZERO, Ephemeris
from lcnet.transits.periods import central_duration
from lcnet.transits.tce_columns import Columns, star_key

__all__ = ["TCE", "ephemerides", "is_table", "load_tces", "read_binaries", "read_tces", "star_key", "tces_of"]

_FORMATS = {".ecsv": "ascii.ecsv", ".vot": "votable", ".xml": "votable", ".votable": "votable", ".tbl": "ascii.ipac"}
_FORMATS |= {".parquet": "parquet", ".fits": "fits"}

# d; what lies outside is a slip of a table, and its numbers overflow where the star's other events are measured
SHORTEST, LONGEST, FARTHEST = 1e-3, 1e6, 1e8


@dataclass(frozen=True)
class TCE:
    """One row of a table of known events.

    Attributes
    ----------
    place : int
        Its row.
    ephemeris : Ephemeris
    target : str
        What to read: a path, "KIC 11442793", a name; "" where the table says nothing.
    key : str
        The star by its number, "KIC 11442793" or "11442793"; "" without one.
    problem : str
        Why it cannot be used; "" if it can.
    """

    place: int
    ephemeris: Ephemeris
    target: str = ""
    key: str = ""
    problem: str = ""


def is_table(thing) -> bool:
    """Whether this is an astropy Table or a DataFrame, and no light curve (which is a table too)."""
    if hasattr(thing, "flux") and hasattr(thing, "time"):
        return False
    return hasattr(thing, "colnames") or (hasattr(thing, "columns") and hasattr(thing, "iloc"))


def read_tces(path) -> list[TCE]:
    """The events of a file: CSV, ECSV, VOTable, IPAC table, Parquet or FITS, by its suffix; CSV may be gzipped.

    Raises
    ------
    OSError
        It cannot be read.
    ValueError
        It is no table of this format, or a column that is needed is not there.
    """
    return load_tces(path)[0]


def load_tces(table) -> tuple[list[TCE], dict]:
    """The events of a table or of its file, and the files of its stars where its meta names them (as `score` does)."""
    if is_table(table):
        return tces_of(table), dict(getattr(table, "meta", {}).get("sources") or {})
    path = Path(table)
    opened, units = _opened(path)
    try:
        return tces_of(opened, units=units), dict(getattr(opened, "meta", {}).get("sources") or {})
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def read_binaries(path) -> list[tuple[str, float, float]]:
    """Known eclipsing binaries of a file: (name, period [d], epoch [BJD]); rows without a period are left out.

    Columns are found as those of events, without a duration; the Kepler catalogue's ``bjd0`` and
    ``bjd0_minus_2400000`` (Kirk et al. 2016) are known too.

    Raises
    ------
    OSError, ValueError
        As `read_tces`.
    """
    table, units = _opened(Path(path))
    try:
        columns = Columns(table, units)
        period, _ = columns.span("period")
        epoch, system = columns.epochs()
        names, keys = columns.stars()
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    full = [
        value + ZERO.get(one, 0.0 if value > FULL_BJD else np.nan) for value, one in zip(epoch, system, strict=True)
    ]
    if np.isfinite(epoch).any() and not np.isfinite(full).any():
        raise ValueError(f"{path}: its epochs are no full BJD, and nothing says from where they count")
    rows = zip(
        (key or name for key, name in zip(keys, names, strict=True)), map(float, period), map(float, full), strict=True
    )
    return [row for row in rows if row[1] > 0 and np.isfinite(row[2])]


def _opened(path):
    """`_read`, its errors naming the file."""
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        return _read(path)
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's; astropy says that of a file that is no FITS too
        said = " ".join(str(error).split())[:200]
        raise ValueError(f"{path}: cannot be read as a table ({type(error).__name__}: {said})") from None


def _read(path):
    """A table, and the units that the comments of an archive's CSV state."""
    import gzip
    import warnings

    from astropy.table import Table

    kind = _FORMATS.get(path.suffix.lower())
    if kind is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # units and dialects of other people's files
            return Table.read(path, format=kind), {}
    import pandas

    raw = path.read_bytes()
    text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8-sig", "replace")
    lines = text.splitlines()
    skipped = next((number for number, line in enumerate(lines) if not line.startswith("#")), len(lines))
    comments = lines[:skipped]
    if comments and "%ECSV" in comments[0]:
        return Table.read(lines, format="ascii.ecsv"), {}
    if not any(line.strip() for line in lines[skipped:]):
        raise ValueError("it is empty")
    units = {}
    for line in comments:
        if found := re.match(r"#\s*COLUMN\s+(\w+):.*\[([^\]]+)\]\s*$", line):
            units[found[1]] = found[2]
    from io import StringIO

    options = {"float_precision": "round_trip", "skipinitialspace": True, "low_memory": False}
    return pandas.read_csv(StringIO("\n".join(lines[skipped:])), **options), units


def tces_of(table, *, units=None) -> list[TCE]:
    """The events of a table.

    Parameters
    ----------
    table : astropy Table or DataFrame
        Periods, epochs and durations under any of the known names. Stars by path, number or name; without such a column
        they must be given beside the table.
    units : mapping of str to str, optional
        Of columns that carry none.

    Returns
    -------
    list of TCE
        One a row, in order. One whose numbers are no ephemeris has its `problem`.

    Raises
    ------
    ValueError
        A column that is needed is not there, has a unit that makes no sense, or holds days where hours are meant.
    """
    columns = Columns(table, units or {})
    period, _ = columns.span("period")
    epoch, system = columns.epochs()
    duration, stated = columns.span("duration")
    if not stated:
        _check_hours(period, duration, columns.found["duration"])
    targets, keys = columns.stars()
    tces = []
    for place in range(period.size):
        numbers = (float(period[place]), float(epoch[place]), float(duration[place]))
        problem = ""
        missing = [
            name for name, value in zip(("period", "epoch", "duration"), numbers, strict=True) if np.isnan(value)
        ]
        if missing:
            problem = f"no {' and no '.join(missing)} in the table"
        else:
            try:
                check_ephemeris(*numbers)
            except ValueError as error:
                problem = str(error)
            if not problem and not (SHORTEST < numbers[0] < LONGEST and abs(numbers[1]) < FARTHEST):
                problem = f"period {numbers[0]:g} d with epoch {numbers[1]:g} is no orbit's"
        tces.append(TCE(place, Ephemeris(*numbers, system[place]), targets[place], keys[place], problem))
    return tces


def _check_hours(period, duration, name):
    """Durations without a unit are hours. A whole table of them in days would be scored as slivers of its transits.

    The transit of a star of solar density is known to a factor of a few: where the values are a twentieth of it, and as
    days would be right, they are days.
    """
    usable = (period > SHORTEST) & (period < LONGEST) & (duration > 0) & (duration < 24 * LONGEST)
    if usable.sum() < 3:
        return
    ratio = float(np.median(duration[usable] / central_duration(period[usable])))
    if ratio < 0.15 and 0.2 < 24 * ratio < 5:
        raise ValueError(
            f"the durations in {name!r} look like days: their median is {ratio:.2g} of a transit of a Sun-like star if "
            f"they are hours. Name the column {name}_d or {name}_h, or give it a unit"
        )


def ephemerides(period, epoch, duration) -> list[TCE]:
    """The events of `score(lc, period=, epoch=, duration=)`: one, or arrays of them.

    Parameters
    ----------
    period : float, Quantity or array of them, days
    epoch : float, Quantity, Time or array of them, days
    duration : float, Quantity or array of them, hours

    Raises
    ------
    ValueError
        One is missing, their numbers differ, or one is no ephemeris.
    """
    given = {"period": period, "epoch": epoch, "duration": duration}
    missing = [name for name, value in given.items() if value is None]
    if missing:
        raise ValueError(f"an ephemeris needs period, epoch and duration; {', '.join(missing)} not given")
    system = ""
    if hasattr(epoch, "isot"):
        given["epoch"], system = epoch.tdb.jd, "BJD"
    plain = {}
    for name, value in given.items():
        unit = "h" if name == "duration" else "d"
        if hasattr(value, "to_value"):
            value = value.to_value(unit)
        elif isinstance(value, (list, tuple)):
            value = [one.to_value(unit) if hasattr(one, "to_value") else one for one in value]
        plain[name] = np.ravel(np.asarray(value, float))
    sizes = {name: values.size for name, values in plain.items()}
    length = max(sizes.values())
    if not length or any(size not in (1, length) for size in sizes.values()):
        raise ValueError(f"period, epoch and duration differ in number: {sizes}")
    columns = [np.broadcast_to(values, length) for values in plain.values()]
    found = [Ephemeris(*map(float, numbers), system) for numbers in zip(*columns, strict=True)]
    for one in found:
        check_ephemeris(one.period, one.epoch, one.duration)
    return [TCE(place, one) for place, one in enumerate(found)]
