"""Photometry in tables: DataFrames, astropy tables, lightkurve LightCurves, PLAsTiCC; ZTF alerts through `alerts`."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from lcnet.supernovae.photometry import ZEROPOINT, Photometry
from lcnet.supernovae.snana_text import CLASS_OF

__all__ = ["read_table"]

NJY = 31.4  # AB magnitude of one nanojansky, as LSST's data products have it

# what other people's tables call the columns, the first that is there is taken
_NAMES = {
    "object": ("object", "object_id", "objectId", "oid", "SNID", "snid", "id", "name", "diaObjectId"),
    "mjd": ("mjd", "MJD", "midpointMjdTai", "midPointTai", "time", "jd", "JD"),
    "band": ("band", "BAND", "FLT", "flt", "filter", "passband", "fid", "filterName"),
    "flux": ("flux", "FLUXCAL", "fluxcal", "flux_cal", "psfFlux"),
    "flux_err": ("flux_err", "FLUXCALERR", "fluxcalerr", "flux_error", "fluxerr", "flux_cal_err", "psfFluxErr"),
    "mag": ("mag", "magnitude", "MAG"),
    "mag_err": ("mag_err", "magerr", "MAGERR", "e_mag", "emag", "mag_error"),
    "zeropoint": ("zeropoint", "zp", "ZEROPT"),
    "detected": ("detected", "detected_bool"),
    "survey": ("survey", "SURVEY"),
}
_META = {
    "redshift": ("redshift", "hostgal_photoz"),
    "redshift_err": ("redshift_err", "hostgal_photoz_err"),
    "mwebv": ("mwebv", "MWEBV"),
    "ra": ("ra", "RA"),
    "dec": ("dec", "decl", "DECL"),
    "type": ("type",),
    "survey": ("survey",),
}
# PLAsTiCC's codes of the supernovae (Kessler et al. 2019, PASP 131, 094501, table 1), blinded and unblinded
_PLASTICC = {90: "Ia", 67: "Ia-91bg", 52: "Iax", 42: "II", 62: "Ibc", 95: "SLSN"}


def read_table(table, *, zeropoint=None, survey="", metadata=None, lookup, source="") -> Photometry:
    """One table of points.

    Parameters as in `lcnet.supernovae.read`.

    Raises
    ------
    ValueError
        If it has no time, no band, or neither a flux nor a magnitude.
    """
    from lcnet.supernovae import alerts

    frame, units, meta = _frame(table)
    if alerts.is_packet(frame):
        frame, survey = alerts.unpack(frame), survey or "ZTF"
    if alerts.is_alerts(frame):
        frame, survey = alerts.to_flux(frame), survey or "ZTF"
    if "passband" in frame and "object_id" in frame:
        survey = survey or "PLASTICC"
    found = {what: next((name for name in names if name in frame), None) for what, names in _NAMES.items()}
    if found["mjd"] is None or (found["band"] is None and "band" not in meta):
        raise ValueError(f"a table needs a time (mjd) and a band; it has {', '.join(map(str, frame.columns[:12]))}")
    if found["object"] is None:
        name = str(meta.get("object") or (source.rsplit("/", 1)[-1].split(".")[0] if source else "object"))
        frame, found["object"] = frame.assign(object=name), "object"
    flux, flux_err = _fluxes(frame, found, units, zeropoint)
    mjd = _numbers(frame[found["mjd"]])
    # a full Julian date is recognised by its size
    mjd = np.where(mjd > 2_400_000, mjd - 2_400_000.5, mjd)
    keys = frame[found["object"]].astype(str)
    owner, names = pd.factorize(keys)
    letter = frame[found["band"]].map(_letter).to_numpy() if found["band"] else np.full(len(frame), str(meta["band"]))
    detected = None
    if found["detected"]:
        detected = np.nan_to_num(_numbers(frame[found["detected"]]), nan=-1).astype(np.int8)
    objects = [{"object": str(name), "survey": survey, "source": source} for name in names]
    if found["survey"] and not survey:
        first = frame.groupby(owner)[found["survey"]].first()
        for number, one in enumerate(objects):
            one["survey"] = str(first[number]) if pd.notna(first[number]) else ""
    truths: list[dict] = [{} for _ in objects]
    _describe(objects, truths, names, metadata, frame, owner)
    return Photometry.build(
        objects, owner, mjd, letter, flux, flux_err, detected=detected, truth=truths, lookup=_default(lookup)
    )


def _frame(table) -> tuple[pd.DataFrame, dict[str, str], dict]:
    """Plain columns, their units, and what a LightCurve says of itself."""
    if isinstance(table, pd.DataFrame):
        return table, {}, dict(table.attrs)
    units, columns = {}, {}
    meta = {str(key).lower(): value for key, value in dict(getattr(table, "meta", {}) or {}).items()}
    for name in table.colnames:
        column = table[name]
        if hasattr(column, "mjd"):  # a Time
            columns["mjd"] = np.asarray(column.mjd)
            continue
        if getattr(column, "unit", None) is not None:
            units[name] = str(column.unit)
            column = getattr(column, "value", column)
        values = np.ma.filled(np.ma.asarray(column).astype(float), np.nan) if hasattr(column, "mask") else column
        if np.ndim(values) == 1:
            columns[name] = np.asarray(values)
    if hasattr(table, "flux") and meta.get("label") and "object" not in columns:
        meta["object"] = meta["label"]
    return pd.DataFrame(columns), units, meta


def _fluxes(frame, found, units, zeropoint) -> tuple[np.ndarray, np.ndarray]:
    if found["flux"] is not None and found["flux_err"] is not None:
        flux, error = _numbers(frame[found["flux"]]), _numbers(frame[found["flux_err"]])
        unit = units.get(found["flux"], "")
        if zeropoint is None and unit == "nJy":
            zeropoint = "nJy"
        if isinstance(zeropoint, str):
            if zeropoint.lower() != "njy":
                raise ValueError(f"zeropoint must be a magnitude or 'nJy', not {zeropoint!r}")
            zeropoint = NJY
        if zeropoint is None:
            zeropoint = _numbers(frame[found["zeropoint"]]) if found["zeropoint"] else ZEROPOINT
        factor = 10 ** (0.4 * (ZEROPOINT - np.asarray(zeropoint, dtype=np.float64)))
        return flux * factor, error * factor
    if found["mag"] is not None and found["mag_err"] is not None:
        mag, error = _numbers(frame[found["mag"]]), _numbers(frame[found["mag_err"]])
        with np.errstate(over="ignore", invalid="ignore"):
            flux = np.where((mag > -30) & (mag < 90), 10 ** (0.4 * (ZEROPOINT - mag)), np.nan)
        return flux, flux * error * 0.4 * math.log(10)
    raise ValueError("a table needs a flux and its error, or a magnitude and its error")


def _describe(objects, truths, names, metadata, frame, owner) -> None:
    if isinstance(metadata, str) or hasattr(metadata, "__fspath__"):
        metadata = pd.read_csv(metadata)
    if metadata is None:
        # columns of the points' own table that are constant over an object
        kept = [name for names in _META.values() for name in names if name in frame and name not in ("type", "survey")]
        metadata = frame.groupby(owner)[kept].first() if kept else None
        if metadata is None:
            return
        metadata.index = [str(names[number]) for number in metadata.index]
    else:
        key = next(name for name in _NAMES["object"] if name in metadata)
        metadata = metadata.assign(**{key: metadata[key].astype(str)}).drop_duplicates(key).set_index(key)
    for number, name in enumerate(map(str, names)):
        if name not in metadata.index:
            continue
        row = metadata.loc[name]
        for what, columns in _META.items():
            column = next((one for one in columns if one in metadata.columns), None)
            if column is None or pd.isna(row[column]):
                continue
            if what == "type":
                subtype = str(row[column])
                truths[number] |= {"subtype": subtype, "type": CLASS_OF.get(subtype, subtype)}
            elif what == "survey":
                objects[number][what] = str(row[column])
            elif float(row[column]) > 0 or not what.startswith("redshift"):
                objects[number][what] = float(row[column])
        for column in ("target", "true_target"):
            if column in metadata.columns and int(row[column]) in _PLASTICC:
                subtype = _PLASTICC[int(row[column])]
                truths[number] |= {"subtype": subtype, "type": CLASS_OF.get(subtype, subtype)}
        if "true_z" in metadata.columns:
            truths[number]["redshift"] = float(row["true_z"])


def _default(lookup):
    """lcnet's own names where no survey is stated, and the survey in a name such as ``ztfg`` or ``lsstr``."""

    def find(survey: str, letter: str):
        if survey:
            return lookup(survey, letter)
        for prefix in ("ztf", "lsst", "des", "sdss", "ps1"):
            if letter.lower().startswith(prefix) and len(letter) > len(prefix):
                found = lookup(prefix.upper(), letter[len(prefix) :].lstrip("_:-/ "))
                if found.name:
                    return found
        return lookup("lcnet", letter)

    return find


def _letter(value) -> str:
    if isinstance(value, bytes):
        value = value.decode()
    if isinstance(value, float) and value == int(value):
        value = int(value)
    return str(value).strip()


def _numbers(column) -> np.ndarray:
    return pd.to_numeric(pd.Series(column), errors="coerce").to_numpy(dtype=np.float64)
