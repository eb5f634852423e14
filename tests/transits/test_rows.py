"""What a row says of the tests that fail, and of another star with the same ephemeris."""

from __future__ import annotations

import numpy as np
import pytest

from lcnet.transits.batch import Found
from lcnet.transits.candidates import Candidate, Search
from lcnet.transits.contamination import matched
from lcnet.transits.curves import Curve
from lcnet.transits.rows import star_rows
from lcnet.transits.table import Rows
from lcnet.transits.vet_result import Test, Vetting

CANDIDATE = Candidate(2.9, 1e-4, 1326.1, 1e-3, 3.0, 4000.0, 10.0, 20.0, 10.0, 8, 1.0)


def found(*tests, **meta):
    nothing = np.empty(0)
    curve = Curve("TIC 1", "TESS", "SPOC", "BTJD", (), nothing, nothing, nothing, nothing, meta=meta)
    search = Search((CANDIDATE,), "ok", "", *[nothing] * 6, periodograms=())
    vetting = Vetting(tests, {"secondary_phase": 0.5}, tuple(test.flag for test in tests if test.flag))
    return Found("TIC 1", curve, search, vettings=(vetting,))


def test_the_reason_has_the_tests_that_fail_and_no_others():
    tests = (
        Test("secondary", 219.0, 8.6, "fail", "second eclipse at phase 0.500 of ...: too large", "secondary"),
        Test("shape", 0.9, 4.0, "warn", "V-shaped: ...", "v_shape"),
        Test("gaps", 0.5, 4.0, "fail", "4 of 8 transits lie at gaps (by chance 2 %); the others ...", "gap_edge"),
        Test(
            "size", 0.4, np.nan, "fail", "39.6 Earth radii, if no other star is in the aperture: too large", "too_large"
        ),
        Test("sine", 0.1, 1.0, "pass", "no wave"),
    )
    (row,) = star_rows(found(*tests), np.full((1, 3), np.nan))
    assert row["reason"] == (
        "secondary: 219 ppm at phase 0.5, 8.6 sigma; gaps: 4 of 8 transits lie at gaps (by chance 2 %), 4.0 sigma; "
        "size: 39.6 Earth radii"
    )
    assert row["flags"] == "secondary v_shape gap_edge too_large"


@pytest.mark.parametrize(("ra", "dec"), [(286.8085, 49.3164), (None, None)])
def test_the_row_says_where_the_star_is(ra, dec):
    (row,) = star_rows(found(ra=ra, dec=dec), np.full((1, 3), np.nan))
    assert (row.get("ra"), row.get("dec")) == (ra, dec)


def batch(stars):
    """Rows of (target, epoch, ra) with one period."""
    rows = Rows()
    for target, epoch, ra in stars:
        row = {"target": target, "period": 2.3, "epoch": epoch, "duration": 3.0, "time_system": "BTJD", "status": "ok"}
        rows.add({**row, "ra": ra, "dec": 10.0})
    matched(rows)
    return rows


def test_a_match_that_fails_and_one_that_warns_differ_in_words():
    close = batch([("TIC 1", 1326.0, 1.0), ("TIC 2", 1326.001, 2.0)])
    assert list(close.column("flags")) == ["ephemeris_match"] * 2
    assert close.column("reason")[0].startswith("another's signal: the period and the epoch of candidate of TIC 2")
    # 4e-4 of the period and 0.022 of its phase apart: 27 stars x 3 ratios x 8e-4 x 0.044 = 0.003 by chance
    doubtful = Rows()
    for number, period in ((1, 2.3), (2, 2.3 * (1 + 4e-4))):
        row = {"period": period, "epoch": 1326.0 + 0.05 * number, "duration": 3.0, "time_system": "BTJD"}
        doubtful.add({**row, "target": f"TIC {number}", "status": "ok"})
    for _ in range(25):
        doubtful.add({"target": "TIC 9", "period": 7.7, "epoch": 1326.0, "time_system": "BTJD", "status": "ok"})
    matched(doubtful)
    assert doubtful.column("flags")[0] == "ephemeris_match"
    assert doubtful.column("reason")[0].startswith("perhaps another's signal: ")


def test_one_star_in_two_catalogues_matches_nothing():
    rows = batch([("KIC 11446443", 1326.0, 1.0), ("TIC 399860444", 1326.0, 1.0002)])
    assert list(rows.column("flags")) == ["", ""]
