"""Numbers with an uncertainty of their own: the objective of a regression.

The network gives for every target a mean and the logarithm of a variance (Nix & Weigend 1994), both in units of the
target's `scale`. The members of an ensemble are pooled as a mixture of Gaussians, whose variance is what the members
expect of the noise plus what they disagree by (Lakshminarayanan, Pritzel & Blundell 2017, NeurIPS 30).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from lcnet.core.objectives import Objective

__all__ = ["Regression"]

_BETA = 0.5
_LOG_VARIANCE = (-14.0, 10.0)  # a thousandth to 150 scales: beyond, float32 gradients are noise
_BEND = 2.0  # the last two before either bound take all of what lies beyond


def _bounded(x):
    """`x` within `_LOG_VARIANCE`: itself in the middle, bent smoothly towards the bounds.

    A cut has no gradient, so that a network that runs out would never come back. The slope here falls only as the
    inverse square of the distance.
    """
    low, high = _LOG_VARIANCE
    inner = x.clamp(low + _BEND, high - _BEND)
    beyond = (x - inner) / _BEND
    return inner + _BEND * beyond / (1.0 + beyond.abs())


@dataclass(frozen=True)
class Regression(Objective):
    """One or several real numbers and their standard deviations; the network's output is (n, 2 targets).

    Parameters
    ----------
    targets : tuple of str
        Names in `Examples.targets`; the first half of the output are their means, the second their log variances.
    units : tuple of str
        Of each target, "" for a plain number.
    centre, scale : tuple of float, optional
        Where a target typically lies and how far it spreads, in its unit: what the network predicts is
        (target - centre) / scale. Default 0 and 1.
    """

    targets: tuple[str, ...]
    units: tuple[str, ...]
    centre: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()

    calibration = (
        "for each target one factor on the members' deviations, at which the residuals of the pooled prediction on the "
        "held-out groups have unit variance"
    )

    def __post_init__(self):
        n = len(self.targets)
        for name, default in (("centre", 0.0), ("scale", 1.0)):
            object.__setattr__(self, name, tuple(map(float, getattr(self, name))) or (default,) * n)
        for name in ("targets", "units"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if n == 0 or len(set(self.targets)) != n or {len(self.units), len(self.centre), len(self.scale)} != {n}:
            raise ValueError("a regression needs different targets, and for each a unit, a centre and a scale")
        if not all(math.isfinite(value) and value > 0 for value in self.scale):
            raise ValueError(f"scales must be positive, not {self.scale}")

    def check(self, targets):
        for name in self.targets:
            if name not in targets:
                raise ValueError(f"missing target {name!r}; there is {', '.join(targets) or 'none'}")
            values = np.asarray(targets[name])
            if values.ndim != 1 or values.dtype.kind not in "iuf":
                raise ValueError(f"target {name!r} must be numbers of shape (n,), not {values.dtype} {values.shape}")
            wrong = np.flatnonzero(~np.isfinite(values))
            if len(wrong):
                raise ValueError(f"target {name!r} is not finite in row(s) {', '.join(map(str, wrong[:5]))}")

    def _halves(self, output):
        n = len(self.targets)
        if output.shape[-1] != 2 * n:
            raise ValueError(f"the network of a regression of {n} targets has {2 * n} outputs, not {output.shape[-1]}")
        return output[..., :n], _bounded(output[..., n:])

    def loss(self, output, targets, weight=None):
        """Weighted mean Gaussian log loss, each term times its own variance to the power 1/2.

        Without that factor points the network does not yet understand are taken for noise and given up (beta-NLL,
        Seitzer et al. 2022, ICLR).
        """
        import torch

        mean, log_variance = self._halves(output.float())
        columns = [
            (targets[name].float() - centre) / scale
            for name, centre, scale in zip(self.targets, self.centre, self.scale, strict=True)
        ]
        truth = torch.stack(columns, dim=-1)
        each = 0.5 * ((truth - mean) ** 2 * torch.exp(-log_variance) + log_variance)
        each = (each * torch.exp(_BETA * log_variance).detach()).mean(dim=-1)
        if weight is None:
            return each.mean()
        return (each * weight).sum() / weight.sum().clamp_min(1e-12)

    def predict(self, output, **spread):
        """Mean and standard deviation, float64 tensor (..., targets, 2), in the targets' units."""
        import torch

        mean, log_variance = self._halves(output.double())
        scale = torch.tensor(self.scale, dtype=torch.float64)
        wider = torch.tensor([spread.get(f"spread_{name}", 1.0) for name in self.targets], dtype=torch.float64)
        centre = torch.tensor(self.centre, dtype=torch.float64)
        return torch.stack([mean * scale + centre, torch.exp(0.5 * log_variance) * scale * wider], dim=-1)

    def pool(self, members):
        """Mean and standard deviation of the mixture of the members' Gaussians, array (n, targets, 2)."""
        members = np.asarray(members, dtype=np.float64)
        mean = members[..., 0].mean(axis=0)
        variance = (members[..., 1] ** 2).mean(axis=0) + members[..., 0].var(axis=0)
        return np.stack([mean, np.sqrt(variance)], axis=-1)

    def calibrate(self, outputs, targets, weight=None):
        """For each target the factor on every member's deviation at which the pooled residuals have unit variance.

        (Levi et al. 2022, Sensors 22, 5540, for one network.) The members' disagreement is not scaled, so the factor is
        found by bisection; where it alone is too wide, the factor is the lower bound.
        """
        import torch
        from scipy.optimize import brentq

        each = self.predict(torch.from_numpy(np.asarray(outputs))).numpy()
        weight = np.ones(each.shape[1]) if weight is None else np.asarray(weight, float)
        found = {}
        for k, name in enumerate(self.targets):
            truth = np.asarray(targets[name], float)

            def excess(log_factor, k=k, truth=truth):
                scaled = each[:, :, k : k + 1].copy()
                scaled[..., 1] *= math.exp(log_factor)
                mean, std = np.moveaxis(self.pool(scaled)[:, 0], -1, 0)
                return float(np.average(((truth - mean) / std) ** 2, weights=weight)) - 1.0

            low, high = math.log(0.05), math.log(20.0)
            if excess(low) <= 0:
                found[f"spread_{name}"] = 0.05
            elif excess(high) >= 0:
                found[f"spread_{name}"] = 20.0
            else:
                found[f"spread_{name}"] = math.exp(brentq(excess, low, high, xtol=1e-6))
        return found

    def check_calibration(self, calibration):
        for name, value in calibration.items():
            if name not in {f"spread_{target}" for target in self.targets}:
                raise ValueError(f"unknown calibration parameter {name!r}")
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"calibration parameter {name!r} is {value}")

    def doubts(self, calibration, outputs, targets):
        return [
            f"the deviations of {name.removeprefix('spread_')!r} ran into the bound of their factor, {value:.3g}: they "
            "are not calibrated"
            for name, value in calibration.items()
            if value in (0.05, 20.0)
        ]

    def change(self, before, after) -> float:
        """Largest change of a mean or a deviation, in units of the deviation."""
        return float(np.max(np.abs(after - before) / before[..., 1:], initial=0.0))

    def metrics(self, prediction, targets, group=None):
        """RMS error, bias, R2, log loss and the shares within one and two deviations, for each target."""
        from sklearn.metrics import r2_score

        out, losses = {}, []
        for k, name in enumerate(self.targets):
            truth = np.asarray(targets[name], float)
            mean, std = prediction[:, k, 0], prediction[:, k, 1]
            z = (truth - mean) / std
            loss = float(np.mean(0.5 * z**2 + np.log(std) + 0.5 * math.log(2 * math.pi)))
            losses.append(loss)
            out |= {f"rms_{name}": float(np.sqrt(np.mean((truth - mean) ** 2)))}
            out |= {f"bias_{name}": float(np.mean(mean - truth)), f"log_loss_{name}": loss}
            out[f"r2_{name}"] = float(r2_score(truth, mean)) if np.ptp(truth) > 0 else float("nan")
            out |= {
                f"within_1_{name}": float(np.mean(np.abs(z) < 1)),
                f"within_2_{name}": float(np.mean(np.abs(z) < 2)),
            }
        return {"log_loss": float(np.mean(losses)), **out}

    def describe(self):
        return {
            "kind": "regression",
            "targets": list(self.targets),
            "units": list(self.units),
            "centre": list(self.centre),
            "scale": list(self.scale),
        }
