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

from lcnet.core.files import write_bytes

if TYPE_CHECKING:
    import torch

    from lcnet.core.registry import Entry

__all__ = ["LARGEST", "SHIPPED", "WeightsError", "read_card", "read_weights", "save_network", "save_reading"]

SHIPPED = 10_000_000  # bytes: the most a network shipped with lcnet may weigh
LARGEST = 1_000_000_000  # bytes: the most any file of weights may; a stolen length field must not ask for more
_CARD = 1_000_000  # bytes of JSON
_HEADER = 5_000_000  # bytes of safetensors header, some 50,000 tensors


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
    """
    import torch
    from safetensors.torch import save

    path = Path(path)
    tensors = {}
    for member, state in enumerate(states):
        for name, value in state.items():
            value = value.detach().cpu()
            if half and value.dtype == torch.float32:
                value = value.half()
            if value.is_floating_point() and not torch.isfinite(value).all():
                raise WeightsError(f"{name} of member {member} is not finite{' in half precision' if half else ''}")
            tensors[f"{member}/{name}"] = value.clone().contiguous()
    data = save(tensors)
    card = _finite({**card, "members": len(states), "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)})
    write_bytes(path, data)
    write_bytes(path.with_suffix(".json"), _text(card))
    return card


def save_reading(path: str | os.PathLike, name: str, entry: Entry, card: Mapping[str, Any]) -> dict[str, Any]:
    """Write the card of a reading (.json) beside the network whose `card` is given; `entry` is the registry's."""
    reading = {
        "name": name,
        "reading_of": entry.reading_of,
        "sha256": card["sha256"],
        "version": card.get("version"),
        "sums": {column: list(summed) for column, summed in entry.sums.items()},
        "sentence": entry.sentence,
        "reference": entry.reference,
    }
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
        If it is missing, too large, not the file the card describes, or not safetensors.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load

    path = Path(path).with_suffix(".safetensors")
    data = _read(path, largest, "file of weights")
    if _is_pickle(data):
        raise WeightsError(f"{path} carries a pickle or zip archive, not safetensors; lcnet never unpickles weights")
    if hashlib.sha256(data).hexdigest() != card["sha256"]:
        raise WeightsError(f"{path} is truncated or altered: its sha256 is not the one on its card")
    header = int.from_bytes(data[:8], "little")
    if len(data) < 8 or header > min(_HEADER, len(data) - 8):
        raise WeightsError(f"{path} is not safetensors: it announces a header of {header} bytes")
    try:
        tensors = load(data)
    except (SafetensorError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise WeightsError(f"{path} is not safetensors: {error}") from None
    members = card.get("members")
    if not isinstance(members, int) or not 1 <= members <= 1000:
        raise WeightsError(f"the card of {path} states {members!r} members")
    states: list[dict] = [{} for _ in range(members)]
    for key, value in tensors.items():
        member, _, name = key.partition("/")
        if not member.isdecimal() or int(member) >= members or not name:
            raise WeightsError(f"{path} holds {key!r}, which is no part of its {members} members")
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise WeightsError(f"{path}: {key!r} is not finite")
        states[int(member)][name] = value.float() if value.is_floating_point() else value
    return states


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


def _finite(value):
    # NaN is not JSON: other readers refuse the whole card for one undefined metric
    if isinstance(value, Mapping):
        return {str(key): _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _text(card: Mapping[str, Any]) -> bytes:
    return (json.dumps(card, indent=2, allow_nan=False, ensure_ascii=False) + "\n").encode()
