"""Every task lcnet knows, by name, without importing any of them.

An entry says where its `Task` lives, as ``"module:attribute"``. A *reading* has no weights of its own: it reports sums
of another network's classes, so that two verdicts on one object can never contradict each other.
"""

from __future__ import annotations

import difflib
import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lcnet.core.task import Task

__all__ = ["REGISTRY", "Entry", "UnknownTask", "get_entry", "get_task", "unknown"]


class UnknownTask(ValueError, KeyError):
    """No task of that name."""

    def __str__(self) -> str:  # KeyError would print the message in quotes
        return str(self.args[0]) if self.args else ""


@dataclass(frozen=True)
class Entry:
    """A registered name: a task of its own (`where`), or a reading of one (`reading_of`, `sums`).

    Parameters
    ----------
    where : str
        ``"module:attribute"`` of the `Task`.
    sentence, reference : str
        What it does, and the paper and figure it is held to.
    reading_of : str
        Name of the task whose network is read.
    sums : mapping of str to tuple of str
        Class reported, in column order, to the network's classes it sums.
    judge : str
        ``"module:function"`` that judges a network on a published archive, ``function(network, path, split, report)``
        -> lines of text: what `lcnet evaluate --split` prints; `report`, a folder for figures and tables, or None.
    splits : tuple of str
        Those of the archive.
    """

    where: str = ""
    sentence: str = ""
    reference: str = ""
    reading_of: str = ""
    sums: Mapping[str, tuple[str, ...]] | None = None
    judge: str = ""
    splits: tuple[str, ...] = ()

    def __post_init__(self):
        if bool(self.where) == bool(self.reading_of) or bool(self.reading_of) != bool(self.sums):
            raise ValueError("an entry has either `where`, or `reading_of` with `sums`")


_CHALLENGE = {
    "judge": "lcnet.supernovae.judging:judge_archive",
    "splits": ("spectroscopic", "representative-1103", "half"),
}

REGISTRY: dict[str, Entry] = {
    "transits/candidate": Entry(
        where="lcnet.transits.tasks:CANDIDATE",
        sentence="Is a periodic dip a planet-like transit, an eclipsing binary, or junk?",
        reference="Yu et al. 2019, AJ 158, 25",
    ),
    "transits/triage": Entry(
        reading_of="transits/candidate",
        sums={"junk": ("junk",), "transit": ("planet", "eclipse")},
        sentence="Is a periodic dip astrophysical (a transit or an eclipse) or junk?",
        reference="Yu et al. 2019, AJ 158, 25: average precision 0.97",
    ),
    "transits/vetting": Entry(
        reading_of="transits/candidate",
        sums={"not_planet": ("eclipse", "junk"), "planet": ("planet",)},
        sentence="Is a periodic dip a planet candidate?",
        reference="Yu et al. 2019, AJ 158, 25: average precision 0.69",
    ),
    "transits/kepler": Entry(
        where="lcnet.transits.tasks:KEPLER",
        sentence="The same as transits/candidate, learnt for Kepler's Objects of Interest: more than half are planets",
        reference="Shallue & Vanderburg 2018, AJ 155, 94",
    ),
    "transits/koi": Entry(
        where="lcnet.transits.koi:KOI",
        sentence="Is a Kepler Object of Interest a planet, from one stored view? A benchmark",
        reference="gradient boosting on the same views and catalogue columns: AUC 0.931",
    ),
    "transits/astronet": Entry(
        where="lcnet.transits.astronet:ASTRONET",
        sentence="AstroNet as published: is a Kepler dip a planet's transit? For reference",
        reference="Shallue & Vanderburg 2018, AJ 155, 94: AUC 0.988 on Kepler's DR24",
    ),
    "supernovae/des": Entry(
        where="lcnet.supernovae.tasks:DES",
        sentence="Is a supernova in griz of type Ia, Ib or Ic, or II? Early or late, with or without a redshift",
        reference="Charnock & Moss 2017, ApJL 837, L28: AUC 0.986 on half of the challenge, with redshifts",
        **_CHALLENGE,
    ),
    "supernovae/des-spectroscopic": Entry(
        where="lcnet.supernovae.tasks:DES_SPECTROSCOPIC",
        sentence="The same, learnt from a spectroscopic sample: 1,103 bright and near objects moved to higher redshift",
        reference="Revsbech, Trotta & van Dyk 2018, MNRAS 473, 3969: AUC 0.96 from its spectroscopic sample",
        **_CHALLENGE,
    ),
}


def get_entry(name: str) -> Entry:
    """The entry registered as `name`.

    Raises
    ------
    UnknownTask
        A ValueError and KeyError that suggests the closest names.
    """
    if name in REGISTRY:
        return REGISTRY[name]
    raise unknown(name)


def unknown(name: str) -> UnknownTask:
    """The error for a name that is not registered, with the closest ones."""
    close = difflib.get_close_matches(name, REGISTRY, n=3, cutoff=0.5)
    close = close or [known for known in REGISTRY if known.partition("/")[2] == name]
    hint = f"did you mean {' or '.join(close)}?" if close else "`lcnet tasks` lists them all"
    return UnknownTask(f"unknown task {name!r}: {hint}")


def get_task(name: str) -> Task:
    """The `Task` registered as `name`; of a reading, the task whose network it reads.

    Parameters
    ----------
    name : str
        A registered name, or ``"module:attribute"`` of a task of your own.

    Raises
    ------
    UnknownTask
        If there is none of that name, or it is no `Task`.
    """
    if name not in REGISTRY and ":" in name:
        where = name
    else:
        entry = get_entry(name)
        where = entry.where or get_entry(entry.reading_of).where
    module, _, attribute = where.partition(":")
    if not attribute.isidentifier() or not all(part.isidentifier() for part in module.split(".")):
        raise UnknownTask(f"{name!r} is no task: give a name from `lcnet tasks`, or package.module:ATTRIBUTE")
    try:
        home = importlib.import_module(module)
    except ModuleNotFoundError as error:
        # a module of the user's that lacks one of its own imports is there, and its error says more
        if name in REGISTRY or error.name is None or not (module + ".").startswith(error.name + "."):
            raise
        raise UnknownTask(f"there is no module {module!r} to take the task {attribute!r} from") from None
    from lcnet.core.task import Task

    found = getattr(home, attribute, None)
    if not isinstance(found, Task):
        why = "no task" if found is None else f"a {type(found).__name__}, not a Task, under the name"
        raise UnknownTask(f"module {module!r} has {why} {attribute!r}")
    return found
