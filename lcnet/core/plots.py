"""Pictures of a training run and of what came of it. matplotlib is imported inside: training does not need it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from lcnet.core.examples import Examples
    from lcnet.core.task import Task

__all__ = [
    "draw_predictions",
    "plot_history",
    "plot_metric",
    "plot_precision_recall",
    "plot_predictions",
    "plot_reliability",
    "save_history",
]


def plot_history(history: pd.DataFrame, *, ax=None):
    """Training and validation loss by epoch, with the epoch whose weights were kept.

    Parameters
    ----------
    history : DataFrame
        Of a `lcnet.core.training.Fit`, or a ``log.csv``.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax)
    few = {"marker": "."} if len(history) <= 60 else {}
    ax.plot(history["epoch"], history["train_loss"], color="C0", label="training", **few)
    if "validation_loss" in history:
        ax.plot(history["epoch"], history["validation_loss"], color="C1", label="validation", **few)
        best = history.loc[history["validation_loss"].idxmin()]
        ax.plot(best["epoch"], best["validation_loss"], "o", mfc="none", ms=10, color="C1", label="kept")
    ax.set_yscale("log")
    ax.set(xlabel="epoch", ylabel="loss")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend(frameon=False)
    return ax


def plot_metric(history: pd.DataFrame, name: str, *, ax=None):
    """One validation metric by epoch; parameters and return as in `plot_history`."""
    ax = _axes(ax)
    few = {"marker": "."} if len(history) <= 60 else {}
    ax.plot(history["epoch"], history[name], color="C2", **few)
    ax.set(xlabel="epoch", ylabel=name.replace("_", " "))
    ax.xaxis.get_major_locator().set_params(integer=True)
    return ax


def plot_reliability(table: pd.DataFrame, *, ax=None):
    """Observed against predicted share, with binomial errors, of a `lcnet.core.metrics.reliability` table."""
    ax = _axes(ax)
    ax.plot([0, 1], [0, 1], color="0.7", lw=1)
    ax.errorbar(table["predicted"], table["observed"], table["observed_err"], fmt="o", ms=4, capsize=2)
    ax.set(xlabel="predicted probability", ylabel="observed share", xlim=(0, 1), ylim=(-0.02, 1.02))
    return ax


def plot_precision_recall(outcomes, scores, *, ax=None, label="", **style):
    """Precision against recall as a threshold on the score moves.

    Parameters
    ----------
    outcomes : array of bool, shape (n,)
        What was to be found.
    scores : array, shape (n,)
    ax : matplotlib.axes.Axes, optional
    label : str
        The average precision is written behind it.
    **style
        Of the line.

    Returns
    -------
    matplotlib.axes.Axes
    """
    from sklearn.metrics import average_precision_score, precision_recall_curve

    ax = _axes(ax)
    precision, recall, _ = precision_recall_curve(outcomes, scores)
    words = f"{label}: {average_precision_score(outcomes, scores):.3f}".removeprefix(": ")
    # the last point is scikit-learn's own, of no event at all
    ax.step(recall[:-1], precision[:-1], where="post", label=words, **style)
    ax.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
    return ax


def plot_predictions(prediction, targets, *, objective, ax=None):
    """What a network predicts for held-out examples, against what they are.

    Of a classification the probability given to the true class, by class, the surest at the left; of a regression each
    target's predicted mean against its true value, in units of the range of the truth.

    Parameters
    ----------
    prediction : array, shape (n, classes) or (n, targets, 2)
        As `fit`'s ``on_epoch`` is given it, or as `Network.predict` returns it.
    targets : mapping of str to array, shape (n,)
    objective : Objective
        Of the task.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax)
    prediction = np.asarray(prediction)
    if prediction.ndim == 2:
        labels = objective.labels(targets)
        for number, name in enumerate(objective.classes):
            own = np.sort(prediction[labels == number, number])[::-1]
            if own.size:
                ax.plot((np.arange(own.size) + 0.5) / own.size, own, color=f"C{number}", label=f"{name} ({own.size})")
        ax.axhline(1 / prediction.shape[1], color="0.7", lw=0.8)
        ax.set(xlabel="share of the class's held-out examples", ylabel="probability of the true class")
        ax.set(xlim=(0, 1), ylim=(-0.02, 1.02))
    else:
        for number, name in enumerate(objective.targets):
            true = np.asarray(targets[name], float)
            low, span = true.min(), np.ptp(true) or 1.0
            mean = (prediction[:, number, 0] - low) / span
            ax.plot((true - low) / span, mean, ".", ms=3, color=f"C{number}", label=name)
        ax.plot([0, 1], [0, 1], color="0.7", lw=0.8)
        ax.set(xlabel="truth, over its range", ylabel="prediction")
    ax.legend(frameon=False)
    return ax


def draw_predictions(folder: str | os.PathLike, task: Task, validation: Examples, *, every: int = 1):
    """An ``on_epoch`` of `lcnet.core.training.fit` that draws the held-out predictions as they get better.

    Parameters
    ----------
    folder : path
        Gets ``epoch-000.png``, ``epoch-001.png`` ...
    task : Task
    validation : Examples
        The held-out examples that `fit` is given.
    every : int
        Epochs from one picture to the next.

    Returns
    -------
    callable
        ``on_epoch(epoch, prediction)``.

    Examples
    --------
    >>> fit(task, examples, validation=held, on_epoch=draw_predictions("pictures", task, held))  # doctest: +SKIP
    """
    if every < 1:
        raise ValueError(f"every must be positive, not {every}")

    def on_epoch(epoch: int, prediction) -> None:
        if epoch % every:
            return
        from lcnet.core.files import replaced

        figure, ax = _figure(5, 3.6)
        plot_predictions(prediction, validation.targets, objective=task.objective, ax=ax)
        ax.set_title(f"epoch {epoch}", fontsize="medium")
        with replaced(Path(folder) / f"epoch-{epoch:03d}.png") as temporary:
            figure.savefig(temporary, format="png", dpi=110)

    return on_epoch


def _figure(width: float, height: float):
    """A figure with one axes, without pyplot: it would pick an interactive backend, and keep the figure."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def save_history(history: pd.DataFrame, path: str | os.PathLike) -> None:
    """The losses, and the first metric there is, as a picture at `path`; needs no display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    known = ("epoch", "lr", "train_loss", "validation_loss", "seconds")
    names = [name for name in ("average_precision", *history.columns) if name in history and name not in known][:1]
    figure = Figure(figsize=(5 * (1 + len(names)), 3.6), layout="constrained")
    FigureCanvasAgg(figure)  # not pyplot: it would pick an interactive backend, and keep the figure
    axes = figure.subplots(1, 1 + len(names), squeeze=False)[0]
    plot_history(history, ax=axes[0])
    for name, ax in zip(names, axes[1:], strict=True):
        plot_metric(history, name, ax=ax)
    figure.savefig(path, dpi=120)


def _axes(ax):
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(layout="constrained")
    return ax
