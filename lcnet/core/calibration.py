"""Probabilities that mean what they say: temperature scaling, and another prior than the training set's."""

from __future__ import annotations

import numpy as np

__all__ = ["HIGHEST", "LOWEST", "at_bound", "ensemble_probabilities", "fit_temperature", "reweight"]

# beyond these the network is useless or certain, and a finite set of examples cannot tell by how much
LOWEST, HIGHEST = 0.05, 20.0
_TOLERANCE = 1e-4  # of the logarithm of the temperature


def ensemble_probabilities(outputs, temperature: float = 1.0) -> np.ndarray:
    """Mean over members of the softmax of their logits over one temperature.

    Parameters
    ----------
    outputs : array, shape (members, n, classes)
        Logits.
    temperature : float

    Returns
    -------
    array, shape (n, classes), float64
    """
    from scipy.special import softmax

    return softmax(np.asarray(outputs, dtype=np.float64) / temperature, axis=-1).mean(axis=0)


def fit_temperature(outputs, labels, weight=None) -> float:
    """The temperature that minimises the log loss of `ensemble_probabilities` on held-out examples.

    Parameters
    ----------
    outputs : array, shape (members, n, classes)
        Logits of examples that no member was trained on.
    labels : array of int, shape (n,)
    weight : array, shape (n,), optional

    Returns
    -------
    float
        Between 0.05 and 20; a value at either end is no fit, see `at_bound`.

    Raises
    ------
    ValueError
        For outputs of another shape, or weights that are all zero.
    """
    from scipy.optimize import minimize_scalar

    outputs, labels = np.asarray(outputs, dtype=np.float64), np.asarray(labels)
    if outputs.ndim != 3 or outputs.shape[1] != len(labels) or len(labels) == 0:
        raise ValueError(f"outputs must have shape (members, {len(labels)}, classes), not {outputs.shape}")
    weight = np.ones(len(labels)) if weight is None else np.asarray(weight, dtype=np.float64)
    if not weight.sum() > 0:
        raise ValueError("no temperature can be fitted: every held-out example has weight zero")
    rows = np.arange(len(labels))

    def loss(log_temperature: float) -> float:
        probability = ensemble_probabilities(outputs, np.exp(log_temperature))[rows, labels]
        return float(np.average(-np.log(np.maximum(probability, 1e-300)), weights=weight))

    found = minimize_scalar(
        loss, bounds=(np.log(LOWEST), np.log(HIGHEST)), method="bounded", options={"xatol": _TOLERANCE}
    )
    return float(np.exp(found.x))


def at_bound(temperature: float) -> bool:
    """Whether a fitted temperature ran into the end of its interval: the held-out examples do not determine it.

    Nor do they if every one is classified rightly, whatever the value: the loss is flat where it vanishes.
    """
    # a bounded minimiser stops short of the end, by a few times its tolerance
    return bool(min(np.log(temperature / LOWEST), np.log(HIGHEST / temperature)) < 10 * _TOLERANCE)


def reweight(probabilities, prevalence, prior) -> np.ndarray:
    """Posterior probabilities under another prior than the training set's class shares.

    p'(k|x) is proportional to p(k|x) prior(k) / prevalence(k) (Saerens, Latinne & Decaestecker 2002, Neural
    Computation 14, 21, eq. 2.4): exact if the classes look alike in both populations and only their shares differ.

    Parameters
    ----------
    probabilities : array, shape (..., classes)
        Calibrated to `prevalence`.
    prevalence, prior : array, shape (classes,)
        Class shares of the training set (``net.card["prevalence"]``) and of the population at hand; each is
        normalised to sum to one.

    Returns
    -------
    array, shape (..., classes), float64
        Summing to one.

    Raises
    ------
    ValueError
        For shares that are negative, all zero, of the wrong length, or a prior for a class never seen in training.
    """
    probabilities = np.asarray(probabilities, dtype=np.float64)
    shares = []
    for name, values in (("prevalence", prevalence), ("prior", prior)):
        values = np.asarray(values, dtype=np.float64)
        if values.shape != probabilities.shape[-1:]:
            raise ValueError(f"{name} must have {probabilities.shape[-1]} values, one a class, not {values.shape}")
        if not (np.isfinite(values).all() and (values >= 0).all() and values.sum() > 0):
            raise ValueError(f"{name} must be non-negative shares, not {values}")
        shares.append(values / values.sum())
    prevalence, prior = shares
    if ((prevalence == 0) & (prior > 0)).any():
        raise ValueError("a prior cannot be given to a class that the training set did not have")
    ratio = np.divide(prior, prevalence, out=np.zeros_like(prior), where=prevalence > 0)
    weighted = probabilities * ratio
    total = weighted.sum(axis=-1, keepdims=True)
    # a row certain of a class the prior excludes contradicts the prior: it keeps the prior, not NaN
    return np.divide(weighted, total, out=np.broadcast_to(prior, weighted.shape).copy(), where=total > 0)
