"""What commands say: lines that outlive a closed pipe, and one progress display a process.

The display is a bar on a terminal, nothing in a pipe, a second line below one already drawn.
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import contextmanager

__all__ = ["out", "progress_bar"]

_lock = threading.Lock()
_drawn: list = []  # the display on the screen, at most one


def out(line: str = "", **options) -> None:
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
            print(f"lcnet: cannot write to standard output: {error.strerror}", file=sys.stderr)
            raise SystemExit(1) from None


@contextmanager
def progress_bar(what: str, *, total: int | None = None):
    """A callback that draws on the terminal's stderr.

    Parameters
    ----------
    what : str
        What is counted, "stars".
    total : int, optional

    Yields
    ------
    callable or None
        ``report(done, total, now)``; None where stderr is no terminal, or in a worker process, which would draw over
        its siblings.
    """
    import multiprocessing

    if not sys.stderr.isatty() or multiprocessing.parent_process() is not None:
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    with _lock:
        mine = not _drawn
        if mine:
            columns = (
                BarColumn(24),
                MofNCompleteColumn(),
                TextColumn("{task.fields[what]}", markup=False),
                TimeElapsedColumn(),
                TextColumn("{task.fields[now]}", markup=False),
            )
            _drawn.append(Progress(*columns, console=Console(stderr=True), transient=True))
            _drawn[0].start()
        display = _drawn[0]
    task = display.add_task("", total=total, what=what, now="starting")

    def report(done, total, now):
        display.update(task, completed=done, total=total, now=str(now))

    try:
        yield report
    finally:
        if mine:
            with _lock:
                _drawn.clear()
            display.stop()
        else:
            display.remove_task(task)
