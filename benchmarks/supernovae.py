"""How good the supernova networks are, beside gradient boosting on the same objects, splits and windows.

    python benchmarks/supernovae.py [--splits half ...] [--network half=FOLDER ...] [--real]

Needs the challenge's archive in ``LCNET_DATA``. Boosting: 65 kernel-smoothed fluxes without any feature of the window
(16 phases in four bands and the brightness; two more with the host's redshift), scikit-learn's histogram gradient
boosting, trained on the same objects and looks as the network. Figures are of the objects that the split does not train
on, thresholds from held-out training objects, intervals 68% bootstraps over objects. ``--real``: real supernovae at the
same threshold, the share called Ia with its 68% Wilson interval.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402

PHASES = np.arange(-25.0, 66.0, 6.0)
SMOOTH = 6.0
SHIPPED = {"half": "supernovae/des", "spectroscopic": "supernovae/des-spectroscopic"}
EPOCHS = (0.0, 5.0, 15.0, 25.0, 50.0)
REAL = ("Pantheon_PS1MD", "JLA2014_SNLS_DS17", "Foundation_DJ17", "CSPDR3_anthony")
_FALL = 15.0  # days after the peak
BAND_NAMES = {"g": "g", "r": "r", "i": "i", "z": "z", "g'": "g", "r'": "r", "i'": "i", "z'": "z"}


def features(inputs, host):
    """Smoothed fluxes (n, 65), or (n, 67) with the redshift."""
    time, flux, error = (inputs[name].astype(np.float64) for name in ("time", "flux", "flux_err"))
    seen = error > 0
    scale = np.where(seen, flux - error, -np.inf).max(axis=(1, 2))
    scale = np.maximum(scale, np.where(seen, error, np.inf).min(axis=(1, 2)))
    columns = []
    for phase in PHASES:
        near = np.exp(-0.5 * ((time - phase) / SMOOTH) ** 2)[:, :, None]
        weight = np.where(seen, near / np.where(seen, error, 1) ** 2, 0)
        # far from any point the estimate goes to zero: a pull of one point with the scale's error
        prior = 1 / (0.5 * scale[:, None]) ** 2
        columns.append((weight * flux).sum(axis=1) / (weight.sum(axis=1) + prior) / scale[:, None])
    table = np.column_stack([*columns, np.log10(scale)])
    return np.column_stack([table, inputs["redshift"], inputs["redshift_err"]]) if host else table


def boosting(examples, seed=0):
    """Two classifiers, without and with redshift, and their thresholds: fitted to the training part, as the network."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    from lcnet.core.splits import grouped_split
    from lcnet.supernovae.evaluation import choose_threshold

    label = examples.targets["label"]
    held = grouped_split(examples.group, 0.15, seed=seed, labels=label)
    whole = held & (examples.meta["look"] == 0).to_numpy()
    found = {}
    for host in (False, True):
        table = features(examples.inputs, host)
        model = HistGradientBoostingClassifier(
            max_iter=300, learning_rate=0.08, l2_regularization=1.0, early_stopping=False, random_state=seed
        ).fit(table[~held], label[~held])
        found[host] = model, choose_threshold(model.predict_proba(table[whole])[:, 0], label[whole] == 0)
    return found


def line(name, found):
    words = [f"{key} {one}" for key, one in found.items()]
    print(f"  {name:34}" + "  ".join(words), flush=True)


def one_split(split, photometry, network, resamples, peer):
    """Print the table of one split."""
    from lcnet.supernovae import evaluation
    from lcnet.supernovae.challenge import CLASSES, training_examples
    from lcnet.supernovae.judging import _members, inputs_of, late_triggers, tested, threshold_of
    from lcnet.supernovae.views import make_views

    print(f"\n{split}")
    boosted = boosting(training_examples(photometry, split, looks=1)) if peer else None
    objects = tested(photometry, split)
    label = np.array([CLASSES.index(one) for one in objects.truth["type"]])
    views = make_views(objects)
    late, _ = late_triggers(objects, views)
    for host, kind in ((False, "without redshift"), (True, "with host redshift")):
        inputs = inputs_of(objects, views, host=host)
        if boosted:
            model, threshold = boosted[host]
            said = model.predict_proba(features(inputs, host))
            line(f"boosting, {kind}", evaluation.judge(said, label, threshold, resamples=resamples))
        if network is not None:
            members = _members(network, inputs, views.n_obs > 0)
            limit = threshold_of(network, kind)
            line(f"network, {kind}", evaluation.judge(members.mean(axis=0), label, limit, resamples=resamples))
            each = [evaluation.figures(one, label, limit) for one in members]
            words = [f"{key} {np.mean([e[key] for e in each]):.4f} +- {np.std([e[key] for e in each], ddof=1):.4f}"
                     for key in each[0]] if len(each) > 1 else []  # fmt: skip
            print(f"  {'its ' + str(len(each)) + ' members, one by one':34}" + "  ".join(words), flush=True)
    print(
        "  days after the trigger, without redshift: AUC (FoM) of all; triggered before, after the true peak"
        f" ({late.mean():.3f} of all objects)"
    )
    for epoch in EPOCHS:
        early = make_views(objects, epoch=epoch)
        there = early.n_obs > 0
        seen, guesses = {key: values[there] for key, values in early.inputs.items()}, {}
        if boosted:
            model, threshold = boosted[False]
            guesses["boosting"] = (model.predict_proba(features(seen, False)), threshold)
        if network is not None:
            said = _members(network, early.inputs, there).mean(axis=0)[there]
            guesses["network"] = (said, threshold_of(network, "without redshift"))
        for name, (said, limit) in guesses.items():
            words = []
            for group in (np.ones(there.sum(), bool), ~late[there], late[there]):
                found = evaluation.figures(said[group], label[there][group], limit)
                words.append(f"{found['auc']:.4f} ({found['fom']:.3f})")
            print(f"  {epoch:4.0f} d  {name:10} n {there.sum()}  " + "; ".join(words), flush=True)


def wilson(k, n, z=1.0):
    """Share and its 68% interval (Wilson 1927)."""
    if n == 0:
        return "-"
    p, middle = k / n, (k / n + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return f"{p:.3f} [{middle - half:.3f}, {middle + half:.3f}] of {n}"


def real(folder, network):
    """Real supernovae: recall of type Ia, and the share of others called Ia."""
    import pandas as pd

    from lcnet.supernovae.classify import classify
    from lcnet.supernovae.judging import threshold_of
    from lcnet.supernovae.read import read
    from lcnet.supernovae.views import make_views

    limit = threshold_of(network, "without redshift")
    print(f"\nreal supernovae, {network.card['name']}, without redshift, threshold {limit:.3f}")
    for name in REAL:
        photometry = read(folder / f"{name}.tar.gz")
        table = classify(photometry, network=network)
        inputs = make_views(photometry).inputs
        last = np.where((inputs["flux_err"] > 0).any(axis=2), inputs["time"], -np.inf).max(axis=1)
        good = np.isin(table["status"], ["ok"])
        called = np.asarray(table["p_Ia"]) >= limit
        seen = good & (last >= _FALL)
        print(
            f"  {name:22} Ia called Ia {wilson(called[good].sum(), good.sum())}; seen {_FALL:.0f} d after the peak or"
            f" longer {wilson(called[seen].sum(), seen.sum())}; out of distribution {table['ood'][good].mean():.2f}"
        )
    objects = pd.read_parquet(folder / "osc_2010_2014_objects.parquet").set_index("name")
    points = pd.read_parquet(folder / "osc_2010_2014_photometry.parquet")
    points = points[points["band"].isin(BAND_NAMES) & ~points["upperlimit"].fillna(False).astype(bool)]
    points = points[np.isfinite(points["mag"]) & (points["emag"] > 0) & ~points["system"].isin(["Vega"])]
    frame = pd.DataFrame({"object": points["name"], "mjd": points["time"], "band": points["band"].map(BAND_NAMES)})
    frame["mag"], frame["mag_err"] = points["mag"], np.hypot(points["emag"].astype(float), 0.02)
    dust = pd.DataFrame({"object": objects.index, "mwebv": objects["ebv"].to_numpy(float)})
    table = classify(frame.reset_index(drop=True), network=network, metadata=dust)
    kind = objects["type1"].reindex(np.asarray(table["object"]).astype(str))
    good = (np.asarray(table["n_obs"]) >= 5) & np.isin(table["status"], ["ok"])
    for label, wanted in {
        "Ia": ["Ia"],
        "not Ia": ["II", "II P", "IIn", "IIb", "Ib", "Ic", "Ib/c", "Ic BL", "Ibn", "Ib/IIb", "CC"],
        "superluminous": ["SLSN-I", "SLSN-II", "SLSN-I-R"],
    }.items():
        mine = good & kind.isin(wanted).to_numpy()
        called = (np.asarray(table["p_Ia"])[mine] >= limit).sum()
        strange = table["ood"][mine].mean()
        print(f"  OSC, {label:14} called Ia {wilson(called, mine.sum())}; out of distribution {strange:.2f}")


def main():
    import lcnet
    from lcnet.supernovae.read import read

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--splits", nargs="*", default=["half", "representative-1103", "spectroscopic"])
    parser.add_argument("--network", nargs="*", default=[], metavar="SPLIT=NET")
    parser.add_argument("--real", action="store_true")
    parser.add_argument("--only", choices=("boosting", "network"), help="one of the two, to save time")
    parser.add_argument("--resamples", type=int, default=200)
    options = parser.parse_args()
    folder = (
        Path(os.environ.get("LCNET_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data") / "supernovae"
    )
    if not (folder / "SIMGEN_PUBLIC_DES.tar.xz").is_file():
        raise SystemExit(f"no challenge archive in {folder}: set LCNET_DATA")
    given = dict(one.split("=", 1) for one in options.network)
    photometry = read(folder / "SIMGEN_PUBLIC_DES.tar.xz")
    for split in options.splits:
        where = None if options.only == "boosting" else given.get(split, SHIPPED.get(split))
        network = None if where is None else lcnet.load(where)
        one_split(split, photometry, network, options.resamples, options.only != "network")
    if options.real:
        real(folder, lcnet.load(given.get("half", SHIPPED["half"])))


if __name__ == "__main__":
    main()
