"""Simulated files as lightkurve and astropy see them."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from astropy.io import fits

from lcnet.transits.simulate import simulate_star
from lcnet.transits.simulator.missions import MISSIONS
from lcnet.transits.write_fits import write_lightcurve


@pytest.fixture(scope="module")
def lightkurve():
    with warnings.catch_warnings():  # it warns at import about a package it does without (lightkurve issue 1452)
        warnings.simplefilter("ignore")
        return pytest.importorskip("lightkurve")


@pytest.mark.parametrize("cadence", [120.0, 1800.0])
def test_lightkurve_reads_what_was_simulated(tmp_path, lightkurve, cadence):
    curve = simulate_star(4, kind="planets", cadence=cadence, sectors=2)
    paths = write_lightcurve(tmp_path, curve, tic=9000000123)
    assert len(paths) == 2
    for path, sector in zip(paths, curve.truth["sectors"], strict=True):
        assert path.name.endswith(f"-s{sector:04d}-0000009000000123-0000-s_lc.fits")
        read = lightkurve.read(str(path), quality_bitmask="none")
        assert type(read).__name__ == "TessLightCurve"
        assert (read.targetid, read.sector, read.mission, read.author) == (9000000123, sector, "TESS", "SPOC")
        assert read.meta["OBJECT"] == "TIC 9000000123" and read.time.format == "btjd" and read.time.scale == "tdb"
        here = curve.segment == sector
        np.testing.assert_array_equal(read.time.value, curve.time[here])
        np.testing.assert_array_equal(np.asarray(read["quality"]), curve.quality[here])
        # the archive keeps fluxes in 32 bits
        flux = np.ma.filled(read.flux.value, np.nan)
        np.testing.assert_array_equal(flux, curve.flux[here].astype(np.float32))
        # one row a cadence, and numbers that count the cadences of the gap too
        cadence_number = np.asarray(read["cadenceno"])
        steps = np.diff(read.time.value) * 86400 / cadence
        np.testing.assert_array_equal(np.diff(cadence_number), np.rint(steps))


@pytest.mark.parametrize(
    ("mission", "number", "kind", "name", "zero"),
    [
        ("TESS", {"tic": 90000000009}, "TessLightCurve", "tess2", 2457000),
        ("Kepler", {"kic": 90000009}, "KeplerLightCurve", "kplr090000009-2", 2454833),
        ("K2", {"epic": 990000009}, "KeplerLightCurve", "ktwo990000009-c", 2454833),
    ],
)
def test_every_mission_is_read_as_its_own(tmp_path, lightkurve, mission, number, kind, name, zero):
    """The class, the target, the clock, the star and every finite flux, by lightkurve and by lcnet's own reader."""
    from lcnet.transits.products import read_header, read_product

    curve = simulate_star(4, kind="planet", mission=mission, star={"radius": 0.8, "mass": 0.75, "crowdsap": 0.9})
    (path,) = write_lightcurve(tmp_path, curve, **number)
    assert path.name.startswith(name)
    read = lightkurve.read(str(path))
    assert type(read).__name__ == kind and read.mission == mission and read.targetid == next(iter(number.values()))
    assert read.meta["BJDREFI"] == zero and read.time.format == {2457000: "btjd", 2454833: "bkjd"}[zero]
    kept = (curve.quality & MISSIONS[mission].dropped) == 0
    np.testing.assert_array_equal(read.time.value, curve.time[kept])
    np.testing.assert_array_equal(np.ma.filled(read.flux.value, np.nan), curve.flux[kept].astype(np.float32))
    assert (read.meta["RADIUS"], read.meta["CROWDSAP"]) == (0.8, 0.9)
    assert read.meta["TEFF"] == curve.truth["star"]["teff"] and read.meta["LOGG"] == curve.truth["star"]["logg"]
    assert read.meta["TESSMAG" if mission == "TESS" else "KEPMAG"] == curve.truth["star"]["mag"]
    # what CROWDSAP means: a tenth of the light in the aperture is other stars'
    sap, pdc = (np.nanmedian(np.ma.filled(read[column].value, np.nan)) for column in ("sap_flux", "pdcsap_flux"))
    assert pdc / sap == pytest.approx(0.9, rel=1e-6)
    own = read_product(path)
    np.testing.assert_array_equal(own.time.value, read.time.value)
    catalogue = {"TESS": "TIC", "Kepler": "KIC", "K2": "EPIC"}[mission]
    label = read_header(path)
    assert (label.target, label.mission) == (f"{catalogue} {next(iter(number.values()))}", mission)


@pytest.mark.parametrize("mission", ["TESS", "Kepler"])
def test_a_curve_has_one_file(tmp_path, monkeypatch, mission):
    """The same bytes, also on another day: neither the date nor the checksums' comments come from the clock."""
    from astropy.io.fits.hdu.base import _ValidHDU

    curve = simulate_star(5, kind="quiet", mission=mission, cadence=1800.0, sectors=2)
    number = {"tic": 7} if mission == "TESS" else {"kic": 7}
    first = write_lightcurve(tmp_path / "one", curve, **number)
    monkeypatch.setattr(_ValidHDU, "_get_timestamp", lambda self: "2001-01-01T00:00:00")
    second = write_lightcurve(tmp_path / "two", simulate_star(5, kind="quiet", mission=mission, cadence=1800.0,
                                                              sectors=2), **number)  # fmt: skip
    assert [path.name for path in first] == [path.name for path in second] and len(first) == 2
    for one, two in zip(first, second, strict=True):
        assert one.read_bytes() == two.read_bytes()


def test_cadence_numbers_are_the_archives(tmp_path):
    """Kepler's long cadence 2965 was taken at BKJD 169.5198 (quarter 2 of any archive file)."""
    curve = simulate_star(5, kind="quiet", mission="Kepler", sectors=[2])
    (path,) = write_lightcurve(tmp_path, curve, kic=7)
    with fits.open(path) as file:
        row = np.nanargmin(np.abs(file[1].data["TIME"] - 169.5198))
        # within half a cadence: barycentric corrections move a cadence by up to 0.1 of one either way
        assert abs(int(file[1].data["CADENCENO"][row]) - 2965) <= 1
        gaps = np.isnan(file[1].data["TIME"])
        assert gaps.any() and np.all(file[1].data["SAP_QUALITY"][gaps] == 65536)


def test_checksums_hold_and_the_header_says_simulated(tmp_path):
    curve = simulate_star(5, kind="eclipse", cadence=1800.0)
    (path,) = write_lightcurve(tmp_path / "one.fits", curve, tic=9000000001)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a wrong checksum is only a warning in astropy
        with fits.open(path, checksum=True) as file:
            file.verify("exception")
            assert [hdu.name for hdu in file] == ["PRIMARY", "LIGHTCURVE", "APERTURE"]
            assert all("CHECKSUM" in hdu.header and "DATASUM" in hdu.header for hdu in file)
            header, table = file[0].header, file[1]
            assert header["SIMDATA"] is True and header["ORIGIN"] == "lcnet simulation"
            assert (table.header["BJDREFI"], table.header["TIMESYS"], table.header["TIMEUNIT"]) == (2457000, "TDB", "d")
            assert table.header["NUM_FRM"] == 900 and table.header["TIMEDEL"] == 1800 / 86400
            truth = curve.truth["signals"][0]
            assert header["SIMPER1"] == truth["period"] and header["SIMDEP1"] == truth["depth"]
            assert np.isnan(table.data["TIME"]).sum() == len(table.data) - curve.time.size > 0


def test_a_flipped_bit_is_noticed(tmp_path):
    # what the test above relies on: without this, a file without checksums would pass it
    (path,) = write_lightcurve(tmp_path / "one.fits", simulate_star(5, kind="quiet", cadence=1800.0), tic=1)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.warns(UserWarning, match="[Cc]hecksum|[Dd]atasum"):
        with fits.open(path, checksum=True) as file:
            assert len(file[1].data)


def test_whole_or_not_at_all(tmp_path, monkeypatch):
    curve = simulate_star(6, kind="quiet", cadence=1800.0)

    def die(self, file, **keywords):
        file.write(b"half a file")
        raise OSError("disk full")

    monkeypatch.setattr(fits.HDUList, "writeto", die)
    with pytest.raises(OSError, match="disk full"):
        write_lightcurve(tmp_path, curve, tic=1)
    assert list(tmp_path.iterdir()) == []


def test_refusals(tmp_path):
    two = simulate_star(7, kind="quiet", cadence=1800.0, sectors=2)
    with pytest.raises(ValueError, match="give a folder"):
        write_lightcurve(tmp_path / "two.fits", two, tic=1)
    with pytest.raises(ValueError, match="positive"):
        write_lightcurve(tmp_path, two, tic=0)
    with pytest.raises(ValueError, match="takes tic=, not kic"):
        write_lightcurve(tmp_path, two, kic=5)
    with pytest.raises(ValueError, match="takes tic=, not nothing"):
        write_lightcurve(tmp_path, two)
