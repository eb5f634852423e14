"""What a star is called, which zero its times count from, and what is said about files that cannot be read."""

from __future__ import annotations

import gzip
from types import SimpleNamespace

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from lcnet.transits.curves import curve_arrays
from lcnet.transits.headers import identify, time_system
from lcnet.transits.read import ReadError, plan, read

TESS = {"TELESCOP": "TESS", "OBJECT": "TIC 261136679", "TICID": 261136679, "SECTOR": 1, "ORIGIN": "NASA/Ames"}
SPOC = {**TESS, "CREATOR": "4253 LightCurveExporterPipelineModule"}


def write(path, *, primary=SPOC, table=None, unit="BJD - 2457000, days", n=200, start=1325.0, flux="PDCSAP_FLUX"):
    """A light-curve file of `n` 2-minute points, flux 1000 with one NaN, the last of them of bad quality."""
    time = start + np.arange(n) * 120 / 86400
    values = np.full(n, 1000.0, dtype=np.float32)
    values[3] = np.nan
    quality = np.zeros(n, dtype=np.int32)
    quality[-1] = 128
    columns = [
        fits.Column("TIME", "D", unit=unit, array=time),
        fits.Column(flux, "E", unit="e-/s", array=values),
        fits.Column(f"{flux}_ERR", "E", unit="e-/s", array=np.ones(n, dtype=np.float32)),
        fits.Column("QUALITY", "J", array=quality),
    ]
    hdu = fits.BinTableHDU.from_columns(columns, name="LIGHTCURVE")
    hdu.header.update({"BJDREFI": 2457000, "BJDREFF": 0.0, "TIMEDEL": 120 / 86400} if table is None else table)
    head = fits.PrimaryHDU()
    head.header.update(primary)
    fits.HDUList([head, hdu]).writeto(path)
    return path


def test_a_spoc_file_is_known_by_its_header_and_loses_its_bad_cadences(tmp_path):
    curves = read(write(tmp_path / "renamed-by-its-owner.fits"))
    assert list(curves) == ["TIC 261136679"]
    curve = curve_arrays(curves["TIC 261136679"])
    assert (curve.mission, curve.author, curve.time_system, curve.flags) == ("TESS", "SPOC", "BTJD", ())
    assert curve.time.size == 198  # one NaN, one bad cadence
    assert {column.dtype for column in (curve.time, curve.flux, curve.flux_err)} == {np.dtype(np.float64)}
    assert np.all(np.diff(curve.time) > 0) and set(curve.segment) == {1}
    assert np.all(curve.flux == 1000)
    np.testing.assert_allclose(curve.time[0], 1325.0, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ({"OBJECT": "KIC 011446443", "MISSION": "Kepler"}, "KIC 11446443"),
        ({"OBJECT": "WASP-18", "TICID": 100100827}, "TIC 100100827"),
        ({"KEPLERID": 11446443, "TELESCOP": "Kepler"}, "KIC 11446443"),
        ({"KEPLERID": 201367065, "TELESCOP": "Kepler"}, "EPIC 201367065"),
        ({"KEPLERID": 201367065, "MISSION": "K2"}, "EPIC 201367065"),
        ({"OBJECT": "100100827", "TARGETID": 100100827, "MISSION": "TESS"}, "TIC 100100827"),
        ({"OBJECT": "100100827", "TARGETID": None, "MISSION": "TESS"}, "TIC 100100827"),
        ({"TARGETID": 201367065, "MISSION": "K2"}, "EPIC 201367065"),
        ({"OBJECT": "100100827"}, ""),  # a number without a mission could be in any catalogue
        ({"OBJECT": "my star", "TICID": 0}, ""),
    ],
)
def test_the_star_from_the_header(header, expected):
    assert identify(header).target == expected


@given(st.integers(1, 10**11), st.sampled_from(["KIC", "TIC", "EPIC"]), st.sampled_from(["", " ", "  ", "_", "-"]))
def test_any_prefixed_object_becomes_catalogue_and_number(number, prefix, gap):
    assert identify({"OBJECT": f"{prefix.lower()}{gap}{number:012d}"}).target == f"{prefix} {number}"


@pytest.mark.parametrize(
    ("header", "unit", "expected"),
    [
        ({"BJDREFI": 2454833, "BJDREFF": 0.0}, "", ("BKJD", 2454833.0)),
        ({"BJDREFI": 2457000}, "d", ("BTJD", 2457000.0)),
        ({"BJDREFI": 2454833}, "BJD - 2457000, days", ("BKJD", 2454833.0)),
        ({"BJDREFI": 2400000, "BJDREFF": 0.5}, "d", ("BJD", 2400000.5)),
        ({}, "BJD - 2454833", ("BKJD", 2454833.0)),
        ({}, "BJD-2457000, days", ("BTJD", 2457000.0)),
        ({}, "btjd", ("BTJD", 2457000.0)),
        ({}, "bkjd", ("BKJD", 2454833.0)),
        ({}, "jd", ("BJD", 0.0)),
        ({}, "d", ("unknown", None)),
        ({}, "", ("unknown", None)),
    ],
)
def test_the_zero_of_the_times(header, unit, expected):
    assert time_system(header, unit) == expected


@pytest.mark.parametrize(
    ("table", "unit", "system", "first"),
    [
        ({}, "d", "unknown", 1325.0),
        ({"BJDREFI": 2454833}, "d", "BKJD", 1325.0),  # lightkurve takes every TESS file for BTJD
        ({"BJDREFI": 2450000}, "d", "BJD", 2451325.0),
        ({"BJDREFI": 0}, "d", "BJD", 1325.0),
    ],
)
@pytest.mark.parametrize("creator", ["4253 LightCurveExporterPipelineModule", "my own script"])
def test_times_are_counted_from_the_zero_the_header_states(tmp_path, table, unit, system, first, creator):
    path = write(tmp_path / "a.fits", primary={**TESS, "CREATOR": creator}, table=table, unit=unit)
    curve = curve_arrays(read(path)["TIC 261136679"])
    assert curve.time_system == system
    assert curve.flags == (("time_system_unknown",) if system == "unknown" else ())
    np.testing.assert_allclose(curve.time[0], first, rtol=0, atol=1e-9 * max(1, first / 2000))


def test_files_lightkurve_refuses_are_read_by_their_columns(tmp_path):
    path = write(tmp_path / "home.fits", primary={"OBJECT": "my star"}, flux="CORR_FLUX", unit="d", table={})
    curves = read(path)
    assert list(curves) == ["my star"]
    curve = curve_arrays(curves["my star"])
    assert (curve.author, curve.mission, curve.time_system) == ("custom", "", "unknown")
    assert curve.time.size == 198


def test_a_light_curve_without_a_name_is_unnamed_and_numbered():
    import lightkurve

    plain = [lightkurve.LightCurve(time=np.arange(9.0), flux=np.ones(9)) for _ in range(2)]
    labelled = lightkurve.LightCurve(time=np.arange(9.0), flux=np.ones(9), label="mine")
    assert list(read([plain[0], labelled, plain[1]])) == ["unnamed-1", "mine", "unnamed-2"]
    assert list(read(plain[0])) == ["unnamed-1"]
    curve = curve_arrays(plain[0])
    assert (curve.target, curve.time_system, curve.flags) == ("unnamed-1", "unknown", ("time_system_unknown",))
    assert np.all(np.isnan(curve.flux_err))


def test_a_full_julian_date_is_bjd_and_mjd_becomes_one():
    import lightkurve
    from astropy.time import Time

    days = np.arange(9.0)
    full = lightkurve.LightCurve(time=Time(2459000.0 + days, format="jd", scale="tdb"), flux=np.ones(9))
    mjd = lightkurve.LightCurve(time=Time(58999.5 + days, format="mjd", scale="tdb"), flux=np.ones(9))
    for curve in (curve_arrays(full), curve_arrays(mjd)):
        assert (curve.time_system, curve.flags) == ("BJD", ())
        np.testing.assert_allclose(curve.time, 2459000.0 + days, rtol=0, atol=1e-8)
    utc = lightkurve.LightCurve(time=Time(2459000.0 + days, format="jd", scale="utc"), flux=np.ones(9))
    assert curve_arrays(utc).flags == ("time_not_tdb",)


def test_sectors_of_a_star_are_put_in_order_and_kept_apart(tmp_path):
    later = write(tmp_path / "a_lc.fits", primary={**SPOC, "SECTOR": 2}, start=1354.0)
    first = write(tmp_path / "b_lc.fits")
    for target in ([later, first], tmp_path, f"{tmp_path}/*_lc.fits", str(tmp_path), (str(later), first, first)):
        curves = read(target)
        assert list(curves) == ["TIC 261136679"] and len(curves["TIC 261136679"]) == 2
        curve = curve_arrays(curves["TIC 261136679"])
        assert np.all(np.diff(curve.time) > 0)
        assert list(curve.segment) == [1] * 198 + [2] * 198


def test_a_column_tells_the_quarters_of_one_stitched_curve():
    import lightkurve

    curve = lightkurve.LightCurve(time=np.arange(6.0), flux=np.ones(6))
    curve["quarter"] = [4, 4, 4, 5, 5, 5]
    assert list(curve_arrays(curve).segment) == [4, 4, 4, 5, 5, 5]


def test_different_pipelines_are_not_stitched(tmp_path):
    write(tmp_path / "1.fits", primary={**SPOC, "ORIGIN": "MIT/QLP", "SECTOR": 1}, flux="SAP_FLUX")
    with fits.open(tmp_path / "1.fits", mode="update") as hdus:
        hdus[1].header["TTYPE3"] = "KSPSAP_FLUX_ERR"
    write(tmp_path / "2.fits", table={"BJDREFI": 2457000, "TIMEDEL": 1800 / 86400})
    write(tmp_path / "3.fits")
    curves = read(tmp_path)["TIC 261136679"]
    assert [curve.meta["AUTHOR"] for curve in curves] == ["QLP", "TESS-SPOC", "SPOC"]
    curve = curve_arrays(curves)
    assert curve.author == "SPOC" and curve.time.size == 198
    assert curve.flags == ("other_authors",)
    assert "QLP" in curve.notes[0] and "TESS-SPOC" in curve.notes[0]
    assert curve_arrays([curves[0], curves[1]]).author == "TESS-SPOC"


def test_the_same_cadences_are_used_once(tmp_path):
    path = write(tmp_path / "a.fits")
    (tmp_path / "a.fits.gz").write_bytes(gzip.compress(path.read_bytes()))
    curve = curve_arrays(read(tmp_path)["TIC 261136679"])
    assert curve.time.size == 198 and curve.flags == ("overlaps_dropped",)


def _sectors(tmp_path, *, second, n=200):
    """Two 2-minute curves of a star, the later one from `second` on and of another level."""
    first = write(tmp_path / "a.fits", n=n)
    later = write(tmp_path / "b.fits", primary={**SPOC, "SECTOR": 2}, start=second, n=n)
    return curve_arrays(read([first, later])["TIC 261136679"])


def test_of_curves_that_overlap_in_part_no_time_is_used_twice(tmp_path):
    # a third of the later one, half a cadence off: points of two sectors in turn
    start = 1325.0 + (133 + 0.5) * 120 / 86400
    curve = _sectors(tmp_path, second=start)
    assert curve.flags == ("overlaps_dropped",)
    # the first has 198 points up to its 199th cadence; that far, 65 of the later one (less its NaN) are left out
    assert curve.notes == ("64 points in overlaps of its curves left out",)
    assert list(curve.segment) == [1] * 198 + [2] * (198 - 64)
    assert np.all(np.diff(curve.time) > 0)


def test_curves_side_by_side_lose_nothing(tmp_path):
    curve = _sectors(tmp_path, second=1325.0 + 200 * 120 / 86400)
    assert curve.flags == () and curve.time.size == 2 * 198


def test_a_curve_covered_by_more_than_half_is_left_out(tmp_path):
    curve = _sectors(tmp_path, second=1325.0 + 80.5 * 120 / 86400)
    assert curve.flags == ("overlaps_dropped",) and set(curve.segment) == {1}
    assert curve.notes == ("1 curve of the same time span left out",)


def test_a_sector_in_the_gap_of_a_stitched_curve_is_kept(tmp_path):
    import lightkurve

    sectors = [read(write(tmp_path / f"{k}.fits", start=1325.0 + 3 * k))["TIC 261136679"][0] for k in range(3)]
    around = lightkurve.LightCurveCollection([sectors[0], sectors[2]]).stitch()
    curve = curve_arrays([around, sectors[1]])
    assert curve.flags == () and curve.time.size == 3 * 198


def test_a_star_comes_from_gzipped_files_too(tmp_path):
    plain = write(tmp_path / "a.fits")
    packed = tmp_path / "b.fits.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert list(read(packed)) == ["TIC 261136679"]


def _pixels(path):
    column = fits.Column("FLUX", "9E", dim="(3,3)", array=np.ones((5, 3, 3), dtype=np.float32))
    table = fits.BinTableHDU.from_columns([fits.Column("TIME", "D", array=np.arange(5.0)), column], name="PIXELS")
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(path)


DAMAGED = {
    "truncated": ("cut off", lambda path: path.write_bytes(write(path.with_suffix(".x")).read_bytes()[:-2880])),
    "truncated header": ("cut off", lambda path: path.write_bytes(write(path.with_suffix(".x")).read_bytes()[:1000])),
    "gzip cut off": (
        "cut off",
        lambda path: path.write_bytes(gzip.compress(write(path.with_suffix(".x")).read_bytes())[:900]),
    ),
    "a web page": ("web page", lambda path: path.write_text("\n<!DOCTYPE html><html>404</html>")),
    "text": ("not a FITS file", lambda path: path.write_text("time,flux\n1,2\n")),
    "empty": ("empty", lambda path: path.write_bytes(b"")),
    "pixels": ("target-pixel file", _pixels),
    "an image": ("no table with a time", lambda path: fits.PrimaryHDU(np.ones((9, 9))).writeto(path)),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_what_cannot_be_read_is_named_with_what_to_do(tmp_path, kind):
    message, make = DAMAGED[kind]
    path = tmp_path / "bad.fits"
    make(path)
    with pytest.raises(ReadError, match=message) as caught:
        read(path)
    assert "bad.fits" in str(caught.value)


def test_one_bad_file_does_not_hide_the_others(tmp_path):
    write(tmp_path / "a.fits")
    (tmp_path / "b.fits").write_text("<html>")
    write(tmp_path / "c.fits", primary={**SPOC, "OBJECT": "TIC 7", "TICID": 7})
    sources = plan(tmp_path)
    assert [source.target for source in sources] == ["TIC 261136679", str(tmp_path / "b.fits"), "TIC 7"]
    assert [source.error is None for source in sources] == [True, False, True]


def test_several_curves_come_in_any_form(tmp_path):
    write(tmp_path / "a.fits")
    write(tmp_path / "c.fits", primary={**SPOC, "OBJECT": "TIC 7", "TICID": 7})
    curves = read(tmp_path)
    forms = [
        sorted(tmp_path.glob("*.fits")),
        iter(sorted(tmp_path.glob("*.fits"))),
        (path for path in sorted(tmp_path.glob("*.fits"))),
        curves,
        curves.values(),
        [curves],
    ]
    for form in forms:
        again = read(form)
        assert list(again) == ["TIC 261136679", "TIC 7"] and [len(one) for one in again.values()] == [1, 1]
    assert set(read(tmp_path.glob("*.fits"))) == set(curves)


def test_nothing_to_read_is_said():
    import lightkurve

    for nothing in ([], (), {}, iter(()), lightkurve.LightCurveCollection([]), [[]]):
        with pytest.raises(ReadError, match="no light curve given: an empty"):
            read(nothing)


def test_folders_without_light_curves_say_what_they_hold(tmp_path):
    with pytest.raises(ReadError, match="holds no .fits file"):
        read(tmp_path)
    (tmp_path / "tess-0120-s_tp.fits").write_bytes(b"SIMPLE  =")
    with pytest.raises(ReadError, match="holds 1 FITS files, none of them a light curve"):
        read(tmp_path)


def test_what_is_neither_a_file_nor_a_name_is_said():
    for text in ("folder/missing.fits", "missing.fits", "~/missing", "list.csv", ""):
        with pytest.raises(FileNotFoundError, match="no such file"):
            read(text)
    with pytest.raises(FileNotFoundError, match="no file matches"):
        read("nothing-*.fits")
    with pytest.raises(ValueError, match="write KIC 17, TIC 17 or EPIC 17"):
        read("17")
    with pytest.raises(TypeError, match="cannot read a light curve from SimpleNamespace"):
        read(SimpleNamespace(time=np.arange(3), flux=np.ones(3)))  # as a periodogram has them
    with pytest.raises(TypeError, match="ndarray"):
        read(np.ones(3))


def test_a_column_and_a_mask_are_passed_to_the_reader(tmp_path):
    path = write(tmp_path / "a.fits")
    (source,) = plan(path, flux_column="flux", quality_bitmask="none")
    assert (source.flux_column, source.quality_bitmask) == ("flux", "none")
    assert len(read(path, quality_bitmask="none")["TIC 261136679"][0]) > len(read(path)["TIC 261136679"][0])


def test_a_light_curve_object_gives_the_column_asked_for():
    import lightkurve

    curve = lightkurve.LightCurve(time=np.arange(9.0), flux=np.ones(9), label="mine")
    curve["raw"] = np.full(9, 3.0)
    (chosen,) = read(curve, flux_column="RAW")["mine"]
    assert np.all(chosen.flux.value == 3.0)
    with pytest.raises(ReadError, match="mine: its light curve has no column other; it has time, flux"):
        read(curve, flux_column="other")


@pytest.mark.parametrize(
    ("form", "system", "first"),
    [
        ("btjd", "BTJD", 1325.0),
        ("bkjd", "BKJD", 3492.0),
        ("jd", "BJD", 2458325.0),
        ("mjd", "BJD", 2458325.0),
        ("isot", "BJD", 2458325.0),
        ("unix", "BJD", 2458325.0),
    ],
)
def test_the_time_system_follows_the_format_its_owner_sets(tmp_path, form, system, first):
    """The meta still says what the file said."""
    (curve,) = read(write(tmp_path / "a.fits"))["TIC 261136679"]
    assert curve.meta["LCNET_TIME_SYSTEM"] == "BTJD"
    curve.time.format = form
    made = curve_arrays(curve)
    assert (made.time_system, made.flags) == (system, ())
    # isot keeps milliseconds, unix seconds a microsecond
    np.testing.assert_allclose(made.time[0], first, rtol=0, atol=1e-8)


def test_a_zero_the_file_does_not_state_stays_unknown_in_any_format(tmp_path):
    (curve,) = read(write(tmp_path / "a.fits", table={}, unit="d"))["TIC 261136679"]
    for form in ("jd", "isot"):
        curve.time.format = form
        assert curve_arrays(curve).time_system == "unknown"


def test_mixed_time_systems_are_refused(tmp_path):
    write(tmp_path / "a.fits")
    write(tmp_path / "b.fits", primary={**SPOC, "SECTOR": 2}, table={"BJDREFI": 2450000}, start=8355.0)
    with pytest.raises(ReadError, match="BJD and BTJD"):
        curve_arrays(read(tmp_path)["TIC 261136679"])


def test_every_shared_light_curve_is_read(data_dir):
    folder = data_dir / "transits" / "lightcurves"
    curves = read(folder)
    assert len(curves) == 12
    wasp = curve_arrays(curves["TIC 100100827"])
    assert (wasp.author, wasp.mission, wasp.time_system) == ("custom", "TESS", "BTJD")
    assert len(curves["KIC 11446443"]) == 15
    tres = curve_arrays(curves["KIC 11446443"])
    assert (tres.mission, tres.author, tres.time_system, len(set(tres.segment))) == ("Kepler", "Kepler", "BKJD", 15)
    toi = curve_arrays(curves["TIC 188589164"])
    assert toi.author == "SPOC" and toi.flags == ("other_authors",) and len(set(toi.segment)) == 2
    k2 = curve_arrays(curves["EPIC 201367065"])
    assert (k2.mission, k2.author, k2.meta["segments"]) == ("K2", "K2SFF", "campaign")


def test_wasp_18_is_the_same_star_as_a_lightkurve_object(data_dir):
    import lightkurve

    path = data_dir / "transits" / "lightcurves" / "exovetter" / "wasp18b.fits.gz"
    curve = curve_arrays(next(iter(read(lightkurve.read(str(path))).values())))
    assert (curve.target, curve.author, curve.time_system) == ("TIC 100100827", "custom", "BTJD")
