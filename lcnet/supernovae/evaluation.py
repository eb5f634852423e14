"""How good a classification of supernovae is, in the field's own figures.

The figure of merit is that of the challenge (Kessler et al. 2010, PASP 122, 1415, eq. 3): efficiency times
pseudo-purity, TP / (TP + FN) x TP / (TP + 3 FP), at a threshold that is chosen on objects other than those it is
reported for.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from lcnet.core.metrics import Interval, bootstrap, calibration_error, reliability

__all__ = [
    *("binned", "calibration", "choose_threshold", "curves", "curves_at", "figure_of_merit", "figures", "judge"),
    "perfect_calibration",
]

_PENALTY = 3.0  # what a false type Ia costs
BINS = {"redshift": (0.0, 0.3, 0.5, 0.7, 0.9, 1.2), "snr": (0.0, 7.0, 10.0, 15.0, 25.0, np.inf)}
# of p(Ia): nine objects in ten are below 0.01 or above 0.9
RELIABILITY = (0.0, 0.01, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.99, 1.0)
_MIDDLE = (0.1, 0.9)
_BINS, _MIDDLE_BINS, _FEWEST = 15, 8, 40
_FOLDED = ("ece_Ia", "ece_Ia_middle")


def figure_of_merit(chosen, truth) -> float:
    """Of the objects `chosen` as type Ia, array of bool (n,); `truth` says which are."""
    chosen, truth = np.asarray(chosen, bool), np.asarray(truth, bool)
    true, false = float((chosen & truth).sum()), float((chosen & ~truth).sum())
    if not truth.any() or not true:
        return 0.0
    return true / truth.sum() * true / (true + _PENALTY * false)


def choose_threshold(p_ia, truth=None) -> float:
    """The probability from which on an object is called Ia: the highest expected figure of merit on these objects.

    Counted from labels, the best threshold of a few hundred objects is a spike of noise. Sums of calibrated
    probabilities are the expected numbers of true and false ones, and are not.

    Parameters
    ----------
    p_ia : array, shape (n,)
    truth : array of bool, shape (n,), optional
        Which are Ia, where the probabilities are not calibrated: they are then, by a logistic in the logit of p (Platt
        1999), before they are summed.
    """
    p_ia = np.asarray(p_ia, float)
    order = np.argsort(-p_ia, kind="stable")
    share = p_ia[order]
    if truth is not None:
        from scipy.special import logit
        from sklearn.linear_model import LogisticRegression

        truth = np.asarray(truth, bool)[order]
        if not truth.any():
            raise ValueError("no type Ia to choose a threshold with")
        x = logit(np.clip(share, 1e-4, 1 - 1e-4))[:, None]
        share = np.ones(len(x)) if truth.all() else LogisticRegression().fit(x, truth).predict_proba(x)[:, 1]
    true, false = np.cumsum(share), np.cumsum(1 - share)
    return float(p_ia[order][np.argmax(true**2 / (true + _PENALTY * false))])


def figures(probabilities, labels, threshold: float) -> dict[str, float]:
    """Accuracy, AUC, efficiency, purity and figure of merit of type Ia against the rest.

    Parameters
    ----------
    probabilities : array, shape (n, 3)
        Ia, Ibc, II.
    labels : array of int, shape (n,)
    threshold : float
        Chosen elsewhere.
    """
    from sklearn.metrics import roc_auc_score

    probabilities, labels = np.asarray(probabilities, float), np.asarray(labels)
    p, truth = probabilities[:, 0], labels == 0
    chosen = p >= threshold
    true, false = (chosen & truth).sum(), (chosen & ~truth).sum()
    both = 0 < truth.sum() < len(truth)
    return {
        "accuracy": float((probabilities.argmax(axis=1) == labels).mean()),
        "accuracy_Ia": float(((p >= 0.5) == truth).mean()),
        "auc": float(roc_auc_score(truth, p)) if both else np.nan,
        "efficiency": float(true / truth.sum()) if truth.any() else np.nan,
        "purity": float(true / (true + false)) if true + false else np.nan,
        "fom": figure_of_merit(chosen, truth) if truth.any() else np.nan,
    }


def calibration(p_ia, truth) -> dict[str, float]:
    """Calibration error over all, and error and slope of observed on predicted share where p is between 0.1 and 0.9."""
    p_ia, truth = np.asarray(p_ia, float), np.asarray(truth, bool)
    middle = (p_ia >= _MIDDLE[0]) & (p_ia <= _MIDDLE[1])
    out = {"ece_Ia": calibration_error(p_ia, truth, bins=_BINS)}
    if middle.sum() >= _FEWEST:
        out["ece_Ia_middle"] = calibration_error(p_ia[middle], truth[middle], bins=_MIDDLE_BINS)
        inside = reliability(p_ia[middle], truth[middle], bins=_MIDDLE_BINS)
        out["slope"] = float(np.polyfit(inside["predicted"], inside["observed"], 1, w=np.sqrt(inside["n"]))[0])
    return out


def perfect_calibration(p_ia, *, draws: int = 400, seed: int = 0) -> dict[str, Interval]:
    """What the errors of `calibration` would be if every probability were right: counting alone makes them positive.

    Of so many draws of the truths from the probabilities themselves, the mean and the central 68%: ``ece_Ia_perfect``
    and, where there are objects enough, ``ece_Ia_middle_perfect``. An error inside its range cannot be told from none.
    """
    p_ia, rng = np.sort(np.asarray(p_ia, float)), np.random.default_rng(seed)
    middle = p_ia[(p_ia >= _MIDDLE[0]) & (p_ia <= _MIDDLE[1])]
    found = {}
    for name, p, bins in (("ece_Ia", p_ia, _BINS), ("ece_Ia_middle", middle, _MIDDLE_BINS)):
        if len(p) < (_FEWEST if p is middle else 1):
            continue
        # the bins of `reliability`: of the probabilities alone, so that one sorting serves all draws
        first = [part[0] for part in np.array_split(np.arange(len(p)), min(bins, len(p)))]
        expected = np.add.reduceat(p, first)
        errors = [
            np.abs(np.add.reduceat((rng.random(len(p)) < p).astype(float), first) - expected).sum() / len(p)
            for _ in range(draws)
        ]
        found[f"{name}_perfect"] = Interval(float(np.mean(errors)), *map(float, np.percentile(errors, [16, 84])))
    return found


def binned(probabilities, labels, threshold: float, values, edges) -> pd.DataFrame:
    """`figures` in bins of `values`, array (n,): ``low``, ``high``, ``n`` and the figures."""
    rows = []
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        inside = (values >= low) & (values < high)
        if inside.sum() >= 20:
            found = figures(np.asarray(probabilities)[inside], np.asarray(labels)[inside], threshold)
            rows.append({"low": low, "high": high, "n": int(inside.sum()), **found})
    return pd.DataFrame(rows)


def curves(p_ia, truth) -> pd.DataFrame:
    """ROC and purity-efficiency curve: ``threshold, efficiency, false_positive_rate, purity``."""
    p_ia, truth = np.asarray(p_ia, float), np.asarray(truth, bool)
    order = np.argsort(-p_ia, kind="stable")
    true, false = np.cumsum(truth[order]), np.cumsum(~truth[order])
    return pd.DataFrame(
        {
            "threshold": p_ia[order],
            "efficiency": true / max(1, truth.sum()),
            "false_positive_rate": false / max(1, (~truth).sum()),
            "purity": true / (true + false),
        }
    )


def curves_at(table: pd.DataFrame, thresholds) -> pd.DataFrame:
    """The rows of `curves` of some thresholds: what is called Ia has that probability or more."""
    thresholds = np.asarray(thresholds, float)
    called = np.searchsorted(-table["threshold"].to_numpy(), -thresholds, side="right")
    # above every probability nothing is called: no efficiency, and a purity of nothing
    rows = table.iloc[np.maximum(called - 1, 0)].reset_index(drop=True)
    rows.loc[called == 0, ["efficiency", "false_positive_rate"]] = 0.0
    rows.loc[called == 0, "purity"] = np.nan
    return rows.assign(threshold=thresholds, called=called)


def judge(probabilities, labels, threshold: float, *, resamples: int = 200, seed: int = 0) -> dict[str, Interval]:
    """All of `figures`, `calibration` and `perfect_calibration`, with 68% intervals over objects.

    Calibration errors have no interval of their own. They are means of absolute deviations: a resample scatters about
    the sample as the sample does about the truth, which can only add to them, so that a bootstrap's interval lies too
    high and need not hold the value itself. Beside each stands what perfect probabilities would show, with its range.
    """
    probabilities, labels = np.asarray(probabilities, float), np.asarray(labels)

    def metrics(rows):
        some, truth = probabilities[rows], labels[rows]
        return figures(some, truth, threshold) | calibration(some[:, 0], truth == 0)

    found = bootstrap(metrics, np.arange(len(labels)), n=resamples, seed=seed)
    perfect = perfect_calibration(probabilities[:, 0], seed=seed)
    out = {}
    for name, one in found.items():
        out[name] = Interval(one.value, np.nan, np.nan) if name in _FOLDED else one
        if f"{name}_perfect" in perfect:
            out[f"{name}_perfect"] = perfect[f"{name}_perfect"]
    return out
