"""SNANA's binary format: a HEAD table of objects and a PHOT table of their points, in two FITS files."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np

from lcnet.supernovae.photometry import Photometry
from lcnet.supernovae.snana_text import CLASS_OF

__all__ = ["pair_heads", "read_members", "read_pair"]

_HOST = (("HOSTGAL_PHOTOZ", "HOSTGAL_PHOTOZ_ERR"), ("HOSTGAL_SPECZ", "HOSTGAL_SPECZ_ERR"))
_NO_TYPE = ("", "UNKNOWN", "NULL")
_DETECTION = 4096  # bit of PHOTFLAG, as in the text files


def pair_heads(paths) -> tuple[dict[Path, Path | None], set[Path]]:
    """HEAD file -> its PHOT file, and the PHOT files, which are not read by themselves."""
    heads: dict[Path, Path | None] = {}
    photometries = set()
    for path in paths:
        if "_HEAD" in path.name:
            found = [path.with_name(path.name.replace("_HEAD", "_PHOT"))]
            found += [found[0].with_name(found[0].name + ".gz"), found[0].with_name(found[0].name.removesuffix(".gz"))]
            heads[path] = next((one for one in found if one.exists()), None)
            photometries |= {heads[path]} - {None}
        elif "_PHOT" in path.name and path.with_name(path.name.replace("_PHOT", "_HEAD")) in set(paths):
            photometries.add(path)
    return heads, photometries


def read_members(members: dict[str, bytes], lookup):
    """Every pair among the members of an archive."""
    for name, data in members.items():
        if "_HEAD" in name:
            other = name.replace("_HEAD", "_PHOT")
            found = members.get(other) or members.get(other + ".gz") or members.get(other.removesuffix(".gz"))
            if found is None:
                raise ValueError(f"{name} has no {other} beside it")
            yield _assemble(name, io.BytesIO(data), io.BytesIO(found), lookup)


def read_pair(head: Path, photometry: Path | None, lookup) -> Photometry:
    """The objects of a HEAD file with the points of its PHOT file.

    Raises
    ------
    ValueError
        If one of the two is missing or is not what it should be.
    """
    if "_PHOT" in head.name:
        head, photometry = head.with_name(head.name.replace("_PHOT", "_HEAD")), head
    if photometry is None or not head.exists():
        raise ValueError(f"SNANA FITS comes in two files, ..._HEAD.FITS and ..._PHOT.FITS: {head.name} is alone")
    return _assemble(str(head), head, photometry, lookup)


def _assemble(name: str, head, photometry, lookup) -> Photometry:
    from astropy.io import fits

    try:
        with fits.open(head) as file:
            survey = str(file[0].header.get("SURVEY", "")).strip()
            table = file[1].data
            columns = {key: np.asarray(table[key]) for key in table.names}
        with fits.open(photometry) as file:
            table = file[1].data
            points = {
                key: np.asarray(table[key])
                for key in ("MJD", "BAND", "FLT", "FLUXCAL", "FLUXCALERR", "PHOTFLAG")
                if key in table.names
            }
    except (OSError, KeyError, IndexError, TypeError) as error:
        raise ValueError(f"{name} is not a pair of SNANA FITS tables: {error}") from None
    missing = [key for key in ("SNID", "PTROBS_MIN", "PTROBS_MAX") if key not in columns]
    missing += [key for key in ("MJD", "FLUXCAL", "FLUXCALERR") if key not in points]
    if missing:
        raise ValueError(f"{name} and its PHOT file have no {', '.join(missing)}")
    n = len(columns["SNID"])
    owner = np.full(len(points["MJD"]), -1, dtype=np.int64)
    for number in range(n):  # FITS counts from 1; objects without points have MAX < MIN
        owner[max(0, int(columns["PTROBS_MIN"][number]) - 1) : int(columns["PTROBS_MAX"][number])] = number
    kept = owner >= 0
    letter = np.char.strip(points.get("BAND", points.get("FLT")).astype(str))
    flag = points.get("PHOTFLAG")
    bits = None if flag is None else (flag.astype(np.int64) & _DETECTION) > 0
    detected = None if bits is None or not bits.any() else bits.astype(np.int8)[kept]
    return Photometry.build(
        [_object(columns, number, survey, name) for number in range(n)],
        owner[kept],
        points["MJD"][kept],
        letter[kept],
        points["FLUXCAL"][kept],
        points["FLUXCALERR"][kept],
        detected=detected,
        truth=[_truth(columns, number) for number in range(n)],
        lookup=lookup,
    )


def _object(columns, number: int, survey: str, source: str) -> dict:
    def value(key: str) -> float:
        return float(columns[key][number]) if key in columns else math.nan

    own = str(columns["SUBSURVEY"][number]).strip() if "SUBSURVEY" in columns else ""
    known = {"object": str(columns["SNID"][number]).strip(), "survey": own or survey, "source": source}
    known |= {"ra": value("RA"), "dec": value("DEC"), "mwebv": value("MWEBV")}
    for key, error in _HOST:
        if value(key) > 0:
            sigma = value(error)
            known |= {"redshift": value(key), "redshift_err": sigma if sigma > 0 else math.nan}
            break
    return known


def _truth(columns, number: int) -> dict:
    found = {"sntype": str(columns["SNTYPE"][number])} if "SNTYPE" in columns else {}
    if "SIM_TYPE_NAME" in columns:
        name = str(columns["SIM_TYPE_NAME"][number]).strip()
        if name not in _NO_TYPE:
            found |= {"subtype": name, "type": CLASS_OF.get(name, name)}
    if "SIM_MODEL_NAME" in columns:
        found["model"] = str(columns["SIM_MODEL_NAME"][number]).strip()
        if found["model"].startswith("SALT") and "type" not in found:
            found |= {"subtype": "Ia", "type": "Ia"}
    for key, names in (("redshift", ("SIM_REDSHIFT_HELIO", "SIM_REDSHIFT_CMB")), ("peak_mjd", ("SIM_PEAKMJD",))):
        values = [float(columns[one][number]) for one in names if one in columns]
        if values:
            found[key] = values[0]
    return found
