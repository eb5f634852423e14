"""A network judged on the challenge: what `lcnet evaluate supernovae/des --data ARCHIVE --split half` reports."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from lcnet.core.metrics import reliability
from lcnet.supernovae import evaluation
from lcnet.supernovae.challenge import CLASSES, challenge_split, check_split
from lcnet.supernovae.photometry import Photometry
from lcnet.supernovae.views import make_views

__all__ = ["EPOCHS", "judge_archive", "late_triggers", "threshold_of", "tested"]

EPOCHS = (0.0, 5.0, 15.0, 25.0, 50.0)  # days after the trigger
_SHOWN = (0.1, 0.3, 0.5, 0.7, 0.9, 0.99)  # thresholds on p(Ia), beside the network's own
_KINDS = ("without redshift", "with host redshift")


def tested(photometry: Photometry, split: str) -> Photometry:
    """The objects that the split does not train on and whose class is known."""
    known = photometry.truth["type"].isin(CLASSES).to_numpy()
    return photometry.take(~challenge_split(photometry, split) & known)


def inputs_of(photometry: Photometry, views, *, host: bool) -> dict[str, np.ndarray]:
    """The network's inputs, with the host's redshift or without."""
    if not host:
        return dict(views.inputs)
    objects = photometry.objects
    z, error = objects["redshift"].to_numpy(), objects["redshift_err"].to_numpy()
    known = (z > 0) & (error > 0)
    return views.inputs | {"redshift": np.where(known, z, np.nan), "redshift_err": np.where(known, error, np.nan)}


def threshold_of(network, kind: str) -> float:
    """The threshold on p(Ia) that was chosen on validation objects and stands on the network's card; else 0.5."""
    return float((network.card.get("threshold_Ia") or {}).get(kind, 0.5))


def late_triggers(objects: Photometry, views) -> tuple[np.ndarray, np.ndarray]:
    """Which objects trigger after their peak, and of which that peak is the true one, arrays of bool (n,).

    The true peak where the truth has it, else the estimated one, which is late on plateaus.
    """
    true = objects.truth["peak_mjd"].to_numpy(np.float64)
    known = np.isfinite(true)
    return views.trigger > np.where(known, true, views.peak), known


def judge_archive(network, path, split: str, report=None) -> Iterator[str]:
    """Judge a network on the objects of the challenge that a split does not train on.

    Parameters
    ----------
    network : Network
    path : path
        The challenge's archive.
    split : str
        As in `lcnet.supernovae.challenge.challenge_split`.
    report : path, optional
        A folder for ``judgement.png`` (ROC, purity against efficiency, reliability) and its tables ``curves.csv`` and
        ``reliability.csv``.

    Yields
    ------
    str
        Lines of the report.

    Raises
    ------
    ValueError
        An unknown split, or no typed objects of every class to judge by.
    """
    from lcnet.supernovae.read import read

    check_split(split)  # before minutes of reading
    photometry = read(path)
    trained = ((network.card.get("data") or {}).get("attributes") or {}).get("split")
    # `training_examples` draws the split with one seed, whatever the seed of the looks
    objects = tested(photometry, split)
    if len(set(objects.truth["type"])) < len(CLASSES):
        failed = int((photometry.objects["status"] != "ok").sum())
        raise ValueError(
            f"nothing to judge by: of {len(photometry)} objects ({failed} unreadable) {len(objects)} are"
            f" typed and not trained on, and all of {', '.join(CLASSES)} are needed"
        )
    if trained != split:
        yield f"note: this network was trained on the split {trained!r}: it may have seen objects it is judged on here"
    label = np.array([CLASSES.index(one) for one in objects.truth["type"]])
    views = make_views(objects)
    there = views.n_obs > 0
    yield f"{network.card.get('name')} on {len(objects)} objects of {split} that are not trained on"
    if not there.all():
        yield f"{(~there).sum()} objects have no point in the window and count as missed"
    said = {}
    for kind in _KINDS:
        host = kind.startswith("with host")
        members = _members(network, inputs_of(objects, views, host=host), there)
        threshold = threshold_of(network, kind)
        yield ""
        yield f"{kind}, threshold {threshold:.3f} from validation objects"
        mean = members.mean(axis=0)
        each = [evaluation.figures(one, label, threshold) for one in members]
        for name, found in evaluation.judge(mean, label, threshold).items():
            spread = ""
            if len(each) > 1 and name in each[0]:
                values = [one[name] for one in each]
                spread = f"   members {np.mean(values):.4f} +- {np.std(values, ddof=1):.4f}"
            yield f"{name:24} {found}{spread}"
        for what, values in (("redshift", objects.truth["redshift"].to_numpy()), ("snr", views.snr)):
            yield f"by {'true redshift' if what == 'redshift' else 'highest SNR of a point'}:"
            table = evaluation.binned(mean, label, threshold, values, evaluation.BINS[what])
            yield from table.round(4).to_string(index=False).split("\n")
        said[kind] = mean[:, 0]
        yield "ROC and purity against efficiency:"
        table = evaluation.curves(mean[:, 0], label == 0)
        table = evaluation.curves_at(table, np.sort([threshold, *_SHOWN]))
        yield from table.round(4).to_string(index=False).split("\n")
        yield "reliability of p(Ia):"
        table = reliability(mean[:, 0], label == 0, bins=evaluation.RELIABILITY)
        yield from table.round(4).to_string(index=False).split("\n")
    yield ""
    late, true = late_triggers(objects, views)
    which = "true" if true.all() else "true or, where it is not known, estimated" if true.any() else "estimated"
    yield f"without redshift, days after the trigger (triggered before / after the {which} peak):"
    for epoch in EPOCHS:
        early = make_views(objects, epoch=epoch)
        seen = early.n_obs > 0
        mean = _members(network, early.inputs, seen).mean(axis=0)
        words = []
        for name, group in (("all", seen), ("before", seen & ~late), ("after", seen & late)):
            found = evaluation.figures(mean[group], label[group], threshold_of(network, _KINDS[0]))
            words.append(
                f"{name} n {group.sum()} accuracy {found['accuracy']:.4f} AUC {found['auc']:.4f} FoM {found['fom']:.3f}"
            )
        yield f"{epoch:4.0f} d  " + "; ".join(words)
    never = np.isnan(views.trigger)
    yield f"never triggered: {never.sum()} objects, {never.mean():.3f}; after the {which} peak: {late.mean():.3f}"
    if report is not None:
        yield from _write(Path(report), said, label == 0)


def _write(folder: Path, said: dict[str, np.ndarray], truth) -> Iterator[str]:
    """The curves of every p(Ia) in `said` as tables and one picture."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from lcnet.core.files import write_together
    from lcnet.supernovae.plots import plot_judgement

    figure = Figure(figsize=(11, 3.6 * len(said)), layout="constrained")
    FigureCanvasAgg(figure)  # not pyplot: it would pick an interactive backend, and keep the figure
    tables: dict[str, list[pd.DataFrame]] = {"curves": [], "reliability": []}
    for (kind, p), axes in zip(said.items(), figure.subplots(len(said), 3, squeeze=False), strict=True):
        plot_judgement(p, truth, ax=axes)
        axes[0].set_title(kind, loc="left")
        for name, table in (
            ("curves", evaluation.curves(p, truth)),
            ("reliability", reliability(p, truth, bins=evaluation.RELIABILITY)),
        ):
            table.insert(0, "kind", kind)
            tables[name].append(table)
    picture = io.BytesIO()
    figure.savefig(picture, dpi=120)
    files = {folder / f"{name}.csv": pd.concat(some).to_csv(index=False).encode() for name, some in tables.items()}
    files[folder / "judgement.png"] = picture.getvalue()
    write_together(files)
    yield from (f"wrote {path}" for path in files)


def _members(network, inputs, there) -> np.ndarray:
    """(members, n, classes); an object without a point has equal probabilities of zero for Ia."""
    found = network.predict_members({name: values[there] for name, values in inputs.items() if name in network.inputs})
    said = np.zeros((len(found), len(there), len(CLASSES)))
    said[:, :, 1:] = 0.5
    said[:, there] = found
    return said
