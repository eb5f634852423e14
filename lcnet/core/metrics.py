"""Figures of merit (scikit-learn's) and how sure one can be of them: bootstraps over groups, not over rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

__all__ = [
    "Interval",
    "bootstrap",
    "brier_skill",
    "calibration_error",
    "calibration_slope",
    "classification_metrics",
    "expected_calibration_error",
    "paired_bootstrap",
    "reliability",
]


@dataclass(frozen=True)
class Interval:
    """A figure of merit and the central interval of its bootstrap distribution (NaN where never defined)."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        if np.isnan(self.low) or np.isnan(self.high):
            return f"{self.value:.4f}"
        return f"{self.value:.4f} [{self.low:.4f}, {self.high:.4f}]"


def classification_metrics(probabilities, labels, classes: Sequence[str]) -> dict[str, float]:
    """Every figure lcnet reports of a classification.

    Parameters
    ----------
    probabilities : array, shape (n, classes)
    labels : array of int, shape (n,)
    classes : sequence of str

    Returns
    -------
    dict of str to float
        ``log_loss`` [nats], ``brier`` (sum over classes, 0 to 2), ``accuracy``, ``balanced_accuracy``, ``ece``,
        ``average_precision`` and ``auc`` (means over the classes that have both), and ``average_precision_<class>``,
        ``auc_<class>``, one class against the rest. What `labels` cannot define is NaN.
    """
    from sklearn.metrics import accuracy_score, average_precision_score, recall_score, roc_auc_score

    probabilities, labels = np.asarray(probabilities, dtype=np.float64), np.asarray(labels)
    truth = np.eye(len(classes))[labels]
    guess = probabilities.argmax(axis=1)
    present = np.unique(labels)
    out = {
        "log_loss": float(-np.log(np.maximum(probabilities[np.arange(len(labels)), labels], 1e-15)).mean()),
        "brier": float(((probabilities - truth) ** 2).sum(axis=1).mean()),
        "accuracy": float(accuracy_score(labels, guess)),
        # recall over the classes present is scikit-learn's balanced accuracy, without its warning when a guess is not
        "balanced_accuracy": float(recall_score(labels, guess, labels=present, average="macro", zero_division=0)),
        "ece": expected_calibration_error(probabilities, labels),
    }
    precision, area = {}, {}
    for column, name in enumerate(classes):
        both = 0 < truth[:, column].sum() < len(labels)
        precision[name] = area[name] = np.nan
        if both:
            precision[name] = float(average_precision_score(truth[:, column], probabilities[:, column]))
            area[name] = float(roc_auc_score(truth[:, column], probabilities[:, column]))
    for key, values in (("average_precision", precision), ("auc", area)):
        defined = [value for value in values.values() if not np.isnan(value)]
        out[key] = float(np.mean(defined)) if defined else np.nan
        out |= {f"{key}_{name}": value for name, value in values.items()}
    return out


def reliability(probabilities, outcomes, *, bins: int | Sequence[float] = 15) -> pd.DataFrame:
    """How often what is called likely happens: bins of equal numbers of rows, or between given probabilities.

    Parameters
    ----------
    probabilities : array, shape (n,)
    outcomes : array of bool, shape (n,)
    bins : int or sequence of float
        How many of equal number, at most: a small sample gives fewer. Or their edges, the last one inside: where most
        probabilities are near 0 or 1, bins of equal number hardly tell those between apart. A bin without rows is left
        out.

    Returns
    -------
    DataFrame
        ``n``, ``predicted`` (mean probability), ``observed`` (share that came true) and ``observed_err`` (binomial).
    """
    probabilities, outcomes = np.asarray(probabilities, dtype=np.float64), np.asarray(outcomes, dtype=np.float64)
    order = np.argsort(probabilities, kind="stable")
    if np.ndim(bins):
        inside = order[(probabilities[order] >= bins[0]) & (probabilities[order] <= bins[-1])]
        parts = np.split(inside, np.searchsorted(probabilities[inside], bins[1:-1]))
    else:
        parts = np.array_split(order, min(bins, len(order))) if len(order) else []
    rows = []
    for part in parts:
        if not len(part):
            continue
        observed = outcomes[part].mean()
        rows.append((len(part), probabilities[part].mean(), observed, np.sqrt(observed * (1 - observed) / len(part))))
    return pd.DataFrame(rows, columns=["n", "predicted", "observed", "observed_err"])


def calibration_error(probabilities, outcomes, *, least: float = 0.0, bins: int = 15) -> float:
    """Mean distance between predicted and observed share over bins of equal number; NaN without a row.

    Parameters
    ----------
    probabilities : array, shape (n,)
    outcomes : array of bool, shape (n,)
    least : float
        Only rows of at least this probability: where most are near 0, those alone make any prediction look calibrated.
    bins : int
    """
    likely = np.asarray(probabilities) >= least
    table = reliability(np.asarray(probabilities)[likely], np.asarray(outcomes)[likely], bins=bins)
    if table.empty:
        return float("nan")
    return float(np.average(np.abs(table["predicted"] - table["observed"]), weights=table["n"]))


def calibration_slope(probabilities, outcomes, *, least: float = 0.0) -> float:
    """Slope of the outcomes' log odds over the predicted ones (Cox 1958, Biometrika 45, 562): 1 if calibrated.

    Parameters as in `calibration_error`.
    """
    from sklearn.linear_model import LogisticRegression

    probabilities = np.asarray(probabilities, dtype=np.float64)
    likely = probabilities >= least
    p = np.clip(probabilities[likely], 1e-6, 1 - 1e-6)
    fitted = LogisticRegression(C=np.inf).fit(np.log(p / (1 - p))[:, None], np.asarray(outcomes)[likely])
    return float(fitted.coef_[0, 0])


def brier_skill(probabilities, outcomes) -> float:
    """1 - Brier score over that of always saying the base rate."""
    outcomes = np.asarray(outcomes, dtype=np.float64)
    return float(1 - np.mean((np.asarray(probabilities) - outcomes) ** 2) / np.var(outcomes))


def expected_calibration_error(probabilities, labels, *, bins: int = 15) -> float:
    """Mean distance between the confidence in the likeliest class and its accuracy (Naeini et al. 2015), equal bins.

    Parameters
    ----------
    probabilities : array, shape (n, classes)
    labels : array of int, shape (n,)
    bins : int
    """
    probabilities = np.asarray(probabilities, dtype=np.float64)
    return calibration_error(probabilities.max(axis=1), probabilities.argmax(axis=1) == np.asarray(labels), bins=bins)


def bootstrap(
    metrics: Callable[[np.ndarray], dict[str, float]], group, *, n: int = 200, level: float = 0.68, seed: int = 0
) -> dict[str, Interval]:
    """Intervals of figures of merit, resampling whole groups with replacement.

    Parameters
    ----------
    metrics : callable
        ``metrics(rows) -> dict`` of the figures on the rows numbered `rows`, shape (m,), repeats included.
    group : array, shape (rows,)
    n : int
        Resamples.
    level : float
        Probability inside the interval.
    seed : int

    Returns
    -------
    dict of str to Interval
    """
    tail = 100 * (1 - level) / 2
    value = metrics(np.arange(len(group)))
    draws = pd.DataFrame([metrics(rows) for rows in _resamples(group, n, seed)])
    out = {}
    for name, central in value.items():
        defined = draws[name].dropna().to_numpy() if name in draws else np.empty(0)
        low, high = np.percentile(defined, [tail, 100 - tail]) if len(defined) else (np.nan, np.nan)
        out[name] = Interval(float(central), float(low), float(high))
    return out


def paired_bootstrap(
    first: Callable[[np.ndarray], dict[str, float]],
    second: Callable[[np.ndarray], dict[str, float]],
    group,
    *,
    n: int = 200,
    level: float = 0.68,
    seed: int = 0,
) -> dict[str, Interval]:
    """Intervals of `first` minus `second` on the same resamples, for the figures both report.

    Two networks judged on the same stars share their hard cases; comparing two separate intervals would ignore it.
    Parameters as in `bootstrap`.
    """

    def difference(rows: np.ndarray) -> dict[str, float]:
        ours, theirs = first(rows), second(rows)
        return {name: ours[name] - theirs[name] for name in ours if name in theirs}

    return bootstrap(difference, group, n=n, level=level, seed=seed)


def _resamples(group, n: int, seed: int):
    _, inverse, size = np.unique(np.asarray(group), return_inverse=True, return_counts=True)
    order = np.argsort(inverse, kind="stable")
    start = np.cumsum(size) - size
    rng = np.random.default_rng(seed)
    for _ in range(n):
        drawn = rng.integers(len(size), size=len(size))
        length = size[drawn]
        # rows of each drawn group, end to end, without a Python loop over groups
        offset = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
        yield order[np.repeat(start[drawn], length) + offset]
