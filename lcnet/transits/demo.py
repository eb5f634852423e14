"""Four simulated stars, scored with the shipped network, beside what was put in: ``lcnet transits score --demo``.

Offline and always the same: fixed seeds, files in the form of the TESS archive.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lcnet.transits.judge import THRESHOLD
from lcnet.transits.matching import match_ephemeris
from lcnet.transits.score import score
from lcnet.transits.simulate import simulate_star
from lcnet.transits.write_fits import write_lightcurve

__all__ = ["FOLDER", "STARS", "Demo", "Star", "run_demo"]

FOLDER = Path("lcnet-demo")


@dataclass(frozen=True)
class Star:
    """One star of the demonstration: what it is, and how it is drawn."""

    what: str
    kind: str
    seed: int
    options: dict
    tic: int


# TIC numbers end near 10,000,000,000: no star has these
STARS = (
    Star("a planet", "planet", 8, {"snr": (20.0, 60.0), "tmag": 9.5, "period": (2.0, 6.0)}, 90_000_000_001),
    Star("two planets", "planets", 7, {"snr": (20.0, 80.0), "tmag": 9.5}, 90_000_000_002),
    Star(
        "an eclipsing binary", "detached", 3, {"snr": (30.0, 1e4), "tmag": 10.5, "period": (1.5, 6.0)}, 90_000_000_003
    ),
    Star("a quiet spotted star", "quiet", 5, {"tmag": 10.0}, 90_000_000_004),
)


@dataclass(frozen=True)
class Demo:
    """The table of `score`, and one line for every signal that was put in.

    Attributes
    ----------
    table : QTable
    lines : list of dict
        ``target``, ``what``, ``period`` [d, NaN for the quiet star], ``found`` [d, NaN for nothing], ``p_planet`` and
        ``agrees``.
    """

    table: object
    lines: list[dict]

    def cells(self) -> tuple[list[str], list[list[str]]]:
        """Heads and cells of the comparison, for printing."""
        heads = ["target", "truth", "true period [d]", "found [d]", "p(planet)", "agrees"]
        rows = [
            [
                line["target"],
                line["what"],
                _number(line["period"], ".5f"),
                _number(line["found"], ".5f"),
                _number(line["p_planet"], ".2f"),
                "yes" if line["agrees"] else "NO",
            ]
            for line in self.lines
        ]
        return heads, rows


def _number(value, form) -> str:
    return "-" if np.isnan(value) else format(value, form)


def run_demo(folder=FOLDER, *, figures=None, progress=None, **options) -> Demo:
    """Write the four light curves, score them, and compare with the truth.

    Parameters
    ----------
    folder : path-like
        Made if missing; the files of an earlier run are replaced.
    figures : path-like, optional
        Default: beside the light curves.
    progress : callable, optional
        As in `score`.
    **options
        For `score`.

    Returns
    -------
    Demo
    """
    folder = Path(folder)
    paths, curves = [], {}
    for star in STARS:
        curve = simulate_star(star.seed, kind=star.kind, **star.options)
        paths += write_lightcurve(folder, curve, tic=star.tic)
        curves[f"TIC {star.tic}"] = (star, curve)
    table = score(paths, figures=figures or folder, progress=progress, **options)
    lines = []
    for target, (star, curve) in curves.items():
        lines += compare(target, star, curve, table[np.asarray(table["target"]) == target])
    return Demo(table, lines)


def compare(target, star, curve, rows) -> list[dict]:
    """One line for every signal put into a star, or for having put in none.

    A planet agrees when it is found at its period with p_planet >= `THRESHOLD`; an eclipse when it is found, at its
    period or a harmonic, with less; a star without signals when nothing is called a planet.
    """
    candidates = [row for row in rows if row["candidate"]]
    if star.kind == "quiet":
        highest = max((float(row["p_planet"]) for row in candidates), default=np.nan)
        top = float(candidates[0]["period"].value) if candidates else np.nan
        line = {"target": target, "what": star.what, "period": np.nan, "found": top, "p_planet": highest}
        return [{**line, "agrees": not highest >= THRESHOLD}]
    signals = [signal for signal in curve.truth["signals"] if signal["kind"] in ("planet", "eclipse")]
    lines = []
    for number, signal in enumerate(signals, 1):
        what = star.what if len(signals) == 1 else f"{star.what}: {number}"
        line = {"target": target, "what": what, "period": signal["period"], "found": np.nan, "p_planet": np.nan}
        line["agrees"] = False
        for row in candidates:
            match = match_ephemeris(
                curve.time, row["period"].value, row["epoch"].value, row["duration"].value, [signal]
            )
            eclipse = signal["kind"] == "eclipse"
            if match.signal is None or (not eclipse and match.ratio != 1.0):
                continue
            p = float(row["p_planet"])
            line |= {"found": float(row["period"].value), "p_planet": p}
            line["agrees"] = p < THRESHOLD if eclipse else p >= THRESHOLD
            break
        lines.append(line)
    return lines
