"""How well stored views of Kepler Objects of Interest tell planets: grouped 5-fold cross-validation, beside boosting.

    python -m lcnet.transits.published koi ../shared/data/transits --output koi.h5
    python benchmarks/koi_cv.py --data koi.h5

Truth: CONFIRMED and FALSE POSITIVE of the cumulative KOI table. Groups (star or ephemeris) never straddle a fold; the
network and scikit-learn's histogram gradient boosting see the same folds and the same inputs. Every figure is the mean
over the seeds, each with folds of its own; intervals are 68% bootstraps over groups, differences paired. With --keep
FILE the out-of-fold predictions are stored, and found again.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import replace
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402

INPUTS = {"views only": ("view",), "views + P, duration, depth, SNR": ("view", "period", "duration", "depth", "snr")}
SETTINGS = {"epochs": 30, "patience": 30, "batch_size": 128, "lr": 2e-3}


def boosted(examples, fold, seed):
    """Out-of-fold probability of a planet, by scikit-learn's histogram gradient boosting."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    label, said = examples.targets["label"], np.empty(len(examples))
    columns = np.concatenate([values.reshape(len(examples), -1) for values in examples.inputs.values()], axis=1)
    for number in np.unique(fold):
        inside = fold != number
        model = HistGradientBoostingClassifier(max_iter=300, learning_rate=0.06, l2_regularization=1.0,
                                               early_stopping=True, random_state=seed)  # fmt: skip
        said[~inside] = model.fit(columns[inside], label[inside]).predict_proba(columns[~inside])[:, 1]
    return said


def figures(said, label):
    """A function rows -> figures, each the mean over the seeds' predictions `said`, shape (seeds, n)."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    from lcnet.core.metrics import brier_skill, calibration_error

    def on(rows):
        y = label[rows]
        each = [
            (
                roc_auc_score(y, p[rows]),
                average_precision_score(y, p[rows]),
                calibration_error(p[rows], y, least=0.1, bins=10),
                brier_skill(p[rows], y),
            )
            for p in said
        ]
        return dict(zip(("AUC", "AP", "ECE p>=.1", "Brier skill"), np.mean(each, axis=0), strict=True))

    return on


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("koi.h5"))
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--members", type=int, default=3)
    options = parser.parse_args()
    if not options.data.is_file():
        raise SystemExit(f"skipped: {options.data} is absent; {__doc__.splitlines()[2].strip()} makes it")

    from lcnet.core.ensemble import cross_validate
    from lcnet.core.examples import Examples
    from lcnet.core.metrics import bootstrap, paired_bootstrap
    from lcnet.transits.koi import KOI

    examples = Examples.open(options.data, lazy=False)
    label = examples.targets["label"]
    print(f"{len(examples)} views, {len(np.unique(examples.group))} groups, {label.sum()} planets")
    kept = dict(np.load(options.keep)) if options.keep and options.keep.is_file() else {}
    for what, names in INPUTS.items():
        part = replace(examples, inputs={name: examples.inputs[name] for name in names})
        said, seconds = {}, {}
        for model in ("network", "boosting"):
            start, key = time.process_time(), f"{model}, {what}"
            if key not in kept:
                each = []
                for seed in range(options.seeds):
                    if model == "network":
                        found = cross_validate(KOI, part, folds=5, members=options.members, seed=seed, resamples=1,
                                               device="cpu", progress=False, **SETTINGS)  # fmt: skip
                        each.append(found.prediction[:, 1])
                        kept[f"fold {what} {seed}"] = found.fold
                    else:
                        each.append(boosted(part, kept[f"fold {what} {seed}"], seed))
                kept[key], kept[f"seconds {key}"] = np.array(each), time.process_time() - start
                if options.keep:
                    np.savez(options.keep, **kept)
            said[model], seconds[model] = kept[key], float(kept[f"seconds {key}"])
        print(f"\n{what}")
        judged = {model: figures(p, label) for model, p in said.items()}
        rows = {model: bootstrap(on, examples.group, n=200) for model, on in judged.items()}
        rows["difference"] = paired_bootstrap(judged["network"], judged["boosting"], examples.group, n=200)
        print(f"{'':<12}" + "".join(f"{name:>26}" for name in rows["network"]) + f"{'CPU s':>9}")
        for name, found in rows.items():
            cells = [f"{f.value:.3f} [{f.low:.3f}, {f.high:.3f}]" for f in found.values()]
            print(f"{name:<12}" + "".join(f"{cell:>26}" for cell in cells) + f"{seconds.get(name, np.nan):>9.0f}")


if __name__ == "__main__":
    main()
