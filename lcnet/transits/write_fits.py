"""Simulated light curves as FITS files in the form of the archives of TESS, Kepler and K2, marked as simulated.

Columns, keywords and names are the archives' own (`simulator.cards`), so that every reader of those opens them. What
the simulator does not make (centroids, background, pixels) is NaN. SAP_FLUX is PDCSAP_FLUX with the other stars' light
of CROWDSAP put back; systematics are what the pipeline leaves, in both.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from astropy.io import fits

from lcnet.core.files import replaced
from lcnet.transits.simulator import cards
from lcnet.transits.simulator.curves import SimulatedCurve
from lcnet.transits.simulator.missions import MISSIONS
from lcnet.transits.simulator.sampling import FLAGS

__all__ = ["lightcurve_name", "write_lightcurve"]

# time of cadence number 0, days of the mission's own system, so that numbers are near the archive's
_FIRST_CADENCE = {"TESS": 1227.456, "Kepler": 108.924, "K2": 108.924}
_CATALOGUES = {"TESS": "tic", "Kepler": "kic", "K2": "epic"}


def lightcurve_name(curve: SimulatedCurve, segment: int, number: int) -> str:
    """The archive's file name of one sector, quarter or campaign of a curve, for target `number`.

    TESS: start of the data, sector, 16 digits, configuration 0000. Kepler: 9 digits, end of the data. K2: 9 digits,
    campaign.
    """
    here = curve.time[curve.segment == segment]
    return cards.file_name(curve, int(segment), int(number), here[0], here[-1])


def write_lightcurve(
    path: str | os.PathLike,
    curve: SimulatedCurve,
    *,
    tic: int | None = None,
    kic: int | None = None,
    epic: int | None = None,
    ra: float | None = None,
    dec: float | None = None,
) -> list[Path]:
    """Write a simulated star, one FITS file a sector, quarter or campaign, each whole or not at all.

    The same curve gives the same bytes, whenever it is written.

    Parameters
    ----------
    path : str or path
        A folder (made if missing), in which the files take the archive's names; or, for a curve of one segment, a file
        name that ends in ``.fits``. A file of that name is replaced.
    curve : SimulatedCurve
    tic, kic, epic : int
        Target number, the one of the curve's mission (TESS, Kepler, K2); choose one that no star has.
    ra, dec : float, degrees, optional
        Position in the header; by default within the mission's field.

    Returns
    -------
    list of pathlib.Path
        In the order of the segments.

    Raises
    ------
    ValueError
        A file name for a curve of several segments, a number of another mission's catalogue, or one that is not
        positive.
    """
    path, mission = Path(path), curve.mission
    name, numbers = _CATALOGUES[mission], {"tic": tic, "kic": kic, "epic": epic}
    given = [key for key, value in numbers.items() if value is not None]
    if given != [name]:
        raise ValueError(f"a {mission} light curve takes {name}=, not {', '.join(given) or 'nothing'}")
    number = int(numbers[name])
    if number <= 0:
        raise ValueError(f"{'an' if name == 'epic' else 'a'} {name.upper()} number is positive, not {number}")
    ra, dec = (default if value is None else value
               for value, default in zip((ra, dec), cards.POSITIONS[mission], strict=True))  # fmt: skip
    segments = [int(segment) for segment in np.unique(curve.segment)]
    if path.suffix == ".fits":
        if len(segments) > 1:
            raise ValueError(
                f"{path} names one file but the curve has {MISSIONS[mission].segment}s {segments}; give a folder"
            )
        targets = [path]
    else:
        targets = [path / lightcurve_name(curve, segment, number) for segment in segments]
    for segment, target in zip(segments, targets, strict=True):
        hdus = _hdus(curve, segment, number, ra, dec)
        with replaced(target) as temporary:
            # the temporary name ends in .part, which astropy takes as it is: no compression guessed from it
            with open(temporary, "wb") as file:
                hdus.writeto(file)
    return targets


def _rows(curve, here, step):
    """One row a cadence, as the archives have it: where nothing was taken, time and flux are NaN."""
    mission = curve.mission
    number = np.rint((curve.time[here] - _FIRST_CADENCE[mission]) / step - 0.5).astype(np.int32)
    row = number - number[0]
    size = int(row[-1]) + 1
    data = {name: np.full(size, np.nan) for name, *_ in cards.columns(mission)}
    quality = np.full(size, 0 if mission == "TESS" else FLAGS[mission]["no_data"], np.int32)
    quality[row] = curve.quality[here]
    data["QUALITY" if mission == "TESS" else "SAP_QUALITY"] = quality
    data["CADENCENO"] = np.arange(size, dtype=np.int32) + number[0]
    data["TIME"][row] = curve.time[here]
    data["TIMECORR"][row] = 0.0
    flux = curve.flux[here]
    level = np.nanmedian(flux) if np.isfinite(flux).any() else 0.0
    crowd = (1.0 / curve.truth["star"]["crowdsap"] - 1.0) * level
    for name, extra in (("SAP_FLUX", crowd), ("PDCSAP_FLUX", 0.0)):
        data[name][row] = flux + extra
        data[f"{name}_ERR"][row] = curve.flux_err[here]
    return data


def _hdus(curve, segment, number, ra, dec):
    mission, here = curve.mission, curve.segment == segment
    step = curve.truth["cadence"] / 86400.0
    data = _rows(curve, here, step)
    table = fits.BinTableHDU.from_columns(
        [fits.Column(name=n, format=f, unit=u, disp=d, array=data[n]) for n, f, u, d in cards.columns(mission)],
        name="LIGHTCURVE",
    )
    span = cards.span_cards(mission, curve.time[here][0] - 0.5 * step, curve.time[here][-1] + 0.5 * step)
    mask = np.ones((11, 11), np.int32)  # 1: pixel collected; 2: in the aperture
    mask[4:7, 4:7] |= 2
    primary, aperture = fits.PrimaryHDU(), fits.ImageHDU(mask, name="APERTURE")
    for hdu, written in (
        (primary, cards.primary_cards(curve, segment, number, ra, dec, span)),
        (table, cards.table_cards(curve, number, ra, dec, span, int(here.sum()))),
        (aperture, cards.identity(mission, number)),
    ):
        for key, value, comment in written:
            hdu.header[key] = (value, comment)
    hdus = fits.HDUList([primary, table, aperture])
    hdus.update_extend()
    for hdu in hdus:
        # astropy's own comment is the time of day, which would go into the sum
        hdu.add_checksum(when="of the simulated data unit")
    return hdus
