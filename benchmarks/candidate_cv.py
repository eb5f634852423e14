"""How good the candidate network is: grouped 5-fold cross-validation beside gradient boosting on identical inputs.

    python -m lcnet.transits.published yu2019 ../shared/data/transits --output yu.h5
    python -m lcnet.transits.published nigraha ../shared/data/transits --output nigraha.h5
    lcnet simulate transits/candidate -n 8192 --seed 1 --jobs 2 --output simulated.h5
    python benchmarks/candidate_cv.py --data yu.h5 --extra nigraha.h5 --extra simulated.h5 --keep cv.npz \
        --toi ../shared/data/transits/catalogs/toi_2025.csv.gz

Truth: human labels of 2019 (Yu et al.); with --toi also today's dispositions of the events that match a TOI in period.
Groups (star or ephemeris) never straddle a fold; extra events join the training parts only, without the groups of the
test part; network and boosting see the same folds, inputs and training events, and are run with the same seeds, each of
which draws its own folds. `mean of seeds` averages the out-of-fold predictions. Intervals are 95% bootstraps over
groups, differences paired. With --keep FILE the predictions are stored seed by seed, and found again.
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
PRECISION = 0.757  # at which Yu et al. (2019) state a recall of 0.97


def boosted(examples, extra, fold, seed):
    """Out-of-fold probabilities of scikit-learn's histogram gradient boosting."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    def features(some):
        return np.concatenate(
            [np.asarray(some.inputs[name]).reshape(len(some), -1) for name in VIEWS + SCALARS], axis=1
        )

    label, said = examples.targets["label"], np.zeros((len(examples), 3))
    everything, group = features(examples), examples.group.astype(str)
    for number in np.unique(fold):
        inside = fold != number
        x, y, weight = everything[inside], label[inside], np.ones(inside.sum())
        if extra is not None:
            more = extra.take(~np.isin(extra.group.astype(str), group[~inside]))
            theirs, own = more.targets["label"], np.asarray(more.weight, float)
            # as the network's: extra events weigh so that the class shares stay those of the real ones
            share = np.bincount(y, minlength=3) / y.size / (np.bincount(theirs, own, 3) / own.sum())
            weight = np.concatenate([weight, own * share[theirs]])
            x, y = np.concatenate([x, features(more)]), np.concatenate([y, theirs])
        model = HistGradientBoostingClassifier(max_iter=300, learning_rate=0.06, l2_regularization=1.0,
                                               early_stopping=True, random_state=seed)  # fmt: skip
        said[~inside] = model.fit(x, y, sample_weight=weight).predict_proba(everything[~inside])
    return said


def with_yus_scalars(examples, path, fold, seed):
    """Out-of-fold probabilities of boosting on the network's measures and on columns that no single light curve gives.

    Yu et al.'s SN, Qingress, depth_change (two apertures) and Tmag: what a network with them could do at the least.
    """
    import pandas as pd
    import torch
    from sklearn.ensemble import HistGradientBoostingClassifier

    from lcnet.core.inputs import normalise, to_tensors
    from lcnet.transits.tasks import CANDIDATE

    with torch.no_grad():
        inputs = to_tensors(CANDIDATE.inputs, normalise(CANDIDATE.inputs, dict(examples.inputs)))
        measures = CANDIDATE.net().measures(inputs).numpy()
    columns = ["SN", "Qingress", "depth_change", "vet_Tmag"]
    theirs = pd.read_csv(path)[columns].to_numpy(float)[examples.meta["row"].to_numpy()]
    x, label = np.concatenate([measures, theirs], axis=1), examples.targets["label"]
    said = np.zeros((len(examples), 3))
    for number in np.unique(fold):
        inside = fold != number
        model = HistGradientBoostingClassifier(max_iter=250, learning_rate=0.05, l2_regularization=1.0,
                                               max_leaf_nodes=15, random_state=seed)  # fmt: skip
        said[~inside] = model.fit(x[inside], label[inside]).predict_proba(x[~inside])
    return said


def recall_at_precision(p, outcome, precision=PRECISION):
    """Largest recall of any threshold whose precision is at least `precision`."""
    from sklearn.metrics import precision_recall_curve

    precise, recall, _ = precision_recall_curve(outcome, p)
    return recall[precise >= precision].max()


def figures(said, label):
    """A function rows -> figures of both readings."""
    from sklearn.metrics import average_precision_score

    from lcnet.core.metrics import brier_skill, calibration_error, calibration_slope

    def on(rows):
        p, y = said[rows], label[rows]
        found = {}
        for name, score, true in (("triage", 1 - p[:, 2], y != 2), ("vetting", p[:, 0], y == 0)):
            found[f"{name} AP"] = average_precision_score(true, score)
            found[f"{name} ECE"] = calibration_error(score, true, least=0.1, bins=10)
            found[f"{name} slope"] = calibration_slope(score, true, least=0.1)
            found[f"{name} Brier skill"] = brier_skill(score, true)
        found["recall at .757"] = recall_at_precision(1 - p[:, 2], y != 2)
        found["log loss"] = -np.mean(np.log(np.clip(p[np.arange(y.size), y], 1e-9, 1)))
        return found

    return on


def tables(models, label, group, *, n=200):
    """Figures of every model with intervals, and the paired differences from the first."""
    from lcnet.core.metrics import bootstrap, paired_bootstrap

    names = list(models)
    columns = [bootstrap(figures(models[name], label), group, n=n, level=0.95) for name in names]
    for name in names[1:]:
        pair = figures(models[names[0]], label), figures(models[name], label)
        columns.append(paired_bootstrap(*pair, group, n=n, level=0.95))
        names.append(f"difference from {name}" if len(models) > 2 else "difference")
    print(f"{'':<22}" + "".join(f"{name:>28}" for name in names))
    for row in columns[0]:
        cells = [f"{column[row].value:.3f} [{column[row].low:.3f}, {column[row].high:.3f}]" for column in columns]
        print(f"{row:<22}" + "".join(f"{cell:>28}" for cell in cells))


def todays(examples, path):
    """Today's TOI disposition of every event that matches one in star and period; "" for the others."""
    import pandas as pd

    table = pd.read_csv(path, comment="#", low_memory=False).dropna(subset=["pl_orbper", "tfopwg_disp"])
    by_star = dict(iter(table.groupby("tid")))
    found = np.full(len(examples), "", dtype=object)
    for row, (target, period) in enumerate(zip(examples.meta["target"], examples.inputs["period"], strict=True)):
        known = by_star.get(int(target.split()[-1]))
        if known is not None:
            near = known[np.abs(known["pl_orbper"] / float(period) - 1) < 2e-3]
            found[row] = "" if near.empty else near["tfopwg_disp"].iloc[0]
    return found


def vintages(models, label, examples, path):
    """The same predictions against today's labels: TOI planets and candidates are planets, its false ones are not."""
    today = todays(examples, path)
    planet, false = np.isin(today, ("CP", "KP", "PC")), np.isin(today, ("FP", "FA"))
    print("\nYu's label against today's TOI disposition (events that match one in period)")
    kinds = ("CP", "KP", "PC", "APC", "FP", "FA")
    print(f"{'':<10}" + "".join(f"{kind:>6}" for kind in kinds))
    for k, name in enumerate(("planet", "eclipse", "junk")):
        print(f"{name:<10}" + "".join(f"{np.sum((today == kind) & (label == k)):>6}" for kind in kinds))
    relabelled = label.copy()
    relabelled[planet] = 0
    # a false positive by follow-up shows a transit all the same: an eclipse, most often; a false alarm shows none
    relabelled[false & (label == 0)] = np.where(today[false & (label == 0)] == "FP", 1, 2)
    print(f"\nafter relabelling {np.sum(relabelled != label)} events")
    tables(models, relabelled, examples.group)
    said = next(iter(models.values()))
    junk = np.flatnonzero(label == 2)
    top = junk[np.argsort(said[junk, 2])][:25]
    print("\nthe 25 of Yu's junk that look most like a transit: p_transit, p_planet, TIC, period [d], TOI today")
    for row in top:
        p, period = said[row], examples.inputs["period"][row]
        print(
            f"  {1 - p[2]:.3f}  {p[0]:.3f}  {examples.meta['target'].iloc[row]:<14} {period:9.4f}  {today[row] or '-'}"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("yu.h5"))
    parser.add_argument("--extra", type=Path, action="append", default=[])
    parser.add_argument("--toi", type=Path, help="the TOI table, for today's dispositions")
    parser.add_argument("--scalars", type=Path, help="Yu's table, for a row with the columns one light curve lacks")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--members", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--folds", type=int, default=5, help="fewer train on less: a learning curve")
    parser.add_argument("--no-boosting", action="store_true")
    options = parser.parse_args()
    if not options.data.is_file():
        raise SystemExit(f"skipped: {options.data} is absent; {__doc__.splitlines()[2].strip()} makes it")

    from lcnet.core.ensemble import cross_validate
    from lcnet.core.examples import Examples
    from lcnet.transits.tasks import CANDIDATE

    examples = Examples.open(options.data, lazy=False)
    parts = [Examples.open(path, lazy=False) for path in options.extra]
    extra = Examples.concatenate(parts) if parts else None
    if extra is not None and extra.weight is None:
        extra.weight = np.ones(len(extra), np.float32)
    label = examples.targets["label"]
    classes = ", ".join(f"{n} {name}" for n, name in zip(np.bincount(label), CANDIDATE.objective.classes, strict=True))
    print(f"{len(examples)} events, {len(np.unique(examples.group))} groups: {classes}")
    kept = dict(np.load(options.keep)) if options.keep and options.keep.is_file() else {}
    for seed in range(options.seeds):
        if f"network {seed}" not in kept:
            start = time.process_time()
            found = cross_validate(CANDIDATE, examples, folds=options.folds, members=options.members, extra=extra,
                                   seed=seed, epochs=options.epochs, patience=options.epochs,
                                   batch_size=options.batch_size, lr=options.lr, resamples=2)  # fmt: skip
            kept |= {f"network {seed}": found.prediction, f"fold {seed}": found.fold}
            kept[f"network {seed} cpu_s"] = time.process_time() - start
            if options.keep:
                np.savez(options.keep, **kept)
        if f"boosting {seed}" not in kept and not options.no_boosting:
            start = time.process_time()
            kept[f"boosting {seed}"] = boosted(examples, extra, kept[f"fold {seed}"], seed)
            kept[f"boosting {seed} cpu_s"] = time.process_time() - start
            if options.keep:
                np.savez(options.keep, **kept)
    kinds = ("network",) if options.no_boosting else ("network", "boosting")
    models = {kind: np.mean([kept[f"{kind} {seed}"] for seed in range(options.seeds)], axis=0) for kind in kinds}
    if options.keep:  # what benchmarks/candidate_curves.py draws
        np.savez(options.keep, **kept | models)
    print("\nseed by seed: triage AP, vetting AP, log loss; CPU seconds")
    for kind in kinds:
        for seed in range(options.seeds):
            one = figures(kept[f"{kind} {seed}"], label)(slice(None))
            print(f"  {kind:<9} {seed}  {one['triage AP']:.4f}  {one['vetting AP']:.4f}  {one['log loss']:.4f}"
                  f"  {float(kept[f'{kind} {seed} cpu_s']):.0f}")  # fmt: skip
    print("\nmean of seeds, labels of 2019")
    tables(models, label, examples.group)
    if options.scalars:
        rows = [with_yus_scalars(examples, options.scalars, kept[f"fold {k}"], k) for k in range(options.seeds)]
        print("\nfor comparison: boosting on the measures and Yu's own SN, Qingress, depth_change and Tmag")
        tables({"measures and Yu's": np.mean(rows, axis=0)}, label, examples.group)
    if options.toi:
        vintages(models, label, examples, options.toi)


if __name__ == "__main__":
    main()
