"""``lcnet supernovae classify`` and ``examples``: the verbs for the shell.

Importing this file is light; everything that computes is imported inside the commands.

Exit status: 0 every object classified, 3 some failed, 1 none could be classified or the output could not be written, 2
wrong usage.
"""

from __future__ import annotations

import os
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from lcnet.terminal import out, progress_bar

__all__ = ["app"]

CLASSIFIED, NOTHING, SOME_FAILED = 0, 1, 3
_SHOWN = 40  # rows printed; a file holds them all

app = typer.Typer(
    name="supernovae",
    help="Supernovae: types from light curves, early and late, with calibrated probabilities.",
    no_args_is_help=True,
    add_completion=False,
)

Sources = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE...", help="SNANA text or FITS, CSV or Parquet tables, tar archives, folders, quoted globs."
    ),
]


@app.command()
def classify(
    source: Sources,
    redshift: Annotated[
        str | None,
        typer.Option(
            "--redshift", metavar="TABLE", help="A table of object, redshift, redshift_err; or: host, or a number."
        ),
    ] = None,
    epochs: Annotated[str, typer.Option("--epochs", help="last: one row an object; all: one a night.")] = "last",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the table: .ecsv, .vot, .xml, .parquet or .csv.")
    ] = None,
    network: Annotated[
        str,
        typer.Option("--network", metavar="NET", help="The network: a shipped name, or the folder of one of your own."),
    ] = "supernovae/des",
    zeropoint: Annotated[
        str | None,
        typer.Option("--zeropoint", help="Of the fluxes of a table: a magnitude, or a unit (nJy); default 27.5."),
    ] = None,
    survey: Annotated[
        str, typer.Option("--survey", help="Of files that do not say it, for their filter letters.")
    ] = "",
    metadata: Annotated[
        Path | None,
        typer.Option(
            "--metadata",
            exists=True,
            dir_okay=False,
            help="Of a table of points: one row an object (PLAsTiCC's metadata).",
        ),
    ] = None,
    band: Annotated[
        list[str] | None,
        typer.Option(
            "--band", metavar="X=g", help="What a filter that lcnet does not know is; of one survey: SURVEY:X=g."
        ),
    ] = None,
    dust: Annotated[bool, typer.Option(help="Correct for the Milky Way's dust.")] = True,
) -> None:
    """Give each supernova the probability of its type.

    \b
    lcnet supernovae classify SIMGEN_PUBLIC_DES.tar.xz --output types.ecsv
    lcnet supernovae classify *.DAT --redshift redshifts.csv --epochs all
    """
    from lcnet.supernovae.table import check_output, write_table

    if epochs not in ("last", "all"):
        raise typer.BadParameter(f"{epochs} is neither last nor all", param_hint="--epochs")
    names = _bands(band or [])
    _check(zeropoint, redshift)
    if output is not None:
        try:
            check_output(output)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--output") from None
        folder = output.absolute().parent
        if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
            _fail(f"cannot write {output}: {folder} is no folder that can be written")
    try:
        with progress_bar("rows") as progress, _warnings_in_a_line():
            from lcnet.supernovae.classify import classify as run

            table = run(
                list(source),
                _number(redshift),
                epochs=epochs,
                network=_network(network),
                zeropoint=_number(zeropoint),
                survey=survey,
                metadata=metadata,
                bands=names or None,
                dust=dust,
                progress=progress,
            )
        if output is not None:
            write_table(table, output)
    except (ValueError, OSError, LookupError, ImportError, RuntimeError) as error:
        if os.environ.get("LCNET_TRACEBACK"):
            raise
        _fail(" ".join(str(error).split()))
    _show(table)
    if output is not None:
        out(f"table: {output}")
    out(end="", flush=True)
    failed = [status == "failed" for status in table["status"]]
    raise typer.Exit(NOTHING if all(failed) else SOME_FAILED if any(failed) else CLASSIFIED)


@app.command()
def examples(
    source: Sources,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="F", help="The HDF5 file to write.")],
    split: Annotated[
        str,
        typer.Option("--split", help="half, representative-1103 or spectroscopic: the part that is trained on; all."),
    ] = "all",
    looks: Annotated[
        int, typer.Option("--looks", min=0, help="Early looks at each object, beside the whole curve.")
    ] = 1,
    redshifted: Annotated[
        int,
        typer.Option("--redshifted", min=0, help="Objects to add that are made by moving these to higher redshift."),
    ] = 0,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 0,
) -> None:
    """Turn simulated, typed light curves into examples to train on: `lcnet train supernovae/des --data F`."""
    try:
        from lcnet.supernovae.challenge import training_examples
        from lcnet.supernovae.read import read

        made = training_examples(read(list(source)), split, looks=looks, redshifted=redshifted, seed=seed)
        made.save(output)
    except (ValueError, OSError) as error:
        if os.environ.get("LCNET_TRACEBACK"):
            raise
        _fail(" ".join(str(error).split()))
    typer.echo(f"{len(made)} examples in {output}")


def _bands(words: list[str]) -> dict:
    """The mapping of `--band X=g` and `--band SURVEY:X=g`."""
    from lcnet.supernovae.bands import lookup

    names: dict = {}
    for one in words:
        letter, equals, name = one.rpartition("=")
        if not (letter and equals and name):
            raise typer.BadParameter(f"{one}: write letter=band, X=g, or SURVEY:X=g", param_hint="--band")
        names[letter] = name
        survey, colon, own = letter.partition(":")
        if colon:
            names[survey, own] = name
    try:
        lookup(names)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--band") from None
    return names


def _check(zeropoint: str | None, redshift: str | None) -> None:
    """Options that are wrong whatever the files hold."""
    if zeropoint is not None:
        from lcnet.supernovae.columns import zeropoint_of

        try:
            zeropoint_of(_number(zeropoint))
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--zeropoint") from None
    given = _number(redshift)
    if isinstance(given, float) and not 0 < given < float("inf"):
        raise typer.BadParameter(f"a redshift is positive, not {redshift}", param_hint="--redshift")
    if isinstance(given, str) and given != "host" and not Path(given).is_file():
        raise typer.BadParameter(f"{given} is no file, number or host", param_hint="--redshift")


def _network(name: str):
    from lcnet.core.registry import UnknownTask
    from lcnet.supernovae.classify import load_network

    try:
        return load_network(name)
    except UnknownTask as error:
        raise typer.BadParameter(str(error), param_hint="--network") from None


@contextmanager
def _warnings_in_a_line():
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_: typer.echo(f"lcnet: warning: {message}", err=True)
        yield


def _number(text: str | None):
    """A number where the text is one, else the text: the name of a file, or a word."""
    try:
        return None if text is None else float(text)
    except ValueError:
        return text


def _fail(message: str) -> None:
    typer.echo(f"lcnet: {message}", err=True)
    raise typer.Exit(NOTHING)


def _show(table) -> None:
    heads = ["object", "type", "p(Ia)", "p(Ibc)", "p(II)", "points", "bands", "remarks"]
    rows = []
    for row in table[:_SHOWN]:
        words = [str(row["status"])] * (row["status"] != "ok")
        words += [str(row["reason"])] * bool(row["reason"])
        numbers = [
            "" if row[f"p_{kind}"] != row[f"p_{kind}"] else f"{row[f'p_{kind}']:.3f}" for kind in ("Ia", "Ibc", "II")
        ]
        rows.append(
            [str(row["object"]), str(row["type"]), *numbers, str(row["n_obs"]), str(row["bands"]), ": ".join(words)]
        )
    widths = [max(len(row[k]) for row in [heads, *rows]) for k in range(len(heads))]
    for row in [heads, *rows]:
        out("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    if len(table) > _SHOWN:
        kinds = [str(kind) or "none" for kind in table["type"]]
        out(f"... {len(table)} rows: " + ", ".join(f"{kinds.count(kind)} {kind}" for kind in sorted(set(kinds))))
