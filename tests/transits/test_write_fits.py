"""Simulated files as lightkurve and astropy see them."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from astropy.io import fits

from lcnet.transits.simulate import simulate_star
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
