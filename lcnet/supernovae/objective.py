"""Types of supernovae, learnt together with what else is known of a simulated one.

Beside its class a simulated object has the template it was made from and its redshift. A network that must also tell
these learns faster which shapes there are (Caruana 1997, Machine Learning 28, 41). They are targets of training only:
predictions are of the classes, and inputs never hold them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lcnet.core.objectives import Classification

__all__ = ["TypedWithSidelines"]


@dataclass(frozen=True)
class TypedWithSidelines(Classification):
    """A classification with two sidelines: the template (target ``template``) and log10(1 + z) (target ``log1z``).

    The network's output is (n, classes + templates + 2): logits of classes and of templates, mean and log variance of
    the redshift. A template of -1 and a redshift of NaN are not known: the sideline is silent there.

    Parameters
    ----------
    classes, target
        As in `Classification`.
    templates : int
        How many numbers of templates there are.
    template_weight, redshift_weight : float
        Of the sidelines' losses, beside 1 for the classes.
    """

    templates: int = 48
    template_weight: float = 0.3
    redshift_weight: float = 0.1

    @property
    def auxiliary(self) -> int:
        """How many outputs there are beside those of the classes."""
        return self.templates + 2

    def check(self, targets):
        super().check(targets)
        template = np.asarray(targets.get("template", np.array([-1])))
        if template.dtype.kind not in "iu" or (template >= self.templates).any():
            raise ValueError(f"target 'template' must be integers below {self.templates}, -1 where there is none")

    def loss(self, output, targets: Mapping[str, Any], weight=None):
        """Weighted mean cross-entropy of the classes, and the sidelines' where they are known."""
        import torch
        from torch.nn import functional

        k = len(self.classes)
        main = super().loss(output[:, :k], targets, weight)
        if not output.requires_grad:  # validation judges the classes alone
            return main
        if "template" in targets and self.template_weight:
            template = targets["template"].long()
            each = functional.cross_entropy(
                output[:, k : k + self.templates].float(), template, ignore_index=-1, reduction="sum"
            )
            main = main + self.template_weight * each / (template >= 0).sum().clamp_min(1)
        if "log1z" in targets and self.redshift_weight:
            known = torch.isfinite(targets["log1z"])
            wanted = torch.where(known, targets["log1z"].float(), 0.0)
            mean, log_variance = output[:, -2].float() * 0.1 + 0.2, output[:, -1].float().clamp(-8.0, 4.0) - 4.0
            each = 0.5 * ((mean - wanted) ** 2 * torch.exp(-log_variance) + log_variance)
            main = main + self.redshift_weight * (each * known).sum() / known.sum().clamp_min(1)
        return main

    def predict(self, output, temperature: float = 1.0):
        """Probabilities of the classes."""
        return super().predict(output[..., : len(self.classes)], temperature)

    def calibrate(self, outputs, targets, weight=None):
        return super().calibrate(np.asarray(outputs)[..., : len(self.classes)], targets, weight)

    def doubts(self, calibration, outputs, targets):
        return super().doubts(calibration, np.asarray(outputs)[..., : len(self.classes)], targets)

    def describe(self):
        return super().describe() | {
            "templates": self.templates,
            "template_weight": self.template_weight,
            "redshift_weight": self.redshift_weight,
        }
