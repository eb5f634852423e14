"""The shell's side: exit statuses, files, what is printed, and what is imported when."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from lcnet.transits.commands import app

runner = CliRunner()


@pytest.fixture
def run(network, monkeypatch):
    """Run a command with the fake network in the place of the shipped one."""
    import lcnet

    monkeypatch.setattr(lcnet, "load", lambda name: network, raising=False)
    return lambda *words: runner.invoke(app, [str(word) for word in words])


@pytest.fixture
def bad(tmp_path):
    path = tmp_path / "bad.fits"
    path.write_text("<html>")
    return path


def test_scored_stars_are_status_0_and_one_plain_table(run, star_files, simulated):
    result = run("score", star_files["planet"], star_files["quiet"])
    assert result.exit_code == 0 and result.stderr == ""
    lines = result.stdout.splitlines()
    heads = ["target", "#", "period [d]", "epoch [BTJD]", "dur. [h]", "depth [ppm]", "SNR", "p(planet)", "remarks"]
    assert re.split(r"  +", lines[0]) == heads
    period = f"{simulated['planet'].truth['signals'][0]['period']:.2f}"
    assert re.match(rf"TIC 800001 +1 +{period}", lines[1]) and "0.80±0.04" in lines[1]
    assert lines[2].startswith("TIC 800003") and lines[2].endswith("no candidate")
    assert "\x1b" not in result.stdout
    assert max(map(len, lines)) <= 100


def test_some_failed_is_status_3_and_the_rest_is_scored(run, star_files, bad):
    result = run("score", star_files["planet"], bad)
    assert result.exit_code == 3
    assert "TIC 800001" in result.stdout and f"{bad}: a web page" in result.stdout


def test_a_star_scored_in_part_is_status_3():
    from lcnet.transits.commands import _status
    from lcnet.transits.table import candidate_table

    def status(*pairs):
        return _status(candidate_table([{"target": name, "status": status} for name, status in pairs]))

    assert status(("a", "ok"), ("a", "failed")) == 3
    assert status(("a", "failed"), ("b", "no_candidate")) == 3
    assert status(("a", "failed"), ("a", "failed")) == status(("a", "failed"), ("b", "failed")) == 1
    assert status(("a", "single_transit"), ("b", "no_candidate")) == 0


def test_only_the_verb_with_a_demonstration_offers_it(run):
    said = {verb: " ".join(re.findall(r"[\w,-]+", run(verb).stderr)) for verb in ("score", "search")}  # out of its box
    assert "a folder or a glob, or try --demo" in said["score"]
    assert "a folder or a glob" in said["search"] and "--demo" not in said["search"]


def test_none_scored_is_status_1_without_a_traceback(run, bad):
    for target in (bad, "Kepler-90"):
        result = run("score", target)
        assert result.exit_code == 1 and "Not scored (1)" in result.stdout and "Traceback" not in result.output


def test_the_screen_says_what_the_probabilities_hold_for(run, star_files):
    # the fake network's training set has 10 % planets
    assert "10 % of the candidates are planets" in run("score", star_files["planet"]).stdout
    assert "30 % of the candidates are planets" in run("score", star_files["planet"], "--prior", "0.3").stdout
    assert "candidates are planets" not in run("score", star_files["quiet"]).stdout
    assert "candidates are planets" not in run("search", star_files["planet"]).stdout


def test_a_network_of_ones_own_is_named(monkeypatch, network, star_files):
    import lcnet

    asked = []
    monkeypatch.setattr(lcnet, "load", lambda name: asked.append(name) or network, raising=False)
    assert runner.invoke(app, ["score", str(star_files["quiet"]), "--network", "my-network"]).exit_code == 0
    assert asked == ["my-network"]


def test_a_missing_network_is_status_1(star_files, monkeypatch):
    import lcnet

    def load(name):
        raise ValueError("no network is shipped")

    monkeypatch.setattr(lcnet, "load", load, raising=False)
    result = runner.invoke(app, ["score", str(star_files["planet"])])
    assert result.exit_code == 1 and "no network is shipped" in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("score",),
        ("search",),
        ("score", "--demo", "a.fits"),
        ("score", "a.fits", "--output", "table.txt"),
        ("score", "a.fits", "--jobs", "0"),
        ("score", "a.fits", "--min-snr", "0"),
        ("score", "a.fits", "--min-snr", "nan"),
        ("score", "a.fits", "--max-candidates", "0"),
        ("score", "a.fits", "--period", "3", "2"),
        ("score", "a.fits", "--period", "3"),
        ("score", "a.fits", "--prior", "1.5"),
        ("score", "a.fits", "--nonsense"),
        ("search", "a.fits", "--prior", "0.5"),
        ("score", "a.fits", "--resume"),
        ("score", "--demo", "--resume", "--output", "a.ecsv"),
        ("score", "a.fits", "--ephemeris", "t.csv", "--period", "1", "2"),
        ("score", "a.fits", "--star", "radius"),
        ("score", "a.fits", "--star", "radius=-1"),
        ("score", "a.fits", "--star", "colour=1"),
        ("search", "a.fits", "--ephemeris", "t.csv"),
        ("nonsense",),
    ],
)
def test_wrong_usage_is_status_2_before_any_work(run, words, monkeypatch):
    import importlib

    def never(*args, **kwargs):
        raise AssertionError("work was begun")

    monkeypatch.setattr(importlib.import_module("lcnet.transits.score"), "score", never)
    result = run(*words)
    assert result.exit_code == 2, result.output


def test_the_output_is_written_and_named(run, star_files, tmp_path):
    path = tmp_path / "new" / "table.csv"
    result = run("score", star_files["planet"], "--output", path)
    assert result.exit_code == 0 and f"table: {path}" in result.stdout
    heads = path.read_text().splitlines()[0].split(",")
    assert {"period_d", "epoch_d", "duration_h", "depth_ppm"} <= set(heads)


def test_an_output_that_cannot_be_written_is_status_1_before_the_work(run, star_files, tmp_path, network):
    (tmp_path / "file").write_text("")
    result = run("score", star_files["planet"], "--output", tmp_path / "file" / "table.csv")
    assert result.exit_code == 1 and "cannot write" in result.stderr
    assert not network.calls


def test_an_output_lost_after_the_work_is_status_1_and_the_table_is_shown(run, star_files, tmp_path, monkeypatch):
    import importlib

    def fail(table, path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    pipeline = importlib.import_module("lcnet.transits.pipeline")
    table = importlib.import_module("lcnet.transits.table")
    real = table.write_table
    monkeypatch.setattr(table, "write_table", fail)
    words = ("score", star_files["planet"], "--output", tmp_path / "table.csv")
    result = run(*words)
    assert result.exit_code == 1 and "No space left on device" in result.stderr and "TIC 800001" in result.stdout
    assert result.stderr.count("\n") == 1 and "--resume writes them" in result.stderr
    # nothing is lost: once there is room, the rows are written without the stars being searched again
    monkeypatch.setattr(table, "write_table", real)

    def nothing_left(left, *_, **__):
        assert not left
        yield from ()

    monkeypatch.setattr(pipeline, "find_all", nothing_left)
    result = run(*words, "--resume")
    assert result.exit_code == 0, result.output
    assert "TIC 800001" in (tmp_path / "table.csv").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]


def test_figures_are_saved(run, star_files, tmp_path):
    result = run("score", star_files["quiet"], "--figures", tmp_path / "pages")
    assert result.exit_code == 0 and "figures:" in result.stdout
    assert [path.name for path in (tmp_path / "pages").iterdir()] == ["TIC_800003.png"]


def test_options_reach_the_search(run, star_files, simulated, network):
    assert "no candidate" in run("score", star_files["planet"], "--min-snr", "1000").stdout
    assert (
        f"{simulated['planet'].truth['signals'][0]['period']:.2f}"
        not in run("score", star_files["planet"], "--period", "5", "9", "--max-candidates", "1").stdout
    )
    run("score", star_files["planet"], "--prior", "0.5")
    before = run("score", star_files["planet"]).stdout
    assert run("score", star_files["planet"], "--prior", "0.5").stdout != before


def test_search_needs_no_network_and_shows_no_probabilities(star_files, monkeypatch):
    import lcnet

    monkeypatch.setattr(lcnet, "load", None, raising=False)
    result = runner.invoke(app, ["search", str(star_files["planet"])])
    assert result.exit_code == 0 and "TIC 800001" in result.stdout and "p(planet)" not in result.stdout


def test_a_terminal_gets_a_table_whose_units_are_not_taken_for_markup(run, star_files, monkeypatch, capsys):
    from lcnet.transits.screen import print_cells

    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "100")
    rows = [["a[b].fits", "1.5", ""], ["TIC 1", "", "no candidate"]]
    print_cells(["target", "period [d]", "remarks"], rows)
    shown = capsys.readouterr().out
    assert "[d]" in shown and "a[b].fits" in shown and max(map(len, shown.splitlines())) <= 100


def test_importing_the_commands_is_light(root):
    code = (
        "import sys; import lcnet.transits.commands; "
        "heavy = {'torch', 'lightkurve', 'numba', 'astropy', 'matplotlib', 'scipy', 'numpy'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device that is full")
def test_a_full_standard_output_is_one_sentence(root):
    code = "from lcnet.transits.screen import out; out('table'); out('', end='', flush=True)"
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-c", code], cwd=root, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert done.stderr == "lcnet: cannot write to standard output: No space left on device\n"


@pytest.mark.skipif(os.name != "posix", reason="pipes that close")
def test_a_reader_that_leaves_early_is_no_error(star_files, root):
    code = "from lcnet.transits.commands import app; app()"
    words = [sys.executable, "-u", "-c", code, "search", str(star_files["planet"]), str(star_files["quiet"])]
    with subprocess.Popen(words, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()
        errors = process.stderr.read()
    assert process.returncode == 0 and errors == ""


# Known events


@pytest.fixture
def events(tmp_path, simulated, star_files):
    """A table as the archive writes them: the planet, the binary, a star that is not there, and no ephemeris."""
    signals = {name: simulated[name].truth["signals"][0] for name in ("planet", "eclipse")}
    rows = [
        (800_002, signals["eclipse"]["period"], signals["eclipse"]["epoch"] + 2457000, signals["eclipse"]["duration"]),
        (12345, 3.0, 2458465.0, 2.0),
        (800_001, signals["planet"]["period"], signals["planet"]["epoch"] + 2457000, signals["planet"]["duration"]),
        (800_001, float("nan"), 2458465.0, 2.0),
        (800_001, signals["planet"]["period"], 2458465.0, 24 * signals["planet"]["period"] + 1),
    ]
    lines = ["# COLUMN pl_tranmid: Planet Transit Midpoint Value [BJD]", "tid,pl_orbper,pl_tranmid,pl_trandurh"]
    path = tmp_path / "toi.csv"
    path.write_text("\n".join(lines + [",".join("" if x != x else repr(x) for x in row) for row in rows]) + "\n")
    return path


def test_known_events_are_rows_in_the_order_of_their_table(run, star_files, events, tmp_path, simulated):
    from astropy.table import QTable

    output = tmp_path / "scored.ecsv"
    result = run("score", *star_files.values(), "--ephemeris", events, "--output", output)
    assert result.exit_code == 3, result.output
    table = QTable.read(output)
    assert list(table["target"]) == ["TIC 800002", "TIC 12345", "TIC 800001", "TIC 800001", "TIC 800001"]
    assert list(table["status"]) == ["ok", "failed", "ok", "failed", "failed"]
    assert "no light curve of TIC 12345 was given" in table["reason"][1] and table["period"][1].value == 3.0
    assert "no period" in table["reason"][3] and "were days or minutes meant" in table["reason"][4]
    truth = simulated["planet"].truth["signals"][0]
    assert table["period"][2].value == truth["period"] and table["time_system"][2] == "BTJD"
    cycles = (table["epoch"][2].value - truth["epoch"]) / truth["period"]
    assert abs(cycles - round(cycles)) < 1e-6
    assert "1 star without an ephemeris" in result.stdout  # the quiet one
    assert "Not scored (3)" in result.stdout
    assert max(map(len, result.stdout.split("Not scored")[0].splitlines())) <= 100


def test_events_that_name_their_own_files(run, star_files, simulated, tmp_path):
    truth = simulated["planet"].truth["signals"][0]
    table = tmp_path / "mine.csv"
    row = f"{truth['period']!r},{truth['epoch'] + 2457000!r},{truth['duration']!r}"
    table.write_text(f"file,period,epoch,duration\n{star_files['planet']},{row}\n{tmp_path / 'absent.fits'},{row}\n")
    result = run("score", "--ephemeris", table)
    assert result.exit_code == 3 and "TIC 800001" in result.stdout and "absent.fits: no such file" in result.stdout


def test_a_table_that_cannot_be_used_is_status_1_in_one_sentence(run, star_files, tmp_path):
    path = tmp_path / "t.csv"
    for content in ("a,b\n1,2\n", "", "period,epoch,duration\n1,2,3\n"):
        path.write_text(content)
        result = run("score", *star_files.values(), "--ephemeris", path)
        assert result.exit_code == 1 and result.stderr.count("\n") == 1, result.output
    assert run("score", star_files["planet"], "--ephemeris", tmp_path / "absent.csv").exit_code == 1


def test_a_report_and_what_is_known_of_the_star(run, star_files, tmp_path):
    from astropy.table import QTable

    words = ("--report", tmp_path / "pages", "--output", tmp_path / "table.ecsv", "--star", "radius=2.0,mass=1.0")
    result = run("score", star_files["planet"], *words)
    assert result.exit_code == 0, result.output
    assert {"index.html", "TIC_800001.html"} <= {path.name for path in (tmp_path / "pages").iterdir()}
    row = QTable.read(tmp_path / "table.ecsv")[0]
    expected = 2.0 * 109.0763 * row["depth"].to_value("") ** 0.5  # IAU: 6.957e8 m over 6.3781e6 m
    assert row["planet_radius"].value == pytest.approx(expected, rel=1e-4)


def test_listed_binaries_are_recognised(run, star_files, simulated, tmp_path):
    from astropy.table import QTable

    signal = simulated["eclipse"].truth["signals"][0]
    (tmp_path / "eb.csv").write_text(f"name,period,bjd0\nV1,{signal['period']!r},{signal['epoch'] + 2457000!r}\n")
    words = ("--binaries", tmp_path / "eb.csv", "--output", tmp_path / "t.ecsv")
    assert run("score", star_files["eclipse"], *words).exit_code == 0
    table = QTable.read(tmp_path / "t.ecsv")
    matched = ["ephemeris_match" in flags for flags in table["flags"]]
    assert matched[0] and "listed binary V1" in table["reason"][0]
    (tmp_path / "eb.csv").write_text("a,b\n1,2\n")
    assert run("score", star_files["eclipse"], *words).exit_code == 1


def test_long_remarks_are_cut_to_the_page():
    from lcnet.transits.screen import _fitting

    assert _fitting("one, two, three", 30) == "one, two, three"
    assert _fitting("harmonic of 1, low coverage, odd even", 20) == "harmonic of 1, +2"
    assert _fitting("", 20) == ""


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize(("name", "status"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_stops_the_work_and_says_how_to_go_on(monkeypatch, tmp_path, name, status):
    import importlib
    import signal

    before = signal.getsignal(signal.SIGTERM)
    kept = tmp_path / "table.ecsv.part"

    def stopped(*args, **kwargs):
        kept.write_text("rows")
        signal.raise_signal(getattr(signal, name))

    monkeypatch.setattr(importlib.import_module("lcnet.transits.score"), "score", stopped)
    result = runner.invoke(app, ["score", "a.fits", "--output", str(tmp_path / "table.ecsv")])
    assert result.exit_code == status and result.stderr.count("\n") == 1
    assert f"{kept}" in result.stderr and "--resume" in result.stderr
    result = runner.invoke(app, ["score", "a.fits"])
    assert result.exit_code == status and "with --output" in result.stderr
    assert signal.getsignal(signal.SIGTERM) == before
