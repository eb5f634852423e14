"""Star names: which light curves they mean, and what is said when there are none or nobody answers."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from lcnet.transits import mast
from lcnet.transits.names import selection_of, star_name
from lcnet.transits.read import ReadError, plan, read

TIC = 900_000_001  # as in conftest.py
pytestmark = pytest.mark.usefixtures("archive")


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("kic11442793", "KIC 11442793"), ("KIC-011442793", "KIC 11442793"), ("kplr011442793", "KIC 11442793"),
        ("epic 201367065", "EPIC 201367065"), ("ktwo201367065", "EPIC 201367065"), ("TIC_00261136679", "TIC 261136679"),
        ("TOI-700.01", "TOI-700"), ("toi 700", "TOI-700"), ("K00351.01", "KOI-351"), ("koi-351", "KOI-351"),
        ("kepler 90 h", "Kepler-90"), ("Kepler-90", "Kepler-90"), ("K2-3", "K2-3"), ("  pi   Men ", "pi Men"),
        ("HAT-P-7", "HAT-P-7"), ("WASP-18b", "WASP-18"),
    ],
)  # fmt: skip
def test_a_name_as_the_archive_understands_it(written, name):
    assert star_name(written) == name


def test_a_bare_number_could_be_in_any_catalogue():
    with pytest.raises(ValueError, match="write KIC 11442793, TIC 11442793 or EPIC 11442793"):
        read("11442793")


def test_keplers_quarters_of_long_cadence(server, kepler_curve):
    server.star("Kepler-90")
    for quarter in (1, 2, 3):
        server.observe("kplr011442793", project="Kepler", author="Kepler", exptime=1800.0, number=quarter,
                       data=kepler_curve[quarter])  # fmt: skip
    server.observe("kplr011442793", project="Kepler", author="Kepler", exptime=60.0, number=2)
    server.observe("900000001", exptime=120.0, number=14)
    for name in ("Kepler-90", "KIC 11442793"):
        curves = read(name)
        assert list(curves) == ["KIC 11442793"]
        assert [curve.meta["QUARTER"] for curve in curves["KIC 11442793"]] == [1, 2, 3]
    assert [curve.meta["QUARTER"] for curve in read("Kepler-90", quarter=[3, 1])["KIC 11442793"]] == [1, 3]
    (curve,) = read("Kepler-90", quarter=2, flux_column="sap_flux")["KIC 11442793"]
    assert np.all(np.asarray(curve.flux.value) == 10007)
    assert max(server.asked[uri] for uri in server.files) == 1  # downloaded once, however often it is read


def test_two_names_and_a_file_of_one_star_are_one_star(server, kepler_curve, tmp_path):
    server.star("Kepler-90")
    uri = server.observe("kplr011442793", project="Kepler", author="Kepler", exptime=1800.0, data=kepler_curve[1])
    path = tmp_path / "mine.fits"
    path.write_bytes(kepler_curve[2])
    (source,) = plan(["Kepler-90", path, "KIC 11442793"])
    assert source.target == "KIC 11442793" and source.error is None and server.asked[uri] == 0
    assert [curve.meta["QUARTER"] for curve in source.collection()] == [1, 2]


def test_tess_is_spoc_at_two_minutes_and_never_at_twenty_seconds(server, light_curve):
    two = [server.observe(str(TIC), number=number, data=light_curve) for number in (1, 2)]
    fast = server.observe(str(TIC), exptime=20.0, number=2, data=light_curve)
    others = [server.observe(str(TIC), author=author, exptime=1800.0, data=light_curve) for author in ("QLP", "TASOC")]
    assert len(read(f"TIC {TIC}")[f"TIC {TIC}"]) == 2
    assert [server.asked[uri] for uri in (*two, fast, *others)] == [1, 1, 0, 0, 0]
    assert len(read(f"TIC {TIC}", sector=2)[f"TIC {TIC}"]) == 1
    read(f"TIC {TIC}", author="QLP")
    read(f"TIC {TIC}", exptime="fast")
    assert [server.asked[uri] for uri in (*two, fast, *others)] == [1, 1, 1, 1, 0]
    read(f"TIC {TIC}", author="any", sector=1)
    assert [server.asked[uri] for uri in (*two, fast, *others)] == [1, 1, 1, 1, 1]


def test_what_the_default_pipeline_does_not_have_the_next_one_has(server, light_curve):
    server.observe(str(TIC), author="QLP", exptime=1800.0, number=1, data=light_curve)
    best = server.observe(str(TIC), author="TESS-SPOC", exptime=600.0, number=27, data=light_curve)
    (source,) = plan(f"TIC {TIC}")
    assert len(source.collection()) == 1 and server.asked[best] == 1
    assert source.notes == ("nothing by SPOC: TESS light curves by TESS-SPOC used",)


def test_another_missions_light_curves_are_used_where_the_first_has_none(server, light_curve):
    server.star("KIC 11442793")
    server.observe(str(TIC), number=14, data=light_curve)
    (source,) = plan("KIC 11442793")
    source.collection()
    assert source.target == f"TIC {TIC}" and "TESS light curves by SPOC" in source.notes[0]
    with pytest.raises(ReadError, match="no such light curve .mission Kepler.; it has TESS: SPOC 120 s .sectors 14."):
        read("KIC 11442793", mission="Kepler")


def test_what_is_not_there_is_said_with_what_is(server):
    for sector in (1, 2, 3, 7):
        server.observe(str(TIC), number=sector)
    server.observe(str(TIC), author="QLP", exptime=1800.0, number=5)
    there = r"it has TESS: QLP 1800 s \(sectors 5\), SPOC 120 s \(sectors 1-3, 7\)"
    for wish in ({"author": "CDIPS"}, {"sector": 9}, {"exptime": 20}, {"mission": "K2"}):
        with pytest.raises(ReadError, match=there) as caught:
            read(f"TIC {TIC}", **wish)
        assert str(next(iter(wish.values()))) in str(caught.value)


def test_a_name_nobody_knows_and_a_star_nobody_observed(server):
    server.star("Vega")
    with pytest.raises(FileNotFoundError, match="Nosuchstar: no such file or folder, and no star of this name"):
        read("Nosuchstar")
    with pytest.raises(ReadError, match="Vega: the archive has no light curve of this star"):
        read("Vega")


def test_a_neighbour_on_the_same_pixels_is_left_out(server, light_curve):
    near = server.observe(str(TIC), data=light_curve)
    far = server.observe("77", number=2, data=light_curve)
    server.observations[-1]["distance"] = 15.0
    server.star("pi Men")
    assert list(read("pi Men")) == [f"TIC {TIC}"]
    assert (server.asked[near], server.asked[far]) == (1, 0)


def test_too_many_products_ask_for_a_choice(server):
    for sector in range(1, 305):
        server.observe(str(TIC), number=sector)
    with pytest.raises(ReadError, match="304 light curves .*sectors 1-304.*choose with author"):
        read(f"TIC {TIC}")


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"sector": 1, "quarter": 2}, "quarter and sector"),
        ({"sector": -1}, "sector must be"),
        ({"sector": 1.5}, "sector must be"),
        ({"sector": "one"}, "sector must be"),
        ({"mission": "CoRoT"}, "Kepler, K2, TESS, not 'CoRoT'"),
        ({"mission": "Kepler", "sector": 3}, "sector belongs to TESS"),
        ({"exptime": "slow"}, "exptime must be"),
        ({"exptime": 0}, "exptime must be"),
        ({"author": 7}, "author must be"),
    ],
)
def test_a_keyword_that_makes_no_sense_is_named(wish, said):
    with pytest.raises(ValueError, match=said):
        plan("TIC 1", **wish)


def test_a_wish_is_taken_as_people_write_it():
    assert selection_of(sector=np.array([3, 1])).sector == (1, 3)
    assert selection_of(sector=range(2)).sector == (0, 1)
    assert selection_of(quarter="4", mission="kepler", exptime="120").exptime == 120.0
    assert not selection_of() and not selection_of(author=[])


def test_files_are_chosen_by_their_headers(kepler_curve, tmp_path):
    for quarter, data in kepler_curve.items():
        (tmp_path / f"{quarter}.fits").write_bytes(data)
    (source,) = plan(tmp_path, quarter=(2, 3), mission="Kepler", exptime="long")
    assert [path.name for path in source.items] == ["2.fits", "3.fits"]
    for wish in ({"quarter": 9}, {"author": "QLP"}, {"mission": "TESS"}, {"exptime": 60}, {"sector": 1}):
        (source,) = plan(tmp_path, **wish)
        assert "KIC 11442793: none of its light curves is as asked for" in str(source.error)
        assert "Kepler" in str(source.error)


def test_what_exists_is_a_path_before_it_is_a_name(server, tmp_path, monkeypatch, light_curve):
    monkeypatch.chdir(tmp_path)
    Path("Kepler-90").mkdir()
    Path("Kepler-90", "mine.fits").write_bytes(light_curve)
    assert list(read("Kepler-90")) == [f"TIC {TIC}"]
    for text in ("folder/Kepler-90", "kepler-90.fits", "list.csv"):
        with pytest.raises(FileNotFoundError, match="no such file"):
            read(text)
    assert not server.asked


def test_of_several_names_each_is_its_own(server, light_curve, tmp_path):
    server.observe(str(TIC), data=light_curve)
    sources = plan(["Nosuchstar", f"TIC {TIC}", "nofile.fits", "17"])
    assert [source.target for source in sources] == ["Nosuchstar", f"TIC {TIC}", "nofile.fits", "17"]
    assert [source.error is None for source in sources] == [False, True, False, False]
    assert len(sources[1].collection()) == 1


def _no_newer(cache):
    """Make every kept answer of the archive two days old."""
    for path in (cache / "searches").glob("*.json"):
        said = json.loads(path.read_text())
        said["date"] = (datetime.now(UTC) - timedelta(days=2)).isoformat(timespec="seconds")
        path.write_text(json.dumps(said))


def test_a_repeated_call_needs_no_network(server, one, cache, offline):
    _, again = one
    again()
    asked = server.asked["search"]
    again()
    assert server.asked["search"] == asked  # today's answer is today's answer
    _no_newer(cache)
    again()
    assert server.asked["search"] > asked
    _no_newer(cache)
    offline()
    (source,) = plan(f"TIC {TIC}")
    assert len(source.collection()) == 1
    (note,) = source.notes
    assert note.startswith("archive not available; its list of 20") and note.endswith(" used")
    with pytest.raises(ReadError, match="archive .127.0.0.1. cannot be reached"):
        read(f"TIC {TIC}", sector=1)  # another question


@pytest.mark.parametrize("damaged", [b"", b"{", b"[]", b'{"products": 3}', b'{"products": [{"uri": 1}]}', b"\xff"])
def test_a_damaged_answer_on_disk_is_asked_for_again(server, one, cache, damaged):
    _, again = one
    again()
    (path,) = (cache / "searches").glob("*.json")
    path.write_bytes(damaged)
    asked = server.asked["search"]
    again()
    assert server.asked["search"] > asked and json.loads(path.read_text())["star"] == f"TIC {TIC}"


def test_a_file_that_lightkurve_once_downloaded_is_found_by_its_number(tmp_path, light_curve, kepler_curve, offline):
    offline()
    root = tmp_path / "lightkurve" / "mastDownload"
    tess = f"tess2018206045859-s0001-{TIC:016d}-0120-s"
    places = {
        f"TIC {TIC}": (root / "TESS" / tess / f"{tess}_lc.fits", light_curve),
        "KIC 11442793": (
            root / "Kepler" / "kplr011442793_lc_Q1" / "kplr011442793-2009166043257_llc.fits",
            kepler_curve[1],
        ),
    }
    for name, (path, data) in places.items():
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
        (source,) = plan(name)
        assert len(source.collection()) == 1 and source.target == name
        assert source.notes == ("archive not available; files of the cache used",)
    path.write_bytes(data[:-2880])
    with pytest.raises(ReadError, match="cached file was damaged .*, and the archive was not available"):
        read("KIC 11442793")


def test_no_network_is_one_sentence_that_says_what_to_do(offline):
    offline()
    start = time.perf_counter()
    for name in ("Kepler-90", "TIC 1"):
        with pytest.raises(
            ReadError, match="cannot be reached to find the star; check the network, or give FITS files"
        ):
            read(name)
    assert time.perf_counter() - start < 5


def test_a_network_that_breaks_between_search_and_download(server, one, offline):
    _, again = one
    (source,) = plan(f"TIC {TIC}")
    source.items[0].look_up()
    offline()
    with pytest.raises(ReadError, match="cannot be reached to download it; check the network") as caught:
        source.collection()
    assert source.error is caught.value


@pytest.mark.parametrize("how", [503, "html"])
def test_a_search_that_fails_in_passing_is_asked_again(server, one, how):
    _, again = one
    server.fail("search", how, how)
    assert len(again()) > 500


@pytest.mark.parametrize(("how", "said"), [(503, "status 503"), ("html", "JSONDecodeError"), (400, "status 400")])
def test_an_archive_out_of_order_is_one_sentence(server, one, how, said):
    _, again = one
    server.fail("search", *[how] * 20)
    with pytest.raises(ReadError, match=f"is out of order .{said}.*try again later, or give FITS files"):
        again()
    assert server.asked["search"] == (1 if how == 400 else 4)


def test_a_search_without_an_answer_ends(server, one, monkeypatch):
    _, again = one
    monkeypatch.setattr(mast, "SEARCH_S", 0.3)
    monkeypatch.setattr(mast, "_lightkurve", lambda *args, **criteria: time.sleep(2))
    with pytest.raises(ReadError, match="no answer within 0 s"):
        again()


@pytest.mark.remote_data
def test_the_real_archive(monkeypatch):
    """The names of the documentation, at MAST itself."""
    from astroquery.mast import conf
    from astroquery.mast.discovery_portal import PortalAPI

    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name)
    with conf.set_temp("server", "https://mast.stsci.edu"):
        monkeypatch.setattr(PortalAPI, "MAST_REQUEST_URL", f"{conf.server}/api/v0/invoke")
        monkeypatch.setattr(PortalAPI, "COLUMNS_CONFIG_URL", f"{conf.server}/portal/Mashup/Mashup.asmx/columnsconfig")
        monkeypatch.setattr(mast, "READ_S", 60.0)
        assert list(read("Kepler-90", quarter=[1, 2])) == ["KIC 11442793"]
        assert list(read("pi Men", sector=1)) == ["TIC 261136679"]
        assert list(read("K2-3", campaign=1)) == ["EPIC 201367065"]
        with pytest.raises(FileNotFoundError, match="no star of this name"):
            read("Nosuchstar-12345")
