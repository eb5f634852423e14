r"""Two published kinds of network on the half, for the table: a bidirectional LSTM and an image CNN.

    python benchmarks/supernovae_peers.py lstm --output work
    python benchmarks/supernovae_peers.py cnn --output work

Needs the challenge's archive in ``LCNET_DATA``. Same objects, windows, early looks, augmentation, loop and judge as the
shipped network, no simulated start, and types alone as targets. LSTM: two bidirectional layers of 16 as Charnock & Moss
2017 (ApJL 837, L28) over nights. CNN: a whole curve as a Gaussian process's mean and uncertainty at 16 wavelengths and
45 times, as SCONE (Qu et al. 2021, AJ 162, 67) at 32 and 180, and three small convolutions. Single networks.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch import nn  # noqa: E402

from lcnet.core.blocks import join, mlp  # noqa: E402
from lcnet.core.examples import Examples  # noqa: E402
from lcnet.core.objectives import Classification  # noqa: E402
from lcnet.core.task import Input  # noqa: E402
from lcnet.supernovae import tasks  # noqa: E402
from lcnet.supernovae.photometry import CLASSES  # noqa: E402

SCALARS = ("redshift", "redshift_err")
EPOCHS = {"lstm": 15, "cnn": 20}
TIMES, WAVELENGTHS = np.linspace(-30, 69, 45), np.linspace(4000, 10000, 16)


class LSTM(nn.Module):
    """Nights in order, each with its time, fluxes, errors and what was observed."""

    def __init__(self, width: int = 16):
        super().__init__()
        self.lstm = nn.LSTM(13, width, num_layers=2, batch_first=True, bidirectional=True, dropout=0.2)
        self.head = mlp(2 * width + 5, (64,), len(CLASSES), dropout=0.2)

    def forward(self, x):
        seen = x["flux_err"] > 0
        night = seen.any(dim=2)
        scale = torch.where(seen, x["flux"] - x["flux_err"], -torch.inf).amax(dim=(1, 2)).clamp_min(1.0)
        each = scale[:, None, None]
        time = torch.where(night, x["time"], 0.0) / 50.0
        steps = [(x["flux"] / each).clamp(-3, 3), (x["flux_err"] / each).clamp(0, 3), seen.float(), time[..., None]]
        tokens = torch.where(night[..., None], torch.cat(steps, dim=2), 0.0)
        length = night.sum(dim=1).clamp_min(1)
        packed = nn.utils.rnn.pack_padded_sequence(tokens, length, batch_first=True, enforce_sorted=False)
        last = self.lstm(packed)[1][0]
        whole = torch.cat([torch.log10(scale)[:, None] - 2.0, join(x, SCALARS)], dim=1)
        return self.head(torch.cat([last[-2], last[-1], whole], dim=1))


class CNN(nn.Module):
    """A light curve as a picture."""

    def __init__(self, width: int = 24):
        super().__init__()
        layers, inside = [], 2
        for outside in (width, 2 * width, 2 * width):
            layers += [nn.Conv2d(inside, outside, 3, padding=1), nn.GroupNorm(8, outside), nn.GELU(), nn.MaxPool2d(2)]
            inside = outside
        self.body = nn.Sequential(*layers)
        self.head = mlp(inside * 2 * 5 + 5, (64,), len(CLASSES), dropout=0.3)

    def forward(self, x):
        whole = torch.cat([x["brightness"][:, None], join(x, SCALARS)], dim=1)
        return self.head(torch.cat([self.body(x["image"]).flatten(1), whole], dim=1))


def pictures(inputs):
    """The images of an array of windows, and their brightness."""
    from lcnet.supernovae.gaussian_process import fit_surface

    grid_time, grid_wavelength = (one.ravel() for one in np.meshgrid(TIMES, WAVELENGTHS))
    time, flux, error = (np.asarray(inputs[name], float) for name in ("time", "flux", "flux_err"))
    wavelength = np.asarray(inputs["wavelength"], float)
    image = np.zeros((len(time), 2, len(WAVELENGTHS), len(TIMES)), np.float32)
    brightness = np.zeros(len(time), np.float32)
    for number in range(len(time)):
        night, band = np.nonzero(error[number] > 0)
        points = flux[number][night, band], error[number][night, band]
        surface = fit_surface(time[number, night], wavelength[number, band], *points)
        mean, spread = surface.predict(grid_time, grid_wavelength)
        image[number] = np.stack([mean, spread]).reshape(image.shape[1:]) / surface.amplitude
        brightness[number] = np.log10(surface.amplitude) - 2.0
    return {"image": image, "brightness": brightness}


def lose_redshift(batch, rng):
    """As `lcnet.supernovae.augment` does; the picture stays as it is."""
    missing = rng.random(len(batch["redshift"])) < 0.5
    return dict(batch) | {name: np.where(missing, np.nan, batch[name]).astype(np.float32) for name in SCALARS}


def main():
    from lcnet.core.network import outputs
    from lcnet.core.splits import grouped_split
    from lcnet.core.training import fit
    from lcnet.supernovae import evaluation
    from lcnet.supernovae.challenge import training_examples
    from lcnet.supernovae.judging import inputs_of, tested
    from lcnet.supernovae.read import read
    from lcnet.supernovae.views import make_views

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("kind", choices=EPOCHS)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    data = Path(os.environ.get("LCNET_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
    photometry = read(data / "supernovae" / "SIMGEN_PUBLIC_DES.tar.xz")
    images = options.kind == "cnn"
    examples = training_examples(photometry, "half", looks=0 if images else 1)
    objects = tested(photometry, "half")
    views = make_views(objects)
    task = dataclasses.replace(tasks.DES, net=LSTM, objective=Classification(CLASSES))
    inputs = {host: inputs_of(objects, views, host=host) for host in (False, True)}
    if images:
        described = {"image": Input((2, len(WAVELENGTHS), len(TIMES))), "brightness": Input(())}
        described |= {name: tasks.DES.inputs[name] for name in SCALARS}
        task = dataclasses.replace(task, net=CNN, inputs=described, augment=lose_redshift)
        made = pictures(examples.inputs) | {name: examples.inputs[name] for name in SCALARS}
        examples = Examples(made, examples.targets, examples.group, meta=examples.meta)
        tests = pictures(views.inputs)
        inputs = {host: tests | {name: one[name] for name in SCALARS if name in one} for host, one in inputs.items()}
    held = grouped_split(examples.group, 0.15, seed=0, labels=examples.targets["label"])
    found = fit(
        task,
        examples.part(~held),
        validation=examples.part(held),
        checkpoint=options.output / options.kind,
        resume=True,
        epochs=EPOCHS[options.kind],
        lr=3e-3 if options.kind == "lstm" else 1.5e-3,
        batch_size=128,
        patience=99,
        device="cpu",
    )
    whole = held & (examples.meta["look"] == 0).to_numpy()
    label = np.array([CLASSES.index(one) for one in objects.truth["type"]])

    def say(x):
        return task.objective.predict(torch.as_tensor(np.asarray(outputs([found.net], task.inputs, x))[0])).numpy()

    print(f"{options.kind} {len(found.history)} epochs of {(~held).sum()} examples")
    for host in (False, True):
        some = {key: values[whole] for key, values in examples.inputs.items() if host or key not in SCALARS}
        threshold = evaluation.choose_threshold(say(some)[:, 0], examples.targets["label"][whole] == 0)
        words = [f"{key} {one}" for key, one in evaluation.judge(say(inputs[host]), label, threshold).items()]
        print(f"  {'host redshift' if host else 'no redshift':14}" + "  ".join(words), flush=True)


if __name__ == "__main__":
    main()
