"""Which filter a letter is: it depends on the survey, so a bare letter is never trusted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache

from lcnet.supernovae.photometry import Band

__all__ = ["find_band", "lookup", "table"]


@cache
def table() -> dict[tuple[str, str], Band]:
    """(survey, letter) -> `Band`, from ``catalogs/supernova_bands.ecsv``."""
    from lcnet.catalogs import load

    rows = load("supernova_bands")
    return {
        (str(row["survey"]).upper(), str(row["letter"])): Band(
            str(row["survey"]),
            str(row["letter"]),
            str(row["band"]),
            str(row["system"]),
            float(row["wavelength"].to_value("AA")),
        )
        for row in rows
    }


def find_band(survey: str, letter: str) -> Band:
    """The filter a survey calls `letter`; one with an empty ``name`` if the table does not have it.

    Parameters
    ----------
    survey : str
        As in a SURVEY line; a subset in brackets, ``PS1_LOWZ_COMBINED(CFA3K)``, is the survey.
    letter : str
        ``g``, or with the survey before it, ``DES-g`` or ``SDSS/g``.
    """
    known = table()
    survey = survey.strip()
    inside = survey.partition("(")[2].rpartition(")")[0]
    letters = [letter]
    for mark in ("-", "/", "::", "_"):
        if mark in letter:
            letters.append(letter.rpartition(mark)[2])
    for name in (inside, survey):
        for one in letters:
            if name and (name.upper(), one) in known:
                return known[name.upper(), one]
    return Band(survey, letter)


def lookup(mapping: Mapping | None = None):
    """``find_band``, with a user's own mapping first.

    Parameters
    ----------
    mapping : mapping, optional
        ``{"X": "g"}`` or ``{("MYSURVEY", "X"): "g"}``: names of lcnet's bands (u g r i z y U B V R I Y J H K). The
        wavelength is that of the survey's own filter of this name, else of lcnet's.

    Raises
    ------
    ValueError
        For a name that is no band.
    """
    mapping = dict(mapping or {})
    # lcnet's own last, so that they are the standard
    standard = {band.name: band for band in sorted(table().values(), key=lambda band: band.survey == "lcnet")}
    own = {(band.survey.upper(), band.name): band for band in table().values()}
    for key, name in mapping.items():
        if name not in standard:
            raise ValueError(
                f"{key!r} is mapped to {name!r}, which is no band: there are {', '.join(sorted(standard))}"
            )

    def find(survey: str, letter: str) -> Band:
        name = mapping.get((survey, letter), mapping.get(letter))
        if name is not None:
            like = own.get((survey.strip().upper(), name), standard[name])
            return Band(survey, letter, name, like.system, like.wavelength)
        return find_band(survey, letter)

    return find


def known(band: Band) -> bool:
    """Whether it has a name and a wavelength."""
    return bool(band.name) and math.isfinite(band.wavelength)
