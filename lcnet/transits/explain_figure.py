"""The picture of an explanation: what the network saw, and what each bin of it said."""

from __future__ import annotations

import numpy as np

from lcnet.transits.plots import BINS, COLOURS

__all__ = ["READING", "plot_explanation"]

FOR, AGAINST = COLOURS[0], COLOURS[1]
TITLES = {
    "global_view": "the whole orbit",
    "local_view": "the transit",
    "secondary_view": "the strongest dip elsewhere",
    "odd_even_view": "odd, then even transits",
}
READING = (
    "What the network saw and what moved it. Top: the views, as deep as one. Bottom: how much each bin moved the "
    "logit of p(planet) away from that of a nearly flat curve with the same period, duration and depth; blue, upwards, "
    "for a planet, orange, downwards, against one. All bins together make the whole difference."
)


def plot_explanation(explanation, figure=None):
    """The views, and below each what its bins said for a planet and against it.

    Parameters
    ----------
    explanation : Explanation
        With its attributions.
    figure : matplotlib.figure.Figure, optional

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        It has no attributions.
    """
    names = [name for name in explanation.views if name in explanation.attribution]
    if not names:
        raise ValueError("the explanation has no attributions to draw")
    if figure is None:
        from matplotlib import pyplot

        figure = pyplot.figure(figsize=(11, 3.0), layout="constrained")
    widths = [np.sqrt(explanation.views[name].size) for name in names]
    axes = figure.subplots(2, len(names), sharex="col", sharey="row", squeeze=False, width_ratios=widths)
    for column, name in enumerate(names):
        _panel(*axes[:, column], explanation.views[name].reshape(-1), explanation.attribution[name].reshape(-1))
        axes[0, column].set_title(TITLES.get(name, name.replace("_", " ")), fontsize="medium")
    axes[0, 0].set_ylabel("view")
    axes[1, 0].set_ylabel("logit a bin")
    return figure


def _panel(top, bottom, view, said):
    bins = np.arange(view.size)
    top.plot(bins, view, ".-", color=BINS, ms=2.5, lw=0.6)
    edges = np.append(bins, view.size) - 0.5
    for values, colour in ((np.maximum(said, 0.0), FOR), (np.minimum(said, 0.0), AGAINST)):
        bottom.stairs(values, edges, fill=True, color=colour, lw=0)
    bottom.axhline(0, color=BINS, lw=0.5)
    for ax in (top, bottom):
        ax.set_xlim(edges[0], edges[-1])
        ax.set_xticks([])
        ax.spines[["top", "right"]].set_visible(False)
