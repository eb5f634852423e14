"""The completeness of a search as a map."""

from __future__ import annotations

import numpy as np

__all__ = ["plot_completeness"]


def plot_completeness(completeness, ax=None):
    """Share of the planets that came back, by period and size, the number put in below each.

    Parameters
    ----------
    completeness : Completeness
        Of ``recover(...).completeness()``.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    if ax is None:
        from matplotlib import pyplot

        ax = pyplot.figure(figsize=(7.5, 5), layout="constrained").add_subplot()
    period, size = completeness.period, completeness.size
    drawn = ax.pcolormesh(period, size, completeness.share.T, cmap="cividis", vmin=0, vmax=1, edgecolors="none")
    x, y = np.sqrt(period[1:] * period[:-1]), np.sqrt(size[1:] * size[:-1])
    for i, j in np.argwhere(completeness.injected > 0):
        share = completeness.share[i, j]
        # dark letters on bright cells
        colour = "#111111" if share > 0.55 else "#eeeeee"
        words = f"{100 * share:.0f}\n({completeness.injected[i, j]})"
        ax.text(x[i], y[j], words, ha="center", va="center", fontsize="x-small", color=colour)
    ax.set_xscale("log")
    ax.set_yscale("log")
    for axis, limits in ((ax.xaxis, period), (ax.yaxis, size)):
        ticks = np.array([k * 10.0**e for e in range(-2, 7) for k in (1, 2, 5)])
        ticks = ticks[(ticks >= limits[0]) & (ticks <= limits[-1])]
        axis.set_ticks(ticks, [f"{tick:g}" for tick in ticks])
        axis.set_ticks([], minor=True)
    ax.set_xlabel("Period [days]")
    ax.set_ylabel("Depth [ppm]" if completeness.kind == "depth" else r"Radius [R$_\oplus$]")
    ax.set_title("recovered, % (of how many)", fontsize="medium")
    ax.figure.colorbar(drawn, ax=ax, label="share recovered", pad=0.02)
    return ax
