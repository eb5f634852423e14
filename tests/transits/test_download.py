"""Files on their way: whole or not at all, whatever goes wrong, and a cache that is used but never trusted."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lcnet.terminal import progress_bar
from lcnet.transits import download, mast
from lcnet.transits.caches import Product, cache_roots
from lcnet.transits.download import damage
from lcnet.transits.read import ReadError, plan, read

TIC = 900_000_001  # as in conftest.py
pytestmark = pytest.mark.usefixtures("archive")


def parts(cache):
    return [path for path in cache.rglob("*") if path.name.endswith(".part") and ".fits" in path.name]


def kept(cache):
    return sorted(path.name for path in cache.rglob("*.fits"))


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
        ("cut", "4 attempts .the connection broke", 4),
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
    server.fail(uri, "flip")
    with pytest.raises(ReadError, match="cached file was damaged .*, and so is the one fetched in its place .*SUM"):
        again()
    assert server.asked[uri] == 3


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


class Terminal(io.StringIO):
    """A stderr that says it is a terminal, and keeps what is drawn."""

    def isatty(self):
        return True


def test_a_terminal_shows_one_display_and_a_pipe_nothing(server, one, monkeypatch):
    _, again = one
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with progress_bar("stars") as report:
        report(0, 2, "TIC 7")
        again()
    drawn = terminal.getvalue()
    assert "stars" in drawn and "files" in drawn and "TIC 7" in drawn
    with progress_bar("stars"):
        pass  # the display is gone, and a new one is made
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with progress_bar("stars") as report:
        assert report is None
    assert sys.stderr.getvalue() == ""


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


def test_ctrl_c_ends_a_download_that_waits(server, one, cache, start):
    uri, _ = one
    server.fail(uri, "wait")
    process = start()
    _until(lambda: parts(cache) and parts(cache)[0].stat().st_size > 0)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert time.monotonic() - began < 20  # and not the minute that a silent connection is given
    assert "KeyboardInterrupt" in said
    assert not parts(cache) and not kept(cache)


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


def test_lightkurves_cache_is_found_where_it_is_and_not_made(tmp_path, monkeypatch):
    import lightkurve

    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    with lightkurve.conf.set_temp("cache_dir", None):
        found = list(cache_roots())
    assert found[0] == tmp_path / "cache"
    assert tmp_path / "xdg" / "lightkurve" in found and tmp_path / "home" / ".lightkurve" / "cache" in found
    assert not any(path.exists() for path in found[1:])
