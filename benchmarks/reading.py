"""Reading light-curve files: lcnet beside lightkurve and astropy.io.fits, on the same files in the same run.

    python benchmarks/reading.py [FOLDER] [--repeats 7] [--flips 200]

Default: the 17 quarters of Kepler-11 under LCNET_DATA. Process CPU time of all files, medians over interleaved repeats,
for the files packed as they are and unpacked. Then single bits of one archive file are flipped: what each reader gives.
"""

from __future__ import annotations

import argparse
import gzip
import os
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

warnings.simplefilter("ignore")  # units of archive files; lightkurve at import

KEPLER_11 = Path("transits", "lightcurves", "KIC6541920_kepler11")


def readers():
    """Name -> function of a list of paths, each giving what its user then holds."""
    import lightkurve
    from astropy.io import fits

    from lcnet.transits.curves import curve_arrays
    from lcnet.transits.products import read_product
    from lcnet.transits.read import read

    def astropy_table(path, names=None, **options):
        with fits.open(path, memmap=False, **options) as hdus:
            data = hdus[1].data
            return [np.array(data[name]) for name in names or data.names]

    curve = ("TIME", "PDCSAP_FLUX", "PDCSAP_FLUX_ERR", "SAP_QUALITY")
    return {
        "lightkurve.read": lambda paths: [lightkurve.read(str(path)) for path in paths],
        "astropy.io.fits, all columns": lambda paths: [astropy_table(path) for path in paths],
        "astropy.io.fits, four columns": lambda paths: [astropy_table(path, curve) for path in paths],
        "astropy.io.fits, four columns, checksum": lambda paths: [
            astropy_table(path, curve, checksum=True) for path in paths
        ],
        "lcnet: LightCurves": lambda paths: [read_product(path) for path in paths],
        "lcnet: LightCurves, unverified": lambda paths: [read_product(path, check=False) for path in paths],
        "lcnet: transits.read(files)": lambda paths: read(list(paths)),
        "lcnet: arrays (what score reads)": lambda paths: curve_arrays(list(paths)),
    }


def compare(paths, repeats):
    """Median CPU time [ms] of each reader for all paths."""
    functions = readers()
    times = {name: [] for name in functions}
    for function in functions.values():
        function(paths[:2])
    for _ in range(repeats):
        for name, function in functions.items():
            start = time.process_time()
            function(paths)
            times[name].append(1e3 * (time.process_time() - start))
    return {name: float(np.median(values)) for name, values in times.items()}


def flips(path, count, folder):
    """Of `count` single-bit flips: how often each reader refuses the file, reads the same, reads something else."""
    import lightkurve

    from lcnet.transits.products import read_product

    raw = path.read_bytes()
    raw = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    functions = {"lightkurve.read": lambda p: lightkurve.read(str(p)), "lcnet": read_product}
    spoiled = folder / path.name.removesuffix(".gz")

    def result(function):
        try:
            curve = function(spoiled)
            columns = [np.asarray(getattr(curve, name).value) for name in ("time", "flux", "flux_err")]
            return columns, {key: curve.meta.get(key) for key in ("OBJECT", "TEFF", "RADIUS", "QUARTER", "BJDREFI")}
        except Exception:
            return None

    spoiled.write_bytes(raw)
    truth = {name: result(function) for name, function in functions.items()}
    counts = {name: {"refused": 0, "the same": 0, "changed silently": 0} for name in functions}
    rng = np.random.default_rng(1)
    for place, bit in zip(rng.integers(0, len(raw), count), rng.integers(0, 8, count), strict=True):
        damaged = bytearray(raw)
        damaged[place] ^= 1 << bit
        spoiled.write_bytes(damaged)
        for name, function in functions.items():
            got = result(function)
            if got is None:
                outcome = "refused"
            else:
                same = all(np.array_equal(a, b, equal_nan=True) for a, b in zip(got[0], truth[name][0], strict=True))
                outcome = "the same" if same and got[1] == truth[name][1] else "changed silently"
            counts[name][outcome] += 1
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", help="a folder of Kepler light curves")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--flips", type=int, default=200)
    options = parser.parse_args()
    root = Path(__file__).resolve().parents[1]
    folder = Path(options.folder or Path(os.environ.get("LCNET_DATA") or root.parent / "shared" / "data") / KEPLER_11)
    paths = sorted(path for path in folder.glob("*.fits*"))
    if not paths:
        parser.error(f"{folder} holds no .fits file; give a folder, or set LCNET_DATA")
    with tempfile.TemporaryDirectory() as temporary:
        plain = []
        for path in paths:
            raw = path.read_bytes()
            plain.append(Path(temporary, path.name.removesuffix(".gz")))
            plain[-1].write_bytes(gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw)
        packed, unpacked = compare(paths, options.repeats), compare(plain, options.repeats)
        print(f"{len(paths)} files, CPU ms for all, medians of {options.repeats}\n")
        print("| reader | as they are | x astropy | unpacked | x astropy |\n|---|---|---|---|---|")
        base = "astropy.io.fits, four columns"
        for name in packed:
            a, b = packed[name], unpacked[name]
            print(f"| {name} | {a:.0f} | {a / packed[base]:.2f} | {b:.0f} | {b / unpacked[base]:.2f} |")
        if options.flips:
            print(f"\n{options.flips} single-bit flips of {paths[0].name}, unpacked\n")
            print("| reader | refused | the same | changed silently |\n|---|---|---|---|")
            for name, count in flips(paths[0], options.flips, Path(temporary)).items():
                print(f"| {name} | {' | '.join(str(value) for value in count.values())} |")


if __name__ == "__main__":
    main()
