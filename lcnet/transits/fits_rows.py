"""The columns of a FITS binary table, from its bytes.

A table of plain numbers, as every light curve is, is a numpy record array; what is more than that (arrays in a cell,
scaled columns, null values of integers, ASCII tables) is astropy's.
"""

from __future__ import annotations

import re

import numpy as np

from lcnet.transits.fitsfile import Extension

__all__ = ["Rows"]

_DTYPES = {"B": "u1", "I": ">i2", "J": ">i4", "K": ">i8", "E": ">f4", "D": ">f8"}
_FORM = re.compile(r"(\d*)([BIJKEDA])\s*")


class Rows:
    """The columns of a table extension, one array a name in lower case.

    Parameters
    ----------
    raw : bytes
    extension : Extension
    """

    def __init__(self, raw: bytes, extension: Extension):
        cards = extension.cards
        fields = range(1, cards["TFIELDS"] + 1)
        self.units = {}
        self._names = {}
        for field in fields:
            name = str(cards.get(f"TTYPE{field}") or f"col{field}")
            self._names.setdefault(name.lower(), name)
            self.units.setdefault(name.lower(), cards.get(f"TUNIT{field}"))
        self._table = _plain_table(raw, extension, fields)
        if self._table is None:
            from astropy.io import fits

            kind = fits.TableHDU if cards.get("XTENSION") == "TABLE" else fits.BinTableHDU
            self._table = kind.fromstring(raw[extension.start : extension.end]).data

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def __iter__(self):
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._table)

    def __getitem__(self, name: str) -> np.ndarray:
        values = np.asarray(self._table[self._names[name]])
        return values.astype(values.dtype.newbyteorder("="))


def _plain_table(raw, extension, fields):
    """The rows as a numpy record array; None where a column is more than one plain number or text a row."""
    cards = extension.cards
    if cards.get("XTENSION") != "BINTABLE" or cards.get("PCOUNT"):
        return None
    names, formats = [], []
    for field in fields:
        form = _FORM.fullmatch(str(cards.get(f"TFORM{field}") or ""))
        name = str(cards.get(f"TTYPE{field}") or f"col{field}")
        scaled = any(cards.get(f"{key}{field}") is not None for key in ("TSCAL", "TZERO", "TNULL"))
        if form is None or name in names or (form[1] not in ("", "1") and form[2] != "A") or scaled:
            return None
        names.append(name)
        formats.append(f"S{form[1] or 1}" if form[2] == "A" else _DTYPES[form[2]])
    record = np.dtype({"names": names, "formats": formats})
    if record.itemsize != cards["NAXIS1"]:
        return None
    return np.frombuffer(raw, record, cards["NAXIS2"], extension.data)
