"""How good the candidate network is: grouped 5-fold cross-validation beside gradient boosting on identical inputs.

    python -m lcnet.transits.published yu2019 ../shared/data/transits --output yu.h5
    lcnet simulate transits/candidate -n 4608 --seed 1 --jobs 2 --output simulated.h5
    python benchmarks/candidate_cv.py --data yu.h5 --simulated simulated.h5

Truth: human labels of 2019 (Yu et al.). Groups (star or ephemeris) never straddle a fold; simulated events join the
training parts only; both models see the same folds and, in the "views + period, duration, depth" rows, the same inputs.
Intervals are 68% bootstraps over groups, differences paired. With --keep FILE the out-of-fold predictions are stored,
and found again.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402

SCALARS = ("period", "duration", "depth")
VIEWS = ("global_view", "local_view", "secondary_view")


def boosted(examples, extra, fold, names, seed):
    """Out-of-fold probabilities of scikit-learn's histogram gradient boosting."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    def features(some):
        columns = [np.asarray(some.inputs[name]).reshape(len(some), -1) for name in names]
        return np.concatenate(columns, axis=1)

    label, said = examples.targets["label"], None
    everything = features(examples)
    for number in np.unique(fold):
        inside = fold != number
        x, y, weight = everything[inside], label[inside], np.ones(inside.sum())
        if extra is not None:
            # as the network's: simulated events weigh so that the class shares stay those of the real ones
            share = np.bincount(y, minlength=3) / y.size / np.bincount(extra.targets["label"], minlength=3)
            weight = np.concatenate([weight, (share * len(extra))[extra.targets["label"]]])
            x, y = np.concatenate([x, features(extra)]), np.concatenate([y, extra.targets["label"]])
        model = HistGradientBoostingClassifier(max_iter=300, learning_rate=0.06, l2_regularization=1.0,
                                               early_stopping=True, random_state=seed)  # fmt: skip
        model.fit(x, y, sample_weight=weight)
        found = model.predict_proba(everything[~inside])
        said = np.zeros((len(examples), found.shape[1])) if said is None else said
        said[~inside] = found
    return said


def figures(said, label):
    """A function rows -> figures: average precision of both readings, log loss, calibration where p >= 0.1."""
    from sklearn.metrics import average_precision_score, brier_score_loss

    def on(rows):
        p, y = said[rows], label[rows]
        transit, planet = 1 - p[:, 2], p[:, 0]
        return {
            "triage AP": average_precision_score(y != 2, transit),
            "vetting AP": average_precision_score(y == 0, planet),
            "log loss": -np.mean(np.log(np.clip(p[np.arange(y.size), y], 1e-9, 1))),
            "triage ECE p>=.1": calibration_error(transit, y != 2),
            "vetting ECE p>=.1": calibration_error(planet, y == 0),
            "vetting Brier": brier_score_loss(y == 0, planet),
        }

    return on


def calibration_error(p, outcome, *, least=0.1, bins=10):
    """Mean |predicted - observed| over bins of equal number, of the events with p >= `least`."""
    chosen = np.flatnonzero(p >= least)
    order = chosen[np.argsort(p[chosen])]
    parts = [part for part in np.array_split(order, bins) if part.size]
    return sum(part.size * abs(p[part].mean() - outcome[part].mean()) for part in parts) / max(1, order.size)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("yu.h5"))
    parser.add_argument("--simulated", type=Path)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--members", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if not options.data.is_file():
        raise SystemExit(f"skipped: {options.data} is absent; {__doc__.splitlines()[2].strip()} makes it")

    from lcnet.core.ensemble import cross_validate
    from lcnet.core.examples import Examples
    from lcnet.core.metrics import bootstrap, paired_bootstrap
    from lcnet.transits.tasks import CANDIDATE

    examples = Examples.open(options.data, lazy=False)
    extra = Examples.open(options.simulated, lazy=False) if options.simulated else None
    label = examples.targets["label"]
    classes = ", ".join(f"{n} {name}" for n, name in zip(np.bincount(label), CANDIDATE.objective.classes, strict=True))
    print(f"{len(examples)} events, {len(np.unique(examples.group))} groups: {classes}")
    kept = np.load(options.keep) if options.keep and options.keep.is_file() else {}
    models, times = {}, {}
    if "network" in kept:
        models["network"], fold, times["network"] = kept["network"], kept["fold"], float(kept["seconds"])
    else:
        start = time.time()
        found = cross_validate(CANDIDATE, examples, folds=5, members=options.members, extra=extra, seed=options.seed,
                               epochs=options.epochs, patience=options.epochs, batch_size=options.batch_size,
                               lr=options.lr, resamples=2)  # fmt: skip
        models["network"], fold, times["network"] = found.prediction, found.fold, time.time() - start
        if options.keep:
            np.savez(options.keep, network=found.prediction, fold=fold, seconds=times["network"])
    for name, names in (("boosting, same inputs", VIEWS + SCALARS), ("boosting, views only", VIEWS)):
        start = time.time()
        models[name] = boosted(examples, extra, fold, names, options.seed)
        times[name] = time.time() - start

    columns = None
    for name, said in models.items():
        found = bootstrap(figures(said, label), examples.group, n=200)
        if columns is None:
            columns = list(found)
            print(f"{'':<24}" + "".join(f"{column:>26}" for column in columns) + f"{'seconds':>9}")
        cells = [f"{f.value:.3f} [{f.low:.3f}, {f.high:.3f}]" for f in found.values()]
        print(f"{name:<24}" + "".join(f"{cell:>26}" for cell in cells) + f"{times[name]:>9.0f}")
    network = figures(models["network"], label)
    for name in list(models)[1:]:
        found = paired_bootstrap(network, figures(models[name], label), examples.group, n=200)
        cells = [f"{f.value:+.3f} [{f.low:+.3f}, {f.high:+.3f}]" for f in found.values()]
        print(f"{'network - ' + name:<24.24}" + "".join(f"{cell:>26}" for cell in cells))


if __name__ == "__main__":
    main()
