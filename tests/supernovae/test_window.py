"""The peak is where a bump explains most, however far apart the points lie."""

from __future__ import annotations

import numpy as np
import pytest

from lcnet.supernovae.window import find_peaks


def peak(t, flux, err):
    channel = np.zeros(len(t), dtype=np.int64)
    return find_peaks(t, channel, flux, err, np.array([0, len(t)]), np.array([np.inf]), 1)[0]


@pytest.mark.parametrize("gap", [0.0, 59.0, 60.0, 61.0, 123.4, 5000.7])
def test_gaps_change_nothing(gap, rng):
    """Against the gain at every sixty-fourth of a day, by the formula."""
    t = np.sort(np.concatenate([rng.uniform(0, 80, 30), 80 + gap + rng.uniform(0, 80, 30)]))
    flux, err = rng.normal(0, 1, 60) + 9 * np.exp(-0.5 * ((t - t[45]) / 12) ** 2), np.full(60, 1.0)
    found = peak(t, flux, err)

    def gain(now):
        bump = np.exp(-0.5 * ((t - now) / 10) ** 2) * (np.abs(t - now) <= 30)
        return max((bump * flux).sum(), 0) ** 2 / (bump**2).sum() if bump.any() else 0.0

    best = max(map(gain, np.arange(t[0], t[-1], 1 / 64)))
    assert gain(found) > 0.999 * best


def test_a_span_of_any_length_takes_no_time():
    t = np.concatenate([np.arange(0.0, 90, 3), [5.288e12]])
    flux = np.append(100 * np.exp(-0.5 * ((t[:-1] - 30) / 12) ** 2), 1.0)
    assert peak(t, flux, np.ones(len(t))) == pytest.approx(30, abs=0.5)
