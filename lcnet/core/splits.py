"""Parts of a data set that share no group, with about the same share of every class."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

__all__ = ["components", "connect", "grouped_folds", "grouped_split"]


def components(pairs: Iterable, n: int) -> np.ndarray:
    """Connected components of `n` rows joined by `pairs`.

    Parameters
    ----------
    pairs : array, shape (m, 2), or iterable of pairs of int
        Rows that must stay together.
    n : int
        How many rows there are.

    Returns
    -------
    array, shape (n,), int
        The component of each row, numbered from 0 in order of first appearance.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    pairs = np.asarray(pairs if isinstance(pairs, np.ndarray) else list(pairs), dtype=np.int64).reshape(-1, 2)
    graph = coo_array((np.ones(len(pairs), dtype=np.int8), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    _, labels = connected_components(graph, directed=False)
    return labels.astype(np.int64)


def connect(*keys) -> np.ndarray:
    """Groups such that two rows which share a value of *any* key are in one group, through others if need be.

    Parameters
    ----------
    *keys : array, shape (n,)
        E.g. star and ephemeris. None, NaN and "" join nothing.

    Returns
    -------
    array, shape (n,), int
    """
    import pandas as pd

    if not keys:
        raise ValueError("connect needs at least one key")
    n = len(keys[0])
    pairs = []
    for key in keys:
        if len(key) != n:
            raise ValueError(f"keys have {n} and {len(key)} rows")
        series = pd.Series(np.asarray(key))
        if not pd.api.types.is_numeric_dtype(series.dtype):
            series = series.where(series != "")
        codes, uniques = pd.factorize(series, use_na_sentinel=True)
        rows = np.flatnonzero(codes >= 0)
        # a chain to each value's first row joins all its rows with one pair a row
        first = np.full(len(uniques), n)
        np.minimum.at(first, codes[rows], rows)
        pairs.append(np.column_stack([first[codes[rows]], rows]))
    return components(np.concatenate(pairs), n)


def grouped_split(group, fraction: float = 0.15, *, seed: int = 0, labels=None) -> np.ndarray:
    """A held-out part of about `fraction` of the rows, of whole groups.

    Parameters
    ----------
    group : array, shape (n,)
    fraction : float
        Between 0 and 1.
    seed : int
    labels : array of int, shape (n,), optional
        The part has about the same share of each.

    Returns
    -------
    array, shape (n,), bool
        True where held out.

    Raises
    ------
    ValueError
        If there are fewer than two groups.
    """
    if not 0 < fraction < 1:
        raise ValueError(f"fraction must be between 0 and 1, not {fraction}")
    inverse, position = _deal(group, seed, labels)
    if len(position) < 2:
        raise ValueError("a grouped split needs at least two groups")
    held = position < fraction
    if not held.any():
        held[np.argmin(position)] = True
    if held.all():
        held[np.argmax(position)] = False
    return held[inverse]


def grouped_folds(group, folds: int = 5, *, seed: int = 0, labels=None) -> np.ndarray:
    """The fold, 0 to `folds` - 1, of each row; a group is in one fold only, classes are spread evenly.

    Parameters as in `grouped_split`.

    Returns
    -------
    array, shape (n,), int

    Raises
    ------
    ValueError
        If there are fewer groups than folds.
    """
    inverse, position = _deal(group, seed, labels)
    if folds < 2 or len(position) < folds:
        raise ValueError(f"{folds} folds need at least 2 folds and as many groups; there are {len(position)} groups")
    fold = np.minimum((position * folds).astype(int), folds - 1)
    if len(np.unique(fold)) < folds:
        # too few groups for their strata to fill every fold: deal them out one by one instead
        fold[np.argsort(position, kind="stable")] = np.arange(len(position)) % folds
    return fold[inverse]


def _deal(group, seed: int, labels) -> tuple[np.ndarray, np.ndarray]:
    """Each row's group number, and each group's place in [0, 1): a random order within its stratum, by rows.

    A group's stratum is the rarest label it holds, so that the few planets are spread before the many others.
    """
    group = np.asarray(group)
    uniques, inverse = np.unique(group, return_inverse=True)
    stratum = np.zeros(len(uniques), dtype=np.int64)
    if labels is not None:
        classes, codes, counts = np.unique(np.asarray(labels), return_inverse=True, return_counts=True)
        rank = np.argsort(np.argsort(counts, kind="stable"), kind="stable")  # 0 = rarest
        stratum[:] = len(classes)
        np.minimum.at(stratum, inverse, rank[codes])
    rng = np.random.default_rng([seed, 0x5B117])
    shuffle = rng.permutation(len(uniques))
    size = np.bincount(inverse, minlength=len(uniques))
    position = np.empty(len(uniques))
    for value in np.unique(stratum):
        members = shuffle[stratum[shuffle] == value]
        # the middle of a group's rows decides, so that a large group neither always nor never is held out
        position[members] = (np.cumsum(size[members]) - 0.5 * size[members]) / size[members].sum()
    return inverse, position
