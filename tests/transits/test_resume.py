"""Nothing lost: the journal of a batch, what a stop leaves, and that going on gives the same table to the bit."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from typer.testing import CliRunner

from lcnet.transits.commands import app
from lcnet.transits.resume import Journal, JournalError, journal_path
from lcnet.transits.score import score
from lcnet.transits.table import Rows, candidate_table, plain_row

PLAN = {"targets": ["a", "b", "c"], "min_snr": 7.1}
ROW = {"target": "a", "period": 1 / 3, "status": "ok"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, simulated):
    """Twelve stars: one light curve of three kinds each, in files of their own, and a broken file."""
    from lcnet.transits.write_fits import write_lightcurve

    folder = tmp_path_factory.mktemp("many")
    for number in range(12):
        curve = simulated[("planet", "eclipse", "quiet")[number % 3]]
        write_lightcurve(folder / f"{number:02}", curve, tic=900_001 + number)
    (folder / "05" / "broken.fits").write_text("<html>")
    return folder


def contents(path):
    return path.read_bytes()


def test_rows_come_back_to_the_bit(tmp_path):
    rng = np.random.default_rng(0)
    rows = [{**ROW, "depth": float(rng.normal()), "epoch": float(np.float64(rng.normal()) * 1e6)} for _ in range(50)]
    rows.append({"target": "naïve \udcff\n", "period": float("nan"), "snr": float("inf"), "candidate": np.int64(3)})
    rows = [plain_row(row) for row in rows]
    with_journal = Journal(tmp_path / "t.part", PLAN)
    with_journal.write(1, [[None, row] for row in rows])
    with_journal.close()
    again = Journal(tmp_path / "t.part", PLAN, resume=True)
    back = [row for _, row in again.rows()]
    again.close()
    assert back == rows
    for name in ("depth", "epoch", "snr"):
        np.testing.assert_array_equal(candidate_table(back)[name], candidate_table(rows)[name])


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_half_a_line_is_forgotten(tmp_path, cut):
    path = tmp_path / "t.part"
    journal = Journal(path, PLAN)
    journal.write(1, [[None, ROW]])
    whole = path.stat().st_size
    journal.write(1, [[None, {**ROW, "target": "b"}]])
    journal.close()
    os.truncate(path, path.stat().st_size - cut)
    journal = Journal(path, PLAN, resume=True)
    assert journal.done == 1 and path.stat().st_size == whole
    assert [row["target"] for _, row in journal.rows()] == ["a"]
    journal.write(1, [[None, {**ROW, "target": "b"}]])
    journal.close()
    journal = Journal(path, PLAN, resume=True)
    assert [row["target"] for _, row in journal.rows()] == ["a", "b"]
    journal.remove()
    assert not path.exists()


def test_a_journal_killed_in_its_first_line_begins_anew(tmp_path):
    path = tmp_path / "t.part"
    path.write_bytes(b'{"plan": {"min_snr": 7')
    journal = Journal(path, PLAN)
    assert journal.done == 0 and json.loads(path.read_text())["plan"]["min_snr"] == 7.1
    journal.close()


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        ({**PLAN, "min_snr": 8.0}, "min snr was 7.1, is now 8.0"),
        ({**PLAN, "prior": 0.2}, "prior was not given, is now 0.2"),
        ({**PLAN, "targets": ["a", "b"]}, "there were 3 stars, now 2"),
        ({**PLAN, "targets": ["a", "x", "c"]}, "1 of the stars or their files are others, the first is number 2"),
    ],
)
def test_a_changed_plan_is_refused_by_name(tmp_path, plan, said):
    journal = Journal(tmp_path / "t.part", PLAN)
    journal.write(1, [])
    journal.close()
    before = contents(tmp_path / "t.part")
    with pytest.raises(JournalError, match=said):
        Journal(tmp_path / "t.part", plan, resume=True)
    assert contents(tmp_path / "t.part") == before


def test_a_journal_is_not_overwritten_unasked(tmp_path):
    journal = Journal(tmp_path / "t.part", PLAN)
    journal.write(2, [])
    with pytest.raises(JournalError, match="another run is writing it"):
        Journal(tmp_path / "t.part", PLAN, resume=True)
    journal.close()
    with pytest.raises(JournalError, match="holds 2 of 3 stars.*--resume"):
        Journal(tmp_path / "t.part", PLAN)
    (tmp_path / "t.part").write_text("my notes\n")
    with pytest.raises(JournalError, match="no journal of lcnet's"):
        Journal(tmp_path / "t.part", PLAN, resume=True)
    assert (tmp_path / "t.part").read_text() == "my notes\n"


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("content", ["my notes", "{", "{'plan'", "\0" * 20])
def test_a_file_without_a_line_s_end_is_somebody_s_too(tmp_path, content, resume):
    """All but the beginning of our own first line: what a kill leaves of it is not worth keeping."""
    path = tmp_path / "t.part"
    path.write_text(content)
    if content == "{":
        journal = Journal(path, PLAN, resume=resume)
        assert json.loads(path.read_text())["plan"]["min_snr"] == 7.1
        journal.close()
        return
    with pytest.raises(JournalError, match="no journal of lcnet's"):
        Journal(path, PLAN, resume=resume)
    assert path.read_text() == content


class _Stop(Exception):
    pass


def _stop_after(number):
    def progress(done, total, target):
        if done == number:
            raise _Stop

    return progress


@pytest.mark.parametrize("stops", [(1,), (4,), (6, 11)])
def test_a_stopped_batch_goes_on_to_the_same_table(folder, network, tmp_path, stops):
    straight, resumed = tmp_path / "straight.ecsv", tmp_path / "resumed.ecsv"
    score(folder, network=network, output=straight)
    for number in stops:
        with pytest.raises(_Stop):
            score(folder, network=network, output=resumed, resume=True, progress=_stop_after(number))
    # four stars are a batch; a run that has not finished one leaves nothing
    assert journal_path(resumed).exists() == (stops[-1] > 4) and not resumed.exists()
    told = []
    table = score(folder, network=network, output=resumed, resume=True, progress=lambda *now: told.append(now[0]))
    # no more than the stars of a batch is done again
    assert told[0] > stops[-1] - 4 and told[-1] == 13
    assert contents(resumed) == contents(straight)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["resumed.ecsv", "straight.ecsv"]
    assert list(table["status"]).count("failed") == 1


def test_known_events_go_on_as_well_in_the_tables_order(folder, network, tmp_path, simulated, monkeypatch):
    from lcnet.transits import pipeline

    monkeypatch.setattr(pipeline, "_KNOWN", 3)
    truth = simulated["planet"].truth["signals"][0]
    stars = [900_001 + number for number in (9, 3, 0, 6, 3, 77, 2)]
    table = candidate_table(
        {"target": f"TIC {star}", "period": truth["period"], "epoch": truth["epoch"], "duration": truth["duration"]}
        for star in stars
    )
    first, second = tmp_path / "a.ecsv", tmp_path / "b.ecsv"
    score(folder, ephemeris=table, network=network, output=first)
    with pytest.raises(_Stop):
        score(folder, ephemeris=table, network=network, output=second, progress=_stop_after(4))
    again = score(folder, ephemeris=table, network=network, output=second, resume=True)
    assert contents(first) == contents(second)
    assert list(again["target"])[:-1] == [f"TIC {star}" for star in stars]
    assert again["target"][-1].endswith("broken.fits")  # it may be the star that is missed
    with pytest.raises(_Stop):
        score(folder, ephemeris=table, network=network, output=second, progress=_stop_after(4))
    table["period"][0] *= 2
    with pytest.raises(JournalError, match="1 of the stars or their files are others"):
        score(folder, ephemeris=table, network=network, output=second, resume=True)


def test_a_full_disk_loses_nothing(folder, network, tmp_path, monkeypatch):
    """The limit on a file's size stands for the disk's: the write that hits it fails as one on a full disk does."""
    import lcnet

    monkeypatch.setattr(lcnet, "load", lambda name: network, raising=False)
    straight, output = tmp_path / "straight.ecsv", tmp_path / "full.ecsv"
    run = lambda *words: CliRunner().invoke(app, ["score", str(folder), *map(str, words)])  # noqa: E731
    assert run("--output", straight).exit_code == 3  # all but the broken file
    with pytest.raises(_Stop):
        score([str(folder)], network=network, output=output, progress=_stop_after(6))
    size = journal_path(output).stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 50, before[1]))
    try:
        result = run("--output", output, "--resume")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert result.exit_code == 1 and result.stderr.count("\n") == 1, result.output
    assert "4 of 13 stars are kept" in result.stderr and "File too large" in result.stderr
    assert journal_path(output).stat().st_size == size and not output.exists()
    assert run("--output", output, "--resume").exit_code == 3
    assert contents(output) == contents(straight)


def test_rows_are_kept_column_by_column():
    """A hundred thousand rows of a survey: eight bytes a number, and one string for what many rows say alike."""
    import tracemalloc

    rows = Rows()
    tracemalloc.start()
    for number in range(2000):
        rows.add(plain_row({**ROW, "target": f"TIC {number}", "reason": "one reason, the same for " + "all " * 20}))
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # some 40 numbers of 8 bytes, 7 references to text, a name of its own; arrays grow by a quarter ahead
    assert size / 2000 < 1000


def test_a_run_that_did_nothing_leaves_no_journal(tmp_path):
    (tmp_path / "bad.fits").write_text("<html>")
    for target, options in ((tmp_path / "bad.fits", {}), ([tmp_path / "bad.fits"], {"progress": _stop_after(1)})):
        with pytest.raises((OSError, ValueError, _Stop)):
            score(target, network=None, output=tmp_path / "t.ecsv", **options)
        assert [path.name for path in tmp_path.iterdir()] == ["bad.fits"]


@pytest.mark.parametrize("where", ["figures", "report"])
def test_a_folder_that_cannot_be_made_leaves_no_journal(folder, tmp_path, where):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        score(folder, network=None, output=tmp_path / "t.ecsv", **{where: tmp_path / "file" / "pages"})
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_rows_that_cannot_be_read_back_let_go_of_the_journal(tmp_path, folder, monkeypatch):
    output = tmp_path / "t.ecsv"
    with pytest.raises(_Stop):
        score(folder, network=None, output=output, progress=_stop_after(5))
    before = contents(journal_path(output))

    def broken(self, row, place=None):
        raise KeyError("no such column")

    monkeypatch.setattr(Rows, "add", broken)
    with pytest.raises(KeyError) as caught:
        score(folder, network=None, output=output, resume=True)
    assert contents(journal_path(output)) == before
    # while the error's traceback lives, so does what the run held: another may take the journal up all the same
    monkeypatch.undo()
    score(folder, network=None, output=output, resume=True)
    assert output.exists() and caught.value is not None


def test_a_file_or_a_curve_of_the_same_size_is_another(tmp_path):
    import lightkurve
    from astropy.utils.masked import Masked

    from lcnet.transits.batch import Job
    from lcnet.transits.pipeline import _stamp
    from lcnet.transits.read import Source

    path = tmp_path / "one_lc.fits"
    path.write_bytes(bytes(2880))
    os.utime(path, ns=(10**18, 10**18))
    of_file = lambda: _stamp(Job(Source("TIC 1", items=[path])))  # noqa: E731
    before = of_file()
    assert of_file() == before
    path.write_bytes(b"1" * 2880)
    os.utime(path, ns=(10**18, 10**18 + 1))
    assert of_file() != before and of_file().startswith(f"TIC 1|{path}:2880:")
    path.unlink()
    assert "missing" in of_file()

    time, flux, error = np.arange(20.0), np.linspace(0.9, 1.1, 20), np.full(20, 1e-3)

    def of_curve(flux=flux, **meta):
        meta = {"OBJECT": "TIC 1", "callback": lambda: None, **meta}
        curve = lightkurve.LightCurve(time=time, flux=flux, flux_err=error, meta=meta)
        return _stamp(Job(Source("TIC 1", items=[curve])))

    assert of_curve() == of_curve(flux.copy())
    masked = [Masked(flux, mask=np.arange(20) == place) for place in (4, 5)]
    assert of_curve(masked[0]) == of_curve(masked[0].copy())
    stamps = [of_curve(), of_curve(np.roll(flux, 1)), *map(of_curve, masked), of_curve(RADIUS=2.0)]
    assert len(set(stamps)) == len(stamps)


def _start(*words):
    return subprocess.Popen(
        [sys.executable, "-m", "lcnet", "transits", "search", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _wait_for_rows(process, journal, batches):
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        if journal.exists() and journal.read_bytes().count(b"\n") > batches:  # the first line is the plan
            return
        time.sleep(0.01)
    raise AssertionError(f"no {batches} batches in the journal: {process.communicate()}")


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_interrupted_and_killed_processes_leave_what_they_had_done(folder, tmp_path):
    import psutil

    output, straight = tmp_path / "table.ecsv", tmp_path / "straight.ecsv"
    words = (folder, "--output", output, "--jobs", 2)
    process = _start(*words)
    _wait_for_rows(process, journal_path(output), 1)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal's Ctrl-C: every process of the group
    said, errors = process.communicate(timeout=30)
    assert process.returncode == 130 and "--resume goes on" in errors and errors.count("\n") == 1, errors
    assert not output.exists()

    process = _start(*words, "--resume")
    _wait_for_rows(process, journal_path(output), 2)
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.communicate(timeout=30)
    # workers of a parent that was killed do not stay behind
    _, alive = psutil.wait_procs(children, timeout=10)
    assert children and not alive

    process = _start(*words, "--resume")
    said, errors = process.communicate(timeout=60)
    assert process.returncode == 3 and errors == "", errors
    score([str(folder)], network=None, output=straight)
    assert contents(output) == contents(straight)
    assert not journal_path(output).exists()
