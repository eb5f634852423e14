"""Published sets of labelled transit events as `Examples`: ``python -m lcnet.transits.published yu2019 FOLDER``.

Yu et al. (2019, AJ 158, 25) labelled by eye the threshold-crossing events of TESS sectors 1 to 5 that a search of the
full-frame images had found. What is done to them here, and why:

* labels PC, EB and J become planet, eclipse and junk; O (variables of another kind, 3 rows) is left out;
* a star listed twice at one period is one event (the views are identical to the byte): the first row stays;
* the **group** is the connected component of "same star" or "same ephemeris" (|dP|/P < 2e-4 and phase within 0.02):
  the light of one eclipsing binary lands on several stars, and would otherwise be on both sides of a split;
* where Rao et al.'s table (`lcnet.transits.nigraha`) lies beside it, the groups are of both tables together;
* the stars named in ``lightcurves.csv`` are what lcnet is judged on: they and their whole groups are left out.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from lcnet.core.examples import Examples
from lcnet.core.splits import components
from lcnet.transits.tasks import CLASSES

__all__ = ["ephemeris_groups", "yu2019"]

DISPOSITIONS = {"PC": "planet", "EB": "eclipse", "J": "junk"}
PERIOD_TOLERANCE = 2e-4
PHASE_TOLERANCE = 0.02


def ephemeris_groups(star, period, epoch):
    """Connected components of "same star" or "same ephemeris".

    Parameters
    ----------
    star : array, shape (N,)
        Anything that names a star.
    period, epoch : array, shape (N,), days

    Returns
    -------
    array of int, shape (N,)
    """
    star, period, epoch = np.asarray(star), np.asarray(period, float), np.asarray(epoch, float)
    order = np.argsort(period, kind="stable")
    pairs = []
    for step in range(1, order.size):
        one, two = order[:-step], order[step:]
        near = period[two] / period[one] - 1 < PERIOD_TOLERANCE
        if not near.any():
            break
        phase = (epoch[two] - epoch[one]) / period[one]
        near &= np.abs(phase - np.rint(phase)) < PHASE_TOLERANCE
        pairs.append(np.column_stack([one[near], two[near]]))
    _, first, index = np.unique(star, return_index=True, return_inverse=True)
    pairs.append(np.column_stack([np.arange(star.size), first[index]]))
    return components(np.concatenate(pairs), star.size)


def held_out_stars(path):
    """Catalogue numbers (TIC, KIC, EPIC, as integers) of the stars in a ``lightcurves.csv``."""
    targets = pd.read_csv(path)["target"].unique()
    return sorted({int(target.split()[-1]) for target in targets})


def tess_events(folder):
    """Star, period [d] and epoch [BTJD] of every row of the labelled TESS tables of a folder, in their order.

    Parameters
    ----------
    folder : path-like
        Holds ``tess_yu2019.csv.gz`` and, where Rao et al. (2021) are used too, ``tess_nigraha.csv.gz``.

    Returns
    -------
    DataFrame
        Columns ``source``, ``star``, ``period``, ``epoch``.
    """
    columns = {"yu2019": ["tic_id", "Period", "Epoc"], "nigraha": ["TIC_ID", "Period", "T0"]}
    parts = []
    for source, names in columns.items():
        path = Path(folder) / f"tess_{source}.csv.gz"
        if source == "yu2019" or path.is_file():
            part = pd.read_csv(path, usecols=names)[names]
            part.columns = ["star", "period", "epoch"]
            parts.append(part.assign(source=source))
    return pd.concat(parts, ignore_index=True)


def tess_groups(events):
    """The group of every row of `tess_events`: one star or one ephemeris, over both tables."""
    return ephemeris_groups(events["star"], events["period"], events["epoch"])


def held_out_groups(folder, star, group):
    """The groups of the stars named in a folder's ``lightcurves.csv``: what lcnet is judged on."""
    return set(np.asarray(group)[np.isin(star, held_out_stars(Path(folder) / "lightcurves.csv"))])


def stored_views(path, table, names):
    """The named arrays of an npz file that holds a row for each of a table's: dict of array.

    Raises
    ------
    FileNotFoundError, ValueError
        The file is missing, or does not match the table.
    """
    with np.load(path, allow_pickle=False) as stored:
        views = {name: stored[name] for name in names}
    if any(len(view) != len(table) for view in views.values()):
        raise ValueError(f"{path}: the table has {len(table)} rows, the views {[len(v) for v in views.values()]}")
    return views


def yu2019(folder):
    """Yu et al. (2019) as examples of ``transits/candidate``.

    Parameters
    ----------
    folder : path-like
        Holds ``tess_yu2019.npz`` (``global_view``, ``local_view``, ``secondary_view``), ``tess_yu2019.csv.gz`` with a
        row for each of its rows, and ``lightcurves.csv``, whose stars are left out.

    Returns
    -------
    Examples
        Of the published depth [ppm], period [d] and duration [turned from days to hours].

    Raises
    ------
    FileNotFoundError, ValueError
        A file is missing, or table and views do not match.
    """
    folder = Path(folder)
    table = pd.read_csv(folder / "tess_yu2019.csv.gz")
    views = stored_views(folder / "tess_yu2019.npz", table, ("global_view", "local_view", "secondary_view"))
    events = tess_events(folder)
    groups = tess_groups(events)
    table["group"] = groups[(events["source"] == "yu2019").to_numpy()]
    judged = held_out_groups(folder, events["star"].to_numpy(), groups)
    keep = table["disposition"].isin(DISPOSITIONS) & ~table["group"].isin(judged)
    keep &= ~_repeats(table)
    table = table[keep.to_numpy()]
    rows = np.flatnonzero(keep)
    label = table["disposition"].map(DISPOSITIONS).map(CLASSES.index)
    return Examples(
        inputs={
            **{name: view[rows].astype(np.float32) for name, view in views.items()},
            "period": table["Period"].to_numpy(np.float32),
            "duration": (24.0 * table["Duration"]).to_numpy(np.float32),
            "depth": table["Transit_Depth"].to_numpy(np.float32),
        },
        targets={"label": label.to_numpy(np.int64)},
        group=np.array([f"tess-{number}" for number in table["group"]]),
        meta=pd.DataFrame(
            {
                "source": "yu2019",
                "target": [f"TIC {number}" for number in table["tic_id"]],
                "row": rows,
                "disposition": table["disposition"].to_numpy(),
                "epoch": table["Epoc"].to_numpy(),
            }
        ),
        attributes={"task": "transits/candidate", "source": "Yu et al. 2019, AJ 158, 25"},
    )


def _repeats(table):
    """Rows whose star has an earlier row at the same period."""
    by_period = table.sort_values(["tic_id", "Period"], kind="stable")
    same = (by_period["tic_id"].diff() == 0) & (by_period["Period"].diff() < PERIOD_TOLERANCE * by_period["Period"])
    # of a run of equal periods the row that comes first in the table stays
    run = (~same).cumsum()
    first = by_period.index.to_series().groupby(run).transform("min")
    return pd.Series(by_period.index != first.to_numpy(), index=by_period.index).reindex(table.index)


# name -> the function that makes its examples
SOURCES = {
    "yu2019": "lcnet.transits.published:yu2019",
    "koi": "lcnet.transits.koi_views:koi",
    "kepler": "lcnet.transits.kepler_events:kepler",
}


def main():
    """The command line: ``python -m lcnet.transits.published SOURCE FOLDER --output FILE``."""
    import importlib

    import typer

    from lcnet.core.registry import get_task

    def convert(source: str, folder: Path, output: Path | None = None):
        """Convert a published set of labelled events (SOURCE: yu2019, koi, kepler) to one file of examples."""
        if source not in SOURCES:
            raise typer.BadParameter(f"unknown set {source!r}: there is {', '.join(SOURCES)}")
        output = output or Path(f"{source.removesuffix('2019')}.h5")
        module, _, name = SOURCES[source].partition(":")
        try:
            examples = getattr(importlib.import_module(module), name)(folder)
        except (OSError, ValueError, KeyError) as error:
            typer.echo(f"{folder}: {error}", err=True)
            raise typer.Exit(1) from None
        examples.save(output)
        classes = get_task(examples.attributes["task"]).objective.classes
        counts = np.bincount(examples.targets["label"], minlength=len(classes))
        typer.echo(
            f"{output}: {len(examples)} events of {len(set(examples.group))} groups: "
            + ", ".join(f"{n} {name}" for name, n in zip(classes, counts, strict=True))
        )

    typer.run(convert)


if __name__ == "__main__":
    main()
