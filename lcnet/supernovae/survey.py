"""How the Dark Energy Survey's challenge looked: fields, nights, errors and cuts, as numbers instead of its files.

Five fields, two of them deep; a season of 180 d; a field's visits come on nights 1 to 12 d apart, in two to four bands.
The numbers are medians and scatters of the published light curves (Kessler et al. 2010, PASP 122, 1415).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["BANDS", "SEASON", "WAVELENGTHS", "Cadence", "draw_cadence", "observe"]

BANDS = ("g", "r", "i", "z")
WAVELENGTHS = np.array([4781.0, 6359.9, 7758.9, 9208.1])
SEASON = 180.0  # days that the fields are visited
PEAKS = (-21.0, 199.0)  # of the supernovae, from the season's start [d]

_DEEP = 0.58  # share of the objects in the deep fields
# median error of a faint point at zeropoint 27.5 and its scatter from visit to visit, natural logarithm
_ERROR = {"deep": (3.35, 1.95, 3.05, 3.05), "shallow": (6.3, 3.75, 5.8, 5.4)}
_SCATTER = (0.48, 0.36, 0.34, 0.30)
_PHOTON = {"deep": 0.08, "shallow": 0.13}  # variance per unit of flux
_PRESENT = {"deep": (0.86, 0.86, 0.84, 0.82), "shallow": (0.66, 0.64, 0.62, 0.61)}
_ALONE = 0.42  # share of the nights that follow the last one by a day


@dataclass(frozen=True)
class Cadence:
    """When and how n objects are observed.

    Parameters
    ----------
    time : array, shape (n, visits), days
        From the season's start.
    error : array, shape (n, visits, bands)
        Of a point without flux, at zeropoint 27.5; 0: not observed.
    peak : array, shape (n,), days
        When the supernovae are brightest.
    photon, floor : array, shape (n,)
        Variance per unit of flux; smallest error as a share of the flux.
    offset : array, shape (n, bands)
        What is left of the host after subtraction, in units of the median error.
    wavelength : array, shape (n, bands), Angstrom
        Effective, of the survey's filters.
    """

    time: np.ndarray
    error: np.ndarray
    peak: np.ndarray
    photon: np.ndarray
    floor: np.ndarray
    offset: np.ndarray
    wavelength: np.ndarray

    @property
    def survey(self) -> list[str]:
        """A name for each object's survey that holds its wavelengths: `simulate.band_of` reads it."""
        known = np.round(self.wavelength).astype(int)
        return ["DES" if (one == np.round(WAVELENGTHS)).all() else "-".join(map(str, one)) for one in known]


def draw_cadence(n: int, rng, *, visits: int = 62) -> Cadence:
    """Nights, bands and errors of `n` objects of the challenge, each in a field and season of its own."""
    gap = np.where(rng.random((n, visits)) < _ALONE, 1.0, rng.uniform(2.5, 10.5, (n, visits)))
    time = np.cumsum(gap, axis=1) - gap[:, :1] * rng.random((n, 1)) + 0.15 * rng.standard_normal((n, visits))
    deep = rng.random(n) < _DEEP
    each = np.where(deep[:, None], _ERROR["deep"], _ERROR["shallow"])
    present = np.where(deep[:, None], _PRESENT["deep"], _PRESENT["shallow"])
    # seeing and moon are of the night, what is left of the band
    night = rng.standard_normal((n, visits, 1))
    own = rng.standard_normal((n, visits, len(BANDS)))
    scatter = np.array(_SCATTER)
    error = each[:, None, :] * np.exp(scatter * (0.8 * night + 0.6 * own))
    seen = (rng.random(error.shape) < present[:, None, :]) & (time < SEASON)[:, :, None]
    return Cadence(
        time=time,
        error=np.where(seen, error, 0.0),
        peak=rng.uniform(*PEAKS, n),
        photon=np.where(deep, _PHOTON["deep"], _PHOTON["shallow"]),
        floor=np.zeros(n),
        offset=np.zeros((n, len(BANDS))),
        wavelength=np.tile(WAVELENGTHS, (n, 1)),
    )


def observe(flux, cadence: Cadence, rng) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Measured flux, its error and whether an object passes the challenge's cuts.

    At least five epochs, and two bands with a point of SNR above 5: its CUTWIN_NEPOCH and ``CUTWIN_SNRMAX 5 griz 2``,
    which 99.3% of the published objects fulfil (the comment beside it says one band).

    Parameters
    ----------
    flux : array, shape (n, visits, bands)
        True flux at zeropoint 27.5.
    cadence : Cadence
    rng : numpy.random.Generator

    Returns
    -------
    flux, flux_err : array, shape (n, visits, bands)
        Error 0 where there is no observation.
    passed : array of bool, shape (n,)
    """
    seen = cadence.error > 0
    positive = np.maximum(flux, 0)
    variance = cadence.error**2 + cadence.photon[:, None, None] * positive
    variance += (cadence.floor[:, None, None] * positive) ** 2
    error = np.where(seen, np.sqrt(variance), 0.0)
    faint = cadence.error.sum(axis=(1, 2)) / np.maximum(seen.sum(axis=(1, 2)), 1)
    left = cadence.offset * faint[:, None]
    measured = np.where(seen, flux + left[:, None, :] + error * rng.standard_normal(flux.shape), 0.0)
    strong = (seen & (measured > 5 * error)).any(axis=1).sum(axis=1) >= 2
    return measured, error, strong & (seen.any(axis=2).sum(axis=1) >= 5)
