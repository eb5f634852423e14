"""What the tests of the transit path share: light-curve files of known stars, and a network of known opinions."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))  # for mast_server


class FakeNetwork:
    """Three members whose opinions follow from the depth, so that a test can work out every number."""

    inputs = {"global_view": (201,), "local_view": (61,), "secondary_view": (61,), "period": (), "depth": (), "snr": ()}
    classes = ("planet", "eclipse", "junk")
    card = {
        "name": "transits/candidate",
        "version": "7",
        "sha256": "ab" * 32,
        "prevalence": {"planet": 0.1, "eclipse": 0.2, "junk": 0.7},
    }

    def __init__(self):
        self.calls = []

    @staticmethod
    def members(depth):
        planet = np.where(np.asarray(depth) < 5000, 0.8, 0.06)
        shift = np.array([-0.05, 0.0, 0.05])[:, None]
        return np.stack([planet + shift, 0.95 - planet - shift, np.full_like(planet + shift, 0.05)], axis=-1)

    def predict_members(self, inputs):
        self.calls.append({name: np.array(values) for name, values in inputs.items()})
        return self.members(inputs["depth"]).astype(np.float32)


@pytest.fixture
def network() -> FakeNetwork:
    return FakeNetwork()


# 30-minute cadence: a fortieth of the points of a 2-minute file, and the same path
STARS = {
    "planet": (5, 800_001, {"snr": (30.0, 80.0), "tmag": 9.0, "period": (2.0, 4.0)}),
    "eclipse": (2, 800_002, {"snr": (30.0, 1e4), "tmag": 9.0, "period": (2.0, 4.0)}),
    "quiet": (6, 800_003, {"tmag": 10.0}),
}


@pytest.fixture(scope="session")
def simulated():
    """Simulated stars by kind: their curves with truth."""
    from lcnet.transits.simulate import simulate_star

    return {
        kind: simulate_star(seed, kind=kind, cadence=1800.0, **options) for kind, (seed, _, options) in STARS.items()
    }


@pytest.fixture(scope="session")
def star_files(simulated, tmp_path_factory):
    """The simulated stars as archive-format FITS, by kind."""
    from lcnet.transits.write_fits import write_lightcurve

    folder = tmp_path_factory.mktemp("stars")
    return {kind: write_lightcurve(folder / kind, curve, tic=STARS[kind][1])[0] for kind, curve in simulated.items()}


@pytest.fixture(scope="session")
def make_network():
    """The class of `network`, for fixtures that live longer than a test."""
    return FakeNetwork


# An archive on 127.0.0.1, for names and downloads

TIC = 900_000_001  # no star has it


@pytest.fixture(scope="session")
def light_curve(tmp_path_factory):
    """A simulated light curve as an archive file of 150 kB."""
    from lcnet.transits.simulate import simulate_star
    from lcnet.transits.write_fits import write_lightcurve

    curve = simulate_star(1, kind="quiet", cadence=1800.0, tmag=10.0)
    return write_lightcurve(tmp_path_factory.mktemp("archive"), curve, tic=TIC)[0].read_bytes()


@pytest.fixture(scope="session")
def kepler_curve(tmp_path_factory):
    """The same in the form of Kepler: quarter by quarter, and without DATASUM, as there."""
    from astropy.io import fits

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
    """A server that answers as MAST does; see mast_server.py."""
    from mast_server import MastServer

    made = MastServer()
    yield made
    made.close()


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def archive(server, cache, tmp_path, monkeypatch):
    """astroquery and lightkurve pointed at the server and at empty folders, by their own settings."""
    import astroquery.mast
    import lightkurve
    from astroquery.mast.discovery_portal import PortalAPI

    from lcnet.transits import mast

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
def offline(server, archive):
    """A function after whose call the archive does not answer."""

    def cut():
        from lcnet.transits import mast

        server.close()
        mast._reached.clear()

    return cut


@pytest.fixture
def one(server, light_curve, archive):
    """The only file of a star: its URI; and a function that reads the star."""
    from lcnet.transits.read import read

    uri = server.observe(str(TIC), data=light_curve)

    def again():
        return read(f"TIC {TIC}")[f"TIC {TIC}"][0]

    return uri, again
