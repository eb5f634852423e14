"""Medians in numba, linear in the points: a value is selected, nothing is sorted."""

from __future__ import annotations

import numpy as np

from lcnet.core.jit import njit

__all__ = ["median", "median_of_many", "select", "select_near"]

NEAR = 0.1  # relative, about a guess: of 600 residuals' median deviation two standard deviations


@njit(nogil=True)
def select(values, low, high, k):
    """The k-th smallest of values[low:high], which is reordered (Hoare's quickselect)."""
    high -= 1
    while low < high:
        pivot = values[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if k <= j:
            high = j
        elif k >= i:
            low = i
        else:
            break
    return values[k]


@njit(nogil=True)
def median(values, low, high):
    """Median of values[low:high], which is reordered."""
    n = high - low
    upper = select(values, low, high, low + n // 2)
    if n % 2:
        return upper
    lower = values[low]
    for i in range(low, low + n // 2):  # everything left of the selected one is no larger
        lower = max(lower, values[i])
    return 0.5 * (lower + upper)


@njit(nogil=True)
def select_near(values, n, k, guess, spare):
    """The k-th smallest of the first n values, none negative, quickly where it is near a guess; they may be reordered.

    Those near the guess are copied to `spare`, of n values, in one pass without branches; where the k-th is not among
    them all are partitioned.
    """
    low, high = (1.0 - NEAR) * guess, (1.0 + NEAR) * guess
    below, among = 0, 0
    for i in range(n):
        value = values[i]
        spare[among] = value
        below += value < low
        among += (value >= low) & (value <= high)
    if below <= k < below + among:
        return select(spare, 0, among, k - below)
    return select(values, 0, n, k)


@njit(nogil=True)
def median_of_many(values):
    """Median of a long array, which is left as it is: a histogram finds the few values it must be among."""
    n = values.size
    low, high = values.min(), values.max()
    if n < 512 or not high > low:
        copy = values.copy()
        return median(copy, 0, n)
    n_cells = 2048
    scale = (n_cells - 1) / (high - low)
    count = np.zeros(n_cells, np.int64)
    for i in range(n):
        count[int((values[i] - low) * scale)] += 1
    first, below = 0, 0
    while below + count[first] <= (n - 1) // 2:
        below += count[first]
        first += 1
    last, total = first, below + count[first]
    while total <= n // 2:
        last += 1
        total += count[last]
    among = np.empty(total - below)
    k = 0
    for i in range(n):
        cell = int((values[i] - low) * scale)
        if first <= cell <= last:
            among[k] = values[i]
            k += 1
    lower = select(among, 0, k, (n - 1) // 2 - below)
    return lower if n % 2 else 0.5 * (lower + select(among, 0, k, n // 2 - below))
