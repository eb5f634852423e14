"""The table of classified supernovae: its columns, and its files.

Missing numbers are NaN, missing words "". In CSV and Parquet the column ``object`` is the key.
"""

from __future__ import annotations

import numpy as np

from lcnet.tables import FORMATS, file_format, votable

__all__ = ["COLUMNS", "EPOCH_COLUMNS", "FORMATS", "check_output", "classification_table", "write_table"]

# name -> (kind, unit, what it is); kinds: s text, i count, f number, b true or false
COLUMNS = {
    "object": ("s", "", "name in the source (SNID)"),
    "p_Ia": ("f", "", "probability of type Ia"),
    "p_Ibc": ("f", "", "probability of types Ib and Ic"),
    "p_II": ("f", "", "probability of type II (IIP, IIL, IIn)"),
    "p_Ia_std": ("f", "", "scatter of p_Ia over the members of the ensemble"),
    "type": ("s", "", "the most probable class"),
    "ood": ("b", "", "out of distribution: not like what the network was trained on; why is in reason"),
    "mjd_trigger": ("f", "d", "MJD of the second night with a point of SNR 5 or more"),
    "mjd_peak": ("f", "d", "MJD of the peak estimated from the photometry"),
    "n_obs": ("i", "", "points in the window of -30 to +70 d about the peak"),
    "bands": ("s", "", "the network's bands that were observed in the window"),
    "redshift": ("f", "", "of the host, as given to the network"),
    "redshift_err": ("f", "", "its error"),
    "status": ("s", "", "ok, few_points, bands_missing or failed"),
    "reason": ("s", "", "why, in words"),
}
EPOCH_COLUMNS = {
    "mjd": ("f", "d", "last observation that was used"),
    "epoch": ("f", "d", "its time after the trigger, observer's frame"),
}
_MISSING = {"s": "", "i": 0, "f": np.nan, "b": False}


def classification_table(columns, meta=None, *, epochs: bool = False):
    """A QTable of `COLUMNS` (and `EPOCH_COLUMNS`) from arrays; what is absent is missing.

    Parameters
    ----------
    columns : mapping of str to array, shape (n,)
    meta : dict, optional
    epochs : bool
        With the columns of one row an epoch.

    Returns
    -------
    astropy.table.QTable
    """
    import astropy.units as u
    from astropy.table import Column, QTable

    n = len(columns["object"])
    table = QTable(meta=dict(meta or {}))
    for name, (kind, unit, description) in (COLUMNS | (EPOCH_COLUMNS if epochs else {})).items():
        values = columns.get(name, [_MISSING[kind]] * n)
        array = np.asarray(values, dtype={"s": str, "i": np.int64, "f": np.float64, "b": bool}[kind])
        if unit:
            table[name] = array * getattr(u, unit)
            table[name].info.description = description
        else:
            table[name] = Column(array, description=description)
    return table


def check_output(path) -> str:
    """The format of an output file by its suffix.

    Raises
    ------
    ValueError
        For a suffix that is none of `FORMATS`, or a folder.
    """
    return file_format(path, example="types.ecsv")


def write_table(table, path) -> None:
    """Write the table, whole or not at all, in the format of the suffix.

    Raises
    ------
    ValueError
        An unknown suffix.
    OSError
        The file cannot be written.
    """
    import warnings

    from lcnet.core.files import replaced

    kind = check_output(path)
    with replaced(path) as temporary, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # VOTable's remarks on units and the parquet writer's on metadata
        if kind == "csv":
            plain = table.to_pandas(index=False) if hasattr(table, "to_pandas") else table
            plain.to_csv(temporary, index=False)
        elif kind == "parquet":
            table.to_pandas(index=False).to_parquet(temporary, index=False)
        elif kind == "votable":
            votable(table).to_xml(str(temporary))
        else:
            table.write(temporary, format=kind, overwrite=True)
