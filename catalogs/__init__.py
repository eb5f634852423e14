"""Small reference tables with units and sources: ``lcnet.catalogs.load("known_planets")``.

What may live here, and the columns of each table, is in the README beside this file.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from astropy.table import QTable

__all__ = ["load", "names"]

_FOLDER = Path(__file__).resolve().parent


def names() -> tuple[str, ...]:
    """The catalogues there are, sorted."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.ecsv")))


def load(name: str) -> QTable:
    """Read one of lcnet's small catalogues.

    Parameters
    ----------
    name : str
        One of `names`, e.g. ``"known_planets"``.

    Returns
    -------
    astropy.table.QTable
        One row a signal or object; columns with units are quantities, a missing number is NaN, a missing identifier
        is masked. ``meta`` says what the table holds and from when its sources are.

    Raises
    ------
    ValueError
        There is no such catalogue; the message lists those there are.
    """
    if name not in names():
        raise ValueError(f"no catalogue {name!r}: there are {', '.join(names())}")
    from astropy import units
    from astropy.table import QTable
    from astropy.units import cds

    # parts per million are no astropy unit by default; enabled for this reading only, users' unit registry is theirs
    with units.add_enabled_units(cds.ppm):
        return QTable.read(_FOLDER / f"{name}.ecsv", format="ascii.ecsv")
