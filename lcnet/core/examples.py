"""Labelled examples, in memory or lazily from one HDF5 file.

The file holds ``inputs/<name>``, ``targets/<name>``, ``group``, ``weight`` and ``meta/<column>``, one row an example,
and the attributes ``task``, ``seed`` and ``version``. Any HDF5 reader opens it; nothing in it is executed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lcnet.core.files import replaced
from lcnet.core.inputs import check

if TYPE_CHECKING:
    from lcnet.core.task import Task

__all__ = ["Examples", "ExamplesError", "LazyArray"]

_BLOCK = 8192  # rows copied or checked at once: bounds the memory of a lazy file


class ExamplesError(ValueError):
    """A file that does not hold examples, or holds them for another task."""


class LazyArray:
    """One dataset of an HDF5 file, read row by row on demand; picklable, opened once per process.

    Parameters
    ----------
    path : str
        The HDF5 file.
    name : str
        The dataset inside it.
    rows : array of int, shape (n,), optional
        Only these rows, in this order.
    """

    def __init__(self, path: str, name: str, rows: np.ndarray | None = None):
        self.path, self.name, self.rows = path, name, rows
        dataset = self._dataset
        self.shape = dataset.shape if rows is None else (len(rows), *dataset.shape[1:])
        self.dtype = dataset.dtype.newbyteorder("=")

    @property
    def _dataset(self):
        # a handle must not cross a fork or a pickle: HDF5 keeps its own file position and cache
        if getattr(self, "_pid", None) != os.getpid():
            import h5py

            self._file, self._pid = h5py.File(self.path, "r"), os.getpid()
        return self._file[self.name]

    def __getstate__(self):
        return {key: value for key, value in self.__dict__.items() if key not in ("_file", "_pid")}

    def __len__(self) -> int:
        return self.shape[0]

    def part(self, index: np.ndarray) -> LazyArray:
        """Some rows, still on disk."""
        return LazyArray(self.path, self.name, index if self.rows is None else self.rows[index])

    def __getitem__(self, index) -> np.ndarray:
        found = self._read(index)
        return found if found.dtype.isnative else found.astype(self.dtype)

    def _read(self, index) -> np.ndarray:
        if self.rows is not None:
            index = self.rows[index]
        if isinstance(index, slice):
            if index.step is None or index.step > 0:
                return self._dataset[index]
            index = np.arange(len(self))[index]  # HDF5 does not read backwards
        index = np.asarray(index)
        if index.dtype == bool:
            index = np.flatnonzero(index)
        if index.ndim == 0:
            return self._dataset[int(index)]
        # HDF5 wants increasing, unique rows
        wanted, inverse = np.unique(np.where(index < 0, index + len(self), index), return_inverse=True)
        if len(wanted) == 0:
            return self._dataset[:0]
        span = wanted[-1] - wanted[0] + 1
        if span <= 4 * len(wanted):  # one contiguous read beats thousands of selections
            return self._dataset[wanted[0] : wanted[-1] + 1][wanted - wanted[0]][inverse]
        return self._dataset[wanted][inverse]

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self[:], dtype=dtype)


@dataclass
class Examples:
    """Inputs and what they should give.

    Parameters
    ----------
    inputs : dict of str to array, shape (n, ...)
        As the task's inputs: physical units, not normalised; optional ones may be absent, or NaN in whole rows.
    targets : dict of str to array, shape (n, ...)
        For classification ``{"label": int array (n,)}``, indexing the objective's classes.
    group : array, shape (n,), integers or strings
        What must not straddle a split: star, ephemeris, object, map, week.
    weight : array, shape (n,), optional
        Relative weight in the loss.
    meta : DataFrame, n rows, optional
        Whatever else is known of each example; never fed to a network.
    attributes : dict
        ``task``, ``seed``, ``version`` and other plain values, kept with the file.
    """

    inputs: dict[str, Any]
    targets: dict[str, Any]
    group: np.ndarray
    weight: np.ndarray | None = None
    meta: pd.DataFrame | None = None
    attributes: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        self.group = np.asarray(self.group)
        if self.group.dtype == object:
            self.group = self.group.astype(str)
        if self.group.ndim != 1:
            raise ValueError(f"group must have shape (n,), not {self.group.shape}")
        self.inputs = {name: _array(values) for name, values in self.inputs.items()}
        self.targets = {name: _array(values) for name, values in self.targets.items()}
        if self.weight is not None:
            self.weight = np.asarray(self.weight, dtype=np.float32)
            if self.weight.ndim != 1:
                raise ValueError(f"weight must have shape (n,), not {self.weight.shape}")
            if not (np.isfinite(self.weight).all() and (self.weight >= 0).all()):
                raise ValueError("weight must be finite and not negative")
        if self.meta is not None:
            self.meta = self.meta.reset_index(drop=True)
        columns = {**{f"input {name!r}": value for name, value in self.inputs.items()}}
        columns |= {f"target {name!r}": value for name, value in self.targets.items()}
        columns |= {"weight": self.weight, "meta": self.meta}
        for name, values in columns.items():
            if values is not None and len(values) != len(self):
                raise ValueError(f"{name} has {len(values)} rows, group has {len(self)}")

    def __len__(self) -> int:
        return len(self.group)

    @property
    def lazy(self) -> bool:
        """Whether the inputs are still on disk."""
        return any(isinstance(values, LazyArray) for values in self.inputs.values())

    def take(self, index) -> Examples:
        """The rows `index` (integers, a mask or a slice), in that order and in memory."""
        index = self._numbers(index)
        return self._rows(index, {name: values[index] for name, values in self.inputs.items()})

    def part(self, index) -> Examples:
        """As `take`, but inputs that are on disk stay there."""
        index = self._numbers(index)
        inputs = {
            name: values.part(index) if isinstance(values, LazyArray) else values[index]
            for name, values in self.inputs.items()
        }
        return self._rows(index, inputs)

    def _numbers(self, index) -> np.ndarray:
        if isinstance(index, slice):
            return np.arange(len(self))[index]
        index = np.asarray(index)
        if index.dtype == bool:
            if index.shape != (len(self),):
                raise ValueError(f"a mask over {len(self)} examples has shape {index.shape}")
            return np.flatnonzero(index)
        index = index.astype(np.int64).reshape(-1)
        return np.where(index < 0, index + len(self), index)

    def _rows(self, index: np.ndarray, inputs: dict) -> Examples:
        return Examples(
            inputs=inputs,
            targets={name: values[index] for name, values in self.targets.items()},
            group=self.group[index],
            weight=None if self.weight is None else self.weight[index],
            meta=None if self.meta is None else self.meta.iloc[index],
            attributes=dict(self.attributes),
        )

    def validate(self, task: Task) -> Examples:
        """Check that these are examples of `task`; returns them.

        Raises
        ------
        ValueError
            That names the input and the rows at fault.
        """
        if len(self) == 0:
            raise ExamplesError(f"no examples for {task.name}")
        for start in range(0, len(self), _BLOCK):
            rows = slice(start, start + _BLOCK)
            check(task.inputs, {name: values[rows] for name, values in self.inputs.items()}, first_row=start)
        task.objective.check(self.targets)
        return self

    def save(self, path: str | os.PathLike, **attributes) -> None:
        """Write one HDF5 file, whole or not at all; `attributes` (task, seed, ...) are kept with it."""
        import h5py

        import lcnet

        for name in [*self.inputs, *self.targets, *(() if self.meta is None else self.meta.columns)]:
            if "/" in str(name) or str(name) in ("", "."):
                raise ValueError(f"{name!r} cannot be the name of a column: HDF5 takes it for a path")
        kept = {"version": getattr(lcnet, "__version__", "unknown"), **self.attributes, **attributes}
        with replaced(path) as temporary:
            with h5py.File(temporary, "w") as file:
                file.attrs["format"] = "lcnet examples"
                for name, value in kept.items():
                    if value is not None:
                        file.attrs[name] = value
                for room, columns in (("inputs", self.inputs), ("targets", self.targets)):
                    folder = file.create_group(room)
                    for name, values in columns.items():
                        _write(folder, name, values)
                _write(file, "group", self.group)
                if self.weight is not None:
                    _write(file, "weight", self.weight)
                if self.meta is not None:
                    folder = file.create_group("meta", track_order=True)
                    for name in self.meta.columns:
                        _write(folder, str(name), _plain(self.meta[name]))

    @classmethod
    def open(cls, path: str | os.PathLike, *, lazy: bool = True) -> Examples:
        """Examples from an HDF5 file; with `lazy` the inputs stay on disk until they are taken.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ExamplesError
            If it is not one of ours, or damaged.
        """
        import h5py

        path = os.fspath(path)
        if not os.path.exists(path):
            raise FileNotFoundError(f"no such file: {path}")
        try:
            with h5py.File(path, "r") as file:
                for room in ("inputs", "targets", "group"):
                    if room not in file:
                        raise ExamplesError(f"{path} holds no examples: it has no {room!r}")
                targets = {name: _read(file["targets"][name]) for name in file["targets"]}
                names = list(file["inputs"])
                inputs = {} if lazy else {name: file["inputs"][name][...] for name in names}
                weight = file["weight"][...] if "weight" in file else None
                meta = None
                if "meta" in file:
                    meta = pd.DataFrame({name: _read(file["meta"][name]) for name in file["meta"]})
                group = _read(file["group"])
                attributes = {name: _scalar(value) for name, value in file.attrs.items() if name != "format"}
            if lazy:
                inputs = {name: LazyArray(path, f"inputs/{name}") for name in names}
            return cls(inputs, targets, group, weight, meta, attributes)
        except ExamplesError:
            raise
        except (OSError, KeyError, ValueError, RuntimeError, TypeError, AttributeError, IndexError) as error:
            raise ExamplesError(f"{path} is not a readable file of examples: {error}") from error

    @staticmethod
    def concatenate(parts: Sequence[Examples]) -> Examples:
        """All rows of `parts`, in memory. An input some parts lack is NaN there, a weight 1, a meta column missing."""
        parts = [part for part in parts if len(part)]
        if not parts:
            raise ValueError("nothing to concatenate")
        if any(set(part.targets) != set(parts[0].targets) for part in parts):
            raise ValueError("parts have different targets")
        names = list(dict.fromkeys(name for part in parts for name in part.inputs))
        inputs = {}
        for name in names:
            shape = next(part.inputs[name].shape[1:] for part in parts if name in part.inputs)
            inputs[name] = np.concatenate(
                [
                    np.asarray(part.inputs[name][:])
                    if name in part.inputs
                    else np.full((len(part), *shape), np.nan, np.float32)
                    for part in parts
                ]
            )
        kinds = {part.group.dtype.kind in "iu" for part in parts}
        # an integer group and a string group never mean the same thing: keep both readable as strings
        groups = [part.group if len(kinds) == 1 else part.group.astype(str) for part in parts]
        weight = None
        if any(part.weight is not None for part in parts):
            ones = [np.ones(len(part), np.float32) if part.weight is None else part.weight for part in parts]
            weight = np.concatenate(ones)
        meta = None
        if any(part.meta is not None for part in parts):
            frames = [pd.DataFrame(index=range(len(part))) if part.meta is None else part.meta for part in parts]
            meta = pd.concat(frames, ignore_index=True)
        targets = {name: np.concatenate([part.targets[name] for part in parts]) for name in parts[0].targets}
        common = {
            name: value
            for name, value in parts[0].attributes.items()
            if all(name in part.attributes and part.attributes[name] == value for part in parts)
        }
        return Examples(inputs, targets, np.concatenate(groups), weight, meta, common)

    def fingerprint(self) -> str:
        """sha256 of the data: all of it in memory, ten thousand evenly spaced rows of inputs left on disk."""
        digest = hashlib.sha256()
        rows = np.arange(len(self))
        if self.lazy and len(self) > 10_000:
            rows = np.unique(np.linspace(0, len(self) - 1, 10_000).astype(int))
        pieces: Mapping[str, Any] = {
            **{f"inputs/{name}": self.inputs[name][rows] for name in sorted(self.inputs)},
            **{f"targets/{name}": self.targets[name] for name in sorted(self.targets)},
            "group": np.char.encode(self.group.astype(str), "utf-8"),
            "weight": self.weight,
        }
        for name, values in pieces.items():
            if values is not None:
                values = np.ascontiguousarray(values)
                digest.update(f"{name} {values.dtype.str} {values.shape} {len(self)}".encode())
                digest.update(values.tobytes())
        return digest.hexdigest()


def _array(values):
    if isinstance(values, LazyArray):
        return values
    values = np.asarray(values)
    # FITS is big-endian, and torch takes native numbers only
    return values if values.dtype.isnative else values.astype(values.dtype.newbyteorder("="))


def _plain(series: pd.Series) -> np.ndarray:
    if pd.api.types.is_bool_dtype(series.dtype) and not series.isna().any():
        return series.to_numpy(dtype=bool)
    if pd.api.types.is_numeric_dtype(series.dtype):
        return series.to_numpy() if series.dtype.kind in "iufb" else series.to_numpy(dtype=float, na_value=np.nan)
    return series.astype(object).where(series.notna(), "").astype(str).to_numpy(dtype=object)


def _write(folder, name: str, values) -> None:
    import h5py

    if isinstance(values, LazyArray):
        dataset = folder.create_dataset(name, shape=values.shape, dtype=values.dtype)
        for start in range(0, len(values), _BLOCK):
            dataset[start : start + _BLOCK] = values[start : start + _BLOCK]
        return
    values = np.asarray(values)
    if values.dtype.kind in "OUS":
        folder.create_dataset(name, data=values.astype(object), dtype=h5py.string_dtype())
    else:
        folder.create_dataset(name, data=values)


def _read(dataset) -> np.ndarray:
    import h5py

    if h5py.check_string_dtype(dataset.dtype) is not None:
        return dataset.asstr()[...].astype(str)
    return dataset[...]


def _scalar(value):
    if isinstance(value, bytes):
        return value.decode()
    # plain values only: attributes end on a model card, which is JSON
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else value
