"""What a vetting test says, and the small statistics that several of them share."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import sqrt

__all__ = ["VERDICTS", "Test", "Vetting", "false_alarm_threshold", "significance"]

VERDICTS = ("pass", "warn", "fail", "not_tested")


@dataclass(frozen=True)
class Test:
    """One test of one candidate.

    Attributes
    ----------
    test : str
        A key of `vet.TESTS`.
    value, sigma : float
        What was measured and its significance; NaN where there is none.
    verdict : str
        "pass"; "warn": seen, and compatible with a planet or too uncertain to reject one; "fail"; "not_tested".
    words : str
        One sentence for a person.
    flag : str
        A short lowercase word for the table's flags, "" for none.
    """

    __test__ = False  # pytest collects what is called Test

    test: str
    value: float
    sigma: float
    verdict: str
    words: str
    flag: str = ""


@dataclass(frozen=True)
class Vetting:
    """All tests of one candidate.

    Attributes
    ----------
    tests : tuple of Test
    columns : dict of str to float
        Values for the table's columns.
    flags : tuple of str
        Of the tests that warn or fail.
    """

    tests: tuple[Test, ...]
    columns: dict = field(default_factory=dict)
    flags: tuple[str, ...] = ()

    @property
    def verdict(self):
        """The worst of the tests' verdicts; "not_tested" when none could be made."""
        found = {test.verdict for test in self.tests}
        return next((word for word in ("fail", "warn", "pass") if word in found), "not_tested")

    def __getitem__(self, name):
        """The test of that name."""
        for test in self.tests:
            if test.test == name:
                return test
        raise KeyError(name)


def _tail_quantile(probability):
    """x with P(|z| > x) = `probability` for a standard normal z: sqrt(2) erfcinv(probability)."""
    from scipy.special import erfcinv

    return sqrt(2.0) * float(erfcinv(min(1.0, max(probability, 1e-300))))


def false_alarm_threshold(days, period, trials=1.0):
    """Sigma that noise is expected to reach once in `trials` folded light curves (Coughlin et al. 2016, appendix).

    sqrt(2) erfcinv(duration / (period trials)): a folded light curve holds period / duration independent places.
    """
    return _tail_quantile(min(1.0, days / period / trials))


def significance(probability):
    """Two-sided normal sigma of a chance probability; a large finite number where it underflows."""
    return _tail_quantile(probability)


def binomial_sigma(hits, n, share):
    """One-sided normal sigma of at least `hits` of `n` by chance of `share` each."""
    from scipy.special import bdtrc, ndtri

    if n == 0 or hits == 0:
        return 0.0
    chance = float(bdtrc(hits - 1, n, min(max(share, 1e-9), 1.0)))
    return float(min(38.0, -ndtri(max(chance, 1e-300))))


def ppm(value):
    """A depth in words: three digits, ppm below a percent."""
    return f"{1e6 * value:.0f} ppm" if abs(value) < 0.01 else f"{100 * value:.3g} %"
