"""What `lcnet transits` prints: a narrow table, what is to be said of its stars, and errors in one sentence.

A table on a terminal is rich's, in a pipe plain text; neither is wider than a hundred columns.
"""

from __future__ import annotations

import os
import sys
import textwrap

__all__ = ["WIDTH", "out", "print_cells", "say_error", "show", "table_cells"]

WIDTH = 100
_LEFT = {"target", "truth", "agrees", "remarks"}
# A table of a survey goes to its file, and the screen gets the best of it
_MANY, _BEST, _SAID = 60, 20, 20


def out(line: str, **options) -> None:
    """Print; a reader that has had enough (``| head``) is no error of ours, a full disk ends the command in a word.

    Raises
    ------
    SystemExit
        Of status 1: what was to be said cannot be written.
    """
    try:
        print(line, **options)
    except OSError as error:
        # what is still buffered would raise again when the interpreter flushes it at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            say_error(f"cannot write to standard output: {error.strerror}")
            raise SystemExit(1) from None


def say_error(message: str) -> None:
    """One sentence on stderr."""
    print(f"lcnet: {' '.join(str(message).split())}", file=sys.stderr)


def show(table, *, written: bool = False) -> None:
    """Print a table of candidates, and below it what is to be said of its stars.

    Parameters
    ----------
    table : QTable
    written : bool
        It is in a file too: of a long one only the likeliest planets are printed.
    """
    shown = table
    if written and len(table) > _MANY:
        import numpy as np

        scored = np.flatnonzero(np.asarray(table["status"]) != "failed")
        planet = np.nan_to_num(np.asarray(table["p_planet"])[scored], nan=-1.0)
        shown = table[scored[np.argsort(-planet, kind="stable")[:_BEST]]]
        best = f"; the {len(shown)} of the highest p(planet)" if len(shown) < len(scored) else ""
        out(f"{len(table):,} rows: {_counted(table)}{best}")
    print_cells(*table_cells(shown))
    if "prior_planet" in table.meta and (table["candidate"] > 0).any():
        share = 100 * table.meta["prior_planet"]
        out(f"p(planet) holds where {share:.2g} % of the candidates are planets; --prior states another share.")
    if idle := table.meta.get("stars_without_ephemeris"):
        out(f"{idle:,} star{'s' if idle > 1 else ''} without an ephemeris in the table left out.")
    said = {}
    for row in shown:
        if row["status"] != "failed" and row["reason"]:
            said.setdefault(str(row["target"]), str(row["reason"]))  # once a star, not once a candidate
    for name, reason in said.items():
        out(textwrap.fill(f"{name}: {reason}", WIDTH, subsequent_indent="  ", break_long_words=False))
    failed = [_failed_line(row) for row in table if row["status"] == "failed"]
    if failed:
        out(f"Not scored ({len(failed):,}):")
    shown = len(failed) if len(failed) <= _MANY else _SAID
    for line in failed[:shown]:
        out(f"  {line}")
    if len(failed) > shown:
        out(f"  ... and {len(failed) - shown:,} more" + (" in the file" if written else "; --output writes them all"))


def _counted(table) -> str:
    words, counts = {"ok": "scored", "no_candidate": "without a candidate"}, {}
    for status in table["status"]:
        counts[str(status)] = counts.get(str(status), 0) + 1
    return ", ".join(f"{count:,} {words.get(status, status.replace('_', ' '))}" for status, count in counts.items())


def _failed_line(row) -> str:
    name, reason = str(row["target"]), str(row["reason"])
    period = float(getattr(row["period"], "value", row["period"]))
    name = f"{name} at {period:.6g} d" if period == period else name
    return reason if reason.startswith(name) else f"{name}: {reason}"


def table_cells(table) -> tuple[list[str], list[list[str]]]:
    """Heads and cells of the printed table; targets that failed are left to the lines below it."""
    systems = {str(row["time_system"]) for row in table if row["time_system"] and row["status"] != "failed"}
    epoch = f"epoch [{systems.pop()}]" if len(systems) == 1 else "epoch [d]"
    heads = ["target", "#", "period [d]", epoch, "dur. [h]", "depth [ppm]", "SNR", "p(planet)", "remarks"]
    rows = []
    for row in table:
        if row["status"] == "failed" and not float(row["snr"]) > 0:
            continue
        if not row["candidate"]:
            rows.append([str(row["target"]), *[""] * 7, "no candidate"])
            continue
        names = ("period", "epoch", "duration", "depth")
        value = {name: float(getattr(row[name], "value", row[name])) for name in names}
        planet, spread = float(row["p_planet"]), float(row["p_planet_std"])
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
                ", ".join(_remarks(row)),
            ]
        )
    return heads, rows


def _remarks(row) -> list[str]:
    remarks = [] if row["status"] == "ok" else [str(row["status"]).replace("_", " ")]
    if row["harmonic_of"]:
        remarks.append(f"harmonic of {row['harmonic_of']}")
    return remarks + [flag.replace("_", " ") for flag in str(row["flags"]).split() if flag != "harmonic"]


def print_cells(heads, rows) -> None:
    """A narrow table: rich on a terminal, plain text in a pipe."""
    if not rows:
        return
    # a column nobody filled (probabilities of a search) only takes room
    kept = [k for k in range(len(heads)) if any(row[k] for row in rows)]
    heads, rows = [heads[k] for k in kept], [[row[k] for k in kept] for row in rows]
    if sys.stdout.isatty():
        _print_rich(heads, rows)
        return
    if not (sys.stdout.encoding or "").lower().startswith("utf"):
        rows = [[cell.replace("±", "+-") for cell in row] for row in rows]
    cut = False
    if heads[-1] == "remarks":
        room = WIDTH - sum(max(len(row[k]) for row in [heads, *rows]) + 2 for k in range(len(heads) - 1))
        fitted = [[*row[:-1], _fitting(row[-1], max(room, 20))] for row in rows]
        cut, rows = fitted != rows, fitted
    widths = [max(len(row[k]) for row in [heads, *rows]) for k in range(len(heads))]
    for row in [heads, *rows]:
        cells = [
            cell.ljust(width) if head in _LEFT else cell.rjust(width)
            for cell, width, head in zip(row, widths, heads, strict=True)
        ]
        out("  ".join(cells).rstrip())
    out("")
    if cut:
        out("Remarks that end in +2: two more are in the table's flags.")


def _fitting(remarks: str, room: int) -> str:
    """As many remarks as there is room for, and how many more the table has."""
    words = remarks.split(", ")
    for number in range(len(words), -1, -1):
        more = len(words) - number
        text = ", ".join(words[:number] + ([f"+{more}"] if more else []))
        if len(text) <= room:
            return text
    return ""


def _print_rich(heads, rows) -> None:
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
