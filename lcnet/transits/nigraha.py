"""Rao et al. (2021) labelled TESS events ("Nigraha") as `Examples`: ``python -m lcnet.transits.published nigraha ...``.

Rao et al. (2021, MNRAS 502, 2845) searched 2-minute and full-frame light curves of sectors 1 to 6 with a box search of
their own. Many of their stars are Yu et al.'s, most of their events are not: they join a training set as further
events, in the groups of both tables together, so that no star of one is learnt from the other.

* KP, CP and PC (known, confirmed, candidate planet) become planet, EB eclipse, J, IS (instrumental) and V (variable)
  junk; FP, FA and O say too little of what the light curve shows and are left out;
* their views have median 0 and minimum -1 here as ours have, 81 bins over +-2 durations turned into 61; they have no
  secondary view, and odd beside even transits, which Yu et al. have not.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from lcnet.core.examples import Examples
from lcnet.transits.published import held_out_groups, stored_views, tess_events, tess_groups
from lcnet.transits.tasks import CLASSES
from lcnet.transits.views import LOCAL_BINS

__all__ = ["nigraha"]

DISPOSITIONS = {"KP": "planet", "CP": "planet", "PC": "planet", "EB": "eclipse", "J": "junk", "IS": "junk", "V": "junk"}


def _on_our_bins(view):
    """(n, bins) linearly interpolated to our bins, whose outer edges are the same."""
    old, new = np.linspace(0, 1, view.shape[1]), np.linspace(0, 1, LOCAL_BINS)
    return np.stack([np.interp(new, old, row) for row in view])


def _scaled(view):
    """Median 0 and minimum -1; a view without a dip is zeros."""
    view = view - np.median(view, axis=1, keepdims=True)
    depth = -view.min(axis=1, keepdims=True)
    return np.divide(view, depth, out=np.zeros_like(view), where=depth > 0).astype(np.float32)


def nigraha(folder):
    """Rao et al. (2021) as examples of ``transits/candidate``.

    Parameters
    ----------
    folder : path-like
        Holds ``tess_nigraha.npz`` and ``.csv.gz``, ``tess_yu2019.csv.gz`` and ``lightcurves.csv``.

    Returns
    -------
    Examples
        ``secondary_view`` is missing, the depth [ppm] is 1 - flux at minimum.

    Raises
    ------
    FileNotFoundError, ValueError
        A file is missing, or table and views do not match.
    """
    folder = Path(folder)
    table = pd.read_csv(folder / "tess_nigraha.csv.gz")
    views = stored_views(folder / "tess_nigraha.npz", table, ("global_view", "local_view", "odd_even_view"))
    views = {name: view.astype(float) for name, view in views.items()}
    events = tess_events(folder)
    groups = tess_groups(events)
    table["group"] = groups[(events["source"] == "nigraha").to_numpy()]
    judged = held_out_groups(folder, events["star"].to_numpy(), groups)
    keep = table["disposition"].isin(DISPOSITIONS) & ~table["group"].isin(judged)
    keep &= np.isfinite(views["global_view"]).all(axis=1)
    keep &= ~table.duplicated(["TIC_ID", "Period"])
    table, rows = table[keep.to_numpy()], np.flatnonzero(keep)
    local = _on_our_bins(views["local_view"][rows])
    parity = [_on_our_bins(half) for half in np.split(views["odd_even_view"][rows], 2, axis=1)]
    label = table["disposition"].map(DISPOSITIONS).map(CLASSES.index)
    n = len(rows)
    return Examples(
        inputs={
            "global_view": _scaled(views["global_view"][rows]),
            "local_view": _scaled(local),
            "secondary_view": np.full((n, LOCAL_BINS), np.nan, np.float32),
            "odd_even_view": _scaled(np.concatenate(parity, axis=1)),
            "period": table["Period"].to_numpy(np.float32),
            "duration": table["Duration"].to_numpy(np.float32),
            "depth": (1e6 * (1 - table["Depth"])).to_numpy(np.float32),
        },
        targets={"label": label.to_numpy(np.int64)},
        group=np.array([f"tess-{number}" for number in table["group"]]),
        meta=pd.DataFrame(
            {
                "source": "nigraha",
                "target": [f"TIC {number}" for number in table["TIC_ID"]],
                "row": rows,
                "disposition": table["disposition"].to_numpy(),
                "epoch": table["T0"].to_numpy(),
            }
        ),
        attributes={"task": "transits/candidate", "source": "Rao et al. 2021, MNRAS 502, 2845"},
    )
