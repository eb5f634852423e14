"""Toy tasks: bumps of two shapes against noise, and a regression, which the core has none of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lcnet.core.examples import Examples
from lcnet.core.objectives import Classification, Objective
from lcnet.core.task import Input, Task

CLASSES = ("box", "vee", "noise")
INPUTS = {
    "curve": Input((32,), doc="a dip of one of two shapes, or none"),
    "detail": Input((8,), required=False, doc="the middle, enlarged"),
    "period": Input((), required=False, log=True, range=(0.1, 100.0), unit="d"),
}


def simulate(n: int, seed: int) -> Examples:
    """Dips in noise; every third row lacks its detail, groups are pairs of rows."""
    rng = np.random.default_rng(seed)
    label = rng.integers(3, size=n)
    x = np.linspace(-1, 1, 32)
    box, vee = (np.abs(x) < 0.4) * 1.0, np.clip(1 - np.abs(x) / 0.4, 0, None)
    shape = np.stack([box, vee, 0 * x])
    curve = -shape[label] + 0.3 * rng.normal(size=(n, 32))
    detail = curve[:, 12:20] + 0.1 * rng.normal(size=(n, 8))
    detail[::3] = np.nan
    return Examples(
        {"curve": curve.astype(np.float32), "detail": detail.astype(np.float32), "period": rng.uniform(0.5, 20, n)},
        {"label": label},
        np.arange(n) // 2,
        meta=pd.DataFrame({"number": np.arange(n), "name": [f"toy {row}" for row in range(n)]}),
    )


def augment(batch: dict, rng: np.random.Generator) -> dict:
    """Mirror half of the curves, lose a tenth of the periods."""
    batch = dict(batch)
    flip = rng.random(len(batch["curve"])) < 0.5
    for name in ("curve", "detail"):
        batch[name] = np.where(flip[:, None], batch[name][:, ::-1], batch[name])
    batch["period"] = np.where(rng.random(len(flip)) < 0.1, np.nan, batch["period"]).astype(np.float32)
    return batch


def make_net(width: int, outputs: int = len(CLASSES), dropout: float = 0.1):
    from torch import nn

    from lcnet.core.blocks import ResidualBlock1d, join, mlp

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = nn.Conv1d(1, width, 5, padding=2)
            self.block = ResidualBlock1d(width, 2 * width, stride=2, dropout=dropout)
            self.head = mlp(2 * width + 8 + 2 + 1, [4 * width], outputs, dropout=dropout)

        def forward(self, x):
            import torch

            curve = self.block(self.stem(x["curve"][:, None])).mean(dim=2)
            return self.head(torch.cat([curve, join(x, ["detail", "period"])], dim=1))

    return Net()


def net():
    return make_net(16)


def tiny():
    return make_net(8)


TOY = Task("toy/dips", INPUTS, net, tiny, simulate, Classification(CLASSES), augment, "made up")


@dataclass(frozen=True)
class Depth(Objective):
    """A regression, here to prove that another objective does not touch the loop."""

    def check(self, targets):
        if not np.isfinite(targets["depth"]).all():
            raise ValueError("target 'depth' is not finite")

    def loss(self, output, targets, weight=None):
        each = (output[:, 0] - targets["depth"]) ** 2
        return each.mean() if weight is None else (each * weight).sum() / weight.sum()

    def predict(self, output, scale=1.0):
        return output * scale

    def metrics(self, prediction, targets, group=None):
        return {"rms": float(np.sqrt(np.mean((prediction[:, 0] - targets["depth"]) ** 2)))}


class TwoStep(Depth):
    """As adversarial objectives do, overrides nothing but the step: the parts of a network take turns."""

    def step(self, net, batch, optimizers):
        for optimizer in optimizers.values():
            optimizer.zero_grad()
            loss = self.loss(net(batch.inputs), batch.targets, batch.weight)
            loss.backward()
            optimizer.step()
        return loss.detach()


def simulate_depths(n: int, seed: int) -> Examples:
    rng = np.random.default_rng(seed)
    depth = rng.uniform(0.5, 2, n).astype(np.float32)
    curve = -depth[:, None] * (np.abs(np.linspace(-1, 1, 32)) < 0.4) + 0.1 * rng.normal(size=(n, 32))
    return Examples({"curve": curve.astype(np.float32)}, {"depth": depth}, np.arange(n))


def depth_net():
    return make_net(8, outputs=1, dropout=0.0)


def two_part_net():
    made = depth_net()
    made.parts = lambda: {"eyes": made.block, "mouth": made.head}
    return made


DEPTH = Task("toy/depth", INPUTS, depth_net, depth_net, simulate_depths, Depth())
TWO_STEP = Task("toy/two-step", INPUTS, two_part_net, two_part_net, simulate_depths, TwoStep())
