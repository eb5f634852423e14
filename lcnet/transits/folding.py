"""Fast folding: every trial period of an octave from additions alone, and the best box of each by sliding sums.

The light curve is binned once, by the actual times, to uniform cells, each holding two numbers: weight x flux, and
weight. Gaps are cells of weight 0. For a base period of m cells the series is a matrix with one orbit a row; folding at
about m + s/(R-1) cells means adding the R rows, row r moved by s r/(R-1) cells. Staelin (1969) does this for all s at
once by halves: the trials of a block of rows are sums of one trial of its upper and one of its lower half, moved
against each other, so R trials cost log2(R) additions a cell and not R. The transit of the last orbit drifts by one
cell from one trial to the next, and rounding costs at most half a cell in each of the log2(R) sums. The weights ride
along: numbers 2j and 2j+1 of a row are the flux and the weight of cell j.

Boxes of six widths then slide over each folded orbit. Their sums come from a ladder of one, two and four cells, so that
12 cells cost three additions; the power is s^2/(w(1-w)) as in `bls`, s the box's weighted flux (the mean subtracted,
scaled so that the power is SNR^2) and w its share of the weight.

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

__all__ = ["LADDERS", "bin_cells", "count_cells", "count_trials", "fold_search"]

# box widths in cells, for 2 and 3 cells in the shortest duration: up to 6 and 5.3 of it, in steps of 1.25 to 1.5
LADDERS = {2: (2, 3, 4, 6, 8, 12), 3: (3, 4, 6, 8, 12, 16)}
SLACK = 16  # cells of an orbit repeated after its end, as many as the widest box has
BLOCK = 1024  # cells scanned at a time: their sums stay in the first-level cache
VECTOR = 64  # numbers; loops run to the next multiple, four of the widest vectors
NO_BOX = np.float32(1e30)  # added to the denominator of the power of a width that is not to be tried
EMPTY = np.float32(1e-12)  # keeps 0/0 of an empty box at 0


def _steps(widths):
    """The ladder as (cells added: 4, 2 or 1; where; which width is complete, or -1)."""
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
    def scan(one, two, four, weight, weights_two, weights_four, n, excluded, best):
        for j in range(np.uint64(n)):
            s, w, top = np.float32(0), np.float32(0), np.float32(0)
            for cells, at, width in steps:
                i = j + np.uint64(at)
                if cells == 4:
                    s += four[i]
                    w += weights_four[i]
                elif cells == 2:
                    s += two[i]
                    w += weights_two[i]
                else:
                    s += one[i]
                    w += weight[i]
                if width >= 0:
                    dip = min(s, np.float32(0))
                    top = max(top, dip * dip / (w - w * w + excluded[width]))
            best[j] = top

    return scan


_scan_2 = _scanner(LADDERS[2])
_scan_3 = _scanner(LADDERS[3])


@njit(nogil=True)
def _up(n, step):
    """`n` rounded up to a multiple of `step`."""
    return (n + step - 1) // step * step


@njit(nogil=True)
def _part_trial(s, rows, part):
    """The trial of `part` of the rows that is nearest to trial `s` of all `rows`: s (part-1)/(rows-1), rounded."""
    return (2 * s * (part - 1) + rows - 1) // (2 * (rows - 1)) if rows > 1 else 0


@njit(nogil=True)
def _n_rows(count, m):
    """Orbits of m cells begun by a series of `count`."""
    return (count + m - 1) // m


@njit(nogil=True)
def _layout(count, m):
    """(rows, cells repeated after a row, numbers from one row to the next) for a base period of m cells."""
    rows = _n_rows(count, m)
    repeated = min(rows // 2 + 1, m) + SLACK
    return rows, repeated, _up(2 * (m + repeated) + VECTOR, 16)


@njit(nogil=True)
def _cut_rows(cells, rows, m, repeated, stride, out):
    """Write the series as one orbit a row, each followed by its own beginning."""
    for r in range(rows):
        first, row, begun = np.uint64(2 * r * m), np.uint64(r * stride), np.uint64(min(2 * m, cells.size - 2 * r * m))
        for j in range(begun):
            out[row + j] = cells[first + j]
        for j in range(begun, np.uint64(2 * m)):
            out[row + j] = np.float32(0)
        again = row + np.uint64(2 * m)
        for j in range(np.uint64(2 * repeated)):
            out[again + j] = out[row + j]


@njit(nogil=True)
def _merge(halves, out, first, top, rows, m, repeated, stride):
    """All trials of a block of rows from those of its upper `top` rows and of the rest."""
    full, again = np.uint64(_up(2 * m, VECTOR)), np.uint64(_up(2 * repeated, VECTOR))
    # `_part_trial` of both halves, without its divisions: both grow by 0 or 1 from one trial to the next
    whole, upper, lower = 2 * (rows - 1), 0, 0
    upper_rest, lower_rest = rows - 1, rows - 1
    for s in range(rows):
        shift = s - lower
        if shift >= m:
            shift %= m
        a = np.uint64((first + upper) * stride)
        b = np.uint64((first + top + lower) * stride + 2 * shift)
        row = np.uint64((first + s) * stride)
        for j in range(full):
            out[row + j] = halves[a + j] + halves[b + j]
        end = row + np.uint64(2 * m)
        for j in range(again):
            out[end + j] = out[row + j]
        upper_rest += 2 * (top - 1)
        if upper_rest >= whole:
            upper_rest -= whole
            upper += 1
        lower_rest += 2 * (rows - top - 1)
        if lower_rest >= whole:
            lower_rest -= whole
            lower += 1


@njit(nogil=True)
def _fold(series, folded, spare, first, rows, m, repeated, stride):
    """Fold a block of rows into `folded`, depth first so that small blocks stay in the cache.

    Halves of a block are folded into the other of the two buffers than the block itself. The blocks to do are kept on
    a stack of our own: numba's cache does not survive functions that call themselves.
    """
    todo = np.empty((64, 4), np.int64)  # first row, rows, depth, whether its halves are folded
    todo[0, 0], todo[0, 1], todo[0, 2], todo[0, 3] = first, rows, 0, 0
    waiting = 1
    while waiting:
        begin, size, depth, ready = todo[waiting - 1]
        out, halves = (folded, spare) if depth % 2 == 0 else (spare, folded)
        top = size // 2
        if size == 1:
            row = np.uint64(begin * stride)
            for j in range(np.uint64(stride)):
                out[row + j] = series[row + j]
        elif size == 2 or ready:
            # a lower half is moved by no more cells than the upper half has rows, and that has no more than it has
            again = repeated if depth == 0 else min(size, m)
            _merge(series if size == 2 else halves, out, begin, top, size, m, again, stride)
        else:
            todo[waiting - 1, 3] = 1
            for half_begin, half_size in ((begin, top), (begin + top, size - top)):
                todo[waiting, 0], todo[waiting, 1], todo[waiting, 2] = half_begin, half_size, depth + 1
                todo[waiting, 3] = 0
                waiting += 1
            continue
        waiting -= 1


@njit(nogil=True)
def _last_merge(halves, a, b, n, at, flux, weight):
    """The sum that completes a trial, flux and weight parted."""
    a, b, at = np.uint64(a), np.uint64(b), np.uint64(at)
    for j in range(np.uint64(n)):
        flux[at + j] = halves[a + np.uint64(2) * j] + halves[b + np.uint64(2) * j]
        weight[at + j] = halves[a + np.uint64(2) * j + np.uint64(1)] + halves[b + np.uint64(2) * j + np.uint64(1)]


@njit(nogil=True)
def _ladder(one, n, two, four):
    """Sums of two and of four neighbours."""
    for j in range(np.uint64(n + SLACK - 2)):
        two[j] = one[j] + one[j + np.uint64(1)]
    for j in range(np.uint64(n + SLACK - 4)):
        four[j] = two[j] + two[j + np.uint64(2)]


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
    rows = _n_rows(count, m)
    steps = max(rows - 1, 1)
    first = int(np.ceil((m - m * m * cell / low) * steps - 1e-9))
    last = int(np.ceil((m - m * m * cell / min(high, (m + 1) * cell)) * steps - 1e-9))
    return max(first, 0), max(last, 0)


@njit(nogil=True)
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
    size = 0
    for m in range(m_first, m_end):
        rows, repeated, stride = _layout(count, m)
        size = max(size, rows * stride)
    series, folded, spare = np.empty(size, np.float32), np.empty(size, np.float32), np.empty(size, np.float32)
    room = max(m_end + SLACK, BLOCK) + 4 * VECTOR
    flux, weight, best = np.zeros(room, np.float32), np.zeros(room, np.float32), np.zeros(room, np.float32)
    two, four = np.zeros(BLOCK + SLACK, np.float32), np.zeros(BLOCK + SLACK, np.float32)
    weights_two, weights_four = np.zeros(BLOCK + SLACK, np.float32), np.zeros(BLOCK + SLACK, np.float32)
    bits = best.view(np.int32)
    done = 0
    for m in range(m_first, m_end):
        first, last = _trials_within(count, m, cell, low, high)
        if last <= first:
            continue
        rows, repeated, stride = _layout(count, m)
        top = rows // 2
        _cut_rows(cells, rows, m, repeated, stride, series)
        if top:
            _fold(series, folded, spare, 0, top, m, repeated, stride)
        _fold(series, folded, spare, top, rows - top, m, repeated, stride)
        span = m + SLACK
        together = max(1, BLOCK // span)  # short orbits are scanned several at a time
        for group in range(first, last, together):
            group_end = min(group + together, last)
            for s in range(group, group_end):
                upper, lower = _part_trial(s, rows, top), _part_trial(s, rows, rows - top)
                a, b = upper * stride, (top + lower) * stride + 2 * ((s - lower) % m)
                _last_merge(folded, a, b, _up(span, 32), (s - group) * span, flux, weight)
            filled = _up((group_end - group) * span, VECTOR)
            for at in range(0, filled, BLOCK):
                n = min(BLOCK, filled - at)
                _ladder(flux[at:], n, two, four)
                _ladder(weight[at:], n, weights_two, weights_four)
                if oversample == 2:
                    _scan_2(flux[at:], two, four, weight[at:], weights_two, weights_four, n, excluded, best[at:])
                else:
                    _scan_3(flux[at:], two, four, weight[at:], weights_two, weights_four, n, excluded, best[at:])
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
