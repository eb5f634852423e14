"""Which light curves the archive (MAST) has of a star, and which of them are meant.

The search is lightkurve's, which is astroquery's. What this file adds: defaults and what to do when there is nothing
by the default pipeline; an answer within a bounded time; one sentence when there is none; and the answer kept as a
small JSON, so that the same call works again without a network.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lcnet.cache import cache_dir
from lcnet.core.files import write_bytes
from lcnet.transits import mast
from lcnet.transits.caches import Product, by_number
from lcnet.transits.names import ANY, MISSIONS, Selection, is_number, mission_of, seconds_match
from lcnet.transits.products import ReadError

__all__ = ["Listing", "Product", "look_up"]

# So long an answer of the archive is taken for its answer of today: new sectors come once a month
_FRESH = timedelta(days=1)
# All SPOC sectors of the best observed stars are about 90; all products of everyone are several hundred
_MOST_PRODUCTS = 300
_NUMBERED = {"Kepler": "quarter", "K2": "campaign", "TESS": "sector"}


@dataclass(frozen=True)
class Listing:
    """What is meant by a name: the archive's files, and remarks on how they were chosen.

    Attributes
    ----------
    name, star : str
        As asked for; catalogue and number, or "" when the archive does not say.
    products : tuple of Product
    notes : tuple of str
    date : str
        Of the archive's answer, ISO, UTC.
    """

    name: str
    star: str
    products: tuple[Product, ...]
    notes: tuple[str, ...] = ()
    date: str = ""


def look_up(name: str, selection: Selection) -> Listing:
    """The light curves meant by a star's name.

    Parameters
    ----------
    name : str
        From `names.star_name`.
    selection : Selection

    Returns
    -------
    Listing
        All quarters, campaigns or sectors of one pipeline at one kind of cadence, unless the selection says otherwise.

    Raises
    ------
    FileNotFoundError
        The archive knows no star of this name.
    ReadError
        It has no such light curve of the star (and what it has), or it cannot be asked, or gives no sensible answer.
    """
    kept = _kept(name, selection)
    if kept is not None and datetime.now(UTC) - datetime.fromisoformat(kept.date) < _FRESH:
        return kept
    try:
        listing = _search(name, selection)
    except mast.Unavailable as error:
        if kept is not None:
            return replace(kept, notes=(*kept.notes, f"archive not available; its list of {kept.date[:10]} used"))
        on_disk = by_number(name) if not selection and is_number(name) else ()
        if on_disk:
            return Listing(name, name, on_disk, ("archive not available; files of the cache used",))
        raise ReadError(f"{name}: {error}") from error
    _keep(listing, selection)
    return listing


def _search(name: str, selection: Selection) -> Listing:
    missions = selection.missions
    if missions is None and selection.author is None:
        missions = (mission_of(name),)
    numbers = {each: getattr(selection, each) for each in _NUMBERED.values() if getattr(selection, each) is not None}
    authors = selection.author or tuple(MISSIONS[mission][0] for mission in missions)
    author = None if any(each.lower() in ANY for each in authors) else authors
    try:
        found = _products(mast.search(name, mission=missions or tuple(MISSIONS), author=author, **numbers))
    except FileNotFoundError:
        # lightkurve asks for a number first as the name of a target, and only then for a place on the sky
        if not is_number(name):
            raise
        found = []
    chosen, notes = _of_one_star(_wanted(found, selection)), ()
    if not chosen:
        everything = _products(mast.search(name, mission=tuple(MISSIONS), author=None))
        if not everything:
            raise ReadError(f"{name}: the archive has no light curve of this star from {', '.join(MISSIONS)}")
        chosen, notes = _instead(everything, missions, selection, authors)
        if not chosen:
            asked = f" ({selection})" if selection else ""
            raise ReadError(
                f"{name}: the archive has no such light curve{asked}; it has {_inventory(everything)}; choose with "
                "author, mission, exptime, quarter, campaign, sector"
            )
    if len(chosen) > _MOST_PRODUCTS:
        raise ReadError(
            f"{name}: {len(chosen)} light curves ({_inventory(chosen)}) are more than {_MOST_PRODUCTS}; choose with "
            "author, mission, exptime, quarter, campaign, sector"
        )
    stars = {product.star for product in chosen}
    star = stars.pop() if len(stars) == 1 else ""
    return Listing(name, star, chosen, notes, datetime.now(UTC).isoformat(timespec="seconds"))


def _instead(everything, missions, selection, authors):
    """What is used where the default pipeline has nothing, and the remark that says so."""
    if selection.author is not None:
        return (), ()
    first = missions[0]
    others = () if selection.missions else tuple(mission for mission in MISSIONS if mission != first)
    for mission in (*(missions or ()), *others):
        for author in MISSIONS[mission]:
            here = [each for each in everything if each.mission == mission and each.author.lower() == author.lower()]
            if chosen := _of_one_star(_wanted(here, selection)):
                return chosen, (f"nothing by {' or '.join(authors)}: {mission} light curves by {author} used",)
    return (), ()


def _wanted(products, selection) -> list[Product]:
    """Those of the cadence and number asked for; of Kepler and K2 the long cadence, which every target has."""
    kept = []
    for product in products:
        exptime = selection.exptime
        if exptime is None and product.author in ("Kepler", "K2"):
            exptime = "long"
        number = re.match(r"\d+", product.number)
        if selection.numbers is not None and (number is None or int(number[0]) not in selection.numbers):
            continue
        if seconds_match(product.exptime, exptime) and selection.matches_author(product.author):
            kept.append(product)
    return kept


def _of_one_star(products) -> tuple[Product, ...]:
    """The products of the nearest star, each file once; a position can fall on the pixels of several."""
    nearest: dict[str, tuple[float, str]] = {}
    for product in products:
        best = nearest.get(product.mission, (float("inf"), ""))
        nearest[product.mission] = min(best, (product.distance, product.star))
    kept = {
        product.place: product
        for product in sorted(products, key=lambda each: (each.mission, each.author, each.filename))
        if product.star in ("", nearest[product.mission][1])
    }
    return tuple(kept.values())


def _products(rows: Iterable[dict]) -> list[Product]:
    made = []
    for row in rows:
        number = re.search(r"(?:Quarter|Campaign|Sector)\s+0*(\d\w*)", row["mission"])
        digits = re.fullmatch(r"(?:kplr|ktwo|kic|epic|tic)?[\s_-]*0*(\d+)", row["target_name"].strip(), re.IGNORECASE)
        prefix = {"Kepler": "KIC", "K2": "EPIC", "TESS": "TIC"}.get(row["project"])
        try:
            product = Product(
                uri=row["dataURI"],
                collection=row["obs_collection"],
                obs_id=row["obs_id"],
                filename=os.path.basename(row["productFilename"]),
                star=f"{prefix} {digits[1]}" if digits and prefix else "",
                mission=row["project"],
                author=row["author"],
                exptime=float(row["exptime"]),
                number=number[1] if number else "",
                distance=float(row["distance"] or 0.0),
            )
        except ValueError:
            continue  # a product without a file name or exposure time is nothing to read
        made.append(product)
    return made


def _inventory(products) -> str:
    """ "TESS: SPOC 120 s (sectors 1, 4-6); Kepler: ..." """
    groups: dict[str, dict[str, list[str]]] = {}
    for product in products:
        kind = f"{product.author} {product.exptime:.0f} s"
        groups.setdefault(product.mission, {}).setdefault(kind, []).append(product.number)
    said = []
    for mission, kinds in groups.items():
        unit = _NUMBERED.get(mission, "part")
        listed = [f"{kind} ({unit}s {_ranges(numbers)})" for kind, numbers in sorted(kinds.items())]
        said.append(f"{mission}: {', '.join(listed)}")
    return "; ".join(said)


def _ranges(numbers) -> str:
    """ "1, 4-6" of numbers as text; those that are not plain come last."""
    plain = sorted({int(number) for number in numbers if number.isdigit()})
    runs: list[list[int]] = []
    for number in plain:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    said = [str(a) if a == b else f"{a}-{b}" for a, b in runs]
    return ", ".join(said + sorted({number for number in numbers if number and not number.isdigit()})) or "unknown"


# The archive's answers on disk


def _file(name: str, selection: Selection) -> Path:
    key = json.dumps([1, name.lower(), asdict(selection)], sort_keys=True)
    return cache_dir("searches") / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"


def _keep(listing: Listing, selection: Selection) -> None:
    try:
        write_bytes(_file(listing.name, selection), json.dumps(asdict(listing), indent=1).encode())
    except OSError:
        pass  # a full disk is said by what needs it, the download


def _kept(name: str, selection: Selection) -> Listing | None:
    """A kept answer; None where there is none or it does not read as one."""
    try:
        said = json.loads(_file(name, selection).read_bytes())
        products = tuple(Product(**each) for each in said.pop("products"))
        listing = Listing(**{**said, "products": products, "notes": tuple(said["notes"])})
        datetime.now(UTC) - datetime.fromisoformat(listing.date)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return listing if products and listing.name == name else None
