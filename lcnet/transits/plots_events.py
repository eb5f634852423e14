"""A candidate's single transits: odd beside even, each one on its own, and all of them under each other.

Every function draws into `ax` (a new figure's when None) and returns it, as those of `plots`. What these pictures are
for: an eclipsing binary found at half its period has two depths, a glitch is one transit of many, and a wrong period or
another planet's pull bends the river.
"""

from __future__ import annotations

import numpy as np

from lcnet.transits.candidates import candidate_points
from lcnet.transits.detrend import robust_sigma
from lcnet.transits.plots import BINS, POINTS, _axes, _bins, _colour, _dots, _limits, _scale
from lcnet.transits.views import fold

__all__ = ["plot_odd_even", "plot_river", "plot_transits"]

_COLUMNS, _MOST = 6, 24
_RIVER_BINS, _RIVER_SPAN = 41, 3.0  # bins over +- so many durations


def _events(search, number):
    """The candidate; its free points: days, relative flux - 1, hours from mid-transit, number of the transit."""
    candidate = search.candidates[number - 1]
    free = candidate_points(search, number - 1)
    time, flux = search.time[free], search.flux[free] - 1
    hours = 24 * fold(time, candidate.period, candidate.epoch)
    index = np.rint((time - candidate.epoch) / candidate.period).astype(int)
    return candidate, time, flux, hours, index


def _depth(value) -> str:
    """Three digits, and no powers of ten."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def plot_odd_even(search, number=1, ax=None):
    """Odd and even transits side by side, folded, with the depth of each as a line.

    Parameters
    ----------
    search : Search
    number : int
        1-based number of the candidate.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax)
    candidate, _, flux, hours, index = _events(search, number)
    half = min(1.5 * candidate.duration, 12 * candidate.period)
    factor, unit = _scale([1e-6 * candidate.depth])
    width = candidate.duration / 6
    limits = []
    # the first transit in the data is number 1: odd
    for side, (name, parity) in enumerate((("odd", 0), ("even", 1))):
        mine = (np.abs(hours) <= half) & (index % 2 == parity)
        shift = (2 * side - 1) * 1.1 * half
        edges = (np.arange(np.floor(-half / width), np.ceil(half / width) + 2) - 0.5) * width
        centre, median, error = _bins(hours[mine], flux[mine], edges)
        _dots(ax, hours[mine] + shift, factor * flux[mine], alpha=0.5)
        ax.errorbar(
            centre + shift,
            factor * median,
            factor * error,
            fmt="o",
            color=_colour(number - 1),
            mec=BINS,
            mew=0.4,
            ms=3.5,
        )
        inside = mine & (np.abs(hours) < 0.5 * candidate.duration)
        transits = np.unique(index[inside]).size
        label = f"{name}: {transits} transit{'s' if transits != 1 else ''}"
        if inside.any():
            depth = float(np.mean(flux[inside]))
            ax.plot([shift - half, shift + half], [factor * depth] * 2, color=BINS, lw=0.9, ls="--" if side else "-")
            label += f", {_depth(-factor * depth)} {unit}"
        ax.text(shift, 0.98, label, ha="center", va="top", fontsize="small", transform=ax.get_xaxis_transform())
        limits.append(_limits(flux[mine], median, error, candidate.depth))
    low, high = min(limit[0] for limit in limits), max(limit[1] for limit in limits)
    ax.set_ylim(factor * low, factor * (high + 0.12 * (high - low)))
    ax.axvline(0, color=BINS, lw=0.5)
    ticks = np.array([-candidate.duration / 2, candidate.duration / 2])
    places = np.concatenate([ticks - 1.1 * half, ticks + 1.1 * half])
    ax.set_xticks(places, [f"{tick:.1f}" for tick in [*ticks, *ticks]])
    ax.set_xlim(-2.15 * half, 2.15 * half)
    ax.set_xlabel("Time from mid-transit [hours]")
    ax.set_ylabel(f"Flux [{unit}]")
    ax.set_title("odd and even transits (lines: mean in transit)", fontsize="medium")
    return ax


def plot_river(search, number=1, ax=None):
    """Every transit as a row of colour, the first at the bottom (Carter et al. 2012): one period is a straight river.

    Parameters
    ----------
    search : Search
    number : int
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax)
    candidate, _, flux, hours, index = _events(search, number)
    half = min(_RIVER_SPAN * candidate.duration, 12 * candidate.period)
    near = np.abs(hours) < half
    numbers, row = np.unique(index[near], return_inverse=True)
    cell = np.minimum(((hours[near] + half) / (2 * half) * _RIVER_BINS).astype(int), _RIVER_BINS - 1)
    total, count = np.zeros((2, max(numbers.size, 1), _RIVER_BINS))
    np.add.at(total, (row, cell), flux[near])
    np.add.at(count, (row, cell), 1)
    with np.errstate(invalid="ignore"):
        image = np.where(count > 0, total / count, np.nan)
    factor, unit = _scale([1e-6 * candidate.depth])
    seen = image[np.isfinite(image)]
    # the noise of a cell beside a shallow transit, not the transit, must not be cut by the ends of the scale
    reach = factor * max(1.1e-6 * candidate.depth, 2.5 * robust_sigma(seen) if seen.size else 0.0)
    ax.set_facecolor("none")
    drawn = ax.imshow(
        factor * image,
        aspect="auto",
        origin="lower",
        cmap="RdBu",
        vmin=-reach,
        vmax=reach,
        interpolation="nearest",
        extent=(-half, half, -0.5, image.shape[0] - 0.5),
    )
    for edge in (-0.5, 0.5):
        ax.axvline(edge * candidate.duration, color=BINS, lw=0.8, ls=":")
    chosen = np.unique(np.linspace(0, numbers.size - 1, min(numbers.size, 8)).astype(int)) if numbers.size else []
    ax.set_yticks(chosen, [str(numbers[k] - numbers[0] + 1) for k in chosen])
    ax.set_xlabel("Time from mid-transit [hours]")
    ax.set_ylabel("Transit")
    ax.figure.colorbar(drawn, ax=ax, label=f"Flux [{unit}]", pad=0.02)
    ax.set_title("river plot: a row a transit", fontsize="medium")
    return ax


def plot_transits(search, number=1, ax=None, *, most=_MOST):
    """A gallery of the single transits, each with its time; of many, some spread evenly over the light curve.

    Parameters
    ----------
    search : Search
    number : int
    ax : matplotlib Axes, optional
    most : int
        Draw at most so many.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax)
    candidate, _, flux, hours, index = _events(search, number)
    half = min(1.5 * candidate.duration, 12 * candidate.period)
    near = np.abs(hours) < half
    held = np.unique(index[near & (np.abs(hours) < 0.5 * candidate.duration)])
    shown = held if held.size <= most else held[np.unique(np.linspace(0, held.size - 1, most).astype(int))]
    factor, unit = _scale([1e-6 * candidate.depth])
    noise = robust_sigma(flux[near]) if near.any() else 0.0
    height = factor * max(2.2e-6 * candidate.depth, 8 * noise) or 1.0
    width = 2.4 * half
    lines = int(np.ceil(max(shown.size, 1) / _COLUMNS))
    for place, transit in enumerate(shown):
        line, column = divmod(place, _COLUMNS)
        x0, y0 = column * width, -line * height
        mine = near & (index == transit)
        ax.plot([x0 - half, x0 + half], [y0, y0], color=BINS, lw=0.4)
        box = candidate.duration / 2
        level = y0 - factor * 1e-6 * candidate.depth
        ax.plot(
            [x0 - half, x0 - box, x0 - box, x0 + box, x0 + box, x0 + half],
            [y0, y0, level, level, y0, y0],
            color=_colour(number - 1),
            lw=0.9,
        )
        _dots(
            ax,
            x0 + hours[mine],
            y0 + np.clip(factor * flux[mine], -0.66 * height, 0.17 * height),
            color=POINTS,
            markersize=2.5,
        )
        when = candidate.epoch + transit * candidate.period
        ax.text(
            x0, y0 + 0.2 * height, f"{transit - held[0] + 1}: {when:.2f}", ha="center", va="bottom", fontsize="x-small"
        )
    columns = min(_COLUMNS, max(shown.size, 1))
    ax.set_xlim(-0.6 * width, (columns - 0.4) * width)
    ax.set_ylim(-(lines - 1) * height - 0.7 * height, 0.55 * height)
    # one scale for all panels: a bar of the candidate's depth
    ax.set_yticks([0, -factor * 1e-6 * candidate.depth], ["0", f"−{_depth(factor * 1e-6 * candidate.depth)}"])
    ax.set_xticks(
        [-candidate.duration / 2, candidate.duration / 2], [f"{s * candidate.duration / 2:.1f}" for s in (-1, 1)]
    )
    ax.set_xlabel("Time from mid-transit [hours]", loc="left")
    ax.set_ylabel(f"Flux [{unit}]", loc="top")
    for side in ("right", "top", "bottom"):
        ax.spines[side].set_visible(False)
    told = f"{shown.size} of {held.size} transits" if held.size > shown.size else f"all {held.size} transits with data"
    told = "the only transit with data" if held.size == 1 else told
    ax.set_title(f"single transits: {told} (number: mid-time)", fontsize="medium")
    return ax
