"""Tables of known events: columns under their many names, units, stars, and every row accounted for."""

from __future__ import annotations

import gzip

import astropy.units as u
import numpy as np
import pandas as pd
import pytest
from astropy.table import QTable, Table
from astropy.time import Time
from hypothesis import given, settings
from hypothesis import strategies as st

from lcnet.transits.known import Ephemeris
from lcnet.transits.tces import ephemerides, is_table, read_tces, star_key, tces_of


def only(table, **options):
    (one,) = tces_of(table, **options)
    return one


ARCHIVE = [
    (
        {"kepid": [10797460], "kepoi_name": ["K00752.01"], "koi_period": [9.488], "koi_time0bk": [170.5]}
        | {"koi_time0": [2455003.5], "koi_duration": [2.9575]},
        Ephemeris(9.488, 170.5, 2.9575, "BKJD"),
        "KIC 10797460",
    ),
    (
        {"toi": [1000.01], "tid": [50365310], "pl_tranmid": [2459229.63], "pl_orbper": [2.17], "pl_trandurh": [2.0]},
        Ephemeris(2.17, 2459229.63, 2.0, "BJD"),
        "TIC 50365310",
    ),
    (
        {"kepid": [757450], "tce_plnt_num": [1], "tce_period": [8.88], "tce_time0bk": [134.4], "tce_duration": [2.07]},
        Ephemeris(8.88, 134.4, 2.07, "BKJD"),
        "KIC 757450",
    ),
    (
        {"row_id": [1], "tic_id": [332518086], "Period": [2.4], "Duration": [0.125], "Epoc": [1356.5]},
        Ephemeris(2.4, 1356.5, 3.0, "BTJD"),
        "TIC 332518086",
    ),
    (
        {"target": ["TIC 5"], "period_d": [2.4], "epoch_d": [1356.5], "duration_h": [3.0], "time_system": ["BTJD"]},
        Ephemeris(2.4, 1356.5, 3.0, "BTJD"),
        "TIC 5",
    ),
    (
        {"star": ["pi Men"], "P": [1], "per": [6.27], "t0": [1325.5], "T14": [2.9]},
        Ephemeris(6.27, 1325.5, 2.9),
        "pi Men",
    ),
    (
        {"EPIC": [201367065], "Period (days)": [10.05], "Epoch (BJD)": [2456813.4], "Duration (hours)": [2.5]},
        Ephemeris(10.05, 2456813.4, 2.5, "BJD"),
        "EPIC 201367065",
    ),
    (
        {"file": ["a/b.fits"], "period": [3.0], "epoch_bkjd": [100.0], "duration_min": [150.0]},
        Ephemeris(3.0, 100.0, 2.5, "BKJD"),
        "a/b.fits",
    ),
    (
        {"toi": [700.02], "period": [16.05], "epoch": [1340.0], "duration": [3.2]},
        Ephemeris(16.05, 1340.0, 3.2),
        "TOI-700",
    ),
    (
        {"kepoi_name": ["K00752.01"], "period": [9.4], "epoch": [1.0], "duration": [3.2]},
        Ephemeris(9.4, 1, 3.2),
        "KOI-752",
    ),
]


@pytest.mark.parametrize(("columns", "expected", "target"), ARCHIVE)
@pytest.mark.parametrize("kind", [Table, QTable, pd.DataFrame])
def test_columns_by_their_many_names(columns, expected, target, kind):
    one = only(kind(columns))
    assert one.ephemeris == expected and one.target == target and one.problem == ""
    assert one.key == star_key(target)


def test_a_unit_in_the_metadata_goes_before_the_name():
    table = QTable({"period": [48.0] * u.h, "epoch": [1500.0] * u.d, "duration_h": [0.125] * u.d, "target": ["TIC 1"]})
    assert only(table).ephemeris == Ephemeris(2.0, 1500.0, 3.0)
    plain = Table({"koi_period": [9.0], "koi_time0bk": [170.5], "koi_duration": [180.0], "kepid": [1]})
    plain["koi_duration"].unit = "min"
    assert only(plain).ephemeris == Ephemeris(9.0, 170.5, 3.0, "BKJD")


@pytest.mark.parametrize("system", ["BTJD", "BKJD", "BJD", ""])
def test_a_full_date_is_one_whatever_is_said_of_its_system(system):
    """TOIs with their BJD beside the time system of the light curve: 2,457,000 d off are another phase."""
    table = Table({"target": ["TIC 5"], "period": [2.4], "epoch": [2458356.5], "duration": [3.0]})
    table["time_system"] = [system]
    one = only(table).ephemeris
    assert one == Ephemeris(2.4, 2458356.5, 3.0, "BJD")
    for said in (one, Ephemeris(2.4, 2458356.5, 3.0, system)):
        assert said.counted_in("BTJD") == (2.4, 1356.5, 3.0)


def test_dates_are_epochs():
    table = QTable({"period": [2.0], "epoch": Time([2458501.25], format="jd", scale="tdb"), "duration": [3.0]})
    assert only(table).ephemeris == Ephemeris(2.0, 2458501.25, 3.0, "BJD")


COMMENTS = """# This file was produced by the NASA Exoplanet Archive
# COLUMN kepid:        KepID
# COLUMN koi_period:   Orbital Period [days]
# COLUMN koi_time0bk:  Transit Epoch [BKJD]
# COLUMN koi_duration: Transit Duration [hrs]
#
kepid,koi_period,koi_time0bk,koi_duration
10797460,9.488,170.5,2.9575
10811496,,175.85,1.78
"""


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".txt"])
def test_the_comments_of_the_archive_and_gzip(tmp_path, suffix):
    path = tmp_path / f"cumulative{suffix}"
    path.write_bytes(gzip.compress(COMMENTS.encode()) if suffix.endswith("gz") else COMMENTS.encode())
    first, second = read_tces(path)
    assert first.ephemeris == Ephemeris(9.488, 170.5, 2.9575, "BKJD") and first.key == "KIC 10797460"
    assert second.problem == "no period in the table"


@pytest.mark.parametrize("suffix", ["ecsv", "vot", "tbl", "parquet", "fits"])
def test_formats_with_units(tmp_path, suffix):
    table = Table({"tic_id": [11, 12], "period": [2.0, 3.0], "epoch": [1500.0, 1501.0], "duration": [0.125, 0.25]})
    table["duration"].unit = table["period"].unit = "d"
    path = tmp_path / f"tces.{suffix}"
    table.write(path, format={"vot": "votable", "tbl": "ascii.ipac", "ecsv": "ascii.ecsv"}.get(suffix, suffix))
    assert [one.ephemeris.duration for one in read_tces(path)] == [3.0, 6.0]
    assert [one.key for one in read_tces(path)] == ["TIC 11", "TIC 12"]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"epoch": [1.0], "duration": [2.0]}, "no column for the period: looked for koi_period"),
        ({"period": [1.0], "duration": [2.0]}, "no column for the epoch"),
        ({"period": [1.0], "epoch": [2.0]}, "no column for the duration"),
        ({"period": [1.0], "epoch": [2.0], "duration (furlongs)": [1.0]}, "no unit of time"),
    ],
)
def test_what_is_missing_is_named(columns, said):
    with pytest.raises(ValueError, match=said.replace("(", r"\(")):
        tces_of(pd.DataFrame(columns))


def test_a_column_of_days_is_not_taken_for_hours():
    period = np.array([2.0, 4.0, 8.0, 16.0])
    columns = {"target": ["TIC 1"] * 4, "period": period, "epoch": 1500.0}
    with pytest.raises(ValueError, match="look like days.*duration_d or duration_h"):
        tces_of(pd.DataFrame({**columns, "duration": [0.1, 0.12, 0.15, 0.2]}))
    assert tces_of(pd.DataFrame({**columns, "duration_d": [0.125, 0.12, 0.15, 0.2]}))[0].ephemeris.duration == 3.0
    # slivers that are hours stay what their column says
    assert tces_of(pd.DataFrame({**columns, "duration_h": [0.1, 0.12, 0.15, 0.2]}))[0].ephemeris.duration == 0.1


def test_an_impossible_row_is_that_rows_problem():
    rows = {"tic": [1, 2, 3], "period": [2.0, -1.0, "x"], "epoch": [1.0, 2.0, 3.0], "duration": [3.0, 3.0, 3.0]}
    tces = tces_of(pd.DataFrame(rows))
    assert [bool(one.problem) for one in tces] == [False, True, True]
    long = {"tic": [1], "period": [2.0], "epoch": [1.0], "duration": [50.0]}
    assert "were days or minutes meant" in only(pd.DataFrame(long)).problem


def test_a_file_that_is_no_table(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_tces(tmp_path / "absent.csv")
    for name, content in (("a.csv", b""), ("b.vot", b"<html>"), ("c.parquet", b"PAR"), ("d.ecsv", b"nothing")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=name):
            read_tces(tmp_path / name)


def test_by_hand_one_or_many():
    assert [one.ephemeris for one in ephemerides(3.0, 1.0, 2.0)] == [Ephemeris(3.0, 1.0, 2.0)]
    several = ephemerides([3.0, 4.0] * u.d, Time([2458501.0, 2458502.0], format="jd", scale="tdb"), 0.125 * u.d)
    assert [one.ephemeris for one in several] == [
        Ephemeris(3.0, 2458501.0, 3.0, "BJD"),
        Ephemeris(4.0, 2458502.0, 3.0, "BJD"),
    ]
    for numbers, said in (
        ((3.0, None, 2.0), "epoch not given"),
        (([3.0, 4.0], [1.0, 2.0, 3.0], 2.0), "differ in number"),
        ((3.0, 1.0, 80.0), "were days or minutes meant"),
    ):
        with pytest.raises(ValueError, match=said):
            ephemerides(*numbers)


def test_tables_and_light_curves_are_told_apart():
    import lightkurve

    assert is_table(Table({"a": [1]})) and is_table(pd.DataFrame({"a": [1]}))
    assert not is_table(lightkurve.LightCurve(time=[1.0, 2.0], flux=[1.0, 1.0]))
    assert not is_table("a.csv") and not is_table([1]) and not is_table(None)


@pytest.mark.parametrize(
    ("text", "key"),
    [("KIC 757450", "KIC 757450"), ("kic-000757450", "KIC 757450"), ("TIC5", "TIC 5"), ("0042", "42"), ("pi Men", "")],
)
def test_a_star_has_one_key(text, key):
    assert star_key(text) == key


cells = st.one_of(st.none(), st.floats(), st.integers(-(2**60), 2**60), st.text(max_size=8), st.booleans())


@settings(deadline=None, max_examples=150)
@given(
    st.lists(st.tuples(cells, cells, cells, cells), max_size=6),
    st.permutations(["target", "period", "epoch", "duration"]),
    st.text(max_size=12),
)
def test_whatever_is_in_the_cells_every_row_is_there(rows, names, extra):
    """Odd cells and columns: a row each with an ephemeris or a problem, or one ValueError; never another error."""
    table = pd.DataFrame(rows, columns=names, dtype=object)
    if extra not in names:
        table[extra] = 1
    try:
        tces = tces_of(table)
    except ValueError:
        return
    assert [one.place for one in tces] == list(range(len(rows)))
    for one in tces:
        assert one.problem or (one.ephemeris.period > 0 and np.isfinite(one.ephemeris.epoch))


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=200))
def test_whatever_is_in_the_file_it_is_read_or_refused_by_name(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("odd") / "odd.csv"
    path.write_bytes(content)
    try:
        read_tces(path)
    except ValueError as error:
        assert "odd.csv" in str(error)


def test_a_page_named_fits_is_told_from_a_table(tmp_path):
    """astropy calls it an OSError, as if the disk had failed, and advises to read it all the same."""
    path = tmp_path / "events.fits"
    path.write_text("<html>Not found</html>")
    with pytest.raises(ValueError, match="events.fits: cannot be read as a table"):
        read_tces(path)
