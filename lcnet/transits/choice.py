"""Which of a star's light curves are used: one product a sector, no time twice, and what is said about it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

__all__ = ["one_a_sector", "said"]

# Which pipeline to take for a piece of a star's light curve; others after them, in the order given. K2's own PDCSAP
# keeps the spacecraft's roll, which EVEREST (Luger et al. 2018, AJ 156, 99) and K2SFF (Vanderburg & Johnson 2014, PASP
# 126, 948) take out.
_AUTHORS = {"K2": ("EVEREST", "K2SFF", "K2SC", "K2", "Kepler")}
_ALL_AUTHORS = ("SPOC", "TESS-SPOC", "QLP", "Kepler")
# s; the missions' own planet searches used nothing shorter, and 20 s data are ten times as many for no more signal
_SHORTEST = 119.0
# d; a longer hole is one another curve may fill, a shorter one is a momentum dump or a flare left out
_GAP = 0.5
# cadences this far apart are different ones; a mission's own drifts by less with the barycentric correction
_SAME_CADENCE = 1.1


def one_a_sector(parts):
    """One product a sector, no time twice.

    The best pipeline comes first, and of it the best cadence. A curve of another pipeline for a sector that is taken is
    left out whole: what it has and the better one has not was mostly left out there for a reason. A curve covered by
    more than half by better ones is left out too; of one covered by less, the points outside are kept: points of two
    levels in turn would be taken for noise.

    Returns
    -------
    kept : list of Part, in the order of time
    left_out : list of (author, "sector", numbers)
    dropped, cut : int
        Curves of the same pipeline left out, and points left out of others.
    """
    given = list(dict.fromkeys(part.author for part in parts))

    def rank(part):
        known = _AUTHORS.get(part.mission, _ALL_AUTHORS)
        author = known.index(part.author) if part.author in known else len(known) + given.index(part.author)
        short = part.cadence < _SHORTEST
        return author, part.cadence != part.cadence, short, -part.cadence if short else part.cadence

    kept, left_out, dropped, cut = [], [], 0, 0
    for part in sorted((part for part in parts if part.time.size), key=rank):
        pieces = _pieces(part)
        rival = any(pieces & _pieces(other) and other.author != part.author for other in kept)
        covered = np.zeros(part.time.size, bool)
        if not rival:
            for other in kept:
                covered |= _covered(part.time, other)
        if rival or covered.mean() > 0.5:
            if any(other.author == part.author for other in kept) and not rival:
                dropped += 1
            else:
                left_out.append((part.author, part.numbered, {number for _, number in pieces}))
            continue
        if covered.any():
            cut += int(covered.sum())
            columns = ("time", "flux", "flux_err", "segment")
            part = replace(part, **{name: getattr(part, name)[~covered] for name in columns})
        kept.append(part)
    return sorted(kept, key=lambda part: part.time.min()) or parts[:1], left_out, dropped, cut


def _pieces(part) -> set[tuple[str, int]]:
    """The sectors, quarters or campaigns of a curve that says which; nothing for one that does not."""
    return {(part.numbered, int(number)) for number in np.unique(part.segment)} if part.numbered else set()


def said(kept, left_out, dropped, cut) -> tuple[list[str], list[str]]:
    """Flags and sentences about which curves were used and what was done to them."""
    flags, notes = [], []
    authors = list(dict.fromkeys(part.author for part in kept))
    if len(authors) > 1:
        flags.append("mixed_authors")
        notes.append("; ".join(f"{_used(kept, author)} from {author}" for author in authors))
    if left_out:
        flags.append("other_authors")
        others = {}
        for author, what, numbers in left_out:
            others.setdefault((author, what), set()).update(numbers)
        words = (f"{author} ({_listed(what, which)})" if which else author for (author, what), which in others.items())
        notes.append(f"{', '.join(authors)} used; not used: {', '.join(words)}")
    if dropped or cut:
        flags.append("overlaps_dropped")
    if dropped:
        notes.append(f"{dropped} curve{'s' if dropped > 1 else ''} of the same time span left out")
    if cut:
        notes.append(f"{cut} point{'s' if cut > 1 else ''} in overlaps of its curves left out")
    cadences = sorted(part.cadence for part in kept if part.cadence == part.cadence)
    if cadences and cadences[-1] > _SAME_CADENCE * cadences[0]:
        flags.append("mixed_cadences")
        notes.append(f"cadences of {cadences[0]:.0f} to {cadences[-1]:.0f} s, each weighed by its own scatter")
    shares = [part.meta.get("CROWDSAP") for part in kept if part.crowding == "not corrected"]
    shares = [share for share in shares if isinstance(share, (int, float)) and 0 < share <= 1]
    if shares:
        flags.append("not_crowding_corrected")
        notes.append(f"{100 * (1 - np.median(shares)):.1f} % of the light in the aperture is of other stars")
    repairs = {what: sum(part.repairs.get(what, 0) for part in kept) for what in _REPAIRS}
    notes += [words.format(count) for what, words in _REPAIRS.items() if (count := repairs[what])]
    return flags, notes


_REPAIRS = {
    "infinite": "{} infinite values left out",
    "unordered": "times out of order at {} places; sorted",
    "repeated": "{} points of a time given twice left out",
}


def _listed(what: str, numbers) -> str:
    """ "sectors 1, 3"."""
    return f"{what}{'s' * (len(numbers) > 1)} {', '.join(str(number) for number in sorted(numbers))}"


def _used(parts, author) -> str:
    """Which pieces one pipeline gave."""
    mine = [part for part in parts if part.author == author and part.numbered]
    return _listed(mine[0].numbered, {n for part in mine for _, n in _pieces(part)}) if mine else "a piece"


def _covered(time, other):
    """Which times lie within a stretch of another curve; its gaps (between sectors, say) cover nothing."""
    theirs = other.time
    if not (time.size and theirs.size and theirs[0] <= time[-1] and time[0] <= theirs[-1]):
        return np.zeros(time.size, bool)
    gap = max(_GAP, 10 * other.cadence / 86400) if theirs.size > 1 else _GAP
    breaks = np.flatnonzero(np.diff(theirs) > gap)
    first, last = theirs[np.r_[0, breaks + 1]], theirs[np.r_[breaks, theirs.size - 1]]
    stretch = np.searchsorted(first, time, side="right") - 1
    return (stretch >= 0) & (time <= last[stretch])
