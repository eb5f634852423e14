"""Columns and header cards of simulated light-curve files, as the archives of TESS, Kepler and K2 have them.

TESS Science Data Products Description Document (EXP-TESS-ARC-ICD-0014, section 5) and Kepler Archive Manual
(KDMC-10008-006, section 2.3). ``SIMDATA`` is true, ``ORIGIN`` says "lcnet simulation", and ``SIM...`` cards hold the
truth. Nothing depends on when a file is written: the same curve gives the same bytes.
"""

from __future__ import annotations

from lcnet import __version__
from lcnet.transits.simulator.missions import MISSIONS

__all__ = [
    "IDENTIFIERS",
    "POSITIONS",
    "columns",
    "file_name",
    "identity",
    "primary_cards",
    "span_cards",
    "table_cards",
]

IDENTIFIERS = {"TESS": "TICID", "Kepler": "KEPLERID", "K2": "KEPLERID"}
# where a mission looked, degrees: the southern ecliptic pole, the middle of Kepler's field, and of K2's campaign 1
POSITIONS = {"TESS": (90.0, -66.56), "Kepler": (290.667, 44.5), "K2": (173.939, 1.417)}
_FLUX, _PIXEL = "e-/s", "pixel"
_COLUMNS = (  # name, format, unit, display: the archive's order
    ("TIME", "D", "BJD - {zero:.0f}, days", "D14.7"), ("TIMECORR", "E", "d", "E14.7"), ("CADENCENO", "J", None, "I10"),
    ("SAP_FLUX", "E", _FLUX, "E14.7"), ("SAP_FLUX_ERR", "E", _FLUX, "E14.7"),
    ("SAP_BKG", "E", _FLUX, "E14.7"), ("SAP_BKG_ERR", "E", _FLUX, "E14.7"),
    ("PDCSAP_FLUX", "E", _FLUX, "E14.7"), ("PDCSAP_FLUX_ERR", "E", _FLUX, "E14.7"), ("QUALITY", "J", None, "B16.16"),
    ("PSF_CENTR1", "D", _PIXEL, "F10.5"), ("PSF_CENTR1_ERR", "E", _PIXEL, "E14.7"),
    ("PSF_CENTR2", "D", _PIXEL, "F10.5"), ("PSF_CENTR2_ERR", "E", _PIXEL, "E14.7"),
    ("MOM_CENTR1", "D", _PIXEL, "F10.5"), ("MOM_CENTR1_ERR", "E", _PIXEL, "E14.7"),
    ("MOM_CENTR2", "D", _PIXEL, "F10.5"), ("MOM_CENTR2_ERR", "E", _PIXEL, "E14.7"),
    ("POS_CORR1", "E", "pixels", "E14.7"), ("POS_CORR2", "E", "pixels", "E14.7"),
)  # fmt: skip


def columns(mission):
    """``(name, format, unit, display)`` of each column: Kepler and K2 call theirs SAP_QUALITY, and name no days."""
    out = []
    for name, form, unit, display in _COLUMNS:
        if name == "TIME":
            unit = unit.format(zero=MISSIONS[mission].zero)
            unit = unit if mission == "TESS" else unit.removesuffix(", days")
        if name == "QUALITY" and mission != "TESS":
            name = "SAP_QUALITY"
        out.append((name, form, unit, display))
    return out


def identity(mission, number):
    """Who is looking, at what."""
    telescope = "TESS" if mission == "TESS" else "Kepler"
    return [
        ("SIMDATA", True, "file is based on simulated data"),
        ("TELESCOP", telescope, "telescope"),
        ("INSTRUME", f"{telescope} Photometer", "detector type"),
        ("OBJECT", f"{MISSIONS[mission].catalogue} {number}", "string version of target id (invented)"),
        (IDENTIFIERS[mission], number, "target identifier (invented)"),
    ]


def _position(ra, dec):
    return [
        ("RADESYS", "ICRS", "reference frame of celestial coordinates"),
        ("RA_OBJ", float(ra), "[deg] right ascension"),
        ("DEC_OBJ", float(dec), "[deg] declination"),
        ("EQUINOX", 2000.0, "equinox of celestial coordinate system"),
    ]


def span_cards(mission, start, stop):
    """From when to when: TSTART and TSTOP in the mission's own system, the dates in UTC."""
    from astropy.time import Time

    system, zero = MISSIONS[mission].system, MISSIONS[mission].zero
    first, last = (Time(t + zero, format="jd", scale="tdb").utc for t in (start, stop))
    return [
        ("TSTART", start, f"observation start time in {system}"),
        ("TSTOP", stop, f"observation stop time in {system}"),
        ("DATE-OBS", first.isot, "TSTART as UTC calendar date"),
        ("DATE-END", last.isot, "TSTOP as UTC calendar date"),
    ]


def primary_cards(curve, segment, number, ra, dec, span):
    """The primary header: who, where, which stretch, the star, and what was put in."""
    mission, star = curve.mission, curve.truth["star"]
    where = {
        "TESS": [
            ("SECTOR", segment, "Observing sector"),
            ("CAMERA", 4, "Camera number"),
            ("CCD", 1, "CCD chip number"),
        ],
        "Kepler": [
            ("CHANNEL", 44, "CCD channel"),
            ("MODULE", 13, "CCD module"),
            ("OUTPUT", 4, "CCD output"),
            ("QUARTER", segment, "Observing quarter"),
            ("SEASON", (segment + 2) % 4, "mission season during which data was collected"),
        ],
        "K2": [
            ("CHANNEL", 44, "CCD channel"),
            ("MODULE", 13, "CCD module"),
            ("OUTPUT", 4, "CCD output"),
            ("CAMPAIGN", segment, "Observing campaign number"),
        ],
    }[mission]
    if mission != "TESS":
        mode = "short cadence" if curve.truth["cadence"] < 600.0 else "long cadence"
        where += [("OBSMODE", mode, "observing mode")]
    magnitude = ("TESSMAG", "TESS magnitude") if mission == "TESS" else ("KEPMAG", "Kepler magnitude (Kp)")
    return [
        ("NEXTEND", 2, "number of standard extensions"),
        ("ORIGIN", "lcnet simulation", "who made this file: no telescope did"),
        # not today's date: a file must not depend on the day it is written
        ("DATE", span[3][1][:10], "date of the last cadence"),
        # lightkurve tells a light curve from a pixel file by this keyword
        ("CREATOR", f"lcnet {__version__} LightCurve simulator", "program"),
        ("PROCVER", f"lcnet-{__version__}", "SW version"),
        *(span if mission == "TESS" else ()),
        *identity(mission, number),
        ("MISSION", mission, "mission whose data are imitated"),
        *where,
        *_position(ra, dec),
        (magnitude[0], star["mag"], f"[mag] {magnitude[1]}"),
        ("TEFF", star["teff"], "[K] Effective temperature"),
        ("LOGG", star["logg"], "[cm/s2] log10 surface gravity"),
        ("RADIUS", star["radius"], "[solar radii] stellar radius"),
        ("SIMMASS", star["mass"], "[solar masses] mass of the simulated star"),
        ("SIMKIND", curve.truth["kind"], "what was simulated"),
        ("SIMVAR", star["variability"], "the star's own variability"),
        *_truth_cards(curve.truth["signals"], MISSIONS[mission].system),
    ]


def _truth_cards(signals, system):
    cards = [("SIMNSIG", len(signals), "number of simulated signals")]
    for number, signal in enumerate(signals[:9], start=1):
        cards += [
            (f"SIMKND{number}", signal["kind"], f"kind of signal {number}"),
            (f"SIMPER{number}", signal["period"], "[d] period"),
            (f"SIMEPO{number}", signal["epoch"], f"[d] {system} of a mid-transit"),
            (f"SIMDUR{number}", signal["duration"], "[h] first to fourth contact"),
            (f"SIMDEP{number}", signal["depth"], "[ppm] depth at mid-transit"),
        ]
    return cards


def table_cards(curve, number, ra, dec, span, taken):
    """The table's header: clocks, exposures, aperture."""
    mission = curve.mission
    system, zero = MISSIONS[mission].system, int(MISSIONS[mission].zero)
    cadence, step = curve.truth["cadence"], curve.truth["cadence"] / 86400.0
    # TESS drops 2 of 10 exposures of 1.98 s against cosmic rays; Kepler adds up frames of 6.02 s and reads for 0.52 s
    exposure, readout, live = (1.98, 0.02, 0.8 * 0.99) if mission == "TESS" else (6.0198029, 0.5189485, 0.92063492)
    length = span[1][1] - span[0][1]
    return [
        ("INHERIT", True, "inherit the primary header"),
        *identity(mission, number),
        *_position(ra, dec),
        ("EXPOSURE", taken * step * live, "[d] time on source"),
        ("TIMEREF", "SOLARSYSTEM", "barycentric correction applied to times"),
        ("TASSIGN", "SPACECRAFT", "where time is assigned"),
        ("TIMESYS", "TDB", "time system is Barycentric Dynamical Time (TDB)"),
        ("BJDREFI", zero, f"integer part of {system} reference date"),
        ("BJDREFF", 0.0, f"fraction of the day in {system} reference date"),
        ("TIMEUNIT", "d", "time unit for TIME, TSTART and TSTOP"),
        *span,
        ("TELAPSE", length, "[d] TSTOP - TSTART"),
        ("LIVETIME", length * live, "[d] TELAPSE multiplied by DEADC"),
        ("DEADC", live, "deadtime correction"),
        ("TIMEPIXR", 0.5, "bin time beginning=0 middle=0.5 end=1"),
        ("TIERRELA", 1.16e-05, "[d] relative time error"),
        ("INT_TIME", exposure, "[s] photon accumulation time per frame"),
        ("READTIME", readout, "[s] readout time per frame"),
        ("FRAMETIM", exposure + readout, "[s] frame time (INT_TIME + READTIME)"),
        ("NUM_FRM", round(cadence / (exposure + readout)), "number of frames per time stamp"),
        ("TIMEDEL", step, "[d] time resolution of data"),
        ("BACKAPP", True, "background is subtracted"),
        ("DEADAPP", True, "deadtime applied"),
        ("VIGNAPP", True, "vignetting or collimator correction applied"),
        ("CROWDSAP", curve.truth["star"]["crowdsap"], "Ratio of target flux to total flux in op. ap."),
        ("FLFRCSAP", 1.0, "Frac. of target flux w/in the op. aperture"),
        ("NOISEPPM", curve.truth["white_ppm"], "[ppm] simulated white noise of one cadence"),
    ]


def file_name(curve, segment, number, start, stop):
    """The archive's file name for one segment; `start` and `stop` in days of the curve's own system."""
    from astropy.time import Time

    def stamp(t):
        time = Time(t + MISSIONS[curve.mission].zero, format="jd", scale="tdb").utc
        return time.strftime("%Y%j%H%M%S")

    if curve.mission == "TESS":
        return f"tess{stamp(start)}-s{segment:04d}-{number:016d}-0000-s_lc.fits"
    kind = "llc" if curve.truth["cadence"] >= 600.0 else "slc"
    if curve.mission == "Kepler":
        return f"kplr{number:09d}-{stamp(stop)}_{kind}.fits"
    return f"ktwo{number:09d}-c{segment:02d}_{kind}.fits"
