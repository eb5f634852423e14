"""The two-stage box search: every period by fast folding, the strongest peaks again by the exact engine.

Each octave of the period has its own cells, `oversample` of them in its shortest trial duration, so the work of an
octave grows only with the cube root of the period. A coarse box begins at a cell's edge and its period is one of the
trials, between which the last transit drifts by a cell: that costs a few percent of a transit's SNR
(docs/transits-bls.md has the figures), which the second stage gives back to the peaks that matter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lcnet.core.jit import njit
from lcnet.transits.boxes import BoxSearch, in_threads
from lcnet.transits.folding import EMPTY, LADDERS, NO_BOX, bin_cells, count_cells, count_trials, fold_search
from lcnet.transits.peaks import N_PEAKS, Place, find_peaks, put_in
from lcnet.transits.periods import Band, octave_edges, trial_durations

__all__ = ["CELLS_A_DURATION", "folding_bands", "folding_cost", "two_stage_search"]

CELLS_A_DURATION = 2
BINS_A_DURATION = 5  # of the exact second stage, as in the exact engine
TASK = 2_000_000  # cells folded and scanned by one task, some milliseconds
# A ladder's width may be longer than the longest trial duration by this, about half a step. At 3 cells a short period's
# longest duration may lie between 8 cells and 12: with 8 a transit of that length would lose a tenth of its SNR.
LADDER_SLACK = {2: 1.15, 3: 1.27}


@dataclass(frozen=True)
class _Octave:
    """One octave of the period: its limits [d], cell [d], trial durations [h], and the trials of each base period."""

    low: float
    high: float
    cell: float
    duration: np.ndarray
    excluded: np.ndarray
    count: int
    first: int
    trials: np.ndarray


def folding_bands(low, high, cadence, *, density=1.0, duration=None):
    """The period range in octaves, as `periods.Band` whose `period` are the two limits."""
    edges = octave_edges(low, high)
    bands = []
    for a, b in zip(edges[:-1], edges[1:], strict=True):
        hours = trial_durations(np.sqrt(a * b), cadence, shortest=a, density=density) if duration is None else duration
        bands.append(Band(np.array([a, b]), hours))
    return bands


def _octave(band, baseline, oversample):
    low, high = band.period
    cell = band.duration.min() / 24.0 / oversample
    widths = np.array(LADDERS[oversample])
    tried = widths * cell <= band.duration.max() / 24.0 * LADDER_SLACK[oversample]
    tried &= widths * cell < low
    count = count_cells(baseline, cell)
    return _Octave(
        low=low,
        high=high,
        cell=cell,
        duration=band.duration,
        excluded=np.where(tried, EMPTY, NO_BOX).astype(np.float32),
        count=count,
        first=int(low / cell),
        trials=count_trials(count, cell, low, high),
    )


def folding_cost(bands, baseline, oversample):
    """Cells folded and scanned for `bands`: the folding engine's work, P/cell cells for each of T/P steps a cell."""
    cost = 0.0
    for band in bands:
        low, high = band.period
        cell = band.duration.min() / 24.0 / oversample
        cost += baseline / cell * (high - low) / cell
    return cost


def _tasks(octaves, edges):
    """Stretches of base periods of about TASK cells, array (tasks, 5): octave, first, end, where their trials are."""
    found = []
    for number, (octave, edge) in enumerate(zip(octaves, edges, strict=True)):
        ends = np.cumsum(octave.trials)
        work = np.cumsum(octave.trials * (octave.first + np.arange(octave.trials.size)))
        cuts = np.searchsorted(work, np.arange(TASK, work[-1], TASK)) + 1 if work[-1] > TASK else []
        cuts = sorted({0, *map(int, cuts), octave.trials.size})
        for a, b in zip(cuts[:-1], cuts[1:], strict=True):
            trials = edge + (ends[a - 1] if a else 0), edge + ends[b - 1]
            found.append((number, octave.first + a, octave.first + b, *trials))
    return np.array(found, np.int64)


@njit(nogil=True, error_model="numpy")
def _values(box, cell, zero, total, likelihood, period, power, epoch, duration, depth, depth_err):
    """What is reported of each trial, from its box (`fold_search`) in weights that sum to one and s times sqrt(W)."""
    root = np.sqrt(total)
    for i in range(period.size):
        start, width, s, w = np.float64(box[i, 0]), np.float64(box[i, 1]), np.float64(box[i, 2]), np.float64(box[i, 3])
        middle = (start + 0.5 * width) * cell
        epoch[i] = zero + (middle - period[i] if middle >= period[i] else middle)
        duration[i] = 24.0 * width * cell
        if w > 0 and w < 1:
            snr2 = s * s / (w * (1 - w))
            power[i] = 0.5 * snr2 / (1 - w) if likelihood else np.sqrt(snr2)
            depth[i] = -s / (w * (1 - w)) / root
            depth_err[i] = np.sqrt(1 / w + 1 / (1 - w)) / root
        else:
            power[i], depth[i], depth_err[i] = 0.0, 0.0, np.inf


@njit(nogil=True, error_model="numpy")
def _bin_octaves(time, sums, cell, begin, cells):
    """The cells of every octave, one behind the other: those of octave k from begin[k] on."""
    for k in range(cell.size):
        bin_cells(time, sums, cell[k], cells[begin[k] : begin[k + 1]])


@njit(nogil=True, error_model="numpy")
def _search_tasks(tasks, cells, begin, cell, low, high, excluded, oversample, widths, zero, total, likelihood, columns):
    """Search the base periods of each of `tasks` (`_tasks`): fill the columns of their trials."""
    for t in range(tasks.shape[0]):
        k, first, end, start, stop = tasks[t]
        period, power, epoch, duration, depth, depth_err = columns[:, start:stop]
        box = np.empty((stop - start, 4), np.float32)
        own = cells[begin[k] : begin[k + 1]]
        fold_search(own, cell[k], first, end, low[k], high[k], oversample, widths, excluded[k], period, box)
        _values(box, cell[k], zero, total, likelihood, period, power, epoch, duration, depth, depth_err)


def two_stage_search(
    time, sums_in, bands, *, oversample=CELLS_A_DURATION, objective="snr", n_peaks=N_PEAKS, threads=None
):
    """Search octaves of the period by fast folding, and their strongest peaks exactly.

    Parameters
    ----------
    time : array, shape (N,), days, ascending
    sums_in : array, shape (N, 2)
        Weight x (flux - mean) and weight (`boxes.box_sums`).
    bands : list of Band
        From `folding_bands`.
    oversample : int
        Cells in the shortest trial duration, 2 or 3.
    objective : {"snr", "likelihood"}
        The coarse search takes the box of highest SNR either way.
    n_peaks : int
        Peaks refined exactly.
    threads : int, optional

    Returns
    -------
    BoxSearch
    """
    zero = float(time[0])
    since = time - zero
    total = float(sums_in[:, 1].sum())
    # weights that sum to one, and s scaled so that s^2/(w(1-w)) is SNR^2: numbers that float32 holds well
    sums = sums_in * np.array([1 / np.sqrt(total), 1 / total])
    octaves = [octave for band in bands if (octave := _octave(band, since[-1], oversample)).trials.sum()]
    if not octaves:
        raise ValueError("no trial period lies in the range")
    edges = np.cumsum([0] + [int(octave.trials.sum()) for octave in octaves])
    columns = np.empty((6, edges[-1]))
    cell, low, high = (np.array([getattr(octave, name) for octave in octaves]) for name in ("cell", "low", "high"))
    excluded = np.stack([octave.excluded for octave in octaves])
    begin = np.cumsum([0] + [2 * octave.count for octave in octaves])
    cells = np.zeros(begin[-1], np.float32)
    _bin_octaves(since, sums, cell, begin, cells)
    places = []
    for octave, first, last in zip(octaves, edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        blocks = (np.cumsum(octave.trials) - octave.trials)[octave.trials > 0]
        places.append(Place(first, last, blocks, octave.cell, octave.duration, octave.low, octave.high))
    tasks, widths, likelihood = _tasks(octaves, edges[:-1]), np.array(LADDERS[oversample]), objective == "likelihood"

    def work(some):
        limits = begin, cell, low, high, excluded, oversample, widths
        _search_tasks(some, cells, *limits, zero, total, likelihood, columns)

    # on one thread all at once: between kernels many light curves would wait for the interpreter
    in_threads(work, [tasks] if threads == 1 else [tasks[k : k + 1] for k in range(len(tasks))], threads)
    search = BoxSearch(*columns, objective=objective, engine="folding")
    peaks = find_peaks(since, sums, search, places, zero=zero, total=total, oversample=BINS_A_DURATION, n_peaks=n_peaks)
    return put_in(search, peaks, since[-1])
