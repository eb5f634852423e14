"""What helps a network that has labels of bright and near supernovae alone: moved copies, simulation, pre-training.

    python benchmarks/supernovae_unrepresentative.py

Needs the challenge's archive in ``LCNET_DATA``. One network a row, all of one size and one seed, with equally many
examples an epoch and epochs; the same objects of the spectroscopic split are held out from all (they choose the epoch,
the temperature and the threshold) and the same public objects that the split does not train on judge all. A row is
*transductive* if it has seen these unlabelled, their light curves or their redshifts and brightness.

- *plain*: the 1,103 objects with a spectrum, repeated.
- *moved*: and 6,000 copies of them at other redshifts (`lcnet.supernovae.redshifting`), as the shipped network has.
- *moved, simulated start*: the same, from a network trained on the types of simulated objects (`simulate`).
- *moved, self-supervised start*: the same, from a network that learnt to tell the fluxes of nights that were taken out
  of a light curve: of the same simulated objects without their types, or of the objects that are judged.
- *plain* and *moved, by propensity*: drawn anew so that fifths of all objects by propensity score (the probability of
  having a spectrum, a logistic in the host's redshift and the brightness) have equal shares, as in STACCATO (Revsbech,
  Trotta & van Dyk 2018, MNRAS 473, 3969); repeats with the network's augmentation stand for their draws of a Gaussian
  process.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import time
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from lcnet.core.blocks import mlp  # noqa: E402
from lcnet.core.examples import Examples  # noqa: E402
from lcnet.core.objectives import Objective  # noqa: E402
from lcnet.core.task import Input  # noqa: E402
from lcnet.supernovae import tasks  # noqa: E402
from lcnet.supernovae.nets import SupernovaNet, scaled  # noqa: E402

MOVED, EPOCHS, START_EPOCHS = 6_000, 6, 3
GROUPS = 5
ASKED, MASKED = 8, 0.25  # most nights that are taken out; their share
SETTINGS = {"batch_size": 128, "lr": 1.5e-3, "patience": 99, "device": "cpu"}
PHOTOMETRY = ("time", "flux", "flux_err", "wavelength")


class Masked(nn.Module):
    """The network's two views of a light curve, and a decoder of the fluxes at other times: (n, asked, bands)."""

    def __init__(self):
        super().__init__()
        whole = SupernovaNet()
        self.nights, self.picture = whole.nights, whole.picture
        self.decoder = mlp(448 + 2 * len(self.nights.angular), (128,), tasks.BANDS)

    def forward(self, x):
        view = scaled(x, self.nights.filters)
        summary = torch.cat([self.nights(view), self.picture(view)], dim=1)
        phase = x["asked"][..., None] * self.nights.angular
        return self.decoder(torch.cat([summary[:, None].expand(-1, ASKED, -1), phase.sin(), phase.cos()], dim=2))


class Fluxes(Objective):
    """Fluxes in units of the object's brightest point, against what was measured; an error of 0: not measured."""

    def check(self, targets):
        if not np.isfinite(targets["wanted"]).all():
            raise ValueError("target 'wanted' is not finite")

    def loss(self, output, targets, weight=None):
        """Huber's, in units of the error and a tenth of the brightest point; as the mean over what was measured."""
        known = targets["wanted_err"] > 0
        sigma = torch.hypot(targets["wanted_err"], torch.tensor(0.1))
        each = functional.huber_loss(output / sigma, targets["wanted"] / sigma, reduction="none", delta=3.0)
        return (each * known).sum() / known.sum().clamp_min(1)

    def predict(self, output):
        return output

    def metrics(self, prediction, targets, group=None):
        return {}


def masked_examples(photometry, copies, seed):
    """Windows without some of their nights, `copies` ways each, and the fluxes that were measured there."""
    from lcnet.supernovae.views import make_views

    rng = np.random.default_rng([seed, 0x3A5C])
    inputs = {name: make_views(photometry).inputs[name] for name in PHOTOMETRY}
    night = (inputs["flux_err"] > 0).any(axis=2)
    enough = np.flatnonzero(night.sum(axis=1) >= 4)
    parts = []
    for _ in range(copies):
        some = {name: values[enough].copy() for name, values in inputs.items()}
        there = night[enough]
        # the first so many of a random order of the nights that are there
        place = np.argsort(np.where(there, rng.random(there.shape), 2.0), axis=1)[:, :ASKED]
        number = np.clip(np.round(MASKED * there.sum(axis=1)), 1, ASKED)
        asked = np.arange(ASKED) < number[:, None]
        rows = np.arange(len(enough))[:, None]
        wanted, error = (np.where(asked[..., None], some[name][rows, place], 0) for name in ("flux", "flux_err"))
        some["asked"] = np.where(asked, some["time"][rows, place], 0)
        hidden = np.zeros(there.shape, bool)
        hidden[np.broadcast_to(rows, place.shape)[asked], place[asked]] = True
        for name in ("flux", "flux_err"):
            some[name][hidden] = 0
        seen = some["flux_err"] > 0
        unit = np.where(seen, some["flux"] - some["flux_err"], -np.inf).max(axis=(1, 2))
        unit = np.maximum(unit, np.where(seen, some["flux_err"], np.inf).min(axis=(1, 2)))[:, None, None]
        targets = {"wanted": (wanted / unit).clip(-3, 3), "wanted_err": error / unit}
        targets = {name: values.astype(np.float32) for name, values in targets.items()}
        parts.append(Examples(some, targets, photometry.objects["object"].to_numpy()[enough].astype(str)))
    return Examples.concatenate(parts)


def self_supervised(photometry, seed):
    """Weights of a network that has learnt to tell nights that were taken out; its head has learnt nothing."""
    from lcnet.core.training import fit

    inputs = {name: tasks.DES.inputs[name] for name in PHOTOMETRY} | {"asked": Input((ASKED,), unit="d")}
    inputs |= {name: tasks.DES.inputs[name] for name in ("redshift", "redshift_err")}
    task = dataclasses.replace(
        tasks.DES, name="supernovae/masked", inputs=inputs, net=Masked, objective=Fluxes(), augment=None
    )
    # every copy once: an epoch is all of them, so that no mask is seen twice
    examples = masked_examples(photometry, START_EPOCHS, seed)
    found = fit(task, examples, epochs=1, validation=0.05, seed=seed, **SETTINGS)
    loss = found.history["validation_loss"].iloc[-1]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        weights = tasks.DES.net().state_dict()
    learnt = {name: value for name, value in found.net.state_dict().items() if not name.startswith("decoder")}
    return weights | learnt, f"held-out loss {loss:.3f}"


def supervised(photometry, seed):
    """Weights of a network that has learnt the types of simulated objects."""
    from lcnet.core.training import fit
    from lcnet.supernovae.challenge import challenge_examples

    examples = challenge_examples(photometry, looks=0, seed=seed)
    found = fit(tasks.DES, examples, epochs=START_EPOCHS, validation=0.05, seed=seed, **SETTINGS)
    return found.net.state_dict(), f"held-out AUC of Ia {found.history['auc_Ia'].iloc[-1]:.4f}"


def covariates(photometry):
    """The host's redshift and the decimal logarithm of the brightest flux."""
    from lcnet.supernovae.ood import summaries
    from lcnet.supernovae.views import make_views

    return np.column_stack([photometry.objects["redshift"].to_numpy(float), summaries(make_views(photometry))[:, 0]])


def by_propensity(everything, trained, part):
    """How often each object of `part` is drawn so that fifths of everything by propensity have equal shares."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler

    model = make_pipeline(StandardScaler(), PolynomialFeatures(2), LogisticRegression(max_iter=1000))
    score = model.fit(covariates(everything), trained).predict_proba(covariates(everything))[:, 1]
    edges = np.quantile(score, np.arange(1, GROUPS) / GROUPS)
    number = np.bincount(np.searchsorted(edges, score[trained]), minlength=GROUPS)
    group = np.searchsorted(edges, model.predict_proba(covariates(part))[:, 1])
    count = np.bincount(group, minlength=GROUPS)
    print(f"  fifths of propensity, low to high: {number} with a spectrum; drawn from {count}", flush=True)
    return 1 / count[group]


def learn(examples, names, size, *, weight=None, start=None, seed=0):
    """One network, and its thresholds; `size` examples an epoch, drawn with the weights of their objects."""
    from lcnet.core.network import outputs
    from lcnet.core.training import fit
    from lcnet.supernovae.evaluation import choose_threshold

    held = np.isin(examples.group.astype(str), names)
    rng = np.random.default_rng([seed, 0xD4A3])
    rows, outside = np.flatnonzero(~held), np.flatnonzero(held)
    if weight is not None:
        each = weight[examples.meta["row"].to_numpy()]
        rows = rng.choice(rows, size, p=each[rows] / each[rows].sum())
        outside = rng.choice(outside, len(outside), p=each[outside] / each[outside].sum())
    elif len(rows) < size:
        rows = np.resize(rows, size)
    part, validation = examples.take(rows), examples.take(outside)
    found = fit(tasks.DES, part, validation=validation, epochs=EPOCHS, start=start, seed=seed, **SETTINGS)
    objective = tasks.DES.objective
    logits = outputs([found.net], tasks.DES.inputs, validation.inputs, device="cpu")
    calibration = objective.calibrate(logits, validation.targets)

    def say(inputs):
        logits = outputs([found.net], tasks.DES.inputs, inputs, device="cpu")[0]
        return objective.predict(torch.as_tensor(logits), **calibration).numpy()

    whole = validation.take((validation.meta["look"] == 0).to_numpy())
    thresholds = {}
    for host in (False, True):
        some = {name: values for name, values in whole.inputs.items() if host or name in PHOTOMETRY}
        thresholds[host] = choose_threshold(say(some)[:, 0])
    return say, thresholds, found.best_epoch


def main():
    from lcnet.core.metrics import bootstrap
    from lcnet.core.splits import grouped_split
    from lcnet.supernovae.challenge import CLASSES, SHARES, challenge_examples, challenge_split
    from lcnet.supernovae.evaluation import figures
    from lcnet.supernovae.judging import inputs_of, tested
    from lcnet.supernovae.photometry import Photometry
    from lcnet.supernovae.read import read
    from lcnet.supernovae.redshifting import redshifted
    from lcnet.supernovae.simulate import simulate
    from lcnet.supernovae.views import make_views

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    torch.set_num_threads(1)
    data = Path(os.environ.get("LCNET_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
    path = data / "supernovae" / "SIMGEN_PUBLIC_DES.tar.xz"
    if not path.exists():
        raise SystemExit(f"skipped: {path} is not there; set LCNET_DATA")
    began = time.process_time()

    def used():
        return f"{time.process_time() - began:.0f} CPU s in all"

    everything = read(path)
    trained = challenge_split(everything, "spectroscopic")
    part, objects = everything.take(trained), tested(everything, "spectroscopic")
    more = redshifted(part, MOVED, shares=SHARES, seed=seed, smooth=True)
    both = Photometry.concatenate([part, more])
    plain, moved = (challenge_examples(one, looks=1, seed=seed) for one in (part, both))
    first = plain.take((plain.meta["look"] == 0).to_numpy())
    names = first.group[grouped_split(first.group, 0.15, seed=seed, labels=first.targets["label"])].astype(str)
    size = int((~np.isin(moved.group.astype(str), names)).sum())
    print(f"{len(part)} objects with a spectrum, {len(names)} held out; {size} examples an epoch, {EPOCHS} epochs;")
    print(f"judged on {len(objects)} objects; {used()}", flush=True)

    simulated = simulate(len(objects), seed=seed + 11)
    starts = {}
    for name, make, source in (
        ("simulated", supervised, simulated),
        ("self-supervised, simulated", self_supervised, simulated),
        ("self-supervised, those judged", self_supervised, objects),
    ):
        starts[name], said = make(source, seed)
        print(f"  start {name}: {said}; {used()}", flush=True)
    rows = {
        "plain": (plain, {}),
        "moved": (moved, {}),
        "moved, simulated start": (moved, {"start": starts["simulated"]}),
        "moved, self-supervised start (simulated)": (moved, {"start": starts["self-supervised, simulated"]}),
        "moved, self-supervised start (those judged) T": (moved, {"start": starts["self-supervised, those judged"]}),
        "plain, by propensity T": (plain, {"weight": by_propensity(everything, trained, part)}),
        "moved, by propensity T": (moved, {"weight": by_propensity(everything, trained, both)}),
    }
    label = np.array([CLASSES.index(one) for one in objects.truth["type"]])
    views = make_views(objects)
    there = views.n_obs > 0
    inputs = {host: inputs_of(objects, views, host=host) for host in (False, True)}
    kinds = {False: "no redshift", True: "host redshift"}
    print("68% intervals over objects; T: transductive")
    print(f"{'training':46}" + "".join(f"{kind + ': AUC':34}{'FoM':26}" for kind in kinds.values()) + "epoch   CPU s")
    for name, (examples, options) in rows.items():
        start = time.process_time()
        say, thresholds, best = learn(examples, names, size, seed=seed, **options)
        words = []
        for host in kinds:
            p = np.tile([0.0, 0.5, 0.5], (len(label), 1))
            p[there] = say({key: values[there] for key, values in inputs[host].items()})

            def metrics(some, p=p, threshold=thresholds[host]):
                found = figures(p[some], label[some], threshold)
                return {key: found[key] for key in ("auc", "fom")}

            found = bootstrap(metrics, np.arange(len(label)), seed=seed)
            words.append(f"{found['auc']!s:34}{found['fom']!s:26}")
        print(f"{name:46}" + "".join(words) + f"{best + 1:>5}{time.process_time() - start:>8.0f}", flush=True)
    print(used())


if __name__ == "__main__":
    main()
