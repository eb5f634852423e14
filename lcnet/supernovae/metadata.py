"""What tables say of whole objects: redshift of the host, dust, position, and the truth where it is known."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pandas as pd

from lcnet.supernovae.columns import named, numbers, plain, text_of, texts
from lcnet.supernovae.snana_text import CLASS_OF

__all__ = ["METADATA", "by_object", "describe", "warn_if_strangers"]

_NUMBERS = {
    "redshift": ("redshift", "hostgal_photoz"),
    "redshift_err": ("redshift_err", "hostgal_photoz_err"),
    "mwebv": ("mwebv", "MWEBV"),
    "ra": ("ra", "RA"),
    "dec": ("dec", "decl", "DECL"),
}
METADATA = tuple(name for names in _NUMBERS.values() for name in names)
_TARGETS = ("target", "true_target")
_READ = (*METADATA, *_TARGETS, "survey", "type", "true_z")
# PLAsTiCC's codes of the supernovae (Kessler et al. 2019, PASP 131, 094501, table 1), blinded and unblinded
_PLASTICC = {90: "Ia", 67: "Ia-91bg", 52: "Iax", 42: "II", 62: "Ibc", 95: "SLSN"}


def by_object(metadata, names) -> pd.DataFrame:
    """The rows of a table of metadata, in the order of `names`; missing values for what is not in it.

    Raises
    ------
    ValueError
        If it does not name its objects, or one of them twice and differently.
    """
    frame, _, _ = plain(metadata)
    key = named(frame, "object")
    if key is None:
        there = ", ".join(map(str, frame.columns[:12]))
        raise ValueError(f"a table of metadata names its objects (object, SNID ...); it has {there}")
    frame = frame[[name for name in frame if name == key or name in _READ]]
    frame = frame.assign(**{key: texts(frame[key])}).drop_duplicates()
    twice = frame[key][frame[key].duplicated()]
    if len(twice):
        raise ValueError(f"the table of metadata has several rows of {', '.join(sorted(set(twice))[:5])}")
    warn_if_strangers(frame[key], names, "metadata")
    return frame.set_index(key).reindex(names)


def warn_if_strangers(given, names, what: str) -> None:
    """Say so where a table is of other objects altogether: a name may have lost its zeros."""
    if len(given) and len(names) and not set(given) & set(names):
        warnings.warn(
            f"the {what} name none of the {len(names)} objects: {next(iter(given))} ... are not {names[0]} ...",
            stacklevel=2,
        )


def describe(objects: list[dict], truths: list[dict], metadata: pd.DataFrame) -> None:
    """Write what `metadata` (one row an object) says into `objects` and `truths`."""
    for what, columns in _NUMBERS.items():
        column = next((one for one in columns if one in metadata), None)
        if column is None:
            continue
        values = _angles(metadata[column], what) if what in ("ra", "dec") else numbers(metadata[column])
        known = values > 0 if what.startswith("redshift") else np.isfinite(values)
        for number in np.flatnonzero(known):
            objects[number][what] = float(values[number])
    for number, survey in enumerate(texts(metadata["survey"]) if "survey" in metadata else ()):
        if survey:
            objects[number]["survey"] = survey
    for number, subtype in enumerate(texts(metadata["type"]) if "type" in metadata else ()):
        if subtype:
            truths[number] |= {"subtype": subtype, "type": CLASS_OF.get(subtype, subtype)}
    for column in _TARGETS:
        for number, code in enumerate(numbers(metadata[column]) if column in metadata else ()):
            if code in _PLASTICC:
                subtype = _PLASTICC[int(code)]
                truths[number] |= {"subtype": subtype, "type": CLASS_OF.get(subtype, subtype)}
    for number, z in enumerate(numbers(metadata["true_z"]) if "true_z" in metadata else ()):
        if math.isfinite(z):
            truths[number]["redshift"] = float(z)


def _angles(column, what: str) -> np.ndarray:
    """Degrees from degrees or sexagesimal text, of which a right ascension is in hours."""
    values = numbers(column)
    for number in np.flatnonzero(np.isnan(values)):
        if text := text_of(column.iloc[number]):
            import astropy.units as u
            from astropy.coordinates import Angle

            try:
                values[number] = Angle(text, unit=u.hourangle if what == "ra" else u.deg).deg
            except (ValueError, u.UnitsError):
                continue
    return values
