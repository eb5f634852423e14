"""The one contract between a science and the core: what goes in, what comes out, how it is learnt.

Importing this file costs nothing but the standard library, so a command line can list tasks without torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

    from lcnet.core.examples import Examples

__all__ = ["Input", "Task"]


@dataclass(frozen=True)
class Input:
    """One named input of a network.

    Parameters
    ----------
    shape : tuple of int
        Shape of one example; ``()`` is a scalar.
    required : bool
        A required input must be given and finite. An optional one may be absent, or NaN throughout a row: missing.
    log : bool
        Map the decimal logarithm of the value; needs `range`.
    range : tuple of float, optional
        Values are clipped to (low, high) and mapped linearly (in log10 with `log`) to [-1, 1]; None: used as they are.
    unit, doc : str
        For people and for the model card.

    Raises
    ------
    ValueError
        For a range that is empty, or not positive where the logarithm is asked for.
    """

    shape: tuple[int, ...]
    required: bool = True
    log: bool = False
    range: tuple[float, float] | None = None
    unit: str = ""
    doc: str = ""

    def __post_init__(self):
        object.__setattr__(self, "shape", tuple(int(length) for length in self.shape))
        if self.range is not None:
            low, high = (float(value) for value in self.range)
            if not low < high:
                raise ValueError(f"an input's range must be (low, high) with low < high, not {self.range}")
            if self.log and not low > 0:
                raise ValueError(f"a logarithmic input needs a range above zero, not {self.range}")
            object.__setattr__(self, "range", (low, high))
        elif self.log:
            raise ValueError("a logarithmic input needs a range")


@dataclass(frozen=True)
class Task:
    """One problem the core can train.

    Parameters
    ----------
    name : str
        ``"science/problem"``, as in the registry.
    inputs : mapping of str to Input
        What the network is given.
    net : callable
        Makes the network, a plain `torch.nn.Module` with ``forward(x: dict[str, Tensor]) -> Tensor``. For every
        optional input ``name``, ``x`` also holds ``has_<name>`` of shape (n,), 1 or 0; missing rows of ``x[name]`` are
        zeros. Import torch inside, so that declaring a task does not need it.
    tiny : callable
        Makes the same network, small enough to be checked in seconds.
    simulate : callable
        ``simulate(n, seed) -> Examples``, labelled examples from nothing but a seed.
    objective : object
        Loss, prediction, metrics, calibration and step: see `lcnet.core.objectives`.
    augment : callable, optional
        ``augment(batch, rng) -> batch`` on a dict of float32 arrays of any number of rows, normalised, NaN = missing;
        training only. It must be vectorised: it is given thousands of rows at once.
    reference : str
        The paper, and the headline figure the task is held to.
    """

    name: str
    inputs: Mapping[str, Input]
    net: Callable[[], nn.Module]
    tiny: Callable[[], nn.Module]
    simulate: Callable[[int, int], Examples]
    objective: Any
    augment: Callable | None = None
    reference: str = ""
