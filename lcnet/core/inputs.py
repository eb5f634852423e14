"""From a caller's arrays to what a network is fed: checks that name the culprit, normalisation, missing rows."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping

import numpy as np

from lcnet.core.task import Input

__all__ = ["as_mapping", "check", "describe", "normalise", "restore", "to_tensors"]

_SHARES = {"ppm": 1e6, "ppt": 1e3, "%": 1e2}  # units that astropy does not know by itself, per unit ratio


def as_mapping(inputs) -> Mapping:
    """`inputs` as a mapping of name to values: a dict as it is, a DataFrame or table by its columns.

    Raises
    ------
    ValueError
        If it has no names to look up.
    """
    if isinstance(inputs, Mapping):
        return inputs
    if hasattr(inputs, "keys") and hasattr(inputs, "__getitem__"):
        return {name: inputs[name] for name in inputs.keys()}
    raise ValueError(f"inputs must be a mapping of name to array, not {type(inputs).__name__}")


def check(specs: Mapping[str, Input], inputs: Mapping, *, first_row: int = 0) -> dict[str, np.ndarray]:
    """The arrays of `inputs` that `specs` names, checked, as float32.

    Parameters
    ----------
    specs : mapping of str to Input
        What the network takes.
    inputs : mapping of str to array, shape (n, *spec.shape)
        What the caller has: a dict, a DataFrame, an astropy table. An optional input may be absent or None; a row of
        it entirely NaN is missing. A masked value is NaN; a Quantity is converted to the input's unit, plain numbers
        are taken to be in it. Names that `specs` does not have are ignored, unless one reads like a misspelt optional
        input.
    first_row : int
        Number of the first row, for the messages of a caller who checks in blocks.

    Returns
    -------
    dict of str to array, shape (n, *spec.shape), float32
        Absent optional inputs are left out.

    Raises
    ------
    ValueError
        That names the input, and the rows, for anything missing, misshapen, partly NaN or infinite, not real numbers,
        or in a unit that is not the input's.
    """
    inputs = as_mapping(inputs)
    given = {name: value for name, value in inputs.items() if value is not None}
    absent = [name for name in specs if name not in given]
    for name in given:
        # an unknown name is another network's business, but a typo would silently drop an optional input
        unknown = isinstance(name, str) and name not in specs
        close = difflib.get_close_matches(name, absent, n=1, cutoff=0.8) if unknown else []
        if close:
            raise ValueError(f"unknown input {name!r}: did you mean {close[0]!r}?")
    missing = [name for name in absent if specs[name].required]
    if missing:
        raise ValueError(f"missing required input {', '.join(map(repr, missing))}; this network takes {_names(specs)}")

    arrays, length = {}, None
    for name, spec in specs.items():
        if name not in given:
            continue
        values = _numbers(name, spec, given[name])
        if values.shape == spec.shape:
            raise ValueError(
                f"input {name!r} has shape {values.shape}, one example's: a first axis over examples is missing"
                f" (for a single example pass x[None])"
            )
        if values.shape[1:] != spec.shape or values.ndim == 0:
            raise ValueError(f"input {name!r} has shape {values.shape}, not {('n', *spec.shape)}".replace("'n'", "n"))
        length = len(values) if length is None else length
        if len(values) != length:
            raise ValueError(f"input {name!r} has {len(values)} rows, the others have {length}")
        _check_rows(name, spec, values, first_row)
        arrays[name] = values
    if not arrays:
        raise ValueError(f"no input given; this network takes {_names(specs)}")
    return arrays


def normalise(specs: Mapping[str, Input], arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Checked arrays on the network's scale; NaN stays NaN (missing), absent optional inputs become NaN.

    Parameters
    ----------
    specs : mapping of str to Input
    arrays : mapping of str to array, shape (n, *spec.shape)
        As `check` returns them.

    Returns
    -------
    dict of str to array, shape (n, *spec.shape), float32
        Every input of `specs`.
    """
    length = len(next(iter(arrays.values())))
    out = {}
    for name, spec in specs.items():
        if name not in arrays:
            out[name] = np.full((length, *spec.shape), np.nan, dtype=np.float32)
            continue
        values = arrays[name]
        if spec.range is not None:
            values = np.clip(values.astype(np.float64), *spec.range)
            low, high = spec.range
            if spec.log:
                values, low, high = np.log10(values), np.log10(low), np.log10(high)
            values = 2.0 * (values - low) / (high - low) - 1.0
        out[name] = np.ascontiguousarray(values, dtype=np.float32)
    return out


def to_tensors(specs: Mapping[str, Input], arrays: Mapping[str, np.ndarray], device=None) -> dict:
    """Normalised arrays as the tensors of ``forward``: missing rows zero, ``has_<name>`` for every optional input."""
    import torch

    tensors = {}
    for name, spec in specs.items():
        values = arrays[name]
        if not spec.required:
            # augmentation may set any value of a row to NaN to drop it: one NaN is enough
            absent = np.isnan(values).reshape(len(values), math.prod(spec.shape)).any(axis=1)
            tensors[f"has_{name}"] = torch.from_numpy((~absent).astype(np.float32))
            values = np.where(absent.reshape(-1, *[1] * len(spec.shape)), np.float32(0), values)
        tensors[name] = torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
    return {name: tensor.to(device) for name, tensor in tensors.items()} if device is not None else tensors


def describe(specs: Mapping[str, Input]) -> dict[str, dict]:
    """The inputs as plain JSON values, for a model card."""
    return {
        name: {
            "shape": list(spec.shape),
            "required": spec.required,
            "log": spec.log,
            "range": None if spec.range is None else list(spec.range),
            "unit": spec.unit,
            "doc": spec.doc,
        }
        for name, spec in specs.items()
    }


def restore(described: Mapping[str, Mapping]) -> dict[str, Input]:
    """The inverse of `describe`."""
    return {
        name: Input(
            shape=tuple(entry["shape"]),
            required=bool(entry.get("required", True)),
            log=bool(entry.get("log", False)),
            range=None if entry.get("range") is None else tuple(entry["range"]),
            unit=str(entry.get("unit", "")),
            doc=str(entry.get("doc", "")),
        )
        for name, entry in described.items()
    }


def _numbers(name: str, spec: Input, given) -> np.ndarray:
    """`given` as writable float32, in the unit of the input, NaN where it is masked."""
    if hasattr(given, "detach"):  # a tensor, on whatever device; numpy has no bfloat16
        given = given.detach().cpu()
        given = (given.float() if given.is_floating_point() else given).numpy()
    mask = getattr(given, "mask", None)
    mask = mask if isinstance(mask, np.ndarray) else None  # a pandas object has a method of that name
    given = getattr(given, "unmasked", given)
    if getattr(given, "unit", None) is not None:
        given = _converted(name, spec, given)
    try:
        values = np.asarray(given.data if isinstance(given, np.ma.MaskedArray) else given)
        if values.dtype == object and values.size:
            if any(isinstance(one, str | bytes | complex) for one in values.flat):
                raise ValueError("it holds text or complex numbers")
            if hasattr(given, "isna"):  # pandas' own missing value has no float
                values = np.where(given.isna(), np.nan, values)
            # a column whose cells are arrays
            values = np.stack([np.asarray(one, dtype=np.float32) for one in values]) if values.ndim else values
        elif values.dtype.kind not in "Obiuf":
            raise ValueError(f"its type is {values.dtype}")
        with np.errstate(over="ignore"):  # beyond float32 is infinite, which is told below with its rows
            values = values.astype(np.float32, copy=mask is not None or not values.flags.writeable)
    except (TypeError, ValueError) as error:
        raise ValueError(f"input {name!r} is not an array of numbers: {error}") from None
    if mask is not None:
        values[np.broadcast_to(mask, values.shape)] = np.nan
    return values


def _converted(name: str, spec: Input, given):
    """The value of a Quantity, or of a table column that has a unit, in the input's unit."""
    # by what it can do, not by type: the core does not import astropy
    quantity = given if hasattr(given, "to_value") else getattr(given, "quantity", given)
    try:
        if spec.unit in _SHARES:
            return quantity.to_value("") * _SHARES[spec.unit]
        return quantity.to_value(spec.unit)
    except Exception as error:  # astropy raises UnitConversionError, others what they like  # noqa: BLE001
        wanted = f"in {spec.unit}" if spec.unit else "plain numbers"
        raise ValueError(f"input {name!r} must be {wanted}, not in {given.unit}: {error}") from None


def _check_rows(name: str, spec: Input, values: np.ndarray, first_row: int) -> None:
    flat = values.reshape(len(values), math.prod(spec.shape))
    infinite = np.isinf(flat).any(axis=1)
    if infinite.any():
        raise ValueError(f"input {name!r} is infinite in {_rows(infinite, first_row)}")
    nan = np.isnan(flat)
    if spec.required:
        if nan.any():
            raise ValueError(f"required input {name!r} has NaN in {_rows(nan.any(axis=1), first_row)}")
    else:
        partly = nan.any(axis=1) & ~nan.all(axis=1)
        if partly.any():
            raise ValueError(
                f"optional input {name!r} is partly NaN in {_rows(partly, first_row)}: a missing row is NaN throughout"
            )


def _rows(mask: np.ndarray, first_row: int) -> str:
    numbers = np.flatnonzero(mask) + first_row
    shown = ", ".join(str(number) for number in numbers[:5])
    more = f" and {len(numbers) - 5} more" if len(numbers) > 5 else ""
    return f"row{'s' if len(numbers) > 1 else ''} {shown}{more}"


def _names(specs: Mapping[str, Input]) -> str:
    required = [name for name, spec in specs.items() if spec.required]
    optional = [name for name, spec in specs.items() if not spec.required]
    text = f"required {', '.join(required)}" if required else ""
    return text + ("; " if text and optional else "") + (f"optional {', '.join(optional)}" if optional else "")
