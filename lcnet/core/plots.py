"""The picture of a training run. matplotlib is imported inside: training does not need it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["plot_history", "plot_metric", "plot_reliability", "save_history"]


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
