"""What tells the three missions apart: clocks, cadences, flags, pass bands, and the stars they looked at."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MISSIONS", "Mission", "mission_named"]


@dataclass(frozen=True)
class Mission:
    """One mission's constants.

    Attributes
    ----------
    name, system, catalogue, segment : str
        "TESS"; the time system "BTJD"; the catalogue of its targets "TIC"; what a stretch of data is called, "sector".
    zero : float
        BJD_TDB of time 0.
    cadence : float, seconds
        The default; `cadences` are those that were in use.
    segments : (int, int)
        First and last number a random stretch is drawn from.
    wavelength : float, nm
        Effective wavelength of the pass band, for black bodies.
    granulation : float
        Amplitude of granulation and oscillations over that in Kepler's band.
    magnitudes : (float, float)
        Range stars are drawn from, in the mission's own magnitude (Tmag, Kp).
    masses : (float, float), solar masses
        Range stars are drawn from.
    crowding : float
        Mean share of other stars' light in the aperture (1 - CROWDSAP).
    excess : float
        Mean of the exponential by which a star's white noise exceeds the lower envelope of stars of its magnitude.
    dropped, no_flux : int
        Quality bits that lightkurve drops by default, and those whose cadences the pipeline leaves empty.
    """

    name: str
    system: str
    catalogue: str
    segment: str
    zero: float
    cadence: float
    cadences: tuple[float, ...]
    segments: tuple[int, int]
    wavelength: float
    granulation: float
    magnitudes: tuple[float, float]
    masses: tuple[float, float]
    crowding: float
    excess: float
    dropped: int
    no_flux: int


_LONG, _SHORT = 1765.4628859, 58.8487629  # s: 270 and 9 frames of 6.538751429 s (Kepler Archive Manual, 2.1)
# Kepler Archive Manual (KDMC-10008-006), table 2-3: attitude tweak, safe mode, coarse and Earth point, desaturation,
# manual exclude, detector anomaly, no data; and, of K2, thruster firing
_KEPLER_DROPPED = 1 + 2 + 4 + 8 + 32 + 256 + 16384 + 65536 + 1048576
# EXP-TESS-ARC-ICD-0014, table 32: bits 1-6, 8, 10, 15
_TESS_DROPPED = 1 + 2 + 4 + 8 + 16 + 32 + 128 + 512 + 16384
# 0.85: granulation's amplitude falls with wavelength (Campante et al. 2016, ApJ 830, 138, section 3)
MISSIONS = {
    "TESS": Mission(
        "TESS", "BTJD", "TIC", "sector", 2457000.0, 120.0, (20.0, 120.0, 200.0, 600.0, 1800.0), (1, 26),
        786.5, 0.85, (6.0, 13.5), (0.35, 1.6), 0.05, 0.2, _TESS_DROPPED, 32 + 128 + 512,
    ),
    "Kepler": Mission(
        "Kepler", "BKJD", "KIC", "quarter", 2454833.0, _LONG, (_LONG, _SHORT), (1, 17),
        640.0, 1.0, (9.0, 15.5), (0.5, 1.5), 0.04, 0.25, _KEPLER_DROPPED, 32 + 64 + 256,
    ),
    "K2": Mission(
        "K2", "BKJD", "EPIC", "campaign", 2454833.0, _LONG, (_LONG, _SHORT), (0, 18),
        640.0, 1.0, (9.0, 15.0), (0.2, 1.5), 0.04, 0.25, _KEPLER_DROPPED, 32 + 64 + 256,
    ),
}  # fmt: skip


def mission_named(name):
    """The `Mission` called `name`, whatever its case.

    Raises
    ------
    ValueError
        There is no such mission.
    """
    for mission in MISSIONS.values():
        if mission.name.lower() == str(name).lower():
            return mission
    raise ValueError(f"mission {name!r} is not one of {', '.join(MISSIONS)}")
