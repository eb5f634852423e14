"""Fast folding of one base period: all trials of a block of rows from those of its quarters, by additions alone.

`folding` says how; this is its innermost part. A block's quarters are the halves of its halves, which need not be
equal: trial s of the block is the sum of the trials of its halves that are nearest to s in proportion, the lower half
moved by what is left of s, and each of those the sum of two trials of quarters. The four are added in one go,
(first + second) + (third + fourth): twice as many additions as halving twice, half as many journeys of a row between
the processor and its caches, which take longer.

Reference
---------
Staelin 1969, Proc. IEEE 57, 724.
"""

from __future__ import annotations

import numpy as np

from lcnet.core.jit import njit

__all__ = [
    "LANES",
    "SLACK",
    "VECTOR",
    "fold_parts",
    "last_four",
    "last_two",
    "layout",
    "n_rows",
    "part_trial",
    "plan_sums",
    "up",
]

SLACK = 16  # cells of an orbit repeated after its end, as many as the widest box has
LANES = 16  # numbers in the widest vector, 64 bytes: rows begin at multiples, and loops over them run to the next one
VECTOR = 64  # numbers; the scan, which the compiler runs four vectors at a time, goes to the next multiple
LEVELS = 20  # of quartering: 4^20 rows


@njit(nogil=True)
def up(n, step):
    """`n` rounded up to a multiple of `step`."""
    return (n + step - 1) // step * step


@njit(nogil=True, error_model="numpy")
def part_trial(s, rows, part):
    """The trial of `part` of the rows that is nearest to trial `s` of all `rows`: s (part-1)/(rows-1), rounded up.

    The quotient of integers is exact where it is a half, and else off by much less than it misses one by.
    """
    return int(s * (part - 1) / (rows - 1) + 0.5) if rows > 1 else 0


@njit(nogil=True)
def n_rows(count, m):
    """Orbits of m cells begun by a series of `count`."""
    return (count + m - 1) // m


@njit(nogil=True)
def _quarters(rows):
    """First rows of the quarters of a block, halves of its halves, and its end."""
    top = rows // 2
    return 0, top // 2, top, top + (rows - top) // 2, rows


@njit(nogil=True)
def _reach(rows):
    """Cells by which the last quarter of a block is moved at most, against the first: what its halves are, and it in
    the lower one."""
    top = rows // 2
    return top + (rows - top) // 2


@njit(nogil=True)
def layout(count, m):
    """(rows, cells repeated after a row, numbers from one row to the next) for a base period of m cells."""
    rows = n_rows(count, m)
    repeated = min(_reach(rows), m) + SLACK
    return rows, repeated, up(2 * (m + repeated) + LANES, LANES)


@njit(nogil=True)
def _moves(s, rows, m):
    """Which trials of its quarters make trial `s` of a block, and by how many cells the latter three are moved."""
    _, one, two, three, _ = _quarters(rows)
    upper, lower = part_trial(s, rows, two), part_trial(s, rows, rows - two)
    a, b = part_trial(upper, two, one), part_trial(upper, two, two - one)
    c, d = part_trial(lower, rows - two, three - two), part_trial(lower, rows - two, rows - three)
    move_b, move_c = upper - b, s - lower
    move_d = move_c + lower - d
    if max(move_b, move_d) >= m:
        move_b, move_c, move_d = move_b % m, move_c % m, move_d % m
    return a, b, c, d, move_b, move_c, move_d


@njit(nogil=True)
def plan_sums(rows, m, stride, plan):
    """Where the four summands of each trial begin, counted from the block's beginning: 4 s to 4 s + 3 for trial s."""
    _, one, two, three, _ = _quarters(rows)
    for s in range(rows):
        a, b, c, d, move_b, move_c, move_d = _moves(s, rows, m)
        plan[4 * s] = a * stride
        plan[4 * s + 1] = (one + b) * stride + 2 * move_b
        plan[4 * s + 2] = (two + c) * stride + 2 * move_c
        plan[4 * s + 3] = (three + d) * stride + 2 * move_d


@njit(nogil=True)
def _repeat(out, row, m, repeated):
    """Copy the beginning of a row behind its end."""
    row, end = np.uint64(row), np.uint64(row + 2 * m)
    for j in range(np.uint64(up(2 * repeated, LANES))):
        out[end + j] = out[row + j]


@njit(nogil=True)
def _sum_rows(series, first, m, rows, moved, j):
    """One number of a trial of up to four rows of the series, `moved` around their orbits."""
    a = series[first + j]
    b = series[first + 2 * m + (j + 2 * moved[1]) % (2 * m)] if rows > 1 else a
    if rows == 1:
        return a
    if rows == 2:
        return a + b
    c = series[first + 4 * m + (j + 2 * moved[2]) % (2 * m)]
    if rows == 3:
        return a + (b + c)
    return (a + b) + (c + series[first + 6 * m + (j + 2 * moved[3]) % (2 * m)])


@njit(nogil=True)
def _few_rows(series, out, begin, rows, m, repeated, stride):
    """All trials of a block of up to four rows, straight from the series, whose rows are not followed by their own
    beginnings: the cells that come from around the orbit are done again one by one."""
    full, first = np.uint64(up(2 * m, LANES)), 2 * begin * m
    moved = np.zeros(4, np.int64)
    a = np.uint64(first)
    for s in range(rows):
        row = np.uint64((begin + s) * stride)
        if rows == 2:
            moved[1] = s % m
        elif rows == 3:
            moved[1], moved[2] = (s - part_trial(s, 3, 2)) % m, s % m
        elif rows == 4:
            _, _, _, _, moved[1], moved[2], moved[3] = _moves(s, 4, m)
        b = np.uint64(first + 2 * m + 2 * moved[1])
        c = np.uint64(first + 4 * m + 2 * moved[2])
        d = np.uint64(first + 6 * m + 2 * moved[3])
        if rows == 1:
            for j in range(full):
                out[row + j] = series[a + j]
        elif rows == 2:
            for j in range(full):
                out[row + j] = series[a + j] + series[b + j]
        elif rows == 3:
            for j in range(full):
                out[row + j] = series[a + j] + (series[b + j] + series[c + j])
        else:
            for j in range(full):
                out[row + j] = (series[a + j] + series[b + j]) + (series[c + j] + series[d + j])
        for j in range(2 * (m - moved.max()), 2 * m):
            out[(begin + s) * stride + j] = _sum_rows(series, first, m, rows, moved, j)
        _repeat(out, (begin + s) * stride, m, repeated)


@njit(nogil=True)
def _merge(quarters, out, begin, rows, m, repeated, stride, plan):
    """All trials of a block of rows from those of its quarters."""
    full, here = np.uint64(up(2 * m, LANES)), begin * stride
    for s in range(rows):
        row = np.uint64(here + s * stride)
        a, b = np.uint64(here + plan[4 * s]), np.uint64(here + plan[4 * s + 1])
        c, d = np.uint64(here + plan[4 * s + 2]), np.uint64(here + plan[4 * s + 3])
        for j in range(full):
            out[row + j] = (quarters[a + j] + quarters[b + j]) + (quarters[c + j] + quarters[d + j])
        _repeat(out, here + s * stride, m, repeated)


@njit(nogil=True)
def _fold(series, folded, spare, begin, rows, m, repeated, stride, plans, planned):
    """Fold a block of rows into `folded`, depth first so that small blocks stay in the cache.

    Quarters of a block are folded into the other of the two buffers than the block itself. The blocks to do are kept on
    a stack of our own: numba's cache does not survive functions that call themselves. Blocks of one depth have one of
    two sizes; the plan of each is kept in `plans`, and its size in `planned`.
    """
    todo = np.empty((4 * LEVELS, 4), np.int64)  # first row, rows, depth, whether its quarters are folded
    todo[0, 0], todo[0, 1], todo[0, 2], todo[0, 3] = begin, rows, 0, 0
    waiting = 1
    while waiting:
        waiting -= 1
        begin, rows, depth, ready = todo[waiting, 0], todo[waiting, 1], todo[waiting, 2], todo[waiting, 3]
        out, quarters = (folded, spare) if depth % 2 == 0 else (spare, folded)
        if rows <= 4:
            _few_rows(series, out, begin, rows, m, repeated[depth], stride)
        elif ready:
            kept = 2 * depth + rows % 2
            if planned[kept] != rows:
                plan_sums(rows, m, stride, plans[kept])
                planned[kept] = rows
            _merge(quarters, out, begin, rows, m, repeated[depth], stride, plans[kept])
        else:
            todo[waiting, 3] = 1
            waiting += 1
            edges = _quarters(rows)
            for k in range(4):
                todo[waiting, 0], todo[waiting, 1] = begin + edges[k], edges[k + 1] - edges[k]
                todo[waiting, 2], todo[waiting, 3] = depth + 1, 0
                waiting += 1


@njit(nogil=True)
def fold_parts(series, folded, spare, rows, m, repeated, stride, plans, planned):
    """Fold the quarters of all rows, or their halves where they are fewer than four."""
    planned[:] = 0
    reach = np.empty(LEVELS, np.int64)
    reach[0], size = repeated, rows
    for depth in range(1, LEVELS):
        size = size // 4 + 1  # the largest of that depth
        reach[depth] = min(_reach(size) + 1, m)
    edges = _quarters(rows)
    if rows < 4:
        for k in range(0, 4, 2):
            _fold(series, folded, spare, edges[k], edges[k + 2] - edges[k], m, reach, stride, plans, planned)
    else:
        for k in range(4):
            _fold(series, folded, spare, edges[k], edges[k + 1] - edges[k], m, reach, stride, plans, planned)


@njit(nogil=True)
def last_two(halves, a, b, n, at, flux, weight):
    """The sum that completes a trial of fewer than four rows, flux and weight parted."""
    a, b, at = np.uint64(a), np.uint64(b), np.uint64(at)
    for j in range(np.uint64(n)):
        i = np.uint64(2) * j
        flux[at + j] = halves[a + i] + halves[b + i]
        i += np.uint64(1)
        weight[at + j] = halves[a + i] + halves[b + i]


@njit(nogil=True)
def last_four(quarters, a, b, c, d, n, at, flux, weight):
    """The sum that completes a trial, flux and weight parted."""
    a, b, c, d, at = np.uint64(a), np.uint64(b), np.uint64(c), np.uint64(d), np.uint64(at)
    for j in range(np.uint64(n)):
        i = np.uint64(2) * j
        flux[at + j] = (quarters[a + i] + quarters[b + i]) + (quarters[c + i] + quarters[d + i])
        i += np.uint64(1)
        weight[at + j] = (quarters[a + i] + quarters[b + i]) + (quarters[c + i] + quarters[d + i])
