"""The verb: a row an object, whatever it is; redshifts as people give them; epochs; the shell."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from lcnet.supernovae.classify import classify
from lcnet.supernovae.commands import app
from lcnet.supernovae.table import COLUMNS, EPOCH_COLUMNS, write_table

DESIGN = (
    "object p_Ia p_Ibc p_II p_Ia_std type ood mjd_trigger mjd_peak n_obs bands redshift redshift_err status reason"
).split()


def test_columns_and_rows(simulated, network):
    table = classify(simulated, network=network)
    assert table.colnames == list(COLUMNS) == DESIGN
    assert table["object"].tolist() == simulated.objects["object"].tolist()
    total = table["p_Ia"] + table["p_Ibc"] + table["p_II"]
    assert np.allclose(total, 1, atol=1e-6)
    kinds = np.array(["Ia", "Ibc", "II"])[np.argmax([table["p_Ia"], table["p_Ibc"], table["p_II"]], axis=0)]
    assert table["type"].tolist() == kinds.tolist()
    assert (table["p_Ia_std"] > 0).all() and np.isnan(table["redshift"]).all()
    assert str(table["mjd_peak"].unit) == "d"


def test_bad_input_is_rows_and_nothing_is_lost(simulated, text, network, tmp_path):
    good = text(simulated, 0)
    rows = [line for line in good.split("\n") if line.startswith("OBS:")]
    head, end = good.split("OBS:  ")[0], "\nEND:\n"
    files = {
        "good": good,
        "empty": "",
        "binary": "\0\1\2\0",
        "one": head + rows[5] + end,
        "nan": head + "\n".join(" ".join(["OBS: 56200", "g NULL nan nan 0 99 5 99"]) for _ in range(4)) + end,
        "unknown": good.replace(" g NULL", " Q NULL"),
        "two": head + "\n".join(row for row in rows if " g " in row or " r " in row) + end,
        "infinite": head + "OBS: 56200 g NULL inf 1.0 0 99 5 99" + end,
    }
    paths = []
    for name, content in files.items():
        paths.append(tmp_path / f"{name}.DAT")
        paths[-1].write_text(content)
    table = classify(paths, network=network)
    found = dict(zip(files, table, strict=True))
    assert found["good"]["status"] == "ok"
    for name in ("empty", "binary", "nan", "infinite"):
        assert found[name]["status"] == "failed" and found[name]["reason"] and np.isnan(found[name]["p_Ia"]), name
    assert found["one"]["status"] == "few_points" and found["one"]["n_obs"] == 1 and np.isfinite(found["one"]["p_Ia"])
    assert found["one"]["reason"].startswith("1 point in the window")
    for name in ("nan", "infinite"):
        assert "finite flux" in found[name]["reason"]
    assert found["two"]["status"] == "bands_missing" and found["two"]["bands"] == "gr"
    assert "i, z" in found["two"]["reason"]
    assert found["unknown"]["status"] == "ok" and found["unknown"]["bands"] == "riz"
    assert "unknown band 'Q' of survey 'DES'" in found["unknown"]["reason"]
    mapped = classify(paths[5], network=network, bands={"Q": "g"})
    # in another batch a sum in single precision may round otherwise
    assert mapped["p_Ia"][0] == pytest.approx(found["good"]["p_Ia"], abs=1e-5)


def test_redshifts_as_people_give_them(simulated, network, tmp_path):
    names = simulated.objects["object"].tolist()
    n = len(names)
    one = classify(simulated, redshift=0.3, redshift_err=0.01, network=network)
    array = classify(simulated, redshift=np.full(n, 0.3), redshift_err=[0.01] * n, network=network)
    frame = pd.DataFrame({"object": names[::-1], "redshift": 0.3, "redshift_err": 0.01})
    frame.to_csv(tmp_path / "z.csv", index=False)
    others = [
        classify(simulated, redshift=dict.fromkeys(names, 0.3), network=network),
        classify(simulated, redshift=frame, network=network),
        classify(simulated, redshift=tmp_path / "z.csv", network=network),
    ]
    for table in (array, *others):
        assert np.array_equal(table["p_Ia"], one["p_Ia"])
    partly = classify(simulated, redshift={names[0]: 0.3, names[1]: -9.0}, network=network)
    without = classify(simulated, network=network)
    assert partly["p_Ia"][0] == pytest.approx(one["p_Ia"][0], abs=1e-6)
    assert np.allclose(partly["p_Ia"][1:], without["p_Ia"][1:], atol=1e-6)
    assert not np.array_equal(one["p_Ia"], without["p_Ia"])
    host = classify(simulated, redshift="host", network=network)
    assert np.array_equal(host["redshift"], simulated.objects["redshift"])
    with pytest.raises(ValueError, match="redshift must be positive"):
        classify(simulated, redshift=-1.0, network=network)
    with pytest.raises(ValueError, match="12 objects"):
        classify(simulated, redshift=[0.1, 0.2], network=network)
    with pytest.raises(ValueError, match="object and redshift"):
        classify(simulated, redshift=frame.rename(columns={"object": "who"}), network=network)


def test_every_epoch(simulated, network):
    table = classify(simulated, epochs="all", network=network)
    last = classify(simulated, network=network)
    assert table.colnames == [*COLUMNS, *EPOCH_COLUMNS]
    for number, name in enumerate(simulated.objects["object"]):
        mine = table[table["object"] == name]
        points = simulated.mjd[simulated.start[number] : simulated.start[number + 1]]
        assert len(mine) == 1 + (np.diff(points) > 0.5).sum()
        assert (np.diff(mine["mjd"].value) > 0).all() and (mine["n_obs"] >= 1).all()
        # all points: the same answer as without epochs
        assert mine["p_Ia"][-1] == pytest.approx(last["p_Ia"][number], abs=1e-6)
        before = mine["epoch"].value < 0
        assert np.isnan(mine["mjd_trigger"][before]).all()
    with pytest.raises(ValueError, match="last"):
        classify(simulated, epochs="first", network=network)


def test_an_epoch_does_not_see_later_points(simulated, network):
    """A night's row is what a file that ends with that night gives."""
    table = classify(simulated, epochs="all", network=network)
    row = table[table["object"] == simulated.objects["object"].iloc[0]][6]
    frame = simulated.take([0]).to_frame()
    early = classify(frame[frame["mjd"] <= row["mjd"].value], survey="DES", network=network)
    assert early["p_Ia"][0] == pytest.approx(row["p_Ia"], abs=1e-6)
    assert [early[name][0] for name in ("ood", "reason")] == [row[name] for name in ("ood", "reason")]
    assert early["mjd_peak"][0].value == pytest.approx(row["mjd_peak"].value, abs=1e-6)


def test_the_flag_of_a_night_does_not_see_later_points(network):
    """What is bright again, and brighter, a year later is a supernova until then."""
    time = np.arange(0, 90, 3.0)
    bump = 100 * np.exp(-0.5 * ((time - 30) / 12) ** 2)
    frame = pd.concat(
        pd.DataFrame({"mjd": 56000 + time + late, "band": band, "flux": height * bump, "flux_err": 2.0})
        for band in "griz"
        for late, height in ((0, 1), (400, 2))
    )
    table = classify(frame, epochs="all", network=network)
    known = table["mjd"].value < 56100
    assert not table["ood"][known].any() and not any(table["reason"][known])
    reason = table["reason"][-1]
    assert table["ood"][-1] and reason == "out of distribution: bright more than 100 d before its peak"
    assert classify(frame, network=network)["reason"][0] == reason


def test_what_is_no_supernova_is_flagged(simulated, network):
    rng = np.random.default_rng(1)
    time = np.arange(0, 700, 3.0)
    frames = []
    for name, flux in (
        ("variable", 300 * np.sin(2 * np.pi * time / 7.3)),
        ("agn", 400 + 150 * np.sin(2 * np.pi * time / 180)),
    ):
        for band in "griz":
            noisy = flux + 5 * rng.standard_normal(len(time))
            frames.append(
                pd.DataFrame({"object": name, "mjd": 56000 + time, "band": band, "flux": noisy, "flux_err": 5.0})
            )
    table = classify([pd.concat(frames), simulated], network=network)
    assert table["ood"][:2].tolist() == [True, True] and "below zero" in table["reason"][0]
    assert "before its peak" in table["reason"][1] or "after its peak" in table["reason"][1]
    assert not table["ood"][2:].any()


def test_files_hold_the_key(simulated, network, tmp_path):
    from astropy.table import QTable

    table = classify(simulated, network=network)
    for suffix in (".csv", ".parquet", ".ecsv", ".vot"):
        write_table(table, tmp_path / f"t{suffix}")
    for frame in (pd.read_csv(tmp_path / "t.csv"), pd.read_parquet(tmp_path / "t.parquet")):
        assert frame.columns.tolist() == DESIGN and frame["object"].tolist() == table["object"].tolist()
        assert np.allclose(frame["p_Ia"], table["p_Ia"])
    again = QTable.read(tmp_path / "t.ecsv")
    assert again["mjd_peak"].unit == table["mjd_peak"].unit and again.meta["network"] == "supernovae/des"
    assert len(QTable.read(tmp_path / "t.vot")) == len(table)


@pytest.fixture
def run(network, monkeypatch):
    import lcnet

    monkeypatch.setattr(lcnet, "load", lambda name: network, raising=False)
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


def test_exit_statuses(run, simulated, text, tmp_path):
    good, bad = tmp_path / "good.DAT", tmp_path / "bad.DAT"
    good.write_text(text(simulated, 0))
    bad.write_text("")
    done = run("classify", good, "--output", tmp_path / "t.csv")
    assert done.exit_code == 0 and simulated.objects["object"].iloc[0] in done.stdout
    assert pd.read_csv(tmp_path / "t.csv")["status"].tolist() == ["ok"]
    assert run("classify", good, bad).exit_code == 3
    assert run("classify", bad).exit_code == 1
    assert run("classify", tmp_path / "none.DAT").exit_code == 1
    assert run("classify", good, "--epochs", "first").exit_code == 2
    assert run("classify", good, "--output", tmp_path / "t.docx").exit_code == 2
    assert run("classify", good, "--output", tmp_path / "no" / "t.csv").exit_code == 1
    assert len(pd.read_csv(tmp_path / "t.csv")) == 1
    assert "p(Ia)" in run("classify", good, "--redshift", "0.4", "--epochs", "all").stdout


def test_plot(simulated, network):
    import matplotlib.pyplot as plt

    from lcnet.supernovae.plots import plot_classification, plot_judgement, plot_populations

    table = classify(simulated, epochs="all", network=network)
    axes = plot_classification(simulated, table, name=simulated.objects["object"].iloc[1])
    assert len(axes) == 2 and len(axes[1].lines) >= 3
    plot_judgement(np.linspace(0, 1, 50), np.arange(50) % 2 == 0)
    plot_populations({"one": simulated})
    plt.close("all")
    with pytest.raises(ValueError, match="not in both"):
        plot_classification(simulated, table, name="nobody")
