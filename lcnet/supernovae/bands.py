"""Which filter a letter is: it depends on the survey, so a bare letter is never trusted."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from lcnet.supernovae.photometry import Band

__all__ = ["find_band", "lookup", "table"]

_MARKS = "-_/:. "  # between a survey and its letter


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
        ``g``, or with a survey before it, ``DES-g``, ``SDSS/g`` or ``ztfg``, which is then whose letter it is. What
        stands before a letter and is no survey of the table leaves it unknown.
    """
    known = table()
    for name in _names(survey):
        if (name.upper(), letter) in known:
            return known[name.upper(), letter]
    for name in _longest_first():
        if letter.upper().startswith(name):
            return known.get((name, letter[len(name) :].lstrip(_MARKS)), Band(survey, letter))
    return Band(survey, letter)


def _names(survey: str) -> list[str]:
    """What a SURVEY line may mean: the part in brackets, and the whole."""
    survey = survey.strip()
    inside = survey.partition("(")[2].rpartition(")")[0]
    return [name for name in (inside, survey) if name]


@cache
def _longest_first() -> list[str]:
    """The surveys of the table: PS1MD before PS1."""
    return sorted({survey for survey, _ in table()}, key=len, reverse=True)


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
        keys = [(one, letter) for one in (survey, *_names(survey))]
        name = next((mapping[key] for key in (*keys, letter) if key in mapping), None)
        if name is not None:
            likes = [own[one.upper(), name] for one in _names(survey) if (one.upper(), name) in own]
            like = likes[0] if likes else standard[name]
            return Band(survey, letter, name, like.system, like.wavelength)
        return find_band(survey, letter)

    return find
