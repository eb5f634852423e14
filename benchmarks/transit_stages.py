"""Seconds a target by stage for one TESS sector, beside lightkurve and astropy in the same run, and where `score`
spends them.

    python benchmarks/transit_stages.py [FILE] [--repeats 7] [--kepler FOLDER]

FILE is a two-minute light curve; by default pi Mensae's from LCNET_DATA where it is present, else a simulated one.
FOLDER holds one star's quarters; by default Kepler-11's 17 from LCNET_DATA, left out where they are not.
Each stage of both tools is run in turn, A B A B ..., on one thread, warm (compiled, imported); the table gives medians
of process CPU time and the median of the pairwise ratios. Both tools search the same periods with the same durations.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
import warnings
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

import numpy as np  # noqa: E402

warnings.filterwarnings("ignore")


def data_folder() -> Path:
    return Path(os.environ.get("LCNET_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")


def sector_file(folder: Path) -> Path:
    """Pi Mensae in sector 1 where the data folder is present, else a simulated star."""
    found = sorted((data_folder() / "transits" / "lightcurves" / "tess_pipeline").glob("*261136679*"))
    if found:
        return found[0]
    from lcnet.transits.simulate import simulate_star
    from lcnet.transits.write_fits import write_lightcurve

    return write_lightcurve(folder, simulate_star(1, kind="planet", cadence=120.0), tic=1)[0]


def lightkurve_views(flat, period, epoch, duration):
    """Global and local view the way lightkurve users make them: fold, then bin by the median."""
    folded = flat.fold(period, epoch_time=epoch)
    days = duration / 24
    window = folded[np.abs(folded.time.value) < 2 * days]
    return [
        folded.bin(bins=201, aggregate_func=np.nanmedian),
        window.bin(bins=61, aggregate_func=np.nanmedian),
    ]


def paired(stages, repeats):
    """Print, for each (name, ours, what the peer is, theirs), the median times and the median ratio."""
    print(f"{'stage':<32} {'lcnet [ms]':>11} {'peer [ms]':>11} {'ratio':>7}  peer")
    for name, ours, peer, theirs in stages:
        times = {ours: [], theirs: []}
        for function in times:
            if function is not None:
                function()
        for _ in range(repeats):
            for function in times:
                if function is not None:
                    start = time.process_time()
                    function()
                    times[function].append(1e3 * (time.process_time() - start))
        mine = np.median(times[ours])
        if theirs is None:
            print(f"{name:<32} {mine:>11.2f} {'-':>11} {'-':>7}  {peer}")
        else:
            ratio = np.median(np.array(times[theirs]) / np.array(times[ours]))
            print(f"{name:<32} {mine:>11.2f} {np.median(times[theirs]):>11.2f} {ratio:>6.1f}x  {peer}")


# What `score` calls, in the modules that look the names up: the time of each is that of the calls inside it, too
STAGES = (
    ("read", "lcnet.transits.read:Source", "curve"),
    ("clean", "lcnet.transits.candidates", "clean"),
    ("flatten", "lcnet.transits.detrend:Flattener", "flatten"),
    ("period search", "lcnet.transits.passes", "bls_search"),
    ("peaks: box on a fine grid", "lcnet.transits.passes", "refine_box"),
    ("peaks: red-noise SNR", "lcnet.transits.passes", "measure_box"),
    ("false-alarm probability", "lcnet.transits.passes", "PeriodogramNoise"),
    ("single events", "lcnet.transits.passes", "find_events"),
    ("candidate: measured and fitted", "lcnet.transits.passes", "characterise"),
    ("views", "lcnet.transits.batch", "candidate_views"),
    ("vetting", "lcnet.transits.batch", "vet_candidate"),
)


def where(name, target, **options):
    """Print what `score` spends on each stage, once warm, and in all; the rest is the table and the network."""
    import importlib

    from lcnet import transits

    spent, calls, undo = {}, {}, []

    def timed(stage, function):
        def call(*args, **keywords):
            start = time.process_time()
            try:
                return function(*args, **keywords)
            finally:
                spent[stage] = spent.get(stage, 0.0) + time.process_time() - start
                calls[stage] = calls.get(stage, 0) + 1

        return call

    transits.score(target, **options)
    plain = []
    for _ in range(3):
        start = time.process_time()
        table = transits.score(target, **options)
        plain.append(time.process_time() - start)
    for stage, place, function in STAGES:
        module, _, inside = place.partition(":")
        owner = importlib.import_module(module)
        owner = getattr(owner, inside) if inside else owner
        if hasattr(owner, function):
            undo.append((owner, function, getattr(owner, function)))
            setattr(owner, function, timed(stage, getattr(owner, function)))
    transits.score(target, **options)
    for owner, function, original in undo:
        setattr(owner, function, original)
    found = int((table["candidate"] > 0).sum())
    print(f"\n{name}: score {1e3 * np.median(plain):.0f} ms CPU, {found} candidates")
    for stage, seconds in spent.items():
        print(f"  {stage:<32} {1e3 * seconds:>8.1f} ms in {calls[stage]} calls")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--kepler", type=Path, help="folder with one star's quarters")
    options = parser.parse_args()

    import lightkurve
    import torch
    from astropy.timeseries import BoxLeastSquares

    import lcnet
    from lcnet import transits
    from lcnet.transits.bls import bls_search
    from lcnet.transits.candidates import candidate_views, find_candidates
    from lcnet.transits.curves import curve_arrays
    from lcnet.transits.periods import period_bands, search_range

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        path = options.file or sector_file(Path(folder))
        curve = curve_arrays(next(iter(transits.read(str(path)).values())))
        lc = lightkurve.read(path).remove_nans()
        search = find_candidates(curve.time, curve.flux, curve.flux_err, segment=curve.segment)
        if not search.candidates:
            raise SystemExit(f"{path}: no candidate, nothing to make views of")
        top = search.candidates[0]
        flat = lc.flatten(window_length=601)
        baseline = search.time[-1] - search.time[0]
        cadence = float(np.median(np.diff(search.time)))
        bands = period_bands(baseline, *search_range(baseline), cadence)
        net = lcnet.load("transits/candidate")
        views = candidate_views(search, 0)[0]
        inputs = {name: np.repeat(view[None], 64, axis=0) for name, view in views.items()}

        def astropy_search():
            box = BoxLeastSquares(search.time, search.flux, search.flux_err)
            return [box.power(b.period, b.duration / 24, objective="snr", oversample=5) for b in bands]

        n_periods = sum(b.period.size for b in bands)
        print(f"{path.name}: {curve.time.size} points, {n_periods} periods of {baseline:.1f} d, one thread, CPU time")
        paired(
            [
                (
                    "read",
                    lambda: curve_arrays(next(iter(transits.read(str(path)).values()))),
                    "lightkurve.read",
                    lambda: lightkurve.read(path),
                ),
                ("flatten", lambda: transits.flatten(lc), "lightkurve flatten(601)", lambda: lc.flatten(601)),
                (
                    "box search, same grid",
                    lambda: bls_search(search.time, search.flux, search.flux_err, threads=1),
                    "astropy BoxLeastSquares",
                    astropy_search,
                ),
                (
                    "box search, lightkurve's grid",
                    lambda: bls_search(search.time, search.flux, search.flux_err, threads=1),
                    "lightkurve to_periodogram('bls'), its default grid",
                    lambda: flat.to_periodogram("bls"),
                ),
                (
                    "views (3; lightkurve: 2)",
                    lambda: candidate_views(search, 0),
                    "lightkurve fold + bin(median)",
                    lambda: lightkurve_views(flat, top.period, top.epoch, top.duration),
                ),
                ("network, 64 candidates", lambda: net.predict(inputs), "", None),
                ("score, all of it", lambda: transits.score(str(path)), "", None),
            ],
            options.repeats,
        )
        where(path.name, str(path))
    quarters = options.kepler or data_folder() / "transits" / "lightcurves" / "KIC6541920_kepler11"
    if quarters.is_dir():
        files = sorted(str(one) for one in quarters.iterdir())
        for most in (1, 2, 8):
            where(f"{len(files)} files of {quarters.name}, max_candidates={most}", files, max_candidates=most)


if __name__ == "__main__":
    main()
