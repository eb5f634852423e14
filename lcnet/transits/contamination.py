"""One binary, many stars: the ephemerides of a finished batch compared with each other and with known binaries."""

from __future__ import annotations

import numpy as np

from lcnet.transits.known import ZERO
from lcnet.transits.rows import sentence
from lcnet.transits.vet import match_ephemerides

__all__ = ["matched"]


def matched(rows, binaries=None) -> None:
    """Flag the candidates that share an ephemeris with another star of the batch, or with a listed binary.

    Parameters
    ----------
    rows : table.Rows
        Of the whole batch; `flags` and `reason` of those that match are changed in place.
    binaries : table or sequence of (name, period [d], epoch [BJD]), optional
    """
    stars = rows.column("target")
    if not len(set(stars)) > (binaries is None):
        return
    flags, reasons, systems = rows.column("flags"), rows.column("reason"), rows.column("time_system")
    # days of an unstated zero cannot be compared with another star's
    zero = np.array([ZERO.get(system, np.nan) for system in systems])
    seen = np.array([status in ("ok", "single_transit") for status in rows.column("status")], dtype=bool)
    periods = np.where(seen, np.array(rows.column("period")), np.nan)
    epochs = np.array(rows.column("epoch")) + zero
    positions = np.stack([rows.column("ra"), rows.column("dec")], axis=1)
    durations = np.array(rows.column("duration"))
    found = match_ephemerides(periods, epochs, durations, stars, binaries=binaries, positions=positions)
    best = {}
    for match in found:
        best.setdefault(match.index, []).append(match)
    for index, matches in best.items():
        flags[index] = " ".join(dict.fromkeys([*flags[index].split(), matches[0].test.flag]))
        # the flag is the same for both
        said = {"fail": "another's signal", "warn": "perhaps another's signal"}[matches[0].verdict]
        words = f"{said}: {matches[0].test.words}" + (f", and of {len(matches) - 1} more" if len(matches) > 1 else "")
        reasons[index] = sentence(reasons[index], words)
