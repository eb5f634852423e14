"""Spots carried round by rotation: as a quasi-periodic Gaussian process, or as harmonics that drift apart."""

from __future__ import annotations

import math

import numpy as np

from lcnet.transits.simulator.stochastic import oscillator_noise

__all__ = ["draw_rotation", "rotation_process", "spots"]


def spots(rng, time, *, amplitude, period):
    """Rotational modulation: three harmonics, each two close frequencies (differential rotation) so that it evolves.

    Parameters
    ----------
    amplitude : float
        Semi-amplitude of the strongest harmonic, relative.
    period : float, days
    """
    out = np.zeros(time.size)
    for harmonic, weight in ((1, 1.0), (2, 0.6), (3, 0.25)):
        strength = amplitude * weight * rng.uniform(0.3, 1.0)
        for share in (0.7, 0.3):
            frequency = harmonic / period * (1.0 + rng.uniform(-0.06, 0.06))
            out += strength * share * np.sin(2.0 * np.pi * (frequency * time + rng.random()))
    return out


def rotation_process(rng, time, *, sigma, period, quality=3.0, mix=0.5):
    """Quasi-periodic rotation: two oscillators, at the period and at half of it (Foreman-Mackey et al. 2017, sec. 6.5).

    Parameters
    ----------
    sigma : float
        Standard deviation, relative.
    period : float, days
    quality : float
        Rotations over which a spot pattern lives, times pi; the half-period term has the same life time in days.
    mix : float
        Variance at half the period over that at the period: two active sides.
    """
    first = sigma / math.sqrt(1.0 + mix)
    out = oscillator_noise(rng, time, sigma=first, period=period, quality=quality)
    return out + oscillator_noise(rng, time, sigma=first * math.sqrt(mix), period=0.5 * period, quality=2.0 * quality)


def draw_rotation(rng, time, *, amplitude, period):
    """One of the two at even odds, and its name; `amplitude` is the strongest harmonic's, or sqrt(2) sigma."""
    if rng.random() < 0.5:
        return spots(rng, time, amplitude=amplitude, period=period), "harmonics"
    quality, mix = math.exp(rng.uniform(math.log(2.0), math.log(20.0))), rng.uniform(0.1, 1.0)
    curve = rotation_process(rng, time, sigma=amplitude / math.sqrt(2.0), period=period, quality=quality, mix=mix)
    return curve, "process"
