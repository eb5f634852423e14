"""Known events and the light curves they belong to: which star is asked for what.

Every event of the table is a row of the result, in the table's order: scored, or failed with its reason.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lcnet.transits.batch import Job
from lcnet.transits.ephemeris import FULL_BJD
from lcnet.transits.read import Source, plan
from lcnet.transits.table import failed_row
from lcnet.transits.tces import TCE, star_key

__all__ = ["join", "join_to_own", "unscored_row"]


def join(tces, sources) -> tuple[list[Job], list[tuple[int, dict]], int]:
    """Events of stars whose light curves are given beside them.

    Parameters
    ----------
    tces : sequence of TCE
    sources : sequence of Source
        A star is recognised by its number from the header, else by its name or the name of a file. The only one there
        is needs no name.

    Returns
    -------
    jobs : list of Job
        The stars that have events, in the order of `sources`.
    rows : list of (place, row)
        Of the events that have no star or are no ephemeris, and behind the table those of sources that are broken.
    idle : int
        Sources without an event.
    """
    by_name = _names(sources)
    nameless = not any(tce.key or tce.target for tce in tces)
    if nameless and len(sources) != 1:
        raise ValueError(
            f"the table has no column that says which of the {len(sources)} stars an ephemeris is of: "
            "add one (target, tic_id, kepid ...), or give one star"
        )
    asked: dict[int, list[TCE]] = {}
    rows = []
    for tce in tces:
        number = 0 if nameless else _lookup(by_name, tce)
        if tce.problem:
            rows.append((tce.place, unscored_row(tce, tce.problem)))
        elif number is None:
            rows.append((tce.place, unscored_row(tce, _unmatched(tce))))
        else:
            asked.setdefault(number, []).append(tce)
    jobs = [_job(sources[number], asked[number]) for number in sorted(asked)]
    idle = 0
    for number, source in enumerate(sources):
        if number in asked:
            continue
        if source.error is not None:
            rows.append((len(tces) + number, failed_row(str(source.target), str(source.error))))
        else:
            idle += 1
    return jobs, rows, idle


def join_to_own(tces, *, sources=None, **selection) -> tuple[list[Job], list[tuple[int, dict]], int]:
    """Events of a table that says itself where its light curves are: paths, or stars to look up.

    Parameters
    ----------
    tces : sequence of TCE
    sources : mapping of str to list of str, optional
        The files of a star, by its name in the table (``table.meta["sources"]`` of an earlier `score`).
    **selection
        As in `read`: author, sector ...

    Returns
    -------
    As `join`.

    Raises
    ------
    ValueError
        Not one event names a light curve.
    """
    if not any(tce.target or tce.key for tce in tces):
        raise ValueError(
            "the table does not say which stars its ephemerides are of: add a column of paths or stars (target, "
            "tic_id, kepid ...), or give the light curves beside the table"
        )
    groups: dict[str, list[TCE]] = {}
    rows = []
    for tce in tces:
        if tce.problem or not tce.target:
            rows.append((tce.place, unscored_row(tce, tce.problem or "no target in the table")))
        else:
            groups.setdefault(tce.target, []).append(tce)
    jobs = []
    for target, (found, error) in _planned(groups, sources or {}, selection).items():
        events = groups[target]
        if error is None and len(found) > 1:
            by_name = _names(found)
            asked: dict[int, list[TCE]] = {}
            for tce in events:
                number = by_name.get(tce.key) if tce.key else None
                if number is None:
                    said = f"{target} holds {len(found)} stars; add a column that says which one (tic_id, kepid ...)"
                    rows.append((tce.place, unscored_row(tce, said)))
                else:
                    asked.setdefault(number, []).append(tce)
            jobs += [_job(found[number], asked[number]) for number in sorted(asked)]
        elif error is not None or not found:
            rows += [(tce.place, unscored_row(tce, str(error or "nothing to read"))) for tce in events]
        else:
            wrong = [tce for tce in events if _another(tce, found[0])]
            said = f"the light curve is of {found[0].target}, not of %s"
            rows += [(tce.place, unscored_row(tce, said % tce.key)) for tce in wrong]
            if right := [tce for tce in events if tce not in wrong]:
                jobs.append(_job(found[0], right))
    return jobs, rows, 0


def _planned(groups, known, selection):
    """For each target its sources, or the error of finding them. Numbers go together, so that one query serves all."""
    planned = {}
    numbered = [target for target in groups if " " in star_key(target) and target not in known]
    if numbered:
        try:
            found = {source.target: source for source in plan(numbered, **selection)}
        except (ValueError, OSError, LookupError) as error:
            planned |= {target: ([], error) for target in numbered}
        else:
            # a star that could not be found goes by the name it was asked for
            planned |= {target: ([found[star_key(target)]], None) for target in numbered if star_key(target) in found}
            planned |= {target: ([found[target]], None) for target in numbered if target in found}
    for target in groups:
        if target in planned:
            continue
        try:
            planned[target] = (plan(known.get(target) or target, **selection), None)
        except (TypeError, ValueError, OSError, LookupError) as error:
            planned[target] = ([], error)
    return {target: planned[target] for target in groups}


def _job(source: Source, tces) -> Job:
    return Job(source, tuple(tce.ephemeris for tce in tces), tuple(tce.place for tce in tces))


def _names(sources) -> dict[str, int]:
    """Every name a source goes by -> its number in the list; one that two go by is nobody's."""
    names: dict[str, int | None] = {}

    def add(name, number):
        if name:
            names[name] = number if names.get(name, number) == number else None

    for number, source in enumerate(sources):
        key = star_key(source.target)
        add(key, number)
        add(key.rpartition(" ")[2], number)
        for name in {str(source.target), *map(str, _files(source)), *(Path(one).name for one in _files(source))}:
            add(name.casefold(), number)
    return {name: number for name, number in names.items() if number is not None}


def _files(source):
    return [item for item in source.items if isinstance(item, Path)]


def _lookup(by_name, tce):
    if tce.key:
        return by_name.get(tce.key)
    target = tce.target.casefold()
    return by_name.get(target, by_name.get(Path(target).name))


def _another(tce, source) -> bool:
    """Whether a row's star and the star in the file it names are two."""
    there = star_key(source.target)
    return bool(tce.key and there) and tce.key.rpartition(" ")[2] != there.rpartition(" ")[2]


def _unmatched(tce) -> str:
    name = tce.key or tce.target
    return f"no light curve of {name} was given" if name else "the row names no star"


def unscored_row(tce: TCE, reason) -> dict:
    """The row of an event that was not measured: as it stands in the table it came from, with the reason."""
    one = tce.ephemeris
    row = failed_row(tce.key if " " in tce.key else tce.target or tce.key, reason)
    row |= {name: getattr(one, name) for name in ("period", "epoch", "duration") if np.isfinite(getattr(one, name))}
    if "epoch" in row:
        row["time_system"] = one.system or ("BJD" if one.epoch > FULL_BJD else "")
    return row
