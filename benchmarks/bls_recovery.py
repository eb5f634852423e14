"""Does the two-stage box search find what the exact one finds? Injections, paired, at equal false-alarm rate.

    python benchmarks/bls_recovery.py run tess JOURNAL.csv [-n 1000] [--nulls 500] [--jobs 2]
    python benchmarks/bls_recovery.py run kepler JOURNAL.csv [-n 400] [--nulls 200]
    python benchmarks/bls_recovery.py report JOURNAL.csv [...] [--far 0.01] [--figure FILE.png]

`run` searches light curves 0, 1, 2, ... of a survey with both engines on one thread each and adds a line a light curve
to the journal as it goes; interrupted, it goes on where it stopped. Every light curve is made from its number alone.
Fifteen Kepler light curves in a row have their times and errors in common, so that the exact engine's folding, nearly
all of its work there, puts each point into its phase bin once for all of them.
`report` prints recovery, the paired difference in points with its 95 % interval (injections and thresholds resampled),
the same averaged over false-alarm rates, and every light curve on which the engines differ. The exact engine's power is
astropy's (tests/transits/test_bls.py), on the same octaves and durations and the Ofir grid.

The light curves: TESS, 27.4 d at 10 minutes with the mid-sector gap, planets of 0.5 to 13 d; Kepler, 1,460 d at 29.4
minutes with the gaps between months and quarters, 0.5 to 500 d. White noise whose level changes from stretch to
stretch, red noise (Ornstein-Uhlenbeck, 0 to 0.4 of the white level at 0.1 to 0.5 d), limb-darkened transits of stars of
0.4 to 2.5 solar densities at impact parameters 0 to 0.9, log-uniform periods, at least two transits with data. Depths
are set for a white-noise SNR drawn uniformly from the survey's range. Recovered: the trial period drifts by less than a
duration over the baseline, and the power is above the threshold that the given share of injection-free light curves
exceeds in that engine.
"""

from __future__ import annotations

import argparse
import csv
import os
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

import numba  # noqa: E402
import numpy as np  # noqa: E402
from scipy.signal import lfilter  # noqa: E402

from lcnet.transits.bls import bls_search  # noqa: E402
from lcnet.transits.boxes import BoxSearch, box_columns, box_sums, phase_bins, scan_boxes  # noqa: E402
from lcnet.transits.engines import _exact_places  # noqa: E402
from lcnet.transits.peaks import find_peaks  # noqa: E402
from lcnet.transits.periods import central_duration, period_bands  # noqa: E402
from lcnet.transits.transit_model import transit_duration, transit_flux  # noqa: E402

SURVEYS = {
    # baseline [d], cadence [d], periods [d], white SNR
    "tess": (27.4, 600 / 86400, (0.5, 13.0), (6.0, 13.0)),
    "kepler": (1460.0, 29.4244 / 1440, (0.5, 500.0), (7.0, 14.0)),
}
TOGETHER = {"tess": 1, "kepler": 15}  # light curves in a row that share times and errors
LANES = 16  # numbers folded side by side: a sum of each of fifteen light curves, and their weight
PERIODS, POINTS = 8, 256  # trial periods folded side by side, points at a time: both stay in the caches
BINS = 5  # phase bins in the shortest duration, as in the exact engine
ENGINES = {
    "exact": {"engine": "exact"},
    "two-stage": {"engine": "folding"},
    "two-stage os 3": {"engine": "folding", "oversample": 3},
}
TITLES = {"tess": "TESS", "kepler": "Kepler"}
SIGMA = 1e-3
# of the mean over many: a single threshold rests on the few strongest of the light curves without a planet
RATES = tuple(np.linspace(0.01, 0.10, 19))
FIELDS = ["survey", "number", "injected", "period", "snr", "duration_h"]
FIELDS += [f"{engine} {what}" for engine in ENGINES for what in ("period", "power", "best_period", "score", "cpu_s")]


def sampling(survey, rng):
    """Times [d] of a survey's light curve, and the number of the stretch each lies in."""
    baseline, cadence, *_ = SURVEYS[survey]
    time_d = np.arange(0.0, baseline, cadence)
    if survey == "tess":
        stretch = (time_d > 13.7).astype(int)
        keep = np.abs(time_d - 13.7) > 0.6
    else:
        stretch = (time_d / 91.25).astype(int)
        keep = (time_d % 91.25 > 1.3) & (time_d % 30.42 > 0.6)
        keep &= (
            stretch != rng.integers(3, 15) if rng.random() < 0.5 else True
        )  # one quarter is missing from every other
    keep &= rng.random(time_d.size) > 0.01
    return time_d[keep], stretch[keep]


def light_curve(survey, number):
    """(time [d], flux, flux_err, truth) of light curve `number`; negative numbers hold no planet."""
    kind = {"tess": 1, "kepler": 2}[survey], int(number < 0)
    rng = np.random.default_rng([kind[0], abs(number), kind[1]])
    baseline, cadence, (low, high), snrs = SURVEYS[survey]
    shared = rng if TOGETHER[survey] == 1 else np.random.default_rng([*kind, *block_of(survey, number)])
    time_d, stretch = sampling(survey, shared)
    err = SIGMA * shared.uniform(0.8, 1.25, stretch.max() + 1)[stretch]
    noise = err * rng.normal(size=time_d.size)
    red, scale = SIGMA * rng.uniform(0, 0.4), np.exp(rng.uniform(np.log(0.1), np.log(0.5)))
    keep = np.exp(-cadence / scale)
    n = int(baseline / cadence) + 2
    walk = lfilter([np.sqrt(1 - keep**2)], [1, -keep], rng.normal(size=n), zi=[keep * rng.normal()])[0]
    noise += red * walk[np.rint(time_d / cadence).astype(int)]
    truth = {"survey": survey, "number": number, "injected": int(number >= 0)}
    if number < 0:
        return time_d, 1 + noise, err, truth
    while True:
        period = np.exp(rng.uniform(np.log(low), np.log(high)))
        density, b = np.exp(rng.uniform(np.log(0.4), np.log(2.5))), rng.uniform(0, 0.9)
        epoch = rng.uniform(0, period)
        a_rs = period / np.pi / (central_duration(period, density=density) / 24.0)
        shape = 1 - transit_flux(
            time_d, period=period, epoch=epoch, a_rs=a_rs, rp=0.05, b=b, u1=0.4, u2=0.25, exposure=cadence
        )
        if np.unique(np.rint((time_d[shape > 0] - epoch) / period)).size >= 2:
            break
    snr = rng.uniform(*snrs)
    flux = 1 + noise - shape * snr / np.sqrt(np.sum((shape / err) ** 2))
    hours = transit_duration(period, a_rs, 0.05, b)
    return time_d, flux, err, {**truth, "period": period, "snr": snr, "duration_h": hours}


def block_of(survey, number):
    """Which light curves share their sampling with this one: (with planets or not, which block)."""
    return int(number >= 0), (number if number >= 0 else -1 - number) // TOGETHER[survey]


@numba.njit(nogil=True)
def fold_together(time, sums, period, widths, bin_size, power, box):
    """`boxes.exact_boxes` for light curves that share times and errors.

    `sums` (N, 16) holds weight x (flux - mean) of up to fifteen of them, and the weight; `power` (K, P) and `box`
    (K, P, 4) are filled as there.
    """
    wrap = widths.max()
    size = int(np.ceil(period.max() / bin_size)) + wrap + 2
    folded = np.empty((PERIODS, size, LANES))
    flux, weight, bins = np.empty(size), np.empty(size), np.empty(POINTS, np.uint32)
    total = sums[:, LANES - 1].sum()
    lanes = np.uint64(sums.shape[1])  # not the constant: the compiler would unroll the loop instead of using vectors
    for group in range(0, period.size, PERIODS):
        trials = period[group : group + PERIODS]
        folded[:] = 0.0
        for first in range(0, time.size, POINTS):
            when, what = time[first : first + POINTS], sums[first : first + POINTS]
            for p in range(trials.size):
                phase_bins(when, trials[p], bin_size, bins)
                out = folded[p]
                for i in range(when.size):
                    row, own = out[bins[i]], what[i]
                    for lane in range(lanes):
                        row[lane] += own[lane]
        for p in range(trials.size):
            n_data = int(np.ceil(trials[p] / bin_size))
            out = folded[p]
            out[n_data + 1 : n_data + 1 + wrap] = out[1 : 1 + wrap].copy()  # the orbit closes
            weight[0] = flux[0] = 0.0
            for k in range(1, n_data + wrap + 1):
                weight[k] = weight[k - 1] + out[k, LANES - 1]
            for lane in range(power.shape[0]):
                for k in range(1, n_data + wrap + 1):
                    flux[k] = flux[k - 1] + out[k, lane]
                own = box[lane, group + p]
                power[lane, group + p] = scan_boxes(flux, weight, n_data + wrap, widths, total, False, own)


def exact_together(time_d, fluxes, err, limits):
    """What `bls_search(engine="exact")` finds in each of up to fifteen `fluxes` (K, N) of common times and errors."""
    since, zero = time_d - time_d[0], float(time_d[0])
    bands = period_bands(since[-1], *limits, float(np.median(np.diff(time_d))))
    sums = np.zeros((time_d.size, LANES))
    for lane, flux in enumerate(fluxes):
        sums[:, [lane, LANES - 1]] = box_sums(flux, err)
    total, columns = float(sums[:, LANES - 1].sum()), []
    for band in bands:
        days = band.duration / 24.0
        size = days.min() / BINS
        widths = np.floor(days / size + 0.5).astype(np.int64)
        power, box = np.empty((len(fluxes), band.period.size)), np.empty((len(fluxes), band.period.size, 4))
        fold_together(since, sums, band.period, widths, size, power, box)
        start, index, s, w = np.moveaxis(box, 2, 0)
        width = widths[index.astype(int)] * size
        epoch = zero + (start * size + 0.5 * width) % band.period
        snr, depth, depth_err = box_columns(s, w, total, "snr")
        columns.append((np.broadcast_to(band.period, power.shape), snr, epoch, 24.0 * width, depth, depth_err))
    found = []
    for lane in range(len(fluxes)):
        search = BoxSearch(*(np.concatenate([c[lane] for c in column]) for column in zip(*columns, strict=True)))
        own = sums[:, [lane, LANES - 1]] * np.array([1 / np.sqrt(total), 1 / total])
        places = _exact_places(bands, since[-1], None, 1.0)
        peaks = find_peaks(since, own, search, places, zero=zero, total=total, oversample=BINS)
        found.append((search, peaks))
    return found


def check_together():
    """The exact engine and its form for many light curves agree, on 60 d; else the study is stopped."""
    curves = [light_curve("kepler", number) for number in range(TOGETHER["kepler"])]
    some = curves[0][0] < 60.0
    time_d, err = curves[0][0][some], curves[0][2][some]
    for curve, (search, peaks) in zip(
        curves, exact_together(time_d, [flux[some] for _, flux, *_ in curves], err, (0.5, 20.0)), strict=True
    ):
        alone = bls_search(time_d, curve[1][some], err, period=(0.5, 20.0), engine="exact", threads=1)
        np.testing.assert_allclose(search.power, alone.power, rtol=1e-9)
        np.testing.assert_allclose([p.period for p in peaks], [p.period for p in alone.peaks], rtol=1e-9)


def search(job):
    """Lines of the journal: of the light curves of one block."""
    survey, numbers = job
    curves = [light_curve(survey, number) for number in numbers]
    rows = [truth for *_, truth in curves]
    for engine, options in ENGINES.items():
        start = time.process_time()
        if engine == "exact" and TOGETHER[survey] > 1:
            times, _, err, _ = curves[0]
            found = exact_together(times, [flux for _, flux, *_ in curves], err, SURVEYS[survey][2])
        else:
            results = [bls_search(*curve[:3], period=SURVEYS[survey][2], threads=1, **options) for curve in curves]
            found = [(result, result.peaks) for result in results]
        seconds = (time.process_time() - start) / len(curves)
        for row, (result, peaks) in zip(rows, found, strict=True):
            top = int(np.argmax(result.power))
            row[f"{engine} cpu_s"] = seconds
            row[f"{engine} period"], row[f"{engine} power"] = result.period[top], result.power[top]
            row[f"{engine} best_period"], row[f"{engine} score"] = peaks[0].period, peaks[0].score
    return rows


def run(survey, journal, n, nulls, jobs):
    done = set()
    if journal.exists():
        with journal.open(newline="") as file:
            done = {(row["survey"], int(row["number"])) for row in csv.DictReader(file)}
    # injections and nulls in turn, so that a journal cut short has both in proportion
    share = [(k / n, k) for k in range(n)] + [((k + 0.5) / nulls, -1 - k) for k in range(nulls)]
    blocks = {}
    for _, number in sorted(share):
        if (survey, number) not in done:
            blocks.setdefault(block_of(survey, number), []).append(number)
    todo = [(survey, numbers) for numbers in blocks.values()]
    print(f"{survey}: {sum(map(len, blocks.values()))} of {n + nulls} light curves to do", flush=True)
    if TOGETHER[survey] > 1:
        check_together()
    journal.parent.mkdir(parents=True, exist_ok=True)
    new = not journal.exists()
    with journal.open("a", newline="") as file, ProcessPoolExecutor(jobs) as pool:
        writer = csv.DictWriter(file, FIELDS)
        if new:
            writer.writeheader()
        for rows in map(search, todo) if jobs == 1 else pool.map(search, todo):
            writer.writerows(rows)
            file.flush()


def read(journals):
    rows = []
    for journal in journals:
        with open(journal, newline="") as file:
            for row in csv.DictReader(file):
                rows.append({key: value if key == "survey" else float(value or "nan") for key, value in row.items()})
    return rows


def recovered(rows, engine, far, ranked):
    """Which injections an engine recovers, and its threshold."""
    names = ("best_period", "score") if ranked else ("period", "power")
    nulls = np.array([row[f"{engine} {names[1]}"] for row in rows if not row["injected"]])
    threshold = np.quantile(nulls, 1 - far)
    planets = [row for row in rows if row["injected"]]
    baseline = SURVEYS[planets[0]["survey"]][0]
    period = np.array([row["period"] for row in planets])
    drift = np.abs(np.array([row[f"{engine} {names[0]}"] for row in planets]) / period - 1) * baseline
    right = drift < np.array([row["duration_h"] for row in planets]) / 24.0
    return right & (np.array([row[f"{engine} {names[1]}"] for row in planets]) > threshold), threshold, right


def differences(rows, engine, fars, ranked, resamples=1000):
    """Recovery of an engine less that of the exact one [points]: the mean over false-alarm rates, its 95 % interval.

    Light curves with planets and those without, from which the thresholds are, are resampled, the same for both.
    """
    rng, what = np.random.default_rng(0), "score" if ranked else "power"
    injected = np.array([bool(row["injected"]) for row in rows])
    draws = []
    for n in (np.sum(~injected), np.sum(injected)):
        draws.append(np.vstack([np.arange(n), rng.integers(n, size=(resamples, n))]))
    nulls, planets = draws
    shares = []
    for name in (engine, "exact"):
        values = np.array([row[f"{name} {what}"] for row in rows])
        _, _, right = recovered(rows, name, fars[0], ranked)
        noise, signal = values[~injected][nulls], values[injected][planets]
        found = [right[planets] & (signal > np.quantile(noise, 1 - far, axis=1)[:, None]) for far in fars]
        shares.append(np.mean(found, axis=0).mean(axis=1))
    difference = 100 * (shares[0] - shares[1])
    return difference[0], *np.quantile(difference[1:], (0.025, 0.975))


def report(rows, survey, far):
    rows = [row for row in rows if row["survey"] == survey]
    planets = [row for row in rows if row["injected"]]
    n = len(planets)
    print(f"\n## {survey}: {n} injections, {len(rows) - n} light curves without, false-alarm rate {far:g}\n")
    print(
        "| search | threshold | recovered | period right | minus exact [points], 95 % | only it | only exact | CPU s |"
    )
    print("|---|---|---|---|---|---|---|---|")
    found = {}
    for ranked in (False, True):
        for engine in ENGINES:
            name = f"{engine}, {'ranked by transits' if ranked else 'strongest power'}"
            found[name], threshold, right = recovered(rows, engine, far, ranked)
            exact = found[f"exact, {'ranked by transits' if ranked else 'strongest power'}"]
            more, less = int(np.sum(found[name] & ~exact)), int(np.sum(exact & ~found[name]))
            minus, low, high = differences(rows, engine, (far,), ranked)
            cpu = np.median([row[f"{engine} cpu_s"] for row in rows])
            print(
                f"| {name} | {threshold:.2f} | {found[name].mean():.3f} | {right.mean():.3f} | "
                f"{minus:+.1f} [{low:+.1f}, {high:+.1f}] | {more} | {less} | {cpu:.3f} |"
            )
    print(
        f"\nThe mean over false-alarm rates of {100 * RATES[0]:.0f} to {100 * RATES[-1]:.0f} %, minus exact [points]:"
    )
    for ranked in (False, True):
        for engine in list(ENGINES)[1:]:
            minus, low, high = differences(rows, engine, RATES, ranked)
            name = f"{engine}, {'ranked by transits' if ranked else 'strongest power'}"
            print(f"  {name:34} {minus:+.1f} [{low:+.1f}, {high:+.1f}]")
    exact, ours = found["exact, strongest power"], found["two-stage, strongest power"]
    print("\nWhere they differ (strongest power), by period and by SNR:\n")
    low, high = SURVEYS[survey][2]
    period, snr = (np.array([row[key] for row in planets]) for key in ("period", "snr"))
    for values, edges, unit in (
        (period, np.geomspace(low, high, 6), "d"),
        (snr, np.linspace(*SURVEYS[survey][3], 6), ""),
    ):
        for a, b in zip(edges[:-1], edges[1:], strict=True):
            here = (values >= a) & (values < b)
            if here.any():
                print(
                    f"  {a:7.2f} to {b:7.2f} {unit:<2} n {here.sum():4d}  exact {exact[here].mean():.3f}  "
                    f"two-stage {ours[here].mean():.3f}  only exact {np.sum(exact & ~ours & here)}  "
                    f"only two-stage {np.sum(ours & ~exact & here)}"
                )
    print("\n  number  period [d]    SNR   recovered by   exact: P, power           two-stage: P, power")
    for row, a, b in zip(planets, exact, ours, strict=True):
        if a != b:
            which = "exact" if a else "two-stage"
            print(
                f"  {row['number']:6.0f}  {row['period']:10.4f}  {row['snr']:5.2f}   {which:<12}"
                f"   {row['exact period']:10.4f} {row['exact power']:6.2f}         "
                f"{row['two-stage period']:10.4f} {row['two-stage power']:6.2f}"
            )
    return planets, found


def draw(results, path):
    """Recovery over SNR and over period, both engines, one row a survey."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(len(results), 2, figsize=(8, 3 * len(results)), squeeze=False, sharey=True)
    for row, (survey, (planets, found)) in zip(panels, results.items(), strict=True):
        for axes, key in zip(row, ("snr", "period"), strict=True):
            values = np.array([planet[key] for planet in planets])
            spaced = np.geomspace if key == "period" else np.linspace
            edges = spaced(*SURVEYS[survey][2 if key == "period" else 3], 9)
            for name, style in (("exact, strongest power", "k-o"), ("two-stage, strongest power", "C1--s")):
                bins = np.clip(np.digitize(values, edges) - 1, 0, 7)
                count = np.bincount(bins, minlength=8)
                share = np.bincount(bins, found[name], minlength=8) / np.maximum(count, 1)
                error = np.sqrt(share * (1 - share) / np.maximum(count, 1))
                middle = np.sqrt(edges[1:] * edges[:-1]) if key == "period" else 0.5 * (edges[1:] + edges[:-1])
                axes.errorbar(middle, share, error, fmt=style, ms=4, lw=1, label=name.split(",")[0])
            axes.set_xlabel("period [d]" if key == "period" else "white-noise SNR")
            if key == "period":
                axes.set_xscale("log")
        row[0].set_ylabel("recovered")
        row[0].set_title(f"{TITLES[survey]}, {len(planets)} injections", loc="left", fontsize=10)
        row[0].legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=90)
    print(f"\nfigure: {path}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    verbs = parser.add_subparsers(dest="verb")
    verb = verbs.add_parser("run")
    verb.add_argument("survey", choices=SURVEYS)
    verb.add_argument("journal", type=Path)
    verb.add_argument("-n", type=int, help="injections")
    verb.add_argument("--nulls", type=int, help="light curves without a planet")
    verb.add_argument("--jobs", type=int, default=1)
    verb = verbs.add_parser("report")
    verb.add_argument("journals", nargs="+", type=Path)
    verb.add_argument("--far", type=float, default=0.02, help="share of injection-free light curves above threshold")
    verb.add_argument("--figure", type=Path)
    options = parser.parse_args()
    if options.verb is None:  # `make bench` runs every script as it is; this one takes hours and wants to be asked
        parser.print_help()
        return
    if options.verb == "run":
        n = options.n or {"tess": 1000, "kepler": 400}[options.survey]
        run(options.survey, options.journal, n, options.nulls or n // 2, options.jobs)
        return
    rows = read(options.journals)
    results = {
        survey: report(rows, survey, options.far) for survey in SURVEYS if any(r["survey"] == survey for r in rows)
    }
    if options.figure:
        draw(results, options.figure)


if __name__ == "__main__":
    main()
