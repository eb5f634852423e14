"""ZTF: alerts as packets or as a broker's table, and forced photometry, into difference fluxes.

``fid`` 1/2/3 is g/r/i; a detection has ``magpsf``, ``sigmapsf`` (ALeRCE: ``mag``, ``e_mag``) and the sign of the
difference in ``isdiffpos``; where nothing was detected there is the 5 sigma limit ``diffmaglim`` (Masci et al. 2019,
PASP 131, 018003). Forced photometry has ``forcediffimflux`` in data numbers with its own zeropoint: ``magzpsci`` in the
packets' ``fp_hists``, ``zpdiff`` in the files of the service (Masci et al. 2023, arXiv:2305.16279).
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from lcnet.supernovae.columns import mjd_of, named, numbers, text_of, texts
from lcnet.supernovae.photometry import ZEROPOINT

__all__ = ["is_alerts", "is_packet", "to_flux", "unpack"]

_LIMIT_SIGMA = 5.0
_NO_FLUX = -99999.0  # where forced photometry failed
_KEPT = ("jd", "fid", "magpsf", "sigmapsf", "isdiffpos", "diffmaglim")
_FORCED = ("jd", "fid", "forcediffimflux", "forcediffimfluxunc", "magzpsci")
_BROKERS = {"mag": "magpsf", "e_mag": "sigmapsf", "zpdiff": "magzpsci"}


def is_packet(frame: pd.DataFrame) -> bool:
    """Whether rows are alert packets, with the history of an object inside."""
    return "candidate" in frame and "objectId" in frame


def is_alerts(frame: pd.DataFrame) -> bool:
    """Whether rows are detections and limits, or forced photometry, of ZTF."""
    return bool({"magpsf", "magpsf_corr", "forcediffimflux"} & set(frame)) or {"fid", "isdiffpos"} <= set(frame)


def unpack(frame: pd.DataFrame) -> pd.DataFrame:
    """The points of alert packets: each alert's own detection and its history, no exposure twice."""
    rows = []
    past, forced = _history(frame, "prv_candidates"), _history(frame, "fp_hists")
    for name, candidate, before, measured in zip(frame["objectId"], frame["candidate"], past, forced, strict=True):
        for rank, points, kept in ((1, [*before, candidate], _KEPT), (0, measured, _FORCED)):
            for one in points:
                found = {key: one.get(key) for key in kept if key in one}
                rows.append({"objectId": name, "pid": one.get("pid"), "rank": rank, **found})
    found = pd.DataFrame(rows)
    found = found[(found["rank"] == 1) | _measured(found)]
    # an exposure may be a limit in one packet, a detection in a later one and measured again, with its error, by forced
    # photometry: of these the last counts
    order = np.lexsort([~np.isfinite(_column(found, "magpsf")), found["rank"]])
    return found.iloc[order].drop_duplicates(["objectId", "pid", "jd", "fid"]).sort_index()


def _history(frame: pd.DataFrame, name: str) -> list:
    lists = frame.get(name, pd.Series([None] * len(frame)))
    return [[] if one is None or isinstance(one, float) else list(one) for one in lists]


def to_flux(frame: pd.DataFrame) -> pd.DataFrame:
    """Fluxes at zeropoint 27.5 of forced photometry, detections (with their sign) and limits (zero, with their error).

    Returns
    -------
    DataFrame
        ``mjd, band, flux, flux_err, detected``, and ``object`` if there is one.

    Raises
    ------
    ValueError
        If there are only magnitudes into which the reference's flux was added (``magpsf_corr``), or no time or filter.
    """
    frame = frame.rename(columns={old: new for old, new in _BROKERS.items() if new not in frame})
    if not {"magpsf", "forcediffimflux"} & set(frame):
        raise ValueError(
            "ZTF's magpsf_corr is the brightness of source and reference together: a supernova's is the difference,"
            " magpsf, sigmapsf and isdiffpos"
        )
    name, time, band = (named(frame, what) for what in ("object", "mjd", "band"))
    band = "fid" if "fid" in frame else band
    if time is None or band is None:
        raise ValueError(f"a table of ZTF needs jd or mjd, and fid or filter; it has {', '.join(map(str, frame))}")
    mag, error = _column(frame, "magpsf"), _column(frame, "sigmapsf")
    sign = frame["isdiffpos"].map(_sign).to_numpy(dtype=float) if "isdiffpos" in frame else np.ones(len(frame))
    flux = sign * 10 ** (0.4 * (ZEROPOINT - mag))
    flux_err = np.abs(flux) * error * 0.4 * math.log(10)
    detected = (np.isfinite(flux) & np.isfinite(flux_err)).astype(np.int8)
    # the depth of an exposure whose forced photometry failed is no limit on the source
    depth = _column(frame, "diffmaglim" if "magpsf" in frame else "")
    limit = 10 ** (0.4 * (ZEROPOINT - depth)) / _LIMIT_SIGMA
    flux, flux_err = np.where(detected, flux, 0.0), np.where(detected, flux_err, limit)
    if "forcediffimflux" in frame:
        forced = _measured(frame)
        data, sigma, zero = (_column(frame, one) for one in _FORCED[2:])
        factor = 10 ** (0.4 * (ZEROPOINT - zero))
        flux, flux_err = np.where(forced, data * factor, flux), np.where(forced, sigma * factor, flux_err)
        detected = np.where(forced & (detected == 0), -1, detected).astype(np.int8)
    made = {"mjd": mjd_of(frame[time]), "band": texts(frame[band]), "flux": flux, "flux_err": flux_err}
    made |= {"detected": detected} | ({"object": texts(frame[name])} if name else {})
    return pd.DataFrame(made, index=frame.index)


def _measured(frame: pd.DataFrame) -> np.ndarray:
    """Which rows have forced photometry."""
    data, sigma, zero = (_column(frame, one) for one in _FORCED[2:])
    return np.isfinite(data) & (data != _NO_FLUX) & (sigma > 0) & np.isfinite(sigma) & np.isfinite(zero)


def _sign(value) -> float:
    """+1 or -1; the survey and its brokers write t/f, 1/0, 1/-1, 1.0/-1.0 and True/False, as text or not."""
    text = text_of(value).lower()
    try:
        return 1.0 if not text or float(text) > 0 else -1.0
    except ValueError:
        return 1.0 if text in ("t", "true", "+") else -1.0


def _column(frame: pd.DataFrame, name: str) -> np.ndarray:
    return numbers(frame[name]) if name in frame else np.full(len(frame), np.nan)
