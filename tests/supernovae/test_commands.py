"""`lcnet supernovae classify`: what is wrong usage, what a failed row, what cannot be printed."""

from __future__ import annotations

import pandas as pd
import pytest
from typer.testing import CliRunner

from lcnet.supernovae.commands import app


@pytest.fixture
def run(network, monkeypatch):
    import lcnet

    load = lcnet.load
    monkeypatch.setattr(lcnet, "load", lambda name: network if name == "supernovae/des" else load(name), raising=False)
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def good(simulated, text, tmp_path):
    path = tmp_path / "good.DAT"
    path.write_text(text(simulated, 0))
    return path


@pytest.mark.parametrize(
    "words",
    [
        ("--redshift", "nofile.csv"),
        ("--redshift", "-1"),
        ("--redshift", "inf"),
        ("--band", "g=foo"),
        ("--band", "g"),
        ("--zeropoint", "abc"),
        ("--metadata", "nofile.csv"),
        ("--network", "nosuch"),
    ],
    ids=" ".join,
)
def test_wrong_usage(words, run, good):
    done = run("classify", good, *words)
    assert done.exit_code == 2 and words[0] in done.output


def test_one_bad_file_among_good_ones(run, good, tmp_path):
    bad = tmp_path / "empty.vot"
    bad.write_bytes(b"")
    done = run("classify", good, bad, "--output", tmp_path / "t.csv")
    assert done.exit_code == 3
    table = pd.read_csv(tmp_path / "t.csv")
    assert table["status"].tolist() == ["ok", "failed"] and "VOTable" in table["reason"].iloc[1]


def test_survey_and_letter(run, simulated, text, tmp_path):
    path = tmp_path / "nobody.DAT"
    path.write_text(text(simulated, 0, SURVEY="").replace(" g NULL", " Q NULL"))
    plain = run("classify", path)
    assert plain.exit_code == 1 and "unknown band" in plain.stdout
    named = run("classify", path, "--survey", "DES", "--output", tmp_path / "t.csv")
    assert named.exit_code == 0 and pd.read_csv(tmp_path / "t.csv")["bands"].tolist() == ["riz"]
    for letter in ("Q=g", "DES:Q=g"):
        run("classify", path, "--survey", "DES", "--band", letter, "--output", tmp_path / "t.csv")
        assert pd.read_csv(tmp_path / "t.csv")["bands"].tolist() == ["griz"]
    run("classify", path, "--survey", "DES", "--band", "SDSS:Q=g", "--output", tmp_path / "t.csv")
    assert pd.read_csv(tmp_path / "t.csv")["bands"].tolist() == ["riz"]


@pytest.mark.filterwarnings("default")
def test_names_that_match_nothing_are_said(run, good, tmp_path):
    (tmp_path / "z.csv").write_text("object,redshift\nother,0.3\n")
    done = run("classify", good, "--redshift", tmp_path / "z.csv")
    assert done.exit_code == 0 and "lcnet: warning: the redshifts name none" in done.stderr


def test_progress_is_told(run, good, monkeypatch):
    from contextlib import contextmanager

    from lcnet.supernovae import commands

    told = []

    @contextmanager
    def display(what):
        yield lambda *words: told.append((what, *words))

    monkeypatch.setattr(commands, "progress_bar", display)
    assert run("classify", good).exit_code == 0
    assert told == [("rows", 1, 1, "rows")]
