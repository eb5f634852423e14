"""The one training loop.

Accelerate places the network, synchronises gradients, casts and gathers; nothing else. What differs between kinds of
problem is in the objective, what differs between sciences in the `Task`.
"""

from __future__ import annotations

import hashlib
import math
import os
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from lcnet.core import checkpoint as checkpoints
from lcnet.core.batches import Feed
from lcnet.core.devices import find_device
from lcnet.core.examples import Examples, ExamplesError
from lcnet.core.files import write_bytes
from lcnet.core.inputs import describe
from lcnet.core.splits import grouped_split

if TYPE_CHECKING:
    from lcnet.core.task import Task

__all__ = ["Fit", "fit"]

_WARM_UP = 0.1  # share of the steps over which the learning rate rises


@dataclass(frozen=True)
class Fit:
    """One trained network.

    Parameters
    ----------
    net : torch.nn.Module
        In evaluation mode, on the CPU, with the weights of `best_epoch`.
    history : DataFrame
        One row an epoch: ``epoch``, ``lr``, ``train_loss``, ``validation_loss``, ``seconds`` and the metrics.
    best_epoch : int
        Counted from 0; the last one if nothing was held out.
    finished : bool
        False if `stop_after` ended it early.
    seconds : float
        Spent training, over all resumes.
    device : str
    """

    net: torch.nn.Module
    history: pd.DataFrame
    best_epoch: int
    finished: bool
    seconds: float
    device: str


def fit(
    task: Task,
    examples: Examples,
    *,
    seed: int = 0,
    epochs: int = 40,
    batch_size: int = 64,
    lr: float = 1e-3,
    weight_decay: float = 1e-2,
    patience: int = 10,
    validation: float | Examples | None = 0.15,
    tiny: bool = False,
    start: dict[str, torch.Tensor] | None = None,
    freeze: Sequence[str] = (),
    on_epoch: Callable[[int, np.ndarray], None] | None = None,
    checkpoint: str | os.PathLike | None = None,
    resume: bool = False,
    stop_after: int | None = None,
    device: str | None = None,
    precision: str = "no",
    progress: bool | None = None,
) -> Fit:
    """Train one network of `task` on `examples`.

    AdamW, a linear warm-up and a cosine to zero; the weights with the lowest validation loss are kept. The same
    arguments give the same network, bit by bit on one CPU, whether or not it was stopped and resumed on the way.

    Parameters
    ----------
    task : Task
    examples : Examples
    seed : int
        Of the weights, the order of examples, dropout and augmentation.
    epochs, batch_size : int
        Batches are counted over all processes.
    lr, weight_decay : float
        Highest learning rate; decay of matrices, not of biases and norms.
    patience : int
        Epochs without a lower validation loss before stopping.
    validation : float, Examples or None
        Share of the examples held out by group, or examples of their own, or nothing (the last weights are kept).
    tiny : bool
        Train ``task.tiny()``.
    start : dict of str to Tensor, optional
        Weights to start from.
    freeze : sequence of str
        Layers whose weights stay as they are: the beginnings of names of ``net.named_parameters()``, "stem" or
        "blocks.0".
    on_epoch : callable, optional
        ``on_epoch(epoch, prediction)`` after each epoch, with what the network predicts, uncalibrated, for the held-out
        examples in their order: to draw them as they get better. It changes nothing of the training.
    checkpoint : path, optional
        Folder for a checkpoint, ``log.csv`` and ``loss.png``, all written every epoch but the picture (at the end).
    resume : bool
        Continue from the checkpoint there, if any.
    stop_after : int, optional
        Leave after this many epochs in all, to be resumed; one resumed beyond it is left as it is.
    device : {"cpu", "cuda"}, optional
        By default the accelerator, if there is one. Which of several: ``CUDA_VISIBLE_DEVICES``.
    precision : {"no", "bf16"}
    progress : bool, optional
        Show a progress bar; by default on a terminal only.

    Returns
    -------
    Fit

    Raises
    ------
    ValueError
        For examples that are not of this task or have no weight, a device that is not there, weights to start from
        that do not fit.
    lcnet.core.checkpoint.PlanChanged
        For a resume with another task, other data or other settings.
    FloatingPointError
        If the loss, of training or of validation, stops being finite.
    """
    if precision not in ("no", "bf16"):
        raise ValueError(f"precision must be 'no' or 'bf16', not {precision!r}")
    if epochs < 1 or batch_size < 1:
        raise ValueError(f"epochs and batch_size must be positive, not {epochs} and {batch_size}")
    place = None if device is None else find_device(device)
    if place is not None and (place.type not in ("cpu", "cuda") or place.index):
        raise ValueError(f"device must be 'cpu' or 'cuda', not {device!r} (of several, CUDA_VISIBLE_DEVICES chooses)")
    # the inputs are checked by Feed, which reads them all
    _check_part(task, examples, "the examples")
    if isinstance(validation, int | float):
        held = grouped_split(examples.group, validation, seed=seed, labels=task.objective.labels(examples.targets))
        examples, validation = examples.part(~held), examples.part(held)
        _check_part(task, examples, "the examples that are trained on")
    if validation is not None:
        if not isinstance(validation, Examples):
            raise ValueError(f"validation must be a share, Examples or None, not {type(validation).__name__}")
        _check_part(task, validation, "the held-out examples")

    accelerator = _accelerator(device, precision)
    place = accelerator.device
    with _seeded(seed, place):
        net = (task.tiny if tiny else task.net)()
        if start is not None:
            _start_from(net, start, task)
        _freeze(net, freeze, task)
        optimizers = _optimizers(net.to(place), lr, weight_decay)
        model = accelerator.prepare_model(net)
        share = {"device": place, "rank": accelerator.process_index, "world": accelerator.num_processes}
        feed = Feed(task, examples, **share)
        held_feed = None if validation is None else Feed(task, validation, **share)

        plan = {
            "task": task.name,
            "inputs": describe(task.inputs),
            "objective": task.objective.describe(),
            "network": _digest(net, start),
            "examples": examples.fingerprint(),
            "validation": None if validation is None else validation.fingerprint(),
            **{"seed": seed, "epochs": epochs, "batch_size": batch_size, "lr": lr, "weight_decay": weight_decay},
            **{"patience": patience, "precision": precision, "processes": accelerator.num_processes},
            "freeze": sorted(freeze),
        }
        progressed = _Progress()
        found = checkpoints.load(checkpoint) if checkpoint is not None and resume else None
        if found is not None:
            checkpoints.compare_plans(found[1]["plan"], plan)
            progressed.restore(*found, net, optimizers, place)

        steps_per_epoch = max(1, -(-len(feed) // batch_size))
        hidden = None if progress is None else not progress
        bar = tqdm(total=epochs, initial=progressed.epoch, desc=f"train {task.name}", unit=" epoch", disable=hidden)
        last = epochs if stop_after is None else min(epochs, stop_after)
        while progressed.epoch < last and not progressed.done:
            began, epoch = time.perf_counter(), progressed.epoch
            model.train()
            total, rows = torch.zeros((), device=place), 0
            for number, batch in enumerate(feed.epoch(seed, epoch, batch_size)):
                rate = _rate(epoch * steps_per_epoch + number, epochs * steps_per_epoch, lr)
                for optimizer in optimizers.values():
                    for group in optimizer.param_groups:
                        group["lr"] = rate
                with accelerator.autocast():
                    loss = task.objective.step(model, batch, optimizers)
                size = len(next(iter(batch.inputs.values())))
                total, rows = total + loss.float() * size, rows + size
            train_loss = float(accelerator.reduce(total / rows, reduction="mean"))
            if not math.isfinite(train_loss):
                raise FloatingPointError(f"the training loss of {task.name} is {train_loss} in epoch {epoch}")
            row = {"epoch": epoch, "lr": rate, "train_loss": train_loss}
            if held_feed is not None:
                told, prediction = _validate(task, model, held_feed, validation, accelerator, batch_size, epoch)
                row |= told
                if on_epoch is not None and accelerator.is_main_process:
                    on_epoch(epoch, prediction)
            row["seconds"] = time.perf_counter() - began
            progressed.add(row, net, patience)
            progressed.done = progressed.done or progressed.epoch == epochs
            if checkpoint is not None and accelerator.is_main_process:
                checkpoints.save(checkpoint, *progressed.state(net, optimizers, place, plan))
                write_bytes(Path(checkpoint) / "log.csv", progressed.table().to_csv(index=False).encode())
            bar.set_postfix_str(f"loss {train_loss:.4f} / {row.get('validation_loss', math.nan):.4f}")
            bar.update()
        bar.close()
        if checkpoint is not None and progressed.history and accelerator.is_main_process:
            from lcnet.core.plots import save_history

            save_history(progressed.table(), Path(checkpoint) / "loss.png")
    if progressed.best:
        net.load_state_dict(progressed.best)
    return Fit(
        net=net.cpu().eval(),
        history=progressed.table(),
        best_epoch=progressed.best_epoch if progressed.best else progressed.epoch - 1,
        finished=progressed.done,
        seconds=float(sum(row["seconds"] for row in progressed.history)),
        device=_device_name(place),
    )


class _Progress:
    """Where a fit stands: everything but the plan that a checkpoint must hold."""

    def __init__(self):
        self.history: list[dict[str, Any]] = []
        self.best: dict[str, torch.Tensor] = {}
        self.best_epoch = -1
        self.done = False

    @property
    def epoch(self) -> int:
        return len(self.history)

    def add(self, row: dict[str, Any], net, patience: int) -> None:
        self.history.append(row)
        if "validation_loss" not in row:
            return
        losses = [past["validation_loss"] for past in self.history]
        if self.best_epoch < 0 or losses[-1] < losses[self.best_epoch]:
            self.best_epoch = row["epoch"]
            self.best = {name: value.detach().cpu().clone() for name, value in net.state_dict().items()}
        self.done = row["epoch"] - self.best_epoch >= patience

    def table(self) -> pd.DataFrame:
        return pd.DataFrame(self.history)

    def state(self, net, optimizers, place, plan):
        tensors = {f"net/{name}": value for name, value in net.state_dict().items()}
        tensors |= {f"best/{name}": value for name, value in self.best.items()}
        plain = {}
        for name, optimizer in optimizers.items():
            found, plain[name] = checkpoints.flatten(optimizer)
            tensors |= {f"optimizer/{name}/{key}": value for key, value in found.items()}
        tensors["random/cpu"] = torch.get_rng_state()
        if place.type == "cuda":
            tensors["random/cuda"] = torch.cuda.get_rng_state(place)
        state = {"plan": plan, "history": self.history, "best_epoch": self.best_epoch, "done": self.done}
        return tensors, {**state, "optimizers": plain}

    def restore(self, tensors, state, net, optimizers, place) -> None:
        def room(prefix: str) -> dict[str, torch.Tensor]:
            return {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}

        net.load_state_dict(room("net/"))
        self.best = room("best/")
        for name, optimizer in optimizers.items():
            checkpoints.restore(optimizer, room(f"optimizer/{name}/"), state["optimizers"][name])
        torch.set_rng_state(tensors["random/cpu"])
        if place.type == "cuda" and "random/cuda" in tensors:
            torch.cuda.set_rng_state(tensors["random/cuda"], place)
        self.history, self.best_epoch, self.done = state["history"], state["best_epoch"], state["done"]


def _validate(task, model, feed, validation, accelerator, batch_size, epoch) -> tuple[dict[str, float], np.ndarray]:
    """Loss and metrics on the held-out examples, and what is predicted for them."""
    model.eval()
    with torch.inference_mode(), accelerator.autocast():
        outputs = [model(batch.inputs).float() for batch in feed.ordered(max(batch_size, 256))]
    output = torch.cat(outputs)
    if accelerator.num_processes > 1:
        # processes hold rows rank::world, the first ones perhaps one more: interleave, and cut the padding off
        output = accelerator.gather(accelerator.pad_across_processes(output, dim=0))
        output = output.reshape(accelerator.num_processes, -1, *output.shape[1:]).transpose(0, 1).flatten(0, 1)
    output = output[: len(feed)].cpu()
    targets = {name: torch.from_numpy(np.ascontiguousarray(values[:])) for name, values in validation.targets.items()}
    weight = None if validation.weight is None else torch.from_numpy(validation.weight)
    loss = float(task.objective.loss(output, targets, weight))
    if not math.isfinite(loss):
        raise FloatingPointError(f"the validation loss of {task.name} is {loss} in epoch {epoch}")
    prediction = task.objective.predict(output).numpy()
    told = {
        "validation_loss": loss,
        **task.objective.metrics(prediction, validation.targets, validation.group),
    }
    return told, prediction


def _rate(step: int, steps: int, lr: float) -> float:
    warm = max(1, round(_WARM_UP * steps))
    if step < warm:
        return lr * (step + 1) / warm
    return lr * 0.5 * (1.0 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def _optimizers(net, lr: float, weight_decay: float) -> dict[str, torch.optim.Optimizer]:
    parts = net.parts() if hasattr(net, "parts") else {"net": net}
    made = {}
    for name, part in parts.items():
        wanted = [parameter for parameter in part.parameters() if parameter.requires_grad]
        groups = [
            {"params": [parameter for parameter in wanted if parameter.ndim > 1], "weight_decay": weight_decay},
            {"params": [parameter for parameter in wanted if parameter.ndim <= 1], "weight_decay": 0.0},
        ]
        made[name] = torch.optim.AdamW(groups, lr=lr)
    return made


def _accelerator(device: str | None, precision: str):
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState, PartialState

    options = {"cpu": device is not None and find_device(device).type == "cpu", "mixed_precision": precision}
    # its state is a singleton of the process, and an earlier fit may have asked for another device or precision: it
    # refuses another precision, and says nothing when it stays on the CPU. One of several processes keeps its state
    if PartialState._shared_state and PartialState().num_processes == 1:
        if bool(PartialState._shared_state.get("_cpu")) != options["cpu"] or (
            AcceleratorState._shared_state and AcceleratorState().mixed_precision != precision
        ):
            AcceleratorState._reset_state(reset_partial_state=True)
    made = Accelerator(**options)
    if device is not None and made.device.type != find_device(device).type:
        raise ValueError(f"asked for device {device!r}, accelerate's settings give {made.device.type!r}")
    return made


def _check_part(task, examples: Examples, what: str) -> None:
    if len(examples) == 0:
        raise ExamplesError(f"{what}: there are none for {task.name}")
    task.objective.check(examples.targets)
    if examples.weight is not None and not examples.weight.sum() > 0:
        raise ValueError(f"{what} all have weight zero")


def _start_from(net, start, task) -> None:
    try:
        net.load_state_dict(start)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise ValueError(f"the weights to start from do not fit the network of {task.name}: {reason}") from None


@contextmanager
def _seeded(seed: int, place: torch.device):
    """torch's random numbers from `seed` inside, the caller's again afterwards."""
    with torch.random.fork_rng(devices=[place] if place.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def _freeze(net, layers: Sequence[str], task) -> None:
    names = [name for name, _ in net.named_parameters()]
    for layer in layers:
        mine = [name for name in names if name == layer or name.startswith(layer.rstrip(".") + ".")]
        if not mine:
            there = ", ".join(dict.fromkeys(name.partition(".")[0] for name in names))
            raise ValueError(f"the network of {task.name} has no layer {layer!r} to freeze; there is {there}")
        for name in mine:
            net.get_parameter(name).requires_grad_(False)
    if not any(parameter.requires_grad for parameter in net.parameters()):
        raise ValueError(f"every layer of {task.name} is frozen: nothing is left to train")


def _digest(net, start) -> str:
    text = repr([(name, tuple(value.shape)) for name, value in net.state_dict().items()])
    digest = hashlib.sha256(text.encode())
    for name, value in sorted((start or {}).items()):
        digest.update(name.encode() + value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _device_name(place: torch.device) -> str:
    return torch.cuda.get_device_name(place) if place.type == "cuda" else place.type
