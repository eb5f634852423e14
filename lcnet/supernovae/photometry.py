"""The one container that every format ends in: points of many objects, end to end, at zeropoint 27.5."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

__all__ = ["CLASSES", "OBJECT_COLUMNS", "TRUTH_COLUMNS", "ZEROPOINT", "Band", "Photometry"]

CLASSES = ("Ia", "Ibc", "II")  # in the order of the networks' columns
ZEROPOINT = 27.5  # FLUXCAL = 10^(0.4 (27.5 - mag)), SNANA's convention
_LATEST = 1e6  # MJD, the year 4596: beyond it are nanoseconds of 1970, full Julian dates and damage
_LARGEST = 1e30  # of a flux or error, or one over it; the Sun is 5e21. Squares and their inverses are still numbers

# what is known of an object; of these only the redshift, if asked for, ever reaches a network
OBJECT_COLUMNS = {
    "object": "",
    "survey": "",
    "ra": np.nan,
    "dec": np.nan,
    "mwebv": np.nan,
    "redshift": np.nan,
    "redshift_err": np.nan,
    "source": "",
    "status": "ok",
    "reason": "",
}
# what only a judge may see: never given to a network
TRUTH_COLUMNS = {"type": "", "subtype": "", "model": "", "sntype": "", "redshift": np.nan, "peak_mjd": np.nan}


@dataclass(frozen=True)
class Band:
    """A filter: `survey` and `letter` as in the file, `name` as in physics ("" where it is not known)."""

    survey: str
    letter: str
    name: str = ""
    system: str = ""
    wavelength: float = float("nan")


@dataclass(frozen=True)
class Photometry:
    """Light curves of many objects.

    Parameters
    ----------
    objects : DataFrame, n rows
        `OBJECT_COLUMNS`: name, survey, position [deg], E(B-V) of the Milky Way [mag], redshift of the *host* and its
        error, file, ``status`` (ok | failed) and ``reason``.
    start : array of int, shape (n + 1,)
        Object i has the points ``start[i]:start[i + 1]``, in order of time.
    mjd : array, shape (N,), days
    band : array of int, shape (N,)
        Index into `bands`.
    flux, flux_err : array, shape (N,)
        At zeropoint 27.5; errors are positive.
    detected : array of int8, shape (N,)
        1 detected, 0 not, -1 the file does not say.
    bands : tuple of Band
    truth : DataFrame, n rows
        `TRUTH_COLUMNS`, of simulations and typed objects, for training and judging.
    """

    objects: pd.DataFrame
    start: np.ndarray
    mjd: np.ndarray
    band: np.ndarray
    flux: np.ndarray
    flux_err: np.ndarray
    detected: np.ndarray
    bands: tuple[Band, ...]
    truth: pd.DataFrame = field(repr=False)

    def __post_init__(self):
        if len(self.start) != len(self.objects) + 1 or len(self.truth) != len(self.objects):
            raise ValueError(f"{len(self.objects)} objects, {len(self.start)} starts, {len(self.truth)} truths")
        if {len(self.mjd)} != {len(column) for column in (self.band, self.flux, self.flux_err, self.detected)}:
            raise ValueError("the columns of the points differ in length")

    def __len__(self) -> int:
        return len(self.objects)

    @property
    def owner(self) -> np.ndarray:
        """The number of each point's object, array (N,)."""
        return np.repeat(np.arange(len(self)), np.diff(self.start))

    def take(self, index) -> Photometry:
        """The objects `index` (integers or a mask), in that order."""
        index = np.arange(len(self))[index]
        length = np.diff(self.start)[index]
        start = np.concatenate([[0], np.cumsum(length)])
        rows = np.arange(start[-1]) + np.repeat(self.start[:-1][index] - start[:-1], length)
        return Photometry(
            objects=self.objects.iloc[index].reset_index(drop=True),
            start=start,
            mjd=self.mjd[rows],
            band=self.band[rows],
            flux=self.flux[rows],
            flux_err=self.flux_err[rows],
            detected=self.detected[rows],
            bands=self.bands,
            truth=self.truth.iloc[index].reset_index(drop=True),
        )

    def to_frame(self) -> pd.DataFrame:
        """One row a point: ``object, mjd, band, flux, flux_err``; an unknown band goes by survey and letter."""
        names = np.array([band.name or f"{band.survey}:{band.letter}" for band in self.bands] or [""], dtype=object)
        return pd.DataFrame(
            {
                "object": self.objects["object"].to_numpy()[self.owner],
                "mjd": self.mjd,
                "band": names[self.band] if len(self.mjd) else np.array([], dtype=object),
                "flux": self.flux,
                "flux_err": self.flux_err,
            }
        )

    @classmethod
    def build(
        cls, objects, owner, mjd, letter, flux, flux_err, *, survey=None, detected=None, truth=None, lookup
    ) -> Photometry:
        """From columns of points in any order; what is no measurement is left out.

        Parameters
        ----------
        objects : sequence of dict
            Values of `OBJECT_COLUMNS`; what is absent is unknown.
        owner : array of int, shape (N,)
            Each point's object.
        mjd, flux, flux_err : array, shape (N,)
            Points that are not finite, or whose error is not positive (SNANA's sentinels), are dropped; so are those
            of impossible times and fluxes, which the object's ``reason`` counts.
        letter : array of str, shape (N,)
        survey : array of str, shape (N,), optional
            Each point's own, where an object's points come from several; default: its object's.
        detected : array of int, shape (N,), optional
        truth : sequence of dict, optional
        lookup : callable
            ``lookup(survey, letter) -> Band``.
        """
        objects = _frame(objects, OBJECT_COLUMNS)
        truth = _frame(truth if truth is not None else [{}] * len(objects), TRUTH_COLUMNS)
        owner = np.asarray(owner, dtype=np.int64)
        mjd, flux, flux_err = (np.asarray(column, dtype=np.float64) for column in (mjd, flux, flux_err))
        detected = np.full(len(mjd), -1, np.int8) if detected is None else np.asarray(detected, dtype=np.int8)
        with np.errstate(invalid="ignore"):
            # 99 and 128, SNANA's "no magnitude", belong to magnitudes: as fluxes they are ordinary
            measured = np.isfinite(mjd) & np.isfinite(flux) & np.isfinite(flux_err) & (flux_err > 0)
            timed = (mjd > 0) & (mjd < _LATEST)
            sized = (np.abs(flux) < _LARGEST) & (flux_err < _LARGEST) & (flux_err > 1 / _LARGEST)
        good = measured & timed & sized
        _remark(objects, owner[measured & ~timed], "a time that is no MJD")
        _remark(objects, owner[measured & timed & ~sized], "an impossible flux or error")
        letters, code = np.unique(np.asarray(letter).astype(str)[good], return_inverse=True)
        owner, mjd, flux, flux_err, detected = (one[good] for one in (owner, mjd, flux, flux_err, detected))
        if survey is None:
            surveys, place = np.unique(objects["survey"].to_numpy().astype(str), return_inverse=True)
            place = place[owner]
        else:
            place, surveys = pd.factorize(np.asarray(survey, dtype=object)[good], sort=True)
        pair, band = np.unique(place * max(1, len(letters)) + code, return_inverse=True)
        bands = tuple(lookup(str(surveys[p // len(letters)]), str(letters[p % len(letters)])) for p in pair)
        order = np.lexsort((band, mjd, owner))
        counts = np.bincount(owner, minlength=len(objects))
        return cls(
            objects=objects,
            start=np.concatenate([[0], np.cumsum(counts)]),
            mjd=mjd[order],
            band=band[order].astype(np.int32),
            flux=flux[order],
            flux_err=flux_err[order],
            detected=detected[order],
            bands=bands,
            truth=truth,
        )

    @classmethod
    def concatenate(cls, parts: Sequence[Photometry]) -> Photometry:
        """All objects of `parts`, one part after the other."""
        parts = list(parts)
        if len(parts) == 1:
            return parts[0]
        bands: dict[str, int] = {}  # by what they say: an unknown wavelength, NaN, equals nothing
        codes = []
        for part in parts:
            table = np.array([bands.setdefault(repr(one), len(bands)) for one in part.bands] or [0])
            codes.append(table[part.band] if len(part.mjd) else part.band)
        known = {repr(one): one for part in parts for one in part.bands}
        lengths = [np.diff(part.start) for part in parts]
        return cls(
            objects=pd.concat([part.objects for part in parts], ignore_index=True),
            start=np.concatenate([[0], np.cumsum(np.concatenate(lengths))]).astype(np.int64),
            mjd=np.concatenate([part.mjd for part in parts]),
            band=np.concatenate(codes).astype(np.int32),
            flux=np.concatenate([part.flux for part in parts]),
            flux_err=np.concatenate([part.flux_err for part in parts]),
            detected=np.concatenate([part.detected for part in parts]),
            bands=tuple(known[key] for key in bands),
            truth=pd.concat([part.truth for part in parts], ignore_index=True),
        )


def _remark(objects: pd.DataFrame, owner: np.ndarray, what: str) -> None:
    """Say in ``reason`` how many points of each object were left out."""
    numbers, counts = np.unique(owner, return_counts=True)
    for number, count in zip(numbers, counts, strict=True):
        said = objects.at[number, "reason"]
        words = f"{count} point{'s' if count > 1 else ''} with {what} left out"
        objects.at[number, "reason"] = f"{said}; {words}" if said else words


def _frame(rows, columns) -> pd.DataFrame:
    rows = list(rows)
    made = {}
    for name, missing in columns.items():
        values = [row.get(name, missing) for row in rows]
        made[name] = np.array(values, dtype=object if isinstance(missing, str) else np.float64)
    return pd.DataFrame(made)
