"""Which of a star's light curves are used: one product a sector, never two of one time, each point by its exposure."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import small_files as small

from lcnet.transits.curves import curve_arrays
from lcnet.transits.fitsfile import ReadError

pytestmark = pytest.mark.filterwarnings("ignore:Warning. the tpfmodel submodule")

FULL_FRAME = {"step": 1800 / 86400, "n": 120, "spoil": False}


def tess_spoc(path, **options):
    return small.spoc(path, **{**FULL_FRAME, **options})


def test_the_three_products_of_the_shared_star(data_dir):
    folder = data_dir / "transits" / "lightcurves" / "lkext"
    curve = curve_arrays(sorted(folder.iterdir()))
    assert (curve.author, curve.flags) == ("SPOC", ("other_authors",))
    assert curve.notes == ("SPOC used; not used: TESS-SPOC (sectors 24, 25), QLP (sectors 24, 25)",)
    assert sorted(set(curve.segment)) == [24, 25] and np.all(np.diff(curve.time) > 0)
    assert curve.meta["authors"] == {24: "SPOC", 25: "SPOC"}
    assert (curve.meta["crowding"], curve.meta["crowdsap"]) == ("corrected", pytest.approx(0.9978, abs=1e-4))
    # SPOC's header has radius and gravity; the TIC's own density is 8.864
    assert curve.star == pytest.approx({"radius": 0.3256, "teff": 3352, "tmag": 10.27, "rho": 8.864}, rel=1e-3)


def test_the_order_the_files_come_in_is_of_no_matter(data_dir):
    import itertools

    folder = data_dir / "transits" / "lightcurves" / "lkext"
    files = [path for path in sorted(folder.iterdir()) if "s0024" in path.name]
    curves = [curve_arrays(order) for order in itertools.permutations(files)]
    for curve in curves:
        assert curve.author == "SPOC" and curve.flags == ("other_authors",)
        np.testing.assert_array_equal(curve.flux, curves[0].flux)


def test_a_sector_that_only_a_lesser_pipeline_has_is_used_and_kept_apart(tmp_path):
    files = [
        small.spoc(tmp_path / "1.fits", sector=1, spoil=False),
        small.qlp(tmp_path / "2.fits", sector=1),
        small.qlp(tmp_path / "3.fits", sector=2, start=1355.0),
    ]
    curve = curve_arrays(files)
    assert curve.author == "SPOC, QLP"
    assert set(curve.flags) == {"mixed_authors", "other_authors", "mixed_cadences"}
    assert curve.notes[0] == "sector 1 from SPOC; sector 2 from QLP"
    assert curve.notes[1] == "SPOC, QLP used; not used: QLP (sector 1)"
    assert curve.meta["authors"] == {1: "SPOC", 2: "QLP"}
    assert sorted(set(curve.segment)) == [1, 2] and (curve.segment == 1).sum() == 300


def test_a_lesser_pipeline_does_not_fill_the_gaps_of_a_sector(tmp_path):
    """What SPOC left out of a sector, scattered light mostly, was left out for a reason."""
    first = small.spoc(tmp_path / "1.fits", spoil=False)  # 10 hours
    second = small.qlp(tmp_path / "2.fits", n=600)  # 12 days of the same sector
    curve = curve_arrays([first, second])
    assert curve.author == "SPOC" and curve.time.size == 300 and "other_authors" in curve.flags


@pytest.mark.parametrize(
    ("steps", "used", "flags"),
    [
        ((20, 120), 120, ("overlaps_dropped",)),
        ((120, 20), 120, ("overlaps_dropped",)),
        ((20, 60), 60, ("overlaps_dropped",)),
        ((1800, 200), 200, ("overlaps_dropped",)),
        ((120, 600), 120, ("other_authors",)),  # SPOC's 600 s are the full frames', TESS-SPOC
        ((20,), 20, ()),
    ],
)
def test_the_shortest_cadence_from_120_s_on(tmp_path, steps, used, flags):
    span = 6 * 3600
    files = [small.spoc(tmp_path / f"{step}.fits", step=step / 86400, n=span // step, spoil=False) for step in steps]
    curve = curve_arrays(files)
    assert curve.meta["cadence"] == pytest.approx(used, rel=1e-3)
    assert curve.flags == flags


def test_kepler_in_long_and_short_cadence(tmp_path):
    long = small.kepler(tmp_path / "1.fits", n=300)
    short = small.kepler(tmp_path / "2.fits", n=3000, step=58.85 / 86400, start=201.0)
    curve = curve_arrays([short, long])
    assert curve.meta["cadence"] == pytest.approx(1765.5, rel=1e-3) and curve.flags == ("overlaps_dropped",)


def test_cadences_are_weighed_by_exposure(tmp_path):
    """One star at 120 s and 1800 s, white noise per root exposure; both files state the same, useless error."""
    noise = 1e-3
    short = small.spoc(tmp_path / "1.fits", sector=1, n=6000, noise=noise, spoil=False)
    slow = tess_spoc(tmp_path / "2.fits", sector=2, start=1355.0, n=3000, noise=noise / np.sqrt(15), seed=5)
    curve = curve_arrays([short, slow])
    assert "mixed_cadences" in curve.flags and "120 to 1800 s" in " ".join(curve.notes)
    assert curve.meta["cadences"] == pytest.approx({1: 120.0, 2: 1800.0}, rel=1e-3)
    errors = [np.median(curve.flux_err[curve.segment == sector]) / 1000 for sector in (1, 2)]
    # the median absolute deviation of n values is good to 1.17 / sqrt(n); differences share points: x sqrt(2)
    assert errors[0] == pytest.approx(noise, rel=4 * 1.17 * np.sqrt(2 / 6000))
    assert errors[0] / errors[1] == pytest.approx(np.sqrt(15), rel=4 * 1.17 * np.sqrt(2 / 6000 + 2 / 3000))


def test_errors_of_one_cadence_and_pipeline_stay_as_they_are(tmp_path):
    files = [small.spoc(tmp_path / f"{k}.fits", sector=k, start=1325.0 + 30 * k, error=k, spoil=False) for k in (1, 2)]
    curve = curve_arrays(files)
    assert curve.flags == ()
    np.testing.assert_array_equal(curve.flux_err, curve.segment)


def test_a_box_search_of_mixed_cadences_weighs_them(tmp_path):
    """A transit in the precise sector is found beside a noisy one 15 times as long in points."""
    from lcnet.transits.bls import bls_search
    from lcnet.transits.detrend import clean

    short = small.spoc(tmp_path / "1.fits", sector=1, n=5000, noise=3e-3, spoil=False)
    slow = tess_spoc(tmp_path / "2.fits", sector=2, start=1335.0, n=600, noise=2e-4, seed=3)
    curve = curve_arrays([short, slow])
    flux = curve.flux - 1.0 * (np.abs((curve.time - 1336.0 + 1.0) % 2.0 - 1.0) < 0.08) * (curve.segment == 2)
    time, flux, error, _ = clean(curve.time, flux, curve.flux_err, segment=curve.segment)
    found = bls_search(time, flux, error, period=(1.5, 2.5))
    best = int(np.argmax(found.power))
    assert found.period[best] == pytest.approx(2.0, abs=0.01)
    # of 4 bins of 8 points the depth, 1000 ppm, is known to 2e-4 / sqrt(40) = 32 ppm
    assert found.depth[best] == pytest.approx(1e-3, abs=2e-4)


def test_k2_takes_the_light_curve_without_the_roll(tmp_path):
    files = [small.kepler(tmp_path / "1.fits", mission="K2", start=1977.0), small.k2sff(tmp_path / "2.fits")]
    curve = curve_arrays(files)
    assert (curve.target, curve.mission, curve.author) == ("EPIC 201367065", "K2", "K2SFF")
    assert curve.notes == ("K2SFF used; not used: K2 (campaign 1)",)
    curve = curve_arrays([*files, small.everest(tmp_path / "3.fits")])
    assert curve.author == "EVEREST" and curve.meta["crowding"] == "not corrected"


def test_a_flux_column_that_only_some_products_have(tmp_path):
    spoc, qlp = small.spoc(tmp_path / "1.fits"), small.qlp(tmp_path / "2.fits", sector=1)
    curve = curve_arrays([qlp, spoc], flux_column="pdcsap_flux")
    assert curve.author == "SPOC" and "QLP (sector 1)" in curve.notes[0]
    with pytest.raises(ReadError, match="no column 'pdcsap_flux'"):
        curve_arrays([qlp], flux_column="pdcsap_flux")


def test_sap_flux_is_said_to_hold_other_stars_light(tmp_path):
    path = small.spoc(tmp_path / "1.fits")
    assert curve_arrays(path).flags == ()
    curve = curve_arrays(path, flux_column="sap_flux")
    assert curve.flags == ("not_crowding_corrected",) and curve.meta["crowdsap"] == pytest.approx(0.95)
    assert curve.notes == ("5.0 % of the light in the aperture is of other stars",)


def test_the_quality_mask_asked_for(tmp_path):
    path = small.spoc(tmp_path / "1.fits")
    sizes = {
        word: curve_arrays(path, quality_bitmask=word).time.size for word in ("none", "default", "hard", "hardest")
    }
    assert sizes["none"] == 296  # of 300, three without a time and one without a flux
    assert sizes["none"] > sizes["default"] > sizes["hard"] > sizes["hardest"]


def test_files_and_light_curves_together(tmp_path):
    from lcnet.transits.products import read_product

    first = small.spoc(tmp_path / "1.fits", sector=1)
    second = small.spoc(tmp_path / "2.fits", sector=2, start=1355.0)
    mixed, direct = curve_arrays([first, read_product(second)]), curve_arrays([first, second])
    np.testing.assert_array_equal(mixed.flux, direct.flux)
    np.testing.assert_allclose(mixed.time, direct.time, rtol=2**-51, atol=0)
    assert (mixed.flags, mixed.notes, mixed.star) == (direct.flags, direct.notes, direct.star)


def test_the_star_of_several_headers_is_what_any_of_them_knows(tmp_path):
    files = [small.spoc(tmp_path / "1.fits", sector=1), small.qlp(tmp_path / "2.fits", sector=2, start=1355.0)]
    star = curve_arrays(files).star
    assert star["mass"] == 1.1 and star["tmag"] == 5.1  # the mass is QLP's


def test_one_damaged_quarter_is_named(tmp_path):
    good, bad = small.kepler(tmp_path / "1.fits"), small.kepler(tmp_path / "2.fits", quarter=4, start=300.0)
    bad.write_bytes(bad.read_bytes()[:-2880])
    with pytest.raises(ReadError, match=r"2\.fits.*cut off"):
        curve_arrays([good, bad])


def test_a_quarter_without_a_good_cadence_does_not_cost_the_others(tmp_path):
    from lcnet.transits.products import NoCadence

    good = small.spoc(tmp_path / "1.fits", sector=1)
    time, flux = small.numbers(50, start=1355.0)
    columns = [("TIME", "D", "BJD - 2457000, days", time), ("PDCSAP_FLUX", "E", "e-/s", flux)]
    columns += [("QUALITY", "J", None, np.full(50, 128, np.int32))]
    primary = {**small.PRIMARY["SPOC"], "SECTOR": 2}
    bad = small.write(tmp_path / "2.fits", columns, primary, {"BJDREFI": 2457000})
    curve = curve_arrays([bad, good])
    assert set(curve.segment) == {1} and curve.notes == ("1 file without a good cadence left out",)
    with pytest.raises(NoCadence, match=r"2\.fits: no cadence is left"):
        curve_arrays(bad)
    assert set(curve_arrays([bad, good], quality_bitmask="none").segment) == {1, 2}


def test_a_source_goes_to_arrays_without_lightkurve(tmp_path):
    import subprocess

    from lcnet.transits.read import plan

    files = [small.spoc(tmp_path / "1.fits", sector=1), small.qlp(tmp_path / "2.fits", sector=1)]
    (source,) = plan(tmp_path)
    source.notes = ("chosen for a reason",)
    curve, direct = source.curve(), curve_arrays(files)
    np.testing.assert_array_equal(curve.flux, direct.flux)
    assert curve.notes == (*direct.notes, "chosen for a reason") and curve.target == source.target
    (source,) = plan(tmp_path, flux_column="pdcsap_flux", quality_bitmask="hard")
    assert source.curve().time.size < direct.time.size
    code = (
        "import sys; from lcnet.transits.read import plan; "
        f"assert plan({str(tmp_path)!r})[0].curve().time.size == {direct.time.size}; "
        "assert 'lightkurve' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
