"""Files that hold a table: CSV and its kin, ECSV, VOTable, Parquet, FITS, JSON, the text of ZTF's forced photometry."""

from __future__ import annotations

import io

from lcnet.supernovae.columns import NAMES
from lcnet.tables import FORMATS

__all__ = ["is_table", "load_table", "looks_like_table"]

_KINDS = FORMATS | {".json": "JSON", ".fits": "fits", ".fit": "fits"}
_NAMES_AS_TEXT = dict.fromkeys((*NAMES["object"], "target_id"), str)  # 000006 is no number


def is_table(name: str) -> bool:
    """Whether a file of that name is a table."""
    return _kind(name) is not None


def looks_like_table(data: bytes) -> bool:
    """Whether the first line of a text names a time and a flux or magnitude."""
    words = set(_words(_first_lines(data)[0]))
    times, values = words & {*NAMES["mjd"]}, words & {*NAMES["flux"], *NAMES["mag"], "magpsf", "forcediffimflux"}
    return bool(times and values)


def load_table(name: str, data: bytes):
    """The table in a file's bytes: a DataFrame, or astropy's where the file has units.

    Parameters
    ----------
    name : str
        Its suffix says the format; text of any other suffix is a table of values between commas, semicolons, tabs or
        blanks.
    data : bytes

    Raises
    ------
    ValueError
        If it is not one.
    """
    kind = _kind(name) or "csv"
    try:
        return _load(kind, data)
    except Exception as error:  # damaged bytes make the libraries raise almost anything
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        spoken = {"csv": "table of text", "ascii.ecsv": "ECSV", "votable": "VOTable", "fits": "FITS table"}
        raise ValueError(f"not a readable {spoken.get(kind, kind)}: {why}") from None


def _kind(name: str) -> str | None:
    base = name.lower().removesuffix(".gz")
    return next((kind for suffix, kind in _KINDS.items() if base.endswith(suffix)), None)


def _load(kind: str, data: bytes):
    import pandas as pd
    from astropy.table import Table

    if not data.strip():
        raise ValueError("an empty file")
    if kind == "csv":
        return _text(data)
    if kind == "JSON":
        return pd.read_json(io.BytesIO(data), dtype=_NAMES_AS_TEXT, convert_dates=False)
    if kind == "parquet":
        import pyarrow.parquet

        # astropy keeps its units beside the columns
        stored = pyarrow.parquet.read_schema(io.BytesIO(data)).metadata or {}
        if b"table_meta_yaml" not in stored:
            return pd.read_parquet(io.BytesIO(data))
    return Table.read(io.BytesIO(data), format=kind)


def _text(data: bytes):
    import pandas as pd

    first, second = _first_lines(data)
    names, rest = None, {}
    if "," in first and second.count(",") < first.count(",") // 2:
        # ZTF's forced photometry: names between commas, values between blanks
        names, rest = [word.strip() for word in first.split(",")], {"header": None, "skiprows": _skipped(data) + 1}
    separator = next((mark for mark in ",;\t" if names is None and mark in first), r"\s+")
    comment = "#" if data.lstrip().startswith(b"#") else None
    frame = pd.read_csv(
        io.BytesIO(data),
        sep=separator,
        names=names,
        dtype=_NAMES_AS_TEXT,
        comment=None if names else comment,
        skipinitialspace=True,
        encoding_errors="replace",
        **rest,
    )
    return frame.rename(columns=lambda name: str(name).strip())


def _skipped(data: bytes) -> int:
    """Lines before the header."""
    number = 0
    for line in io.BytesIO(data):
        if line.strip() and not line.decode("utf-8", "replace").startswith("#"):
            break
        number += 1
    return number


def _first_lines(data: bytes) -> tuple[str, str]:
    """The header of a text and the line below it."""
    lines = []
    for line in io.BytesIO(data):
        text = line.decode("utf-8", "replace").strip()
        if text and not text.startswith("#"):
            lines.append(text)
        if len(lines) == 2:
            break
    return tuple((lines + ["", ""])[:2])


def _words(line: str) -> list[str]:
    return line.replace(",", " ").replace(";", " ").split()
