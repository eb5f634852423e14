"""Damaged and odd light curves: a named error or a stated repair, never a traceback, never silently another curve."""

from __future__ import annotations

import gzip
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
import small_files as small

from lcnet.transits import fitsfile
from lcnet.transits.curves import curve_arrays
from lcnet.transits.parts import read_part
from lcnet.transits.products import ReadError, read_header, read_product

pytestmark = pytest.mark.filterwarnings("ignore:Warning. the tpfmodel submodule")


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """Bytes of a sound file of each kind, and the arrays it gives."""
    folder = tmp_path_factory.mktemp("sound")
    made = {
        "spoc": small.spoc(folder / "spoc.fits"),
        "kepler": small.kepler(folder / "kepler.fits"),
        "no checksum": small.spoc(folder / "no.fits", checksum=False),
        "qlp": small.qlp(folder / "qlp.fits"),
        "k2sff": small.k2sff(folder / "k2sff.fits"),
    }
    packed = folder / "packed.fits"
    packed.write_bytes(gzip.compress(made["spoc"].read_bytes(), mtime=0))
    made["packed"] = packed
    return {kind: (path.read_bytes(), read_part(path)) for kind, path in made.items()}


def differences(a, b) -> list[str]:
    """The fields of two parts that differ; the file's own name aside."""
    found = []
    for item in fields(a):
        x, y = getattr(a, item.name), getattr(b, item.name)
        if item.name == "meta":
            x, y = ({key: value for key, value in z.items() if key != "FILENAME"} for z in (x, y))
        if not (np.array_equal(x, y, equal_nan=True) if isinstance(x, np.ndarray) else x == y):
            found.append(item.name)
    return found


def states_checksums(raw: bytes) -> bool:
    """Whether the two headers that are read still have a CHECKSUM each."""
    try:
        found = fitsfile.extensions(raw, Path("damaged"))
        return all(next(found).cards.get("CHECKSUM") for _ in range(2))
    except (ReadError, StopIteration):
        return False


@st.composite
def damage(draw):
    """(kind of file, what is done to its bytes): the place as a share of the file, so that any length will do."""
    kind = draw(st.sampled_from(["spoc", "spoc", "spoc", "kepler", "packed", "no checksum", "qlp", "k2sff"]))
    place = draw(st.floats(0, 1, exclude_max=True))
    how = draw(st.sampled_from(["flip", "flip", "flip", "flips", "cut", "zeros", "noise", "lost", "twice"]))
    if how == "flip":
        return kind, how, place, draw(st.integers(0, 7))
    if how == "flips":
        return kind, how, place, draw(st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=8))
    if how == "noise":
        return kind, how, place, draw(st.binary(min_size=1, max_size=60))
    return kind, how, place, draw(st.sampled_from([1, 4, 80, 512, 2880, 20000]))


def damaged(raw: bytes, how: str, place: float, more) -> bytes:
    at, spoiled = int(place * len(raw)), bytearray(raw)
    if how == "flip":
        spoiled[at] ^= 1 << more
    elif how == "flips":
        for share in (place, *more):
            spoiled[int(share * len(raw))] ^= 1 << int(8 * share * len(raw)) % 8
    elif how == "cut":
        del spoiled[at:]
    elif how == "zeros":
        spoiled[at : at + more] = bytes(len(spoiled[at : at + more]))
    elif how == "noise":
        spoiled[at : at + len(more)] = more[: len(spoiled) - at]
    elif how == "lost":
        del spoiled[at : at + more]
    elif how == "twice":
        spoiled[at:at] = spoiled[at : at + more]
    return bytes(spoiled)


# 200 files, the same every time; 5 s is the longest a file may take
@settings(
    max_examples=200,
    deadline=5000,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(what=damage())
def test_a_damaged_file_is_a_named_error_or_the_same_curve(sound, tmp_path, what):
    kind, *how = what
    raw, truth = sound[kind]
    spoiled = damaged(raw, *how)
    path = tmp_path / "damaged.fits"
    path.write_bytes(spoiled)
    try:
        read_header(path)
        part = read_part(path)
        curve_arrays(path)
    except ReadError as error:
        assert str(path) in str(error) and "\n" not in str(error)
        return
    if kind == "packed" or states_checksums(spoiled):
        assert differences(truth, part) == []


@settings(max_examples=40, deadline=5000, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(what=damage())
def test_nor_does_a_lightkurve_object_of_it_bring_a_traceback(sound, tmp_path, what):
    kind, *how = what
    path = tmp_path / "damaged.fits"
    path.write_bytes(damaged(sound[kind][0], *how))
    try:
        read_product(path)
    except ReadError as error:
        assert str(path) in str(error)


def test_every_single_bit_of_the_headers_and_many_of_the_data(sound, tmp_path):
    """The check behind the two above: no flip anywhere passes for a sound file and changes what is read."""
    raw, truth = sound["spoc"]
    table = list(fitsfile.extensions(raw, Path("x")))[1]
    places = [*range(0, table.data, 53), *range(table.data, table.end, 1009)]
    path, refused = tmp_path / "a.fits", 0
    for number, at in enumerate(places):
        spoiled = bytearray(raw)
        spoiled[at] ^= 1 << number % 8
        path.write_bytes(spoiled)
        try:
            assert differences(truth, read_part(path)) == [], at
        except ReadError:
            refused += 1
    # all but the flips that hit the keyword CHECKSUM itself, and leave nothing to compare with
    assert refused >= len(places) - 4


@pytest.mark.parametrize("kind", ["spoc", "kepler"])
def test_a_checksum_without_datasum_is_verified_as_the_archive_means_it(sound, tmp_path, kind):
    """As in every Kepler and TESS file; astropy leaves the data out of the sum where there is no DATASUM."""
    path = tmp_path / "a.fits"
    path.write_bytes(sound[kind][0])
    with fits.open(path) as hdus:
        for hdu in hdus:
            del hdu.header["DATASUM"]
            hdu.header["CHECKSUM"] = "0" * 16
        hdus.writeto(tmp_path / "b.fits")
    raw = bytearray((tmp_path / "b.fits").read_bytes())
    for extension in fitsfile.extensions(bytes(raw), path):
        words = fitsfile.ones_complement(bytes(raw), extension.start, extension.end)
        encoded = fits.PrimaryHDU()._char_encode(~np.uint32(words) & np.uint32(0xFFFFFFFF))
        at = raw.index(b"'0000000000000000'", extension.start) + 1
        raw[at : at + 16] = encoded.encode()
    (tmp_path / "c.fits").write_bytes(raw)
    assert fitsfile.verify_file(tmp_path / "c.fits") == 2
    assert differences(sound[kind][1], read_part(tmp_path / "c.fits")) == []
    raw[-2880] ^= 1
    (tmp_path / "c.fits").write_bytes(raw)
    with pytest.raises(ReadError, match="CHECKSUM"):
        read_part(tmp_path / "c.fits")


def test_a_file_is_read_unverified_when_asked(sound, tmp_path):
    raw, truth = sound["spoc"]
    path = tmp_path / "a.fits"
    path.write_bytes(raw.replace(b"TEFF    =", b"TEFG    ="))  # a header edited, its CHECKSUM left as it was
    with pytest.raises(ReadError, match="CHECKSUM.*edited"):
        read_part(path)
    assert differences(truth, read_part(path, check=False)) == ["star"]


def test_zeroed_blocks_and_what_is_no_light_curve(sound, tmp_path):
    path = tmp_path / "bad.fits"
    raw = sound["no checksum"][0]
    for content, said in (
        (bytes(len(raw)), "starts with zeros"),
        (raw[:2880] + bytes(2880) + raw[5760:], "no table|zeros|cut off"),
        (raw[:2880] + raw[2880 : 2 * 2880].replace(b"XTENSION", b"YTENSION") + raw[5760:], "no table"),
        (b"<!DOCTYPE html><html>503</html>", "web page"),
        (b"", "empty"),
        (raw[:5000], "cut off"),
    ):
        path.write_bytes(content)
        for read in (read_part, read_product, read_header):
            with pytest.raises(ReadError, match=said) as caught:
                read(path)
            assert str(caught.value).startswith(str(path))
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_product(tmp_path / "none.fits")
    with pytest.raises(ReadError, match="folder"):
        read_part(tmp_path)


def curve(tmp_path, time, flux, error=None, **options):
    """A file of these numbers, read."""
    error = np.ones(len(time)) if error is None else error
    columns = [("TIME", "D", "BJD - 2457000, days", time), ("PDCSAP_FLUX", "D", "e-/s", flux)]
    columns += [("PDCSAP_FLUX_ERR", "D", "e-/s", error), ("QUALITY", "J", None, np.zeros(len(time), np.int32))]
    path = small.write(tmp_path / "a.fits", columns, small.PRIMARY["SPOC"], {"BJDREFI": 2457000}, **options)
    return curve_arrays(path)


@pytest.mark.parametrize(("points", "said"), [(0, "no cadence"), (1, "only 1 point "), (2, "only 2 points")])
def test_too_few_points(tmp_path, points, said):
    time, flux = small.numbers(9)
    with pytest.raises(ReadError, match=said):
        curve(tmp_path, time[:points], flux[:points])


def test_all_nan(tmp_path):
    time, flux = small.numbers(50)
    with pytest.raises(ReadError, match="no finite flux"):
        curve(tmp_path, time, np.full(50, np.nan))
    (tmp_path / "a.fits").unlink()
    with pytest.raises(ReadError, match="no cadence is left"):
        curve(tmp_path, np.full(50, np.nan), flux)


def test_a_constant_flux_is_named_by_the_search(tmp_path):
    from lcnet.transits.candidates import find_candidates

    time, _ = small.numbers(200)
    made = curve(tmp_path, time, np.full(200, 7.0))
    with pytest.raises(ValueError, match="constant"):
        find_candidates(made.time, made.flux, made.flux_err, segment=made.segment)


def test_times_out_of_order_are_sorted_and_said(tmp_path):
    time, flux = small.numbers(50)
    order = np.random.default_rng(1).permutation(50)
    made = curve(tmp_path, time[order], flux[order])
    np.testing.assert_array_equal(made.time, time)
    np.testing.assert_array_equal(made.flux, flux)
    assert "out of order" in made.notes[0]


def test_a_time_given_twice_counts_once_and_is_said(tmp_path):
    time, flux = small.numbers(50)
    made = curve(tmp_path, np.append(time, time[10:13]), np.append(flux, [1.0, 2.0, 3.0]))
    np.testing.assert_array_equal(made.flux, flux)
    assert made.notes == ("times out of order at 1 places; sorted", "3 points of a time given twice left out")


def test_infinities_are_left_out_and_said(tmp_path):
    time, flux = small.numbers(50)
    flux[[3, 4]] = [np.inf, -np.inf]
    time[9] = np.inf
    made = curve(tmp_path, time, flux)
    assert made.time.size == 47 and np.isfinite(made.flux).all()
    assert made.notes == ("2 infinite values left out",)  # a row without a time is no row, as in the archive


def test_errors_that_are_none_are_missing(tmp_path):
    time, flux = small.numbers(50)
    error = np.ones(50)
    error[:4] = [0.0, -1.0, np.inf, np.nan]
    made = curve(tmp_path, time, flux, error)
    np.testing.assert_array_equal(np.isnan(made.flux_err), np.arange(50) < 4)


def test_without_errors_there_are_none(tmp_path):
    time, flux = small.numbers(50)
    path = small.write(tmp_path / "a.fits", [("TIME", "D", "btjd", time), ("FLUX", "D", None, flux)], {}, {})
    assert np.isnan(curve_arrays(path).flux_err).all()
    assert np.isnan(read_product(path).flux_err.value).all()
