"""``lcnet transits simulate``: archive files and the table of what was put into them."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from astropy.io import fits
from typer.testing import CliRunner

from lcnet.transits.commands import app
from lcnet.transits.simulate import simulate


def run(*words):
    return CliRunner().invoke(app, ["simulate", *map(str, words)])


def test_files_and_truth_agree(tmp_path):
    result = run("-n", 3, "--mission", "kepler", "--kind", "planets", "--seed", 4, "--output", tmp_path / "out")
    assert result.exit_code == 0, result.output
    with open(tmp_path / "out" / "truth.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["target"] for row in rows} == {f"KIC {90_000_000 + i}" for i in (1, 2, 3)}
    curves = simulate(3, mission="Kepler", kind="planets", seed=4)
    assert len(rows) == sum(len(curve.truth["signals"]) for curve in curves) and f"{len(rows)} signals" in result.stdout
    for number, curve in enumerate(curves, 1):
        mine = [row for row in rows if row["target"] == f"KIC {90_000_000 + number}"]
        with fits.open(tmp_path / "out" / mine[0]["file"]) as file:
            flux = curve.flux.astype(np.float32)
            inside = np.isfinite(file[1].data["TIME"])
            np.testing.assert_array_equal(file[1].data["PDCSAP_FLUX"][inside], flux)
            for signal, row in zip(curve.truth["signals"], mine, strict=True):
                assert float(row["period_d"]) == signal["period"] and float(row["epoch"]) == signal["epoch"]
            assert file[0].header["SIMPER2"] == curve.truth["signals"][1]["period"]
    assert len(list((tmp_path / "out").iterdir())) == 4


def test_a_star_without_signals_has_a_row(tmp_path):
    assert run("--kind", "quiet", "--mission", "K2", "-o", tmp_path).exit_code == 0
    with open(tmp_path / "truth.csv", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["kind"], row["signal"], row["period_d"], row["time_system"]) == ("quiet", "", "", "BKJD")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--mission", "Keplr"], "not one of TESS"),
        (["--kind", "moon"], "moon"),
        (["--mission", "Kepler", "--quarters", "20"], "quarters"),
    ],
)
def test_wrong_usage(tmp_path, words, said):
    result = run(*words, "-o", tmp_path / "out")
    assert result.exit_code == 2 and said in result.output


def test_a_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    result = run("--kind", "quiet", "-o", tmp_path / "file")
    assert result.exit_code == 1 and "cannot write" in result.output
