"""ZTF as the survey, its forced photometry service and its brokers write it; magnitudes and fluxes by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lcnet.supernovae.read import read

ERROR = 0.4 * np.log(10)


def test_signs_of_differences():
    signs = ["t", "f", "1", "0", "1.0", "-1.0", "-1", 1, 0, -1, 1.0, True, False, None, "+"]
    positive = [True, False, True, False, True, False, False, True, False, False, True, True, False, True, True]
    frame = pd.DataFrame({"oid": "a", "mjd": 59000.0 + np.arange(len(signs)), "fid": 1, "isdiffpos": signs})
    assert (read(frame.assign(magpsf=20.0, sigmapsf=0.1)).flux > 0).tolist() == positive


def test_a_brokers_own_names():
    """ALeRCE: mag and e_mag, non-detections with a limit alone."""
    frame = pd.DataFrame({"oid": "a", "mjd": [59000.0, 59001, 59002], "fid": [1, 2, 3], "isdiffpos": [1, -1, None]})
    frame = frame.assign(mag=[20.0, 19.0, None], e_mag=[0.1, 0.1, None], diffmaglim=[21.0, 21.0, 21.0])
    found = read(frame)
    assert [(band.survey, band.name) for band in found.bands] == [("ZTF", "g"), ("ZTF", "r"), ("ZTF", "i")]
    assert found.flux == pytest.approx([1000, -(10**3.4), 0]) and found.flux_err[2] == pytest.approx(10**2.6 / 5)
    # the zeropoint is the survey's own
    assert np.array_equal(read(frame.assign(zp=31.4), zeropoint="nJy").flux, found.flux)


def test_magnitudes_with_the_references_flux_are_refused():
    frame = pd.DataFrame({"oid": "a", "mjd": [59000.0], "fid": [1], "magpsf_corr": [18.0], "sigmapsf_corr": [0.1]})
    with pytest.raises(ValueError, match="source and reference together"):
        read(frame)
    assert read(frame.assign(magpsf=20.0, sigmapsf=0.1)).flux == pytest.approx([1000])


def test_the_forced_photometry_service(tmp_path):
    """Its file: comments, names between commas, values between blanks, null where there is none."""
    path = tmp_path / "forcedphotometry_req00012345_lc.txt"
    path.write_text(
        "# Processing summary for user\n# Requested RA = 1.0\n#\n"
        "index, field, filter, diffmaglim, zpdiff, jd, forcediffimflux, forcediffimfluxunc, procstatus \n"
        " 0   600 ZTF_g 20.9 26.2 2459000.5  200.0 10.0  0\n"
        " 1   600 ZTF_r 20.8 26.3 2459001.5 -50.0  10.0  56,57\n"
        " 2   600 ZTF_i 20.8 26.0 2459002.5 null   null   255\n"
        " 3   600 ZTF_g 20.8 26.0 2459003.5 -99999 -99999 255\n"
    )
    found = read(path)
    assert found.objects["object"].tolist() == ["forcedphotometry_req00012345_lc"]
    assert found.mjd == pytest.approx([59000.0, 59001.0]) and found.detected.tolist() == [-1, -1]
    assert [(band.survey, band.name) for band in found.bands] == [("ZTF", "g"), ("ZTF", "r")]
    assert found.flux == pytest.approx([200 * 10 ** (0.4 * 1.3), -50 * 10 ** (0.4 * 1.2)])
    assert found.flux_err == pytest.approx([10 * 10 ** (0.4 * 1.3), 10 * 10 ** (0.4 * 1.2)])


def test_forced_photometry_of_packets():
    """An exposure counts once: forced photometry before a detection, a detection before a limit."""

    def exposure(pid, **more):
        return {"pid": pid, "jd": 2459000.5 + pid, "fid": 1 + pid % 2} | more

    detection = {"magpsf": 20.0, "sigmapsf": 0.1, "isdiffpos": "t", "diffmaglim": 21.0}
    past = [exposure(0, diffmaglim=20.0), exposure(1, **detection), exposure(2, diffmaglim=20.0)]
    flux = {"forcediffimfluxunc": 4.0, "magzpsci": 26.5, "procstatus": "0"}
    forced = [
        exposure(0, forcediffimflux=-3.0, **flux),
        exposure(1, forcediffimflux=99.0, **flux),
        exposure(2, **flux | {"forcediffimflux": -99999.0, "forcediffimfluxunc": -99999.0}),
    ]
    frame = pd.DataFrame({"objectId": ["ZTF1"], "candidate": [exposure(3, **detection)]})
    found = read(frame.assign(prv_candidates=[past], fp_hists=[forced]))
    factor = 10 ** (0.4 * (27.5 - 26.5))
    assert found.mjd == pytest.approx([59000, 59001, 59002, 59003])
    assert found.flux == pytest.approx([-3 * factor, 99 * factor, 0, 1000])
    assert found.flux_err == pytest.approx([4 * factor, 4 * factor, 10 ** (0.4 * 7.5) / 5, 1000 * 0.1 * ERROR])
    assert found.detected.tolist() == [-1, -1, 0, 1]
    assert len(read(frame.assign(prv_candidates=[None], fp_hists=[None])).mjd) == 1
