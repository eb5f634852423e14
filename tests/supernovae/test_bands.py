"""A letter is a filter only together with its survey."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lcnet.supernovae.bands import find_band, lookup
from lcnet.supernovae.read import read


@pytest.mark.parametrize("mark", ["-", "_", "/", "::", " ", ""])
def test_a_survey_before_a_letter_is_whose_it_is(mark, simulated):
    frame = simulated.take([0]).to_frame()
    for survey in ("CFA3K", "CFA3_KEPLERCAM", "cfa3k"):
        for letter, band in zip("fghij", "UBVri", strict=True):
            assert find_band("", f"{survey}{mark}{letter}").name == band
            assert find_band("DES", f"{survey}{mark}{letter}").name == band
    found = read(frame.assign(band=f"CFA3K{mark}i"))
    assert {(band.survey, band.name) for band in found.bands} == {("CFA3K", "r")}


def test_what_is_no_survey_before_a_letter_leaves_it_unknown(simulated):
    frame = simulated.take([0]).to_frame()
    for letter in ("NOBODY-g", "kait4_r", "PS1MD-Q", "CSPg'"):
        found = read(frame.assign(band=letter))
        assert {(band.letter, band.name) for band in found.bands} == {(letter, "")}
    assert {band.name for band in read(frame.assign(band="kait4_r"), bands={"kait4_r": "r"}).bands} == {"r"}
    assert [find_band("PS1", letter).name for letter in ("PS1MD-g", "PS1_g", "ps1::r", "g")] == list("ggrg")
    assert [find_band("ZTF", letter).name for letter in ("ZTF_g", "zr", "ztfi", "2")] == list("grir")


def test_a_users_own_letters():
    find = lookup({("CFA3K", "Q"): "g", "X": "z"})
    assert find("PS1_LOWZ_COMBINED(CFA3K)", "Q").name == "g" and find("CSP", "Q").name == ""
    assert find("CSP", "X").name == "z"
    # the survey's own filter of that name says where it is
    assert find("CFA3K", "X").wavelength == find_band("lcnet", "z").wavelength
    assert lookup({"X": "g"})("CSP", "X").wavelength == find_band("CSP", "g").wavelength


def test_every_point_has_its_own_survey(simulated):
    """The same letters of two telescopes in one object, and points that do not say whose they are."""
    frame = simulated.take([0, 1]).to_frame()
    both = pd.concat(
        [
            frame.assign(survey="PS1MD"),
            frame.assign(survey="CFA3K", mjd=frame["mjd"] + 0.3),
            frame.assign(survey=None, mjd=frame["mjd"] + 0.6),
        ]
    )
    found = read(both)
    assert found.objects["survey"].tolist() == ["CFA3K+PS1MD"] * 2
    count = frame["band"].value_counts()
    seen = pd.Series([(found.bands[code].survey, found.bands[code].name) for code in found.band]).value_counts()
    for letter in "griz":
        assert seen["PS1MD", letter] == count[letter] and seen["lcnet", letter] == count[letter]
    assert seen["CFA3K", "B"] == count["g"] and seen["CFA3K", "r"] == count["i"]
    assert seen["CFA3K", ""] == count["r"] + count["z"]  # KeplerCam has no letter r or z
    given = read(both, survey="SDSS")  # of the points that do not say it
    assert {band.survey for band in given.bands} == {"PS1MD", "CFA3K", "SDSS"}
    order = np.random.default_rng(1).permutation(len(both))
    assert (
        read(both.iloc[order])
        .to_frame()
        .sort_values(["object", "mjd", "band"], ignore_index=True)
        .equals(found.to_frame().sort_values(["object", "mjd", "band"], ignore_index=True))
    )
