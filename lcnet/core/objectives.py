"""What differs between kinds of problem, so that the training loop does not have to know.

An objective is any object with the methods of `Objective`. torch is imported inside them: declaring a task needs none.
A regression (`lcnet.core.regression`) overrides `loss`, `predict`, `pool`, `metrics` and `calibrate`; a GAN overrides
`step`; the loop never changes.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Classification", "Objective"]


class Objective:
    """The interface of an objective, with the defaults of one that neither stratifies nor calibrates.

    `calibration` says on the card how `calibrate` works.
    """

    calibration = "none"

    def check(self, targets: Mapping[str, Any]) -> None:
        """Raise ValueError, naming target and rows, unless `targets` can be learnt."""
        raise NotImplementedError

    def loss(self, output, targets, weight=None):
        """Weighted mean loss of a network's `output`, a scalar tensor."""
        raise NotImplementedError

    def predict(self, output, **calibration):
        """What the user is given for one network's `output`, a tensor (n, ...), with the values of `calibrate`."""
        raise NotImplementedError

    def pool(self, members) -> np.ndarray:
        """The ensemble's prediction, array (n, ...), from its members', array (members, n, ...): their mean."""
        return np.asarray(members).mean(axis=0)

    def change(self, before, after) -> float:
        """How far two predictions lie apart, as rounding the weights is judged by: the largest difference."""
        return float(np.abs(after - before).max(initial=0.0))

    def metrics(self, prediction, targets, group=None) -> dict[str, float]:
        """Named figures of merit of `prediction`, arrays on the host."""
        raise NotImplementedError

    def calibrate(self, outputs, targets, weight=None) -> dict[str, float]:
        """Keyword arguments of `predict`, fitted on held-out `outputs` of all members, array (members, n, ...)."""
        return {}

    def check_calibration(self, calibration: Mapping[str, float]) -> None:
        """Raise ValueError unless `predict` takes these values: they come from a file."""
        known = [name for name in inspect.signature(self.predict).parameters if name != "output"]
        for name, value in calibration.items():
            if name not in known:
                raise ValueError(f"unknown calibration parameter {name!r}")
            if not math.isfinite(value):
                raise ValueError(f"calibration parameter {name!r} is {value}")

    def doubts(self, calibration: Mapping[str, float], outputs, targets) -> list[str]:
        """What speaks against a calibration that `calibrate` fitted to these, one sentence each, for the card."""
        return []

    def labels(self, targets) -> np.ndarray | None:
        """The integers, array (n,), that a split is stratified by; None: by nothing."""
        return None

    def describe(self) -> dict[str, Any]:
        """Plain values for the plan of a checkpoint: a fit is not resumed under another objective."""
        return {"kind": type(self).__name__.lower()}

    def step(self, net, batch, optimizers):
        """One update of `net` on `batch`; returns the loss, a detached scalar tensor.

        Parameters
        ----------
        net : torch.nn.Module
        batch : lcnet.core.batches.Batch
            With `inputs`, `targets`, `weight`.
        optimizers : dict of str to torch.optim.Optimizer
            ``{"net": optimizer}``, or one for each name of ``net.parts()`` if the network has that method.
        """
        for optimizer in optimizers.values():
            optimizer.zero_grad(set_to_none=True)
        loss = self.loss(net(batch.inputs), batch.targets, batch.weight)
        loss.backward()
        for optimizer in optimizers.values():
            optimizer.step()
        return loss.detach()


@dataclass(frozen=True)
class Classification(Objective):
    """One class of several; the network's output is logits (n, classes).

    Parameters
    ----------
    classes : tuple of str
        In column order.
    target : str
        Name of the target that holds the index into `classes`.
    """

    classes: tuple[str, ...]
    target: str = "label"

    calibration = (
        "one temperature for all members, fitted to the log loss of their averaged probabilities on the held-out "
        "groups, at the prevalence stated here"
    )

    def __post_init__(self):
        object.__setattr__(self, "classes", tuple(self.classes))
        if len(self.classes) < 2 or len(set(self.classes)) != len(self.classes):
            raise ValueError(f"a classification needs two or more different classes, not {self.classes}")

    def check(self, targets):
        if self.target not in targets:
            raise ValueError(f"missing target {self.target!r}; there is {', '.join(targets) or 'none'}")
        label = np.asarray(targets[self.target])
        if label.ndim != 1 or label.dtype.kind not in "iu":
            raise ValueError(f"target {self.target!r} must be integers of shape (n,), not {label.dtype} {label.shape}")
        wrong = np.flatnonzero((label < 0) | (label >= len(self.classes)))
        if len(wrong):
            rows = ", ".join(map(str, wrong[:5]))
            raise ValueError(f"target {self.target!r} is outside 0..{len(self.classes) - 1} in row(s) {rows}")

    def labels(self, targets) -> np.ndarray:
        """The labels, which keep the class shares of a split alike."""
        return np.asarray(targets[self.target]).astype(np.int64)

    def loss(self, output, targets, weight=None):
        """Weighted mean cross-entropy, nats."""
        from torch.nn import functional

        each = functional.cross_entropy(output.float(), targets[self.target].long(), reduction="none")
        if weight is None:
            return each.mean()
        # a batch of nothing but zero weights teaches nothing, and must not be 0/0
        return (each * weight).sum() / weight.sum().clamp_min(1e-12)

    def predict(self, output, temperature: float = 1.0):
        """Probabilities, float64 tensor (n, classes): the softmax of the logits over `temperature`."""
        import torch

        return torch.softmax(output.double() / temperature, dim=-1)

    def calibrate(self, outputs, targets, weight=None):
        """The temperature that minimises the log loss of the *averaged* probabilities.

        One temperature divides the logits of every member before their probabilities are averaged, so that the mean of
        the members is the calibrated prediction itself (pool, then calibrate: Rahaman & Thiery 2021, NeurIPS 34).
        Guo et al. 2017, ICML 70 is the case of one member.
        """
        from lcnet.core.calibration import fit_temperature

        return {"temperature": fit_temperature(outputs, self.labels(targets), weight)}

    def check_calibration(self, calibration):
        super().check_calibration(calibration)
        if not calibration.get("temperature", 1.0) > 0:
            raise ValueError(f"the temperature is {calibration['temperature']}")

    def doubts(self, calibration, outputs, targets):
        from lcnet.core.calibration import at_bound

        found, labels = [], self.labels(targets)
        temperature = calibration.get("temperature", 1.0)
        if (np.asarray(outputs).argmax(axis=-1) == labels).all():
            found.append(
                f"every held-out example is classified rightly, so that they do not determine the temperature, "
                f"{temperature:.3g}: the probabilities are not calibrated"
            )
        elif at_bound(temperature):
            found.append(f"the temperature ran into its bound, {temperature:.3g}: the probabilities are not calibrated")
        present = np.unique(labels)
        for number, name in enumerate(self.classes):
            if number not in present:
                found.append(f"no held-out example is of class {name!r}: its probability is not calibrated or judged")
        return found

    def metrics(self, prediction, targets, group=None):
        """Log loss, Brier score, (balanced) accuracy, calibration error, average precision and AUC, each class too."""
        from lcnet.core.metrics import classification_metrics

        return classification_metrics(np.asarray(prediction), self.labels(targets), self.classes)

    def describe(self):
        return {"kind": "classification", "classes": list(self.classes), "target": self.target}
