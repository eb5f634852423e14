"""Simulated stars beside real ones: the noise from point to point and over six hours, of stars of the same magnitude.

    python benchmarks/simulator.py

Needs LCNET_DATA (default: ../shared/data). Of each real quiet star the CDPP of 6 h and the scatter from point to point
in 29.4-minute bins; of forty simulated "quiet" stars of its magnitude, radius, temperature and sampling the median and
the range of the middle two thirds. Known transits are masked. The CDPP is lightkurve's, on both.
"""

from __future__ import annotations

import os
import time
import warnings
from pathlib import Path

import numpy as np

warnings.filterwarnings("ignore")

NUMBER = 40
BIN = 29.4244 / 1440.0
# name, mission, files, (radius [Rsun], mass [Msun]) where it is known
STARS = (
    ("Kepler-11", "Kepler", "KIC6541920_kepler11/*", (1.05, 0.96)),
    ("Kepler-90", "Kepler", "KIC11442793_kepler90/*", (1.2, 1.2)),
    ("TrES-2", "Kepler", "KIC11446443_tres2/*", (1.0, 0.98)),
    *((f"KIC {n}", "Kepler", f"osg9c1/kic{n:09d}_llc.npz", None) for n in
      (757076, 757218, 757231, 757280, 891901, 892010, 892107, 892203, 892553)),
    ("K2-3", "K2", "everest/hlsp_k2sff*", (0.56, 0.6)),
    ("TIC 270501383", "TESS", "tess_pipeline/*270501383*", None),
    ("pi Men", "TESS", "tess_pipeline/*261136679*", (1.1, 1.09)),
    ("TOI-2013", "TESS", "lkext/tess2020*", None),
)  # fmt: skip


def planets(folder):
    """``(period, epoch, duration h)`` of the known planets of each file below `folder`, from its table."""
    import csv

    known = {}
    with open(folder.parent / "lightcurves.csv", newline="") as file:
        for row in csv.DictReader(file):
            cells = [row[name].split(";") for name in ("period", "t0", "duration_h")]
            numbers = [[float(cell) for cell in column if cell.strip()] for column in cells]
            durations = numbers[2] if len(numbers[2]) == len(numbers[0]) else [6.0] * len(numbers[0])
            known[folder.parent / row["file"]] = list(zip(numbers[0], numbers[1], durations, strict=False))
    return known


def read(path):
    """``time, flux, magnitude`` of a file: default flags dropped, magnitude NaN where the header has none."""
    if path.suffix == ".npz":
        with np.load(path) as stored:
            good = (stored["quality"] == 0) & np.isfinite(stored["time"]) & np.isfinite(stored["pdcsap_flux"])
            return stored["time"][good], stored["pdcsap_flux"][good], np.nan
    import lightkurve

    curve = lightkurve.read(str(path)).remove_nans()
    flux = np.asarray(curve.flux.value, float)
    mag = curve.meta.get("KEPMAG", curve.meta.get("TESSMAG"))
    return curve.time.value, flux, np.nan if mag is None else float(mag)


def noise(when, flux, known=()):
    """Point-to-point scatter and 6-h CDPP [ppm] in bins of a Kepler long cadence; NaN where there is too little."""
    import lightkurve

    for period, epoch, duration in known:
        phase = (when - epoch + 0.5 * period) % period - 0.5 * period
        flux, when = flux[np.abs(phase) > duration / 40], when[np.abs(phase) > duration / 40]
    bins = np.floor((when - when[0]) / BIN).astype(int)
    number = np.bincount(bins)
    full = number >= max(1, 0.5 * np.median(number[number > 0]))
    mean = np.bincount(bins, flux)[full] / number[full]
    if mean.size < 202:
        return np.nan, np.nan
    mean /= np.median(mean)
    steps = np.diff(mean)
    scatter = 1.4826 * np.median(np.abs(steps - np.median(steps))) / np.sqrt(2)
    curve = lightkurve.LightCurve(time=BIN * np.flatnonzero(full), flux=mean)
    return 1e6 * scatter, float(curve.estimate_cdpp(transit_duration=12, savgol_window=101, savgol_polyorder=2).value)


def simulated(mission, mag, star, days, seed):
    """The same of simulated quiet stars: (NUMBER, 2)."""
    from lcnet import transits
    from lcnet.transits.simulator.missions import MISSIONS

    given = {"tmag" if mission == "TESS" else "kepmag": mag}
    if star:
        given |= {"radius": star[0], "mass": star[1]}
    options = {"quarters": [0]} if mission == "Kepler" and days < 12 else {}
    rows = []
    for curve in transits.simulate(NUMBER, mission=mission, kind="quiet", star=given, seed=seed, **options):
        good = ((curve.quality & MISSIONS[mission].dropped) == 0) & np.isfinite(curve.flux)
        rows.append(noise(curve.time[good], curve.flux[good]))
    return np.array(rows)


def main():
    folder = Path(os.environ.get("LCNET_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
    folder = folder / "transits" / "lightcurves"
    if not folder.is_dir():
        raise SystemExit(f"skipped: no light curves in {folder}; set LCNET_DATA")
    start = time.process_time()
    print(f"{'star':<14} {'mission':<7} {'mag':>5}  {'point to point [ppm]':<27} {'CDPP of 6 h [ppm]':<27} below")
    print(f"{'':<28}  {'real':>6}  simulated            {'real':>6}  simulated            of 40")
    below = []
    known = planets(folder)
    for seed, (name, mission, pattern, star) in enumerate(STARS):
        paths = sorted(folder.glob(pattern))
        curves = [read(path) for path in paths]
        real = np.nanmedian(
            [noise(*curve[:2], known.get(path, ())) for path, curve in zip(paths, curves, strict=True)], axis=0
        )
        mag = np.nanmedian([curve[2] for curve in curves])
        if np.isnan(mag):  # Jenkins et al. 2010: 3.46e8 electrons a long cadence at Kp 12
            mag = 12.0 - 2.5 * np.log10(np.median(curves[0][1]) * 1765.46 / 3.46e8)
        rows = simulated(mission, mag, star, np.ptp(curves[0][0]), seed)
        low, middle, high = np.nanquantile(rows, (1 / 6, 0.5, 5 / 6), axis=0)
        words = [f"{r:6.0f}  {m:6.0f} [{a:.0f}, {b:.0f}]" for r, m, a, b in zip(real, middle, low, high, strict=True)]
        count = int(np.sum(rows[:, 1] < real[1]))
        below.append(count / NUMBER)
        print(f"{name:<14} {mission:<7} {mag:5.2f}  {words[0]:<27} {words[1]:<27} {count:5d}")
    print(f"share of simulated stars below the real one's CDPP: mean {np.mean(below):.2f} (0.5 if alike)")
    print(f"{NUMBER * len(STARS)} simulated stars; {time.process_time() - start:.0f} s CPU")


if __name__ == "__main__":
    main()
