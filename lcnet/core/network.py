"""Trained networks, to predict with: `lcnet.load`. Nothing here needs what training needs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lcnet.core import registry
from lcnet.core.devices import find_device
from lcnet.core.examples import LazyArray
from lcnet.core.inputs import as_mapping, check, normalise, restore, to_tensors
from lcnet.core.weights import LARGEST, SHIPPED, WeightsError, read_card, read_weights, reading_card

if TYPE_CHECKING:
    import torch

    from lcnet.core.task import Input, Task

__all__ = ["Network", "Reading", "as_reading", "load", "outputs", "sums_matrix"]

_SHIPPED = Path(__file__).resolve().parent.parent / "weights"


def load(name_or_path: str | os.PathLike, *, task: Task | None = None) -> Network:
    """A trained network, by the name of a shipped one or the path of its files.

    Parameters
    ----------
    name_or_path : str or path
        ``"transits/triage"``, or a ``.safetensors`` or ``.json`` file, or a folder that holds one network. A registered
        name is always the network that came with lcnet, whatever lies in the working directory; ``"./transits/triage"``
        is a path.
    task : Task, optional
        What the network was trained for, if lcnet's registry does not know it: a file never names code to run.

    Returns
    -------
    Network

    Raises
    ------
    lcnet.core.registry.UnknownTask
        If it is neither a known name nor a file; suggests close names.
    lcnet.core.weights.WeightsError
        If the files are missing, damaged, too large, or not what their card says.

    Examples
    --------
    >>> net = lcnet.load("transits/triage")
    >>> net.classes
    ('junk', 'transit')
    >>> probability = net.predict({"global_view": views, "local_view": close_ups})
    """
    path, largest = _locate(name_or_path)
    card = read_card(path)
    if "reading_of" not in card:
        net = Network(card, read_weights(path, card, largest=largest), task=task)
        net.path = path
        return net
    # the network lies beside its readings
    path = path.with_name(str(card["reading_of"]).rpartition("/")[2] + ".json")
    read = read_card(path)
    if read["sha256"] != card["sha256"]:
        raise WeightsError(f"{card.get('name')} reads another version of {card['reading_of']} than the one at {path}")
    net = Network(read, read_weights(path, read, largest=largest), task=task)
    net.path = path
    return Reading(card, net)


class Network:
    """A calibrated ensemble.

    Attributes
    ----------
    inputs : dict of str to tuple
        Shape of one example of each input; ``specs`` has the rest (required, unit, range).
    classes : tuple of str
        In column order; empty if the network does not classify.
    targets, units : tuple of str
        What a regression predicts, in order; empty for others.
    card : dict
        The model card: what it was trained on and how well it does.
    path : Path or None
        Of the card, where it was loaded from a file.
    """

    path: Path | None = None

    def __init__(self, card: Mapping[str, Any], states: list[dict], *, task: Task | None = None):
        import torch

        self.card = dict(card)
        try:
            name = str(card["task"])
            self.specs: dict[str, Input] = restore(card["inputs"])
            self._calibration = {key: float(value) for key, value in card["calibration"]["parameters"].items()}
            self.classes: tuple[str, ...] = tuple(card.get("classes") or ())
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise WeightsError(f"not a complete model card: {error!r}") from None
        if task is None:
            if name not in registry.REGISTRY:
                raise WeightsError(f"this network is for {name!r}, which is not registered: give load(..., task=)")
            task = registry.get_task(name)
        elif task.name != name:
            raise WeightsError(f"this network is for {name!r}, not {task.name!r}")
        self.task = task
        if self.classes != tuple(getattr(task.objective, "classes", ())):
            raise WeightsError(f"this network tells {self.classes} apart, {name} is now about other classes")
        self._check_card()
        self.targets = tuple(getattr(task.objective, "targets", ()))
        self.units = tuple(getattr(task.objective, "units", ()))
        self.inputs = {name: spec.shape for name, spec in self.specs.items()}
        self._nets = []
        with torch.random.fork_rng(devices=[]):  # building draws weights; the caller's random numbers are not ours
            for state in states:
                net = (task.tiny if card.get("size", "full") == "tiny" else task.net)()
                try:
                    net.load_state_dict(state)
                except RuntimeError as error:
                    reason = str(error).splitlines()[-1].strip()
                    raise WeightsError(f"the weights do not fit the network of {name}: {reason}") from None
                self._nets.append(net.eval().requires_grad_(False))

    def _check_card(self) -> None:
        # ranges may differ: a network is normalised as its card says, which is how it was trained
        name, now = self.task.name, self.task.inputs
        if set(self.specs) != set(now):
            names = ", ".join(sorted(set(self.specs) ^ set(now)))
            raise WeightsError(f"the inputs on this card are not those of {name}: {names}")
        for key, spec in self.specs.items():
            if (spec.shape, spec.required) != (now[key].shape, now[key].required):
                need = "required" if spec.required else "optional"
                raise WeightsError(f"input {key!r} of this card is not that of {name}: shape {spec.shape}, {need}")
        try:
            self.task.objective.check_calibration(self._calibration)
        except ValueError as error:
            raise WeightsError(f"the calibration on this card cannot be used: {error}") from None
        if self.card.get("size", "full") not in ("tiny", "full"):
            raise WeightsError(f"the size of this network is {self.card['size']!r}, not 'tiny' or 'full'")

    def states(self) -> list[dict[str, torch.Tensor]]:
        """The members' weights, copies on the CPU: what `lcnet.core.ensemble.train` starts from."""
        return [{name: value.detach().cpu().clone() for name, value in net.state_dict().items()} for net in self._nets]

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} {self.card.get('name')} {self.card.get('version')}: "
            f"{', '.join(self.inputs)} -> {', '.join(self.classes or self.targets)}>"
        )

    def predict(self, inputs: Mapping, *, batch_size: int = 256, device: str | None = None) -> np.ndarray:
        """The calibrated mean of the ensemble.

        Parameters
        ----------
        inputs : mapping of str to array, shape (n, *shape)
            A dict, a DataFrame or an astropy table; physical units, as in ``specs``, Quantities are converted. An
            optional input may be absent, or NaN or masked throughout a row: missing there.
        batch_size : int
            Rows computed at once.
        device : str, optional
            By default the accelerator, if there is one.

        Returns
        -------
        array, float32
            Of a classification (n, classes): probabilities, each row summing to one. Of a regression (n, targets, 2):
            mean and standard deviation, in ``units``.

        Raises
        ------
        ValueError
            That names the input which is missing, misshapen, not finite or in another unit; or for a device that is
            not there.
        """
        members = self._members(inputs, batch_size, device)
        return self.task.objective.pool(members).astype(np.float32)

    def predict_members(self, inputs: Mapping, *, batch_size: int = 256, device: str | None = None) -> np.ndarray:
        """What each member says, array (members, n, ...), float32; `predict` pools it: the mean of probabilities."""
        return self._members(inputs, batch_size, device).astype(np.float32)

    def _members(self, inputs: Mapping, batch_size: int, device: str | None) -> np.ndarray:
        import torch

        threads = torch.get_num_threads()
        found = outputs(self._nets, self.specs, inputs, batch_size=batch_size, device=device, threads=threads)
        return self._told(found)

    def _told(self, raw: np.ndarray) -> np.ndarray:
        """The members' raw outputs (members, n, ...), calibrated."""
        import torch

        return self.task.objective.predict(torch.from_numpy(raw), **self._calibration).numpy()


class Reading(Network):
    """A network that reports sums of another's classes, so that both always agree."""

    def __init__(self, card: Mapping[str, Any], network: Network):
        self.network = network
        try:
            sums = {str(name): tuple(summed) for name, summed in card["sums"].items()}
            self._matrix = sums_matrix(network.classes, sums)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise WeightsError(f"not a complete card of a reading: {error!r}") from None
        self.classes = tuple(sums)
        self.targets = self.units = ()
        self.task, self.specs, self.inputs = network.task, network.specs, dict(network.inputs)
        self.path, self._nets, self._calibration = network.path, network._nets, network._calibration
        prevalence = network.card.get("prevalence") or {}
        self.card = {**network.card, **card, "classes": list(sums)}
        if set(prevalence) == set(network.classes):
            self.card["prevalence"] = {name: sum(prevalence[one] for one in sums[name]) for name in sums}
        # figures of the network's own classes say nothing of the sums
        self.card["metrics"] = (network.card.get("readings") or {}).get(card.get("name"), {}).get("metrics", {})

    def labels(self, labels) -> np.ndarray:
        """The network's labels, array (n,), as labels of the reading's classes."""
        return self._matrix.argmax(axis=1)[np.asarray(labels)]

    def states(self) -> list[dict[str, torch.Tensor]]:
        """The weights of the network that is read."""
        return self.network.states()

    def _told(self, raw: np.ndarray) -> np.ndarray:
        return super()._told(raw) @ self._matrix


def sums_matrix(classes: Sequence[str], sums: Mapping[str, Sequence[str]]) -> np.ndarray:
    """What turns probabilities of `classes` into those of a reading, array (classes, len(sums)) of zeros and ones.

    Raises
    ------
    ValueError
        Unless the sums use each class once.
    """
    matrix = np.array([[float(one in summed) for summed in sums.values()] for one in classes])
    used = [one for summed in sums.values() for one in summed]
    if sorted(used) != sorted(classes):
        raise ValueError(f"the sums use {', '.join(used)} instead of each of {', '.join(classes)} once")
    return matrix


def as_reading(network: Network, name: str) -> Network:
    """`network` as what is registered as `name`: itself, or the reading of it that goes by that name.

    Raises
    ------
    ValueError
        If it is a network, or a reading, of something else.
    """
    entry = registry.REGISTRY.get(name)
    if isinstance(network, Reading):
        if network.card.get("name") != name:
            raise ValueError(f"this is {network.card.get('name')}, a reading of {network.task.name}, not {name}")
        return network
    if entry is None or not entry.reading_of:
        return network
    if network.task.name != entry.reading_of:
        raise ValueError(f"{name} reads {entry.reading_of}, and this network is for {network.task.name}")
    return Reading(reading_card(name, entry, network.card), network)


def outputs(
    nets, specs, inputs: Mapping, *, batch_size: int = 256, device: str | None = None, threads: int = 1
) -> np.ndarray:
    """Raw outputs of each network in `nets`, array (members, n, ...), float32.

    Parameters
    ----------
    nets : sequence of torch.nn.Module
        In evaluation mode; moved to the device.
    specs : mapping of str to Input
    inputs : mapping of str to array
        Physical units; arrays on disk are read `batch_size` rows at a time.
    batch_size : int
    device : str, optional
    threads : int
        So many batches side by side on a CPU. One after the other is for those whose hooks want them in order.
    """
    import torch

    if batch_size < 1:
        raise ValueError(f"batch_size must be positive, not {batch_size}")
    place = find_device(device)
    inputs = as_mapping(inputs)
    on_disk = any(isinstance(values, LazyArray) for values in inputs.values())
    if not on_disk:
        inputs = check(specs, inputs)  # all rows at once, so that an error tells of all
    length = len(next(values for values in inputs.values() if values is not None))
    for net in nets:
        net.to(place)
    if length == 0:  # not every layer takes an empty batch: learn the outputs' shape from a row of zeros
        inputs = {name: np.zeros((1, *specs[name].shape), np.float32) for name in inputs if name in specs}

    def told(start):
        rows = {name: values[start : start + batch_size] for name, values in inputs.items() if values is not None}
        x = to_tensors(specs, normalise(specs, check(specs, rows, first_row=start)), place)
        with torch.inference_mode():
            return torch.stack([net(x) for net in nets]).float().cpu()

    starts = range(0, max(length, 1), batch_size)
    threads = min(threads, len(starts))
    if on_disk or place.type != "cpu" or threads == 1:
        found = [told(start) for start in starts]
    else:
        found = _side_by_side(told, starts, threads)
    return torch.cat(found, dim=1).numpy()[:, :length]


def _side_by_side(work, tasks, threads: int) -> list:
    """Call `work` with each task, a thread of torch's each.

    Layers as small as ours gain little from threads inside of them, and on a busy machine lose much: these wait for
    each other after every product, where batches wait for nobody.
    """
    import torch

    before = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            return list(pool.map(work, tasks))
    finally:
        torch.set_num_threads(before)


def _locate(name_or_path: str | os.PathLike) -> tuple[Path, int]:
    """The .json of a network, and how large its weights may be."""
    text = os.fspath(name_or_path)
    path = Path(text)
    if text in registry.REGISTRY:
        path = _SHIPPED / f"{text}.json"
        if not path.exists():
            raise WeightsError(f"no network is shipped for {text!r} yet: train one with `lcnet train`, load its path")
        return path, SHIPPED
    if path.is_dir():
        cards = [card for card in sorted(path.glob("*.json")) if card.with_suffix(".safetensors").exists()]
        if len(cards) != 1:
            raise WeightsError(f"{path} holds {len(cards)} networks, not one: give the path of its .safetensors")
        return cards[0], LARGEST
    if path.suffix in (".safetensors", ".json"):
        return path.with_suffix(".json"), LARGEST
    if path.with_name(path.name + ".json").exists():
        return path.with_name(path.name + ".json"), LARGEST
    raise registry.unknown(text)
