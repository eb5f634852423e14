"""A range of periods by one of two engines, the one asked for or the cheaper.

The exact engine's work is points x periods; folding hardly looks at the points, but tries every period of its octaves.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lcnet.transits.boxes import box_sums, search_bands
from lcnet.transits.folding import LADDERS
from lcnet.transits.peaks import N_PEAKS, Place, find_peaks
from lcnet.transits.periods import Band, central_duration, count_periods, period_bands, period_grid
from lcnet.transits.two_stage import BINS_A_DURATION, CELLS_A_DURATION, folding_bands, folding_cost, two_stage_search

__all__ = ["search_exactly", "search_limits"]

ASTROPY_BINS = 10  # phase bins in the shortest explicit duration, astropy's default
# Relative costs, in units of folding and scanning one cell (about 2 ns): adding a point to a phase bin, and what the
# second stage takes for each point of the light curve.
POINT_COST = 0.7
REFINE_COST = 10.0 * N_PEAKS
BLOCK = 32  # neighbouring periods of the exact engine's grid that give one peak at most
MOST_BYTES = 4 << 30  # four years of Kepler take 0.05 GiB
PERIOD_BYTES, CELL_BYTES = 48, 8  # of the six columns of a period; of a cell's flux and weight


def _exact_bins(hours):
    """Phase bins in the shortest duration, where nothing else is asked for."""
    return BINS_A_DURATION if hours is None else ASTROPY_BINS


def search_exactly(points, bands, options):
    """Every period of given bands, by the exact engine: with explicit durations as astropy does."""
    return search_bands(
        points.time,
        points.flux,
        points.err,
        bands,
        oversample=options.oversample or _exact_bins(options.hours),
        objective=options.objective,
        like_astropy=options.hours is not None,
        threads=options.threads,
    )


def _exact_count(points, low, high, hours, density):
    """Trial periods of the exact engine's grid: its step follows the shortest duration, of those given or a star's."""
    return count_periods(points.baseline, low, high, density=density, duration=None if hours is None else hours[0])


def _exact_cost(octaves, points, hours, density):
    """Points folded and boxes tried by the exact engine, in the unit of `folding_cost`."""
    cost = 0.0
    for band in octaves:
        low, high = band.period
        bins = 12.0 * (low + high) / band.duration.min() * _exact_bins(hours)
        each = POINT_COST * points.time.size + 0.5 * bins * band.duration.size
        cost += _exact_count(points, low, high, hours, density) * each
    return cost


def _check_size(points, limits, n_periods, n_cells):
    """Raise a ValueError for a grid that no memory holds: a time of 0 among full Julian dates is enough for one."""
    size = PERIOD_BYTES * n_periods + CELL_BYTES * n_cells
    if size <= MOST_BYTES:
        return
    gap = float(np.max(np.diff(points.time)))
    lost = f", {gap:.6g} d of them between two neighbouring points: is one of the times a missing value?"
    raise ValueError(
        f"{n_periods:.2g} trial periods from {limits[0]:g} to {limits[1]:g} d would take {size / 2**30:.0f} GiB; the "
        f"light curve spans {points.baseline:.6g} d"
        + (lost if gap > 0.5 * points.baseline else "; search a narrower period=(low, high) or longer durations")
    )


def _exact_places(bands, baseline, hours, density):
    """The exact engine's grid as `find_peaks` needs it."""
    places, first = [], 0
    for band in bands:
        last = first + band.period.size
        middle = float(np.median(band.period))
        step = float(np.median(np.diff(band.period))) * baseline / middle if band.period.size > 1 else 0.0
        meant = central_duration(middle, density=density) if hours is None else hours[0]
        blocks = np.arange(0, band.period.size, BLOCK)
        low, high = float(band.period[0]), float(band.period[-1])
        duration = np.asarray(band.duration, float)
        places.append(Place(first, last, blocks, max(step, meant / 24.0 / 6), duration, low, high))
        first = last
    return places


def _by_exact(points, sums, limits, options):
    low, high = limits
    hours, density = options.hours, options.density
    _check_size(points, limits, _exact_count(points, low, high, hours, density), 0)
    if hours is None:
        bands = period_bands(points.baseline, low, high, points.cadence, density=density)
    else:
        bands = [Band(period_grid(points.baseline, low, high, duration=hours[0]), hours)]
    search = search_exactly(points, bands, options)
    total = float(sums[:, 1].sum())
    peaks = find_peaks(
        points.time - points.time[0],
        sums * np.array([1 / np.sqrt(total), 1 / total]),
        search,
        _exact_places(bands, points.baseline, hours, density),
        zero=float(points.time[0]),
        total=total,
        oversample=max(options.oversample or _exact_bins(hours), BINS_A_DURATION),
        n_peaks=options.n_peaks,
    )
    return replace(search, peaks=peaks)


def _by_folding(points, sums, limits, options, octaves, cells):
    each = [points.baseline * 24.0 * cells / band.duration.min() for band in octaves]
    n_periods = sum(n * np.log(band.period[1] / band.period[0]) for n, band in zip(each, octaves, strict=True))
    _check_size(points, limits, n_periods, sum(each))
    return two_stage_search(
        points.time,
        sums,
        octaves,
        oversample=cells,
        objective=options.objective,
        n_peaks=options.n_peaks,
        threads=options.threads,
    )


def search_limits(points, limits, options):
    """Search a range of periods with the cheaper engine, or the one asked for.

    Parameters
    ----------
    points : Points
    limits : (float, float), days
    options : BoxOptions

    Returns
    -------
    BoxSearch

    Raises
    ------
    ValueError
        The folding engine has no such `oversample`, or the grid would not fit into memory.
    """
    hours, density, engine = options.hours, options.density, options.engine
    octaves = folding_bands(*limits, points.cadence, density=density, duration=hours)
    cells = options.oversample or CELLS_A_DURATION
    if engine == "auto":
        if cells not in LADDERS:
            engine = "exact"
        else:
            folding = folding_cost(octaves, points.baseline, cells) + REFINE_COST * points.time.size
            engine = "folding" if folding < _exact_cost(octaves, points, hours, density) else "exact"
    elif engine == "folding" and cells not in LADDERS:
        raise ValueError(f"oversample must be one of {tuple(LADDERS)} for the folding engine, got {cells!r}")
    sums = box_sums(points.flux, points.err)
    if engine == "folding":
        return _by_folding(points, sums, limits, options, octaves, cells)
    return _by_exact(points, sums, limits, options)
