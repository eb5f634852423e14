"""Figures for a page that is light or dark: inline SVG whose black and white are the page's own ink and paper.

The points of a light curve are a picture inside the SVG (a million circles are no page), text stays text.
"""

from __future__ import annotations

import io
import re

import numpy as np

from lcnet.transits.candidates import candidate_points
from lcnet.transits.explain_figure import READING, plot_explanation
from lcnet.transits.plots import (
    COLOURS,
    _bins,
    _colour,
    plot_curve,
    plot_flattened,
    plot_folded,
    plot_periodogram,
)
from lcnet.transits.plots_events import plot_odd_even, plot_river, plot_transits
from lcnet.transits.views import fold

__all__ = ["candidate_figures", "curve_figures", "explanation_figure", "thumbnail"]

# colours that stand for the page's; matplotlib writes them in lower case
_INK, _PAPER = "#010203", "#fdfeff"
_STYLE = {
    "svg.fonttype": "none",
    "font.size": 9.5,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), _INK),
    "legend.facecolor": _PAPER,
    "legend.edgecolor": "#8a8f99",
}


def _inline(draw, size, words, salt, *, dpi):
    """One `<figure>`: what `draw(ax)` drew, `size` in inches, with `words` below it and for those who cannot see it."""
    import matplotlib
    from markupsafe import Markup, escape
    from matplotlib.figure import Figure

    with matplotlib.rc_context({**_STYLE, "svg.hashsalt": salt}):
        figure = Figure(figsize=size, layout="constrained")
        draw(figure.add_subplot())
        file = io.StringIO()
        figure.savefig(file, format="svg", dpi=dpi, transparent=True, metadata={"Date": None, "Creator": None})
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    # a hundredth of a point is finer than any screen
    svg = re.sub(r"(\d\.\d\d)\d+", r"\1", svg)
    # ids are those of the drawing's parts: two figures of one page must not share them
    mark = re.sub(r"\W+", "-", salt)
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{mark}-\1"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{mark}-\1)", svg)
    svg = re.sub(r'xlink:href="#([^"]+)"', rf'xlink:href="#{mark}-\1"', svg)
    for colour in (_INK, "#000000"):
        svg = svg.replace(colour, "var(--ink)")
    for colour in (_PAPER, "#ffffff"):
        svg = svg.replace(colour, "var(--paper)")
    for k, colour in enumerate(COLOURS):  # brighter on dark paper
        svg = svg.replace(colour.lower(), f"var(--c{k})")
    # matplotlib's own black, which it leaves to the default of SVG
    svg = svg.replace("<svg ", f'<svg role="img" aria-label="{escape(words)}" fill="var(--ink)" ', 1)
    return Markup(f"<figure>{svg}<figcaption>{escape(words)}</figcaption></figure>")


def curve_figures(search, *, time_system, salt, dpi=110):
    """The light curve, raw and flattened with its transits marked, and the periodograms.

    Parameters
    ----------
    search : Search
        With its arrays.
    time_system : str
    salt : str
        Distinguishes the figures of a page.
    dpi : int
        Of the points.

    Returns
    -------
    list of Markup
    """
    parts = [
        (lambda ax: plot_curve(search, ax, time_system=time_system), (11, 2.1), "the light curve and its trend"),
        (
            lambda ax: plot_flattened(search, ax, time_system=time_system),
            (11, 2.7),
            "the trend divided out; triangles mark the transits of each candidate",
        ),
    ]
    if search.periodograms:
        words = "box periodogram, one line a pass; the last, grey, found nothing more"
        parts.append((lambda ax: plot_periodogram(search, ax), (11, 2.2), words))
    return [_inline(draw, size, words, f"{salt}-c{k}", dpi=dpi) for k, (draw, size, words) in enumerate(parts)]


def candidate_figures(search, number, *, salt, dpi=110):
    """(figures that stand in pairs, figures as wide as the page) of one candidate.

    Parameters
    ----------
    search : Search
    number : int
        1-based number of the candidate.
    salt : str
    dpi : int

    Returns
    -------
    pairs, wide : list of Markup
    """
    events = _count(search, number)
    lines = int(np.ceil(min(max(events, 1), 24) / 6))
    pairs = [
        (lambda ax: plot_folded(search, number, ax, kind="local"), (5.4, 3.0), "folded, about the transit"),
        (lambda ax: plot_folded(search, number, ax, kind="global"), (5.4, 3.0), "folded, the whole orbit"),
        (lambda ax: plot_odd_even(search, number, ax), (5.4, 3.0), "odd and even transits"),
        (lambda ax: plot_folded(search, number, ax, kind="secondary"), (5.4, 3.0), "the strongest dip elsewhere"),
    ]
    gallery = (lambda ax: plot_transits(search, number, ax), (11, 0.9 + 1.05 * lines), "the single transits")
    river = (lambda ax: plot_river(search, number, ax), (11, 2.8), "river plot: each row is one transit")
    wide = [gallery] if events < 2 else [river, gallery]
    mark = f"{salt}-{number}"
    return (
        [_inline(draw, size, words, f"{mark}p{k}", dpi=dpi) for k, (draw, size, words) in enumerate(pairs)],
        [_inline(draw, size, words, f"{mark}w{k}", dpi=dpi) for k, (draw, size, words) in enumerate(wide)],
    )


def explanation_figure(explanation, *, salt):
    """What the network saw of a candidate and what moved it; None where that was not computed.

    Parameters
    ----------
    explanation : Explanation or None
    salt : str

    Returns
    -------
    Markup or None
    """
    if explanation is None or not explanation.attribution:
        return None

    def draw(ax):
        figure = ax.figure
        ax.remove()
        plot_explanation(explanation, figure)

    return _inline(draw, (11, 2.6), READING, f"{salt}-x", dpi=110)


def _count(search, number):
    candidate = search.candidates[number - 1]
    hours = 24 * fold(search.time, candidate.period, candidate.epoch)
    inside = np.abs(hours) < 0.5 * candidate.duration
    return np.unique(np.rint((search.time[inside] - candidate.epoch) / candidate.period)).size


def thumbnail(search, number=1, *, width=120, height=44) -> str:
    """The folded transit of a candidate as a small SVG, in colours for light and dark paper.

    Parameters
    ----------
    search : Search
    number : int
    width, height : int, pixels

    Returns
    -------
    str
    """
    candidate = search.candidates[number - 1]
    free = candidate_points(search, number - 1)
    hours, flux = 24 * fold(search.time[free], candidate.period, candidate.epoch), search.flux[free] - 1
    half = min(2.0 * candidate.duration, 12 * candidate.period)
    near = np.abs(hours) <= half
    centre, median, _ = _bins(hours[near], flux[near], np.linspace(-half, half, 42))
    if median.size == 0:
        return f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"></svg>'
    low, high = min(median.min(), -1e-6 * candidate.depth), max(median.max(), 0.0)
    x = 3 + (centre + half) / (2 * half) * (width - 6)
    y = 3 + (high - median) / ((high - low) or 1.0) * (height - 6)
    dots = "".join(f'<circle cx="{a:.1f}" cy="{b:.1f}" r="1.6"/>' for a, b in zip(x, y, strict=True))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'fill="{_colour(number - 1)}">{dots}</svg>'
    )
