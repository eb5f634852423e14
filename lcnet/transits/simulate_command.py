"""``lcnet transits simulate``: simulated light curves as files, with a table of what is in them.

Importing this file is light; everything that computes is imported inside the command.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["TRUTH", "simulate"]

TRUTH = "truth.csv"
# catalogue numbers no star has: TIC ends near 1e10, KIC at 13,161,029, EPIC near 2.5e8
_NUMBERS = {"TESS": ("tic", 90_000_000_000), "Kepler": ("kic", 90_000_000), "K2": ("epic", 990_000_000)}


def simulate(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the light curves; made if missing.")],
    number: Annotated[int, typer.Option("-n", min=1, help="How many stars.")] = 1,
    mission: Annotated[str, typer.Option("--mission", help="TESS, Kepler or K2.")] = "TESS",
    kind: Annotated[
        str | None,
        typer.Option("--kind", help="planet, hot_jupiter, eclipse, blend, flares, ...: all by default."),
    ] = None,
    cadence: Annotated[float | None, typer.Option("--cadence", help="Seconds; default 120 or Kepler's 1765.")] = None,
    segments: Annotated[
        int, typer.Option("--sectors", "--quarters", "--campaigns", min=1, help="Contiguous ones a star.")
    ] = 1,
    noise: Annotated[float, typer.Option("--noise", min=0.0, help="Factor on all noise.")] = 1.0,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of every random number.")] = 0,
) -> None:
    """Write simulated light curves in the archive's format, and what was put into them.

    \b
    lcnet transits simulate -n 20 --mission Kepler --quarters 4 --output folder
    lcnet transits score folder --output found.ecsv      # then compare with folder/truth.csv
    """
    from lcnet.transits.simulate import simulate as draw
    from lcnet.transits.simulator.missions import mission_named

    try:
        where = mission_named(mission)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--mission") from None
    options = dict(mission=where.name, kind=kind, cadence=cadence, noise=noise, **{f"{where.segment}s": segments})
    try:
        draw(0, **options)
        curves = _each(draw, number, seed, options)
        rows, files = _write(output, where.name, number, curves)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    except OSError as error:
        print(f"lcnet: cannot write into {output}: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    print(f"{files} light curve{'s' * (files != 1)} of {number} star{'s' * (number != 1)}: {output}")
    print(f"truth, {rows} signal{'s' * (rows != 1)}: {output / TRUTH}")


def _each(draw, number, seed, options):
    """The stars one after the other, so that a thousand need no more memory than one."""
    for i in range(number):
        yield draw(1, seed=seed, first=i, **options)[0]


def _write(folder, mission, total, curves) -> tuple[int, int]:
    """Files, and one row of the truth a signal (one for a star without); how many signals, how many files."""
    import csv
    import io

    from lcnet.core.files import write_bytes
    from lcnet.transits.write_fits import write_lightcurve

    keyword, first = _NUMBERS[mission]
    heads = ["target", "file", "kind", "variability", "signal", "period_d", "epoch", "time_system", "duration_h"]
    heads += ["depth_ppm", "radius_rearth", "star_radius", "star_mass", "teff", "mag", "white_ppm"]
    text = io.StringIO()
    table = csv.DictWriter(text, heads, lineterminator="\n")
    table.writeheader()
    found = files = 0
    for done, curve in enumerate(curves, 1):
        paths = write_lightcurve(folder, curve, **{keyword: first + done})
        files += len(paths)
        truth, star = curve.truth, curve.truth["star"]
        common = {
            "target": f"{keyword.upper()} {first + done}",
            "file": " ".join(path.name for path in paths),
            "kind": truth["kind"],
            "variability": star["variability"],
            "time_system": truth["time_system"],
            "star_radius": f"{star['radius']:.4f}",
            "star_mass": f"{star['mass']:.4f}",
            "teff": f"{star['teff']:.0f}",
            "mag": f"{star['mag']:.3f}",
            "white_ppm": f"{truth['white_ppm']:.2f}",
        }
        for signal in truth["signals"] or [None]:
            found += signal is not None
            table.writerow(common | (_signal(signal) if signal else {}))
        if total > 1 and sys.stderr.isatty():
            print(f"\r{done} of {total}", end="\n" if done == total else "", file=sys.stderr)
    write_bytes(folder / TRUTH, text.getvalue().encode())
    return found, files


def _signal(signal) -> dict:
    return {
        "signal": signal["kind"],
        "period_d": repr(signal["period"]),
        "epoch": repr(signal["epoch"]),
        "duration_h": f"{signal['duration']:.5f}",
        "depth_ppm": f"{signal['depth']:.3f}",
        "radius_rearth": f"{signal['radius']:.4f}" if "radius" in signal else "",
    }
