"""Is it another's signal? A harmonic of a stronger candidate of the star, or the ephemeris of another star.

One eclipsing binary contaminates many stars: its light reaches their apertures directly, by reflection, along columns
or by crosstalk, always at its own period and epoch (Coughlin et al. 2014). How well two ephemerides agree is measured
as there: of the period ratio's and the epoch difference's distance from an integer, the sigma of being that small by
chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

import numpy as np

from lcnet.transits.matching import harmonic_ratio
from lcnet.transits.vet_result import Test, significance

__all__ = ["EphemerisMatch", "judge_harmonic", "match_ephemerides"]

PERIOD_SIGMA, EPOCH_SIGMA = 3.5, 2.0  # Coughlin et al. 2014, section 3
RATIOS = (1.0, 2.0, 0.5)  # candidate's period over the other's
# chance matches as close that one candidate would have with all it is compared with: fail below, warn below
CHANCE = 1e-3, 0.03


@dataclass(frozen=True)
class EphemerisMatch:
    """Two stars, or a star and a listed binary, with one ephemeris.

    Attributes
    ----------
    index : int
        Row of the candidate.
    other : int
        Row of the other candidate, or of the binary in its list.
    name : str
        The other star's.
    listed : bool
        The other one is a listed binary, not a candidate of the batch.
    ratio : float
        Candidate's period over the other's: 0.5, 1 or 2.
    period_sigma, epoch_sigma : float
        Coughlin et al. 2014, equations 1 to 6.
    chance : float
        Matches as close as this one that chance would give this candidate, with all the stars it was compared with.
    verdict : str
        "fail", or "warn" where chance is not excluded.
    """

    index: int
    other: int
    name: str
    listed: bool
    ratio: float
    period_sigma: float
    epoch_sigma: float
    chance: float
    verdict: str

    @property
    def test(self):
        """The match as a `Test`."""
        what = "listed binary" if self.listed else "candidate of"
        times = {1.0: "the period", 0.5: "half the period", 2.0: "twice the period"}[self.ratio]
        words = (
            f"{times} and the epoch of {what} {self.name} "
            f"({self.period_sigma:.1f} and {self.epoch_sigma:.1f} sigma; {self.chance:.1g} expected by chance)"
        )
        return Test("ephemeris_match", self.ratio, self.period_sigma, self.verdict, words, "ephemeris_match")


def _distance(x):
    """How far from the nearest integer."""
    return np.abs(x - np.rint(x))


def _binaries(binaries):
    """(names, periods [d], epochs [d]) of a table, a mapping of columns, or rows (name, period, epoch)."""
    columns = getattr(binaries, "colnames", None) or getattr(binaries, "columns", None)
    if columns is None and hasattr(binaries, "keys"):
        columns = list(binaries.keys())
    if columns is not None:
        columns = list(columns)
        name = next((c for c in ("name", "target", "star", "kic", "tic") if c in columns), None)
        if name is None or "period" not in columns or "epoch" not in columns:
            raise ValueError(f"a list of binaries needs the columns name, period [d] and epoch [d]; it has {columns}")
        names, periods, epochs = (binaries[c] for c in (name, "period", "epoch"))
    else:
        rows = [tuple(row)[:3] for row in binaries]
        names, periods, epochs = zip(*rows, strict=True) if rows else ((), (), ())
    plain = [np.asarray(getattr(column, "value", column), float) for column in (periods, epochs)]
    return [str(one) for one in names], *plain


def match_ephemerides(periods, epochs, durations, stars, *, binaries=None):
    """Find candidates of different stars, or listed binaries, that share a period and an epoch.

    Parameters
    ----------
    periods, epochs : array, shape (N,), days
        All in one time system. NaN rows (stars without a candidate) match nothing.
    durations : array, shape (N,), hours
    stars : sequence of str, length N
        Two rows of one star are not compared.
    binaries : table or sequence of (name, period, epoch), optional
        Known binaries, days and the same time system; columns ``name``, ``period``, ``epoch``. A binary with the
        candidate's own star name is reported too: the star is a listed binary.

    Returns
    -------
    list of EphemerisMatch
        Each pair of candidates twice, once for either; ordered by row, the best match first.

    Raises
    ------
    ValueError
        Lengths differ, or the list of binaries has no such columns.
    """
    periods, epochs, durations = (np.asarray(x, float).ravel() for x in (periods, epochs, durations))
    stars = [str(star) for star in stars]
    if not len(stars) == periods.size == epochs.size == durations.size:
        raise ValueError(
            f"columns differ in length: {periods.size} periods, {epochs.size} epochs, {durations.size} durations, "
            f"{len(stars)} stars"
        )
    found = _pairs(periods, epochs, durations, stars, periods, epochs, stars, listed=False)
    if binaries is not None:
        names, their_periods, their_epochs = _binaries(binaries)
        found += _pairs(periods, epochs, durations, stars, their_periods, their_epochs, names, listed=True)
    return sorted(found, key=lambda match: (match.index, match.chance))


def _pairs(periods, epochs, durations, stars, others, their_epochs, names, *, listed):
    usable = np.flatnonzero((others > 0) & np.isfinite(others) & np.isfinite(their_epochs))
    usable = usable[np.argsort(others[usable], kind="stable")]
    known = others[usable]
    mine = np.isfinite(periods) & np.isfinite(epochs) & (periods > 0)
    from scipy.special import erfc

    tolerance = float(erfc(PERIOD_SIGMA / np.sqrt(2.0)))  # of the longer period over the shorter from an integer
    found = []
    for i in np.flatnonzero(mine):
        for ratio in RATIOS:
            target = periods[i] / ratio
            low = np.searchsorted(known, target * (1 - 2 * tolerance))
            high = np.searchsorted(known, target * (1 + 2 * tolerance))
            for j in usable[low:high]:
                if not listed and (stars[i] == names[j]):
                    continue
                match = _compare(periods[i], epochs[i], durations[i], others[j], their_epochs[j], ratio)
                if match is None:
                    continue
                off, shift = match
                sigmas = significance(off), significance(shift)
                if sigmas[0] < PERIOD_SIGMA or sigmas[1] < EPOCH_SIGMA:
                    continue
                # both distances are uniform up to one half by chance, and so many stars and ratios were tried
                chance = usable.size * len(RATIOS) * min(1.0, 2 * off + 1e-12) * min(1.0, 2 * shift + 1e-12)
                if chance > CHANCE[1]:
                    continue
                verdict = "fail" if chance < CHANCE[0] else "warn"
                found.append(EphemerisMatch(int(i), int(j), names[j], listed, ratio, *sigmas, chance, verdict))
    return found


def _compare(period, epoch, duration, other, their_epoch, ratio):
    """(distance of the period ratio, of the epoch difference, from integers), or None for events of other times."""
    shorter, longer = min(period, other), max(period, other)
    off = float(_distance(longer / shorter))
    # carry the other's epoch to beside this one's with the other's own period, or a small error of it grows over years
    beside = their_epoch + other * np.rint((epoch - their_epoch) / other)
    shift = float(_distance((epoch - beside) / shorter))
    if np.isfinite(duration) and shift * shorter > 0.5 * duration / 24.0:
        return None
    return off, shift


def judge_harmonic(candidate, others, first, last):
    """Is it a harmonic of a stronger candidate?

    Two planets near a resonance are none: their transits do not coincide (`matching.harmonic_ratio`).

    Parameters
    ----------
    candidate : Candidate
    others : sequence of (int, Candidate)
        The stronger ones with their numbers, strongest first.
    first, last : float, days
        Of the light curve.

    Returns
    -------
    Test
        `value` its period over the stronger one's.
    """
    this = candidate.period, candidate.epoch, candidate.duration
    for number, stronger in others:
        that = stronger.period, stronger.epoch, stronger.duration
        ratio = harmonic_ratio(this, that, first=first, last=last)
        if not ratio:
            continue
        times = {1.0: "", 2.0: "twice ", 0.5: "half ", 3.0: "three times "}.get(ratio, "a third of ")
        words = f"{times}the period of candidate {number} ({stronger.period:.4f} d), "
        if ratio == 1.0:
            phase = (candidate.epoch - stronger.epoch) / stronger.period % 1.0
            words += f"at its phase {phase:.2f}: its second eclipse, or the same variation"
        else:
            words += "and its events are that one's: the same body"
        return Test("harmonic", candidate.period / stronger.period, nan, "fail", words, "harmonic")
    words = "no harmonic of a stronger candidate" if others else "no stronger candidate"
    return Test("harmonic", nan, nan, "pass", words)
