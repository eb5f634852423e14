"""Harmonics: one body seen again, or two planets near a resonance."""

import pytest

from lcnet.transits.matching import harmonic_ratio

SPAN = {"first": 1500.0, "last": 1527.0}


@pytest.mark.parametrize(
    ("this", "stronger", "ratio"),
    [
        ((4.2, 1503.1, 4.0), (4.2, 1501.0, 4.0), 1.0),  # a secondary eclipse
        ((2.1, 1501.0, 4.0), (4.2, 1501.0, 4.0), 0.5),
        ((8.4, 1501.0, 4.0), (4.2, 1505.2, 4.0), 2.0),
        ((12.6, 1509.4, 4.0), (4.2, 1501.0, 4.0), 3.0),
        ((1.4, 1502.4, 3.0), (4.2, 1501.0, 4.0), 1 / 3),
        ((8.41, 1502.3, 4.0), (4.2, 1501.0, 4.0), 0.0),  # near 2:1, with a phase of its own
        ((2.1, 1501.6, 3.0), (4.2, 1501.0, 4.0), 0.0),
        ((9.5, 1502.3, 4.0), (4.2, 1501.0, 4.0), 0.0),
    ],
)
def test_a_harmonic_shares_period_and_phase(this, stronger, ratio):
    assert harmonic_ratio(this, stronger, **SPAN) == ratio
