"""Injection and recovery: what is put in, what must come back, what cannot, and the same table however it is run."""

from __future__ import annotations

import errno
import json
import os

import astropy.units as u
import numpy as np
import pytest
from astropy.units import cds

from lcnet.transits.injection import LIMB_DARKENING, draw_injections, inject
from lcnet.transits.plots_recovery import plot_completeness
from lcnet.transits.recover import Completeness, Recovery, recover
from lcnet.transits.resume import JournalError

SIGMA = 3e-4
CADENCE = 1800.0


def white(seed=1, *, days=20.0, period=None, depth=0.0):
    """A light curve of white noise, with box transits of its own where a period is given."""
    import lightkurve

    rng = np.random.default_rng(seed)
    time = 1500 + np.arange(0, days, CADENCE / 86400)
    flux = 1 + SIGMA * rng.normal(size=time.size)
    if period:
        flux[np.abs((time - 1501 + period / 2) % period - period / 2) < 0.06] -= depth
    meta = {"MISSION": "TESS", "OBJECT": "TIC 7", "SECTOR": 1}
    from astropy.time import Time

    return lightkurve.LightCurve(
        time=Time(time, format="btjd", scale="tdb"),
        flux=1e4 * flux,
        flux_err=np.full(time.size, 1e4 * SIGMA),
        meta=meta,
    )


def rows(table):
    """Rows without the meta, NaN comparable."""
    return [tuple(str(value) for value in row) for row in table]


def test_what_is_put_in_is_what_was_asked():
    made = draw_injections(300, start=1500.0, period=(0.5, 10.0), depth=(100.0, 20_000.0), seed=3)
    for one in made[:40]:
        # at its mid-transit, instantaneous: as deep as it says, to what the root of the radius was found to
        bottom = inject(np.array([one.epoch]), np.ones(1), one, exposure=0.0)[0]
        assert 1e6 * (1 - bottom) == pytest.approx(one.depth, rel=1e-6)
        assert 1500.0 <= one.epoch < 1500.0 + one.period
        # nothing outside of first to fourth contact
        edge = one.epoch + one.duration / 48 * np.array([-1.001, 1.001])
        assert np.all(inject(edge, np.ones(2), one, exposure=0.0) == 1.0)
    # uniform in the logarithm: the median is the geometric mean, to 1/sqrt(n) of the spread
    for values, (low, high) in (
        ([one.period for one in made], (0.5, 10.0)),
        ([one.depth for one in made], (100.0, 20_000.0)),
    ):
        place = (np.log(values) - np.log(low)) / np.log(high / low)
        assert np.all((place >= 0) & (place <= 1))
        assert abs(np.mean(place) - 0.5) < 4 * np.sqrt(1 / 12 / len(made))


def test_the_shape_is_batman_s():
    batman = pytest.importorskip("batman")
    one = draw_injections(1, start=0.0, period=(3.0, 3.0), depth=(5e3, 5e3), seed=1)[0]
    time = one.epoch + np.linspace(-0.15, 0.15, 301)
    params = batman.TransitParams()
    params.t0, params.per, params.rp, params.a = one.epoch, one.period, one.radius_ratio, one.a_rs
    params.inc = np.degrees(np.arccos(one.impact / one.a_rs))
    params.ecc, params.w, params.limb_dark, params.u = 0.0, 90.0, "quadratic", list(LIMB_DARKENING)
    theirs = batman.TransitModel(params, time).light_curve(params)
    # batman's own error for quadratic limb darkening is 1e-6 and less
    np.testing.assert_allclose(inject(time, np.ones(301), one, exposure=0.0), theirs, atol=2e-6)


def test_a_planet_does_not_depend_on_how_many_there_are():
    few, many = (draw_injections(n, start=0.0, period=(1.0, 9.0), depth=(1e2, 1e3), seed=5) for n in (3, 30))
    assert many[:3] == few


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depth": (1e3, 1e2)}, "depth must be"),
        ({"depth": (1e3, 6e5)}, "500,000"),
        ({"depth": (1e2, 1e3), "radius": (1, 2), "star": {"radius": 1.0}}, "either depth or radius"),
        ({"radius": (1, 2)}, "star's"),
        ({"n": 0}, "at least 1"),
        ({"period": (5.0, 50.0)}, "no second transit"),
        ({"period": (0.01, 5.0)}, "below four"),  # of half an hour
        ({"period": 3.0}, r"period must be \(smallest, largest\)"),
        ({"depth": 500}, r"depth must be \(smallest, largest\)"),
        ({"depth": (5e-4, 1e-3)}, r"depths are in ppm.*depth=\(500, 1000\)\?"),
        ({"depth": (3 * u.m, 4 * u.m)}, "not convertible"),
        (
            {"radius": (1, 2, 3), "star": {"radius": 1.0}},
            r"radius must be \(smallest, largest\).*R_earth; got \(1, 2, 3\)",
        ),
        ({"min_snr": -3.0}, "min_snr must be positive"),
        ({"threshold": 2.0}, "threshold is a probability"),
        ({"resume": True}, "resume needs output"),
    ],
)
def test_what_makes_no_sense_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        recover(white(), network=None, **{"n": 2, **options})


@pytest.mark.parametrize(
    "depth",
    [(500 * cds.ppm, 1000 * cds.ppm), (5e-4 * u.dimensionless_unscaled, 0.1 * u.percent), (500, 1000) * cds.ppm],
)
def test_depths_with_units_are_those(depth):
    made = recover(white(), n=2, period=(2.0, 3.0), depth=depth, network=None).table["depth"].value
    assert np.all((made >= 500) & (made <= 1000))


def test_planets_are_searched_for_where_they_are_put_in():
    """Beyond half of the baseline, and below 0.4 d, where the search of itself does not look."""
    for period, most in (((11.0, 18.0), None), ((0.15, 0.35), (0.15, 10.0))):
        result = recover(white(), n=8, period=period, depth=(2e4, 3e4), network=None, seed=1)
        searched = result.table.meta["period_searched"]
        assert searched[0] == pytest.approx(min(0.4, period[0])) and searched[1] >= (most or period)[1] - 0.1
        found = np.array(result.table["status"])[result.table["n_transits"] >= 2]
        assert np.mean(found == "recovered") > 0.8, result.table
    inside = recover(white(), n=1, period=(1.0, 6.0), depth=(2e4, 3e4), network=None)
    assert inside.table.meta["period_searched"] is None


def test_one_planet_is_a_map_of_one_cell():
    result = recover(white(), n=1, period=(1.0, 6.0), depth=(2e4, 3e4), network=None)
    assert result.completeness().injected.tolist() == [[1]]
    for bins in (3, (2, 0), (1, 2, 3)):
        with pytest.raises(ValueError, match="bins must be two numbers"):
            result.completeness(bins=bins)


@pytest.fixture(scope="module")
def recovery():
    return recover(white(), n=40, period=(1.0, 6.0), depth=(100.0, 30_000.0), network=None, seed=2)


def test_the_deep_come_back_and_the_shallow_do_not(recovery):
    """Against the SNR of a box in white noise: depth sqrt(points in transit) / sigma."""
    table = recovery.table
    inside = table["n_transits"] * table["duration"].value * 3600 / CADENCE
    snr = 1e-6 * table["depth"].value * np.sqrt(inside) / SIGMA
    status = np.array(table["status"])
    # an averaged limb-darkened transit is 0.75 of its depth and more; grazing and flattened ones less: a factor two
    assert np.all(status[snr > 25] == "recovered") and (snr > 25).sum() >= 8
    assert not np.any(status[snr < 4] == "recovered") and (snr < 4).sum() >= 3
    back = table[status == "recovered"]
    drift = np.abs(back["found_period"] - back["period"]) * 20.0 / back["period"]
    assert np.all(drift.value < back["duration"].value / 24 + 0.05)
    assert np.all(np.isnan(table["p_planet"]))  # nobody was asked
    assert set(status) <= {"recovered", "harmonic", "missed"}


def test_the_map_counts_every_planet_once(recovery):
    grid = recovery.completeness(bins=(3, 4))
    assert isinstance(grid, Completeness) and grid.injected.shape == (3, 4)
    assert grid.injected.sum() == 40
    assert grid.recovered.sum() == np.sum(np.array(recovery.table["status"]) == "recovered")
    some = grid.injected > 0
    assert np.all((grid.low[some] <= grid.share[some] + 1e-12) & (grid.share[some] <= grid.high[some] + 1e-12))
    ax = plot_completeness(grid)
    assert ax.get_xlabel() == "Period [days]" and ax.get_ylabel() == "Depth [ppm]"
    assert sum(int(text.get_text().split("(")[1][:-1]) for text in ax.texts) == 40


def test_a_star_s_own_transits_are_cut_out():
    """A planet the star really has is neither counted for another nor in another's way."""
    result = recover(white(3, period=3.3, depth=0.02), n=6, period=(1.0, 6.0), depth=(4e3, 9e3), network=None, seed=4)
    (own,) = result.table.meta["own_candidates"]
    assert own.startswith("3.3")
    assert (np.array(result.table["status"]) == "recovered").sum() >= 5


def test_a_network_has_the_last_word(network):
    """The fake one calls what is deeper than 5,000 ppm no planet."""
    result = recover(white(), n=12, period=(1.0, 4.0), depth=(2e3, 1.2e4), network=network, seed=6)
    table = result.table
    asked = ~np.isnan(table["p_planet"])
    assert asked.sum() >= 10
    deep = table["found_depth"].value[asked] > 5000
    assert np.all(np.array(table["status"])[asked][deep] == "found")
    assert np.all(np.array(table["status"])[asked][~deep] == "recovered")
    assert result.completeness(found=True).recovered.sum() > result.completeness().recovered.sum()


def test_stopped_and_resumed_is_the_same_table(tmp_path):
    options = {"n": 40, "period": (1.0, 6.0), "depth": (300.0, 3e4), "network": None, "seed": 2}
    whole = recover(white(), **options)

    class Stop(Exception):
        pass

    def stop(done, total, outcome):
        if done >= 16:
            raise Stop

    with pytest.raises(Stop):
        recover(white(), output=tmp_path / "map.ecsv", progress=stop, **options)
    (journal,) = tmp_path.iterdir()
    assert journal.name == "map.ecsv.part"
    assert len(journal.read_text().splitlines()) == 2 and json.loads(journal.read_text().splitlines()[0])
    with pytest.raises(JournalError, match="--resume"):
        recover(white(), output=tmp_path / "map.ecsv", **options)
    with pytest.raises(JournalError, match="min snr was 7.1, is now 8"):
        recover(white(), output=tmp_path / "map.ecsv", resume=True, min_snr=8.0, **options)
    with pytest.raises(JournalError, match="star was"):
        recover(white(), output=tmp_path / "map.ecsv", resume=True, star={"radius": 0.9}, **options)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(JournalError, match="lcnet was .* is now 0.0.0"):
        patch.setattr("lcnet.__version__", "0.0.0")
        recover(white(), output=tmp_path / "map.ecsv", resume=True, **options)
    again = recover(white(), output=tmp_path / "map.ecsv", resume=True, **options)
    assert rows(again.table) == rows(whole.table)
    assert [path.name for path in tmp_path.iterdir()] == ["map.ecsv"]


def test_a_full_disk_at_the_end_costs_nothing(tmp_path, monkeypatch):
    """The last batch is a short one: it is neither done again nor twice in the table."""
    import lcnet.transits.table as tables
    from lcnet.transits.resume import journal_path

    options = {"n": 20, "period": (1.0, 6.0), "depth": (300.0, 3e4), "network": None, "seed": 2}
    output, real = tmp_path / "map.ecsv", tables.write_table

    def full(table, path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tables, "write_table", full)
    with pytest.raises(tables.NotWritten, match="No space left.*--resume") as caught:
        recover(white(), output=output, **options)
    assert journal_path(output).exists() and not output.exists() and len(caught.value.table) == 20
    monkeypatch.setattr(tables, "write_table", real)
    again = recover(white(), output=output, resume=True, progress=lambda *now: pytest.fail("searched again"), **options)
    assert rows(again.table) == rows(caught.value.table)
    assert [path.name for path in tmp_path.iterdir()] == ["map.ecsv"]


@pytest.mark.parametrize(
    ("threshold", "planet", "views", "status", "reason"),
    [
        (None, np.nan, (), "recovered", ""),
        (0.5, np.nan, (ValueError("no point in the\nlocal view"),), "found", "no p_planet: no point in the local view"),
        (0.5, np.nan, (({}, ()),), "found", "no p_planet: the network gave none"),
        (0.5, 0.4, (({}, ()),), "found", "p_planet 0.40 < 0.5"),
        (0.5, 0.6, (({}, ()),), "recovered", ""),
    ],
)
def test_who_was_not_seen_by_the_network_that_was_asked_is_not_called_a_planet(
    threshold, planet, views, status, reason
):
    from types import SimpleNamespace

    from lcnet.transits.recover import _outcome

    (one,) = draw_injections(1, start=0.0, period=(3.0, 3.0), depth=(5e3, 5e3), seed=1)
    time = np.arange(0.0, 20.0, CADENCE / 86400)
    candidate = SimpleNamespace(
        period=one.period, epoch=one.epoch, duration=one.duration, depth=5e3, snr=50.0, status="ok"
    )
    found = SimpleNamespace(error=None, search=SimpleNamespace(candidates=(candidate,), reason=""), views=views)
    row = _outcome(time, one, found, np.array([[planet, planet, 0.0]]), threshold)
    assert (row["status"], row["reason"]) == (status, reason)


def test_two_processes_give_the_same_table(recovery):
    shared = recover(white(), n=40, period=(1.0, 6.0), depth=(100.0, 30_000.0), network=None, seed=2, jobs=2)
    assert isinstance(shared, Recovery) and rows(shared.table) == rows(recovery.table)


def shell(*words):
    from typer.testing import CliRunner

    from lcnet.transits.commands import app

    return CliRunner().invoke(app, ["recover", *map(str, words)])


def test_from_the_shell(star_files, tmp_path):
    """A quiet star's file in; a table, a map and a summary out, the same as from Python."""
    words = (star_files["quiet"], "-n", 12, "--period", 1, 5, "--depth", 300, 20_000, "--search-only")
    done = shell(*words, "--output", tmp_path / "planets.csv", "--figure", tmp_path / "map.png")
    assert done.exit_code == 0, done.output
    assert "of 12 planets put in" in done.output and "recovered" in done.output
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")
    from astropy.table import Table

    table = Table.read(tmp_path / "planets.csv")
    assert {"period_d", "duration_h", "depth_ppm", "found_period_d", "status"} <= set(table.colnames)
    own = recover(star_files["quiet"], n=12, period=(1, 5), depth=(300, 20_000), network=None).table
    np.testing.assert_allclose(table["period_d"], own["period"].value, rtol=1e-12)
    assert list(table["status"]) == list(own["status"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["map.png", "planets.csv"]


def test_the_map_is_drawn_before_anybody_can_stop_listening(star_files, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr("lcnet.transits.screen.out", lambda *said, **how: drawn.append((tmp_path / "m.png").exists()))
    words = (star_files["quiet"], "-n", 2, "--period", 1, 5, "--depth", 300, 20_000, "--search-only")
    assert shell(*words, "--figure", tmp_path / "m.png").exit_code == 0
    assert drawn and all(drawn)


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize(("name", "status"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_stops_the_work_and_the_advice_is_true(star_files, tmp_path, monkeypatch, name, status):
    import importlib
    import signal

    module = importlib.import_module("lcnet.transits.recover")
    output = tmp_path / "planets.csv"

    def signalled(*args, progress=None, **options):
        return recover(*args, progress=lambda *now: signal.raise_signal(getattr(signal, name)), **options)

    def unhandled(number, frame):
        raise RuntimeError("not handled")

    words = (star_files["quiet"], "-n", 18, "--period", 1, 5, "--depth", 300, 20_000, "--search-only")
    before = signal.signal(signal.SIGTERM, unhandled)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(module, "recover", signalled)
            done = shell(*words, "--output", output)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert done.exit_code == status and done.stderr.count("\n") == 1, done.output
    assert f"{output}.part" in done.stderr and "--resume goes on" in done.stderr
    assert not output.exists()
    done = shell(*words, "--output", output, "--resume")
    assert done.exit_code == 0 and "of 18 planets put in" in done.output
    assert [path.name for path in tmp_path.iterdir()] == ["planets.csv"]


def test_an_output_that_cannot_be_written_is_said_before_the_work(tmp_path, star_files):
    (tmp_path / "file").write_text("")
    for option in ("--output", "--figure"):
        done = shell(star_files["quiet"], option, tmp_path / "file" / ("a.csv" if option == "--output" else "a.png"))
        assert done.exit_code == 1 and "file is not a folder" in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["nowhere.fits"], 1, "no such file"),
        (["nowhere.fits", "--resume"], 2, "--output"),
        (["nowhere.fits", "--output", "a.txt"], 2, "a.txt"),
        (["nowhere.fits", "--figure", "a.txt"], 2, "a.txt"),
        (["nowhere.fits", "--star", "size=3"], 2, "size"),
        (["nowhere.fits", "--depth", 200, 100], 2, "--depth"),
        (["nowhere.fits", "--depth", 100, 200, "--radius", 1, 2], 2, "--radius"),
        (["nowhere.fits", "--min-snr", -3], 2, "--min-snr"),
        (["nowhere.fits", "--threshold", 2], 2, "--threshold"),
    ],
)
def test_wrong_usage_is_one_sentence(words, status, said):
    done = shell(*words)
    assert done.exit_code == status and said in done.output
    assert "Traceback" not in done.output
