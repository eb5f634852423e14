"""``lcnet transits score`` and ``lcnet transits search``: the verbs for the shell.

Importing this file is light, so that ``lcnet --help`` is; everything that computes is imported inside the commands.

Exit status: 0 every target scored (a star with nothing found included), 3 some failed, 1 none could be scored or the
output could not be written, 2 wrong usage.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from lcnet.transits.simulate_command import simulate

__all__ = ["app"]

SCORED, NOTHING_SCORED, WRONG_USAGE, SOME_FAILED = 0, 1, 2, 3

app = typer.Typer(
    name="transits",
    help="Transits: candidates in the light curves of stars, found, scored and shown.",
    no_args_is_help=True,
    add_completion=False,
)

Targets = Annotated[
    list[str] | None,
    typer.Argument(metavar="TARGET...", help="FITS light curves (.fits, .fits.gz), folders or quoted globs."),
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="Write the table: .ecsv, .vot, .xml, .parquet or .csv; depths in 1e-6 (ppm)."),
]
Figures = Annotated[
    Path | None,
    typer.Option("--figures", help="Folder for one PNG a target."),
]
Jobs = Annotated[int, typer.Option("--jobs", "-j", min=1, help="Processes.")]
MinSnr = Annotated[float, typer.Option("--min-snr", help="Signal-to-noise from which on a dip is a candidate.")]
MaxCandidates = Annotated[int, typer.Option("--max-candidates", min=1, help="At most so many a star.")]
Period = Annotated[
    tuple[float, float] | None,
    typer.Option("--period", metavar="MIN MAX", help="Days to search; default 0.4 to half the baseline."),
]
Prior = Annotated[
    float | None,
    typer.Option("--prior", help="Share of this search's candidates that are planets; default the training set's."),
]
Network = Annotated[
    str, typer.Option("--network", metavar="NET", help="The network: a shipped name, or the folder of one of your own.")
]


@app.command()
def score(
    target: Targets = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Simulate and score four stars in ./lcnet-demo; takes the other options.")
    ] = False,
    output: Output = None,
    figures: Figures = None,
    jobs: Jobs = 1,
    min_snr: MinSnr = 7.1,
    max_candidates: MaxCandidates = 5,
    period: Period = None,
    prior: Prior = None,
    network: Network = "transits/candidate",
) -> None:
    """Find transit candidates and give each its probability of being a planet.

    \b
    lcnet transits score tess2018206045859-s0001-0000000261136679-0120-s_lc.fits
    lcnet transits score lightcurves/ --output candidates.ecsv --figures pages --jobs 4
    """
    if prior is not None and not 0 < prior < 1:
        raise typer.BadParameter(f"{prior:g} is no share between 0 and 1", param_hint="--prior")
    _check(target, output, min_snr, period, demo=demo)
    options = {"min_snr": min_snr, "max_candidates": max_candidates, "period": period, "prior": prior}
    options |= {"jobs": jobs, "figures": figures, "network": network}
    _finish(_run_demo(output, options) if demo else _run(target, output, options))


@app.command()
def search(
    target: Targets = None,
    output: Output = None,
    figures: Figures = None,
    jobs: Jobs = 1,
    min_snr: MinSnr = 7.1,
    max_candidates: MaxCandidates = 5,
    period: Period = None,
) -> None:
    """Find transit candidates, without a network's opinion."""
    _check(target, output, min_snr, period)
    options = {"min_snr": min_snr, "max_candidates": max_candidates, "period": period}
    _finish(_run(target, output, {**options, "jobs": jobs, "figures": figures, "network": None}))


app.command()(simulate)


def _check(target, output, min_snr, period, *, demo=None) -> None:
    """Wrong usage, said before any work is done."""
    from lcnet.transits.table import check_output

    if demo and target:
        raise typer.BadParameter("--demo makes its own targets; leave TARGET out", param_hint="--demo")
    if not demo and not target:
        instead = "" if demo is None else ", or try --demo"  # a verb without a demonstration
        raise typer.BadParameter(f"name a light curve, a folder or a glob{instead}", param_hint="TARGET")
    if not min_snr > 0:
        raise typer.BadParameter(f"{min_snr:g} is not positive", param_hint="--min-snr")
    if period is not None and not 0 < period[0] < period[1] < float("inf"):
        raise typer.BadParameter("give the shortest and the longest period, in days", param_hint="--period")
    if output is not None:
        try:
            check_output(output)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--output") from None


def _run(target, output, options) -> int:
    """Score, write, print; the exit status."""
    # errors of the network or its file; those of a target are rows
    from lcnet.transits.score import score as run

    table = _worked(lambda progress: run(list(target), progress=progress, **options), output)
    if table is None:
        return NOTHING_SCORED
    written = _write(table, output)
    _show(table)
    if output is not None and written:
        _out(f"table: {output}")
    if options.get("figures") is not None:
        _out(f"figures: {options['figures']}{os.sep}")
    return _status(table) if written else NOTHING_SCORED


def _run_demo(output, options) -> int:
    from lcnet.transits.demo import FOLDER, run_demo

    result = _worked(lambda progress: run_demo(FOLDER, progress=progress, **options), output)
    if result is None:
        return NOTHING_SCORED
    written = _write(result.table, output)
    _show(result.table)
    _out("\nWhat was put in, and what was found:")
    _print_cells(*result.cells())
    if options["figures"] is None:
        _out(f"\nLight curves and figures: {FOLDER}{os.sep}")
    else:
        _out(f"\nLight curves: {FOLDER}{os.sep}\nFigures: {options['figures']}{os.sep}")
    if output is not None and written:
        _out(f"Table: {output}")
    _out("Next: lcnet transits score your.fits --figures pages")
    return _status(result.table) if written else NOTHING_SCORED


def _worked(work, output):
    """What `work(progress)` gives; None, and the reason on stderr, where it or its output is impossible."""
    from lcnet.transits.progress import progress_bar

    if output is not None and (problem := _unwritable(output)):
        _say_error(f"cannot write {output}: {problem}")
        return None
    try:
        with progress_bar("stars") as progress:
            return work(progress)
    except (ValueError, OSError, LookupError, ImportError, RuntimeError) as error:
        _say_error(f"{error}")
        return None


def _write(table, output) -> bool:
    """Whether the output is written, or none is wanted."""
    from lcnet.transits.table import write_table

    try:
        if output is not None:
            write_table(table, output)
    except OSError as error:
        _say_error(f"cannot write {output}: {error}")
        return False
    return True


def _unwritable(output: Path) -> str:
    """Why a file cannot be written here; found out before the work, not after."""
    folder = output.absolute().parent
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir():
        return f"{folder} is not a folder"
    return "" if os.access(folder, os.W_OK | os.X_OK) else f"no permission in {folder}"


def _status(table) -> int:
    """Of rows, not of stars: a star of which one candidate was scored and another not was scored in part."""
    failed = [status == "failed" for status in table["status"]]
    if not any(failed):
        return SCORED
    return NOTHING_SCORED if all(failed) else SOME_FAILED


def _finish(status: int) -> None:
    _out("", end="", flush=True)
    raise typer.Exit(status)


def _out(line: str, **options) -> None:
    """Print; a reader that has had enough (``| head``) is no error of ours."""
    try:
        print(line, **options)
    except BrokenPipeError:
        # what is still buffered would raise again when the interpreter flushes it at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say_error(message: str) -> None:
    print(f"lcnet: {message}", file=sys.stderr)


# The printed table: what an observer asks first, in 100 columns.

_LEFT = {"target", "truth", "agrees", "remarks"}


def _show(table) -> None:
    _print_cells(*table_cells(table))
    if "prior_planet" in table.meta and (table["candidate"] > 0).any():
        share = 100 * table.meta["prior_planet"]
        _out(f"p(planet) holds where {share:.2g} % of the candidates are planets; --prior states another share.")
    said, failed = {}, []
    for row in table:
        name, reason = str(row["target"]), str(row["reason"])
        if row["status"] == "failed":
            failed.append(reason if reason.startswith(name) else f"{name}: {reason}")
        elif reason:
            said.setdefault(name, reason)  # once a star, not once a candidate
    for name, reason in said.items():
        _out(f"{name}: {reason}")
    if failed:
        _out(f"Not scored ({len(failed)}):")
    for line in failed:
        _out(f"  {line}")


def table_cells(table) -> tuple[list[str], list[list[str]]]:
    """Heads and cells of the printed table; targets that failed are left to the lines below it."""
    systems = {str(row["time_system"]) for row in table if row["time_system"]}
    epoch = f"epoch [{systems.pop()}]" if len(systems) == 1 else "epoch [d]"
    heads = ["target", "#", "period [d]", epoch, "dur. [h]", "depth [ppm]", "SNR", "p(planet)", "remarks"]
    rows = []
    for row in table:
        if not row["candidate"]:
            if row["status"] != "failed":
                rows.append([str(row["target"]), *[""] * 7, "no candidate"])
            continue
        names = ("period", "epoch", "duration", "depth")
        value = {name: float(getattr(row[name], "value", row[name])) for name in names}
        planet, spread = float(row["p_planet"]), float(row["p_planet_std"])
        remarks = [] if row["status"] == "ok" else [str(row["status"]).replace("_", " ")]
        if row["harmonic_of"]:
            remarks.append(f"harmonic of {row['harmonic_of']}")
        remarks += [flag.replace("_", " ") for flag in str(row["flags"]).split() if flag != "harmonic"]
        rows.append(
            [
                str(row["target"]),
                str(row["candidate"]),
                f"{value['period']:.5f}",
                f"{value['epoch']:.4f}",
                f"{value['duration']:.2f}",
                f"{value['depth']:.0f}",
                f"{float(row['snr']):.1f}",
                "" if planet != planet else f"{planet:.2f}±{spread:.2f}",
                ", ".join(remarks),
            ]
        )
    return heads, rows


def _print_cells(heads, rows) -> None:
    """A narrow table: rich on a terminal, plain text in a pipe."""
    if not rows:
        return
    # a column nobody filled (probabilities of a search) only takes room
    kept = [k for k in range(len(heads)) if any(row[k] for row in rows)]
    heads, rows = [heads[k] for k in kept], [[row[k] for k in kept] for row in rows]
    if sys.stdout.isatty():
        from rich import box
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), collapse_padding=True)
        for head in heads:
            justify = "left" if head in _LEFT else "right"
            # as Text: rich would take "[d]" for markup
            table.add_column(Text(head.replace(" [", "\n[")), justify=justify, no_wrap=head != "remarks")
        for row in rows:
            table.add_row(*map(Text, row), style="dim" if row[-1] == "no candidate" else None)
        Console(highlight=False).print(table)
        return
    if not (sys.stdout.encoding or "").lower().startswith("utf"):
        rows = [[cell.replace("±", "+-") for cell in row] for row in rows]
    widths = [max(len(row[k]) for row in [heads, *rows]) for k in range(len(heads))]
    for row in [heads, *rows]:
        cells = [
            cell.ljust(width) if head in _LEFT else cell.rjust(width)
            for cell, width, head in zip(row, widths, heads, strict=True)
        ]
        _out("  ".join(cells).rstrip())
    _out("")
