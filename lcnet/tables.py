"""Files of tables, the same for every science: which format a suffix asks for, and VOTables that keep their meta."""

from __future__ import annotations

from pathlib import Path

__all__ = ["FORMATS", "file_format", "votable"]

FORMATS = {".ecsv": "ascii.ecsv", ".vot": "votable", ".xml": "votable", ".parquet": "parquet", ".csv": "csv"}


def file_format(path, *, example: str) -> str:
    """The format of an output file by its suffix.

    Parameters
    ----------
    path : path-like
    example : str
        A file name, for who gave a folder.

    Raises
    ------
    ValueError
        For a suffix that is none of `FORMATS`, or a folder.
    """
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"{path} is a folder; give a file, for example {path / example}")
    if path.suffix.lower() not in FORMATS:
        raise ValueError(f"{path}: cannot tell the format from {path.suffix!r}; use one of {', '.join(FORMATS)}")
    return FORMATS[path.suffix.lower()]


def votable(table, *, spell=str):
    """The table with its meta as INFO elements, which astropy's own conversion leaves out.

    Parameters
    ----------
    table : astropy.table.Table
    spell : callable
        A value of the meta as text.

    Returns
    -------
    astropy.io.votable.tree.VOTableFile
    """
    from astropy.io.votable.tree import Info, VOTableFile
    from astropy.table import Table

    file = VOTableFile.from_table(Table(table, copy=True))
    for name, value in table.meta.items():
        file.resources[0].infos.append(Info(name=str(name), value=spell(value)))
    return file
