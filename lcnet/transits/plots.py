"""What an observer wants to see of a candidate: the curve, the periodogram, the folded transit, the probabilities.

Every function draws into `ax` (a new figure's when None) and returns it; `plot_target` is the whole page of one star.
The colours are those of Okabe & Ito (2008), told apart by the colour-blind.
"""

from __future__ import annotations

import numpy as np

from lcnet.transits.candidates import candidate_points
from lcnet.transits.detrend import in_transit, robust_sigma, trend_segments
from lcnet.transits.views import find_secondary, fold

__all__ = [
    "plot_curve",
    "plot_flattened",
    "plot_folded",
    "plot_periodogram",
    "plot_probabilities",
    "plot_target",
]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9")
POINTS, TREND, BINS = "#9a9a9a", "#E69F00", "#000000"
_TIME_LABELS = {
    "BKJD": "Time [BKJD = BJD$_{TDB}$ $-$ 2454833, days]",
    "BTJD": "Time [BTJD = BJD$_{TDB}$ $-$ 2457000, days]",
    "BJD": "Time [BJD$_{TDB}$, days]",
}
_DOTS = {"linestyle": "none", "marker": ".", "markeredgewidth": 0, "rasterized": True}


def _axes(ax):
    if ax is None:
        from matplotlib import pyplot

        ax = pyplot.figure(figsize=(7, 3), layout="constrained").add_subplot()
    return ax


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def _scale(values) -> tuple[float, str]:
    """Factor and unit in which relative fluxes of this size read well."""
    return (1e2, "%") if np.max(np.abs(values), initial=0.0) > 0.005 else (1e6, "ppm")


def _dots(ax, x, y, **options):
    size = float(np.clip(120.0 / np.sqrt(max(x.size, 1)), 1.6, 5.0))
    ax.plot(x, y, **{"color": POINTS, "markersize": size, **_DOTS, **options})


def _time_axis(ax, time, time_system: str) -> None:
    ax.set_xlabel(_TIME_LABELS.get(time_system, "Time [days, zero unknown]"))
    margin = 0.01 * float(np.ptp(time)) or 0.5
    ax.set_xlim(time.min() - margin, time.max() + margin)


def plot_curve(search, ax=None, *, time_system=""):
    """The light curve as it came, each sector over its median, and the trend that is divided out.

    Parameters
    ----------
    search : Search
    ax : matplotlib Axes, optional
    time_system : str

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax)
    raw = search.raw_flux - 1
    low, high = np.percentile(raw, [0.05, 99.95])
    factor, unit = _scale([low, high])
    _dots(ax, search.time, factor * raw)
    # the trend is drawn piece by piece: a line across a gap would be an invention
    starts = np.flatnonzero(np.diff(trend_segments(search.time, search.segment))) + 1
    for piece in np.split(np.arange(search.time.size), starts):
        label = "trend" if piece.size and piece[0] == 0 else None
        ax.plot(search.time[piece], factor * (search.trend[piece] - 1), color=TREND, lw=1.2, label=label)
    margin = 0.08 * (high - low)
    ax.set_ylim(factor * (low - margin), factor * (high + margin))
    ax.set_ylabel(f"Raw flux [{unit}]")
    _time_axis(ax, search.time, time_system)
    ax.legend(loc="upper right", fontsize="small", framealpha=0.8, borderpad=0.2)
    return ax


def plot_flattened(search, ax=None, *, time_system=""):
    """The flattened light curve, every transit of every candidate marked below it.

    Parameters
    ----------
    search : Search
    ax : matplotlib Axes, optional
    time_system : str

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax)
    flux = search.flux - 1
    depths = [1e-6 * candidate.depth for candidate in search.candidates]
    spread = 4.5 * robust_sigma(flux)
    low = min(-spread, -1.25 * max(depths, default=0.0), np.percentile(flux, 0.05))
    factor, unit = _scale([low])
    _dots(ax, search.time, factor * flux)
    height = spread - low
    rows = len(depths)
    for number, candidate in enumerate(search.candidates):
        inside = in_transit(search.time, candidate.period, candidate.epoch, candidate.duration)
        _dots(ax, search.time[inside], factor * flux[inside], color=_colour(number), markersize=3)
        cycles = np.arange(
            np.ceil((search.time[0] - candidate.epoch) / candidate.period),
            np.floor((search.time[-1] - candidate.epoch) / candidate.period) + 1,
        )
        mid = candidate.epoch + candidate.period * cycles
        # a tick in a gap would point at nothing
        mid = mid[np.abs(search.time[_nearest(search.time, mid)] - mid) < max(candidate.duration / 24, 0.05)]
        level = factor * (low - height * 0.06 * (number + 1))
        size = 5 if mid.size < 60 else 2.5
        ax.plot(mid, np.full(mid.size, level), "^", color=_colour(number), ms=size, clip_on=False)
    ax.set_ylim(factor * (low - height * 0.06 * (rows + 0.8)), factor * spread)
    ax.set_ylabel(f"Flattened flux [{unit}]")
    _time_axis(ax, search.time, time_system)
    return ax


def _nearest(time, values):
    right = np.clip(np.searchsorted(time, values), 1, time.size - 1)
    return np.where(values - time[right - 1] < time[right] - values, right - 1, right)


def plot_periodogram(search, ax=None):
    """The box periodogram of each pass, in the colour of the candidate it gave; the last, grey, gave none.

    Parameters
    ----------
    search : Search
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax)
    number_found = len(search.candidates)
    for number in reversed(range(len(search.periodograms))):
        box = search.periodograms[number]
        period, power = _envelope(box.period, box.power)
        found = number < number_found
        ax.plot(period, power, color=_colour(number) if found else POINTS, lw=0.7, alpha=0.9 if found else 0.7)
    top = max((float(np.max(box.power)) for box in search.periodograms), default=1.0)
    # a known ephemeris was not searched for
    for number, candidate in enumerate(search.candidates[: len(search.periodograms)]):
        power = search.periodograms[number].power[_nearest(search.periodograms[number].period, candidate.period)]
        ax.plot(candidate.period, float(power) + 0.05 * top, "v", color=_colour(number), ms=6)
        late = candidate.period > 0.7 * search.periodograms[0].period.max()
        ax.annotate(
            f"{number + 1}: {candidate.period:.5g} d",
            (candidate.period, float(power) + 0.05 * top),
            (-6 if late else 6, 0),
            textcoords="offset points",
            ha="right" if late else "left",
            va="center",
            fontsize="small",
            color=_colour(number),
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.5},
        )
    ax.set_xscale("log")
    if search.periodograms:
        ax.set_xlim(search.periodograms[0].period.min(), search.periodograms[0].period.max())
    ax.set_ylim(0, 1.2 * top)
    ticks = [tick for tick in (0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500) if ax.get_xlim()[0] <= tick <= ax.get_xlim()[1]]
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.set_xticks([], minor=True)
    ax.set_xlabel("Period [days]")
    ax.set_ylabel("Box SNR\n(white noise)")
    return ax


def _envelope(x, y, n=4000):
    """The highest point of each of `n` stretches: a million periods look the same and weigh far less."""
    if x.size <= 2 * n:
        return x, y
    edges = np.linspace(0, x.size, n + 1).astype(int)[:-1]
    highest = np.maximum.reduceat(y, edges)
    return x[edges], highest


def _bins(x, y, edges):
    """Centres, medians and their standard errors of the bins that hold at least three points."""
    number = np.digitize(x, edges) - 1
    rows = []
    for k in range(edges.size - 1):
        inside = y[number == k]
        if inside.size >= 3:
            # 1.253: the standard error of a median in units of the mean's, for normal noise
            error = 1.253 * robust_sigma(inside) / np.sqrt(inside.size)
            rows.append((0.5 * (edges[k] + edges[k + 1]), np.median(inside), error))
    return np.array(rows).reshape(-1, 3).T


def plot_folded(search, number=1, ax=None, *, kind="local"):
    """One candidate folded at its period, with binned medians; no model is drawn.

    Parameters
    ----------
    search : Search
    number : int
        1-based number of the candidate.
    ax : matplotlib Axes, optional
    kind : {"local", "global", "secondary"}
        About the transit (hours), the whole orbit (phase), or about the strongest dip elsewhere in the orbit.

    Returns
    -------
    matplotlib.axes.Axes
    """
    if kind not in ("local", "global", "secondary"):
        raise ValueError(f"kind must be 'local', 'global' or 'secondary', got {kind!r}")
    ax = _axes(ax)
    candidate, colour = search.candidates[number - 1], _colour(number - 1)
    period, epoch, duration = candidate.period, candidate.epoch, candidate.duration
    time, flux = search.time, search.flux - 1
    free = candidate_points(search, number - 1)  # what the network sees
    time, flux = time[free], flux[free]
    title, label, half = "", "Time from mid-transit [hours]", min(2.0 * duration, 12 * period)
    if kind == "secondary":
        offset, masked = find_secondary(time, flux + 1, period, epoch, duration)
        if not np.isfinite(offset):
            ax.text(0.5, 0.5, "no data elsewhere\nin the orbit", ha="center", va="center", transform=ax.transAxes)
            ax.set_axis_off()
            return ax
        # the transit itself may lie within the window
        reach = 24 * np.max(np.abs(fold(time[masked], period, epoch)), initial=0.0)
        time, flux = time[~masked], flux[~masked]
        epoch, half = epoch + offset, min(4.0 * duration, 12 * period)
        title, label = f"strongest dip elsewhere: phase {offset / period % 1:.2f}", "Time from it [hours]"
    if kind == "global":
        # from -1/4 to 3/4, so that neither the transit nor an eclipse half an orbit later is cut by the edge
        x, label, width = fold(time - 0.25 * period, period, epoch) / period + 0.25, "Phase", duration / 24 / period / 3
        left, right, width, title = -0.25, 0.75, max(0.01, width), "whole orbit"
    else:
        x, width = 24 * fold(time, period, epoch), duration / 6
        left, right, title = -half, half, title or "transit"
    near = (x >= left) & (x <= right)
    x, flux = x[near], flux[near]
    # a bin is centred on mid-transit
    edges = (np.arange(np.floor(left / width), np.ceil(right / width) + 2) - 0.5) * width
    centre, median, error = _bins(x, flux, edges)
    factor, unit = _scale([1e-6 * candidate.depth, *median])
    _dots(ax, x, factor * flux, alpha=0.5)
    ax.errorbar(centre, factor * median, factor * error, fmt="o", color=colour, mec=BINS, mew=0.4, ms=3.5, lw=1)
    if kind == "secondary":
        _shade_primary(ax, 24 * period, 24 * offset, reach, half)
    if kind == "local":
        for edge in (-0.5, 0.5):
            ax.axvline(edge * duration, color=colour, lw=0.8, ls=":")
    ax.axhline(0, color=BINS, lw=0.5, alpha=0.5)
    ax.set_ylim(*(factor * np.array(_limits(flux, median, error, candidate.depth if kind != "secondary" else 0.0))))
    ax.set_xlim(left, right)
    ax.set_xlabel(label)
    ax.set_ylabel(f"Flux [{unit}]")
    ax.set_title(title, fontsize="medium")
    return ax


def _shade_primary(ax, period, offset, reach, half) -> None:
    """The stretches of a window about the secondary that are left out because the transit lies there (hours)."""
    label = "transit, left out"
    for centre in (-offset, period - offset):
        low, high = max(centre - reach, -half), min(centre + reach, half)
        if low < high:
            ax.axvspan(low, high, color=POINTS, alpha=0.25, lw=0, label=label)
            label = None
    if label is None:
        ax.legend(loc="upper left", fontsize="x-small", framealpha=0.8, borderpad=0.2, handlelength=1.0)


def _limits(flux, median, error, depth):
    """Limits that show the bins well and most, not all, of the points."""
    if median.size == 0:
        return -2e-6 * max(depth, 1.0), 1e-6 * max(depth, 1.0)
    sigma = robust_sigma(flux)
    low, high = float(np.min(median - error)), float(np.max(median + error))
    low, high = min(low, -1.1e-6 * depth), max(high, 0.0)
    room = 0.15 * (high - low) + min(2.0 * sigma, 1.2 * (high - low))
    return low - room, high + room


def _measured(value, error) -> str:
    """A number and its error, of two digits, to the same decimals."""
    if not (np.isfinite(error) and error > 0):
        return f"{value:.6g}"
    decimals = int(np.clip(1 - np.floor(np.log10(error)), 0, 8))
    return f"{value:.{decimals}f} ± {error:.{decimals}f}"


def plot_probabilities(row, ax=None, *, number=1):
    """The network's three probabilities as a bar, with what is known of the candidate in words.

    Parameters
    ----------
    row : mapping
        A row of the table of `score`.
    ax : matplotlib Axes, optional
    number : int
        For the colour.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax)
    ax.set_axis_off()
    ax.set_xlim(0, 1.02)
    ax.set_ylim(0, 1)
    planet, transit = float(row.get("p_planet", np.nan)), float(row.get("p_transit", np.nan))
    if np.isfinite(planet):
        parts = (("planet", planet, _colour(number - 1), ""), ("eclipse", transit - planet, "#bbbbbb", "///"))
        parts = (*parts, ("junk", 1 - transit, "#eeeeee", "..."))
        left = 0.0
        for _, share, colour, hatch in parts:
            ax.barh(0.9, share, 0.1, left, color=colour, hatch=hatch, edgecolor="#555555", lw=0.5)
            left += share
        spread = float(row.get("p_planet_std", np.nan))
        words = [f"p(planet) = {planet:.3f}" + (f" ± {spread:.3f}" if np.isfinite(spread) else "")]
        words += [f"p(eclipse) = {transit - planet:.3f}", f"p(junk) = {1 - transit:.3f}", ""]
    else:
        words = ["no probability", ""]
    words += [
        f"P = {_measured(row['period'], row['period_err'])} d",
        f"T$_0$ = {row['epoch']:.5f} {row.get('time_system', '')}",
        f"duration {row['duration']:.2f} h",
        f"depth {row['depth']:.0f} ppm" if row["depth"] < 1e4 else f"depth {1e-4 * row['depth']:.2f} %",
        f"SNR {row['snr']:.1f}, {row['n_transits']} transit{'s' if row['n_transits'] != 1 else ''}",
    ]
    if row.get("harmonic_of"):
        words.append(f"harmonic of candidate {row['harmonic_of']}")
    words += [flag.replace("_", " ") for flag in str(row.get("flags", "")).split() if flag != "harmonic"][:3]
    ax.text(0.0, 0.8, "\n".join(words), va="top", fontsize="small", linespacing=1.25, transform=ax.transAxes)
    return ax


def plot_target(curve, search, rows=()):
    """The page of one star: its light curve, periodogram and, a line each, its candidates.

    Parameters
    ----------
    curve : Curve
    search : Search
        With its arrays.
    rows : sequence of mapping
        The star's rows of the table of `score`.

    Returns
    -------
    matplotlib.figure.Figure
        Not registered with pyplot: nothing to close.
    """
    from matplotlib.figure import Figure

    lines = len(search.candidates)
    heights = [1.5, 2.0, 1.7] + [2.5] * lines
    figure = Figure(figsize=(11, 0.7 + sum(heights)), layout="constrained")
    grid = figure.add_gridspec(len(heights), 1, height_ratios=heights)
    top = plot_curve(search, figure.add_subplot(grid[0]), time_system=curve.time_system)
    plot_flattened(search, figure.add_subplot(grid[1], sharex=top), time_system=curve.time_system)
    top.set_xlabel("")
    top.tick_params(labelbottom=False)
    plot_periodogram(search, figure.add_subplot(grid[2]))
    for number in range(1, lines + 1):
        line = grid[2 + number].subgridspec(1, 4, width_ratios=[1.15, 1.15, 1.15, 0.85])
        for column, kind in enumerate(("global", "local", "secondary")):
            ax = plot_folded(search, number, figure.add_subplot(line[column]), kind=kind)
            if column == 0:
                ax.set_title(f"candidate {number}: whole orbit", fontsize="medium", color=_colour(number - 1))
        row = rows[number - 1] if number <= len(rows) else {}
        if row:
            plot_probabilities(row, figure.add_subplot(line[3]), number=number)
    figure.suptitle(_title(curve, search), x=0.01, ha="left", fontsize="large")
    return figure


def _title(curve, search) -> str:
    words = [curve.target, " ".join(dict.fromkeys(word for word in (curve.mission, curve.author) if word))]
    numbers = [int(number) for number in np.unique(search.segment)]
    kind = curve.meta.get("segments")
    if kind:
        listed = ", ".join(map(str, numbers)) if len(numbers) <= 6 else f"{numbers[0]}–{numbers[-1]} ({len(numbers)})"
        words.append(f"{kind}{'s' if len(numbers) > 1 else ''} {listed}")
    words.append(f"{search.time.size:,} points")
    if not search.candidates:
        words.append("no candidate")
    title = "  ·  ".join(word for word in words if word)
    return title if search.candidates else f"{title}\n{search.reason}"
