"""Archives: gzipped pairs, bad ones beside good ones, archives inside archives; nothing is lost."""

from __future__ import annotations

import gzip
import io
import tarfile

import numpy as np
import pytest

from lcnet.supernovae.archives import stem
from lcnet.supernovae.read import read


def tar(path, members):
    with tarfile.open(path, "w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


@pytest.fixture(scope="module")
def pair():
    """HEAD and PHOT of three objects with 2, 0 and 3 points, as bytes."""
    from astropy.io import fits
    from astropy.table import Table

    head = Table({"SNID": ["a", "b", "c"], "PTROBS_MIN": [1, 4, 4], "PTROBS_MAX": [2, 3, 6]})
    phot = Table({"MJD": 56000.0 + np.arange(6), "BAND": list("gr-izg"), "FLUXCAL": np.arange(6.0)})
    phot["FLUXCALERR"] = np.ones(6)
    made = []
    for table in (head, phot):
        primary, buffer = fits.PrimaryHDU(), io.BytesIO()
        primary.header["SURVEY"] = "DES"
        fits.HDUList([primary, fits.table_to_hdu(table)]).writeto(buffer)
        made.append(buffer.getvalue())
    return made


def test_a_gzipped_pair_inside_an_archive(pair, tmp_path):
    head, phot = pair
    zipped = {"run/x_HEAD.FITS.gz": gzip.compress(head), "run/x_PHOT.FITS.gz": gzip.compress(phot)}
    found = read(tar(tmp_path / "zipped.tar", zipped))
    assert found.objects["object"].tolist() == ["a", "b", "c"] and (found.objects["status"] == "ok").all()
    assert np.diff(found.start).tolist() == [2, 0, 3] and found.flux.tolist() == [0, 1, 3, 4, 5]
    mixed = read(tar(tmp_path / "mixed.tar", {"x_PHOT.FITS.gz": gzip.compress(phot), "x_HEAD.FITS": head}))
    assert mixed.to_frame().equals(found.to_frame())


def test_a_bad_pair_takes_no_good_one_with_it(pair, tmp_path):
    head, phot = pair
    members = {
        "A_HEAD.FITS": head,
        "B_HEAD.FITS": head,
        "B_PHOT.FITS": phot,
        "C_PHOT.FITS": phot,
        "D_HEAD.FITS": b"no FITS at all",
        "D_PHOT.FITS": phot,
        "E_HEAD.FITS": head,
        "E_PHOT.FITS.gz": gzip.compress(phot)[:99],
    }
    found = read(tar(tmp_path / "all.tar", members)).objects
    assert found["status"].tolist() == ["failed", "ok", "ok", "ok", "failed", "failed", "failed"]
    assert found["object"].tolist() == ["A_HEAD", "a", "b", "c", "C_PHOT", "D_HEAD", "E_HEAD"]
    for place, why in {0: "A_HEAD.FITS is alone", 4: "C_PHOT.FITS is alone", 5: "not a table", 6: "gzip"}.items():
        assert why in found["reason"].iloc[place]


def test_halves_on_disk_of_any_case(pair, text, simulated, tmp_path):
    for name, data in zip(("x_head.fits", "x_phot.fits.gz"), (pair[0], gzip.compress(pair[1])), strict=True):
        (tmp_path / name).write_bytes(data)
    for source in (tmp_path, tmp_path / "x_head.fits", tmp_path / "x_phot.fits.gz", sorted(tmp_path.iterdir())):
        assert read(source).objects["object"].tolist() == ["a", "b", "c"]
    (tmp_path / "x_head.fits").unlink()
    (tmp_path / "good.DAT").write_text(text(simulated, 0))
    found = read([tmp_path / "good.DAT", tmp_path / "x_phot.fits.gz"]).objects
    assert found["status"].tolist() == ["ok", "failed"] and "alone" in found["reason"].iloc[1]


def test_everything_an_archive_may_hold(simulated, text, tmp_path):
    """Zipped text, tables, an archive inside, an empty one inside, in the archive's order."""
    frame = simulated.take([1]).to_frame()
    inner = tar(tmp_path / "inner.tar", {"three.DAT": text(simulated, 2).encode()}).read_bytes()
    members = {
        "one.DAT.gz": gzip.compress(text(simulated, 0).encode()),
        "two.csv": frame.to_csv(index=False).encode(),
        "deep/inner.tar": inner,
        "deep/empty.tar": bytes(10240),
        "deep/bad.tar": b"no archive",
        "four.DAT": text(simulated, 3).encode(),
        "filters/g.dat": b"4000 0.1",
    }
    found = read(tar(tmp_path / "outer.tar", members))
    names = simulated.objects["object"].tolist()
    assert found.objects["object"].tolist() == [*names[:3], "bad", names[3]]
    assert found.objects["status"].tolist() == ["ok", "ok", "ok", "failed", "ok"]
    assert np.diff(found.start).tolist() == [*np.diff(simulated.start)[:3], 0, np.diff(simulated.start)[3]]
    alone = read(tar(tmp_path / "empty.tar", {})).objects
    assert alone["status"].tolist() == ["failed"] and "holds no light curve" in alone["reason"].iloc[0]


def test_one_bad_file_of_any_format_is_a_row(simulated, text, tmp_path):
    good = tmp_path / "good.DAT"
    good.write_text(text(simulated, 0))
    bad = {
        "empty.vot": b"",
        "prose.vot": b"Dear all",
        "empty.csv": b"",
        "prose.ecsv": b"Dear all\n",
        "noise.parquet": bytes(range(256)),
        "noise.csv": b"\xcd\xfe\x00" * 40,
        "noise.json": b"{",
        "list.json": b"[1, 2]",
        "noise.fits": b"SIMPLE",
    }
    paths = []
    for name, data in bad.items():
        paths.append(tmp_path / name)
        paths[-1].write_bytes(data)
    (tmp_path / "nothing").mkdir()
    found = read([*paths, tmp_path / "nothing", good]).objects
    assert found["status"].tolist() == ["failed"] * (len(bad) + 1) + ["ok"]
    for reason in found["reason"][:-1]:
        assert reason and "codec" not in reason and "Errno" not in reason and "constructor" not in reason, reason
    assert "no light curve in the folder" in found["reason"].iloc[-2]


def test_names_of_files():
    assert [stem(name) for name in ("a/b/x_HEAD.FITS.gz", "SN2004.5.txt", "2004ef.DAT", "bare")] == [
        "x_HEAD",
        "SN2004.5",
        "2004ef",
        "bare",
    ]


def test_a_release_of_snana_fits(data_dir):
    path = data_dir / "supernovae" / "pantheonplus_SIMDES_SNIa_real0001_SNANA_FITS.tar"
    if not path.is_file():
        pytest.skip(f"no {path.name} in {path.parent}")
    found = read(path)
    assert len(found) == 620 and (found.objects["status"] == "ok").all()
    assert len(found.mjd) == 41990  # NOBS of its HEAD, summed
    assert {band.name for band in found.bands} == set("griz") and set(found.truth["type"]) == {"Ia"}
