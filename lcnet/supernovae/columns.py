"""Columns as people have them into plain arrays: names, times in MJD, fluxes at zeropoint 27.5."""

from __future__ import annotations

import math
from numbers import Real

import numpy as np
import pandas as pd

from lcnet.supernovae.photometry import ZEROPOINT

__all__ = ["NAMES", "NJY", "fluxes", "mjd_of", "named", "numbers", "plain", "text_of", "texts", "zeropoint_of"]

NJY = 31.4  # AB magnitude of one nanojansky, as LSST's data products have it

# what other people's tables call the columns, the first that is there is taken
NAMES = {
    "object": ("object", "object_id", "objectId", "oid", "SNID", "snid", "id", "name", "diaObjectId"),
    "mjd": ("mjd", "MJD", "midpointMjdTai", "midPointTai", "time", "jd", "JD"),
    "band": ("band", "BAND", "FLT", "flt", "filter", "passband", "fid", "filterName", "filtercode"),
    "flux": ("flux", "FLUXCAL", "fluxcal", "flux_cal", "psfFlux"),
    "flux_err": ("flux_err", "FLUXCALERR", "fluxcalerr", "flux_error", "fluxerr", "flux_cal_err", "psfFluxErr"),
    "mag": ("mag", "magnitude", "MAG"),
    "mag_err": ("mag_err", "magerr", "MAGERR", "e_mag", "emag", "mag_error"),
    "zeropoint": ("zeropoint", "zp", "ZEROPT"),
    "detected": ("detected", "detected_bool"),
    "survey": ("survey", "SURVEY"),
}
# fluxes whose zeropoint is in their name, whatever other columns say (ZEROPT is an exposure's)
_BY_NAME = {"FLUXCAL": ZEROPOINT, "fluxcal": ZEROPOINT, "flux_cal": ZEROPOINT, "psfFlux": NJY}


def named(frame, what: str) -> str | None:
    """The column of `frame` that is what `NAMES` calls `what`."""
    return next((name for name in NAMES[what] if name in frame), None)


def plain(table) -> tuple[pd.DataFrame, dict, dict]:
    """A table of any kind as plain columns, their units, and what it (a LightCurve) says of itself.

    Parameters
    ----------
    table : DataFrame, mapping, or table of astropy or lightkurve

    Returns
    -------
    DataFrame
        Masked values are missing, Times are MJD; columns of arrays are left out.
    units : dict of str to astropy unit
    meta : dict
        Keys in lower case.
    """
    if isinstance(table, pd.DataFrame):
        return table, {}, dict(table.attrs)
    if not hasattr(table, "colnames"):
        return pd.DataFrame(dict(table)), {}, {}
    units, columns, clocks = {}, {}, []
    meta = {str(key).lower(): value for key, value in dict(getattr(table, "meta", {}) or {}).items()}
    for name in table.colnames:
        column = table[name]
        if hasattr(column, "mjd"):  # a Time
            column = column.mjd
            clocks.append(name)
        if getattr(column, "unit", None) is not None:
            units[name] = column.unit
        values = _unmasked(getattr(column, "value", column))
        if values.ndim == 1:
            columns[name] = values
    if clocks and not any(name in columns for name in NAMES["mjd"]):
        columns["mjd"] = columns.pop(clocks[0])
    if hasattr(table, "flux") and meta.get("label") and "object" not in columns:
        meta["object"] = meta["label"]
    return pd.DataFrame(columns), units, meta


def _unmasked(values) -> np.ndarray:
    mask = getattr(values, "mask", None)
    whole = np.asarray(getattr(values, "unmasked", values))
    whole = whole.astype(whole.dtype.newbyteorder("="), copy=False)  # FITS is big-endian, pandas is not
    if mask is None or not np.any(mask):
        return whole
    whole = whole.astype(object)
    whole[np.asarray(mask)] = None
    return whole


def text_of(value) -> str:
    """A name as text: 615 and 615.0 are "615", what is missing is ""."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str):
        return value.strip()
    if value is None or value is pd.NA or value is pd.NaT or value is np.ma.masked or value != value:
        return ""
    if isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value) and value == int(value):
        value = int(value)
    return str(value).strip()


def texts(column) -> np.ndarray:
    """`text_of` of every value, array (N,) of str."""
    code, unique = pd.factorize(pd.Series(column), use_na_sentinel=False)
    return np.array([text_of(value) for value in unique] or [""], dtype=object)[code]


def numbers(column) -> np.ndarray:
    """Numbers where there are any, else NaN, array (N,)."""
    column = pd.Series(column)
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    return pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)


def mjd_of(column) -> np.ndarray:
    """Times as MJD, array (N,) [d]: from MJD, full Julian dates (known by their size), datetimes and ISO dates (UTC).

    Raises
    ------
    ValueError
        If not one of the values is a time.
    """
    column = pd.Series(column)
    if not pd.api.types.is_datetime64_any_dtype(column):
        values = numbers(column)
        if pd.api.types.is_numeric_dtype(column) or not column.notna().any() or np.isfinite(values).any():
            return np.where(values > 2_400_000, values - 2_400_000.5, values)
    from astropy.time import Time

    stamps = pd.to_datetime(column, utc=True, errors="coerce", format="ISO8601")
    known = stamps.notna().to_numpy()
    if len(column) and not known.any():
        raise ValueError(f"{column.name or 'the time'} holds no times: {column[column.notna()].head(1).tolist()}")
    mjd = np.full(len(column), np.nan)
    mjd[known] = Time(stamps[known].dt.tz_localize(None).to_numpy(), scale="utc").mjd
    return mjd


def fluxes(frame, units, zeropoint=None) -> tuple[np.ndarray, np.ndarray]:
    """Fluxes and errors at zeropoint 27.5, arrays (N,), from fluxes or magnitudes.

    Parameters
    ----------
    frame : DataFrame
    units : mapping of str to astropy unit
        Of its columns.
    zeropoint : float or str, optional
        As in `zeropoint_of`; default: what the unit, the column's name or a column of zeropoints says, else 27.5.

    Raises
    ------
    ValueError
        If there is neither a flux nor a magnitude with its error, or a unit is none of flux.
    """
    flux, flux_err = named(frame, "flux"), named(frame, "flux_err")
    if flux is not None and flux_err is not None:
        unit = units.get(flux)
        ratio = _ratio(units.get(flux_err), unit, flux_err)
        factor = 10 ** (0.4 * (ZEROPOINT - _zeropoint(frame, flux, unit, zeropoint)))
        return numbers(frame[flux]) * factor, numbers(frame[flux_err]) * (factor * ratio)
    mag, mag_err = named(frame, "mag"), named(frame, "mag_err")
    if mag is not None and mag_err is not None:
        value, error = numbers(frame[mag]), numbers(frame[mag_err])
        with np.errstate(over="ignore", invalid="ignore"):
            made = np.where((value > -30) & (value < 90), 10 ** (0.4 * (ZEROPOINT - value)), np.nan)
        return made, made * error * 0.4 * math.log(10)
    raise ValueError("a table needs a flux and its error, or a magnitude and its error")


def zeropoint_of(value) -> float:
    """The magnitude of flux 1.

    Parameters
    ----------
    value : float, str or astropy unit
        A magnitude, or a unit of flux density: nJy (31.4), uJy, mJy, nmgy ...

    Raises
    ------
    ValueError
        For anything else.
    """
    import astropy.units as u

    if isinstance(value, str | u.UnitBase):
        spelled = "nJy" if isinstance(value, str) and value.lower() == "njy" else value
        unit = u.Unit(spelled, parse_strict="silent")
        if not unit.is_equivalent(u.nJy, _maggies(u)):
            raise ValueError(f"a zeropoint is a magnitude or a unit of flux density such as nJy, not {str(value)!r}")
        return NJY - 2.5 * math.log10(unit.to(u.nJy, equivalencies=_maggies(u)))
    if not isinstance(value, Real) or not math.isfinite(value):
        raise ValueError(f"a zeropoint is a magnitude or a unit of flux density such as nJy, not {value!r}")
    return float(value)


def _maggies(u):
    return u.zero_point_flux(1 * u.AB)


def _zeropoint(frame, flux: str, unit, given):
    import astropy.units as u

    if given is not None:
        return zeropoint_of(given)
    if unit is not None and unit.is_equivalent(u.nJy, _maggies(u)):
        return zeropoint_of(unit)
    if flux in _BY_NAME:
        return _BY_NAME[flux]
    if column := named(frame, "zeropoint"):
        return numbers(frame[column])
    if unit is not None and unit != u.dimensionless_unscaled:
        raise ValueError(f"{flux} is in {unit}: give its zeropoint, the magnitude of 1 {unit}")
    return ZEROPOINT


def _ratio(unit, other, name: str) -> float:
    """One `unit` in terms of `other`; what has no unit is in the other's."""
    import astropy.units as u

    if unit is None or other is None or unit == other:
        return 1.0
    try:
        return float(unit.to(other, equivalencies=_maggies(u)))
    except u.UnitConversionError:
        raise ValueError(f"{name} is in {unit}, its flux in {other}") from None
