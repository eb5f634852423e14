"""Fast folding: every trial period of an octave from additions alone, and the best box of each by sliding sums.

The light curve is binned once, by the actual times, to uniform cells, each holding two numbers: weight x flux, and
weight. Gaps are cells of weight 0. For a base period of m cells the series is a matrix with one orbit a row; folding at
about m + s/(R-1) cells means adding the R rows, row r moved by s r/(R-1) cells. Staelin (1969) does this for all s at
once by halves: the trials of a block of rows are sums of one trial of its upper and one of its lower half, moved
against each other, so R trials cost log2(R) additions a cell and not R. The transit of the last orbit drifts by one
cell from one trial to the next, and rounding costs at most half a cell in each of the log2(R) sums. Two halvings are
done at a time: what limits the speed is how often a row travels between the processor and its caches. The weights ride
along: numbers 2j and 2j+1 of a row are the flux and the weight of cell j.

Boxes of six widths then slide over each folded orbit, the sums of a wider one going on from those of the narrower. The
power is s^2/(w(1-w)) as in `bls`, s the box's weighted flux (the mean subtracted, scaled so that the power is SNR^2)
and w its share of the weight.

Speed is a matter of leaving the compiler plain loops over unit strides: rows carry a copy of their first cells behind
their last, so that a row moved around the orbit is one slice and not two; loops run to full vectors into that slack;
unsigned counters need no check for negative indices; the maximum is taken over the powers' bits read as integers,
which order like the floats they are, but whose maximum may be taken in any order and so in vectors.

References
----------
Staelin 1969, Proc. IEEE 57, 724; Morello et al. 2020, MNRAS 497, 4654 (shifts of the unequal halves, sect. 2);
Kovacs, Zucker & Mazeh 2002, A&A 391, 369.
"""

from __future__ import annotations

import numpy as np

from lcnet.core.jit import njit
from lcnet.transits.halving import (
    LANES,
    LEVELS,
    SLACK,
    VECTOR,
    fold_parts,
    last_four,
    last_two,
    layout,
    n_rows,
    part_trial,
    plan_sums,
    up,
)

__all__ = ["LADDERS", "bin_cells", "count_cells", "count_trials", "fold_search"]

# box widths in cells, for 2 and 3 cells in the shortest duration: up to 6 and 5.3 of it, in steps of 1.25 to 1.5
LADDERS = {2: (2, 3, 4, 6, 8, 12), 3: (3, 4, 6, 8, 12, 16)}
BLOCK = 1024  # cells of short orbits scanned at a time
NO_BOX = np.float32(1e30)  # added to the denominator of the power of a width that is not to be tried
EMPTY = np.float32(1e-12)  # keeps 0/0 of an empty box at 0


def _steps(widths):
    """The widths as (cells added: 4, 2 or 1; where; which width is complete, or -1)."""
    steps, k = [], 0
    for number, width in enumerate(widths):
        while k < width:
            cells = next(size for size in (4, 2, 1) if k + size <= width)
            k += cells
            steps.append((cells, k - cells, number if k == width else -1))
    return tuple(steps)


def _scanner(widths):
    """The kernel that slides boxes of `widths`; the loop over a constant tuple is unrolled by the compiler."""
    steps = _steps(widths)

    @njit(nogil=True, error_model="numpy")
    def scan(flux, weight, n, excluded, best):
        for j in range(np.uint64(n)):
            s, w, top = np.float32(0), np.float32(0), np.float32(0)
            for cells, at, width in steps:
                i = j + np.uint64(at)
                if cells == 4:
                    s += (flux[i] + flux[i + np.uint64(1)]) + (flux[i + np.uint64(2)] + flux[i + np.uint64(3)])
                    w += (weight[i] + weight[i + np.uint64(1)]) + (weight[i + np.uint64(2)] + weight[i + np.uint64(3)])
                elif cells == 2:
                    s += flux[i] + flux[i + np.uint64(1)]
                    w += weight[i] + weight[i + np.uint64(1)]
                else:
                    s += flux[i]
                    w += weight[i]
                if width >= 0:
                    dip = min(s, np.float32(0))
                    top = max(top, dip * dip / (w - w * w + excluded[width]))
            best[j] = top

    return scan


_scan_2 = _scanner(LADDERS[2])
_scan_3 = _scanner(LADDERS[3])


@njit(nogil=True)
def _highest(bits):
    """(largest, where first)"""
    top = np.int32(0)
    for j in range(np.uint64(bits.size)):
        top = max(top, bits[j])
    where = np.int32(bits.size)
    for j in range(np.uint64(bits.size)):
        where = min(where, np.int32(j) if bits[j] == top else np.int32(bits.size))
    return top, where


@njit(nogil=True, error_model="numpy")
def _best_width(flux, weight, at, widths, excluded):
    """(width in cells, s, w) of the strongest box that begins at cell `at`."""
    s, w, k, power = np.float32(0), np.float32(0), 0, np.float32(0)
    best = (0, np.float32(0), np.float32(0))
    for number in range(widths.size):
        while k < widths[number]:
            s += flux[at + k]
            w += weight[at + k]
            k += 1
        dip = min(s, np.float32(0))
        this = dip * dip / (w - w * w + excluded[number])
        if this > power:
            power, best = this, (k, s, w)
    return best


@njit(nogil=True)
def _trial_period(m, s, rows):
    """Period in cells of trial s of base period m: m^2/(m - s/(R-1)), as in riptide (Morello et al. 2020).

    Not m + s/(R-1): where a row moved around the orbit begins again, its cells are those of the orbit before, so that
    of R rows only R - s/m are orbits. Over thousands of orbits the two differ by many cells.
    """
    return m * m / (m - s / max(rows - 1, 1))


@njit(nogil=True)
def _trials_within(count, m, cell, low, high):
    """[first, last) of the trials of base period m whose periods lie in [low, high) and before base period m + 1."""
    rows = n_rows(count, m)
    steps = max(rows - 1, 1)
    first = int(np.ceil((m - m * m * cell / low) * steps - 1e-9))
    last = int(np.ceil((m - m * m * cell / min(high, (m + 1) * cell)) * steps - 1e-9))
    return max(first, 0), max(last, 0)


@njit
def count_trials(count, cell, low, high):
    """How many trial periods each base period from floor(low/cell) on has within [low, high)."""
    m_first, m_end = int(low / cell), int(np.ceil(high / cell))
    trials = np.empty(m_end - m_first, np.int64)
    for m in range(m_first, m_end):
        first, last = _trials_within(count, m, cell, low, high)
        trials[m - m_first] = last - first
    return trials


@njit(nogil=True, error_model="numpy")
def fold_search(cells, cell, m_first, m_end, low, high, oversample, widths, excluded, period, box):
    """The best box at every trial period in [low, high) of the base periods [m_first, m_end).

    Parameters
    ----------
    cells : array, float32, shape (2N,)
        s and w of each cell in turn (`bin_cells`).
    cell : float, days
    m_first, m_end : int, cells
    low, high : float, days
    oversample : int
        2 or 3, the key of the ladder.
    widths : array of int, shape (6,)
        The ladder.
    excluded : array, float32, shape (6,)
        EMPTY for a width that is tried, NO_BOX for one that is not.
    period : array, shape (P,), days
        Filled.
    box : array, float32, shape (P, 4)
        Filled with the first cell, the width in cells, s and w.
    """
    count = cells.size // 2
    size, longest = 0, 0
    for m in range(m_first, m_end):
        rows, repeated, stride = layout(count, m)
        size, longest = max(size, rows * stride), max(longest, rows * m)
    most = n_rows(count, m_first)
    series = np.zeros(2 * longest + VECTOR, np.float32)  # whole orbits
    series[: cells.size] = cells
    both = np.empty(2 * size + VECTOR + LANES, np.float32)
    skip = -(both.ctypes.data // 4) % LANES  # rows that begin with a line of the cache are read in whole lines
    folded, spare = both[skip : skip + size], both[skip + size :]
    whole = np.empty(4 * most, np.int64)
    plans, planned = np.empty((2 * LEVELS, most + 8), np.int64), np.empty(2 * LEVELS, np.int64)
    room = max(m_end + SLACK, BLOCK) + 4 * VECTOR
    flux, weight, best = np.zeros(room, np.float32), np.zeros(room, np.float32), np.zeros(room, np.float32)
    bits = best.view(np.int32)
    done = 0
    for m in range(m_first, m_end):
        first, last = _trials_within(count, m, cell, low, high)
        if last <= first:
            continue
        rows, repeated, stride = layout(count, m)
        fold_parts(series, folded, spare, rows, m, repeated, stride, plans, planned)
        plan_sums(rows, m, stride, whole)
        span = m + SLACK
        together = max(1, BLOCK // span)  # short orbits are scanned several at a time
        for group in range(first, last, together):
            group_end = min(group + together, last)
            for s in range(group, group_end):
                n, at = up(span, 32), (s - group) * span
                if rows < 4:
                    lower = part_trial(s, rows, rows - rows // 2)
                    b = (rows // 2 + lower) * stride + 2 * ((s - lower) % m)
                    last_two(folded, part_trial(s, rows, rows // 2) * stride, b, n, at, flux, weight)
                else:
                    a, b, c, d = whole[4 * s], whole[4 * s + 1], whole[4 * s + 2], whole[4 * s + 3]
                    last_four(folded, a, b, c, d, n, at, flux, weight)
            filled = up((group_end - group) * span, VECTOR)
            if oversample == 2:
                _scan_2(flux, weight, filled, excluded, best)
            else:
                _scan_3(flux, weight, filled, excluded, best)
            for s in range(group, group_end):
                row = (s - group) * span
                power, where = _highest(bits[row : row + m])
                width, sum_s, sum_w = (
                    _best_width(flux, weight, row + where, widths, excluded)
                    if power > 0
                    else (0, np.float32(0), np.float32(0))
                )
                period[done] = _trial_period(m, s, rows) * cell
                box[done, 0], box[done, 1], box[done, 2], box[done, 3] = where, width, sum_s, sum_w
                done += 1


def count_cells(baseline, cell):
    """Cells that hold a light curve of `baseline` days."""
    return int(baseline / cell) + 1


@njit(nogil=True)
def bin_cells(time, sums, cell, out):
    """Add each point to its cell.

    Parameters
    ----------
    time : array, shape (N,), days since the first point
    sums : array, shape (N, 2)
        s and w of each point.
    cell : float, days
    out : array, float32, shape (2 count_cells,)
        Added to.
    """
    per_day = 1.0 / cell
    last = out.size // 2 - 1
    for i in range(time.size):
        k = min(int(time[i] * per_day), last)
        out[2 * k] += sums[i, 0]
        out[2 * k + 1] += sums[i, 1]
