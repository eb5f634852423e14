"""What recall of real type Ia supernovae is possible: simulated ones on the same nights, beside the real ones.

    python benchmarks/supernovae_limits.py [--copies 10] [--network NET]

Needs the real surveys' archives in ``LCNET_DATA``. Each real supernova is replaced by `--copies` simulated ones of its
redshift (`lcnet.supernovae.sources`, the type Ia the network has learnt from), seen on its own nights, through its own
filters, with its own errors and peak; they go through the window and the network as the real ones do. The share of
them that passes the threshold is what the nights allow: a recall far below it is the light curves' fault, one that
equals it is the nights'. 68% Wilson intervals.

Redshifts are spectroscopic (REDSHIFT_HELIO of the files, which `read` never gives to a network): they place the
simulated supernovae, and in the second line of a survey they are given to the network, as a user would with
``redshift=``.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import re
import tarfile
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402

SURVEYS = ("Pantheon_PS1MD", "JLA2014_SNLS_DS17", "Foundation_DJ17", "CSPDR3_anthony")
Z_ERROR = 1e-3
LAST = (-40.0, 5.0, 20.0, 40.0, 71.0)  # days from the estimated peak to the last night of the window
POINTS = (1, 15, 25, 40, 400)


def redshifts(archive) -> dict[str, float]:
    """Name -> spectroscopic redshift, from the headers of SNANA text files."""
    found = {}
    with tarfile.open(archive) as files:
        for member in files:
            text = files.extractfile(member).read().decode("latin-1") if member.isfile() else ""
            name = re.search(r"^SNID:\s*(\S+)", text, re.MULTILINE)
            z = re.search(r"^REDSHIFT_HELIO:\s*([-+.\deE]+)", text, re.MULTILINE)
            if name and z and float(z.group(1)) > 0:
                found[name.group(1)] = float(z.group(1))
    return found


def simulated(photometry, z, peak, rng):
    """The objects' nights, filters and errors with fluxes of simulated type Ia of the same redshift and peak."""
    from lcnet.supernovae import sources

    wavelength = np.array([band.wavelength for band in photometry.bands])[photometry.band]
    flux = np.zeros(len(photometry.mjd))
    for k in range(len(photometry)):
        points = slice(photometry.start[k], photometry.start[k + 1])
        phase = (photometry.mjd[points] - peak[k]) / (1 + z[k])
        filters, which = np.unique(np.nan_to_num(wavelength[points], nan=5000.0), return_inverse=True)
        absolute = sources.magnitudes("Ia", phase[None], filters[None] / (1 + z[k]), rng)[0]
        apparent = absolute[np.arange(len(phase)), which] + sources.distance_modulus(z[k]) - 2.5 * np.log10(1 + z[k])
        flux[points] = 10 ** (0.4 * (27.5 - apparent))
    noise = photometry.flux_err * rng.standard_normal(len(flux))
    # what is simulated has no Milky Way before it
    return dataclasses.replace(photometry, flux=flux + noise, objects=photometry.objects.assign(mwebv=0.0))


def judged(photometry, network, z=None):
    """p(Ia), nights' end [d from the estimated peak], points in the window; NaN where there is no point."""
    from lcnet.supernovae.views import make_views

    views = make_views(photometry)
    there, seen = views.n_obs > 0, views.inputs["flux_err"] > 0
    inputs = dict(views.inputs)
    if z is not None:
        inputs |= {"redshift": z.astype(np.float32), "redshift_err": np.full(len(z), Z_ERROR, np.float32)}
    p = np.full(len(there), np.nan)
    p[there] = network.predict({name: values[there] for name, values in inputs.items()})[:, 0]
    last = np.where(seen.any(axis=2), views.inputs["time"], -np.inf).max(axis=1)
    return p, last, seen.sum(axis=(1, 2)), views.peak


def main():
    from supernovae import wilson  # the script beside this one

    import lcnet
    from lcnet.supernovae.judging import threshold_of
    from lcnet.supernovae.read import read

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--copies", type=int, default=10)
    parser.add_argument("--network", default="supernovae/des")
    options = parser.parse_args()
    root = os.environ.get("LCNET_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(root) / "supernovae"
    if not (folder / f"{SURVEYS[0]}.tar.gz").is_file():
        raise SystemExit(f"no archives of real supernovae in {folder}: set LCNET_DATA")
    network = lcnet.load(options.network)
    for survey in SURVEYS:
        known = redshifts(folder / f"{survey}.tar.gz")
        photometry = read(folder / f"{survey}.tar.gz")
        z = np.array([known.get(str(name), np.nan) for name in photometry.objects["object"]])
        photometry, z = photometry.take(np.isfinite(z)), z[np.isfinite(z)]
        print(f"\n{survey}: {len(z)} with a redshift, median {np.median(z):.2f}")
        for kind in ("without redshift", "with host redshift"):
            given = z if kind.startswith("with host") else None
            limit = threshold_of(network, kind)
            real, last, points, peak = judged(photometry, network, given)
            use = np.isfinite(real)
            rng, copies = np.random.default_rng(0), []
            for _ in range(options.copies):
                made = simulated(photometry, z, np.where(np.isfinite(peak), peak, 0.0), rng)
                copies.append(judged(made, network, given)[0])
            expected = (np.array(copies) >= limit).mean(axis=0)
            called = real >= limit
            print(f"  {kind}, threshold {limit:.3f}: real {wilson(called[use].sum(), use.sum())}, "
                  f"simulated on the same nights {expected[use].mean():.3f}", flush=True)  # fmt: skip
            if given is None:
                for what, values, edges in (("last night [d]", last, LAST), ("points", points, POINTS)):
                    for low, high in zip(edges[:-1], edges[1:], strict=True):
                        here = use & (values >= low) & (values < high)
                        if here.sum() >= 5:
                            print(f"    {what:14} {low:4.0f} to {high:4.0f}: real {called[here].mean():.3f} of "
                                  f"{here.sum()}, simulated {expected[here].mean():.3f}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
