"""Is it another's signal? A harmonic of a stronger candidate of the star, or the ephemeris of another star.

One eclipsing binary contaminates many stars: its light reaches their apertures directly, by reflection, along columns
or by crosstalk, always at its own period and epoch (Coughlin et al. 2014). How well two ephemerides agree is measured
as there: of the period ratio's and the epoch difference's distance from an integer, the sigma of being that small by
chance.
"""

from __future__ import annotations

import re
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
SAME_STAR = 4.0  # arcsec, a Kepler pixel: what lies closer cannot be told apart by its light curve
_CATALOGUE = re.compile(r"(KIC|EPIC|TIC) \d+$")
_PAIRS = 1_000_000  # compared at once


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
        return [str(one) for one in names], _days(periods), _days(epochs)
    rows = [tuple(row)[:3] for row in binaries]
    numbers = np.array([[float(_days(value)) for value in row[1:]] for row in rows]).reshape(len(rows), 2)
    return [str(row[0]) for row in rows], *numbers.T


def _days(column):
    """A column, or one value, in days: other units are converted, what is masked is NaN."""
    unit = getattr(column, "unit", None)
    factor = 1.0
    if unit is not None and type(unit).__name__ != "UnrecognizedUnit":  # "days", say, of an archive's file
        factor = unit.to("d")
    values = getattr(column, "value", column)  # of a Quantity, masked or not
    mask = getattr(values, "mask", False)
    values = np.ma.masked_where(np.broadcast_to(mask, np.shape(values)), getattr(values, "unmasked", values))
    return factor * np.ma.filled(values.astype(float), np.nan)


def match_ephemerides(periods, epochs, durations, stars, *, binaries=None, positions=None):
    """Find candidates of different stars, or listed binaries, that share a period and an epoch.

    Parameters
    ----------
    periods, epochs : array, shape (N,), days
        All in one time system. NaN rows (stars without a candidate) match nothing.
    durations : array, shape (N,), hours
    stars : sequence of str, length N
        Two rows of one star are not compared.
    binaries : table or sequence of (name, period, epoch), optional
        Known binaries, days (other units of a column are converted) and the same time system; columns ``name``,
        ``period``, ``epoch``; one with a masked value matches nothing. A binary with the candidate's own star name is
        reported too: the star is a listed binary.
    positions : array, shape (N, 2), degrees, optional
        Right ascension and declination, NaN where not known. Two rows within `SAME_STAR` arcsec are one star, unless
        one catalogue lists them as two.

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
    if not periods.size == epochs.size == durations.size == len(stars):
        raise ValueError(
            f"columns differ in length: {periods.size} periods, {epochs.size} epochs, {durations.size} durations, "
            f"{len(stars)} stars"
        )
    if positions is not None and np.shape(positions) != (periods.size, 2):
        raise ValueError(f"positions must be of shape ({periods.size}, 2), not {np.shape(positions)}")
    mine = periods, epochs, durations
    found = _pairs(mine, stars, periods, epochs, stars, listed=False, positions=positions)
    if binaries is not None:
        names, their_periods, their_epochs = _binaries(binaries)
        found += _pairs(mine, stars, their_periods, their_epochs, names, listed=True)
    return sorted(found, key=lambda match: (match.index, match.chance))


def _pairs(mine, stars, others, their_epochs, names, *, listed, positions=None):
    from scipy.special import erfc

    periods, epochs, durations = mine
    usable = np.flatnonzero((others > 0) & np.isfinite(others) & np.isfinite(their_epochs))
    usable = usable[np.argsort(others[usable], kind="stable")]
    known = others[usable]
    rows = np.flatnonzero(np.isfinite(periods) & np.isfinite(epochs) & (periods > 0))
    # of the longer period over the shorter, and of the epochs, from an integer: sigma = sqrt(2) erfcinv(distance)
    widest, latest = (float(erfc(sigma / np.sqrt(2.0))) for sigma in (PERIOD_SIGMA, EPOCH_SIGMA))
    found = []
    for ratio in RATIOS:
        low = np.searchsorted(known, periods[rows] / ratio * (1 - 2 * widest))
        number = np.searchsorted(known, periods[rows] / ratio * (1 + 2 * widest)) - low
        # blocks of rows, for the pairs grow as the square of the batch
        block = np.cumsum(number) // _PAIRS
        for start, stop in zip(*_runs(block), strict=True):
            here = number[start:stop]
            i = np.repeat(rows[start:stop], here)
            place = np.arange(here.sum()) - np.repeat(np.cumsum(here) - here, here)
            j = usable[np.repeat(low[start:stop], here) + place]
            off, shift, together = _compare(periods[i], epochs[i], durations[i], others[j], their_epochs[j])
            # both distances are uniform up to one half by chance, and so many stars and ratios were tried
            chance = np.minimum(1.0, 2 * off + 1e-12) * np.minimum(1.0, 2 * shift + 1e-12) * usable.size * len(RATIOS)
            for k in np.flatnonzero(together & (off <= widest) & (shift <= latest) & (chance <= CHANCE[1])):
                a, b = int(i[k]), int(j[k])
                if not listed and (stars[a] == names[b] or _one_star(a, b, stars, positions)):
                    continue
                verdict = "fail" if chance[k] < CHANCE[0] else "warn"
                sigmas = significance(off[k]), significance(shift[k])
                found.append(EphemerisMatch(a, b, names[b], listed, ratio, *sigmas, float(chance[k]), verdict))
    return found


def _runs(block):
    """(first, one past the last) of the stretches of equal values."""
    edges = np.flatnonzero(np.diff(block)) + 1
    return [[0, *edges], [*edges, block.size]] if block.size else [[], []]


def _compare(period, epoch, duration, other, their_epoch):
    """(distance of the period ratio, of the epoch difference, from integers, whether the events are of one time)."""
    shorter, longer = np.minimum(period, other), np.maximum(period, other)
    off = _distance(longer / shorter)
    # carry the other's epoch to beside this one's with the other's own period, or a small error of it grows over years
    beside = their_epoch + other * np.rint((epoch - their_epoch) / other)
    shift = _distance((epoch - beside) / shorter)
    return off, shift, ~(shift * shorter > 0.5 * duration / 24.0)  # a duration of NaN excludes nothing


def _one_star(a, b, stars, positions):
    """Whether two names may be one star's, in two catalogues: KIC 11446443 is TIC 399860444."""
    if positions is None:
        return False
    first, second = (_CATALOGUE.match(stars[k]) for k in (a, b))
    if first and second and first[1] == second[1]:  # a close pair, which one pixel sees
        return False
    ra, dec = np.radians(np.asarray(positions, float)[[a, b]]).T
    half = np.sin(0.5 * (dec[1] - dec[0])) ** 2 + np.cos(dec[0]) * np.cos(dec[1]) * np.sin(0.5 * (ra[1] - ra[0])) ** 2
    return bool(3600 * np.degrees(2 * np.arcsin(np.sqrt(min(1.0, half)))) < SAME_STAR) if half == half else False


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
