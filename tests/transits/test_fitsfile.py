"""Headers and rows read from bytes, against astropy.io.fits."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lcnet.transits.fits_cards import parse_cards
from lcnet.transits.fits_rows import Rows
from lcnet.transits.fitsfile import ReadError, contents, extensions, open_stream, verify_file

TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60)
VALUES = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXT.filter(lambda text: "&" not in text),
    st.none(),
)
# astropy takes a quote in the comment behind an empty string for the string's end: no oracle there
COMMENTS = TEXT.filter(lambda text: "'" not in text)
KEYWORDS = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", min_size=1, max_size=8).filter(
    lambda key: key not in ("END", "COMMENT", "HISTORY", "CONTINUE", "SIMPLE", "BITPIX", "NAXIS", "EXTEND", "XTENSION")
)


def plain(header):
    """A header's cards as a dictionary, undefined ones None."""
    cards = {key: header[key] for key in header if key and key not in ("COMMENT", "HISTORY")}
    return {key: None if isinstance(value, fits.card.Undefined) else value for key, value in cards.items()}


@settings(deadline=None, max_examples=150)
@given(cards=st.dictionaries(KEYWORDS, st.tuples(VALUES, COMMENTS), max_size=12))
@example(cards={"A": ("it''s", "quote's"), "B": ("a / b", ""), "C": (1e300, "/"), "D": ("", ""), "E": (" x ", "= ")})
def test_any_card_is_read_as_astropy_reads_it(cards):
    header = fits.Header()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # comments cut to fit the card
        for key, (value, comment) in cards.items():
            header[key] = (value, comment)
        written = header.tostring().encode()
        again = fits.Header.fromstring(written)
        read, expected = parse_cards(written), plain(again)
    assert read == expected
    assert {key: type(value) for key, value in read.items()} == {key: type(value) for key, value in expected.items()}


@pytest.mark.parametrize(
    "line",
    [
        "NUMBER  = 1.5D3 / Fortran",
        "NUMBER  =1.5",  # astropy wants a blank too
        "TEXT    = 'no end",
        "NUMBER  = 12 34",
        "NUMBER  = (1.0, 2.0) / complex",
        "LOGICAL =                    TRUE",
        "NUMBER  = +.5E-3",
        "HIERARCH ESO DET = 3.5 / long keyword",
        "NUMBER  = 007",
    ],
)
def test_cards_out_of_the_ordinary(line):
    block = line.ljust(80).encode() + b"END".ljust(80)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        header = fits.Header.fromstring(block)
        expected = {}
        for card in header.cards:
            try:
                expected[card.keyword] = card.value if isinstance(card.value, (str, bool, int, float)) else None
            except Exception:
                expected[card.keyword] = None
        read = parse_cards(block)
    # a card without "= " has no value by the standard; astropy lets some pass
    assert read == (expected if line[8:10] == "= " or line.startswith("HIERARCH") else {})


def test_long_strings_and_comments():
    header = fits.Header()
    header["LONG"] = "x" * 150
    header["TWICE"] = 1
    header.add_comment("first")
    header.add_comment("second EVEREST")
    header.add_history("not kept")
    read = parse_cards(header.tostring().encode())
    assert read["LONG"] == "x" * 150 and read["COMMENT"] == "first\nsecond EVEREST" and "HISTORY" not in read


def test_the_first_of_a_keyword_counts():
    block = b"A       =                    1".ljust(80) + b"A       =                    2".ljust(80) + b"END".ljust(80)
    assert parse_cards(block) == {"A": 1} == {"A": fits.Header.fromstring(block)["A"]}


def test_every_header_and_column_of_the_shared_files(data_dir):
    folder = data_dir / "transits" / "lightcurves"
    files = [
        path for path in sorted(folder.rglob("*.fits*")) if "kepler11" not in str(path) and "tres2" not in str(path)
    ]
    assert len(files) > 15
    for path in files:
        assert verify_file(path) in (0, 2, 3)
        raw = contents(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with fits.open(path) as hdus:
                found = list(extensions(raw, path))
                assert len(found) == len(hdus)
                for extension, hdu in zip(found, hdus, strict=True):
                    cards = {key: value for key, value in extension.cards.items() if key != "COMMENT"}
                    assert cards == plain(hdu.header), path
                rows = Rows(raw, found[1])
                assert list(rows) == [name.lower() for name in hdus[1].columns.names]
                for name in rows:
                    np.testing.assert_array_equal(rows[name], hdus[1].data[name])
                    assert rows[name].dtype.isnative
        with open_stream(path) as stream:
            assert next(extensions(stream, path)).cards == found[0].cards


def test_images_before_the_table_are_stepped_over(tmp_path):
    table = fits.BinTableHDU.from_columns([fits.Column("TIME", "D", array=np.arange(3.0))])
    hdus = [fits.PrimaryHDU(np.ones((7, 11), np.int16)), fits.ImageHDU(np.zeros((50, 50))), table]
    fits.HDUList(hdus).writeto(tmp_path / "a.fits")
    with open_stream(tmp_path / "a.fits") as stream:
        found = list(extensions(stream, tmp_path / "a.fits"))
    assert [extension.cards.get("XTENSION") for extension in found] == [None, "IMAGE", "BINTABLE"]
    np.testing.assert_array_equal(Rows(contents(tmp_path / "a.fits"), found[2])["time"], [0, 1, 2])


def test_what_follows_the_last_extension_is_told(tmp_path):
    table = fits.BinTableHDU.from_columns([fits.Column("TIME", "D", array=np.arange(3.0))])
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(tmp_path / "a.fits", checksum=True)
    assert verify_file(tmp_path / "a.fits") == 2
    with open(tmp_path / "a.fits", "ab") as file:
        file.write(b"more".ljust(2880))
    with pytest.raises(ReadError, match="after its last extension"):
        verify_file(tmp_path / "a.fits")


def test_a_datasum_alone_is_verified(tmp_path):
    table = fits.BinTableHDU.from_columns([fits.Column("TIME", "D", array=np.arange(300.0))])
    hdus = fits.HDUList([fits.PrimaryHDU(), table])
    hdus.writeto(tmp_path / "a.fits", checksum="datasum")
    assert "CHECKSUM" not in fits.getheader(tmp_path / "a.fits", 1)
    assert verify_file(tmp_path / "a.fits") == 2
    raw = bytearray((tmp_path / "a.fits").read_bytes())
    raw[-2800] ^= 4
    (tmp_path / "a.fits").write_bytes(raw)
    with pytest.raises(ReadError, match="DATASUM"):
        verify_file(tmp_path / "a.fits")
