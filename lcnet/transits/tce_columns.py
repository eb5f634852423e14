"""Which column of somebody's table is the period, the epoch, the duration and the star, and in which unit.

The names of the NASA Exoplanet Archive's tables are known (KOI, TOI, TCE), lcnet's own, and the plain ones. A unit in
the column's metadata goes before one in its name, and that before what is usual: days, and hours for a duration.
"""

from __future__ import annotations

import re

import numpy as np

__all__ = ["Columns", "star_key"]

# exoplanetarchive.ipac.caltech.edu/docs: API_kepcandidate_columns, API_tce_columns, API_TOI_columns, API_PS_columns
_ARCHIVE = {
    "period": {"koi_period": "d", "tce_period": "d", "pl_orbper": "d"},
    "epoch": {
        "koi_time0bk": "BKJD",
        "koi_time0": "BJD",
        "tce_time0bk": "BKJD",
        "tce_time0bt": "BTJD",
        "tce_time0": "BJD",
        "pl_tranmid": "BJD",
        "bjd0_minus_2400000": "BJD-2400000",
    },
    "duration": {"koi_duration": "h", "tce_duration": "h", "pl_trandurh": "h", "pl_trandur": "h"},
}
_PLAIN = {
    "period": ("period", "orbital_period", "orbper", "per", "porb"),
    "epoch": (
        "epoch",
        "bjd0",
        "epoc",
        "t0",
        "tc",
        "transit_epoch",
        "transit_midpoint",
        "mid_transit",
        "tranmid",
        "time0",
    ),
    "duration": ("duration", "transit_duration", "trandur", "dur", "t14"),
}
_NUMBERED = {
    "KIC": ("kepid", "kic", "kic_id", "kicid"),
    "TIC": ("tid", "tic", "tic_id", "ticid"),
    "EPIC": ("epic", "epic_id", "epicid", "epic_number"),
}
_PATHS = ("path", "file", "filename", "light_curve", "lightcurve")
_NAMES = ("target", "star", "object", "star_name", "target_name", "hostname", "name", "kepoi_name", "koi", "toi")
_UNITS = {
    **dict.fromkeys(("d", "day", "days"), "d"),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), "h"),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), "min"),
    **dict.fromkeys(("s", "sec", "second", "seconds"), "s"),
    **{name.lower(): name for name in ("BJD", "BKJD", "BTJD")},
}
_DAYS = {"d": 1.0, "h": 1 / 24, "min": 1 / 1440, "s": 1 / 86400}
_HOURS = {"d": 24.0, "h": 1.0, "min": 1 / 60, "s": 1 / 3600}
_ZEROS = {"2454833": "BKJD", "2457000": "BTJD"}


def star_key(text) -> str:
    """A star's number with its catalogue, written one way: "KIC 757450" for "kic-000757450"; "" for other names."""
    found = re.fullmatch(r"\s*(KIC|TIC|EPIC)?[\s_-]*0*(\d+)\s*", str(text), re.IGNORECASE)
    return f"{found[1].upper()} {found[2]}" if found and found[1] else found[2] if found else ""


class Columns:
    """The columns of a table by what they are."""

    def __init__(self, table, units):
        self.table = table
        names = list(table.colnames) if hasattr(table, "colnames") else [str(name) for name in table.columns]
        self.names = dict(zip(names, names if hasattr(table, "colnames") else table.columns, strict=True))
        self.units = units
        self.found: dict[str, str] = {}

    def _raw(self, name):
        return self.table[self.names[name]]

    def _find(self, role):
        """(column, unit) of a role; the archive's names, then the plain ones with or without a unit."""
        lower = {name.lower(): name for name in reversed(self.names)}
        for name, unit in _ARCHIVE[role].items():
            if name in lower:
                return lower[name], self._stated(lower[name]) or unit
        bare = {}
        for name in self.names:
            stem, unit = _split(name)
            bare.setdefault(stem, (name, unit))
        for known in _PLAIN[role]:
            if known in lower:
                return lower[known], self._stated(lower[known])
            if known in bare:
                name, unit = bare[known]
                return name, self._stated(name) or unit
        known = ", ".join((*_ARCHIVE[role], _PLAIN[role][0]))
        raise ValueError(f"no column for the {role}: looked for {known} in {', '.join(self.names) or 'no columns'}")

    def _stated(self, name) -> str:
        """The unit in a column's metadata, "" without one."""
        unit = getattr(self._raw(name), "unit", None) or self.units.get(name) or ""
        return _unit(str(unit), name)

    def _numbers(self, name):
        column = self._raw(name)
        if hasattr(column, "to_value") and hasattr(column, "jd"):  # TimeDelta
            return np.asarray(column.to_value("d"), float)
        column = getattr(column, "value", column) if hasattr(column, "unit") else column
        if hasattr(column, "to_numpy"):
            import pandas

            return pandas.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        column = np.ma.asarray(column)
        if column.dtype.kind in "OUS":
            return np.array([_number(value) for value in np.ma.filled(column.astype(object), "")], float)
        return np.ma.filled(column.astype(float), np.nan)

    def span(self, role):
        """(periods in days or durations in hours, whether the unit is stated) of their column."""
        name, unit = self._find(role)
        self.found[role] = name
        stated = bool(unit)
        if hasattr(self._raw(name), "jd"):
            unit, stated = "d", True
        if role == "duration" and not unit and any(other.lower() == "epoc" for other in self.names):
            unit, stated = "d", True  # Yu et al. (2019) write Epoc, and durations in days
        unit = unit or ("d" if role == "period" else "h")
        if unit not in _DAYS:
            raise ValueError(f"column {name!r} of the {role} is in {unit}, not in days or hours")
        return self._numbers(name) * (_DAYS if role == "period" else _HOURS)[unit], stated

    def epochs(self):
        """(days, the time system of each) of the column of epochs."""
        name, unit = self._find("epoch")
        self.found["epoch"] = name
        column = self._raw(name)
        if hasattr(column, "isot"):  # dates
            return np.ma.filled(np.ma.asarray(column.tdb.jd, dtype=float), np.nan), ["BJD"] * len(column)
        values = self._numbers(name)
        if unit in _ZEROS.values() or unit == "BJD":
            # a full date in a column of BTJD says itself that it is none
            return values, ["BJD" if value > 2_400_000 else unit for value in values]
        if unit == "BJD-2400000":
            return values + 2_400_000.0, ["BJD"] * values.size
        values = values * _DAYS[unit or "d"]
        lower = {other.lower(): other for other in self.names}
        if "time_system" in lower:
            said = self._texts(lower["time_system"])
            said = [word if word in ("BJD", "BKJD", "BTJD") else "" for word in said]
            return values, ["BJD" if value > 2_400_000 else word for value, word in zip(values, said, strict=True)]
        return values, ["BTJD" if name.lower() == "epoc" and value < 2_400_000 else "" for value in values]

    def _texts(self, name):
        column = self._raw(name)
        if hasattr(column, "to_numpy"):
            column = column.astype(object).where(column.notna(), "").to_numpy()
        values = np.ma.filled(np.ma.asarray(column).astype(object), "")
        return [_text(value) for value in values]

    def stars(self):
        """(what to read, the star's number) of each row."""
        lower = {name.lower(): name for name in reversed(self.names)}
        length = len(self.table)
        keys, targets = [""] * length, [""] * length
        for catalogue, names in _NUMBERED.items():
            for name in (lower[name] for name in names if name in lower):
                found = [star_key(text) for text in self._texts(name)]
                found = [key if not key or " " in key else f"{catalogue} {key}" for key in found]
                keys = [old or new for old, new in zip(keys, found, strict=True)]
        targets = list(keys)
        for name in (lower[name] for name in _NAMES if name in lower):
            texts = [_designation(name, text) for text in self._texts(name)]
            keys = [old or star_key(new) for old, new in zip(keys, texts, strict=True)]
            targets = [old or new for old, new in zip(targets, texts, strict=True)]
        for name in (lower[name] for name in _PATHS if name in lower):
            texts = self._texts(name)
            targets = [new or old for old, new in zip(targets, texts, strict=True)]
            break
        return targets, keys


def _split(name):
    """A column's bare name and the unit in it: "Duration (hours)", "period_d", "epoch_bjd", "Epoch [BJD]"."""
    text = name.strip().lower()
    if found := re.fullmatch(r"(.*?)\s*[\[(]([^\])]*)[\])]", text):
        stem, unit = found[1], found[2]
    elif found := re.fullmatch(r"(.*)_([a-z]+)", text):
        stem, unit = found[1], found[2]
        if unit not in _UNITS:
            return text.replace(" ", "_"), ""
    else:
        stem, unit = text, ""
    return stem.strip().replace(" ", "_"), _unit(unit, name) if unit else ""


def _unit(text, name) -> str:
    """Days, hours, minutes, seconds, or a time system, from however it is written; "" for none."""
    word = text.strip().strip("[]()").lower()
    if not word or word in ("none", "-", "nan"):
        return ""
    for zero, system in _ZEROS.items():
        if zero in word.replace(",", ""):
            return system
    word = re.sub(r"_?tdb$", "", word)
    if word in _UNITS:
        return _UNITS[word]
    import astropy.units as u

    try:
        parsed = u.Unit(word)
        scale = parsed.to(u.day)
    except (ValueError, TypeError, u.UnitsError):
        raise ValueError(f"column {name!r} is in {text!r}, which is no unit of time") from None
    for unit, days in _DAYS.items():
        if np.isclose(scale, days, rtol=1e-9):
            return unit
    raise ValueError(f"column {name!r} is in {text!r}; give days or hours")


def _number(value) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return np.nan


def _text(value) -> str:
    """A cell as text: numbers read as floats because others of the column are missing lose their ".0"."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, (float, np.floating)):
        return "" if np.isnan(value) else f"{value:.0f}" if float(value).is_integer() else repr(float(value))
    text = "" if value is None else str(value).strip()
    return "" if text.lower() in ("nan", "none", "--") else text


def _designation(column, text) -> str:
    """A star's name from that of its planet candidate: "TOI-1000" for 1000.01, "KOI-752" for K00752.01."""
    column = column.lower()
    if column == "toi" and (found := re.fullmatch(r"(?:TOI[\s-]*)?(\d+)(\.\d+)?", text, re.IGNORECASE)):
        return f"TOI-{found[1]}"
    if column in ("kepoi_name", "koi") and (found := re.fullmatch(r"(?:KOI[\s-]*|K)?0*(\d+)(\.\d+)?", text, re.I)):
        return f"KOI-{found[1]}"
    return text
