"""The small catalogues: readable, complete, physically sensible, and what their sources say."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from lcnet import catalogs

REQUIRED = {
    "name": None,
    "star": None,
    "kic": None,
    "tic": None,
    "epic": None,
    "period": "d",
    "period_err": "d",
    "epoch": "d",
    "epoch_err": "d",
    "time_system": None,
    "duration": "h",
    "depth": "ppm",
    "disposition": None,
    "source": None,
    "reference": None,
    "note": None,
}
SIGNALS = ["known_false_positives", "known_planets"]


def test_names():
    assert catalogs.names() == (*SIGNALS, "supernova_bands")


def test_unknown_name_lists_what_exists():
    with pytest.raises(ValueError, match="known_galaxies.*known_false_positives, known_planets, supernova_bands"):
        catalogs.load("known_galaxies")


@pytest.mark.parametrize("name", SIGNALS)
def test_columns_and_units(name):
    table = catalogs.load(name)
    assert table.colnames == list(REQUIRED)
    for column, unit in REQUIRED.items():
        found = getattr(table[column], "unit", None)
        assert (None if found is None else found.to_string()) == unit, column
        assert table[column].info.description, column
    assert table.meta["content"]
    # parts per million are usable as a number, without lightkurve's help
    assert table["depth"].to_value("") == pytest.approx(table["depth"].value * 1e-6, rel=1e-15)


@pytest.mark.parametrize("name", catalogs.names())
def test_keys_are_unique(name):
    table = catalogs.load(name)
    key = list(table[table.meta["key"]])
    assert len(set(key)) == len(key)


@pytest.mark.parametrize("name", SIGNALS)
def test_plausible(name):
    table = catalogs.load(name)
    period, epoch = table["period"].to_value("d"), table["epoch"].to_value("d")
    assert np.all((period > 0.2) & (period < 1000))
    # full BJD between the first Kepler data (2009) and 2030: neither BKJD nor BTJD nor a modified Julian date
    assert np.all((epoch > 2454900) & (epoch < 2462500))
    assert set(table["time_system"]) == {"BJD_TDB"}
    # hours, not days: shorter than a fifth of the period, longer than a few minutes
    assert np.all((table["duration"] > 0.2 * table["duration"].unit) & (table["duration"] < 0.2 * table["period"]))
    assert np.all((table["depth"].value > 50) & (table["depth"].value < 5e5))
    for column, largest in (("period_err", 1e-4 * period), ("epoch_err", table["duration"].to_value("d"))):
        error = table[column].to_value("d")
        given = np.isfinite(error)
        assert given.sum() >= len(table) - 1, column
        assert np.all((error[given] > 0) & (error[given] < np.broadcast_to(largest, given.shape)[given])), column


@pytest.mark.parametrize("name", SIGNALS)
def test_every_row_says_who_and_from_where(name):
    table = catalogs.load(name)
    assert len(table) >= 28 and len(set(table["star"])) >= 15
    for row in table:
        assert row["source"] and len(row["reference"]) == 19, row["name"]  # an ADS bibcode has 19 characters
        assert any(row[i] is not np.ma.masked and row[i] > 0 for i in ("kic", "tic", "epic")), row["name"]
    # one star, one set of identifiers
    for star in set(table["star"]):
        rows = table[table["star"] == star]
        for column in ("kic", "tic", "epic"):
            assert len(set(np.ma.filled(np.ma.asarray(rows[column]), 0))) == 1, (star, column)


def test_a_star_is_not_both():
    planets, others = (catalogs.load(name) for name in reversed(SIGNALS))
    for column in ("kic", "tic", "epic"):
        shared = set(np.ma.compressed(planets[column])) & set(np.ma.compressed(others[column]))
        assert not shared


def test_units_registry_is_left_alone():
    """Reading a catalogue must not teach astropy a unit behind the user's back (lightkurve adds its own ppm)."""
    code = (
        "import astropy.units as u\n"
        "from lcnet import catalogs\n"
        "catalogs.load('known_planets')\n"
        "try:\n    u.Unit('ppm')\n"
        "except ValueError:\n    print('unknown')\n"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "unknown"


@pytest.mark.parametrize("name", SIGNALS)
def test_numbers_are_those_of_the_archive_tables(name, data_dir):
    """Each row that cites a KOI or a TOI agrees with it to the digits kept, identifiers and disposition included."""
    import pandas

    folder = data_dir / "transits" / "catalogs"
    if not folder.is_dir():
        pytest.skip(f"no archive tables in {folder}")
    koi = pandas.read_csv(folder / "koi_cumulative.csv.gz", comment="#").set_index("kepoi_name")
    toi = pandas.read_csv(folder / "toi_2025.csv.gz", comment="#").set_index("toi")
    koi_columns = "koi_period koi_period_err1 koi_time0bk koi_time0bk_err1 koi_duration koi_depth koi_disposition kepid"
    toi_columns = "pl_orbper pl_orbpererr1 pl_tranmid pl_tranmiderr1 pl_trandurh pl_trandep tfopwg_disp tid"
    compared = 0
    for row in catalogs.load(name):
        number = row["source"].split(", ")[-1]
        if "KOI" in row["source"]:
            *numbers, disposition, identifier = koi.loc[number, koi_columns.split()]
            column, zero = "kic", 2454833.0
        elif "TOI" in row["source"]:
            *numbers, disposition, identifier = toi.loc[float(number.removeprefix("TOI-")), toi_columns.split()]
            column, zero = "tic", 0.0
        else:
            continue
        assert (row[column], row["disposition"]) == (identifier, disposition)
        ours = [row[c].value for c in ("period", "period_err", "epoch", "epoch_err", "duration", "depth")]
        # a full BJD in float64 resolves 5e-10 d
        assert ours.pop(2) - zero == pytest.approx(numbers.pop(2), rel=0, abs=1e-9), row["name"]
        assert ours == pytest.approx(numbers, rel=1e-12, nan_ok=True), row["name"]
        compared += 1
    assert compared >= 4


def test_numbers_are_those_of_nigraha(data_dir):
    import pandas

    path = data_dir / "transits" / "tess_nigraha.csv.gz"
    if not path.is_file():
        pytest.skip(f"no {path.name} in {path.parent}")
    table = catalogs.load("known_false_positives")
    row = table[table["name"] == "TIC 117544915"][0]
    (their,) = pandas.read_csv(path).query("TIC_ID == 117544915").itertuples()
    assert row["disposition"] == their.disposition
    assert row["period"].value == pytest.approx(their.Period, rel=1e-12)
    assert row["epoch"].value - 2457000 == pytest.approx(their.T0, rel=0, abs=1e-9)
    assert row["duration"].value == pytest.approx(their.Duration, rel=1e-12)
    assert row["depth"].value == pytest.approx((1 - their.Depth) * 1e6, rel=0, abs=1)  # kept to 1 ppm
