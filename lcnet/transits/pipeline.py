"""A batch from its jobs to its table: found, judged, drawn, kept on disk and collected, a few stars at a time.

Both verbs, `search` and `score`, are this with a judge or without. At no moment are more than a few stars in memory;
what grows with their number is the table.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from contextlib import closing, contextmanager
from dataclasses import asdict
from itertools import islice
from pathlib import Path

import numpy as np

from lcnet.transits.batch import measured_only
from lcnet.transits.contamination import matched
from lcnet.transits.explain import Explainer
from lcnet.transits.judge import THRESHOLD
from lcnet.transits.resume import Journal, journal_path
from lcnet.transits.rows import sentence, star_rows
from lcnet.transits.table import Rows, check_output, plain_row
from lcnet.transits.vet import TESTS
from lcnet.transits.workers import find_all, threads_a_process

__all__ = ["run_batch"]

REFERENCES = (
    "Yu et al. 2019, AJ 158, 25 (views, training set)",
    "Kovacs, Zucker & Mazeh 2002, A&A 391, 369 (box least squares)",
    "Ofir 2014, A&A 561, A138 (period grid)",
    "Pont, Zucker & Queloz 2006, MNRAS 373, 231 (red-noise SNR)",
)
# Stars judged, and kept on disk, at once. Always the same ones together: the last bits of a probability follow from how
# many the network sees at once, and a resumed table is to be the same to the bit. A search takes a second and more, so
# a stop should lose few; a known ephemeris takes milliseconds, a third of them the network's if it sees one star alone.
_SEARCHED, _KNOWN, _KNOWN_WITH_FIGURES = 4, 64, 8


def run_batch(
    jobs_to_do,
    options,
    judge,
    *,
    unscored=(),
    jobs=1,
    progress=None,
    figures=None,
    report=None,
    output=None,
    resume=False,
    alone=False,
    about=None,
    binaries=None,
):
    """The table of a batch.

    Parameters
    ----------
    jobs_to_do : sequence of Job
    options : Options
    judge : Judge
    unscored : sequence of (int, dict)
        Place and row of what needs no work because it cannot be done.
    jobs : int
        Processes.
    progress : callable, optional
        Called as ``progress(done, total, target)`` after every star.
    figures, report : path-like, optional
        Folders for a picture and for a page a star.
    output : path-like, optional
        The table's file. While the batch runs its rows are in a journal beside it (`resume.journal_path`).
    resume : bool
        Go on with that journal.
    alone : bool
        One target was asked for: if it cannot be read, that is an error and no row.
    about : dict, optional
        What else makes this batch another than one with the same targets and options; also for the table's meta.
    binaries : optional
        As `vet.match_ephemerides` takes them.

    Returns
    -------
    QTable

    Raises
    ------
    JournalError
        The journal is of another batch, or cannot be written.
    NotWritten
        The output cannot be written; it has the table, and the journal stays.
    """
    if output is not None:
        check_output(output)
    for folder in (figures, report):
        if folder is not None:
            Path(folder).mkdir(parents=True, exist_ok=True)
    rows, journal, done = Rows(), None, 0
    size = _batch_size(jobs_to_do, options)
    drawing, explainer = _Drawing(jobs_to_do, figures, report, judge), Explainer(judge.network)
    if output is not None:
        journal = Journal(journal_path(output), _plan(jobs_to_do, options, judge, about, unscored), resume=resume)
    try:
        if journal is not None:
            for place, row in journal.rows():
                rows.add(row, place)
            done = min(journal.done * size, len(jobs_to_do))
        left = find_all(jobs_to_do[done:], options, jobs=jobs)
        with closing(left), closing(_reporting(left, done, len(jobs_to_do), progress)) as stream, _few_threads(jobs):
            while batch := list(islice(stream, size)):
                if alone and batch[0].curve is None and isinstance(batch[0].error, (ValueError, OSError)):
                    raise batch[0].error
                kept = []
                batch = explainer.explained(batch, attribute=report is not None)
                for found, probabilities in zip(batch, judge.probabilities(batch), strict=True):
                    here = drawing.draw(found, [plain_row(row) for row in star_rows(found, probabilities)], done)
                    places = jobs_to_do[done].places or [None] * len(here)
                    kept += zip(places, here, strict=True)
                    done += 1
                if journal is not None:
                    journal.write(len(batch), kept)
                for place, row in kept:
                    rows.add(row, place)
        for place, row in unscored:
            rows.add(plain_row(row), place)
        matched(rows, binaries)
        table = rows.table(_meta(jobs_to_do, options, judge, about))
        if report is not None:
            drawing.index(table)
        if journal is not None:
            journal.finish(table, output)
    except BaseException:
        if journal is not None:
            journal.close()
        raise
    return table


def _batch_size(jobs_to_do, options) -> int:
    if any(job.known is None for job in jobs_to_do):
        return _SEARCHED
    return _KNOWN_WITH_FIGURES if options.keep_curves else _KNOWN


def _reporting(stream, done, total, progress):
    for number, found in enumerate(stream, done + 1):
        if progress is not None:
            progress(number, total, found.target)
        yield found


@contextmanager
def _few_threads(jobs):
    """The network runs in this process: beside `jobs` others it takes its share of the cores, not all of them."""
    torch = sys.modules.get("torch")
    if jobs <= 1 or torch is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(min(before, threads_a_process(jobs)))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _plan(jobs_to_do, options, judge, about, unscored) -> dict:
    """What the journal of this batch is of; a change of any of it makes another table."""
    from lcnet import __version__

    judged = judge.meta()
    plan = {"lcnet": __version__, "network": judged.get("network"), "network_sha256": judged.get("network_sha256")}
    plan |= {"prior": judged.get("prior"), **asdict(options), **{k: str(v) for k, v in (about or {}).items()}}
    plan["targets"] = [_stamp(job) for job in jobs_to_do]
    plan["rows_without_work"] = len(unscored)
    return plan


def _stamp(job) -> str:
    """A star as the journal knows it: its name, its files or their contents, its known ephemerides."""
    words = [str(job.source.target)]
    for item in job.source.items:
        if isinstance(item, Path):
            words.append(f"{item}:{_state(item)}")
        elif name := getattr(item, "name", ""):  # in the archive, whose answer may be newer the next time
            words.append(f"{name}:{getattr(item, 'selection', '')}")
        else:
            words.append(f"{type(item).__name__}:{_content(item)}")
    return "|".join([*words, repr(job.known)])


def _state(path) -> str:
    """Size and time of a file: a FITS file is padded to blocks, and reprocessed it often has the size it had."""
    try:
        status = path.stat()
    except OSError:
        return "missing"
    return f"{status.st_size}:{status.st_mtime_ns}"


def _content(curve) -> str:
    """The numbers of a light curve in memory, and the plain values of its meta; what is there of anything else."""
    names = getattr(curve, "colnames", None)
    if names is None:
        return str(len(curve)) if hasattr(curve, "__len__") else ""
    whole = hashlib.sha256()
    for name in names:
        column = curve[name]
        column = getattr(column, "value", column)
        values = np.ma.getdata(getattr(column, "unmasked", column))  # astropy's masks or numpy's
        if values.dtype.kind in "biuf":  # dates are numbers too; an object's bytes would be its address
            mask = np.array(getattr(column, "mask", False))
            whole.update(f"{name}:{values.dtype}".encode() + values.tobytes() + mask.tobytes())
    plain = {str(k): v for k, v in curve.meta.items() if isinstance(v, (str, bool, int, float))}
    whole.update(repr(sorted(plain.items(), key=lambda pair: pair[0])).encode("utf-8", "backslashreplace"))
    return whole.hexdigest()[:16]


def _meta(jobs_to_do, options, judge, about) -> dict:
    from lcnet import __version__

    meta = {"lcnet": __version__, **judge.meta()}
    known = bool(jobs_to_do) and all(job.known is not None for job in jobs_to_do)
    if known:
        meta |= {"duration": "as given", "ephemeris": "known: measured, not searched for"}
    else:
        meta |= {"duration": "first to fourth contact", "min_snr": options.min_snr}
        meta["period_searched"] = list(options.period) if options.period else "0.4 d to half the baseline"
    if judge.network is not None:
        meta["threshold_planet"] = THRESHOLD
    meta |= about or {}
    meta["references"] = list(REFERENCES)
    meta["tests"] = {name: dict(test) for name, test in TESTS.items()}
    sources: dict[str, list[str]] = {}
    for job in jobs_to_do:
        named = (str(item) if isinstance(item, Path) else str(getattr(item, "name", "")) for item in job.source.items)
        if places := [one for one in named if one]:
            listed = sources.setdefault(str(job.source.target), [])
            listed += [one for one in places if one not in listed]
    if sources:
        meta["sources"] = sources
    return meta


class _Drawing:
    """The pictures and pages of a batch; one that fails is a remark in its star's rows, not the loss of a night."""

    def __init__(self, jobs_to_do, figures, report, judge):
        self.figures, self.report, self.meta = figures, report, judge.meta()
        taken: set[str] = set()
        # named beforehand, in order: a batch that is resumed gives each star the same name
        self.names = [] if figures is None else [_file_name(str(job.source.target), taken) for job in jobs_to_do]

    def draw(self, found, rows, number):
        if found.search is None:
            return rows
        problems = []
        shown, those = measured_only(found, rows)
        if self.figures is not None:
            problems.append(("no figure", _tried(_save_figure, shown, those, Path(self.figures) / self.names[number])))
        if self.report is not None:
            problems.append(("no page", _tried(_save_page, shown, those, self.report, self.meta)))
        for what, problem in problems:
            if problem:
                rows = [{**row, "reason": sentence(row.get("reason", ""), f"{what}: {problem}")} for row in rows]
        return rows

    def index(self, table):
        from lcnet.transits.report import write_index

        write_index(table, self.report)


def _tried(work, *arguments) -> str:
    try:
        work(*arguments)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _save_figure(found, rows, path):
    from lcnet.core.files import replaced
    from lcnet.transits.plots import plot_target

    figure = plot_target(found.curve, found.search, [_all_of(row) for row in rows])
    with replaced(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110)


def _save_page(found, rows, folder, meta):
    from lcnet.transits.report import write_page

    write_page(found, [_all_of(row) for row in rows], folder, meta=meta)


def _all_of(row) -> dict:
    """A row with its missing values, for those who look them up."""
    from lcnet.transits.table import COLUMNS, MISSING

    return {name: row.get(name, MISSING[kind]) for name, (kind, *_) in COLUMNS.items()}


def _file_name(target: str, taken: set[str]) -> str:
    stem = re.sub(r"[^\w.+-]+", "_", Path(target).name if os.sep in target else target).strip("_") or "star"
    name, number = f"{stem}.png", 2
    while name.lower() in taken:  # some file systems do not tell cases apart
        name, number = f"{stem}-{number}.png", number + 1
    taken.add(name.lower())
    return name
