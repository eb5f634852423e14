"""Star names: what is found, what is downloaded, and that nothing half-finished or damaged is ever used."""

from __future__ import annotations

import gzip
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

sys.path.insert(0, str(Path(__file__).parent))
from mast_server import MastServer

from lcnet.transits import download, mast
from lcnet.transits.archive import Product, cache_roots
from lcnet.transits.download import damage
from lcnet.transits.names import selection_of, star_name
from lcnet.transits.read import ReadError, plan, read

TIC = 900_000_001  # no star has it


@pytest.fixture(scope="module")
def light_curve(tmp_path_factory):
    """A simulated light curve as an archive file of 150 kB."""
    from lcnet.transits.simulate import simulate_star
    from lcnet.transits.write_fits import write_lightcurve

    curve = simulate_star(1, kind="quiet", cadence=1800.0, tmag=10.0)
    return write_lightcurve(tmp_path_factory.mktemp("archive"), curve, tic=TIC)[0].read_bytes()


@pytest.fixture(scope="module")
def kepler_curve(tmp_path_factory):
    """The same in the form of Kepler: quarter by quarter, and without DATASUM, as there."""
    path = tmp_path_factory.mktemp("kepler") / "a.fits"
    made = {}
    for quarter in range(1, 5):
        days = 90.0 * quarter + np.arange(600) * 1765.5 / 86400
        flux = np.full(600, 1e4, np.float32)
        columns = [
            fits.Column("TIME", "D", unit="BJD - 2454833", array=days),
            fits.Column("PDCSAP_FLUX", "E", unit="e-/s", array=flux),
            fits.Column("PDCSAP_FLUX_ERR", "E", unit="e-/s", array=np.ones(600, np.float32)),
            fits.Column("SAP_FLUX", "E", unit="e-/s", array=flux + 7),
            fits.Column("SAP_FLUX_ERR", "E", unit="e-/s", array=np.ones(600, np.float32)),
            fits.Column("SAP_QUALITY", "J", array=np.zeros(600, np.int32)),
            fits.Column("CADENCENO", "J", array=np.arange(600, dtype=np.int32)),
            fits.Column("MOM_CENTR1", "D", array=np.zeros(600)),
            fits.Column("MOM_CENTR2", "D", array=np.zeros(600)),
        ]
        table = fits.BinTableHDU.from_columns(columns, name="LIGHTCURVE")
        table.header.update({"BJDREFI": 2454833, "BJDREFF": 0.0, "TIMEDEL": 1765.5 / 86400, "KEPLERID": 11442793})
        head = fits.PrimaryHDU()
        head.header.update(
            {
                "TELESCOP": "Kepler", "MISSION": "Kepler", "OBJECT": "KIC 11442793", "KEPLERID": 11442793,
                "QUARTER": quarter, "OBSMODE": "long cadence", "ORIGIN": "NASA/Ames",
                "CREATOR": "1040507 FluxExporter2PipelineModule",
            }
        )  # fmt: skip
        fits.HDUList([head, table]).writeto(path, checksum=True, overwrite=True)
        made[quarter] = path.read_bytes()
    return made


@pytest.fixture
def server():
    made = MastServer()
    yield made
    made.close()


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


@pytest.fixture(autouse=True)
def settings(server, cache, tmp_path, monkeypatch):
    """astroquery and lightkurve pointed at the server and at empty folders, by their own settings."""
    import astroquery.mast
    import lightkurve
    from astroquery.mast.discovery_portal import PortalAPI

    monkeypatch.setenv("LCNET_CACHE", str(cache))
    monkeypatch.setenv("HTTP_PROXY", server.url)
    monkeypatch.setenv("http_proxy", server.url)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "lightkurve").mkdir()
    with (
        lightkurve.conf.set_temp("cache_dir", str(tmp_path / "lightkurve")),
        astroquery.mast.conf.set_temp("server", server.url),
    ):
        monkeypatch.setattr(PortalAPI, "MAST_REQUEST_URL", f"{server.url}/api/v0/invoke")
        monkeypatch.setattr(PortalAPI, "COLUMNS_CONFIG_URL", f"{server.url}/portal/Mashup/Mashup.asmx/columnsconfig")
        monkeypatch.setattr(mast, "BACKOFF", (0.01, 0.02, 0.03))
        monkeypatch.setattr(mast, "READ_S", 0.4)
        mast._reached.clear()
        yield


@pytest.fixture
def offline(server, monkeypatch):
    """A function after whose call the archive does not answer."""

    def cut():
        import astroquery.mast
        from astroquery.mast.discovery_portal import PortalAPI

        server.close()
        mast._reached.clear()
        monkeypatch.setattr(PortalAPI, "MAST_REQUEST_URL", f"{server.url}/api/v0/invoke")
        assert astroquery.mast.conf.server == server.url

    return cut


def parts(cache):
    return [path for path in cache.rglob("*") if path.name.endswith(".part")]


def kept(cache):
    return sorted(path.name for path in cache.rglob("*.fits"))


# What a name means


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


# Files on their way, and in the caches


@pytest.fixture
def one(server, light_curve, cache):
    """The only file of a star: its URI; and a function that reads the star."""
    uri = server.observe(str(TIC), data=light_curve)

    def again():
        return read(f"TIC {TIC}")[f"TIC {TIC}"][0]

    return uri, again


@pytest.mark.parametrize("how", [503, 429, 500, "cut", "short", "html", "flip", "stall"])
def test_a_failure_that_passes_is_overcome(server, one, cache, how):
    uri, again = one
    server.fail(uri, how)
    assert len(again()) > 500
    assert server.asked[uri] == 2 and len(kept(cache)) == 1 and not parts(cache)


@pytest.mark.parametrize(
    ("how", "said", "times"),
    [
        (503, "no whole file in 4 attempts .status 503", 4),
        (404, "refuses|no such file", 1),
        (403, "not public .status 403", 1),
        ("cut", "4 attempts .the connection (broke|ended)", 4),
        ("stall", "4 attempts .nothing came for", 4),
        ("short", "arrived damaged twice .*cut off", 2),
        ("html", "arrived damaged twice .*web page", 2),
        ("flip", "arrived damaged twice .*CHECKSUM", 2),
    ],
)
def test_a_failure_that_stays_is_one_sentence_and_leaves_nothing(server, one, cache, how, said, times):
    uri, again = one
    server.fail(uri, *[how] * 9)
    with pytest.raises(ReadError, match=said) as caught:
        again()
    assert str(caught.value).startswith(f"TIC {TIC}: ") and "sector 1" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert server.asked[uri] == times and not kept(cache) and not parts(cache)


def _damaged(data):
    """What may lie in a cache under a file's name."""
    flipped = bytearray(data)
    flipped[len(data) // 2] ^= 1
    zeroed = bytearray(data)
    zeroed[40 * 2880 : 41 * 2880] = bytes(2880)
    return {
        "cut": data[: len(data) // 3], "empty": b"", "flipped": bytes(flipped), "zeroed": bytes(zeroed),
        "page": b"<html>busy</html>", "text": b"hello", "more": data + b"x" * 2880, "packed": gzip.compress(data)[:-9],
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["cut", "empty", "flipped", "zeroed", "page", "text", "more", "packed"])
def test_a_damaged_file_of_the_cache_is_fetched_again_once(server, one, cache, light_curve, kind):
    uri, again = one
    again()
    (path,) = cache.rglob("*.fits")
    path.write_bytes(_damaged(light_curve)[kind])
    assert damage(path)
    assert len(again()) > 500 and server.asked[uri] == 2
    assert path.read_bytes() == light_curve
    again()
    assert server.asked[uri] == 2
    path.write_bytes(_damaged(light_curve)[kind])
    server.fail(uri, *["flip"] * 3)
    with pytest.raises(ReadError, match="the cached file was damaged .* and it arrived damaged twice"):
        again()


def test_a_whole_file_has_no_damage(tmp_path, light_curve):
    for data in (light_curve, gzip.compress(light_curve)):
        (tmp_path / "a.fits").write_bytes(data)
        assert damage(tmp_path / "a.fits") == ""
    with pytest.raises(FileNotFoundError):
        damage(tmp_path / "b.fits")


def test_lightkurves_own_cache_is_used_but_never_trusted(server, one, cache, light_curve):
    uri, again = one
    ours, theirs = cache_roots()
    assert ours == cache and theirs != cache
    (source,) = plan(f"TIC {TIC}")
    (product,) = source.items[0].look_up().products
    # where lightkurve looks: download_dir/mastDownload/obs_collection/obs_id/productFilename
    path = theirs / "mastDownload" / "TESS" / product.obs_id / product.filename
    assert path == theirs / product.place
    path.parent.mkdir(parents=True)
    path.write_bytes(light_curve)
    again()
    assert server.asked[uri] == 0 and not kept(cache)
    path.write_bytes(light_curve[:-2880])
    again()
    assert server.asked[uri] == 1 and len(kept(cache)) == 1
    assert path.stat().st_size == len(light_curve) - 2880  # not ours to change


def test_lightkurve_finds_what_was_downloaded(server, one, cache):
    import lightkurve

    uri, again = one
    again()
    found = lightkurve.search_lightcurve(f"TIC {TIC}", author="SPOC", exptime=120)
    curve = found.download(download_dir=str(cache))
    assert server.asked[uri] == 1 and curve.meta["TICID"] == TIC


def test_one_file_that_fails_does_not_cost_the_others(server, light_curve, cache):
    uris = [server.observe(str(TIC), number=number, data=light_curve) for number in range(1, 8)]
    server.fail(uris[3], 404)
    with pytest.raises(ReadError, match=r"sector 4.*no such file \(status 404\); name the sectors you want"):
        read(f"TIC {TIC}")
    assert len(kept(cache)) == 6
    assert len(read(f"TIC {TIC}", sector=[1, 2, 3])[f"TIC {TIC}"]) == 3
    assert len(read(f"TIC {TIC}")[f"TIC {TIC}"]) == 7
    assert [server.asked[uri] for uri in uris] == [1, 1, 1, 2, 1, 1, 1]


def test_files_come_in_parallel_and_in_order(server, light_curve):
    """Four at once: three of the first four wait for the gate, which a callback of the fourth opens."""
    uris = [server.observe(str(TIC), number=number, data=light_curve) for number in range(1, 7)]
    for uri in uris[:3]:
        server.fail(uri, "wait")
    told = []

    def progress(done, total, now):
        told.append((done, total))
        if done:
            server.gate.set()

    mast.READ_S = 30.0  # set back by the fixture
    curves = read(f"TIC {TIC}", progress=progress)[f"TIC {TIC}"]
    assert told == [(done, 6) for done in range(7)]
    assert [os.path.basename(curve.meta["FILENAME"]) for curve in curves] == [uri.rsplit("/", 1)[1] for uri in uris]


def test_what_cannot_be_written_is_said(server, one, cache):
    uri, again = one
    (cache / "mastDownload").mkdir(parents=True)
    (cache / "mastDownload" / "TESS").write_text("in the way")
    with pytest.raises(ReadError, match="cannot write to"):
        again()


def test_a_file_name_from_the_network_cannot_leave_the_cache(server, light_curve):
    good = {"uri": "u", "collection": "TESS", "obs_id": "a", "filename": "a.fits", "star": "", "mission": "TESS"}
    good |= {"author": "SPOC", "exptime": 120.0, "number": "1", "distance": 0.0}
    assert Product(**good).place == Path("mastDownload/TESS/a/a.fits")
    for key in ("collection", "obs_id", "filename"):
        for bad in ("..", "../a", "/etc/a", "", "a/b", ".", "a\\b", "a\0"):
            with pytest.raises(ValueError, match="not a file name"):
                Product(**{**good, key: bad})
    server.observe(str(TIC), number=1, data=light_curve)
    server.observe(str(TIC), number=2, data=light_curve)
    for row in (server.observations[-1], *server.products[server.observations[-1]["obsid"]]):
        row["obs_id"] = "../../../../escaped"
    assert len(read(f"TIC {TIC}")[f"TIC {TIC}"]) == 1


def test_what_a_killed_download_left_is_swept_a_day_later(one, cache):
    _, again = one
    again()
    (path,) = cache.rglob("*.fits")
    old, new = (path.with_name(f".{path.name}.{age}.part") for age in ("old", "new"))
    for left in (old, new):
        left.write_bytes(b"half")
    os.utime(old, (time.time() - 2 * download._OLD_S,) * 2)
    path.unlink()
    again()
    assert not old.exists() and new.exists()


def test_a_source_goes_to_another_process_without_its_callback(server, one):
    (source,) = plan(f"TIC {TIC}", progress=lambda *told: None)
    sent = pickle.loads(pickle.dumps(source))
    assert sent.progress is None and len(sent.collection()) == 1


# Without a network, or with an archive that is out of order


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


# Other processes: killed, or at the same time

SCRIPT = """
import sys
import lightkurve
lightkurve.conf.cache_dir = sys.argv[2]
from lcnet.transits import read
print(len(read(sys.argv[1])[sys.argv[1]][0]))
"""


@pytest.fixture
def start(server, tmp_path, root):
    """Start a process that reads the star from the server."""
    config = tmp_path / "config" / "astropy"
    config.mkdir(parents=True)
    (config / "astroquery.cfg").write_text(f"[mast]\nserver = {server.url}\n")
    started = []

    def run(*command):
        command = command or (sys.executable, "-W", "ignore", "-c", SCRIPT, f"TIC {TIC}", str(tmp_path / "lightkurve"))
        environment = {**os.environ, "XDG_CONFIG_HOME": str(config.parent), "PYTHONPATH": str(root)}
        process = subprocess.Popen(
            command, env=environment, cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def _until(condition, seconds=60):
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.02)


def test_a_download_killed_half_way_leaves_nothing_to_read(server, one, cache, start):
    uri, again = one
    server.fail(uri, "wait")
    process = start()
    _until(lambda: parts(cache) and parts(cache)[0].stat().st_size > 0)
    process.send_signal(signal.SIGKILL)
    process.wait()
    server.gate.set()
    assert parts(cache) and not kept(cache)  # half a file, and not under the file's name
    assert len(again()) > 500
    assert server.asked[uri] == 2 and len(kept(cache)) == 1


def test_two_processes_fetch_the_same_file(server, one, cache, start):
    uri, again = one
    server.fail(uri, "wait", "wait")
    processes = [start(), start()]
    _until(lambda: server.asked[uri] == 2)
    server.gate.set()
    said = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    assert said[0][0] == said[1][0]
    assert len(kept(cache)) == 1 and not parts(cache)
    again()
    assert server.asked[uri] == 2


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
