"""What each part of the supernova network is worth: its transformer, its convolutions, one head on both.

    python benchmarks/supernovae_parts.py [--epochs 8]

Needs the challenge's archive in ``LCNET_DATA``. One network each, from random weights and one seed, on the same
objects of the half, windows and looks; judged on the same held-out sixth of them, which also chose the epoch: figures
to compare with each other. No test object is touched.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import time
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import torch  # noqa: E402
from torch import nn  # noqa: E402

from lcnet.core.blocks import mlp  # noqa: E402
from lcnet.core.splits import grouped_split  # noqa: E402
from lcnet.supernovae import tasks  # noqa: E402
from lcnet.supernovae.nets import SupernovaNet, scaled  # noqa: E402

PARTS = {"transformer": ("nights",), "convolutions": ("picture",), "both": ("nights", "picture")}
WIDTHS = {"nights": 320, "picture": 128}


class Parts(nn.Module):
    """Some of the network's parts under a head of their own."""

    def __init__(self, names):
        super().__init__()
        whole = SupernovaNet()
        self.pieces = nn.ModuleDict({name: getattr(whole, name) for name in names})
        self.register_buffer("filters", whole.nights.filters, persistent=False)
        outputs = len(tasks.CLASSES) + tasks.DES.objective.auxiliary
        self.head = mlp(sum(WIDTHS[name] for name in names), (128,), outputs, dropout=0.1)

    def forward(self, x):
        view = scaled(x, self.filters)
        return self.head(torch.cat([part(view) for part in self.pieces.values()], dim=1))


def main():
    from lcnet.core.training import fit
    from lcnet.supernovae.challenge import training_examples
    from lcnet.supernovae.read import read

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=8)
    options = parser.parse_args()
    data = Path(os.environ.get("LCNET_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
    path = data / "supernovae" / "SIMGEN_PUBLIC_DES.tar.xz"
    if not path.exists():
        raise SystemExit(f"skipped: {path} is not there; set LCNET_DATA")
    examples = training_examples(read(path), "half", looks=3)
    held = grouped_split(examples.group, 0.15, seed=0, labels=examples.targets["label"])
    print(f"{(~held).sum()} examples, {held.sum()} held out, {options.epochs} epochs")
    print(f"{'part':14}{'weights':>9}{'log loss':>10}{'accuracy':>10}{'AUC of Ia':>11}{'CPU s':>8}")
    for name, parts in PARTS.items():
        task = dataclasses.replace(tasks.DES, net=lambda parts=parts: Parts(parts))
        start = time.process_time()
        found = fit(
            task,
            examples.part(~held),
            validation=examples.part(held),
            epochs=options.epochs,
            batch_size=256,
            lr=2e-3,
            patience=99,
            device="cpu",
        )
        used, best = time.process_time() - start, found.history.iloc[found.best_epoch]
        weights = sum(one.numel() for one in found.net.parameters())
        print(
            f"{name:14}{weights:>9}{best['validation_loss']:>10.4f}{best['accuracy']:>10.4f}{best['auc_Ia']:>11.4f}"
            f"{used:>8.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
