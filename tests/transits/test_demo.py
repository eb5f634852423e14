"""The demonstration: four stars, the same files every time, and an honest comparison with what was put in."""

from __future__ import annotations

import numpy as np
import pytest
from typer.testing import CliRunner

from lcnet.transits.commands import app
from lcnet.transits.demo import STARS, compare, run_demo


@pytest.fixture(scope="module")
def runs(tmp_path_factory, make_network):
    """The demonstration run twice in one folder, with a network that goes by the depth."""
    folder = tmp_path_factory.mktemp("demo")
    first = run_demo(folder, network=make_network())
    files = {path.name: path.read_bytes() for path in sorted(folder.glob("*.fits"))}
    return folder, first, files, run_demo(folder, network=make_network())


def test_four_stars_four_files_four_figures(runs):
    folder, demo, files, _ = runs
    assert [star.kind for star in STARS] == ["planet", "planets", "detached", "quiet"]
    assert len(files) == 4
    assert sorted(path.name for path in folder.glob("*.png")) == [f"TIC_{star.tic}.png" for star in STARS]
    assert list(dict.fromkeys(demo.table["target"])) == [f"TIC {star.tic}" for star in STARS]


def test_a_second_run_replaces_the_first(runs):
    folder, first, files, second = runs
    assert {path.name for path in folder.glob("*.fits")} == set(files)
    for name, before in files.items():
        assert (folder / name).read_bytes() == before
    assert len(list(folder.iterdir())) == 8
    np.testing.assert_array_equal(first.table["period"], second.table["period"])
    np.testing.assert_equal(first.lines, second.lines)


def test_every_signal_put_in_is_found(runs):
    lines = runs[1].lines
    assert [line["what"] for line in lines] == [
        "a planet",
        "two planets: 1",
        "two planets: 2",
        "an eclipsing binary",
        "a quiet spotted star",
    ]
    for line in lines[:4]:
        assert abs(line["found"] / line["period"] - 1) < 1e-3
    assert np.isnan(lines[4]["period"])
    assert all(line["agrees"] for line in lines)


def test_a_network_that_is_wrong_is_shown_to_be(runs, make_network):
    """With planet and eclipse exchanged nothing with a signal agrees."""
    from lcnet.transits.simulate import simulate_star

    table = runs[1].table.copy()
    table["p_planet"] = np.where(table["p_planet"] > 0.5, 0.05, 0.95)
    for star in STARS[:3]:
        curve = simulate_star(star.seed, kind=star.kind, **star.options)
        name = f"TIC {star.tic}"
        assert not any(line["agrees"] for line in compare(name, star, curve, table[table["target"] == name]))


def test_the_command_prints_the_truth_beside_the_result(network, monkeypatch, tmp_path):
    import lcnet

    monkeypatch.setattr(lcnet, "load", lambda name: network, raising=False)
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["score", "--demo"])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "lcnet-demo").is_dir()
    for words in ("What was put in", "two planets: 2", "an eclipsing binary", "lcnet transits score your.fits"):
        assert words in result.stdout
    assert "\x1b" not in result.stdout and max(map(len, result.stdout.splitlines())) <= 104


def test_the_command_passes_its_options_on(network, monkeypatch, tmp_path):
    import lcnet
    from lcnet.transits import demo

    told = {}

    def run(folder, **options):
        told.update(options, folder=folder)
        return demo.Demo(table, [])

    from lcnet.transits.table import candidate_table

    table = candidate_table([{"target": "TIC 1", "status": "no_candidate"}])
    monkeypatch.setattr(lcnet, "load", lambda name: network, raising=False)
    monkeypatch.setattr(demo, "run_demo", run)
    monkeypatch.chdir(tmp_path)
    words = "--demo --jobs 2 --min-snr 9 --max-candidates 2 --period 1 5 --prior 0.2 --network my --figures pages"
    result = CliRunner().invoke(app, ["score", *words.split(), "-o", "t.csv"])
    assert result.exit_code == 0, result.output
    assert str(told.pop("figures")) == "pages" and told.pop("progress") is None and told.pop("folder") == demo.FOLDER
    expected = {"jobs": 2, "min_snr": 9.0, "max_candidates": 2, "period": (1.0, 5.0), "prior": 0.2, "network": "my"}
    assert expected.items() <= told.items()  # and what is not given as it is by default
    assert (tmp_path / "t.csv").is_file() and "Table: t.csv" in result.stdout and "Figures: pages" in result.stdout


def test_figures_may_lie_elsewhere(make_network, tmp_path, monkeypatch):
    from lcnet.transits import demo

    monkeypatch.setattr(demo, "STARS", STARS[3:])
    run_demo(tmp_path / "stars", figures=tmp_path / "pages", network=make_network())
    assert [path.suffix for path in (tmp_path / "stars").iterdir()] == [".fits"]
    assert [path.suffix for path in (tmp_path / "pages").iterdir()] == [".png"]


def test_the_shipped_network_agrees_with_the_truth(tmp_path):
    """What a visitor sees first: the shipped network on the demonstration's stars."""
    import lcnet
    from lcnet.core.weights import WeightsError

    try:
        lcnet.load("transits/candidate")
    except WeightsError:
        pytest.skip("no network is shipped yet")
    assert [line["what"] for line in run_demo(tmp_path).lines if not line["agrees"]] == []
