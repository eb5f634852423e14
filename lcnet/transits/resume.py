"""The journal of a batch: the rows of every star on disk as they come, so that a stop costs the last few stars.

A line of JSON says what is being done (the plan), then one line a batch of stars holds their rows. A run that goes on
reads the rows back to the bit and takes up at the first star without. Whoever changes the plan is told what changed:
half a table of one search and half of another is no table. (The idea of a plan on disk is hats-import's.)
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path

__all__ = ["Journal", "JournalError", "journal_path"]

_VERSION = 1
_FIRST = b'{"plan":'  # how a journal begins
_SYNC = 5.0  # s; a kill loses nothing that was written, only a power cut what was not yet synced


class JournalError(OSError):
    """The rows of a batch cannot be kept, or not be taken up again."""


def journal_path(output) -> Path:
    """Where the journal of an output lies: beside it."""
    output = Path(output)
    return output.with_name(output.name + ".part")


class Journal:
    """Rows on disk while a batch runs.

    Parameters
    ----------
    path : path-like
    plan : dict
        What is done, as JSON: name to value. ``targets`` is a list of texts, one a star.
    resume : bool
        Go on with the rows of an earlier run of the same plan; where there is no journal, begin.
    what : str
        The targets, in a message.

    Attributes
    ----------
    done : int
        Batches that the earlier run finished.

    Raises
    ------
    JournalError
        A journal is there and `resume` is not asked for; or it is of another plan, which the message names; or another
        process is at it; or it cannot be written.
    """

    def __init__(self, path, plan, *, resume=False, what="stars"):
        self.path, self._what = Path(path), what
        self.done, self._stars, self._synced = 0, 0, time.monotonic()
        self._total = len(plan["targets"])
        targets = [_digest(text) for text in plan["targets"]]
        plan = json.loads(json.dumps({**plan, "targets": targets, "journal": _VERSION}))
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(self.path, "a+b")  # noqa: SIM115 - it stays open as long as the batch
        except OSError as error:
            raise JournalError(f"cannot write {self.path}: {error.strerror}") from None
        try:
            self._lock()
            self._end = self._begin(plan, resume)
        except BaseException:
            self._close_file()
            raise

    def _lock(self):
        try:
            import fcntl
        except ImportError:  # Windows
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise JournalError(f"{self.path}: another run is writing it") from None
        except OSError:
            pass  # a file system without locks

    def _begin(self, plan, resume) -> int:
        """Where the next line goes, after the plan is written or recognised."""
        self._file.seek(0)
        head = self._file.readline()
        if not head.endswith(b"\n"):  # new, or killed before its first line was whole
            if not (head.startswith(_FIRST) or _FIRST.startswith(head)):
                raise self._foreign()
            self._file.truncate(0)
            self._head = self._append({"plan": plan}, 0)
            return self._head
        earlier = self._plan(head)
        self._head = end = len(head)
        for line in self._file:
            entry = _entry(line)
            if entry is None or entry["batch"] != self.done:  # the line a kill or a full disk cut off
                break
            self.done, self._stars, end = self.done + 1, self._stars + entry["stars"], end + len(line)
        if not resume:
            raise JournalError(
                f"{self.path} holds {self._stars} of {len(earlier['targets'])} {self._what} of a run that was stopped: "
                "go on with it (--resume), or remove it to begin anew"
            )
        if changed := _changes(earlier, plan, self._what):
            raise JournalError(
                f"{self.path} was begun with another plan: {'; '.join(changed)}. Give the same again, or remove it to "
                "begin anew"
            )
        self._file.truncate(end)
        return end

    def _plan(self, head):
        try:
            plan = json.loads(head)["plan"]
            plan["targets"], plan["journal"]
        except (ValueError, KeyError, TypeError):
            raise self._foreign() from None
        return plan

    def _foreign(self):
        return JournalError(f"{self.path} is no journal of lcnet's; remove it, or give another output")

    def rows(self):
        """The rows of the batches that are done, in order: (place or None, row)."""
        self._file.seek(0)
        self._file.readline()
        for _ in range(self.done):
            yield from json.loads(self._file.readline())["rows"]

    def write(self, stars: int, rows) -> None:
        """Keep the rows of the next batch.

        Parameters
        ----------
        stars : int
        rows : list of (int or None, dict)
            Place in the table and row, plain (`table.plain_row`).

        Raises
        ------
        JournalError
            They cannot be written; what was written before stays.
        """
        self._end = self._append({"batch": self.done, "stars": stars, "rows": rows}, self._end)
        self.done, self._stars = self.done + 1, self._stars + stars

    def _append(self, entry, end) -> int:
        line = json.dumps(entry, separators=(",", ":")).encode() + b"\n"
        try:
            self._file.write(line)
            self._file.flush()
            if time.monotonic() - self._synced > _SYNC:
                os.fsync(self._file.fileno())
                self._synced = time.monotonic()
        except OSError as error:
            self._undo(end)
            kept = f"{self._stars} of {self._total} {self._what} are kept in it, --resume goes on with them"
            raise JournalError(f"cannot write {self.path}: {error.strerror}; {kept}") from None
        return end + len(line)

    def _undo(self, end):
        """Take back half a line; if even that fails, the next run does."""
        self._close_file()
        try:
            os.truncate(self.path, end)
        except OSError:
            pass

    def _close_file(self):
        try:
            self._file.close()
        except OSError:
            pass  # a full disk again; it was said when it was written

    def close(self) -> None:
        """Leave the journal on disk, if there is anything in it to go on with."""
        self._close_file()
        try:
            # by the file: an interrupt may come between a line and the count of it
            if self.path.stat().st_size <= self._head:
                self.path.unlink()
        except OSError:
            pass

    def finish(self, table, output) -> None:
        """Write the table of these rows, and only then remove the journal.

        Raises
        ------
        NotWritten
            The file cannot take it; the journal stays.
        """
        from lcnet.transits.table import NotWritten, write_table

        try:
            write_table(table, output)
        except OSError as error:
            why = error.strerror or str(error)
            said = f"cannot write {output}: {why}; its rows are in {self.path}, --resume writes them"
            raise NotWritten(said, table) from error
        self.remove()

    def remove(self) -> None:
        """The table is written: the journal has done its work."""
        self._close_file()
        self.path.unlink(missing_ok=True)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:12]


def _entry(line):
    try:
        entry = json.loads(line) if line.endswith(b"\n") else None
        return entry if entry is not None and {"batch", "stars", "rows"} <= set(entry) else None
    except (ValueError, TypeError):
        return None


def _changes(earlier, plan, what) -> list[str]:
    """What differs between two plans, in words."""
    changed = []
    for name in sorted({*earlier, *plan} - {"targets"}):
        before, now = earlier.get(name), plan.get(name)
        if before != now:
            changed.append(f"{name.replace('_', ' ')} was {_short(before)}, is now {_short(now)}")
    if len(earlier["targets"]) != len(plan["targets"]):
        changed.append(f"there were {len(earlier['targets'])} {what}, now {len(plan['targets'])}")
    elif earlier["targets"] != plan["targets"]:
        pairs = enumerate(zip(earlier["targets"], plan["targets"], strict=True), 1)
        others = [number for number, (before, now) in pairs if before != now]
        files = " or their files" if what == "stars" else ""
        changed.append(f"{len(others)} of the {what}{files} are others, the first is number {others[0]}")
    return changed


def _short(value) -> str:
    text = "not given" if value is None else str(value)
    return text if len(text) <= 60 else text[:57] + "..."
