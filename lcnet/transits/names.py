"""What people call stars, and which of a star's light curves they mean: names, and the choice among products.

The choice is in lightkurve's words (author, mission, exptime, quarter, campaign, sector), with defaults: each mission's
own pipeline at its usual cadence, never 20-second data unless asked for.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass

__all__ = ["ANY", "MISSIONS", "Selection", "is_number", "seconds_match", "selection_of", "star_name"]

# author -> any: lightkurve's own word for "whoever made it"
ANY = ("any", "all")
# What is used of each mission, in the order of preference: the mission's pipeline, then the one for full frames, then
# those by others that lcnet reads.
MISSIONS = {
    "Kepler": ("Kepler",),
    "K2": ("K2", "K2SFF", "EVEREST"),
    "TESS": ("SPOC", "TESS-SPOC", "QLP"),
}
_UNIT_OF = {"quarter": "Kepler", "campaign": "K2", "sector": "TESS"}
# lightkurve's words for cadences, as seconds from and to
_CADENCES = {"fast": (0.0, 60.0), "short": (60.0, 200.0), "long": (200.0, 1e5), "ffi": (200.0, 1e5)}


@dataclass(frozen=True)
class Selection:
    """Which of a star's light curves are wanted; None is no wish.

    Attributes
    ----------
    author : tuple of str or None
        Pipelines; ("any",) for all.
    mission : tuple of str or None
        "Kepler", "K2", "TESS".
    exptime : str, float or None
        "long", "short", "fast", or seconds.
    quarter, campaign, sector : tuple of int or None
    """

    author: tuple[str, ...] | None = None
    mission: tuple[str, ...] | None = None
    exptime: str | float | None = None
    quarter: tuple[int, ...] | None = None
    campaign: tuple[int, ...] | None = None
    sector: tuple[int, ...] | None = None

    def __bool__(self) -> bool:
        return any(value is not None for value in asdict(self).values())

    def __str__(self) -> str:
        said = []
        for name, value in asdict(self).items():
            if value is not None:
                said.append(f"{name} {', '.join(map(str, value)) if isinstance(value, tuple) else f'{value}'}")
        return "; ".join(said) or "no wish"

    @property
    def missions(self) -> tuple[str, ...] | None:
        """The missions that are possible: the one a quarter, campaign or sector belongs to, else those asked for."""
        for name, mission in _UNIT_OF.items():
            if getattr(self, name) is not None:
                return (mission,)
        return self.mission

    @property
    def numbers(self) -> tuple[int, ...] | None:
        """The quarters, campaigns or sectors."""
        return self.quarter or self.campaign or self.sector

    def matches_author(self, author: str) -> bool:
        """Whether a pipeline is among those asked for."""
        wanted = {name.lower() for name in self.author or ANY}
        return author.lower() in wanted or not wanted.isdisjoint(ANY)


def selection_of(*, author=None, mission=None, exptime=None, quarter=None, campaign=None, sector=None) -> Selection:
    """A `Selection` from what a caller wrote.

    Raises
    ------
    ValueError
        A value that makes no sense, by its name.
    """
    given = [
        name for name, value in (("quarter", quarter), ("campaign", campaign), ("sector", sector)) if value is not None
    ]
    if len(given) > 1:
        raise ValueError(f"give one of quarter, campaign and sector, not {' and '.join(given)}")
    known = {name.lower(): name for name in MISSIONS}
    missions = _texts("mission", mission)
    for name in missions or ():
        if name.lower() not in known:
            raise ValueError(f"mission must be {', '.join(MISSIONS)}, not {name!r}")
    made = Selection(
        author=_texts("author", author),
        mission=missions and tuple(known[name.lower()] for name in missions),
        exptime=_exptime(exptime),
        quarter=_numbers("quarter", quarter),
        campaign=_numbers("campaign", campaign),
        sector=_numbers("sector", sector),
    )
    if given and made.mission and _UNIT_OF[given[0]] not in made.mission:
        raise ValueError(f"{given[0]} belongs to {_UNIT_OF[given[0]]}, not to {', '.join(made.mission)}")
    return made


def _texts(name, value):
    if value is None:
        return None
    values = [value] if isinstance(value, str) or not hasattr(value, "__iter__") else list(value)
    if not values:
        return None
    if not all(isinstance(each, str) and each.strip() for each in values):
        raise ValueError(f"{name} must be a name or several, got {value!r}")
    return tuple(each.strip() for each in values)


def _numbers(name, value):
    if value is None:
        return None
    values = [value] if isinstance(value, str) or not hasattr(value, "__iter__") else list(value)
    try:
        numbers = tuple(sorted({int(each) for each in values}))
        whole = all(isinstance(each, str) or each == int(each) for each in values)
    except (TypeError, ValueError):
        whole, numbers = False, ()
    if not whole or any(number < 0 for number in numbers):
        raise ValueError(f"{name} must be a number or several, got {value!r}")
    return numbers or None


def _exptime(value):
    if value is None:
        return None
    if isinstance(value, str) and value.strip().lower() in _CADENCES:
        return value.strip().lower()
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = 0.0
    if not 0 < seconds < 1e5:
        raise ValueError(f"exptime must be seconds, or one of {', '.join(_CADENCES)}; got {value!r}")
    return seconds


def seconds_match(seconds: float, exptime: str | float | None) -> bool:
    """Whether an exposure time is the one asked for; without a wish anything but 20-second data is.

    Parameters
    ----------
    seconds : float
        Exposure time or cadence; within 5% of a number asked for, because Kepler's 1800 s are 1765.
    exptime : str, float or None
    """
    if exptime is None:
        return seconds > 40.0
    if isinstance(exptime, str):
        low, high = _CADENCES[exptime]
        return low * 0.95 <= seconds < high * 0.95
    return abs(seconds - exptime) <= 0.05 * exptime


_CATALOGUES = {"kic": "KIC", "kplr": "KIC", "epic": "EPIC", "ktwo": "EPIC", "tic": "TIC"}


def star_name(text: str) -> str:
    """A star's name as the archive understands it.

    Catalogue numbers become "KIC 11442793", whichever way they are written; candidates and planets ("TOI-700.01",
    "Kepler-90 h") become their star.

    Raises
    ------
    ValueError
        A bare number, which could be in any catalogue.
    """
    name = " ".join(text.split())
    if found := re.fullmatch(r"(kic|kplr|epic|ktwo|tic)[\s_-]*0*(\d+)", name, re.IGNORECASE):
        return f"{_CATALOGUES[found[1].lower()]} {found[2]}"
    if found := re.fullmatch(r"(toi|koi)[\s_-]*0*(\d+)(\.\d+)?", name, re.IGNORECASE):
        return f"{found[1].upper()}-{found[2]}"
    if found := re.fullmatch(r"k0*(\d+)\.\d\d", name, re.IGNORECASE):  # the archive's own form of a KOI, K00351.01
        return f"KOI-{found[1]}"
    if found := re.fullmatch(r"(kepler|k2|toi|wasp)[\s_-]*(\d+)\s*[b-i]?", name, re.IGNORECASE):
        prefix = found[1].capitalize() if found[1].lower() == "kepler" else found[1].upper()
        return f"{prefix}-{found[2]}"
    if name.isdigit():
        raise ValueError(f"{text}: a number without its catalogue; write KIC {name}, TIC {name} or EPIC {name}")
    return name


def is_number(name: str) -> bool:
    """Whether a name from `star_name` is a catalogue number, which says which star it is without asking anyone."""
    return re.fullmatch(r"(KIC|EPIC|TIC) \d+", name) is not None


def mission_of(name: str) -> str:
    """The mission a star's name points to; of what has no mission in its name TESS sees most."""
    lower = name.lower()
    if lower.startswith(("kepler", "kic", "koi")):
        return "Kepler"
    return "K2" if lower.startswith(("k2", "epic")) else "TESS"
