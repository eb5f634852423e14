"""One progress display a process: a bar on a terminal, nothing in a pipe, a second line below one already drawn."""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager

__all__ = ["progress_bar"]

_lock = threading.Lock()
_drawn: list = []  # the display on the screen, at most one


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
