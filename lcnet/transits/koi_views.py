"""Stored views of Kepler Objects of Interest as examples: ``python -m lcnet.transits.published koi FOLDER``.

A benchmark, not what `score` uses: whole-orbit views of 201 bins, each scaled from 0 to 1, so that the depth is lost,
with the catalogue's period, duration, depth and SNR beside them.

* CONFIRMED is planet, FALSE POSITIVE is false positive;
* rows whose label and whose disposition in the table disagree (24: two KOIs of one star swapped) are left out;
* the **group** is the connected component of "same star" or "same ephemeris";
* the stars of ``lightcurves.csv`` and their groups are left out.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from lcnet.core.examples import Examples
from lcnet.transits.koi import CLASSES, SCALARS
from lcnet.transits.published import ephemeris_groups, held_out_stars

__all__ = ["koi"]

DISPOSITIONS = {"CONFIRMED": "planet", "FALSE POSITIVE": "false_positive"}
COLUMNS = {"period": "koi_period", "duration": "koi_duration", "depth": "koi_depth", "snr": "koi_model_snr"}


def koi(folder):
    """The stored KOI views as examples of ``transits/koi``.

    Parameters
    ----------
    folder : path-like
        Holds ``kepler_koi_views.npz`` (``view`` (n, 201), ``label`` (n,), 1 for a planet), ``kepler_koi_views.csv.gz``
        with a row for each of its rows, and ``lightcurves.csv``, whose stars are left out.

    Returns
    -------
    Examples
        Depth and SNR are NaN where the table has none, which is where no transit model could be fitted.

    Raises
    ------
    FileNotFoundError, ValueError
        A file is missing, or table and views do not match.
    """
    folder = Path(folder)
    table = pd.read_csv(folder / "kepler_koi_views.csv.gz")
    with np.load(folder / "kepler_koi_views.npz", allow_pickle=False) as stored:
        view, label = stored["view"].astype(np.float32), stored["label"]
    if not len(view) == len(label) == len(table):
        raise ValueError(f"{folder}: the table has {len(table)} rows, the views {len(view)}, the labels {len(label)}")
    said = table["koi_disposition"].map(DISPOSITIONS)
    agrees = said.to_numpy() == np.where(label == 1, "planet", "false_positive")
    group = ephemeris_groups(table["kepid"], table["koi_period"], table["koi_time0bk"])
    judged = table["kepid"].isin(held_out_stars(folder / "lightcurves.csv")).to_numpy()
    rows = np.flatnonzero(agrees & ~np.isin(group, group[judged]))
    kept = table.iloc[rows]
    scalars = {name: kept[COLUMNS[name]].to_numpy(np.float32) for name in SCALARS}
    # the table's 0 is a fit that failed, and has no logarithm
    scalars = {name: np.where(values > 0, values, np.float32(np.nan)) for name, values in scalars.items()}
    return Examples(
        inputs={"view": view[rows], **scalars},
        targets={"label": said.iloc[rows].map(CLASSES.index).to_numpy(np.int64)},
        group=np.array([f"koi-{number}" for number in group[rows]]),
        meta=pd.DataFrame(
            {
                "source": "koi",
                "target": [f"KIC {number}" for number in kept["kepid"]],
                "row": rows,
                "name": kept["kepoi_name"].to_numpy(),
                "disposition": kept["koi_disposition"].to_numpy(),
                "epoch": kept["koi_time0bk"].to_numpy(),
            }
        ),
        attributes={"task": "transits/koi", "source": "Kepler KOI views; labels of the cumulative KOI table"},
    )
