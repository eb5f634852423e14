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

from lcnet.transits.vet_result import Test, significance

__all__ = ["EphemerisMatch", "harmonic_ratio", "judge_harmonic", "match_ephemerides"]

PERIOD_SIGMA, EPOCH_SIGMA = 3.5, 2.0  # Coughlin et al. 2014, section 3
RATIOS = (1, 2)  # the longer period over the shorter
CHANCE = 0.01  # expected chance matches in the whole batch from which on a match is only a warning
HARMONICS = ((1, 1), (2, 1), (1, 2), (3, 1), (1, 3), (3, 2), (2, 3))  # candidate's period : stronger one's


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
        Matches as close as this one that chance would give in the whole batch.
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
            f"({self.period_sigma:.1f} and {self.epoch_sigma:.1f} sigma; {self.chance:.1g} such pairs by chance)"
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
    pairs = float(mine.sum()) * usable.size / (1 if listed else 2)
    from scipy.special import erfc

    tolerance = float(erfc(PERIOD_SIGMA / np.sqrt(2.0)))  # of the longer period over the shorter from an integer
    found = []
    for i in np.flatnonzero(mine):
        for ratio in (1.0, 2.0, 0.5):  # candidate's period over the other's
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
                # chance: both distances uniform up to one half, three ratios tried; two rows of a star at most
                chance = pairs * 3 * min(1.0, 2 * off + 1e-12) * min(1.0, 2 * shift + 1e-12)
                verdict = "fail" if chance < CHANCE else "warn"
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


def harmonic_ratio(period, epoch, duration, stronger, baseline):
    """Whether two candidates of a star are one body: their periods are in a simple ratio, and their events coincide.

    Two planets near a 2:1 resonance have such periods too, to within what one sector can tell; but their transits do
    not coincide. A candidate at the stronger one's own period is the same body at any phase (a second eclipse).

    Parameters
    ----------
    period, epoch : float, days
    duration : float, hours
    stronger : Candidate
    baseline : float, days
        Time from the first to the last point.

    Returns
    -------
    (p, q, offset), or None
        p : q the candidate's period over the stronger one's; offset [d] of the events, NaN for 1 : 1 at another phase.
    """
    slack = max(duration, stronger.duration) / 24.0
    for p, q in HARMONICS:
        common = q * period  # after which both come back together
        if abs(q * period - p * stronger.period) * baseline / common > slack:
            continue
        # nearest pair of events of the two combs: their offsets repeat every stronger.period / q
        step = stronger.period / q
        offset = (epoch - stronger.epoch + 0.5 * step) % step - 0.5 * step
        half = (epoch - stronger.epoch) % step - 0.5 * step
        if abs(offset) < slack:
            return p, q, offset
        if (p, q) == (1, 1):
            return p, q, nan
        if abs(half) < 0.5 * slack and q == 1:
            return p, q, half  # every p-th of the stronger one's second eclipses, half an orbit away
    return None


def judge_harmonic(candidate, others, baseline):
    """Is it a harmonic of a stronger candidate?

    Parameters
    ----------
    candidate : Candidate
    others : sequence of (int, Candidate)
        The stronger ones with their numbers, strongest first.
    baseline : float, days

    Returns
    -------
    Test
        `value` its period over the stronger one's.
    """
    for number, stronger in others:
        found = harmonic_ratio(candidate.period, candidate.epoch, candidate.duration, stronger, baseline)
        if found is None:
            continue
        p, q, offset = found
        hours = "" if offset != offset else f", its events within {abs(24 * offset):.1f} h of that one's"
        words = f"{p}:{q} of candidate {number}'s period ({stronger.period:.4f} d){hours}: the same body"
        if (p, q) == (1, 1) and offset != offset:
            phase = (candidate.epoch - stronger.epoch) / stronger.period % 1.0
            words = f"the period of candidate {number}, at phase {phase:.2f}: its second eclipse, or the same variation"
        return Test("harmonic", candidate.period / stronger.period, nan, "fail", words, "harmonic")
    if not others:
        return Test("harmonic", nan, nan, "pass", "no stronger candidate")
    return Test("harmonic", nan, nan, "pass", "no harmonic of a stronger candidate")
