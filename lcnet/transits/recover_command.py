"""``lcnet transits recover``: injection and recovery on one's own light curve, from the shell.

Importing this file is light; everything that computes is imported inside the command.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["recover"]

_Pair = tuple[float, float]


def recover(
    target: Annotated[str, typer.Argument(metavar="TARGET", help="One star: a name, a light curve, a folder, a glob.")],
    number: Annotated[int, typer.Option("-n", "--number", min=1, help="Planets to put in, one at a time.")] = 1000,
    period: Annotated[
        _Pair | None, typer.Option("--period", metavar="MIN MAX", help="Days; default 0.4 to half the baseline.")
    ] = None,
    depth: Annotated[
        _Pair | None, typer.Option("--depth", metavar="MIN MAX", help="Parts per million; default from the noise.")
    ] = None,
    radius: Annotated[
        _Pair | None,
        typer.Option("--radius", metavar="MIN MAX", help="Earth radii, instead of --depth; needs the star's radius."),
    ] = None,
    star: Annotated[
        str | None, typer.Option("--star", metavar="NAME=X,...", help="radius, mass, rho in solar units.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A row a planet: .ecsv, .vot, .xml, .parquet or .csv.")
    ] = None,
    figure: Annotated[Path | None, typer.Option("--figure", help="The completeness map: .png, .pdf or .svg.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a stopped run of the same --output.")] = False,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help="Processes.")] = 1,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the planets.")] = 0,
    min_snr: Annotated[float, typer.Option("--min-snr", help="As in score.")] = 7.1,
    threshold: Annotated[
        float | None, typer.Option("--threshold", help="p(planet) that counts as recovered; default 0.2, as in score.")
    ] = None,
    network: Annotated[str, typer.Option("--network", metavar="NET", help="As in score.")] = "transits/candidate",
    search_only: Annotated[bool, typer.Option("--search-only", help="Ask no network: found is recovered.")] = False,
) -> None:
    """Put planets into a light curve and look which of them come back: how complete a search of this star is.

    \b
    lcnet transits recover one_lc.fits -n 1000 --jobs 2 --output recovered.ecsv --figure map.png
    """
    from lcnet.transits.commands import _finish, _star
    from lcnet.transits.table import check_output

    if resume and output is None:
        raise typer.BadParameter(
            "the outcomes of a stopped run lie beside its --output: name it", param_hint="--resume"
        )
    if depth is not None and radius is not None:
        raise typer.BadParameter("planets have a depth or a radius: give one of the two", param_hint="--radius")
    for option, pair in (("--period", period), ("--depth", depth), ("--radius", radius)):
        if pair is not None and not 0 < pair[0] <= pair[1] < float("inf"):
            raise typer.BadParameter("give the smallest and the largest, both positive", param_hint=option)
    if not min_snr > 0:
        raise typer.BadParameter(f"{min_snr:g} is not positive", param_hint="--min-snr")
    if threshold is not None and not 0 <= threshold <= 1:
        raise typer.BadParameter(f"{threshold:g} is no probability", param_hint="--threshold")
    try:
        if output is not None:
            check_output(output)
        if figure is not None and figure.suffix.lower() not in (".png", ".pdf", ".svg"):
            raise ValueError(f"{figure}: give a .png, .pdf or .svg")
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    options = {"n": number, "period": period, "depth": depth, "radius": radius, "star": _star(star), "seed": seed}
    options |= {"min_snr": min_snr, "jobs": jobs, "resume": resume}
    if threshold is not None:
        options["threshold"] = threshold
    options |= {"network": None if search_only else network}
    _finish(_run(target, output, figure, options))


def _run(target, output, figure, options) -> int:
    from lcnet.transits.commands import NOTHING_SCORED, SCORED, SOME_FAILED, unwritable, worked
    from lcnet.transits.recover import recover as run
    from lcnet.transits.screen import out, say_error

    if figure is not None and (problem := unwritable(figure)):
        say_error(f"cannot write {figure}: {problem}")
        return NOTHING_SCORED
    work = lambda progress: run(target, output=output, progress=progress, **options)  # noqa: E731
    recovery, written = worked(work, output, what="planets", total=options["n"])
    if recovery is None:
        return written
    if not written:  # it was said, and --resume has it
        return NOTHING_SCORED
    grid, drawn = recovery.completeness(), True
    if figure is not None:  # before anything is printed: a reader that stops listening must not cost the map
        try:
            _draw(grid, figure, recovery.target)
        except (OSError, ValueError) as error:
            say_error(f"cannot write {figure}: {error}")
            drawn = False
    _say(recovery, grid)
    if output is not None:
        out(f"table: {output}")
    if not drawn:
        return NOTHING_SCORED
    if figure is not None:
        out(f"map: {figure}")
    return SOME_FAILED if "failed" in list(recovery.table["status"]) else SCORED


def _draw(grid, path, target):
    from matplotlib.figure import Figure

    from lcnet.core.files import replaced
    from lcnet.transits.plots_recovery import plot_completeness

    drawing = Figure(figsize=(8, 5.2), layout="constrained")
    ax = plot_completeness(grid, drawing.add_subplot())
    ax.set_title(f"{target}: {ax.get_title()}", fontsize="medium")
    with replaced(path) as temporary:
        drawing.savefig(temporary, format=path.suffix[1:].lower(), dpi=120)


def _say(recovery, grid):
    """The outcome in numbers: a line a status, and the map as text."""
    from collections import Counter

    import numpy as np

    from lcnet.transits.screen import out

    table = recovery.table
    counts = Counter(map(str, table["status"]))
    told = ", ".join(
        f"{counts[name]} {name}" for name in ("recovered", "found", "harmonic", "missed", "failed") if counts[name]
    )
    out(f"{recovery.target}: of {len(table)} planets put in, {told}.")
    for own in table.meta["own_candidates"]:
        out(f"  cut out before: a candidate of its own at {own}")
    unit = "ppm" if recovery.kind == "depth" else "R_earth"
    out(f"\nrecovered, %, by period [d] (across) and {recovery.kind} [{unit}] (down); . where none was put in\n")
    centre = np.sqrt(grid.period[1:] * grid.period[:-1])
    out(" " * 18 + "".join(f"{value:7.3g}" for value in centre))
    for row in reversed(range(len(grid.size) - 1)):
        cells = [
            f"{100 * grid.share[column, row]:7.0f}" if grid.injected[column, row] else "      ."
            for column in range(len(centre))
        ]
        out(f"{grid.size[row]:8.4g} -{grid.size[row + 1]:8.4g}" + "".join(cells))
    out("")
