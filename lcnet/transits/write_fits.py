"""Simulated light curves as FITS files in the form of the TESS archive, marked as simulated.

The columns, keywords and names are those of the TESS Science Data Products Description Document
(EXP-TESS-ARC-ICD-0014, section 5), so that lightkurve and every other reader of archive files opens them; ``SIMDATA``
is true and ``ORIGIN`` says "lcnet simulation". What the simulator does not make (centroids, background, pixels) is NaN.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.time import Time

from lcnet import __version__
from lcnet.core.files import replaced
from lcnet.transits.simulator.curves import SimulatedCurve

__all__ = ["lightcurve_name", "write_lightcurve"]

_BTJD = 2457000
_FIRST_CADENCE = 1227.456  # BTJD of cadence number 0, so that numbers are near the archive's
_FLUX, _PIXEL = "e-/s", "pixel"
_COLUMNS = (  # name, format, unit, display: the archive's order
    ("TIME", "D", "BJD - 2457000, days", "D14.7"), ("TIMECORR", "E", "d", "E14.7"), ("CADENCENO", "J", None, "I10"),
    ("SAP_FLUX", "E", _FLUX, "E14.7"), ("SAP_FLUX_ERR", "E", _FLUX, "E14.7"),
    ("SAP_BKG", "E", _FLUX, "E14.7"), ("SAP_BKG_ERR", "E", _FLUX, "E14.7"),
    ("PDCSAP_FLUX", "E", _FLUX, "E14.7"), ("PDCSAP_FLUX_ERR", "E", _FLUX, "E14.7"), ("QUALITY", "J", None, "B16.16"),
    ("PSF_CENTR1", "D", _PIXEL, "F10.5"), ("PSF_CENTR1_ERR", "E", _PIXEL, "E14.7"),
    ("PSF_CENTR2", "D", _PIXEL, "F10.5"), ("PSF_CENTR2_ERR", "E", _PIXEL, "E14.7"),
    ("MOM_CENTR1", "D", _PIXEL, "F10.5"), ("MOM_CENTR1_ERR", "E", _PIXEL, "E14.7"),
    ("MOM_CENTR2", "D", _PIXEL, "F10.5"), ("MOM_CENTR2_ERR", "E", _PIXEL, "E14.7"),
    ("POS_CORR1", "E", "pixels", "E14.7"), ("POS_CORR2", "E", "pixels", "E14.7"),
)  # fmt: skip


def lightcurve_name(curve: SimulatedCurve, sector: int, tic: int) -> str:
    """The archive's file name: start of the data, sector, 16-digit TIC number, configuration 0000."""
    first = Time(curve.time[curve.segment == sector][0] + _BTJD, format="jd", scale="tdb").utc
    return f"tess{first.strftime('%Y%j%H%M%S')}-s{sector:04d}-{tic:016d}-0000-s_lc.fits"


def write_lightcurve(
    path: str | os.PathLike, curve: SimulatedCurve, *, tic: int, ra: float = 90.0, dec: float = -66.56
) -> list[Path]:
    """Write a simulated star, one FITS file a sector, each whole or not at all.

    Parameters
    ----------
    path : str or path
        A folder (made if missing), in which the files take the archive's names; or, for a curve of one sector, a file
        name that ends in ``.fits``. A file of that name is replaced.
    curve : SimulatedCurve
    tic : int
        Target number; choose one that no star has.
    ra, dec : float, degrees
        Position in the header; by default the southern ecliptic pole, which TESS sees all year.

    Returns
    -------
    list of pathlib.Path
        In the order of the sectors.

    Raises
    ------
    ValueError
        A file name for a curve of several sectors, or a TIC number that is not positive.
    """
    path, tic = Path(path), int(tic)
    if tic <= 0:
        raise ValueError(f"a TIC number is positive, not {tic}")
    sectors = [int(sector) for sector in np.unique(curve.segment)]
    if path.suffix == ".fits":
        if len(sectors) > 1:
            raise ValueError(f"{path} names one file but the curve has sectors {sectors}; give a folder")
        targets = [path]
    else:
        targets = [path / lightcurve_name(curve, sector, tic) for sector in sectors]
    for sector, target in zip(sectors, targets, strict=True):
        hdus = _hdus(curve, sector, tic, ra, dec)
        with replaced(target) as temporary:
            # the temporary name ends in .part, which astropy takes as it is: no compression guessed from it
            with open(temporary, "wb") as file:
                hdus.writeto(file, checksum=True)
    return targets


def _hdus(curve, sector, tic, ra, dec):
    here = curve.segment == sector
    step = curve.truth["cadence"] / 86400.0
    number = np.rint((curve.time[here] - _FIRST_CADENCE) / step - 0.5).astype(np.int32)
    # the archive has a row for every cadence: where nothing was taken, the time is NaN and so is the flux
    row = number - number[0]
    rows = int(row[-1]) + 1
    data = {name: np.full(rows, np.nan) for name, *_ in _COLUMNS}
    data["CADENCENO"] = np.arange(rows, dtype=np.int32) + number[0]
    data["QUALITY"] = np.zeros(rows, np.int32)
    data["QUALITY"][row] = curve.quality[here]
    data["TIME"][row] = curve.time[here]
    data["TIMECORR"][row] = 0.0
    for name in ("SAP_FLUX", "PDCSAP_FLUX"):
        data[name][row] = curve.flux[here]
        data[f"{name}_ERR"][row] = curve.flux_err[here]
    table = fits.BinTableHDU.from_columns(
        [fits.Column(name=n, format=f, unit=u, disp=d, array=data[n]) for n, f, u, d in _COLUMNS], name="LIGHTCURVE"
    )
    start, stop = curve.time[here][0] - 0.5 * step, curve.time[here][-1] + 0.5 * step
    primary = fits.PrimaryHDU()
    span = _span(start, stop)
    for hdu, cards in (
        (primary, _primary_cards(curve, sector, tic, ra, dec, span)),
        (table, _table_cards(curve, tic, ra, dec, span, int(here.sum()))),
    ):
        for key, value, comment in cards:
            hdu.header[key] = (value, comment)
    mask = np.ones((11, 11), np.int32)  # 1: pixel collected; 2: in the aperture
    mask[4:7, 4:7] |= 2
    aperture = fits.ImageHDU(mask, name="APERTURE")
    for key, value, comment in _identity(tic):
        aperture.header[key] = (value, comment)
    return fits.HDUList([primary, table, aperture])


def _identity(tic):
    return [
        ("SIMDATA", True, "file is based on simulated data"),
        ("TELESCOP", "TESS", "telescope"),
        ("INSTRUME", "TESS Photometer", "detector type"),
        ("OBJECT", f"TIC {tic}", "string version of target id (invented)"),
        ("TICID", tic, "target identifier (invented)"),
    ]


def _position(ra, dec):
    return [
        ("RADESYS", "ICRS", "reference frame of celestial coordinates"),
        ("RA_OBJ", float(ra), "[deg] right ascension"),
        ("DEC_OBJ", float(dec), "[deg] declination"),
        ("EQUINOX", 2000.0, "equinox of celestial coordinate system"),
    ]


def _span(start, stop):
    first, last = (Time(t + _BTJD, format="jd", scale="tdb").utc for t in (start, stop))
    return [
        ("TSTART", start, "observation start time in BTJD"),
        ("TSTOP", stop, "observation stop time in BTJD"),
        ("DATE-OBS", first.isot, "TSTART as UTC calendar date"),
        ("DATE-END", last.isot, "TSTOP as UTC calendar date"),
    ]


def _primary_cards(curve, sector, tic, ra, dec, span):
    star = curve.truth["star"]
    return [
        ("NEXTEND", 2, "number of standard extensions"),
        ("ORIGIN", "lcnet simulation", "who made this file: no telescope did"),
        ("DATE", Time.now().utc.strftime("%Y-%m-%d"), "file creation date"),
        # lightkurve tells a light curve from a pixel file by this keyword
        ("CREATOR", f"lcnet {__version__} LightCurve simulator", "program"),
        ("PROCVER", f"lcnet-{__version__}", "SW version"),
        *span,
        *_identity(tic),
        ("MISSION", "TESS", "mission whose data are imitated"),
        ("SECTOR", sector, "Observing sector"),
        ("CAMERA", 4, "Camera number"),
        ("CCD", 1, "CCD chip number"),
        *_position(ra, dec),
        ("TESSMAG", star["tmag"], "[mag] TESS magnitude"),
        ("TEFF", star["teff"], "[K] Effective temperature"),
        ("LOGG", star["logg"], "[cm/s2] log10 surface gravity"),
        ("RADIUS", star["radius"], "[solar radii] stellar radius"),
        ("SIMKIND", curve.truth["kind"], "what was simulated"),
        *_truth_cards(curve.truth["signals"]),
    ]


def _truth_cards(signals):
    cards = [("SIMNSIG", len(signals), "number of simulated signals")]
    for number, signal in enumerate(signals[:9], start=1):
        cards += [
            (f"SIMKND{number}", signal["kind"], f"kind of signal {number}"),
            (f"SIMPER{number}", signal["period"], "[d] period"),
            (f"SIMEPO{number}", signal["epoch"], "[d] BTJD of a mid-transit"),
            (f"SIMDUR{number}", signal["duration"], "[h] first to fourth contact"),
            (f"SIMDEP{number}", signal["depth"], "[ppm] depth at mid-transit"),
        ]
    return cards


def _table_cards(curve, tic, ra, dec, span, taken):
    cadence, step = curve.truth["cadence"], curve.truth["cadence"] / 86400.0
    live = 0.8 * 0.99
    return [
        ("INHERIT", True, "inherit the primary header"),
        *_identity(tic),
        *_position(ra, dec),
        ("EXPOSURE", taken * step * live, "[d] time on source"),
        ("TIMEREF", "SOLARSYSTEM", "barycentric correction applied to times"),
        ("TASSIGN", "SPACECRAFT", "where time is assigned"),
        ("TIMESYS", "TDB", "time system is Barycentric Dynamical Time (TDB)"),
        ("BJDREFI", _BTJD, "integer part of BTJD reference date"),
        ("BJDREFF", 0.0, "fraction of the day in BTJD reference date"),
        ("TIMEUNIT", "d", "time unit for TIME, TSTART and TSTOP"),
        *span,
        ("TELAPSE", span[1][1] - span[0][1], "[d] TSTOP - TSTART"),
        ("LIVETIME", (span[1][1] - span[0][1]) * live, "[d] TELAPSE multiplied by DEADC"),
        ("DEADC", live, "deadtime correction"),
        ("TIMEPIXR", 0.5, "bin time beginning=0 middle=0.5 end=1"),
        ("TIERRELA", 1.16e-05, "[d] relative time error"),
        ("INT_TIME", 1.98, "[s] photon accumulation time per frame"),
        ("READTIME", 0.02, "[s] readout time per frame"),
        ("FRAMETIM", 2.0, "[s] frame time (INT_TIME + READTIME)"),
        ("NUM_FRM", round(cadence / 2.0), "number of frames per time stamp"),
        ("TIMEDEL", step, "[d] time resolution of data"),
        ("BACKAPP", True, "background is subtracted"),
        ("DEADAPP", True, "deadtime applied"),
        ("VIGNAPP", True, "vignetting or collimator correction applied"),
        ("CROWDSAP", 1.0, "Ratio of target flux to total flux in op. ap."),
        ("FLFRCSAP", 1.0, "Frac. of target flux w/in the op. aperture"),
        ("NOISEPPM", curve.truth["white_ppm"], "[ppm] simulated white noise of one cadence"),
    ]
