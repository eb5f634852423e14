"""How far an example lies from those a network was trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lcnet.core.inputs import check, normalise

__all__ = ["Gaussian", "arrays_of", "thresholds"]

RANK = 256


def arrays_of(specs: Mapping, inputs: Mapping) -> np.ndarray:
    """The inputs that are arrays, flattened side by side as the network sees them, (n, D) float32; NaN is missing."""
    scaled = normalise(specs, check(specs, inputs))
    parts = [scaled[name].reshape(len(scaled[name]), -1) for name, spec in specs.items() if spec.shape]
    if not parts:
        raise ValueError("the network takes no arrays: there is nothing to be unlike")
    return np.concatenate(parts, axis=1)


@dataclass(frozen=True)
class Gaussian:
    """A normal distribution of `rank` directions and equal scatter in all others.

    Probabilistic principal components (Tipping & Bishop 1999, J. R. Stat. Soc. B 61, 611): the largest eigenvectors of
    the covariance, and the mean of the remaining eigenvalues.

    Attributes
    ----------
    mean : array, shape (D,)
        NaN where nothing is known: there a row may be anything.
    axes : array, shape (D, rank), float16
    scale : array, shape (rank + 1,)
        Standard deviations along the axes, and of each other direction.
    """

    mean: np.ndarray
    axes: np.ndarray
    scale: np.ndarray

    @cached_property
    def _basis(self) -> np.ndarray:
        # rounded axes are not quite orthogonal, and what lies outside of them is a small difference of large numbers
        basis, upper = np.linalg.qr(self.axes.astype(np.float64))
        return basis * np.sign(np.diag(upper))

    @classmethod
    def fit(cls, rows: np.ndarray, rank: int = RANK) -> Gaussian:
        """Of the rows, array (n, D); what is missing counts as the mean, a column that is always missing as unknown."""
        seen = np.isfinite(rows)
        known = seen.any(axis=0)
        mean = np.full(rows.shape[1], np.nan)
        mean[known] = np.where(seen, rows, 0.0).sum(axis=0, dtype=np.float64)[known] / seen.sum(axis=0)[known]
        centred = np.where(seen, rows - mean, 0.0).astype(np.float64)[:, known]
        values, vectors = np.linalg.eigh(centred.T @ centred / max(1, len(rows) - 1))
        values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
        rank = min(rank, values.size)
        # a direction without scatter (a bin that is zero in every example) must not divide by nothing
        floor = 1e-3 * values.mean() + 1e-12
        rest = values[rank:].mean() if values.size > rank else values[-1]
        scale = np.sqrt(np.maximum(np.append(values[:rank], rest), floor))
        axes = np.zeros((known.size, rank), np.float16)
        axes[known] = vectors[:, :rank]
        return cls(mean.astype(np.float32), axes, scale.astype(np.float32))

    def distance(self, rows: np.ndarray) -> np.ndarray:
        """Mahalanobis distances, array (n,), over the root of how many numbers there are: about 1 in training."""
        seen = np.isfinite(rows) & np.isfinite(self.mean)
        centred = np.where(seen, rows - self.mean, 0.0).astype(np.float64)
        inside = centred @ self._basis
        outside = np.maximum((centred**2).sum(axis=1) - (inside**2).sum(axis=1), 0.0)
        square = ((inside / self.scale[:-1]) ** 2).sum(axis=1) + outside / float(self.scale[-1]) ** 2
        return np.sqrt(square / np.maximum(seen.sum(axis=1), 1))


def thresholds(distances: np.ndarray, labels, classes: Sequence[str], quantile: float) -> np.ndarray:
    """The quantile of held-out distances by class.

    Parameters
    ----------
    distances : array, shape (m, n)
        Of m kinds.
    labels : array of int, shape (n,)
    classes : sequence of str
    quantile : float

    Returns
    -------
    array, shape (m, classes)

    Raises
    ------
    ValueError
        For a class without an example.
    """
    found = np.empty((len(distances), len(classes)))
    for number, name in enumerate(classes):
        chosen = np.asarray(labels) == number
        if not chosen.any():
            raise ValueError(f"no held-out example of class {name!r}")
        found[:, number] = np.quantile(distances[:, chosen], quantile, axis=1)
    return found
