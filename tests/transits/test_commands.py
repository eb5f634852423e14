"""The shell's side: exit statuses, files, what is printed, and what is imported when."""

from __future__ import annotations

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


def test_scored_stars_are_status_0_and_one_plain_table(run, star_files):
    result = run("score", star_files["planet"], star_files["quiet"])
    assert result.exit_code == 0 and result.stderr == ""
    lines = result.stdout.splitlines()
    heads = ["target", "#", "period [d]", "epoch [BTJD]", "dur. [h]", "depth [ppm]", "SNR", "p(planet)", "remarks"]
    assert re.split(r"  +", lines[0]) == heads
    assert re.match(r"TIC 800001 +1 +3\.01\d+ ", lines[1]) and "0.80±0.04" in lines[1]
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
        raise OSError("disk full")

    monkeypatch.setattr(importlib.import_module("lcnet.transits.table"), "write_table", fail)
    result = run("score", star_files["planet"], "--output", tmp_path / "table.csv")
    assert result.exit_code == 1 and "disk full" in result.stderr and "TIC 800001" in result.stdout


def test_figures_are_saved(run, star_files, tmp_path):
    result = run("score", star_files["quiet"], "--figures", tmp_path / "pages")
    assert result.exit_code == 0 and "figures:" in result.stdout
    assert [path.name for path in (tmp_path / "pages").iterdir()] == ["TIC_800003.png"]


def test_options_reach_the_search(run, star_files, network):
    assert "no candidate" in run("score", star_files["planet"], "--min-snr", "1000").stdout
    assert "3.01" not in run("score", star_files["planet"], "--period", "5", "9", "--max-candidates", "1").stdout
    run("score", star_files["planet"], "--prior", "0.5")
    before = run("score", star_files["planet"]).stdout
    assert run("score", star_files["planet"], "--prior", "0.5").stdout != before


def test_search_needs_no_network_and_shows_no_probabilities(star_files, monkeypatch):
    import lcnet

    monkeypatch.setattr(lcnet, "load", None, raising=False)
    result = runner.invoke(app, ["search", str(star_files["planet"])])
    assert result.exit_code == 0 and "TIC 800001" in result.stdout and "p(planet)" not in result.stdout


def test_a_terminal_gets_a_table_whose_units_are_not_taken_for_markup(run, star_files, monkeypatch, capsys):
    from lcnet.transits import commands

    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "100")
    rows = [["a[b].fits", "1.5", ""], ["TIC 1", "", "no candidate"]]
    commands._print_cells(["target", "period [d]", "remarks"], rows)
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


@pytest.mark.skipif(os.name != "posix", reason="pipes that close")
def test_a_reader_that_leaves_early_is_no_error(star_files, root):
    code = "from lcnet.transits.commands import app; app()"
    words = [sys.executable, "-u", "-c", code, "search", str(star_files["planet"]), str(star_files["quiet"])]
    with subprocess.Popen(words, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()
        errors = process.stderr.read()
    assert process.returncode == 0 and errors == ""
