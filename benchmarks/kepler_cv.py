"""Does Kepler need a network of its own? Grouped 5-fold cross-validation on Kepler's KOI light curves.

    python -m lcnet.transits.published kepler ../shared/data/transits --output kepler.h5
    lcnet simulate transits/candidate -n 8192 --seed 1 --jobs 2 --output simulated.h5
    python benchmarks/kepler_cv.py --data kepler.h5 --simulated simulated.h5

Judged on the same events: the network that lcnet ships, as it is and at these events' class shares; one trained on
Kepler's events and simulated ones of Kepler and K2; the shipped one fine-tuned on Kepler's events, its convolutions
kept; gradient boosting on the inputs and events of the second. Groups (star or ephemeris) never straddle a fold.
Intervals are 68% bootstraps over groups, differences paired. With --keep FILE the predictions are stored, and found
again.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402

FROZEN = ("branches",)  # the convolutions of every view
TUNING = {"epochs": 15, "patience": 15, "batch_size": 64, "lr": 1e-3, "freeze": FROZEN}
TRAINING = {"epochs": 12, "patience": 12, "batch_size": 128, "lr": 2e-3}


def fine_tuned(task, events, network, fold, seed):
    """Out-of-fold probabilities of `network` fine-tuned and calibrated on the other folds, every member."""
    from lcnet.core.network import outputs
    from lcnet.core.splits import grouped_split
    from lcnet.core.training import fit

    said = np.empty((len(events), len(task.objective.classes)))
    for number in np.unique(fold):
        rest, test = events.part(np.flatnonzero(fold != number)), events.part(np.flatnonzero(fold == number))
        held = grouped_split(rest.group, 0.15, seed=seed, labels=rest.targets["label"])
        part, validation = rest.part(~held), rest.part(held)
        nets = [
            fit(task, part, validation=validation, seed=seed + member, start=state, device="cpu", progress=False,
                **TUNING).net
            for member, state in enumerate(network.states())
        ]  # fmt: skip
        found = task.objective.calibrate(outputs(nets, task.inputs, validation.inputs), validation.targets)
        said[fold == number] = _mean(task, outputs(nets, task.inputs, test.inputs), found)
    return said


def _mean(task, logits, calibration):
    import torch

    return task.objective.predict(torch.from_numpy(logits), **calibration).numpy().mean(axis=0)


def boosted(events, extra, fold, names, seed):
    """Out-of-fold probabilities of gradient boosting trained on the same events, simulated ones to the same shares."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    def features(some):
        return np.concatenate([some.inputs[name].reshape(len(some), -1) for name in names], axis=1)

    real, simulated = features(events), features(extra)
    label, theirs, said = events.targets["label"], extra.targets["label"], np.empty((len(events), 3))
    for number in np.unique(fold):
        inside = fold != number
        shares = np.bincount(label[inside], minlength=3) / inside.sum()
        weight = (shares * len(extra) / np.bincount(theirs, minlength=3))[theirs]
        model = HistGradientBoostingClassifier(max_iter=300, learning_rate=0.06, l2_regularization=1.0,
                                               early_stopping=True, random_state=seed)  # fmt: skip
        model.fit(np.concatenate([real[inside], simulated]), np.append(label[inside], theirs),
                  sample_weight=np.append(np.ones(inside.sum()), weight))  # fmt: skip
        said[~inside] = model.predict_proba(real[~inside])
    return said


def figures(said, label):
    """A function rows -> figures of merit."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    from lcnet.core.metrics import brier_skill, calibration_error

    def on(rows):
        p, y = said[rows], label[rows]
        planet, transit = p[:, 0], 1 - p[:, 2]
        return {
            "planet AUC": roc_auc_score(y == 0, planet),
            "planet AP": average_precision_score(y == 0, planet),
            "transit AUC": roc_auc_score(y != 2, transit) if (y == 2).any() else np.nan,
            "ECE p>=.1": calibration_error(planet, y == 0, least=0.1, bins=10),
            "Brier skill": brier_skill(planet, y == 0),
            "log loss": -np.mean(np.log(np.clip(p[np.arange(y.size), y], 1e-9, 1))),
        }

    return on


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("kepler.h5"))
    parser.add_argument("--simulated", type=Path, default=Path("simulated.h5"))
    parser.add_argument("--network", default="transits/candidate")
    parser.add_argument("--members", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    for path in (options.data, options.simulated):
        if not path.is_file():
            raise SystemExit(f"skipped: {path} is absent; the commands above make it")

    import lcnet
    from lcnet.core.calibration import reweight
    from lcnet.core.ensemble import cross_validate
    from lcnet.core.examples import Examples
    from lcnet.core.metrics import bootstrap, paired_bootstrap
    from lcnet.core.splits import grouped_folds
    from lcnet.transits.tasks import CANDIDATE

    events, simulated = (Examples.open(path, lazy=False) for path in (options.data, options.simulated))
    simulated = simulated.take(simulated.meta["mission"].isin(["Kepler", "K2"]).to_numpy())
    for some in (events, simulated):  # the network makes no use of the SNR: boosting on identical inputs has none
        some.inputs = {name: some.inputs[name] for name in CANDIDATE.inputs if name in some.inputs and name != "snr"}
    label, network = events.targets["label"], lcnet.load(options.network)
    names = list(events.inputs)
    fold = grouped_folds(events.group, 5, seed=options.seed, labels=label)
    shares = np.bincount(label, minlength=3) / len(label)
    trained = [network.card["prevalence"][name] for name in network.classes]
    as_is = network.predict(events.inputs).astype(float)

    def new():
        return cross_validate(CANDIDATE, events, folds=5, members=options.members, extra=simulated, seed=options.seed,
                              resamples=1, device="cpu", progress=False, **TRAINING).prediction  # fmt: skip

    makers = {
        "shipped": lambda: as_is,
        "shipped, these shares": lambda: reweight(as_is, trained, shares),
        "boosting": lambda: boosted(events, simulated, fold, names, options.seed),
        "fine-tuned": lambda: fine_tuned(CANDIDATE, events, network, fold, options.seed),
        "Kepler + simulated": new,
    }
    said = dict(np.load(options.keep)) if options.keep and options.keep.is_file() else {}
    for name, make in makers.items():
        if name not in said:
            start = time.process_time()
            said[name] = make()
            print(f"{name}: {time.process_time() - start:.0f} s of CPU", flush=True)
            if options.keep:
                np.savez(options.keep, **said)

    found, fap = events.meta["found"].to_numpy() == "search", events.meta["fap"].to_numpy()
    for what, chosen in (("all events", np.ones(len(label), bool)), ("found at FAP <= 0.002", found & (fap <= 0.002))):
        rows, y = np.flatnonzero(chosen), label[chosen]
        counts = ", ".join(f"{n} {name}" for n, name in zip(np.bincount(y), network.classes, strict=True))
        print(f"\n{what}: {rows.size} events, {len(np.unique(events.group[rows]))} groups: {counts}")
        judged = {name: figures(said[name][rows], y) for name in makers}
        group = events.group[rows]
        table = {name: bootstrap(on, group) for name, on in judged.items()}
        reference = "shipped, these shares"
        for name in list(makers)[2:]:
            table[f"{name} - shipped"] = paired_bootstrap(judged[name], judged[reference], group)
        print(f"{'':<32}" + "".join(f"{name:>26}" for name in table["shipped"]))
        for name, row in table.items():
            cells = [f"{f.value:.3f} [{f.low:.3f}, {f.high:.3f}]" for f in row.values()]
            print(f"{name:<32}" + "".join(f"{cell:>26}" for cell in cells))


if __name__ == "__main__":
    main()
