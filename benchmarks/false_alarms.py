"""How often the search finds a planet where none can be: Kepler light curves upside down and cut into shuffled blocks.

    python benchmarks/false_alarms.py [--stars N] [--block 4] [--seed 0] [--output FILE.csv]

Needs LCNET_DATA (default: ../shared/data) with `kepler_koi_lightcurves.npz`. Turned upside down a transit is no dip any
more while noise, spots and gaps are what they were; shuffling blocks of a few days keeps the noise on the time scale of
transits and takes away every period (Christiansen 2017, KSCI-19114, does both to Kepler's whole search; Thompson et
al. 2018, ApJS 235, 38). Three null sets: inverted; inverted and shuffled; shuffled with the known transits cut out.
A star counts once if it has any candidate above the threshold. Intervals are Clopper-Pearson, 95 %.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import time as clock
import warnings
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"

import numpy as np  # noqa: E402

warnings.filterwarnings("ignore")

THRESHOLDS = (7.1, 7.5, 8.0, 9.0, 10.0)
WIDEN = 3.0  # durations about a known transit that are cut out


def interval(hits, n, level=0.95):
    """Clopper-Pearson interval of a share."""
    from scipy.stats import beta

    low = beta.ppf((1 - level) / 2, hits, n - hits + 1) if hits else 0.0
    high = beta.ppf((1 + level) / 2, hits + 1, n - hits) if hits < n else 1.0
    return low, high


def shuffled(time, flux, rng, days):
    """The flux in blocks of `days` put down in another order; the times stay, so do gaps and sampling."""
    block = ((time - time[0]) / days).astype(int)
    numbers = np.unique(block)
    return np.concatenate([flux[block == k] for k in rng.permutation(numbers)])


def folder():
    return Path(os.environ.get("LCNET_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data") / "transits"


def stars():
    """(name, time, flux, known transits) of the set; names repeat where a star is in it twice: the first is taken."""
    import pandas as pd

    path = folder() / "kepler_koi_lightcurves.npz"
    if not path.is_file():
        raise SystemExit(f"skipped: {path} is not there; set LCNET_DATA")
    table = pd.read_csv(folder() / "kepler_koi_lightcurves.csv.gz")
    koi = pd.read_csv(sorted((folder() / "catalogs").glob("*koi*cumulative*"))[0], comment="#")
    known = {
        number: rows[["koi_period", "koi_time0bk", "koi_duration"]].dropna().to_numpy()
        for number, rows in koi.groupby("kepid")
    }
    with np.load(path) as stored:
        time, flux, offset = stored["time"], stored["flux"], stored["offset"]
    seen = set()
    for row in range(len(table)):
        number = int(table["kepid"][row])
        if number not in seen:
            seen.add(number)
            here = slice(offset[row], offset[row + 1])
            # stored as deviations from one
            yield number, time[here].astype(float), 1.0 + flux[here].astype(float), known.get(number, np.empty((0, 3)))


def null_sets(time, flux, known, rng, days):
    """(name, time, flux) of one star's three null light curves."""
    from lcnet.transits.detrend import in_transit

    yield "inverted", time, 2 - flux
    yield "inverted, shuffled", time, shuffled(time, 2 - flux, rng, days)
    free = np.ones(time.size, bool)
    for period, epoch, duration in known:
        free &= ~in_transit(time, period, epoch, duration, widen=WIDEN)
    if free.sum() > 0.5 * time.size:
        yield "cut, shuffled", time[free], shuffled(time[free], flux[free], rng, days)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--stars", type=int, default=None)
    parser.add_argument("--block", type=float, default=4.0, help="days")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="every false candidate as CSV")
    options = parser.parse_args()

    from lcnet.transits.candidates import MIN_SNR, find_candidates

    rows, tried, refused = [], {}, 0
    start = clock.process_time()
    for count, (number, time, flux, known) in enumerate(stars()):
        if count == options.stars:
            break
        rng = np.random.default_rng([options.seed, number])
        for name, t, f in null_sets(time, flux, known, rng, options.block):
            try:
                search = find_candidates(t, f, max_candidates=1)
            except ValueError:
                refused += 1
                continue
            tried[name] = tried.get(name, 0) + 1
            for c in search.candidates:
                rows.append([number, name, c.status, c.period, c.epoch, c.duration, c.snr, c.sde, c.fap, c.n_transits])
        if sys.stderr.isatty():
            print(f"\r{count + 1} stars", end="", file=sys.stderr)
    seconds = clock.process_time() - start
    total = sum(tried.values())
    print(f"{total} light curves, {1e3 * seconds / max(1, total):.0f} ms CPU each; {refused} could not be searched")
    print(f"{'null set':<20} {'kind':<18} {'SNR >':>6} {'stars':>6} {'share':>7}   95 % interval")
    for name, n in tried.items():
        for kind in ("ok", "single_transit", "any"):
            here = [row for row in rows if row[1] == name and kind in (row[2], "any")]
            for threshold in THRESHOLDS if kind == "any" else (MIN_SNR,):
                hits = sum(row[6] >= threshold for row in here)
                low, high = interval(hits, n)
                share = f"{100 * hits / n:>6.2f}%   {100 * low:.2f} to {100 * high:.2f} %"
                print(f"{name:<20} {kind:<18} {threshold:>6.1f} {hits:>6} {share}")
    if options.output:
        with open(options.output, "w", newline="") as file:
            writer = csv.writer(file)
            names = "kic,null_set,status,period_d,epoch_bkjd,duration_h,snr,sde,fap,n_transits"
            writer.writerow(names.split(","))
            writer.writerows(rows)


if __name__ == "__main__":
    main()
