"""The reader of single files against lightkurve's own, value for value; and what lightkurve leaves out."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import small_files as small

from lcnet.transits.parts import part_of, read_part
from lcnet.transits.products import NoColumn, ReadError, read_header, read_product
from lcnet.transits.quality import MASKS, quality_mask

# what lightkurve says at import and while it reads: units, a mask that leaves out many cadences
pytestmark = pytest.mark.filterwarnings("ignore")


def values(column):
    """(numbers, mask) of a column of any kind."""
    mask = getattr(column, "mask", None)
    plain = np.asarray(getattr(getattr(column, "unmasked", column), "value", getattr(column, "unmasked", column)))
    return plain, np.zeros(plain.shape, bool) if mask is None or not np.shape(mask) else np.asarray(mask)


def assert_same(theirs, ours, *, but=()):
    """Class, columns in their order, kinds, units, masks, numbers, times and meta of two light curves."""
    assert type(ours) is type(theirs)
    assert ours.colnames == theirs.colnames
    assert (ours.time.format, ours.time.scale) == (theirs.time.format, theirs.time.scale)
    np.testing.assert_array_equal(ours.time.value, theirs.time.value)
    for name in set(theirs.colnames) - {"time", *but}:
        assert type(ours[name]) is type(theirs[name]), name
        assert ours[name].unit == theirs[name].unit, name
        (a, hidden), (b, own_hidden) = values(theirs[name]), values(ours[name])
        np.testing.assert_array_equal(own_hidden, hidden, err_msg=name)
        np.testing.assert_array_equal(b[~hidden], a[~hidden], err_msg=name)
    for key, value in theirs.meta.items():
        if key in ("", "COMMENT", "HISTORY", "comments", "AUTHOR", *but):
            continue
        value = None if type(value).__name__ == "Undefined" else value
        assert np.array_equal(ours.meta[key], value), key


SHARED = {
    "Kepler": "KIC11446443_tres2/kplr011446443-2009131105131_llc.fits",
    "SPOC": "lkext/tess2020106103520-s0024-0000000188589164-0180-s_lc.fits.gz",
    "TESS-SPOC": "lkext/hlsp_tess-spoc_tess_phot_0000000188589164-s0024_tess_v1_lc.fits.gz",
    "QLP": "lkext/hlsp_qlp_tess_ffi_s0024-0000000188589164_tess_v01_llc.fits",
    "K2SFF": "everest/hlsp_k2sff_k2_lightcurve_201367065-c01_kepler_v1_llc.fits.gz",
    "custom": "exovetter/wasp18b.fits.gz",
}


@pytest.mark.parametrize("bitmask", ["default", "hard", "hardest", "none", 175, None])
@pytest.mark.parametrize("author", SHARED)
def test_a_shared_file_is_read_as_lightkurve_reads_it(data_dir, author, bitmask):
    import lightkurve

    if author == "K2SFF" and bitmask != "default":
        pytest.skip("lightkurve's K2SFF reader takes no bit mask: the product has no quality flags")
    path = data_dir / "transits" / "lightcurves" / SHARED[author]
    asked = {} if author == "K2SFF" else {"quality_bitmask": bitmask}
    ours = read_product(path, **asked)
    assert_same(lightkurve.read(str(path), **asked), ours)
    assert ours.meta["AUTHOR"] == ours.meta["LCNET_AUTHOR"] == author


@pytest.mark.parametrize("column", ["sap_flux", "sap_bkg", "pos_corr1"])
def test_another_flux_column_as_in_lightkurve(data_dir, column):
    import lightkurve

    path = data_dir / "transits" / "lightcurves" / SHARED["SPOC"]
    if column == "pos_corr1":  # no flux, but a column; it has no error
        curve = read_product(path, flux_column=column)
        assert curve.flux.unit == "pix" and np.isnan(curve.flux_err.value).all()
        return
    assert_same(lightkurve.read(str(path), flux_column=column), read_product(path, flux_column=column.upper()))


MADE = {"spoc": small.spoc, "kepler": small.kepler, "qlp": small.qlp, "everest": small.everest, "k2sff": small.k2sff}


@pytest.mark.parametrize("bitmask", ["default", "hard", "none", 4])
@pytest.mark.parametrize("kind", [*MADE, "qlp 60", "k2"])
def test_a_made_file_is_read_as_lightkurve_reads_it(tmp_path, kind, bitmask):
    import lightkurve

    options = {"qlp 60": {"sector": 60}, "k2": {"mission": "K2"}}.get(kind, {})
    path = MADE[{"qlp 60": "qlp", "k2": "kepler"}.get(kind, kind)](tmp_path / "a.fits", **options)
    asked = {} if kind == "k2sff" else {"quality_bitmask": bitmask}
    # EVEREST's errors, which lightkurve leaves NaN
    assert_same(
        lightkurve.read(str(path), **asked), read_product(path, **asked), but=("flux_err",) * (kind == "everest")
    )


def test_everest_has_the_errors_of_its_raw_flux_and_its_other_flux(tmp_path):
    path = small.everest(tmp_path / "renamed.fits")
    curve = read_product(path)
    assert curve.meta["LCNET_AUTHOR"] == "EVEREST" and curve.meta["LCNET_TARGET"] == "EPIC 201367065"
    assert set(curve.flux_err.value) == {0.9} and curve.flux_err.unit == "electron / s"
    other = read_product(path, flux_column="fcor")  # lightkurve gives "flux" whatever is asked for
    np.testing.assert_array_equal(other.flux.unmasked.value, curve["fcor"].unmasked.value)
    assert np.nanmedian(other.flux.unmasked.value - curve.flux.unmasked.value) == pytest.approx(0.5)
    part = read_part(path)
    assert (part.numbered, set(part.segment), part.system) == ("campaign", {1}, "BKJD")
    assert np.isfinite(part.flux).all() and part.cadence == pytest.approx(1765.5)


@pytest.mark.parametrize("name", ["KeplerLightCurve", "TessLightCurve"])
def test_lightkurves_own_files(tmp_path, name):
    import lightkurve

    made = {"KeplerLightCurve": small.kepler, "TessLightCurve": small.spoc}[name](tmp_path / "a.fits")
    first = lightkurve.read(str(made))
    # 2.6 writes a masked column as its fill value; see lightkurve's to_fits
    first[np.isfinite(np.asarray(first.flux.filled(np.nan)))].to_fits(str(tmp_path / "b.fits"), overwrite=True)
    theirs = lightkurve.read(str(tmp_path / "b.fits"))
    assert_same(theirs, read_product(tmp_path / "b.fits"))
    assert read_product(tmp_path / "b.fits").meta["LCNET_AUTHOR"] == "custom"


def test_integer_nulls_and_scaled_columns_go_through_astropy(tmp_path):
    from astropy.io import fits

    n = 50
    columns = [
        fits.Column("TIME", "D", unit="BJD - 2457000, days", array=np.arange(n) + 1325.0),
        fits.Column("PDCSAP_FLUX", "J", unit="e-/s", bzero=2**31, array=np.arange(n, dtype=np.uint32) + 2**31 + 7),
        fits.Column("QUALITY", "J", array=np.zeros(n, np.int32)),
        fits.Column("NAME", "8A", array=["star"] * n),
    ]
    head = fits.PrimaryHDU()
    head.header.update(small.PRIMARY["SPOC"])
    fits.HDUList([head, fits.BinTableHDU.from_columns(columns)]).writeto(tmp_path / "a.fits")
    np.testing.assert_array_equal(read_part(tmp_path / "a.fits").flux, 2.0**31 + 7 + np.arange(n))
    assert len(read_product(tmp_path / "a.fits")) == n


@pytest.mark.parametrize("unit", ["s", "h"])
def test_times_in_other_units_become_days(tmp_path, unit):
    factor = {"s": 86400.0, "h": 24.0}[unit]
    time, flux = small.numbers(60)
    path = small.write(
        tmp_path / "a.fits",
        [("TIME", "D", unit, (time - 1325.0) * factor), ("FLUX", "D", None, flux)],
        {"OBJECT": "my star"},
        {"MJDREFI": 58324, "MJDREFF": 0.5},
    )
    part = read_part(path)
    assert part.system == "BJD"
    np.testing.assert_allclose(part.time - 2458325.0, time - 1325.0, rtol=0, atol=1e-8)  # of 2.4e6: 5e-10


def test_the_quality_words_are_lightkurves():
    from lightkurve.utils import KeplerQualityFlags, TessQualityFlags

    assert MASKS == {"Kepler": KeplerQualityFlags.OPTIONS, "TESS": TessQualityFlags.OPTIONS}
    flags = np.array([0, 1, 1 << 20, 64])
    np.testing.assert_array_equal(quality_mask(flags, "default", mission="K2"), [True, False, False, True])
    np.testing.assert_array_equal(quality_mask(flags, "default", mission=""), [True, False, False, False])
    with pytest.raises(ValueError, match="harder"):
        quality_mask(flags, "harder")


def test_an_unknown_quality_word_is_the_callers_mistake(tmp_path):
    path = small.spoc(tmp_path / "a.fits")
    for read in (read_part, read_product):
        with pytest.raises(ValueError, match="harder") as caught:
            read(path, quality_bitmask="harder")
        assert not isinstance(caught.value, ReadError)


def test_a_column_that_is_not_there_is_named_with_those_that_are(tmp_path):
    path = small.qlp(tmp_path / "a.fits")
    with pytest.raises(NoColumn, match="pdcsap_flux.*sap_flux, kspsap_flux"):
        read_product(path, flux_column="pdcsap_flux")


@pytest.mark.parametrize("kind", [*MADE, "k2sc", "k2varcat"])
def test_a_file_and_its_light_curve_give_the_same_arrays(tmp_path, kind):
    path = {**MADE, "k2sc": small.k2sc, "k2varcat": small.k2varcat}[kind](tmp_path / "a.fits")
    direct, through = read_part(path), part_of(read_product(path))
    for name in ("flux", "flux_err", "segment"):
        np.testing.assert_array_equal(getattr(direct, name), getattr(through, name), err_msg=name)
    # an astropy Time keeps two doubles; back in one they may differ in the last digit
    np.testing.assert_allclose(direct.time, through.time, rtol=2**-51, atol=0)
    for name in ("system", "scale", "author", "mission", "target", "label", "numbered", "crowding", "star", "repairs"):
        assert getattr(direct, name) == getattr(through, name), name
    assert direct.meta == through.meta


def test_a_shared_file_gives_the_same_arrays_either_way(data_dir):
    for name in SHARED.values():
        path = data_dir / "transits" / "lightcurves" / name
        direct, through = read_part(path), part_of(read_product(path))
        np.testing.assert_array_equal(direct.flux, through.flux)
        np.testing.assert_allclose(direct.time, through.time, rtol=2**-51, atol=0)
        assert (direct.author, direct.star, direct.meta) == (through.author, through.star, through.meta)


def test_the_header_alone_says_whose_it_is(tmp_path):
    label = read_header(small.kepler(tmp_path / "a.fits"))
    assert (label.target, label.mission, label.author) == ("KIC 6541920", "Kepler", "Kepler")
    assert (label.segments, label.segment, label.cadence) == ("quarter", 3, pytest.approx(1765.5))
    label = read_header(small.k2sff(tmp_path / "b.fits"))
    assert (label.target, label.author, label.segment, label.cadence) == ("EPIC 201367065", "K2SFF", 1, 1765.5)


def test_whether_other_stars_light_is_taken_out_is_stated(tmp_path):
    path = small.spoc(tmp_path / "a.fits")
    assert read_product(path).meta["LCNET_CROWDING"] == "corrected"
    sap = read_product(path, flux_column="sap_flux")
    assert sap.meta["LCNET_CROWDING"] == "not corrected" and sap.meta["CROWDSAP"] == 0.95
    assert read_product(small.qlp(tmp_path / "b.fits")).meta["LCNET_CROWDING"] == "unknown"
    assert read_product(small.k2sff(tmp_path / "c.fits")).meta["LCNET_CROWDING"] == "not corrected"


def test_readers_for_what_lightkurve_lacks(tmp_path):
    import lightkurve

    import lcnet.transits.readers  # noqa: F401

    curve = lightkurve.KeplerLightCurve.read(str(small.k2sc(tmp_path / "a.fits")), format="k2sc")
    assert type(curve) is lightkurve.KeplerLightCurve and curve.meta["AUTHOR"] == "K2SC"
    assert len(curve) == 299 and set(curve.flux_err.value) == {0.8}  # one attitude tweak; "no fine point" stays
    curve = lightkurve.KeplerLightCurve.read(str(small.k2varcat(tmp_path / "b.fits")), format="k2varcat")
    assert (curve.meta["AUTHOR"], curve.meta["FLUX_ORIGIN"], curve.time.format) == ("K2VARCAT", "detflux", "bkjd")
    curve = lightkurve.TessLightCurve.read(str(small.spoc(tmp_path / "c.fits")), format="lcnet", flux_column="sap_flux")
    assert curve.meta["FLUX_ORIGIN"] == "sap_flux"
    with pytest.raises(ReadError, match="not a k2sc file"):
        lightkurve.LightCurve.read(str(tmp_path / "c.fits"), format="k2sc")


def test_what_only_lightkurve_reads_is_verified_first(tmp_path):
    time, flux = small.numbers(60)
    columns = [("TIME", "D", "BJD - 2457000, days", time), ("DQUALITY", "J", None, np.zeros(60, np.int32))]
    columns += [(name, "D", "e-/s", flux) for name in ("AP1_FLUX_COR", "AP2_FLUX_COR", "AP3_FLUX_COR")]
    columns += [(name, "D", "e-/s", flux) for name in ("PSF_FLUX_RAW", "PSF_FLUX_COR", "AP4_FLUX_RAW", "AP4_FLUX_COR")]
    columns += [("SKY_LOCAL", "D", "e-/s", flux)]
    path = small.write(
        tmp_path / "a.fits", columns, {**small.PRIMARY["SPOC"], "ORIGIN": "PATHOS"}, {"BJDREFI": 2457000}
    )
    part = read_part(path)
    assert part.author == "PATHOS" and part.time.size == 60
    np.testing.assert_array_equal(part.flux, flux)
    raw = bytearray(path.read_bytes())
    raw[-2880 * 2 + 100] ^= 1
    path.write_bytes(raw)
    with pytest.raises(ReadError, match="CHECKSUM"):
        read_part(path)


def test_a_curve_of_phases_is_no_light_curve(tmp_path):
    time, flux = small.numbers(60)
    primary = {**small.PRIMARY["SPOC"], "CREATOR": "lightkurve.FoldedLightCurve.to_fits()"}
    path = small.write(tmp_path / "a.fits", [("TIME", "D", "d", time), ("FLUX", "D", None, flux)], primary, {})
    with pytest.raises(ReadError, match="folded"):
        read_product(path)


def test_packed_in_several_members_and_opened_without_lightkurve(tmp_path):
    import subprocess

    plain = small.spoc(tmp_path / "a.fits")
    raw = plain.read_bytes()
    packed = tmp_path / "b.fits.gz"
    packed.write_bytes(gzip.compress(raw[:9000]) + gzip.compress(raw[9000:]))
    np.testing.assert_array_equal(read_part(packed).flux, read_part(plain).flux)
    code = (
        "import sys; from lcnet.transits.curves import curve_arrays; "
        f"assert curve_arrays({str(packed)!r}).time.size > 200; assert 'lightkurve' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_object_behaves_as_lightkurves_does(tmp_path):
    import pickle

    import lightkurve

    path = small.spoc(tmp_path / "a.fits")
    theirs, ours = lightkurve.read(str(path)), read_product(path)
    for curve in (ours, pickle.loads(pickle.dumps(ours)), ours.copy()):
        assert_same(theirs, curve, but=("FILENAME",))
    doings = {
        "flatten": lambda curve: curve.remove_nans().flatten(window_length=51),
        "bin": lambda curve: curve.remove_nans().bin(time_bin_size=0.05),
        "fold": lambda curve: curve.remove_nans().fold(0.1),
        "outliers": lambda curve: curve.remove_outliers(sigma=2),
        "select_flux": lambda curve: curve.select_flux("sap_flux").normalize(),
        "stitch": lambda curve: lightkurve.LightCurveCollection([curve, curve]).stitch(),
        "slice": lambda curve: curve[10:200:3],
    }
    for what, doing in doings.items():
        a, b = doing(theirs), doing(ours)
        for name in ("flux", "flux_err"):
            (x, hidden), (y, _) = values(a[name]), values(b[name])
            # float32 sums may be taken in another order in another byte order
            np.testing.assert_allclose(y[~hidden], x[~hidden], rtol=1e-6, err_msg=what)
    assert list(ours.to_pandas().columns) == list(theirs.to_pandas().columns)
    ours.flux = ours.flux * 2
    ours["new"] = np.arange(len(ours))
    assert ours.sector == 1 and ours.targetid == theirs.targetid and "new" in ours.colnames
    again = read_product(path)  # nothing of it is shared with the next reading of the file
    (x, hidden), (y, _) = values(theirs.flux), values(again.flux)
    np.testing.assert_array_equal(x[~hidden], y[~hidden])
