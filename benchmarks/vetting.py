"""Vetting: how often each test warns of or rejects simulated planets, eclipsing binaries and junk; real stars; cost.

    python benchmarks/vetting.py [-n STARS_A_CLASS] [--seed SEED] [--rivals N]

Simulated stars are searched as real ones are, and what the search found is vetted: planets at their own period,
eclipses at any harmonic, junk where nothing is. Shares have 95 % Wilson intervals. Real stars need LCNET_DATA (default:
../shared/data). `--rivals N` vets N of each class with LEO-vetter too, where it is installed
(``pip install --no-deps --target FOLDER leo-vetter lmfit asteval uncertainties dill``, PYTHONPATH=FOLDER).
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import os
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np

from lcnet.transits.candidates import find_candidates
from lcnet.transits.known import measure_known
from lcnet.transits.labelled import SAMPLINGS, STARS, label
from lcnet.transits.matching import match_ephemeris
from lcnet.transits.simulator.curves import simulate_star
from lcnet.transits.simulator.missions import MISSIONS
from lcnet.transits.vet import TESTS, match_ephemerides, vet_candidate

warnings.filterwarnings("ignore")
CLASSES = ("planet", "eclipse", "junk")
# name, file or npz below lightcurves/, row of lightcurves.csv, factor on its period; or the ephemeris itself
REAL = (
    ("TrES-2 b", "KIC11446443_tres2/*", "KIC 11446443", 1),
    ("HAT-P-7 b", "osg9c1/kic010666592", "KIC 10666592", 1),
    ("HAT-P-11 b", "osg9c1/kic010748390", "KIC 10748390", 1),
    ("WASP-18 b", "exovetter/wasp18b*", "TIC 100100827", 1),
    ("pi Men c", "tess_pipeline/*261136679*", "TIC 261136679", 1),
    ("TOI-2013.01 SPOC", "lkext/tess2020*", "TIC 188589164", 1),
    ("TOI-2013.01 QLP", "lkext/hlsp_qlp*", "TIC 188589164", 1),
    ("AU Mic b", "aumic/*", (8.463, 1330.39, 3.5), 1),
    ("AU Mic rotation", "aumic/*", (4.85, 1330.39, 5.0), 1),
    ("KIC 8655354 (EB) at P", "osg9c1/kic008655354", "KIC 8655354", 1),
    ("KIC 8655354 (EB) at P/2", "osg9c1/kic008655354", "KIC 8655354", 0.5),
    ("KIC 10485250 (EB)", "osg9c1/kic010485250", "KIC 10485250", 1),
    ("KIC 9895004 (EB)", "osg9c1/kic009895004", "KIC 9895004", 1),
    ("TIC 117544915 (EB)", "ramjet/*117544915*", None, 1),
)


def wilson(hits, n, z=1.96):
    """Share with its 95 % interval (Wilson 1927), in percent."""
    if n == 0:
        return "-"
    p = hits / n
    centre, half = (p + z * z / (2 * n)), z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low, high = (max(0.0, (centre + side * half) / (1 + z * z / n)) for side in (-1, 1))
    return f"{100 * p:5.1f} [{100 * low:4.1f}, {100 * high:5.1f}]"


def simulated(wanted, n, seed):
    """(search, index, truth, star) of `n` candidates of a class, found in simulated stars."""
    found, number = 0, 0
    while found < n:
        rng = np.random.default_rng([seed, CLASSES.index(wanted), number])
        number += 1
        kinds = STARS[wanted]
        kind = list(kinds)[int(rng.choice(len(kinds), p=list(kinds.values())))]
        _, mission, cadence, sectors = SAMPLINGS[int(rng.choice(len(SAMPLINGS), p=[row[0] for row in SAMPLINGS]))]
        try:
            curve = simulate_star(rng, kind=kind, mission=mission, cadence=cadence, sectors=sectors)
            good = (curve.quality & MISSIONS[mission].dropped) == 0
            columns = (getattr(curve, name)[good] for name in ("time", "flux", "flux_err"))
            search = find_candidates(*columns, segment=curve.segment[good], max_candidates=2)
        except ValueError:
            continue
        for index, one in enumerate(search.candidates):
            match = match_ephemeris(search.time, one.period, one.epoch, one.duration, curve.truth["signals"])
            if label(match) == wanted and found < n:
                found += 1
                yield search, index, match, curve.truth
                break


def shares(n, seed, rivals):
    """Print the table of tests against classes."""
    counts, total, kinds, kind_total, spent = {}, Counter(), Counter(), Counter(), []
    theirs, broken, both = Counter(), Counter(), Counter()
    for wanted in CLASSES:
        for search, index, match, truth in simulated(wanted, n, seed):
            start = time.process_time()
            found = vet_candidate(search, index)
            spent.append(1e3 * (time.process_time() - start))
            total[wanted] += 1
            # a twin found at half its period is a planet to any test of one light curve
            kind = (match.signal or {}).get("subkind") or truth["kind"]
            kind_total[wanted, kind] += 1
            kinds[wanted, kind] += found.verdict == "fail"
            for test in found.tests:
                counts[test.test, test.verdict, wanted] = counts.get((test.test, test.verdict, wanted), 0) + 1
            counts["any", found.verdict, wanted] = counts.get(("any", found.verdict, wanted), 0) + 1
            if total[wanted] <= rivals:
                verdict = leo(search, index)
                theirs[wanted] += verdict is True
                broken[wanted] += verdict is None
                both[wanted] += found.verdict == "fail"
    print(f"simulated, {n} candidates a class, seed {seed}: share of the verdict in % [95 % interval]")
    print(f"{'test':<12} {'verdict':<10} " + " ".join(f"{wanted:>22}" for wanted in CLASSES))
    for name in [*(name for name in TESTS if name != "ephemeris_match"), "any"]:
        for verdict in ("fail", "warn", "not_tested"):
            hits = [counts.get((name, verdict, wanted), 0) for wanted in CLASSES]
            if any(hits):
                line = " ".join(f"{wilson(h, total[w]):>22}" for h, w in zip(hits, CLASSES, strict=True))
                print(f"{name:<12} {verdict:<10} {line}")
    print("rejected by kind: ", end="")
    print(", ".join(f"{kind} {kinds[w, kind]}/{count}" for (w, kind), count in sorted(kind_total.items())))
    print(f"CPU ms a candidate: median {np.median(spent):.2f}, 95 % {np.quantile(spent, 0.95):.2f}")
    if rivals:
        print(f"the first {rivals} of each class, rejected by (this | LEO-vetter with a Sun-like star):")
        for wanted in CLASSES:
            judged = rivals - broken[wanted]
            print(
                f"    {wanted:<8} {wilson(both[wanted], rivals)} | {wilson(theirs[wanted], judged)} of {judged} judged"
            )
        print(f"    LEO-vetter: {1e3 * np.median(LEO_SECONDS):.0f} ms CPU a candidate")


LEO_SECONDS = []
SUN = dict(tic=1, rad=1.0, mass=1.0, Teff=5772.0, logg=4.44, u1=0.3, u2=0.25, rho=1.0)
SUN |= dict(e_rad=0.05, e_mass=0.05, e_Teff=100.0, e_logg=0.1)


def leo(search, index):
    """Whether LEO-vetter rejects a candidate, as false alarm or false positive; None where it raises an error."""
    from leo_vetter.main import TCELightCurve
    from leo_vetter.thresholds import check_thresholds

    this = search.candidates[index]
    columns = (search.time, search.raw_flux, search.flux, search.flux_err)
    start = time.process_time()
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            curve = TCELightCurve(1, *columns, this.period, this.epoch, this.duration / 24)
            curve.compute_flux_metrics(SUN, verbose=False)
            rejected = any(bool(check_thresholds(curve.metrics, case)) for case in ("FA", "FP"))
        except Exception:
            rejected = None
    LEO_SECONDS.append(time.process_time() - start)
    return rejected


def real(folder):
    """Print every real star's verdict."""
    with open(folder / "lightcurves.csv", newline="") as file:
        rows = {row["target"]: row for row in csv.DictReader(file)}
    print(f"\n{'star':<25} {'points':>6} {'ms':>5} verdict  what was said")
    for name, pattern, target, factor in REAL:
        arrays = curve_of(folder / "lightcurves", pattern)
        if arrays is None:
            print(f"{name:<25} {'not in the data folder':>12}")
            continue
        if target is None:
            found = find_candidates(*arrays[:3], segment=arrays[3], max_candidates=1).candidates[0]
            ephemeris = found.period, found.epoch, found.duration
        elif isinstance(target, tuple):
            ephemeris = target
        else:
            row = rows[target]
            ephemeris = tuple(float(row[key].split(";")[0]) for key in ("period", "t0", "duration_h"))
        search = measure_known(*arrays[:3], segment=arrays[3], ephemerides=[(ephemeris[0] * factor, *ephemeris[1:])])
        vet_candidate(search, 0)
        spent = []
        for _ in range(7):
            start = time.process_time()
            found = vet_candidate(search, 0)
            spent.append(1e3 * (time.process_time() - start))
        said = [f"{test.test}: {test.words}" for test in found.tests if test.verdict in ("fail", "warn")]
        print(f"{name:<25} {search.time.size:>6} {np.median(spent):5.1f} {found.verdict:<8} {'; '.join(said) or '-'}")


def curve_of(folder, pattern):
    """Arrays of a star: time, flux, flux_err, segment; None where it is not there."""
    npz = folder / f"{pattern}_llc.npz"
    if npz.is_file():
        with np.load(npz) as stored:
            good = (stored["quality"] == 0) & np.isfinite(stored["time"])
            quarter = np.broadcast_to(stored["quarter_stamp"], stored["time"].shape)[good]
            return [stored[name][good] for name in ("time", "pdcsap_flux", "pdcsap_flux_err")] + [quarter]
    paths = [str(path) for path in sorted(folder.glob(pattern))]
    if not paths:
        return None
    from lcnet.transits.curves import curve_arrays
    from lcnet.transits.read import read

    curve = curve_arrays(next(iter(read(paths).values())))
    return [curve.time, curve.flux, curve.flux_err, curve.segment]


def matches(folder):
    """Ephemerides of Kepler's false positives against the catalogue of its eclipsing binaries."""
    from astropy.table import Table

    catalogs = folder / "catalogs"
    if not (catalogs / "kepler_eb_catalog.csv.gz").is_file():
        return
    binaries = Table.read(catalogs / "kepler_eb_catalog.csv.gz", format="ascii.csv")
    binaries = binaries[binaries["period"] > 0]
    kois = Table.read(catalogs / "koi_cumulative.csv.gz", format="ascii.csv", comment="#")
    listed = dict(
        name=[f"KIC {kic}" for kic in binaries["kic"]],
        period=np.asarray(binaries["period"], float),
        epoch=np.asarray(binaries["bjd0_minus_2400000"], float) + 2400000.0 - 2454833.0,
    )
    stars = [f"KIC {kic}" for kic in kois["kepid"]]
    columns = (np.ma.filled(kois[name].astype(float), np.nan) for name in ("koi_period", "koi_time0bk", "koi_duration"))
    start = time.process_time()
    pairs = match_ephemerides(*columns, stars, binaries=listed)
    seconds = time.process_time() - start
    found = {}
    for match in pairs:  # the best of a row comes first; a listed binary that is the star itself is no contamination
        if match.name != stars[match.index]:
            found.setdefault(match.index, match.verdict)
    disposition = np.asarray(kois["koi_disposition"]).astype(str)
    print(f"\n{len(stars)} KOIs against each other and {len(listed['name'])} listed binaries: {seconds:.2f} s CPU")
    contaminated = np.asarray(kois["koi_fpflag_ec"]) == 1
    for word in ("CONFIRMED", "CANDIDATE", "FALSE POSITIVE"):
        for kind, here in (("", ~contaminated), (", flagged as an ephemeris match by the archive", contaminated)):
            rows = np.flatnonzero((disposition == word) & here)
            for verdict in ("fail", "warn"):
                hits = sum(found.get(index) == verdict for index in rows)
                print(f"    {word}{kind}: {verdict} {hits} of {rows.size}, {wilson(hits, rows.size)} %")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=150)
    parser.add_argument("--seed", type=int, default=2018)
    parser.add_argument("--rivals", type=int, default=0)
    options = parser.parse_args()
    shares(options.n, options.seed, options.rivals)
    folder = Path(os.environ.get("LCNET_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data") / "transits"
    if folder.is_dir():
        real(folder)
        matches(folder)
    else:
        print(f"real stars skipped: no light curves in {folder}; set LCNET_DATA")


if __name__ == "__main__":
    main()
