"""Seconds a target by stage for one TESS sector, beside lightkurve and astropy in the same run.

    python benchmarks/transit_stages.py [FILE] [--repeats 7]

FILE is a two-minute light curve; by default pi Mensae's from LCNET_DATA where it is present, else a simulated one.
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


def sector_file(folder: Path) -> Path:
    """Pi Mensae in sector 1 where the data folder is present, else a simulated star."""
    root = Path(os.environ.get("LCNET_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
    found = sorted((root / "transits" / "lightcurves" / "tess_pipeline").glob("*261136679*"))
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


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("--repeats", type=int, default=7)
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


if __name__ == "__main__":
    main()
