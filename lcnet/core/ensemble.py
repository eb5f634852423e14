"""From examples to a calibrated, saved ensemble; and how well it does on groups it has never seen."""

from __future__ import annotations

import os
import platform
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch

import lcnet
from lcnet.core import registry
from lcnet.core.devices import find_device
from lcnet.core.examples import Examples
from lcnet.core.inputs import describe
from lcnet.core.metrics import Interval, bootstrap, classification_metrics
from lcnet.core.network import Network, load, outputs, sums_matrix
from lcnet.core.splits import grouped_folds, grouped_split
from lcnet.core.training import Fit, fit
from lcnet.core.weights import plain, save_network, save_reading

if TYPE_CHECKING:
    from lcnet.core.task import Task

__all__ = ["CrossValidation", "Evaluation", "cross_validate", "evaluate", "train"]

_HALF = 1e-3  # half precision is used where it changes no held-out probability by more
# what `train` writes on a card, or another file's loader would take for something else: `about` adds to it
_OURS = (
    *("name", "version", "task", "reference", "size", "classes", "inputs", "calibration", "prevalence", "metrics"),
    *("metrics_on", "readings", "data", "training", "precision", "members", "sha256", "bytes", "reading_of", "sums"),
)


@dataclass(frozen=True)
class Evaluation:
    """How well a network does on `n` examples of `groups` groups it was not trained on.

    `prediction` is (n, classes), `metrics` name -> `lcnet.core.metrics.Interval`; every example counts once, whatever
    its weight.
    """

    prediction: np.ndarray
    metrics: dict[str, Interval]
    n: int
    groups: int

    def table(self) -> pd.DataFrame:
        """``value``, ``low`` and ``high`` by metric."""
        rows = {name: (found.value, found.low, found.high) for name, found in self.metrics.items()}
        return pd.DataFrame.from_dict(rows, orient="index", columns=["value", "low", "high"]).rename_axis("metric")


@dataclass(frozen=True)
class CrossValidation(Evaluation):
    """Out-of-fold predictions: `member_predictions` is (members, n, classes), `fold` (n,) where a row was held out."""

    member_predictions: np.ndarray
    fold: np.ndarray


def train(
    task: Task,
    examples: Examples,
    *,
    folder: str | os.PathLike,
    name: str | None = None,
    checkpoints: str | os.PathLike | None = None,
    extra: Examples | None = None,
    members: int = 3,
    seed: int = 0,
    held_out: float = 0.15,
    start: Sequence[Mapping[str, torch.Tensor]] | None = None,
    resume: bool = False,
    tiny: bool = False,
    version: str = "1",
    about: Mapping[str, Any] | None = None,
    command: str = "",
    batch_size: int = 64,
    **settings,
) -> Network:
    """Train an ensemble, calibrate it, and save it with its card.

    One part of the groups is held out from every member; it stops their training and then sets the one temperature of
    their averaged probabilities, the very thing `Network.predict` returns.

    Parameters
    ----------
    task : Task
    examples : Examples
        The population the probabilities are calibrated to.
    folder : path
        Gets ``<name>.safetensors``, ``<name>.json`` and cards of its readings.
    name : str, optional
        Of the files; default: the task's, after its "/".
    checkpoints : path, optional
        Gets ``member-<k>/`` with each member's checkpoint, log and picture; default: `folder`.
    extra : Examples, optional
        Further examples (simulated, say) for training only. They are weighted so that the class shares stay those of
        `examples`, and leave out the groups that are held out.
    members, seed : int
    held_out : float
        Share of the examples, by group.
    start : sequence of state dicts, optional
        Weights to start the members from (in turn, if there are fewer).
    resume : bool
        Continue from the checkpoints.
    tiny : bool
        Train ``task.tiny()``.
    version : str
        Of the network, for its card.
    about : mapping, optional
        More for the card: ``intended_use``, ``limits``, ``data_description`` and the like, plain JSON values under
        keys that the card does not have yet.
    command : str
        The command line, for the card.
    batch_size : int
    **settings
        Passed to `lcnet.core.training.fit`: epochs, lr, patience, device, precision ...

    Returns
    -------
    Network
        As loaded from the saved files.

    Raises
    ------
    ValueError
        Before any training: for examples that are not of this task, a device that is not there, `about` or attributes
        of the examples that cannot be on a card.

    Warns
    -----
    UserWarning
        If the held-out examples do not determine the calibration; the card says so too.
    """
    folder = Path(folder)
    find_device(settings.get("device"))
    about = plain(about or {}, "about")
    attributes = plain(examples.attributes, "attributes of the examples")
    if taken := [key for key in about if key in _OURS]:
        raise ValueError(f"about cannot replace what the training itself writes on the card: {', '.join(taken)}")
    examples.validate(task)
    held = grouped_split(examples.group, held_out, seed=seed, labels=_labels(task, examples))
    part, validation = _parts(task, examples, held, extra)
    joined = len(part) - int((~held).sum())
    settings = {"batch_size": batch_size, "tiny": tiny, "resume": resume, **settings}
    place = folder if checkpoints is None else Path(checkpoints)
    fits = _members(task, part, validation, members, seed, start, place, settings)
    nets = [one.net for one in fits]

    logits = outputs(nets, task.inputs, validation.inputs, device=settings.get("device"))
    calibration = task.objective.calibrate(logits, validation.targets, validation.weight)
    doubts = task.objective.doubts(calibration, logits, validation.targets)
    for doubt in doubts:
        warnings.warn(f"{task.name}: {doubt}", stacklevel=2)
    half = _halved(task, nets, validation, logits, calibration)
    if half is not None:
        logits = half
    prediction = _mean(task, logits, calibration)

    name = name or task.name.rpartition("/")[2]
    readings = {key: entry for key, entry in registry.REGISTRY.items() if entry.reading_of == task.name}
    classes = list(getattr(task.objective, "classes", ()))
    card = {
        "name": task.name,
        "version": version,
        "task": task.name,
        "reference": task.reference,
        "size": "tiny" if tiny else "full",
        "classes": classes,
        "inputs": describe(task.inputs),
        "calibration": {
            "method": task.objective.calibration,
            "parameters": calibration,
            "doubts": doubts,
        },
        "prevalence": _prevalence(task, examples),
        "metrics": task.objective.metrics(prediction, validation.targets, validation.group),
        "metrics_on": f"{len(validation)} held-out examples of {len(np.unique(validation.group))} groups; they also "
        "stopped the training and set the temperature, so cross-validation is the fairer figure"
        + ("" if validation.weight is None else "; unweighted, though the training used weights"),
        "readings": {
            key: {"metrics": _reading_metrics(task, entry, prediction, validation)} for key, entry in readings.items()
        },
        "data": {
            "examples": len(examples),
            "groups": len(np.unique(examples.group)),
            "extra": joined,
            "classes": _counts(task, examples),
            "fingerprint": examples.fingerprint(),
            "attributes": attributes,
        },
        "training": {
            "command": command,
            "seed": seed,
            "settings": {"held_out": held_out, "batch_size": batch_size, **_plain(settings)},
            "epochs": [len(one.history) for one in fits],
            "best_epochs": [one.best_epoch for one in fits],
            "seconds": round(sum(one.seconds for one in fits), 1),
            "device": fits[0].device,
            "date": datetime.now(UTC).strftime("%Y-%m-%d"),
            "versions": {
                "lcnet": lcnet.__version__,
                "torch": torch.__version__,
                "numpy": np.__version__,
                "python": platform.python_version(),
            },
        },
        "precision": "float16" if half is not None else "float32",
        "intended_use": "",
        "limits": "",
        **about,
    }
    path = folder / f"{name}.safetensors"
    card = save_network(path, [net.state_dict() for net in nets], card, half=half is not None)
    for key, entry in readings.items():
        # a reading looks for its network under the task's own name
        if name == entry.reading_of.rpartition("/")[2]:
            save_reading(folder / f"{key.rpartition('/')[2]}.json", key, entry, card)
    return load(path, task=task)


def cross_validate(
    task: Task,
    examples: Examples,
    *,
    folds: int = 5,
    members: int = 1,
    extra: Examples | None = None,
    seed: int = 0,
    held_out: float = 0.15,
    resamples: int = 200,
    folder: str | os.PathLike | None = None,
    **settings,
) -> CrossValidation:
    """What a network trained and calibrated without a group says of it, for every group.

    Each fold trains and calibrates as `train` does, on the other folds: with a held-out part of its own that stops the
    training and sets the temperature. It saves no network, and so does not round one to half precision.

    Parameters
    ----------
    task : Task
    examples : Examples
    folds, members : int
    extra : Examples, optional
        Added to the training parts only, as in `train`.
    seed : int
    held_out : float
    resamples : int
        Bootstraps over groups, for the intervals (68%).
    folder : path, optional
        For checkpoints, ``fold-<k>/member-<k>/``; with ``resume=True`` they are continued.
    **settings
        Passed to `lcnet.core.training.fit`.

    Returns
    -------
    CrossValidation
    """
    find_device(settings.get("device"))
    examples.validate(task)
    fold = grouped_folds(examples.group, folds, seed=seed, labels=_labels(task, examples))
    said = None
    for number in range(folds):
        inside, outside = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        rest, test = examples.part(inside), examples.part(outside)
        more = None if extra is None else extra.take(~np.isin(extra.group.astype(str), test.group.astype(str)))
        held = grouped_split(rest.group, held_out, seed=seed, labels=_labels(task, rest))
        part, validation = _parts(task, rest, held, more)
        place = None if folder is None else Path(folder) / f"fold-{number}"
        nets = [one.net for one in _members(task, part, validation, members, seed + number, None, place, settings)]
        device = settings.get("device")
        logits = outputs(nets, task.inputs, validation.inputs, device=device)
        calibration = task.objective.calibrate(logits, validation.targets, validation.weight)
        for doubt in task.objective.doubts(calibration, logits, validation.targets):
            warnings.warn(f"{task.name}, fold {number}: {doubt}", stacklevel=2)
        found = _each(task, outputs(nets, task.inputs, test.inputs, device=device), calibration)
        if said is None:
            said = np.empty((members, len(examples), *found.shape[2:]))
        said[:, outside] = found
    pooled = task.objective.pool(said)
    metrics = _intervals(task, pooled, examples, resamples, seed)
    return CrossValidation(
        pooled, metrics, len(examples), len(np.unique(examples.group)), member_predictions=said, fold=fold
    )


def evaluate(network: Network, examples: Examples, *, resamples: int = 200, seed: int = 0, device=None) -> Evaluation:
    """Metrics of a network, or of a reading of one, on labelled examples, with 68% intervals over groups.

    They are unweighted: every example counts once, whatever its weight.

    Parameters
    ----------
    network : Network
    examples : Examples
        Of the network's task; for a reading their labels are summed as its classes are.
    resamples, seed : int
        Of the bootstrap.
    device : str, optional

    Returns
    -------
    Evaluation
    """
    examples.validate(network.task)
    prediction = network.predict(examples.inputs, device=device)
    metrics = _intervals(network.task, prediction, examples, resamples, seed, reading=network)
    return Evaluation(prediction, metrics, len(examples), len(np.unique(examples.group)))


def _members(task, part, validation, members, seed, start, folder, settings) -> list[Fit]:
    fits = []
    for member in range(members):
        own = int(np.random.SeedSequence([seed, member]).generate_state(1)[0])
        state = None if not start else start[member % len(start)]
        place = None if folder is None else Path(folder) / f"member-{member}"
        fits.append(fit(task, part, seed=own, validation=validation, start=state, checkpoint=place, **settings))
    return fits


def _parts(task, examples: Examples, held, extra: Examples | None) -> tuple[Examples, Examples]:
    """What is trained on, `extra` included, and what is held out."""
    part, validation = examples.part(~held), examples.part(held)
    if extra is None or len(extra) == 0:
        return part, validation
    extra.validate(task)
    extra = extra.take(~np.isin(extra.group.astype(str), validation.group.astype(str)))
    ours, theirs = _labels(task, part), _labels(task, extra)
    if ours is not None and len(extra):
        # a temperature cannot undo another mixture of classes: let the loss see that of the examples
        classes = len(task.objective.classes)
        weight = np.ones(len(extra)) if extra.weight is None else extra.weight.astype(float)
        own = np.ones(len(part)) if part.weight is None else part.weight
        for what, values in (("examples that are trained on", own), ("extra examples", weight)):
            if not values.sum() > 0:
                raise ValueError(f"the {what} all have weight zero")
        wanted = np.bincount(ours, own, classes) / own.sum()
        present = np.bincount(theirs, weight, classes) / weight.sum()
        ratio = np.divide(wanted, present, out=np.zeros(classes), where=present > 0)
        extra.weight = (weight * ratio[theirs]).astype(np.float32)
    return Examples.concatenate([part, extra]), validation


def _halved(task, nets, validation: Examples, logits, calibration) -> np.ndarray | None:
    """Round every weight to half precision, if that is harmless, and return the outputs; else leave them."""
    full = [{name: value.clone() for name, value in net.state_dict().items()} for net in nets]
    for net, state in zip(nets, full, strict=True):
        net.load_state_dict(
            {name: value.half().float() if value.dtype == torch.float32 else value for name, value in state.items()}
        )
    rounded = outputs(nets, task.inputs, validation.inputs, device=str(next(nets[0].parameters()).device))
    if not np.isfinite(rounded).all():
        difference = np.inf
    else:
        difference = task.objective.change(_each(task, logits, calibration), _each(task, rounded, calibration))
    if difference <= _HALF:
        return rounded
    for net, state in zip(nets, full, strict=True):
        net.load_state_dict(state)
    return None


def _each(task, logits, calibration) -> np.ndarray:
    return task.objective.predict(torch.from_numpy(logits), **calibration).numpy()


def _mean(task, logits, calibration) -> np.ndarray:
    return task.objective.pool(_each(task, logits, calibration))


def _intervals(task, prediction, examples: Examples, resamples, seed, reading=None) -> dict[str, Interval]:
    targets = {name: np.asarray(values[:]) for name, values in examples.targets.items()}
    if hasattr(reading, "labels"):  # a reading: its own classes
        labels = reading.labels(task.objective.labels(targets))

        def metrics(rows):
            return classification_metrics(prediction[rows], labels[rows], reading.classes)

    else:

        def metrics(rows):
            some = {name: values[rows] for name, values in targets.items()}
            return task.objective.metrics(prediction[rows], some, examples.group[rows])

    return bootstrap(metrics, examples.group, n=resamples, seed=seed)


def _reading_metrics(task, entry, prediction, validation) -> dict[str, float]:
    matrix = sums_matrix(task.objective.classes, entry.sums)
    return classification_metrics(
        prediction @ matrix, matrix.argmax(axis=1)[_labels(task, validation)], tuple(entry.sums)
    )


def _labels(task, examples: Examples) -> np.ndarray | None:
    return task.objective.labels(examples.targets)


def _counts(task, examples: Examples) -> dict[str, int]:
    labels = _labels(task, examples)
    if labels is None:
        return {}
    counts = np.bincount(labels, minlength=len(task.objective.classes))
    return dict(zip(task.objective.classes, map(int, counts), strict=True))


def _prevalence(task, examples: Examples) -> dict[str, float]:
    labels = _labels(task, examples)
    if labels is None:
        return {}
    counts = np.bincount(labels, examples.weight, len(task.objective.classes)).astype(float)
    return dict(zip(task.objective.classes, map(float, counts / counts.sum()), strict=True))


def _plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: value for name, value in settings.items() if isinstance(value, int | float | str | bool | None)}
    if settings.get("freeze"):
        found["freeze"] = list(settings["freeze"])
    return found
