"""Networks as files: one safetensors for the whole ensemble, one JSON card beside it.

A file of weights comes from somewhere else, so nothing in it is trusted: sizes are capped before reading, the sha256 of
the card is checked before parsing, safetensors holds numbers only, and the code that gives them meaning is looked up in
lcnet's own registry, never in the file.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import pickletools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lcnet.core.files import write_bytes, write_together

if TYPE_CHECKING:
    import torch

    from lcnet.core.registry import Entry

__all__ = [
    "LARGEST",
    "SHIPPED",
    "WeightsError",
    "plain",
    "read_card",
    "read_weights",
    "reading_card",
    "save_network",
    "save_reading",
]

SHIPPED = 10_000_000  # bytes: the most a network shipped with lcnet may weigh
LARGEST = 1_000_000_000  # bytes: the most any file of weights may; a stolen length field must not ask for more
_CARD = 1_000_000  # bytes of JSON
_HEADER = 5_000_000  # bytes of safetensors header, some 50,000 tensors
_FLOATS = ("float16", "bfloat16", "float32", "float64")
_OTHERS = ("int8", "int16", "int32", "int64", "uint8", "bool")


class WeightsError(ValueError):
    """A file of weights, or its card, that is missing, damaged or not what it says."""


def save_network(
    path: str | os.PathLike,
    states: Sequence[Mapping[str, torch.Tensor]],
    card: Mapping[str, Any],
    *,
    half: bool = False,
) -> dict[str, Any]:
    """Write an ensemble to `path` (.safetensors) and its card beside it (.json).

    Both are complete on disk before either takes its name, the card last: an error leaves the old pair. Only a kill
    between the two renames leaves new weights beside the old card, which `read_weights` refuses by their sha256;
    ``lcnet train ... --resume`` then writes both again from the checkpoints.

    Parameters
    ----------
    path : path
    states : sequence of state dicts
        One a member; tensors are stored as ``<member>/<name>``.
    card : mapping
        Plain JSON values; ``members``, ``sha256`` and ``bytes`` are filled in.
    half : bool
        Store floats in half precision (about 3 digits): half the size.

    Returns
    -------
    dict
        The card as written.

    Raises
    ------
    WeightsError
        For weights that are not finite, or of a type that `read_weights` refuses.
    ValueError
        For a card that is not JSON.
    """
    import torch
    from safetensors.torch import save

    path = Path(path)
    tensors = {}
    for member, state in enumerate(states):
        for name, value in state.items():
            value = value.detach().cpu()
            key = f"{name} of member {member}"
            _check_tensor(key, value)
            if half and value.dtype == torch.float32:
                value = value.half()
                _check_tensor(f"{key}, in half precision,", value)
            tensors[f"{member}/{name}"] = value.clone().contiguous()
    data = save(tensors)
    found = {"members": len(states), "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    card = plain({**card, **found}, "the card")
    write_together({path: data, path.with_suffix(".json"): _text(card)})
    return card


def reading_card(name: str, entry: Entry, card: Mapping[str, Any]) -> dict[str, Any]:
    """The card of the reading `name` of the network whose `card` is given; `entry` is the registry's."""
    return {
        "name": name,
        "reading_of": entry.reading_of,
        "sha256": card["sha256"],
        "version": card.get("version"),
        "sums": {column: list(summed) for column, summed in entry.sums.items()},
        "sentence": entry.sentence,
        "reference": entry.reference,
    }


def save_reading(path: str | os.PathLike, name: str, entry: Entry, card: Mapping[str, Any]) -> dict[str, Any]:
    """Write the card of a reading (.json) beside the network whose `card` is given; see `reading_card`."""
    reading = reading_card(name, entry, card)
    write_bytes(path, _text(reading))
    return reading


def read_card(path: str | os.PathLike) -> dict[str, Any]:
    """The card of the network or reading at `path` (its .json or .safetensors).

    Raises
    ------
    WeightsError
        If there is none, or it is no card.
    """
    path = Path(path).with_suffix(".json")
    data = _read(path, _CARD, "model card")
    try:
        card = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"{path} is not a model card: {error}") from None
    if not isinstance(card, dict) or not isinstance(card.get("sha256"), str):
        raise WeightsError(f"{path} is not a model card: it states no sha256")
    return card


def read_weights(path: str | os.PathLike, card: Mapping[str, Any], *, largest: int = LARGEST) -> list[dict]:
    """The members' state dicts, float32, of the .safetensors at `path`.

    Raises
    ------
    WeightsError
        If it is missing, too large, not the file the card describes, not safetensors, or holds what is no weight.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    path = Path(path).with_suffix(".safetensors")
    data = _read(path, largest, "file of weights")
    header = int.from_bytes(data[:8], "little")
    whole = len(data) >= 8 and header <= min(_HEADER, len(data) - 8)
    if not whole and _is_pickle(data):
        raise _pickled(path)
    if hashlib.sha256(data).hexdigest() != card["sha256"]:
        raise WeightsError(f"{path} is truncated or altered: its sha256 is not the one on its card")
    if not whole:
        raise WeightsError(f"{path} is not safetensors: it announces a header of {header} bytes")
    try:
        tensors = load(data)
    except (SafetensorError, ValueError, KeyError, TypeError, RuntimeError) as error:
        # only now: parameter names can read like the opcodes of a pickle, and such a network is a good one
        raise _pickled(path) if _is_pickle(data) else WeightsError(f"{path} is not safetensors: {error}") from None
    members = card.get("members")
    if not isinstance(members, int) or not 1 <= members <= 1000:
        raise WeightsError(f"the card of {path} states {members!r} members")
    states: list[dict] = [{} for _ in range(members)]
    for key, value in tensors.items():
        member, _, name = key.partition("/")
        if not member.isdecimal() or int(member) >= members or not name:
            raise WeightsError(f"{path} holds {key!r}, which is no part of its {members} members")
        _check_tensor(f"{path}: {key!r}", value)
        # a float64 beyond float32 is an infinity after the cast
        value = value.float() if value.is_floating_point() else value
        _check_tensor(f"{path}: {key!r}", value)
        states[int(member)][name] = value
    return states


def plain(value, what: str):
    """`value` as plain JSON values: numbers of numpy as Python's, what is not finite as None.

    Raises
    ------
    ValueError
        That names what cannot be on a card, `what` and the path to it.
    """
    if isinstance(value, Mapping):
        return {str(key): plain(entry, f"{what}, {str(key)!r}") for key, entry in value.items()}
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [plain(entry, what) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None  # NaN is not JSON: other readers refuse the whole card for one undefined metric
    if not isinstance(value, bool | int | float | str | None):
        raise ValueError(f"{what}: {type(value).__name__} is not a plain value (text, number, list or mapping)")
    return value


def _check_tensor(key: str, value: torch.Tensor) -> None:
    kind = str(value.dtype).removeprefix("torch.")
    if kind not in (*_FLOATS, *_OTHERS):
        raise WeightsError(f"{key} is of type {kind}, not one of {', '.join((*_FLOATS, *_OTHERS))}")
    if kind in _FLOATS and not value.isfinite().all():
        raise WeightsError(f"{key} is not finite")


def _pickled(path: Path) -> WeightsError:
    return WeightsError(f"{path} carries a pickle or zip archive, not safetensors; lcnet never unpickles weights")


def _read(path: Path, largest: int, what: str) -> bytes:
    try:
        with open(path, "rb") as file:
            # the size of the open file: a name can be replaced between a look and a read
            size = os.fstat(file.fileno()).st_size
            if size > largest:
                raise WeightsError(f"{path} is too large for a {what}: {size:,} bytes, at most {largest:,} are read")
            return file.read(largest + 1)
    except OSError as error:
        raise WeightsError(f"cannot read {path}: {error.strerror or error}") from None


def _is_pickle(data: bytes) -> bool:
    # torch.save writes a zip or, before 1.6, a bare pickle; genops reads opcodes and executes nothing
    if data[:4] == b"PK\x03\x04":
        return True
    try:
        for number, _ in enumerate(pickletools.genops(data[:4096])):
            if number >= 3:
                return True
    except Exception:  # any malformed stream is simply not a pickle  # noqa: BLE001
        pass
    return data[:1] == b"\x80" and data.rstrip(b"\n")[-1:] == b"."


def _text(card: Mapping[str, Any]) -> bytes:
    return (json.dumps(card, indent=2, allow_nan=False, ensure_ascii=False) + "\n").encode()
