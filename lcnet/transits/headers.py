"""Whose light curve a FITS header describes: the star, the mission, the pipeline, and where its times count from."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

__all__ = ["Label", "identify", "product_kind", "text", "time_system"]

# Zero points of the missions' times, as BJD_TDB (Kepler Archive Manual 2.3.2; TESS Science Data Products 5.1)
TIME_SYSTEMS = {2454833.0: "BKJD", 2457000.0: "BTJD", 0.0: "BJD"}
# whole days, fraction, what makes a Julian date of them (FITS standard 4.0, section 9.2.2)
_ZERO_CARDS = (
    ("BJDREFI", "BJDREFF", 0.0),
    ("JDREFI", "JDREFF", 0.0),
    ("JDREF", "", 0.0),
    ("MJDREFI", "MJDREFF", 2400000.5),
    ("MJDREF", "", 2400000.5),
)
_PREFIX = {"kepler": "KIC", "k2": "EPIC", "tess": "TIC"}
# EPIC numbers start where those of the KIC have long ended (13,161,029)
_FIRST_EPIC = 200_000_000
# SPOC's own cadences are 20 and 120 s; the TESS-SPOC curves come from full frames, 158 s (at the shortest) to 30 min
_LONGEST_SPOC_CADENCE = 150.0


@dataclass(frozen=True)
class Label:
    """What a header says about a light curve.

    Attributes
    ----------
    target : str
        Catalogue and number, "TIC 100100827"; "" when the header has no number.
    mission : str
        "Kepler", "K2", "TESS" or what the header says; "" when it says nothing.
    author : str
        The pipeline: "SPOC", "TESS-SPOC", "QLP", "Kepler", ...; "custom" for home-made files.
    name : str
        The header's OBJECT, for a curve without a number.
    segments : str
        What the curve is a piece of: "sector", "quarter", "campaign", or "".
    segment : int or None
        Its number.
    cadence : float
        Seconds between its points as the header has it; NaN where it does not say.
    """

    target: str
    mission: str
    author: str
    name: str
    segments: str = ""
    segment: int | None = None
    cadence: float = np.nan


SEGMENTS = ("SECTOR", "QUARTER", "CAMPAIGN")


def text(value) -> str:
    """A card's text without blanks; "" for a card that is absent, undefined or a number."""
    return value.strip() if isinstance(value, str) else ""


def _number(value) -> int | None:
    """A catalogue number from a header card, which may be absent, undefined, a string or 0."""
    if isinstance(value, str) and value.strip().isdigit():
        value = int(value)
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value > 0:
        return int(value)
    return None


def identify(header) -> Label:
    """The star, mission and pipeline of a light curve from its header (or a lightkurve object's ``meta``).

    Parameters
    ----------
    header : mapping
        Cards of the primary header and, below them, of the table's.

    Returns
    -------
    Label
    """
    name = text(header.get("OBJECT")) or text(header.get("LABEL"))
    mission = text(header.get("MISSION")) or text(header.get("TELESCOP"))
    mission = {"kepler": "Kepler", "k2": "K2", "tess": "TESS"}.get(mission.lower(), mission)
    kepler = _number(header.get("KEPLERID"))
    if mission == "Kepler" and kepler is not None and kepler >= _FIRST_EPIC:
        mission = "K2"
    target = ""
    if found := re.fullmatch(r"(KIC|TIC|EPIC)[\s_-]*0*(\d+)", name, re.IGNORECASE):
        target = f"{found[1].upper()} {found[2]}"
    elif (number := _number(header.get("TICID"))) is not None:
        target = f"TIC {number}"
    elif kepler is not None:
        target = f"{'EPIC' if kepler >= _FIRST_EPIC else 'KIC'} {kepler}"
    elif mission.lower() in _PREFIX:
        # lightkurve overwrites TARGETID with TICID, undefined in its own files, and keeps the number in OBJECT
        number = _number(header.get("TARGETID")) or _number(name)
        target = f"{_PREFIX[mission.lower()]} {number}" if number else ""
    if not mission and target:
        mission = {"KIC": "Kepler", "EPIC": "K2", "TIC": "TESS"}[target.split()[0]]
    key = next((key for key in SEGMENTS if type(header.get(key)) in (int, np.int64)), None)
    segment = None if key is None else int(header[key])
    author = _author(header, mission)
    return Label(target, mission, author, name, key.lower() if key else "", segment, _cadence(header))


def _cadence(header) -> float:
    step = header.get("TIMEDEL")
    if isinstance(step, (int, float)) and not isinstance(step, bool) and step > 0:
        return step * 86400.0
    # Kepler Archive Manual, 2.1: 270 or 9 frames of 6.54 s; K2's community products kept only the word
    return {"long cadence": 1765.5, "short cadence": 58.85}.get(text(header.get("OBSMODE")).lower(), np.nan)


def product_kind(primary, table) -> str:
    """Which of the known products a file is, from its headers and never from its name.

    Parameters
    ----------
    primary, table : mapping
        The cards of the primary header and of the first table's.

    Returns
    -------
    str
        "kepler" (also K2's own), "tess", "qlp", "k2sff", "everest": read here. "eleanor", "pathos", "tasoc", "cdips",
        "kepseismic", "tglc": lightkurve reads them. "k2sc", "k2varcat": `readers`. "pixels", "folded": no light
        curves. "": unknown.
    """
    origin, creator = text(primary.get("ORIGIN")), text(primary.get("CREATOR")).lower()
    columns = {text(value).upper() for key, value in table.items() if key.startswith("TTYPE")}
    telescope = (text(primary.get("TELESCOP")) or text(primary.get("MISSION"))).lower()
    by_column = (
        ("pathos", {"PSF_FLUX_RAW", "PSF_FLUX_COR", "AP4_FLUX_RAW", "AP4_FLUX_COR", "SKY_LOCAL"}),
        ("k2varcat", {"APTFLUX", "DETFLUX"}),
        ("k2sc", {"FLUX", "TREND_P", "TREND_T", "MFLAGS"}),
        ("k2sc", {"FLUX", "TRPOSI", "TRTIME", "MFLAGS"}),
    )
    by_origin = {"TASOC/Aarhus": "tasoc", "CEA & SSI": "kepseismic", "UCSB/TGLC": "tglc"}
    if "mit/qlp" in origin.lower():
        return "qlp"
    if primary.get("LITE") is not None and primary.get("PCORIGIN") is not None:
        return "eleanor"
    for kind, needed in by_column:
        if needed <= columns:
            return kind
    if origin in by_origin or "cdips" in origin.lower():
        return by_origin.get(origin, "cdips")
    if text(table.get("EXTNAME")) == "BESTAPER" and {"FCOR", "ARCLENGTH"} <= columns:
        return "k2sff"
    if "EVEREST" in str(primary.get("COMMENT") or ""):
        return "everest"
    if "targetpixel" in creator:
        return "pixels"
    if "folded" in creator:
        return "folded"
    if "fluxexporter" in creator or "lightcurve" in creator:
        return {"kepler": "kepler", "tess": "tess"}.get(telescope, "")
    return ""


def _author(header, mission) -> str:
    origin, creator = text(header.get("ORIGIN")), text(header.get("CREATOR"))
    if "lightkurve" in creator.lower() or origin == "Unofficial data product":
        return "custom"
    if origin.lower().startswith("lcnet"):
        return "simulated"
    known = text(header.get("AUTHOR"))
    if mission == "TESS" and (known in ("SPOC", "TESS-SPOC") or (not known and "NASA/Ames" in origin)):
        cadence = header.get("TIMEDEL")
        seconds = cadence * 86400 if isinstance(cadence, (int, float)) else 0.0
        return "TESS-SPOC" if seconds > _LONGEST_SPOC_CADENCE or known == "TESS-SPOC" else "SPOC"
    if known in ("", "Kepler") and "fluxexporter" in creator.lower():
        return "K2" if mission == "K2" else "Kepler"  # the archive's names for one pipeline
    return known or "custom"


def time_system(header, unit: str = "") -> tuple[str, float | None]:
    """Which zero the times of a table count from.

    Parameters
    ----------
    header : mapping
        The table's header: BJDREFI and BJDREFF are believed first, then the FITS standard's JDREF and MJDREF.
    unit : str
        TUNIT of the time column, believed next: "BJD - 2457000, days", "btjd", ...

    Returns
    -------
    system : str
        "BKJD", "BTJD", "BJD" (also for any other zero, once it is added) or "unknown".
    zero : float or None
        The BJD of time 0; None when unknown.
    """
    zero = None
    for whole, rest, add in _ZERO_CARDS:
        if isinstance(header.get(whole), (int, float)):
            fraction = header.get(rest)
            zero = float(header[whole]) + (float(fraction) if isinstance(fraction, (int, float)) else 0.0) + add
            break
    else:
        stated = unit.lower()
        if found := re.search(r"jd(?:_?tdb)?\s*-\s*(2\d{6}(?:\.\d*)?)", stated):
            zero = float(found[1])
        elif found := re.fullmatch(r"\s*(bkjd|btjd|bjd|jd)(_tdb)?\s*", stated):
            zero = {"bkjd": 2454833.0, "btjd": 2457000.0}.get(found[1], 0.0)
    return ("unknown" if zero is None else TIME_SYSTEMS.get(zero, "BJD")), zero
