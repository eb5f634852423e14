"""SNANA's binary format: a HEAD table of objects and a PHOT table of their points, in two FITS files."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence

import numpy as np

from lcnet.supernovae.archives import File, on_disk
from lcnet.supernovae.photometry import Photometry
from lcnet.supernovae.snana_text import CLASS_OF

__all__ = ["is_half", "pair_up", "read_pair"]

_HOST = (("HOSTGAL_PHOTOZ", "HOSTGAL_PHOTOZ_ERR"), ("HOSTGAL_SPECZ", "HOSTGAL_SPECZ_ERR"))
_NO_TYPE = ("", "UNKNOWN", "NULL")
_DETECTION = 4096  # bit of PHOTFLAG, as in the text files
_POINTS = ("MJD", "BAND", "FLT", "FLUXCAL", "FLUXCALERR", "PHOTFLAG")
_NAME = re.compile(r"(.*)_(head|phot)([^/]*\.fits?)(\.gz)?", re.IGNORECASE)


def is_half(name: str) -> bool:
    """Whether a file of that name is a HEAD or a PHOT."""
    return _NAME.fullmatch(name) is not None


def pair_up(files: Sequence[File]) -> dict[int, tuple[File | None, File | None]]:
    """The pairs among `files`: at which place each is to be read -> HEAD and PHOT, one of them None if it is alone.

    The other half of a file on disk may lie beside it without being named.
    """
    halves: dict[tuple[str, ...], dict[str, list[int]]] = {}
    for place, file in enumerate(files):
        if is_half(file.name):
            halves.setdefault(_pair_of(file.name), {}).setdefault(_role(file.name), []).append(place)
    found: dict[int, tuple[File | None, File | None]] = {}
    for places in halves.values():
        heads, phots = (places.get(role, []) for role in ("head", "phot"))
        for place in heads:
            found[place] = files[place], files[phots[0]] if phots else _beside(files[place], "phot")
        if not heads:
            found |= {place: (_beside(files[place], "head"), files[place]) for place in phots}
    return found


def _pair_of(name: str) -> tuple[str, ...]:
    before, _, after, _ = _NAME.fullmatch(name).groups()
    return before.lower(), after.lower()


def _role(name: str) -> str:
    return _NAME.fullmatch(name).group(2).lower()


def _beside(file: File, role: str) -> File | None:
    if file.path is None:
        return None
    for path in sorted(file.path.parent.iterdir()):
        name = str(path)
        if is_half(name) and _role(name) == role and _pair_of(name) == _pair_of(file.name) and path.is_file():
            return on_disk(path)
    return None


def read_pair(head: File | None, photometry: File | None, *, survey: str = "", lookup) -> Photometry:
    """The objects of a HEAD file with the points of its PHOT file.

    Parameters
    ----------
    head, photometry : File or None
    survey : str
        Where the HEAD does not name one.
    lookup : callable
        ``lookup(survey, letter) -> Band``.

    Raises
    ------
    ValueError
        If one of the two is missing or is not what it should be.
    """
    if head is None or photometry is None:
        alone = (head or photometry).name.rsplit("/", 1)[-1]
        raise ValueError(f"SNANA FITS comes in two files, ..._HEAD.FITS and ..._PHOT.FITS: {alone} is alone")
    stated, columns = _table(head)
    _, points = _table(photometry, _POINTS)
    letter = points.get("BAND", points.get("FLT"))
    missing = [key for key in ("SNID", "PTROBS_MIN", "PTROBS_MAX") if key not in columns]
    missing += [key for key in ("MJD", "FLUXCAL", "FLUXCALERR") if key not in points]
    missing += ["BAND"] * (letter is None)
    if missing:
        raise ValueError(f"{head.name} and its PHOT file have no {', '.join(missing)}")
    n = len(columns["SNID"])
    owner = np.full(len(points["MJD"]), -1, dtype=np.int64)
    for number in range(n):  # FITS counts from 1; objects without points have MAX < MIN
        owner[max(0, int(columns["PTROBS_MIN"][number]) - 1) : int(columns["PTROBS_MAX"][number])] = number
    kept = owner >= 0
    letter = np.char.strip(letter.astype(str))
    flag = points.get("PHOTFLAG")
    bits = None if flag is None else (flag.astype(np.int64) & _DETECTION) > 0
    detected = None if bits is None or not bits.any() else bits.astype(np.int8)[kept]
    return Photometry.build(
        [_object(columns, number, stated or survey, head.name) for number in range(n)],
        owner[kept],
        points["MJD"][kept],
        letter[kept],
        points["FLUXCAL"][kept],
        points["FLUXCALERR"][kept],
        detected=detected,
        truth=[_truth(columns, number) for number in range(n)],
        lookup=lookup,
    )


def _table(file: File, wanted=None) -> tuple[str, dict[str, np.ndarray]]:
    """Survey and columns, all or the wanted ones, of a FITS file with one table."""
    from astropy.io import fits

    data = file.read()
    try:
        with fits.open(io.BytesIO(data)) as opened:
            survey, table = str(opened[0].header.get("SURVEY", "")).strip(), opened[1].data
            return survey, {key: np.asarray(table[key]) for key in table.names if wanted is None or key in wanted}
    except Exception as error:  # damaged bytes make astropy raise almost anything
        raise ValueError(f"{file.name} is not a table of SNANA FITS: {error}") from None


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
