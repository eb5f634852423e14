"""Checkpoints that a kill at any moment leaves loadable, without pickle.

A checkpoint is one safetensors file (weights, flattened optimizer state, random states) and one JSON. The JSON names
the tensors by their sha256 and is renamed into place last: until then the previous pair is whole, then the new one.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from lcnet.core.files import write_bytes

__all__ = ["CheckpointError", "PlanChanged", "compare_plans", "flatten", "load", "restore", "save"]

_JSON = "checkpoint.json"


class CheckpointError(RuntimeError):
    """A checkpoint that is damaged or not one of ours."""


class PlanChanged(ValueError):
    """A resume under another plan than the checkpoint's."""


def save(folder: str | os.PathLike, tensors: Mapping[str, torch.Tensor], state: Mapping[str, Any]) -> None:
    """Write `tensors` and the JSON values `state` as the checkpoint of `folder`."""
    folder = Path(folder)
    # own, contiguous copies: safetensors refuses tensors that share memory (tied weights)
    data = save_tensors({name: value.detach().cpu().clone().contiguous() for name, value in tensors.items()})
    digest = hashlib.sha256(data).hexdigest()
    name = f"checkpoint-{digest[:16]}.safetensors"
    write_bytes(folder / name, data)
    text = json.dumps({"file": name, "sha256": digest, "state": state}, indent=1)
    write_bytes(folder / _JSON, text.encode())
    for old in [*folder.glob("checkpoint-*.safetensors"), *folder.glob(".checkpoint*.part")]:
        if old.name != name:
            old.unlink(missing_ok=True)


def load(folder: str | os.PathLike) -> tuple[dict[str, torch.Tensor], dict[str, Any]] | None:
    """The checkpoint of `folder`, or None if it has none.

    Raises
    ------
    CheckpointError
        If it is damaged.
    """
    folder = Path(folder)
    try:
        text = (folder / _JSON).read_text()
    except FileNotFoundError:
        return None
    try:
        entry = json.loads(text)
        name, digest, state = str(entry["file"]), entry["sha256"], entry["state"]
        if Path(name).name != name:
            raise ValueError("it names a file outside its folder")
        data = (folder / name).read_bytes()
        if hashlib.sha256(data).hexdigest() != digest:
            raise ValueError("its sha256 does not match")
        return load_tensors(data), state
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise CheckpointError(f"the checkpoint in {folder} is damaged: {error}") from error


def flatten(optimizer: torch.optim.Optimizer) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """An optimizer's state as named tensors and JSON values."""
    state = optimizer.state_dict()
    tensors, plain = {}, {}
    for index, values in state["state"].items():
        for name, value in values.items():
            target = tensors if isinstance(value, torch.Tensor) else plain
            target[f"{index}.{name}"] = value
    return tensors, {"groups": state["param_groups"], "plain": plain}


def restore(optimizer: torch.optim.Optimizer, tensors: Mapping[str, torch.Tensor], state: Mapping[str, Any]) -> None:
    """The inverse of `flatten`."""
    values: dict[int, dict[str, Any]] = {}
    for key, value in {**state["plain"], **tensors}.items():
        index, _, name = key.partition(".")
        # a copy: load_state_dict keeps the very tensors it is given, and the optimizer updates them in place
        values.setdefault(int(index), {})[name] = value.clone() if isinstance(value, torch.Tensor) else value
    optimizer.load_state_dict({"state": values, "param_groups": state["groups"]})


def compare_plans(before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raise `PlanChanged`, naming every difference, unless both plans are the same."""
    # through JSON, as the saved one went: tuples are lists there
    now = json.loads(json.dumps(now))
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    if names:
        changes = "; ".join(f"{name} was {_short(before.get(name))}, now {_short(now.get(name))}" for name in names)
        raise PlanChanged(f"cannot resume under another plan: {changes}")


def _short(value) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."
