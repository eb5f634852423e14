"""Every real star of the data folder, scored as a user would: what was found, and the network's word on it.

    python benchmarks/real_stars.py

Needs LCNET_DATA (default: ../shared/data). Truth: NASA Exoplanet Archive dispositions. None of these stars, and no star
that shares an ephemeris with one, was in the training set. Light curves of over 100 d are searched from 0.5 to 20 d.
"""

from __future__ import annotations

import os
import time
import warnings
from pathlib import Path

import numpy as np

warnings.filterwarnings("ignore")

LONG = {"period": (0.5, 20.0), "max_candidates": 2}
# name, what it is, files below lightcurves/, options
STARS = (
    ("TrES-2", "planet, P 2.4706 d", "KIC11446443_tres2/*", LONG),
    ("HAT-P-7", "planet, P 2.2047 d", "osg9c1/kic010666592", {}),
    ("HAT-P-11", "planet, P 4.8878 d", "osg9c1/kic010748390", LONG),
    ("WASP-18", "planet, P 0.9415 d", "exovetter/wasp18b*", {}),
    ("pi Men", "planet, P 6.2678 d", "tess_pipeline/*261136679*", {}),
    ("TOI-2013 SPOC", "planet, P 2.6163 d", "lkext/tess2020*", {}),
    ("TOI-2013 QLP", "planet, P 2.6163 d", "lkext/hlsp_qlp*", {}),
    ("TOI-2013 TESS-SPOC", "planet, P 2.6163 d", "lkext/hlsp_tess-spoc*", {}),
    ("AU Mic", "planet, P 8.4637 d; spotted, rotation 4.85 d", "aumic/*", {}),
    ("KIC 8655354", "false positive (EB, P 6.7197 d)", "osg9c1/kic008655354", LONG),
    ("KIC 10485250", "false positive (EB, P 16.4698 d)", "osg9c1/kic010485250", LONG),
    ("TIC 117544915", "EB, P 1.4847 d", "ramjet/*117544915*", {}),
    ("TIC 126890217", "instrumental", "ramjet/*126890217*", {}),
    ("TIC 270501383", "no TOI", "tess_pipeline/*270501383*", {}),
    ("KIC 10002792", "not a KOI, flare star", "altaipony_flare/*", LONG),
    *((f"KIC {n}", "quiet", f"osg9c1/kic{n:09d}", {}) for n in (757076, 757218, 757231, 757280, 891901)),
    *((f"KIC {n}", "quiet", f"osg9c1/kic{n:09d}", {}) for n in (892010, 892107, 892203, 892553)),
)


def kepler_curve(path):
    """A Kepler npz as a lightkurve object."""
    import lightkurve

    with np.load(path) as stored:
        good = (stored["quality"] == 0) & np.isfinite(stored["time"])
        curve = lightkurve.KeplerLightCurve(
            time=stored["time"][good], flux=stored["pdcsap_flux"][good], flux_err=stored["pdcsap_flux_err"][good]
        )
        curve["quarter"] = np.broadcast_to(stored["quarter_stamp"], stored["time"].shape)[good]
    return curve


def main():
    folder = Path(os.environ.get("LCNET_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
    folder = folder / "transits" / "lightcurves"
    if not folder.is_dir():
        raise SystemExit(f"skipped: no light curves in {folder}; set LCNET_DATA")

    from lcnet import transits

    head = f"{'star':<20} {'truth':<45} {'found P [d]':>12} {'SNR':>7} {'p_transit':>9} {'p_planet':>8}"
    print(f"{head} {'+-':>5} {'s':>6}  flags")
    for name, truth, pattern, options in STARS:
        npz = folder / f"{pattern}_llc.npz"
        start = time.perf_counter()
        target = kepler_curve(npz) if npz.is_file() else [str(path) for path in sorted(folder.glob(pattern))]
        table = transits.score(target, **options)
        seconds = time.perf_counter() - start
        for number, row in enumerate(table):
            first = number == 0
            left = f"{name if first else '':<20} {truth if first else '':<45}"
            if row["candidate"] == 0:
                print(f"{left} {row['status']:>12} {'':>7} {'':>9} {'':>8} {'':>5} {seconds:>6.2f}  {row['reason']}")
                continue
            print(
                f"{left} {row['period'].value:>12.5f} {row['snr']:>7.1f} {row['p_transit']:>9.3f} "
                f"{row['p_planet']:>8.3f} {row['p_planet_std']:>5.2f} {seconds if first else 0:>6.2f}  "
                f"{row['flags']} {row['status']}"
            )


if __name__ == "__main__":
    main()
