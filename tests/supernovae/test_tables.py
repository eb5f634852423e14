"""Tables as people have them: units, times, names, masks, several light curves of one object, metadata."""

from __future__ import annotations

import datetime
import warnings

import numpy as np
import pandas as pd
import pytest

from lcnet.supernovae import columns
from lcnet.supernovae.classify import classify
from lcnet.supernovae.read import read


@pytest.fixture(scope="module")
def frame(simulated):
    return simulated.take([0, 1]).to_frame()


@pytest.mark.parametrize(
    ("unit", "magnitude"), [("nJy", 31.4), ("uJy", 23.9), ("mJy", 16.4), ("Jy", 8.9), ("nmgy", 22.5), ("mgy", 0.0)]
)
@pytest.mark.parametrize("kind", ["Table", "QTable"])
def test_units_of_flux(kind, unit, magnitude, frame):
    """The AB magnitude of one of each, from its definition: 0 mag is 3631 Jy; of a maggy it is 0."""
    import astropy.table
    import astropy.units as u

    factor = 10 ** (0.4 * (magnitude - 27.5))
    table = getattr(astropy.table, kind)(
        {"object": frame["object"].to_numpy(str), "mjd": frame["mjd"], "band": frame["band"].to_numpy(str)}
    )
    table["flux"] = frame["flux"].to_numpy() * factor * u.Unit(unit)
    table["flux_err"] = (frame["flux_err"].to_numpy() * factor * u.Unit(unit)).to("uJy", u.zero_point_flux(3631 * u.Jy))
    found = read(table)
    assert np.allclose(found.flux, frame["flux"], rtol=1e-4) and np.allclose(
        found.flux_err, frame["flux_err"], rtol=2e-4
    )
    plain = frame.assign(flux=frame["flux"] * factor, flux_err=frame["flux_err"] * factor)
    assert np.allclose(read(plain, zeropoint=unit).flux, frame["flux"], rtol=1e-4)
    assert np.allclose(read(plain, zeropoint=magnitude).flux, frame["flux"], rtol=1e-12)


def test_what_a_flux_is_by_its_name(frame):
    lsst = frame.rename(columns={"flux": "psfFlux", "flux_err": "psfFluxErr"})
    assert np.allclose(read(lsst).flux, frame["flux"] * 10 ** (0.4 * (27.5 - 31.4)))
    # ZEROPT is of the exposure, FLUXCAL at 27.5 whatever it is
    snana = frame.rename(columns={"flux": "FLUXCAL", "flux_err": "FLUXCALERR"}).assign(ZEROPT=31.2)
    assert np.array_equal(read(snana).flux, frame["flux"])


def test_units_that_are_no_flux(frame):
    from astropy.table import Table

    table = Table.from_pandas(frame)
    table["flux"].unit = table["flux_err"].unit = "electron / s"
    with pytest.raises(ValueError, match="flux is in electron / s: give its zeropoint"):
        read(table)
    assert np.array_equal(read(table, zeropoint=27.5).flux, frame["flux"])
    table["flux"].unit = "uJy"
    with pytest.raises(ValueError, match="flux_err is in electron / s, its flux in uJy"):
        read(table)
    for wrong in ("abc", "mag", "km", np.nan, np.inf, [27.5]):
        with pytest.raises(ValueError, match="zeropoint is a magnitude or a unit of flux density"):
            read(frame, zeropoint=wrong)


@pytest.mark.parametrize("suffix", [".ecsv", ".vot", ".parquet", ".fits"])
def test_files_keep_their_units(suffix, frame, tmp_path):
    from astropy.table import Table

    table = Table.from_pandas(frame.assign(flux=frame["flux"] * 1e-3, flux_err=frame["flux_err"] * 1e-3))
    table["flux"].unit = table["flux_err"].unit = "uJy"
    table["object"] = [f"00{name[-1]}" for name in frame["object"]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the writers
        table.write(tmp_path / f"t{suffix}", format="votable" if suffix == ".vot" else None)
    found = read(tmp_path / f"t{suffix}")
    assert np.allclose(found.flux, frame["flux"] * 10 ** (0.4 * (27.5 - 31.4)))
    assert found.objects["object"].tolist() == ["000", "001"]


def test_masked_tables(frame):
    from astropy.table import MaskedColumn, Table

    whole = read(Table(Table.from_pandas(frame), masked=True))
    assert whole.to_frame().equals(read(frame).to_frame())
    table = Table.from_pandas(frame)
    for name in ("mjd", "band", "flux"):
        table[name] = MaskedColumn(table[name])
    table["flux"].mask[3] = table["mjd"].mask[5] = True
    assert len(read(table).mjd) == len(frame) - 2
    table["band"].mask[7] = True
    assert {band.letter for band in read(table).bands if not band.name} == {""}


def test_times_of_any_kind(frame):
    """Datetimes are UTC; MJD 56000 is midnight of 14 March 2012."""
    assert columns.mjd_of(pd.Series(pd.to_datetime(["2012-03-14", None, "2012-03-14T12:00"], format="ISO8601")))[
        [0, 2]
    ].tolist() == [56000.0, 56000.5]
    plain = np.round(frame["mjd"], 3)
    stamps = pd.Timestamp("2012-03-14") + pd.to_timedelta(plain - 56000, unit="D")
    kinds = {
        "datetime64": stamps,
        "aware": stamps.dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo"),
        "text": stamps.dt.strftime("%Y-%m-%dT%H:%M:%S.%f"),
        "python": pd.Series([one.to_pydatetime(warn=False) for one in stamps], dtype=object),
        "julian": plain + 2_400_000.5,
    }
    expected = read(frame.assign(mjd=plain)).mjd
    for name, column in kinds.items():
        assert np.allclose(read(frame.assign(mjd=np.asarray(column))).mjd, expected, rtol=0, atol=1e-6), name
    with pytest.raises(ValueError, match="mjd holds no times.*'spring'"):
        read(frame.assign(mjd="spring"))
    assert columns.mjd_of([datetime.datetime(2012, 3, 14, 6)]).tolist() == [56000.25]


def test_impossible_points_are_counted(frame, network):
    bad = frame.copy()
    bad.loc[[0, 1], "mjd"] = [5.288058e12, -3.0]
    bad.loc[2, "flux_err"] = 1e300
    bad.loc[3, "flux"] = 1e200
    bad.loc[4, "flux_err"] = 1e-300
    found = read(bad)
    assert len(found.mjd) == len(frame) - 5
    assert found.objects["reason"].tolist() == [
        "2 points with a time that is no MJD left out; 3 points with an impossible flux or error left out",
        "",
    ]
    table = classify(bad, network=network)
    assert table["status"].tolist() == ["ok", "ok"] and "no MJD" in table["reason"][0]
    nowhere = classify(frame.assign(mjd=frame["mjd"] * 1e9), network=network)
    assert set(nowhere["status"]) == {"failed"} and "no MJD" in nowhere["reason"][0]


@pytest.mark.parametrize(
    ("suffix", "names"),
    [(suffix, names) for suffix in (".csv", ".parquet", ".json") for names in (["000006", "000007"], [6, 7])]
    + [(".parquet", names) for names in ([6.0, 7.0], [b"6", b"7"])],
)
def test_names_are_the_same_wherever_they_stand(suffix, names, frame, network, tmp_path):
    def write(table, name):
        path = tmp_path / f"{name}{suffix}"
        if suffix == ".csv":
            table.to_csv(path, index=False)
        elif suffix == ".parquet":
            table.to_parquet(path)
        else:
            table.to_json(path, orient="records")
        return path

    first = frame["object"] == frame["object"].iloc[0]
    points = frame.assign(object=np.where(first, names[0], names[1]))
    known = pd.DataFrame({"object": names, "redshift": [0.1, 0.2], "mwebv": [0.03, 0.04]})
    text = [columns.text_of(name) for name in names]
    source, path = write(points, "points"), write(known, "known")
    found = read(source, metadata=path)
    assert found.objects["object"].tolist() == text
    assert found.objects["mwebv"].tolist() == [0.03, 0.04] and found.objects["redshift"].tolist() == [0.1, 0.2]
    for given in (path, known, dict(zip(names, [0.1, 0.2], strict=True))):
        assert classify(source, redshift=given, network=network)["redshift"].tolist() == [0.1, 0.2]


def test_points_without_a_name_are_not_lost(frame):
    found = read(frame.assign(object=frame["object"].mask(frame.index % 2 == 0)))
    assert found.objects["object"].tolist() == ["unnamed", *frame["object"].unique()] and len(found.mjd) == len(frame)


def test_metadata_as_people_have_it(frame):
    a, b = frame["object"].unique()
    table = pd.DataFrame({"name": [a, b], "ra": ["16:16:34.06", "x"], "dec": ["-00:35:27.4", "12.5"]})
    table = table.assign(mwebv=["0.1", None], target=["SNIa", np.nan], redshift=["0.3", "unknown"])
    found = read(frame, metadata=table).objects
    assert found["ra"].iloc[0] == pytest.approx(15 * (16 + 16 / 60 + 34.06 / 3600)) and np.isnan(found["ra"].iloc[1])
    assert found["dec"].tolist() == pytest.approx([-(35 * 60 + 27.4) / 3600, 12.5])
    assert found["mwebv"].iloc[0] == 0.1 and found["redshift"].iloc[0] == 0.3 and np.isnan(found["redshift"].iloc[1])
    coded = read(frame, metadata=table.assign(target=[90.0, np.nan]))
    assert coded.truth["type"].tolist() == ["Ia", ""]
    with pytest.raises(ValueError, match="names its objects"):
        read(frame, metadata=table.drop(columns="name"))
    with pytest.raises(ValueError, match=f"several rows of {a}"):
        read(frame, metadata=table.assign(name=a))
    with pytest.warns(UserWarning, match="metadata name none of the 2 objects"):
        read(frame, metadata=table.assign(name=["x", "y"]))


def test_the_bands_of_one_object_are_one(frame):
    lightkurve = pytest.importorskip("lightkurve")
    from astropy.time import Time

    curves = []
    for (name, band), mine in frame.groupby(["object", "band"]):
        time = Time(mine["mjd"].to_numpy(), format="mjd")
        curves.append(lightkurve.LightCurve(time=time, flux=mine["flux"], flux_err=mine["flux_err"]))
        curves[-1].meta |= {"LABEL": name, "BAND": band}
    expected = frame.sort_values(["object", "mjd", "band"], ignore_index=True)
    for source in (curves, lightkurve.LightCurveCollection(curves)):
        found = read(source)
        assert found.objects["object"].tolist() == sorted(frame["object"].unique())
        made = found.to_frame().sort_values(["object", "mjd", "band"], ignore_index=True)
        assert (made[["object", "band", "flux"]] == expected[["object", "band", "flux"]]).all(axis=None)
    del curves[0].meta["BAND"]
    found = read(curves).objects
    assert found["status"].tolist() == ["failed", "ok"] and "meta['BAND']" in found["reason"].iloc[0]
    assert read([frame, frame.drop(columns="band")]).objects["status"].tolist() == ["ok", "ok", "failed"]


def test_text_that_is_a_table_is_one_whatever_its_name(frame, tmp_path):
    for name, mark in (("points.txt", ","), ("points.dat", " "), ("points.tsv", "\t"), ("points", ";")):
        frame.to_csv(tmp_path / name, index=False, sep=mark)
        assert len(read(tmp_path / name)) == 2, name
