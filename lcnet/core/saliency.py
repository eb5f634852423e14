"""What in an example moved a prediction: integrated gradients (Sundararajan, Taly & Yan 2017, ICML, PMLR 70, 3319)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lcnet.core.inputs import check, normalise, to_tensors

if TYPE_CHECKING:
    from lcnet.core.network import Network

__all__ = ["Attribution", "integrated_gradients"]

STEPS = 64


@dataclass(frozen=True)
class Attribution:
    """How much each number of an example added to a prediction.

    Attributes
    ----------
    values : dict of str to array, shape (n, *shape)
        By input; positive where it spoke for the class. Zero for an input that the baseline leaves as it is.
    output, baseline_output : array, shape (n,)
        The prediction, and that of the baseline.
    gap : array, shape (n,)
        What the quadrature missed: output - baseline_output - the sum of all values.
    """

    values: dict[str, np.ndarray]
    output: np.ndarray
    baseline_output: np.ndarray
    gap: np.ndarray


def integrated_gradients(
    net: Network, inputs: Mapping, name: str, *, of: str = "logit", baseline: Mapping | None = None, steps: int = STEPS
) -> Attribution:
    """Attribute the ensemble's probability of one class to the numbers it was computed from.

    The gradient is integrated along the straight line from a baseline to the example (eq. 1 of the paper), on the scale
    the network sees, by the midpoint rule in the cube root of the way: layers that normalise change most at its
    beginning, where a flat input just ceases to be one. What is found sums to the change of the prediction (their axiom
    of completeness) but for `Attribution.gap`.

    Parameters
    ----------
    net : Network
        That classifies; or a reading of one.
    inputs : mapping of str to array, shape (n, *shape)
        As `Network.predict` takes them.
    name : str
        Of the class.
    of : {"logit", "probability"}
        Of the calibrated mean of the ensemble. A probability near 0 or 1 hardly moves; its logit does.
    baseline : mapping of str to array, shape (*shape) or (n, *shape), optional
        What to compare with, in the inputs' units; inputs it does not name stay as they are. Default: every input that
        is an array is zero throughout, numbers stay.
    steps : int
        Of the midpoint rule: its error falls with their square.

    Returns
    -------
    Attribution

    Raises
    ------
    ValueError
        For a class or input that is not the network's, or inputs as in `Network.predict`.
    """
    import torch

    if name not in net.classes:
        raise ValueError(f"the network tells {', '.join(net.classes) or 'no classes'} apart, not {name!r}")
    if of not in ("logit", "probability"):
        raise ValueError(f"of must be 'logit' or 'probability', not {of!r}")
    given = check(net.specs, inputs)
    end = normalise(net.specs, given)
    start = _start(net.specs, given, end, baseline)
    # whether an input is there is as in the example, all the way
    x = to_tensors(net.specs, end)
    places = {key: next(one.parameters()).device for key, one in enumerate(net._nets)}
    moving = [key for key in net.specs if not np.array_equal(start[key], end[key], equal_nan=True)]
    weight = torch.as_tensor(_summed(net, name), dtype=torch.float32)
    temperature = float(net._calibration.get("temperature", 1.0))

    def output(point):
        total = 0.0
        for key, one in enumerate(net._nets):
            logits = one({entry: value.to(places[key]) for entry, value in point.items()})
            total = total + torch.softmax(logits.float().cpu() / temperature, dim=-1) @ weight
        mean = (total / len(net._nets)).clamp(1e-7, 1 - 1e-7)
        return mean if of == "probability" else torch.logit(mean)

    here = {key: x[key] for key in moving}
    there = {key: torch.from_numpy(np.nan_to_num(start[key]).astype(np.float32)) for key in moving}
    total = {key: torch.zeros_like(here[key], dtype=torch.float64) for key in moving}
    for step in range(steps):
        root = (step + 0.5) / steps
        # the weights 3 root^2 / steps, made to sum to one: exact where the network is linear
        share, width = root**3, 3 * root**2 / steps / (1 - 0.25 / steps**2)
        point = {key: (there[key] + share * (here[key] - there[key])).requires_grad_(True) for key in moving}
        if not point:
            break
        found = output({**x, **point}).sum()
        for key, gradient in zip(moving, torch.autograd.grad(found, [point[key] for key in moving]), strict=True):
            total[key] += gradient.double() * width
    with torch.inference_mode():
        last, first = (output({**x, **part}).double().numpy() for part in (here, there))
    values = {key: np.zeros(end[key].shape, np.float32) for key in net.specs}
    summed = np.zeros(len(last))
    for key in moving:
        product = (total[key] * (here[key] - there[key]).double()).numpy()
        values[key] = product.astype(np.float32)
        summed += product.reshape(len(product), -1).sum(axis=1)
    return Attribution(values, last, first, last - first - summed)


def _start(specs, given, end, baseline) -> dict[str, np.ndarray]:
    """The baseline on the network's scale, every input; missing rows stay missing."""
    if baseline is None:
        baseline = {name: np.zeros(spec.shape, np.float32) for name, spec in specs.items() if spec.shape}
    if unknown := set(baseline) - set(specs):
        raise ValueError(f"the baseline has {', '.join(sorted(unknown))}, which the network does not take")
    length = len(next(iter(end.values())))
    physical = {}
    for name, values in given.items():
        if name in baseline:
            shape = (length, *specs[name].shape)
            wanted = np.broadcast_to(np.asarray(baseline[name], np.float32), shape).copy()
            wanted[np.isnan(values.reshape(length, -1)).any(axis=1)] = np.nan
            physical[name] = wanted
        else:
            physical[name] = values
    return normalise(specs, physical)


def _summed(net, name) -> np.ndarray:
    """Which of the outputs' classes make up `name`: one, or of a reading several."""
    matrix = getattr(net, "_matrix", None)
    column = net.classes.index(name)
    return np.eye(len(net.classes))[column] if matrix is None else matrix[:, column]
