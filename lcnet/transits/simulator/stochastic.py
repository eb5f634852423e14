"""Gaussian processes drawn exactly in O(N), whatever the sampling: an exponential and a damped, driven oscillator.

Both are Markov: the value a step later is the present state, propagated, plus independent noise of known covariance.
The oscillator (Foreman-Mackey et al. 2017, AJ 154, 220, eq. 20) has the power spectrum

    S(w) = sqrt(2 / pi) S0 w0^4 / ((w^2 - w0^2)^2 + w0^2 w^2 / Q^2),    variance S0 w0 Q,

which is granulation at Q = 1/sqrt(2) (a Harvey profile of exponent 4), a rotating spotted star at Q of a few, and a
solar-like mode of line width nu / Q at large Q. The state carries the integral over the exposure with it, so what is
returned is the mean over each exposure and not the value at its middle: no sub-sampling, no error of order (T / tau)^2.
"""

from __future__ import annotations

import math

import numpy as np

from lcnet.core.jit import njit

__all__ = ["correlated_noise", "oscillator_noise", "oscillator_psd"]

_DAY_S = 86400.0


@njit(nogil=True)
def _ou(time, tau, normal, out):
    value = normal[0]
    out[0] = value
    for i in range(1, time.size):
        keep = math.exp(-(time[i] - time[i - 1]) / tau)
        value = value * keep + math.sqrt(1.0 - keep * keep) * normal[i]
        out[i] = value


def correlated_noise(rng, time, *, sigma, tau):
    """A Gaussian process with covariance ``sigma^2 exp(-|dt| / tau)``.

    Parameters
    ----------
    time : array, shape (N,), days, increasing
    sigma : float
        Standard deviation.
    tau : float, days
    """
    out = np.empty(time.size)
    _ou(time, float(tau), rng.standard_normal(time.size), out)
    return sigma * out


@njit(nogil=True)
def _oscillate(steps, damping, whole, root, exposed, normal, between, out):
    """`steps` [1/w0]: from the end of one exposure to the next; `whole`, `root`: through one."""
    x, v = between[0, 0], between[0, 1]
    beat = math.sqrt(1.0 - damping * damping)
    used = 1
    last = -1.0
    a11 = a12 = a21 = a22 = l11 = l21 = l22 = 0.0
    for i in range(out.size):
        tau = steps[i]
        if tau > 0.0:
            if tau != last:
                last = tau
                fall, c, s = math.exp(-damping * tau), math.cos(beat * tau), math.sin(beat * tau) / beat
                a11, a12 = fall * (c + damping * s), fall * s
                a21, a22 = -fall * s, fall * (c - damping * s)
                q11 = max(0.0, 1.0 - a11 * a11 - a12 * a12)
                q21 = -a11 * a21 - a12 * a22
                q22 = max(0.0, 1.0 - a21 * a21 - a22 * a22)
                l11, top = math.sqrt(q11), math.sqrt(q22)
                # over steps so short that q11 is rounding, the covariance may exceed what the variances allow
                l21 = min(top, max(-top, q21 / l11)) if l11 > 0.0 else 0.0
                l22 = math.sqrt(max(0.0, q22 - l21 * l21))
            n1, n2 = between[used, 0], between[used, 1]
            used += 1
            x, v = a11 * x + a12 * v + l11 * n1, a21 * x + a22 * v + l21 * n1 + l22 * n2
        if exposed:
            n1, n2, n3 = normal[i, 0], normal[i, 1], normal[i, 2]
            out[i] = whole[2, 0] * x + whole[2, 1] * v + root[2, 0] * n1 + root[2, 1] * n2 + root[2, 2] * n3
            x, v = (
                whole[0, 0] * x + whole[0, 1] * v + root[0, 0] * n1 + root[0, 1] * n2 + root[0, 2] * n3,
                whole[1, 0] * x + whole[1, 1] * v + root[1, 0] * n1 + root[1, 1] * n2 + root[1, 2] * n3,
            )
        else:
            out[i] = x


def _exponential(matrix):
    """Taylor's series: scipy's expm takes milliseconds for 6 x 6 where BLAS has many threads and the machine is busy.

    The steps below keep the norm under 1: 20 terms leave 1 / 21! = 2e-20.
    """
    out = term = np.eye(len(matrix))
    for k in range(1, 21):
        term = term @ matrix / k
        out = out + term
    return out


def _through_exposure(length, quality):
    """Propagator and root of the noise covariance of (x, v, mean of x) over `length` [1/w0] (Van Loan 1978)."""
    drift = np.array([[0.0, 1.0, 0.0], [-1.0, -1.0 / quality, 0.0], [1.0, 0.0, 0.0]])
    noise = np.diag([0.0, 2.0 / quality, 0.0])
    halvings = max(0, math.ceil(math.log2(length / 0.25)))
    step = length / 2**halvings
    block = np.zeros((6, 6))
    block[:3, :3], block[:3, 3:], block[3:, 3:] = -drift, noise, drift.T
    block = _exponential(block * step)
    whole = block[3:, 3:].T
    covariance = whole @ block[:3, 3:]
    for _ in range(halvings):  # exp(-drift T) would overflow for exposures of many oscillations; doubling does not
        covariance = whole @ covariance @ whole.T + covariance
        whole = whole @ whole
    scale = np.diag([1.0, 1.0, 1.0 / length])
    covariance = scale @ (covariance + covariance.T) @ scale / 2.0
    values, vectors = np.linalg.eigh(covariance)  # nearly singular for short exposures: a Cholesky root would fail
    return scale @ whole, vectors * np.sqrt(np.maximum(values, 0.0))


def oscillator_noise(rng, time, *, sigma, period, quality, exposure=0.0):
    """A stochastically driven, damped oscillator, each value the mean over its exposure.

    Parameters
    ----------
    time : array, shape (N,), days, increasing
        Mid-exposure times.
    sigma : float
        Standard deviation of the process at an instant.
    period : float, days
        Undamped period, 2 pi / w0.
    quality : float
        Above 1/2: 1/sqrt(2) for granulation, large for oscillations.
    exposure : float, seconds
        0 gives the process at the times themselves.

    Returns
    -------
    array, shape (N,)

    Raises
    ------
    ValueError
        An overdamped oscillator, or exposures that overlap.
    """
    if not quality > 0.5:
        raise ValueError(f"quality must exceed 1/2, got {quality}; an overdamped process is correlated_noise's")
    time = np.ascontiguousarray(time, float)
    if time.size == 0:
        return np.zeros(0)
    rate = 2.0 * math.pi / period
    length = exposure / _DAY_S
    steps = np.zeros(time.size)
    steps[1:] = np.diff(time) - length
    # mid-times near BJD - 2457000 = 10,000 d are rounded to 2e-12 d; exposures that touch must not count as overlapping
    slack = 1e-9 + 1e-4 * length
    if steps.min() < -slack:
        raise ValueError("exposures overlap")
    steps[steps <= slack * (length > 0.0)] = 0.0
    between = rng.standard_normal((1 + np.count_nonzero(steps), 2))
    out = np.empty(time.size)
    if length > 0.0:
        whole, root = _through_exposure(rate * length, quality)
        normal = rng.standard_normal((time.size, 3))
    else:
        whole, root, normal = np.eye(3), np.zeros((3, 3)), np.empty((0, 3))
    damping = 0.5 / quality
    _oscillate(
        rate * steps, damping, np.ascontiguousarray(whole), np.ascontiguousarray(root), length > 0.0,
        normal, between, out,
    )  # fmt: skip
    return sigma * out


def oscillator_psd(frequency, *, sigma, period, quality, exposure=0.0):
    """One-sided power spectral density of `oscillator_noise`, variance per cycle a day; its integral is sigma^2.

    Parameters
    ----------
    frequency : array, cycles a day
    exposure : float, seconds
        The mean over an exposure T multiplies the density by sinc(f T)^2.
    """
    f, f0 = np.asarray(frequency, float), 1.0 / period
    shape = f0**3 / (quality * ((f**2 - f0**2) ** 2 + (f * f0 / quality) ** 2))
    return 2.0 / math.pi * sigma**2 * shape * np.sinc(f * exposure / _DAY_S) ** 2
