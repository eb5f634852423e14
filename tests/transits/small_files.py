"""Small light-curve files in the form of each product, for the tests of reading: a few hundred rows, known numbers."""

from __future__ import annotations

import numpy as np
from astropy.io import fits

# author -> cards of the primary header
PRIMARY = {
    "SPOC": {
        "ORIGIN": "NASA/Ames", "CREATOR": "4253 LightCurveExporterPipelineModule", "TELESCOP": "TESS",
        "OBJECT": "TIC 261136679", "TICID": 261136679, "SECTOR": 1, "RA_OBJ": 84.29, "DEC_OBJ": -80.47,
        "TESSMAG": 5.1, "TEFF": 6037.0, "LOGG": 4.35, "RADIUS": 1.15,
    },
    "QLP": {
        "ORIGIN": "MIT/QLP", "TELESCOP": "TESS", "OBJECT": "TIC 261136679", "TICID": 261136679, "SECTOR": 1,
        "RADIUS": 1.15, "MASS": 1.1, "LOGG": 4.35, "TEFF": 6037.0, "TESSMAG": 5.1,
    },
    "Kepler": {
        "ORIGIN": "NASA/Ames", "CREATOR": "796455 FluxExporter2PipelineModule", "TELESCOP": "Kepler",
        "MISSION": "Kepler", "OBJECT": "KIC 6541920", "KEPLERID": 6541920, "QUARTER": 3, "PARALLAX": None,
        "KEPMAG": 13.7, "TEFF": 5657, "LOGG": 4.364, "RADIUS": 1.046, "CHANNEL": 69,
    },
    "K2": {
        "ORIGIN": "NASA/Ames", "CREATOR": "1234 FluxExporter2PipelineModule", "TELESCOP": "Kepler",
        "MISSION": "K2", "OBJECT": "EPIC 201367065", "KEPLERID": 201367065, "CAMPAIGN": 1,
    },
    "K2 community": {
        "TELESCOP": "Kepler", "MISSION": "K2", "OBJECT": "EPIC 201367065", "KEPLERID": 201367065, "CAMPAIGN": 1,
        "OBSMODE": "long cadence",
    },
}  # fmt: skip


def numbers(n, *, seed=0, step=120 / 86400, start=1325.0, noise=1e-3, level=1000.0):
    """Times [d] and fluxes with white noise, a gap in the middle."""
    rng = np.random.default_rng(seed)
    time = start + np.arange(n) * step
    time[n // 2 :] += 3 * step
    return time, level * (1 + noise * rng.standard_normal(n))


def write(path, columns, primary, table, *, name="LIGHTCURVE", checksum=True, comment="", more=()):
    """Columns as (name, format, unit, array), cards as dictionaries."""
    made = [fits.Column(name=n, format=f, unit=u, array=a) for n, f, u, a in columns]
    hdu = fits.BinTableHDU.from_columns(made, name=name)
    head = fits.PrimaryHDU()
    for header, cards in ((head.header, primary), (hdu.header, table)):
        for key, value in cards.items():
            header[key] = value
    for line in filter(None, [comment]):
        head.header.add_comment(line)
    fits.HDUList([head, hdu, *more]).writeto(path, checksum=checksum)
    return path


def spoc(
    path, *, n=300, sector=1, step=120 / 86400, start=1325.0, seed=0, noise=1e-3, error=1.0, spoil=True, **options
):
    """The columns of a SPOC light curve; with `spoil` NaN times, NaN fluxes and flagged cadences, as in the archive."""
    time, flux = numbers(n, seed=seed, step=step, start=start, noise=noise)
    rng = np.random.default_rng(seed + 1)
    quality = np.zeros(n, np.int32)
    errors = np.full(n, error)
    if spoil:
        quality[5:40] = 1 << rng.integers(0, 16, 35)
        time[[0, 7, n - 1]] = np.nan
        flux[[0, 7, 50, n - 1]] = np.nan
        errors[50] = np.nan
    centroid = rng.normal(100, 0.1, n)
    centroid[np.isnan(time)] = np.nan
    columns = [
        ("TIME", "D", "BJD - 2457000, days", time),
        ("TIMECORR", "E", "d", rng.normal(0, 1e-3, n)),
        ("CADENCENO", "J", None, np.arange(n) + 70444),
        *[(f"SAP_{what}", "E", "e-/s", values) for what, values in (("FLUX", flux * 1.01), ("FLUX_ERR", errors))],
        ("SAP_BKG", "E", "e-/s", rng.normal(200, 1, n)),
        ("SAP_BKG_ERR", "E", "e-/s", np.ones(n)),
        ("PDCSAP_FLUX", "E", "e-/s", flux),
        ("PDCSAP_FLUX_ERR", "E", "e-/s", errors),
        ("QUALITY", "J", None, quality),
        ("MOM_CENTR1", "D", "pixel", centroid),
        ("MOM_CENTR1_ERR", "E", "pixel", np.full(n, 1e-3)),
        ("MOM_CENTR2", "D", "pixel", centroid + 1),
        ("POS_CORR1", "E", "pixels", rng.normal(0, 1e-2, n)),
    ]
    primary = {**PRIMARY["SPOC"], "SECTOR": sector, **options.pop("primary", {})}
    table = {"BJDREFI": 2457000, "BJDREFF": 0.0, "TIMESYS": "TDB", "TIMEDEL": step, "CROWDSAP": 0.95, "TIERABSO": None}
    return write(path, columns, primary, {**table, **options.pop("table", {})}, **options)


def kepler(path, *, n=300, quarter=3, step=1765.5 / 86400, start=200.0, seed=0, mission="Kepler", **options):
    time, flux = numbers(n, seed=seed, step=step, start=start)
    quality = np.zeros(n, np.int32)
    quality[5:26] = 1 << np.arange(21)
    time[[0, 30]] = np.nan
    flux[[0, 30, 31]] = np.nan
    columns = [
        ("TIME", "D", "BJD - 2454833", time),
        ("CADENCENO", "J", None, np.arange(n)),
        ("SAP_FLUX", "E", "e-/s", flux * 1.02),
        ("SAP_FLUX_ERR", "E", "e-/s", np.ones(n)),
        ("PDCSAP_FLUX", "E", "e-/s", flux),
        ("PDCSAP_FLUX_ERR", "E", "e-/s", np.ones(n)),
        ("SAP_QUALITY", "J", None, quality),
        ("MOM_CENTR1", "D", "pixels", np.linspace(1, 2, n)),
        ("MOM_CENTR2", "D", "pixels", np.linspace(2, 3, n)),
    ]
    primary = {**PRIMARY[mission], **({"QUARTER": quarter} if mission == "Kepler" else {})}
    table = {"BJDREFI": 2454833, "BJDREFF": 0.0, "TIMESYS": "TDB", "TIMEDEL": step, "CROWDSAP": 0.97}
    return write(path, columns, primary, table, **options)


def qlp(path, *, n=120, sector=1, step=1800 / 86400, start=1325.0, seed=0, noise=3e-4, **options):
    time, flux = numbers(n, seed=seed, step=step, start=start, noise=noise, level=1.0)
    quality = np.zeros(n, np.int32)
    quality[3:8] = [1, 1 << 12, 1 << 30, 1 << 11, 32]
    error = "DET_FLUX_ERR" if sector >= 56 else "KSPSAP_FLUX_ERR"
    columns = [
        ("TIME", "D", "BJD-2457000, days", time),
        ("CADENCENO", "J", None, np.arange(n)),
        ("SAP_FLUX", "E", None, flux),
        (error.removesuffix("_ERR"), "E", None, flux),
        (error, "E", None, np.full(n, 5e-4)),
        ("QUALITY", "J", None, quality),
        ("SAP_X", "E", "pixel", np.ones(n)),
    ]
    table = {"BJDREFI": 2457000, "TIMESYS": "TDB", "TIMEDEL": step}
    return write(path, columns, {**PRIMARY["QLP"], "SECTOR": sector}, table, checksum=False, **options)


def everest(path, *, n=300, seed=0, **options):
    """Columns, comment and lack of a CHECKSUM as EVEREST 2.0 writes them (its documentation, "FITS Files")."""
    time, flux = numbers(n, seed=seed, step=1765.5 / 86400, start=1977.0)
    quality = np.zeros(n, np.int32)
    quality[5:26] = 1 << np.arange(21)
    quality[60] = 1 << 23  # EVEREST's own outlier bit
    time[3] = np.nan
    flux[[3, 9]] = np.nan
    columns = [
        ("CADN", "D", None, np.arange(n, dtype=float)),
        ("FLUX", "D", "e-/s", flux),
        ("FRAW", "D", "e-/s", flux * (1 + 0.01 * np.sin(np.arange(n)))),
        ("FRAW_ERR", "D", "e-/s", np.full(n, 0.9)),
        ("QUALITY", "J", None, quality),
        ("TIME", "D", "BJD - 2454833", time),
        ("FCOR", "D", "e-/s", flux + 0.5),
        ("CBV01", "D", None, np.linspace(-1, 1, n)),
        ("BKG", "D", "BJD - 2454833", np.ones(n)),
    ]
    primary = PRIMARY["K2 community"]
    pixels = fits.BinTableHDU.from_columns([fits.Column("FPIX", "4D", array=np.ones((n, 4)))], name="LC PIXELS")
    table = {"BJDREFI": 2454833, "BJDREFF": 0.0, "TIMESYS": "TDB", "MISSION": "k2"}
    return write(
        path, columns, primary, table,
        name="LC ARRAYS", comment="*     EVEREST INFO     *", checksum=False, more=[pixels], **options,
    )  # fmt: skip


def k2sff(path, *, n=300, seed=0):
    time, flux = numbers(n, seed=seed, step=1765.5 / 86400, start=1977.0, level=1.0)
    columns = [
        ("T", "D", "BJD - 2454833", time),
        ("FRAW", "D", None, flux * 1.01),
        ("FCOR", "D", None, flux),
        ("ARCLENGTH", "D", None, np.linspace(0, 1, n)),
        ("MOVING", "I", None, np.zeros(n)),
        ("CADENCENO", "J", None, np.arange(n)),
    ]
    primary = PRIMARY["K2 community"]
    return write(path, columns, primary, {"KEPLERID": 201367065}, name="BESTAPER", checksum=False)


def k2sc(path, *, n=300, seed=0):
    """Names of the columns as in K2SC's own writer; units left out, as there."""
    time, flux = numbers(n, seed=seed, step=1765.5 / 86400, start=2150.0)
    quality = np.zeros(n, np.int32)
    quality[5] = 1 << 15
    quality[6] = 1
    names = {"trtime": np.zeros(n), "trposi": np.zeros(n), "mflags": np.zeros(n)}
    columns = [
        ("time", "D", None, time),
        ("cadence", "J", None, np.arange(n)),
        ("quality", "J", None, quality),
        ("flux", "D", None, flux),
        ("error", "D", None, np.full(n, 0.8)),
        *[(name, "D", None, values) for name, values in names.items()],
    ]
    table = {"BJDREFI": 2454833, "BJDREFF": 0.0}
    return write(path, columns, PRIMARY["K2 community"], table, name="PDCSAP", checksum=False)


def k2varcat(path, *, n=300, seed=0):
    time, flux = numbers(n, seed=seed, step=1765.5 / 86400, start=1977.0)
    columns = [
        ("TIME", "D", "BJD - 2454833", time),
        ("APTFLUX", "D", None, flux * 1.1),
        ("APTFLUX_ERR", "D", None, np.ones(n)),
        ("DETFLUX", "D", None, flux),
        ("DETFLUX_ERR", "D", None, np.ones(n)),
    ]
    return write(path, columns, PRIMARY["K2 community"], {}, checksum=False)
