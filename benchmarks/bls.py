"""The box search beside astropy, lightkurve, GERBLS and TLS: CPU seconds, memory, cores, and how the cost grows.

    python benchmarks/bls.py [WORKLOAD ...] [--repeats 5] [--tables rivals,growth,cores,process]

One thread, process CPU time, refinement included; all run in turn, A B C A B C, after one call each to warm up;
medians, and the median of the ratios within a turn. All search the same octaves of the period with the same six
durations each (0.3 to 1.8 central transits of a star of solar density, none shorter than a cadence). astropy searches
the Ofir grid at oversampling 3 with its default of 10 phase bins in the shortest duration, and with 5, as many as our
exact engine; on the long workloads it is given every k-th period of each octave, and its time is multiplied by k (the
table says so). GERBLS folds octave by octave at a sampling of 1/2 or 1/3 of the shortest duration (os 2, os 3), lcnet
at the same cells. lightkurve runs as it comes. TLS (1 run) and the packages of the extra `bench` that are absent are
skipped by name.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import io
import os
import resource
import subprocess
import sys
import time
import warnings

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

import numpy as np  # noqa: E402

from lcnet.transits.bls import bls_many, bls_search  # noqa: E402
from lcnet.transits.folding import LADDERS  # noqa: E402
from lcnet.transits.periods import central_duration, octave_edges, period_grid  # noqa: E402

warnings.filterwarnings("ignore")
SIGMA = 5e-4


def sectors(count, span, cadence):
    """Times [d] of `count` TESS sectors of 27.4 d spread over `span` days, a day missing in the middle of each."""
    starts = np.linspace(0, span - 27.4, count)
    time_d = (starts[:, None] + np.arange(0, 27.4, cadence / 86400)).ravel()
    return time_d[np.abs(time_d[:, None] - starts - 13.7).min(axis=1) > 0.6]


def kepler(span=1460.0, points=69000):
    """Times [d] of long-cadence Kepler quarters."""
    time_d = np.arange(0, span, 29.4244 / 1440)
    return time_d[np.random.default_rng(0).random(time_d.size) < points / (1460.0 * 1440 / 29.4244)]


def binned(time_d, flux, minutes):
    """Means of bins of so many minutes."""
    number = np.floor(time_d / (minutes / 1440)).astype(int)
    _, inverse, count = np.unique(number, return_inverse=True, return_counts=True)
    means = [np.bincount(inverse, values) / count for values in (time_d, flux)]
    return *means, SIGMA / np.sqrt(count)


def curve(time_d, seed=1):
    """A planet of 3.7 d in white noise."""
    rng = np.random.default_rng(seed)
    flux = 1 + SIGMA * rng.normal(size=time_d.size) - 3e-4 * ((time_d - 1.3) % 3.7 < 0.12)
    return time_d, flux, np.full(time_d.size, SIGMA)


# name: (light curve, periods [d], astropy gets every k-th period, what the goal is)
WORKLOADS = {
    "tess-2min": (lambda: curve(sectors(1, 27.4, 120)), (0.5, 13.0), 1, 25),
    "tess-10min": (lambda: curve(sectors(1, 27.4, 600)), (0.5, 13.0), 1, 18),
    "kepler": (lambda: curve(kepler()), (0.5, 500.0), 200, 140),
    "tess-4yr": (lambda: curve(sectors(11, 1542.0, 120)), (0.5, 13.0), 400, 400),
    "tess-4yr-10min": (lambda: binned(*curve(sectors(11, 1542.0, 120))[:2], 10), (0.5, 13.0), 100, 110),
}


def octaves(light_curve, limits, oversample):
    """(low, high, durations [d]) of each octave, six durations a band: the ladder of the folding engine."""
    cadence = np.median(np.diff(light_curve[0]))
    edges = octave_edges(*limits)
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        shortest = max(0.3 * central_duration(np.sqrt(low * high)) / 24, cadence)
        days = shortest * np.array(LADDERS[oversample]) / oversample
        yield low, high, days[days < 0.3 * low]


def run_astropy(light_curve, limits, every, bins):
    from astropy.timeseries import BoxLeastSquares

    box = BoxLeastSquares(*light_curve)
    grid = period_grid(np.ptp(light_curve[0]), *limits)
    for low, high, days in octaves(light_curve, limits, 2):
        period = grid[(grid >= low) & (grid < high)][::every]
        if period.size:
            box.power(period, days, objective="snr", oversample=bins)


def run_gerbls(light_curve, limits, oversample):
    import gerbls

    data = gerbls.pyDataContainer()
    data.store(*light_curve, convert_to_flux=False)
    for low, high, days in octaves(light_curve, limits, oversample):
        search = gerbls.pyFastBLS()
        search.setup(
            data, low, high, t_samp=days[0] / oversample, duration_mode="constant", durations=list(days), verbose=False
        )
        search.run(verbose=False)


def run_lightkurve(light_curve):
    import lightkurve

    lightkurve.LightCurve(time=light_curve[0], flux=light_curve[1], flux_err=light_curve[2]).to_periodogram("bls")


def run_tls(light_curve, limits):
    from transitleastsquares import transitleastsquares

    with contextlib.redirect_stdout(io.StringIO()):
        search = transitleastsquares(*light_curve)
        search.power(
            period_min=limits[0],
            period_max=limits[1],
            use_threads=1,
            show_progress_bar=False,
            oversampling_factor=3,
            duration_grid_step=1.5,
        )


def has(package):
    try:
        importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def cpu(work):
    """CPU seconds of this process and of the children it waited for."""
    before = time.process_time(), resource.getrusage(resource.RUSAGE_CHILDREN)
    work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    children = after.ru_utime + after.ru_stime - before[1].ru_utime - before[1].ru_stime
    return time.process_time() - before[0] + children


def rivals(names, repeats):
    for name in names:
        make, limits, every, goal = WORKLOADS[name]
        light_curve = make()
        runs = {
            "lcnet": (lambda c=light_curve, p=limits: bls_search(*c, period=p, threads=1), 1),
            "lcnet os 3": (lambda c=light_curve, p=limits: bls_search(*c, period=p, oversample=3, threads=1), 1),
            "astropy": (lambda c=light_curve, p=limits, k=every: run_astropy(c, p, k, 10), every),
            "astropy, 5 bins": (lambda c=light_curve, p=limits, k=every: run_astropy(c, p, k, 5), every),
        }
        if has("gerbls"):
            runs["GERBLS os 2"] = (lambda c=light_curve, p=limits: run_gerbls(c, p, 2), 1)
            runs["GERBLS os 3"] = (lambda c=light_curve, p=limits: run_gerbls(c, p, 3), 1)
        else:
            print("gerbls is absent: skipped")
        if name.startswith("tess-") and "4yr" not in name:
            runs["lightkurve, its defaults"] = (lambda c=light_curve: run_lightkurve(c), 1)
        engine = bls_search(*light_curve, period=limits, threads=1)
        print(f"\n## {name}: {light_curve[0].size} points, {limits[0]:g} to {limits[1]:g} d, goal {goal}x astropy")
        print(
            f"engine {engine.engine}, {engine.period.size} periods; "
            f"astropy {period_grid(np.ptp(light_curve[0]), *limits).size}"
        )
        seconds = {who: [] for who in runs}
        for work, _ in runs.values():
            work()
        for _ in range(repeats):
            for who, (work, times) in runs.items():
                seconds[who].append(times * cpu(work))
        print("\n| search | CPU s | lcnet is faster by | at os 3 by |\n|---|---|---|---|")
        for who, values in seconds.items():
            ratios = [np.median(np.array(values) / np.array(seconds[key])) for key in ("lcnet", "lcnet os 3")]
            share = f" (1/{runs[who][1]} of each octave)" if runs[who][1] > 1 else ""
            print(f"| {who}{share} | {np.median(values):.4f} | {ratios[0]:.2f}x | {ratios[1]:.2f}x |", flush=True)
        if name == "kepler":
            try:
                run_lightkurve(light_curve)
            except ValueError as error:
                print(f"| lightkurve, its defaults | ValueError: {str(error).splitlines()[0]} | | |")
        if name == "tess-10min":
            if has("transitleastsquares"):
                run_tls(light_curve, limits)
                once = cpu(lambda c=light_curve, p=limits: run_tls(c, p))
                ratio = once / np.median(seconds["lcnet"])
                print(f"| TLS (1 run; its shape and durations) | {once:.2f} | {ratio:.0f}x | |")
            else:
                print("transitleastsquares is absent: skipped")


def growth(repeats):
    """CPU seconds against baseline and against points."""
    print("\n## Growth\n\n| baseline [d], 30 min, 0.5 to 100 d | points | CPU s | us a day |\n|---|---|---|---|")
    for span in (182.5, 365.0, 730.0, 1460.0, 2920.0):
        light_curve = curve(kepler(span))
        seconds = median_cpu(light_curve, (0.5, min(100.0, span / 2)), repeats)
        print(f"| {span:g} | {light_curve[0].size} | {seconds:.4f} | {1e6 * seconds / span:.0f} |", flush=True)
    print("\n| cadence [s], 81 d, 0.5 to 13 d | points | CPU s | |\n|---|---|---|---|")
    for cadence in (1800, 600, 200, 120, 60, 20):
        light_curve = curve(sectors(3, 82.2, cadence))
        seconds = median_cpu(light_curve, (0.5, 13.0), repeats)
        print(f"| {cadence} | {light_curve[0].size} | {seconds:.4f} | |", flush=True)


def median_cpu(light_curve, limits, repeats):
    work = lambda: bls_search(*light_curve, period=limits, engine="folding", threads=1)  # noqa: E731
    work()
    return float(np.median([cpu(work) for _ in range(repeats)]))


def cores(repeats):
    """Wall seconds of a batch on one thread and on two."""
    print("\n## Cores: wall seconds of a batch\n\n| batch | one thread | two threads | ratio |\n|---|---|---|---|")
    for name, count in (("tess-2min", 64), ("kepler", 4)):
        make, limits, *_ = WORKLOADS[name]
        batch = [make()] * count
        seconds = {1: [], 2: []}
        for _ in range(repeats):
            for threads, values in seconds.items():
                start = time.perf_counter()
                bls_many(batch, period=limits, threads=threads)
                values.append(time.perf_counter() - start)
        ratio = np.median(np.array(seconds[1]) / np.array(seconds[2]))
        print(f"| {count} x {name} | {np.median(seconds[1]):.3f} | {np.median(seconds[2]):.3f} | {ratio:.2f}x |")


PROCESS = """
import sys, time
sys.path.insert(0, {folder!r})
import bls
make, limits, *_ = bls.WORKLOADS[{name!r}]
curve = make()
before = bls.peak_memory()
start, wall = time.process_time(), time.perf_counter()
bls.bls_search(*curve, period=limits, threads=2)
cpu, wall = time.process_time() - start, time.perf_counter() - wall
start = time.process_time()
bls.bls_search(*curve, period=limits, threads=2)
again = time.process_time() - start
print(f"| {name} | {{cpu:.2f}} | {{again:.3f}} | {{wall:.2f}} | {{before:.0f}} | {{bls.peak_memory():.0f}} |")
"""


def peak_memory():
    """The most memory [MB] this process has held. Not `ru_maxrss`, which begins at what its parent had held."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) / 1024


def process(names):
    """The first call of a new process, compiled code from the cache, and the memory it peaks at."""
    print("\n## New process\n\n| workload | first call, CPU s | second | first, wall s | MB before | MB at its peak |")
    print("|---|---|---|---|---|---|", flush=True)
    for name in names:
        code = PROCESS.format(folder=os.path.dirname(os.path.abspath(__file__)), name=name)
        subprocess.run([sys.executable, "-c", code], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("workloads", nargs="*", help=f"of {', '.join(WORKLOADS)}; default all")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--tables", default="rivals,growth,cores,process")
    options = parser.parse_args()
    names = options.workloads or list(WORKLOADS)
    unknown = sorted(set(names) - set(WORKLOADS))
    if unknown:
        parser.error(f"no such workload: {', '.join(unknown)}")
    tables = options.tables.split(",")
    if "rivals" in tables:
        rivals(names, options.repeats)
    if "growth" in tables:
        growth(options.repeats)
    if "cores" in tables:
        cores(options.repeats)
    if "process" in tables:
        process(names)


if __name__ == "__main__":
    main()
