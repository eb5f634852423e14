"""A network judged on the challenge: what `lcnet evaluate supernovae/des --data ARCHIVE --split half` prints."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lcnet.supernovae import evaluation
from lcnet.supernovae.challenge import CLASSES, challenge_split
from lcnet.supernovae.photometry import Photometry
from lcnet.supernovae.views import make_views

__all__ = ["EPOCHS", "judge_archive", "threshold_of", "tested"]

EPOCHS = (0.0, 5.0, 15.0, 25.0, 50.0)  # days after the trigger
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


def judge_archive(network, path, split: str) -> Iterator[str]:
    """Judge a network on the objects of the challenge that a split does not train on.

    Parameters
    ----------
    network : Network
    path : path
        The challenge's archive.
    split : str
        As in `lcnet.supernovae.challenge.challenge_split`.

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
            yield f"{name:20} {found.value:8.4f}  [{found.low:.4f}, {found.high:.4f}]{spread}"
        for what, values in (("redshift", objects.truth["redshift"].to_numpy()), ("snr", views.snr)):
            yield f"by {'true redshift' if what == 'redshift' else 'highest SNR of a point'}:"
            table = evaluation.binned(mean, label, threshold, values, evaluation.BINS[what])
            yield from table.round(4).to_string(index=False).split("\n")
        yield "reliability of p(Ia):"
        from lcnet.core.metrics import reliability

        yield from reliability(mean[:, 0], label == 0, bins=12).round(4).to_string(index=False).split("\n")
    yield ""
    yield "without redshift, days after the trigger (triggered before / after the peak of all data):"
    late = views.trigger > views.peak
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
    yield f"never triggered: {np.isnan(views.trigger).sum()} objects"


def _members(network, inputs, there) -> np.ndarray:
    """(members, n, classes); an object without a point has equal probabilities of zero for Ia."""
    found = network.predict_members({name: values[there] for name, values in inputs.items() if name in network.inputs})
    said = np.zeros((len(found), len(there), len(CLASSES)))
    said[:, :, 1:] = 0.5
    said[:, there] = found
    return said
