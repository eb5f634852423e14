"""What the search works with: a dip that was accepted, the candidate measured from it, and the result of a search."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lcnet.transits.boxes import BoxSearch
from lcnet.transits.detrend import in_transit

__all__ = ["MASK_WIDTH", "Candidate", "Dip", "Search", "transit_mask"]

MASK_WIDTH = 1.7  # of first to fourth contact: what a V-shaped eclipse or a transit that strays leaves is no new planet


@dataclass(frozen=True)
class Candidate:
    """One periodic dip, or a single one.

    Attributes
    ----------
    period, period_err : float, days
        Of a single event: the shortest period at which the data could hold it once, and NaN.
    epoch, epoch_err : float, days
        First mid-transit in the data, in the light curve's own time system.
    duration : float, hours
        First to fourth contact.
    depth, depth_err : float, ppm
        At mid-transit.
    snr : float
        Mean depth of the best box over its red-noise error.
    sde : float
        Signal detection efficiency: peak of the periodogram over its running median, in units of its scatter.
    n_transits : int
        Transits that hold data.
    coverage : float
        Of the transits expected between the first and the last point, the fraction that holds data.
    harmonic_of : int
        1-based number of the stronger candidate this is a harmonic of, else 0.
    flags : tuple of str
    status : str
        "ok", or "single_transit" for an event seen once.
    fap : float
        Probability that noise like this star's gives such a peak anywhere in the search.
    duration_err : float, hours
    impact : float
        Impact parameter of the fitted shape; NaN where none could be fitted.
    """

    period: float
    period_err: float
    epoch: float
    epoch_err: float
    duration: float
    depth: float
    depth_err: float
    snr: float
    sde: float
    n_transits: int
    coverage: float
    harmonic_of: int = 0
    flags: tuple[str, ...] = ()
    status: str = "ok"
    fap: float = np.nan
    duration_err: float = np.nan
    impact: float = np.nan


@dataclass(frozen=True)
class Search:
    """What a search found, and the light curve it was found in.

    Attributes
    ----------
    candidates : tuple of Candidate
        In the order found: the strongest first.
    status, reason : str
        "ok", and which strong dip beside the candidates was noise, if any; or "no_candidate" and why.
    time, flux, flux_err, trend, raw_flux, segment : array
        The flattened light curve (see `detrend.Flattened`), the candidates' transits masked when its trend was drawn.
    periodograms : tuple of BoxSearch
        One a pass.
    """

    candidates: tuple[Candidate, ...]
    status: str
    reason: str
    time: np.ndarray
    flux: np.ndarray
    flux_err: np.ndarray
    trend: np.ndarray
    raw_flux: np.ndarray
    segment: np.ndarray
    periodograms: tuple[BoxSearch, ...]


@dataclass(frozen=True)
class Dip:
    """What a pass accepted: a box (days, days, hours), what its peak was worth, and whether it is one event only."""

    box: tuple[float, float, float]
    power: float = np.nan
    sde: float = np.nan
    fap: float = np.nan
    one: bool = False
    sure: bool = False  # judged already, by single events


def transit_mask(time, candidates):
    """The points in the transits, wings included, of any of the candidates."""
    masked = np.zeros(time.size, bool)
    for one in candidates:
        widen = min(MASK_WIDTH, 12.0 * one.period / one.duration)
        masked |= in_transit(time, one.period, one.epoch, one.duration, widen=widen)
    return masked
