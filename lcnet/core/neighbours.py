"""Labelled examples as points of a network's last hidden layer: which are most like this one, and is any?

One file beside a network's weights holds them: the points reduced to a few dimensions, labels and whatever names an
example, never the example itself; and what training looked like, so that an example unlike all of it is known as such.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lcnet.core.activations import embeddings
from lcnet.core.files import write_bytes
from lcnet.core.novelty import Gaussian, arrays_of, thresholds
from lcnet.core.weights import WeightsError

if TYPE_CHECKING:
    from lcnet.core.network import Network

__all__ = ["Neighbours", "Novelty", "build", "load_neighbours", "neighbours_path"]

DIMENSIONS = 32
NEAREST = 5  # the distance to which of the nearest points says how far out an example lies
QUANTILE = 0.99  # of held-out examples of a class that are not called unlike it
SPARE = 16  # more than asked for, that are compared exactly
LARGEST = 50_000_000  # bytes of a file that are read
_FORMAT = "lcnet neighbours 1"
_PARTS = ("points", "labels", "mean", "axes", "array_mean", "array_axes", "array_scale", "limits")


@dataclass(frozen=True)
class Novelty:
    """How far examples lie from a network's training, both as multiples of the largest distance allowed.

    Attributes
    ----------
    arrays : array, shape (n,)
        Of the example itself: its Mahalanobis distance from the training examples.
    embedding : array, shape (n,)
        Of what the network makes of it: the distance to the fifth nearest labelled example.
    flag : array of bool, shape (n,)
        Either is above one: unlike anything in training.
    """

    arrays: np.ndarray
    embedding: np.ndarray
    flag: np.ndarray


@dataclass(frozen=True)
class Neighbours:
    """The labelled examples of one network.

    Attributes
    ----------
    sha256 : str
        Of the network's weights.
    classes : tuple of str
    points : array, shape (n, d), float16
    labels : array of uint8, shape (n,)
    columns : dict of str to array, shape (n,)
        What else is known of each: numbers.
    about : dict
        Plain values that say what the columns mean.
    mean, axes : array, shape (h,) and (h, d)
        From the last hidden layer of all members, side by side, to the points.
    gaussian : lcnet.core.novelty.Gaussian
        Of the arrays among the inputs.
    limits : array, shape (2, classes)
        Largest distances of an example of each class: of the arrays, of the embedding.
    """

    sha256: str
    classes: tuple[str, ...]
    points: np.ndarray
    labels: np.ndarray
    columns: dict[str, np.ndarray]
    about: dict[str, Any]
    mean: np.ndarray
    axes: np.ndarray
    gaussian: Gaussian
    limits: np.ndarray
    _whole: dict = field(default_factory=dict, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.labels)

    def project(self, hidden) -> np.ndarray:
        """Points, array (n, d), of hidden layers, array (n, h), as `lcnet.core.activations.embeddings` gives them."""
        return (np.asarray(hidden, np.float32) - self.mean) @ self.axes

    def nearest(self, points, k: int = 3, *, among=None) -> tuple[np.ndarray, np.ndarray]:
        """The `k` labelled examples nearest to each point, nearest first.

        Parameters
        ----------
        points : array, shape (n, d)
            Of `project`.
        k : int
        among : array of bool, shape (len(self),), optional
            Only these.

        Returns
        -------
        index, distance : array, shape (n, k)
        """
        if "points" not in self._whole:
            self._whole["points"] = self.points.astype(np.float32)
            self._whole["square"] = (self._whole["points"] ** 2).sum(axis=1)
        stored, points = self._whole["points"], np.asarray(points, np.float32)
        k = min(k, len(self) if among is None else int(np.sum(among)))
        index, distance = np.empty((len(points), k), np.int64), np.empty((len(points), k))
        # |a - b|^2 = |a|^2 - 2 ab + |b|^2 rounds what is near, and differently in other company: it picks a shortlist
        rough = self._whole["square"] - 2.0 * (points @ stored.T)
        if among is not None:
            rough[:, ~np.asarray(among, bool)] = np.inf
        short = min(k + SPARE, rough.shape[1])
        for number, point in enumerate(points):
            few = np.argpartition(rough[number], short - 1)[:short]
            few = few[np.isfinite(rough[number, few])]
            square = ((stored[few] - point) ** 2).sum(axis=1)
            few = few[np.lexsort((few, square))][:k]
            index[number], distance[number] = few, np.sqrt(((stored[few] - point) ** 2).sum(axis=1))
        return index, distance

    def novelty(self, net: Network, inputs: Mapping, points, prediction, *, among=None, nearest=None) -> Novelty:
        """Whether examples are unlike anything in training.

        The limits are those of the class that the network takes each for (class-conditional, as in Lee et al. 2018,
        NeurIPS 31, with the nearest-neighbour distance of Sun et al. 2022, ICML, PMLR 162, 20827).

        Parameters
        ----------
        net : Network
        inputs : mapping
            As `Network.predict` takes them.
        points : array, shape (n, d)
            Of `project`.
        prediction : array, shape (n, classes)
        among : array of bool, shape (len(self),), optional
            Of the labelled examples, only these.
        nearest : array, shape (n, k), optional
            Distances of the `NEAREST` or more nearest of them, where they are known.
        """
        likeliest = np.asarray(prediction).argmax(axis=1)
        arrays = self.gaussian.distance(arrays_of(net.specs, inputs)) / self.limits[0, likeliest]
        if nearest is None:
            nearest = self.nearest(points, NEAREST, among=among)[1]
        embedding = nearest[:, min(NEAREST, nearest.shape[1]) - 1] / self.limits[1, likeliest]
        return Novelty(arrays, embedding, (arrays > 1) | (embedding > 1))

    def save(self, path: str | os.PathLike) -> None:
        """Write the file, whole or not at all."""
        from safetensors.numpy import save

        tensors = {name: getattr(self, name) for name in ("points", "labels", "mean", "axes", "limits")}
        tensors |= {f"array_{name}": getattr(self.gaussian, name) for name in ("mean", "axes", "scale")}
        tensors |= {f"column/{name}": values for name, values in self.columns.items()}
        said = {"sha256": self.sha256, "classes": list(self.classes), "about": self.about}
        tensors = {name: np.ascontiguousarray(values) for name, values in tensors.items()}
        write_bytes(path, save(tensors, metadata={"format": _FORMAT, "neighbours": json.dumps(said)}))


def build(net: Network, examples, held, *, columns: Mapping, about: Mapping | None = None) -> Neighbours:
    """The neighbours of a network from the examples it was trained on.

    Parameters
    ----------
    net : Network
    examples : Examples
        With no input that the network is not given in use.
    held : array of bool, shape (n,)
        Those that no weight was fitted to: they set the limits of what is like training.
    columns : mapping of str to array, shape (n,)
        Numbers to be kept of each.
    about : mapping, optional
        Plain values.

    Returns
    -------
    Neighbours

    Raises
    ------
    ValueError
        Held-out examples of a class are missing, or columns of another length.
    """
    labels, held = np.asarray(net.task.objective.labels(examples.targets)), np.asarray(held, bool)
    if any(len(values) != len(labels) for values in columns.values()):
        raise ValueError(f"a column is not of the {len(labels)} examples")
    hidden, arrays = embeddings(net, examples.inputs), arrays_of(net.specs, examples.inputs)
    # an input that the held-out examples mostly lack (published views without it) sets no limit, so it is left out
    arrays[:, np.isfinite(arrays[held]).mean(axis=0) < 0.5] = np.nan
    mean = hidden[~held].mean(axis=0)
    _, _, directions = np.linalg.svd(hidden[~held] - mean, full_matrices=False)
    # everything is rounded first, so that the limits are those of what is stored
    axes = directions[:DIMENSIONS].T.astype(np.float16)
    made = Neighbours(
        str(net.card["sha256"]),
        net.classes,
        ((hidden - mean) @ axes.astype(np.float32)).astype(np.float16),
        labels.astype(np.uint8),
        {name: np.asarray(values) for name, values in columns.items()},
        dict(about or {}),
        mean.astype(np.float32),
        axes.astype(np.float32),
        Gaussian.fit(arrays[~held]),
        np.ones((2, len(net.classes))),
    )
    far = made.nearest(made.project(hidden[held]), NEAREST, among=~held)[1][:, -1]
    distances = np.stack([made.gaussian.distance(arrays[held]), far])
    made.limits[:] = thresholds(distances, labels[held], net.classes, QUANTILE)
    return made


def neighbours_path(path: str | os.PathLike) -> Path:
    """Where the neighbours of the network at `path` are: ``<name>-neighbours.safetensors`` beside it."""
    path = Path(path)
    return path.with_name(f"{path.stem}-neighbours.safetensors")


def load_neighbours(net: Network, path: str | os.PathLike | None = None) -> Neighbours | None:
    """The neighbours of a network; None if it has no such file.

    Parameters
    ----------
    net : Network
    path : path, optional
        Default: `neighbours_path` of the network's own files.

    Raises
    ------
    WeightsError
        If the file is damaged, or that of another network.
    """
    if path is None:
        own = getattr(net, "path", None)
        if own is None or not neighbours_path(own).is_file():
            return None
        path = neighbours_path(own)
    path = Path(path)
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise WeightsError(f"{path} is too large for neighbours: {size:,} bytes, at most {LARGEST:,} are read")
        said, tensors = _contents(path)
    except OSError as error:
        raise WeightsError(f"cannot read {path}: {error.strerror or error}") from None
    if said.get("sha256") != net.card.get("sha256"):
        raise WeightsError(
            f"{path} was made for another network (sha256 {str(said.get('sha256'))[:12]}) than {net.card.get('name')} "
            f"{net.card.get('version')} ({str(net.card.get('sha256'))[:12]}): make it anew, or remove it"
        )
    return _restored(path, said, tensors)


def _contents(path: Path) -> tuple[dict, dict[str, np.ndarray]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            said = json.loads(metadata.get("neighbours", "null"))
            if metadata.get("format") != _FORMAT or not isinstance(said, dict):
                raise WeightsError(f"{path} holds no neighbours of a network")
            return said, {name: file.get_tensor(name) for name in file.keys()}
    except (SafetensorError, ValueError, RecursionError) as error:
        if isinstance(error, WeightsError):
            raise
        raise WeightsError(f"{path} is damaged: {error}") from None


def _restored(path: Path, said: Mapping, tensors: Mapping[str, np.ndarray]) -> Neighbours:
    classes = tuple(map(str, said.get("classes") or ()))
    columns = {name.partition("/")[2]: value for name, value in tensors.items() if name.startswith("column/")}
    if missing := [name for name in _PARTS if name not in tensors]:
        raise WeightsError(f"{path} lacks {', '.join(missing)}")
    points, labels, axes = tensors["points"], tensors["labels"], tensors["axes"]
    n = len(labels)
    fits = (
        points.ndim == 2
        and axes.shape == (tensors["mean"].size, points.shape[1])
        and {len(points), n, *map(len, columns.values())} == {n}
        and tensors["limits"].shape == (2, len(classes))
        and n > 0
        and int(labels.max()) < len(classes)
    )
    if not fits or not all(np.isfinite(tensors[name]).all() for name in _PARTS if name != "array_mean"):
        raise WeightsError(f"{path} is damaged: its parts do not fit together")
    gaussian = Gaussian(*(tensors[f"array_{name}"] for name in ("mean", "axes", "scale")))
    mean, limits = tensors["mean"], tensors["limits"]
    about = dict(said.get("about") or {})
    return Neighbours(str(said["sha256"]), classes, points, labels, columns, about, mean, axes, gaussian, limits)
