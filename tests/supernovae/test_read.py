"""Every format ends in the same container, and nothing that was given is missing."""

from __future__ import annotations

import gzip
import io
import tarfile
import time

import numpy as np
import pandas as pd
import pytest

from lcnet.supernovae.bands import find_band
from lcnet.supernovae.dust import extinction
from lcnet.supernovae.photometry import Photometry
from lcnet.supernovae.read import read


def write(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_snana_text_round_trip(simulated, text, tmp_path):
    paths = [write(tmp_path, f"SN{k}.DAT", text(simulated, k)) for k in range(len(simulated))]
    found = read(paths)
    assert found.objects["object"].tolist() == simulated.objects["object"].tolist()
    assert (found.start == simulated.start).all()
    # written to 1e-3 d and five digits
    assert np.abs(found.mjd - simulated.mjd).max() <= 0.5e-3 + 1e-9
    assert np.allclose(found.flux, simulated.flux, rtol=0.5e-4 * 1.001, atol=0)
    assert found.truth["type"].tolist() == simulated.truth["type"].tolist()
    assert found.objects["redshift"].tolist() == [0.3502] * len(simulated)
    assert found.objects["mwebv"].tolist() == [0.0111] * len(simulated)


def test_archive_folder_glob_and_list_are_the_same(simulated, text, tmp_path):
    folder = tmp_path / "release"
    folder.mkdir()
    for k in range(4):
        write(folder, f"SN{k}.DAT", text(simulated, k))
    write(folder, "release.README", "no light curve")
    write(folder, "release.LIST", "SN0.DAT")
    with tarfile.open(tmp_path / "release.tar.xz", "w:xz") as archive:
        archive.add(folder, "release")
    sources = [folder, tmp_path / "release.tar.xz", str(folder / "*.DAT"), sorted(folder.glob("*.DAT"))]
    frames = [read(source).to_frame().sort_values(["object", "mjd", "band"]).to_numpy() for source in sources]
    assert len(frames[0]) == simulated.start[4]
    for frame in frames[1:]:
        assert (frame == frames[0]).all()


def test_damaged_files_are_rows(simulated, text, tmp_path):
    good = text(simulated, 0)
    files = {
        "good.DAT": good,
        "empty.DAT": "",
        "binary.DAT": b"\x00\x01\x02" * 99,
        "prose.DAT": "Dear all,\nplease find attached\n",
        "header.DAT": good.split("NOBS")[0],
        "nothing.DAT": good.split("OBS:  5")[0].replace("\nNOBS", "\nNOBS") + "END:\n",
        "cut.DAT": good[: len(good) // 2],
        "word.DAT": good.replace("OBS:  5", "OBS:  xx5", 1),
        "nan.DAT": good.replace(good.split("OBS:")[2], "  56200.0 g NULL nan nan 0 99 5 99\n", 1),
    }
    paths = [write(tmp_path, name, content) for name, content in files.items()]
    found = read(paths)
    assert len(found) == len(files)
    by_file = found.objects.assign(n=np.diff(found.start), file=list(files)).set_index("file")
    whole = by_file.loc["good.DAT", "n"]
    assert whole == simulated.start[1]
    for name, reason in {
        "empty.DAT": "empty",
        "binary.DAT": "binary",
        "prose.DAT": "neither SNID nor VARLIST",
        "header.DAT": "no observations",
        "nothing.DAT": "no observations",
    }.items():
        assert by_file.loc[name, "status"] == "failed" and reason in by_file.loc[name, "reason"], name
    assert by_file.loc["cut.DAT", "status"] == "ok" and 0 < by_file.loc["cut.DAT", "n"] < whole
    assert by_file.loc["word.DAT", "n"] == whole - 1
    assert by_file.loc["nan.DAT", "n"] == whole - 1


def test_damaged_gzip_and_archives_lose_nothing_else(simulated, text, tmp_path):
    members = {f"{k}.DAT": text(simulated, k).encode() for k in range(8)}
    whole = gzip.compress(members["0.DAT"])
    for data in (whole[:200], whole[:60] + bytes(60) + whole[120:]):
        (tmp_path / "cut.DAT.gz").write_bytes(data)
        found = read(tmp_path / "cut.DAT.gz")
        assert found.objects["status"].tolist() == ["failed"] and "gzip" in found.objects["reason"].iloc[0]
    with tarfile.open(tmp_path / "all.tar", "w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    data = (tmp_path / "all.tar").read_bytes()
    (tmp_path / "half.tar").write_bytes(data[: len(data) // 2])
    found = read(tmp_path / "half.tar")
    status = found.objects["status"].tolist()
    assert len(status) > 2 and set(status[:-1]) == {"ok"} and status[-1] == "failed"
    assert "not a readable archive" in found.objects["reason"].iloc[-1]
    (tmp_path / "none.csv").write_text("object,mjd,band,flux,flux_err\n")
    found = read(tmp_path / "none.csv")
    assert found.objects["status"].tolist() == ["failed"] and "without rows" in found.objects["reason"].iloc[0]
    with pytest.raises(TypeError, match="a source is a path"):
        read(5)


def test_one_of_many_that_is_not_there_is_a_row_in_its_place(simulated, text, tmp_path):
    paths = [write(tmp_path, f"{k}.DAT", text(simulated, k)) for k in range(2)]
    found = read([paths[0], tmp_path / "gone.DAT", paths[1]])
    assert found.objects["status"].tolist() == ["ok", "failed", "ok"]
    assert np.diff(found.start)[1] == 0 and "gone" in found.objects["object"].iloc[1]
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "gone.DAT")


def test_real_survey_dialects(tmp_path):
    """Twelve columns, PHOTFLAG bits, OVERRIDE comments, PRIVATE keys, rows longer than their VARLIST, sentinels."""
    content = """SURVEY: PS1_LOWZ_COMBINED(CFA3K)
SNID: 2004ef
REDSHIFT_HELIO: 0.031011 +- 2.1e-05
# OVERRIDE MWEBV: 0.07
MWEBV: 0.054 (SFD98)
PRIVATE(COSMO): 1
PEAKMJD: 53265.0
NVAR: 9
VARLIST: MJD BAND CCDNUM FIELD PHOTFLAG PHOTPROB FLUXCAL FLUXCALERR PSF SKYSIG ZEROPT
OBS: 53265.1 g 1 X 4096 0.9 100.0 5.0 1 2 31.0 7
OBS: 53266.1 h 1 X 0 0.1 50.0 5.0 1 2 31.0 7
OBS: 53267.1 i 1 X 0 0.1 50.0 -1.0 1 2 31.0 7
OBS: 53268.1 j 1 X 4096 0.1 50.0 5.0 1 2 31.0 7
OBS: 53269.1 Q 1 X 4096 0.1 50.0 5.0 1 2 31.0 7
END:
"""
    found = read(write(tmp_path, "2004ef.DAT", content))
    assert found.objects["mwebv"].iloc[0] == 0.07
    assert np.isnan(found.objects["redshift"].iloc[0])  # REDSHIFT_HELIO may be the supernova's own
    names = [found.bands[code].name for code in found.band]
    assert names == ["B", "V", "i", ""]  # KeplerCam: g is B, h V, j i; nobody knows Q
    assert found.detected.tolist() == [1, 0, 1, 1]


def test_which_line_of_a_header_counts(tmp_path):
    """The line itself before PRIVATE(KEY), a correction before both, in whatever order they stand."""
    rows = "VARLIST: MJD BAND FLUXCAL FLUXCALERR\nOBS: 56000 g 1 1\n"
    lines = {"private": "PRIVATE(MWEBV): 0.3\n", "plain": "MWEBV: 0.1\n", "corrected": "# OVERRIDE MWEBV: 0.2\n"}
    for order, value in {
        ("private", "plain", "corrected"): 0.2,
        ("corrected", "plain", "private"): 0.2,
        ("plain", "private"): 0.1,
        ("private", "plain"): 0.1,
        ("private",): 0.3,
    }.items():
        content = "SNID: a\n" + "".join(lines[one] for one in order) + rows
        assert read(write(tmp_path, "a.DAT", content)).objects["mwebv"].tolist() == [value], order


@pytest.mark.parametrize("which", [slice(None), slice(0, 3), slice(3, None), slice(None, None, 2)])
def test_rows_that_are_set_in(which, simulated, text, tmp_path):
    lines = text(simulated, 0).split("\n")
    rows = [number for number, line in enumerate(lines) if line.startswith("OBS:")]
    for number in rows[which]:
        lines[number] = "  \t" + lines[number]
    found = read(write(tmp_path, "a.DAT", "\n".join(lines).replace("END:", " END:")))
    assert found.objects["reason"].tolist() == [""] and np.diff(found.start)[0] == len(rows)


def test_letters_depend_on_the_survey():
    assert [find_band("CFA3K", letter).name for letter in "fghij"] == list("UBVri")
    assert [find_band("PS1_LOWZ_COMBINED(CFA3S)", letter).name for letter in "abcde"] == list("UBVRI")
    assert [find_band("CSP", letter).name for letter in "nmo"] == ["V"] * 3
    assert find_band("DES", "DES-g").name == "g"
    assert find_band("NOBODY", "g").name == ""


def test_tables_units_and_zeropoints(simulated):
    frame = simulated.to_frame()
    plain = read(frame)
    assert np.array_equal(plain.flux, simulated.flux)
    njy = frame.assign(flux=frame["flux"] * 10 ** (0.4 * 3.9), flux_err=frame["flux_err"] * 10 ** (0.4 * 3.9))
    assert np.allclose(read(njy, zeropoint="nJy").flux, simulated.flux, rtol=1e-12)
    assert np.allclose(read(njy.assign(zeropoint=31.4)).flux, simulated.flux, rtol=1e-12)
    from astropy.table import Table

    table = Table.from_pandas(njy)
    table["flux"].unit = table["flux_err"].unit = "nJy"
    assert np.allclose(read(table).flux, simulated.flux, rtol=1e-12)
    bright = frame[frame["flux"] > 5 * frame["flux_err"]]
    mags = bright.assign(
        mag=27.5 - 2.5 * np.log10(bright["flux"]), mag_err=1.0857362 * bright["flux_err"] / bright["flux"]
    )
    back = read(mags.drop(columns=["flux", "flux_err"]))
    assert np.allclose(back.flux, bright["flux"], rtol=1e-9) and np.allclose(
        back.flux_err, bright["flux_err"], rtol=1e-6
    )
    with pytest.raises(ValueError, match="flux and its error"):
        read(frame.drop(columns="flux_err"))
    with pytest.raises(ValueError, match="no band"):
        read(frame, bands={"X": "gr"})


def test_an_unknown_band_is_named_and_can_be_mapped(simulated):
    frame = simulated.to_frame().replace({"band": {"g": "F475W"}})
    found = read(frame)
    assert {band.letter for band in found.bands if not band.name} == {"F475W"}
    mapped = read(frame, bands={"F475W": "g"})
    assert {band.name for band in mapped.bands} == set("griz")


def test_lightkurve_objects():
    lightkurve = pytest.importorskip("lightkurve")
    from astropy.time import Time

    curve = lightkurve.LightCurve(
        time=Time(np.arange(20.0) + 56000, format="mjd"), flux=np.ones(20), flux_err=np.full(20, 0.1)
    )
    curve.meta |= {"LABEL": "SN one", "BAND": "r"}
    found = read(curve)
    assert len(found) == 1 and found.objects["object"].iloc[0] == "SN one"
    assert len(found.mjd) == 20 and found.bands[0].name == "r"


def test_ztf_alerts_by_hand():
    """Sign, limit and band of difference magnitudes (Masci et al. 2019)."""
    frame = pd.DataFrame(
        {
            "oid": "ZTF1",
            "mjd": [59000.0, 59001.0, 59002.0],
            "fid": [1, 2, 1],
            "magpsf": [20.0, 19.0, np.nan],
            "sigmapsf": [0.1, 0.05, np.nan],
            "isdiffpos": ["t", -1, None],
            "diffmaglim": [20.5, 20.5, 20.5],
        }
    )
    found = read(frame)
    assert [found.bands[code].name for code in found.band] == ["g", "r", "g"]
    assert found.flux == pytest.approx([1000.0, -(10**3.4), 0.0])
    assert found.flux_err == pytest.approx(
        [1000 * 0.1 * 0.4 * np.log(10), 10**3.4 * 0.05 * 0.4 * np.log(10), 10**2.8 / 5]
    )
    assert found.detected.tolist() == [1, 1, 0]


def test_dust_is_fitzpatrick_1999():
    """The anchors of table 3 (R_V 3.1): B, V and J bands' A / E(B-V)."""
    assert extinction([4670.0, 5470.0, 12200.0]) == pytest.approx([3.806, 3.055, 0.829], abs=1e-12)
    assert np.isnan(extinction(np.nan))
    between = extinction(np.linspace(3000, 12000, 200))
    assert (np.diff(between) < 0).all()


def test_concatenate_and_take(simulated):
    halves = [simulated.take(np.arange(0, 5)), simulated.take(np.arange(5, 12))]
    back = Photometry.concatenate(halves)
    assert back.to_frame().equals(simulated.to_frame())
    assert simulated.take([3, 3]).objects["object"].nunique() == 1


def test_pairs_of_fits_tables(tmp_path):
    from astropy.table import Table

    head = Table({"SNID": ["a", "b"], "PTROBS_MIN": [1, 4], "PTROBS_MAX": [2, 3], "HOSTGAL_PHOTOZ": [0.3, -9.0]})
    head["HOSTGAL_PHOTOZ_ERR"] = [0.02, -9.0]
    head["SIM_TYPE_NAME"] = ["Ibc", "II"]
    phot = Table(
        {"MJD": [1e4, 1e4 + 1, -777.0], "BAND": ["g", "r", "-"], "FLUXCAL": [1.0, 2, 0], "FLUXCALERR": [1.0] * 3}
    )
    head.meta["SURVEY"] = "DES"
    from astropy.io import fits

    for name, table in (("HEAD", head), ("PHOT", phot)):
        primary = fits.PrimaryHDU()
        primary.header["SURVEY"] = "DES"
        fits.HDUList([primary, fits.table_to_hdu(table)]).writeto(tmp_path / f"x_{name}.FITS")
    found = read(tmp_path / "x_HEAD.FITS")
    assert np.diff(found.start).tolist() == [2, 0] and found.truth["type"].tolist() == ["Ibc", "II"]
    assert found.objects["redshift"].tolist()[0] == 0.3 and np.isnan(found.objects["redshift"].iloc[1])
    assert len(read(tmp_path)) == 2  # a folder: the pair is one
    (tmp_path / "x_PHOT.FITS").unlink()
    assert "alone" in read(tmp_path / "x_HEAD.FITS").objects["reason"].iloc[0]


def test_the_whole_challenge(data_dir):
    path = data_dir / "supernovae" / "SIMGEN_PUBLIC_DES.tar.xz"
    if not path.is_file():
        pytest.skip(f"no {path.name} in {path.parent}")
    began = time.process_time()
    found = read(path)
    seconds = time.process_time() - began
    assert seconds < 30  # two cores in 15 s
    assert len(found) == 17186 and (found.objects["status"] == "ok").all()
    counts = found.truth["type"].value_counts().to_dict()
    assert counts == {"II": 10804, "Ia": 4158, "Ibc": 2224}
    assert (found.truth["sntype"] != "-9").sum() == 1103
    assert {band.name for band in found.bands} == set("griz") and (found.flux_err > 0).all()


@pytest.mark.parametrize(
    ("name", "objects", "bands"),
    [
        ("Pantheon_PS1MD", 370, "girz"),
        ("JLA2014_SNLS_DS17", 239, "girz"),
        ("Foundation_DJ17", 242, "girz"),
        ("CSPDR3_anthony", 136, "BHJVYgiru"),
        ("CfA3_DJ20", 186, "BIRUVir"),
    ],
)
def test_real_surveys(name, objects, bands, data_dir):
    path = data_dir / "supernovae" / f"{name}.tar.gz"
    if not path.is_file():
        pytest.skip(f"no {path.name} in {path.parent}")
    found = read(path)
    assert len(found) == objects and (found.objects["status"] == "ok").all()
    assert "".join(sorted({band.name for band in found.bands})) == bands


def test_alert_packets(data_dir):
    path = data_dir / "images" / "transients" / "fink_alerts.parquet"
    if not path.is_file():
        pytest.skip(f"no {path.name}")
    found = read(path)
    assert len(found) == 51 and {band.name for band in found.bands} == {"g", "r"}
    first = pd.read_parquet(path).iloc[0]
    candidate = first["candidate"]
    points = found.to_frame().query("object == @first.objectId")
    now = points[np.isclose(points["mjd"], candidate["jd"] - 2400000.5, atol=1e-6)]
    assert now["flux"].iloc[0] == pytest.approx(10 ** (0.4 * (27.5 - candidate["magpsf"])))


def test_plasticc(data_dir):
    folder = data_dir / "supernovae"
    path = folder / "plasticc_sample_training_set.csv"
    if not path.is_file():
        pytest.skip(f"no {path.name}")
    found = read(path, metadata=folder / "plasticc_sample_training_set_metadata.csv")
    assert len(found) == 10 and len(found.mjd) == 3279
    assert {band.name for band in found.bands} == set("ugrizy")
    assert found.truth["type"].tolist().count("Ia") == 4


def test_gzip_members_and_crlf(simulated, text, tmp_path):
    import gzip

    content = text(simulated, 0).replace("\n", "\r\n").encode()
    path = write(tmp_path, "one.DAT.gz", gzip.compress(content))
    assert np.diff(read(path).start).tolist() == [simulated.start[1]]
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        info = tarfile.TarInfo("one.DAT")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    assert len(read(write(tmp_path, "one.tar", buffer.getvalue()))) == 1
    broken = read(write(tmp_path, "broken.tar.gz", b"\x1f\x8b" + b"nothing" * 9))
    assert broken.objects["status"].tolist() == ["failed"]
