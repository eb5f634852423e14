"""Examples as the batches of an epoch, in an order that is a function of (seed, epoch) alone.

Rows are normalised, augmented and sent to the device in pieces of many batches, so that no Python runs per example, and
data sets larger than memory stream from their file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lcnet.core.examples import Examples
from lcnet.core.inputs import check, normalise, to_tensors

if TYPE_CHECKING:
    import torch

    from lcnet.core.task import Task

__all__ = ["Batch", "Feed"]

_SMALL = 2 << 30  # bytes of inputs kept in memory, normalised; a larger lazy file is read again every epoch
_PIECE = 64 << 20  # bytes normalised and sent to the device at once; sets where augmentation's random stream restarts


@dataclass(frozen=True)
class Batch:
    """What one step learns from: tensors on the device."""

    inputs: dict[str, torch.Tensor]
    targets: dict[str, torch.Tensor]
    weight: torch.Tensor | None

    def __getitem__(self, rows) -> Batch:
        return Batch(
            {name: tensor[rows] for name, tensor in self.inputs.items()},
            {name: tensor[rows] for name, tensor in self.targets.items()},
            None if self.weight is None else self.weight[rows],
        )


class Feed:
    """Batches of `examples` for `task`, for process `rank` of `world`.

    Every process walks the same global batches and takes every `world`-th row of each.
    """

    def __init__(self, task: Task, examples: Examples, *, device, rank: int = 0, world: int = 1):
        self.task, self.examples, self.device, self.rank, self.world = task, examples, device, rank, world
        row = sum(4 * int(np.prod(spec.shape)) for spec in task.inputs.values())
        self._piece = max(1, _PIECE // row)
        self._normal = None
        self._resident: Batch | None = None
        if not examples.lazy or row * len(examples) <= _SMALL:
            self._normal = normalise(task.inputs, check(task.inputs, {k: v[:] for k, v in examples.inputs.items()}))
        else:
            examples.validate(task)  # before the first epoch, not in the middle of it

    def __len__(self) -> int:
        return len(self.examples)

    def epoch(self, seed: int, epoch: int, batch_size: int) -> Iterator[Batch]:
        """The shuffled, augmented batches of one epoch, of equal size to within one row."""
        order = np.random.default_rng([seed, epoch, 0]).permutation(len(self))
        batches = max(1, -(-len(self) // batch_size))
        bounds = np.linspace(0, len(self), batches + 1).round().astype(int)
        if self.task.augment is None and self._normal is not None:
            import torch

            everything = self._all()
            order = torch.from_numpy(order).to(self.device)
            for start, stop in zip(bounds[:-1], bounds[1:], strict=True):
                yield everything[order[start:stop][self.rank :: self.world]]
            return
        at_once = max(1, self._piece // batch_size)
        for piece, first in enumerate(range(0, batches, at_once)):
            edges = bounds[first : first + at_once + 1]
            rng = np.random.default_rng([seed, epoch, 1, piece])
            loaded = self._load(order[edges[0] : edges[-1]], rng)
            for start, stop in zip(edges[:-1] - edges[0], edges[1:] - edges[0], strict=True):
                yield loaded[start:stop][self.rank :: self.world]

    def ordered(self, batch_size: int) -> Iterator[Batch]:
        """This process's rows, ``rank::world``, in order and as they are."""
        rows = np.arange(self.rank, len(self), self.world)
        step = max(batch_size, self._piece // batch_size * batch_size)
        for start in range(0, len(rows), step):
            loaded = self._load(rows[start : start + step])
            for first in range(0, min(step, len(rows) - start), batch_size):
                yield loaded[first : first + batch_size]

    def _load(self, rows: np.ndarray, rng: np.random.Generator | None = None) -> Batch:
        if self._normal is not None:
            arrays = {name: values[rows] for name, values in self._normal.items()}
        else:
            specs = self.task.inputs
            arrays = normalise(specs, check(specs, {k: v[rows] for k, v in self.examples.inputs.items()}))
        if rng is not None and self.task.augment is not None:
            arrays = self.task.augment(arrays, rng)
        return self._batch(arrays, rows)

    def _all(self) -> Batch:
        if self._resident is None:
            self._resident = self._batch(self._normal, slice(None))
        return self._resident

    def _batch(self, arrays, rows) -> Batch:
        import torch

        def tensor(values) -> torch.Tensor:
            return torch.from_numpy(np.ascontiguousarray(values[rows])).to(self.device)

        weight = self.examples.weight
        return Batch(
            to_tensors(self.task.inputs, arrays, self.device),
            {name: tensor(values) for name, values in self.examples.targets.items()},
            None if weight is None else tensor(weight),
        )
