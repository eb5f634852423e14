"""Reliability diagram and precision against recall of the candidate network, from its out-of-fold predictions.

    python benchmarks/candidate_cv.py --data yu.h5 ... --keep cv.npz
    python benchmarks/candidate_curves.py --data yu.h5 --kept cv.npz [--plot docs/transits-curves.png]

Every event is judged by a network that was trained without its group. Intervals of the bins are binomial.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

THRESHOLDS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
READINGS = {"triage: transit or eclipse": "#0072B2", "vetting: planet": "#D55E00"}


def readings(said, label):
    """name -> (score, outcome) of the two readings of probabilities (n, 3)."""
    scores = (1 - said[:, 2], label != 2), (said[:, 0], label == 0)
    return dict(zip(READINGS, scores, strict=True))


def equal_bins(score, outcome, *, least=0.1, bins=10):
    """The events with a score of at least `least` in bins of equal number: mean score, share, its error."""
    order = np.flatnonzero(score >= least)
    order = order[np.argsort(score[order], kind="stable")]
    rows = []
    for part in np.array_split(order, bins):
        if part.size:
            share = outcome[part].mean()
            # of a share near 0 or 1 the plain binomial error vanishes; with half an event more on each side it does not
            mild = (outcome[part].sum() + 0.5) / (part.size + 1)
            rows.append((score[part].mean(), share, np.sqrt(mild * (1 - mild) / part.size)))
    return np.array(rows)


def plot(said, label, path):
    """Both diagrams beside each other."""
    import pandas as pd
    from matplotlib.figure import Figure

    from lcnet.core.plots import plot_precision_recall, plot_reliability

    figure = Figure(figsize=(9.0, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    for (name, colour), marker in zip(READINGS.items(), "os", strict=True):
        score, outcome = readings(said, label)[name]
        bins = pd.DataFrame(equal_bins(score, outcome), columns=["predicted", "observed", "observed_err"])
        plot_reliability(bins, ax=left)
        line = left.containers[-1]
        for part in (line[0], *line[1], *line[2]):
            part.set_color(colour)
        line[0].set_marker(marker)
        line.set_label(name)
        plot_precision_recall(outcome, score, ax=right, label=name, color=colour)
    left.legend(*left.get_legend_handles_labels(), frameon=False, loc="upper left")
    right.legend(frameon=False, loc="lower left", title="average precision")
    left.set_title("events with p >= 0.1, ten bins of equal number", fontsize="medium")
    right.set_title("all events", fontsize="medium")
    figure.savefig(path, dpi=100)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("yu.h5"))
    parser.add_argument("--kept", type=Path, required=True, help="what candidate_cv.py --keep wrote")
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()

    from sklearn.metrics import average_precision_score

    from lcnet.core.examples import Examples
    from lcnet.core.metrics import brier_skill, calibration_error, calibration_slope

    label = np.asarray(Examples.open(options.data).targets["label"][:])
    said = np.load(options.kept)["network"]
    said = said.mean(axis=0) if said.ndim == 3 else said  # one a seed
    if len(said) != len(label):
        raise SystemExit(f"{options.kept} holds {len(said)} predictions, {options.data} {len(label)} events")
    for name, (score, outcome) in readings(said, label).items():
        error = calibration_error(score, outcome, least=0.1, bins=10)
        print(
            f"{name}: average precision {average_precision_score(outcome, score):.3f}, {outcome.sum()} of {len(label)}"
        )
        print(f"  where p >= 0.1: calibration error {error:.3f}")
        print(f"  slope {calibration_slope(score, outcome):.2f}, Brier skill {brier_skill(score, outcome):.2f}")
        print("  threshold  " + "".join(f"{t:>8g}" for t in THRESHOLDS))
        for word, figure in (
            ("precision", lambda t, s=score, o=outcome: o[s >= t].mean() if (s >= t).any() else np.nan),
            ("recall", lambda t, s=score, o=outcome: (o & (s >= t)).sum() / o.sum()),
        ):
            print(f"  {word:<11}" + "".join(f"{figure(t):>8.3f}" for t in THRESHOLDS))
    if options.plot:
        plot(said, label, options.plot)


if __name__ == "__main__":
    main()
