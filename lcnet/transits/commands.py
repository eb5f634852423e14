"""``lcnet transits score`` and ``lcnet transits search``: the verbs for the shell.

Importing this file is light, so that ``lcnet --help`` is; everything that computes is imported inside the commands.

Exit status: 0 every target scored (a star with nothing found included), 3 some failed, 1 none could be scored or the
output could not be written, 2 wrong usage; 130 and 143 when stopped by Ctrl-C or a TERM signal.
"""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from lcnet.transits.recover_command import recover
from lcnet.transits.screen import out, print_cells, say_error, show
from lcnet.transits.simulate_command import simulate

__all__ = ["app", "unwritable", "worked"]

SCORED, NOTHING_SCORED, WRONG_USAGE, SOME_FAILED, STOPPED = 0, 1, 2, 3, 128

app = typer.Typer(
    name="transits",
    help="Transits: candidates in the light curves of stars, found, scored and shown.",
    no_args_is_help=True,
    add_completion=False,
)

_READ = "Which light curves"
Targets = Annotated[
    list[str] | None,
    typer.Argument(metavar="TARGET...", help="FITS light curves, folders, quoted globs, or names of stars."),
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="Write the table: .ecsv, .vot, .xml, .parquet or .csv; depths in 1e-6 (ppm)."),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on where the same command was stopped; needs --output.")]
Figures = Annotated[Path | None, typer.Option("--figures", help="Folder for one PNG a target.")]
Report = Annotated[Path | None, typer.Option("--report", help="Folder for one HTML page a target, and an index.")]
Jobs = Annotated[int, typer.Option("--jobs", "-j", min=1, help="Processes.")]
MinSnr = Annotated[float, typer.Option("--min-snr", help="Signal-to-noise from which on a dip is a candidate.")]
MaxCandidates = Annotated[int, typer.Option("--max-candidates", min=1, help="At most so many a star.")]
Period = Annotated[
    tuple[float, float] | None,
    typer.Option("--period", metavar="MIN MAX", help="Days to search; default 0.4 to half the baseline."),
]
Ephemeris = Annotated[
    Path | None,
    typer.Option("--ephemeris", metavar="TABLE", help="Score these known events (CSV, ECSV, VOTable); no search."),
]
StarOption = Annotated[
    str | None,
    typer.Option("--star", metavar="KEY=VALUE,...", help="radius, mass (solar), teff, rho, tmag of the star."),
]
Binaries = Annotated[
    Path | None,
    typer.Option("--binaries", metavar="TABLE", help="Known eclipsing binaries (name, period, epoch) to compare with."),
]
Prior = Annotated[
    float | None,
    typer.Option("--prior", help="Share of this search's candidates that are planets; default the training set's."),
]
Network = Annotated[
    str, typer.Option("--network", metavar="NET", help="The network: a shipped name, or the folder of one of your own.")
]
Author = Annotated[list[str] | None, typer.Option("--author", help="Pipeline; repeatable.", rich_help_panel=_READ)]
Mission = Annotated[
    list[str] | None, typer.Option("--mission", help="Kepler, K2, TESS; repeatable.", rich_help_panel=_READ)
]
Exptime = Annotated[str | None, typer.Option("--exptime", help="long, short, fast, or seconds.", rich_help_panel=_READ)]
Quarter = Annotated[list[int] | None, typer.Option("--quarter", help="Repeatable.", rich_help_panel=_READ)]
Campaign = Annotated[list[int] | None, typer.Option("--campaign", help="Repeatable.", rich_help_panel=_READ)]
Sector = Annotated[list[int] | None, typer.Option("--sector", help="Repeatable.", rich_help_panel=_READ)]
FluxColumn = Annotated[str | None, typer.Option("--flux-column", help="As in lightkurve.", rich_help_panel=_READ)]
Quality = Annotated[str | None, typer.Option("--quality-bitmask", help="As in lightkurve.", rich_help_panel=_READ)]


@app.command()
def score(
    target: Targets = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Simulate and score four stars in ./lcnet-demo; takes the other options.")
    ] = False,
    ephemeris: Ephemeris = None,
    output: Output = None,
    resume: Resume = False,
    figures: Figures = None,
    report: Report = None,
    jobs: Jobs = 1,
    min_snr: MinSnr = 7.1,
    max_candidates: MaxCandidates = 5,
    period: Period = None,
    star: StarOption = None,
    binaries: Binaries = None,
    prior: Prior = None,
    network: Network = "transits/candidate",
    author: Author = None,
    mission: Mission = None,
    exptime: Exptime = None,
    quarter: Quarter = None,
    campaign: Campaign = None,
    sector: Sector = None,
    flux_column: FluxColumn = None,
    quality_bitmask: Quality = None,
) -> None:
    """Find transit candidates, or take known ones, and give each its probability of being a planet.

    \b
    lcnet transits score tess2018206045859-s0001-0000000261136679-0120-s_lc.fits
    lcnet transits score lightcurves/ --output candidates.ecsv --report pages --jobs 4
    lcnet transits score lightcurves/ --ephemeris cumulative.csv --output scored.ecsv
    """
    if prior is not None and not 0 < prior < 1:
        raise typer.BadParameter(f"{prior:g} is no share between 0 and 1", param_hint="--prior")
    if ephemeris is not None and (demo or period is not None):
        raise typer.BadParameter("known events are not searched for", param_hint="--ephemeris")
    _check(target, output, min_snr, period, resume, demo=demo, known=ephemeris is not None)
    options = {"min_snr": min_snr, "max_candidates": max_candidates, "period": period, "prior": prior, "jobs": jobs}
    options |= {"figures": figures, "report": report, "network": network, "star": _star(star), "binaries": binaries}
    if demo:
        _finish(_run_demo(output, options))
    selection = _selection(author, mission, exptime, quarter, campaign, sector, flux_column, quality_bitmask)
    options |= {"resume": resume, "ephemeris": ephemeris, **selection}
    _finish(_run(target, output, options))


@app.command()
def search(
    target: Targets = None,
    output: Output = None,
    resume: Resume = False,
    figures: Figures = None,
    report: Report = None,
    jobs: Jobs = 1,
    min_snr: MinSnr = 7.1,
    max_candidates: MaxCandidates = 5,
    period: Period = None,
    star: StarOption = None,
    binaries: Binaries = None,
    author: Author = None,
    mission: Mission = None,
    exptime: Exptime = None,
    quarter: Quarter = None,
    campaign: Campaign = None,
    sector: Sector = None,
    flux_column: FluxColumn = None,
    quality_bitmask: Quality = None,
) -> None:
    """Find transit candidates, without a network's opinion."""
    _check(target, output, min_snr, period, resume)
    options = {"min_snr": min_snr, "max_candidates": max_candidates, "period": period, "jobs": jobs}
    options |= {"figures": figures, "report": report, "network": None, "star": _star(star), "binaries": binaries}
    selection = _selection(author, mission, exptime, quarter, campaign, sector, flux_column, quality_bitmask)
    _finish(_run(target, output, {**options, "resume": resume, **selection}))


app.command()(simulate)
app.command()(recover)


def _check(target, output, min_snr, period, resume, *, demo=None, known=False) -> None:
    """Wrong usage, said before any work is done."""
    from lcnet.transits.table import check_output

    if demo and target:
        raise typer.BadParameter("--demo makes its own targets; leave TARGET out", param_hint="--demo")
    if not demo and not target and not known:
        instead = "" if demo is None else ", or try --demo"  # a verb without a demonstration
        raise typer.BadParameter(f"name a light curve, a folder or a glob{instead}", param_hint="TARGET")
    if not min_snr > 0:
        raise typer.BadParameter(f"{min_snr:g} is not positive", param_hint="--min-snr")
    if period is not None and not 0 < period[0] < period[1] < float("inf"):
        raise typer.BadParameter("give the shortest and the longest period, in days", param_hint="--period")
    if resume and (output is None or demo):
        raise typer.BadParameter("the rows of a stopped run lie beside its --output: name it", param_hint="--resume")
    if output is not None:
        try:
            check_output(output)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--output") from None


def _star(text) -> dict | None:
    """``radius=1.1,mass=0.9`` as a dict of numbers."""
    if text is None:
        return None
    from lcnet.transits.star import check_star

    try:
        pairs = [part.partition("=") for part in text.split(",")]
        return check_star({key.strip(): float(value) for key, _, value in pairs})
    except ValueError as error:
        raise typer.BadParameter(f"{error}; give for example radius=1.1,mass=0.9", param_hint="--star") from None


def _selection(author, mission, exptime, quarter, campaign, sector, flux_column, quality_bitmask) -> dict:
    """The options that choose among a star's light curves, those that were given."""
    given = {"author": author, "mission": mission, "exptime": exptime, "quarter": quarter, "campaign": campaign}
    given |= {"sector": sector, "flux_column": flux_column, "quality_bitmask": quality_bitmask}
    return {name: value for name, value in given.items() if value}


def _run(target, output, options) -> int:
    """Score, write, print; the exit status."""
    # errors of the network or its file; those of a target are rows
    from lcnet.transits.score import score as run

    if options.get("binaries") is not None:
        options = {**options, "binaries": _table(options["binaries"])}
        if options["binaries"] is None:
            return NOTHING_SCORED
    targets = list(target) if target else None
    table, written = worked(lambda progress: run(targets, output=output, progress=progress, **options), output)
    if table is None:
        return written
    show(table, written=output is not None and written)
    if output is not None and written:
        out(f"table: {output}")
    for name in ("figures", "report"):
        if options.get(name) is not None:
            out(f"{name}: {options[name]}{os.sep}")
    return _status(table) if written else NOTHING_SCORED


def _table(path):
    """A table of known binaries; None, and why on stderr."""
    from lcnet.transits.tces import read_binaries

    try:
        return read_binaries(path)
    except (OSError, ValueError) as error:
        say_error(str(error))
        return None


def _run_demo(output, options) -> int:
    from lcnet.transits.demo import FOLDER, run_demo
    from lcnet.transits.table import write_table

    result, written = worked(lambda progress: run_demo(FOLDER, progress=progress, **options), output)
    if result is None:
        return written
    try:
        if output is not None:
            write_table(result.table, output)
    except OSError as error:
        say_error(f"cannot write {output}: {error}")
        written = False
    show(result.table)
    out("\nWhat was put in, and what was found:")
    print_cells(*result.cells())
    if options["figures"] is None:
        out(f"Light curves and figures: {FOLDER}{os.sep}")
    else:
        out(f"Light curves: {FOLDER}{os.sep}\nFigures: {options['figures']}{os.sep}")
    if options["report"] is not None:
        out(f"Report: {options['report']}{os.sep}index.html")
    if output is not None and written:
        out(f"Table: {output}")
    out("Next: lcnet transits score your.fits --report pages")
    return _status(result.table) if written else NOTHING_SCORED


def worked(work, output, *, what="stars", total=None):
    """What `work(progress)` gives and whether its output is written; or None and the exit status, the reason said.

    Parameters
    ----------
    work : callable
    output : Path or None
        With a journal beside it while `work` runs (`resume.journal_path`).
    what : str
        What it does one after the other.
    total : int, optional
        How many of them.
    """
    from lcnet.terminal import progress_bar
    from lcnet.transits.table import NotWritten

    if output is not None and (problem := unwritable(output)):
        say_error(f"cannot write {output}: {problem}")
        return None, NOTHING_SCORED
    try:
        with _terminable(), progress_bar(what, total=total) as progress:
            return work(progress), True
    except NotWritten as error:
        say_error(str(error))
        return error.table, False
    except KeyboardInterrupt as stop:
        say_error(_how_to_go_on(output, what))
        return None, STOPPED + (stop.args[0] if stop.args else signal.SIGINT)
    except (TypeError, ValueError, OSError, LookupError, ImportError, RuntimeError) as error:
        say_error(str(error))
        return None, NOTHING_SCORED


@contextmanager
def _terminable():
    """Let a TERM signal (a batch system's end of time) stop the work as Ctrl-C does."""

    def stop(number, frame):
        raise KeyboardInterrupt(number)

    try:
        before = signal.signal(signal.SIGTERM, stop)
    except ValueError:  # not in the main thread: whoever started it handles signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _how_to_go_on(output, what) -> str:
    if output is None:
        return f"stopped; with --output the rows of the {what} that are done would be kept"
    from lcnet.transits.resume import journal_path

    journal = journal_path(output)
    if not journal.exists():
        return f"stopped before the first {what.removesuffix('s')} was done"
    return f"stopped; the rows so far are in {journal}, the same command with --resume goes on from there"


def unwritable(output: Path) -> str:
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
    out("", end="", flush=True)
    raise typer.Exit(int(status))
