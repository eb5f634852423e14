"""ZTF alerts, as packets or as a broker's table: difference magnitudes into difference fluxes.

``fid`` 1/2/3 is g/r/i; a detection has ``magpsf``, ``sigmapsf`` and the sign of the difference in ``isdiffpos``; where
nothing was detected there is the 5 sigma limit ``diffmaglim`` (Masci et al. 2019, PASP 131, 018003). Forced photometry
has ``forcediffimflux`` in data numbers with its own zeropoint ``magzpsci``.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from lcnet.supernovae.photometry import ZEROPOINT

__all__ = ["is_alerts", "is_packet", "to_flux", "unpack"]

_LIMIT_SIGMA = 5.0
_KEPT = ("jd", "fid", "magpsf", "sigmapsf", "isdiffpos", "diffmaglim")
_FORCED = ("forcediffimflux", "forcediffimfluxunc", "magzpsci")


def is_packet(frame: pd.DataFrame) -> bool:
    """Whether rows are alert packets, with the history of an object inside."""
    return "candidate" in frame and "objectId" in frame


def is_alerts(frame: pd.DataFrame) -> bool:
    """Whether rows are detections and limits of ZTF."""
    return "fid" in frame and ("magpsf" in frame or "forcediffimflux" in frame or "magpsf_corr" in frame)


def unpack(frame: pd.DataFrame) -> pd.DataFrame:
    """The points of alert packets: each alert's own detection and its history, no point twice."""
    rows = []
    for name, candidate, history in zip(
        frame["objectId"],
        frame["candidate"],
        frame.get("prv_candidates", pd.Series([None] * len(frame))),
        strict=True,
    ):
        past = [] if history is None or isinstance(history, float) else list(history)
        for one in (*past, candidate):
            rows.append({"objectId": name, "pid": one.get("pid"), **{key: one.get(key) for key in _KEPT if key in one}})
    found = pd.DataFrame(rows)
    # a point may be a limit in one packet and a detection in a later one: the detection counts
    found = found.sort_values("magpsf", na_position="last", kind="stable")
    return found.drop_duplicates(["objectId", "pid", "jd", "fid"]).sort_index()


def to_flux(frame: pd.DataFrame) -> pd.DataFrame:
    """Fluxes at zeropoint 27.5 of detections (with their sign) and limits (zero, with the limit's error).

    Returns
    -------
    DataFrame
        ``object, mjd, band, flux, flux_err, detected``, and the columns of metadata that were there.
    """
    name = next((one for one in ("objectId", "oid", "object", "object_id") if one in frame), None)
    time = _column(frame, "mjd") if "mjd" in frame else _column(frame, "jd") - 2_400_000.5
    mag, error = _column(frame, "magpsf"), _column(frame, "sigmapsf")
    sign = frame["isdiffpos"].map(_sign).to_numpy(dtype=float) if "isdiffpos" in frame else np.ones(len(frame))
    flux = sign * 10 ** (0.4 * (ZEROPOINT - mag))
    flux_err = np.abs(flux) * error * 0.4 * math.log(10)
    detected = np.isfinite(flux) & np.isfinite(flux_err)
    limit = 10 ** (0.4 * (ZEROPOINT - _column(frame, "diffmaglim"))) / _LIMIT_SIGMA
    flux, flux_err = np.where(detected, flux, 0.0), np.where(detected, flux_err, limit)
    if "forcediffimflux" in frame:
        data, sigma, zero = (_column(frame, one) for one in _FORCED)
        factor = 10 ** (0.4 * (ZEROPOINT - zero))
        forced = np.isfinite(data) & np.isfinite(sigma) & np.isfinite(factor) & (sigma > 0)
        flux, flux_err = np.where(forced, data * factor, flux), np.where(forced, sigma * factor, flux_err)
    made = {
        "object": frame[name].astype(str).to_numpy() if name else np.full(len(frame), "object"),
        "mjd": time,
        "band": frame["fid"].map(lambda value: str(int(value)) if pd.notna(value) else "").to_numpy(),
        "flux": flux,
        "flux_err": flux_err,
        "detected": detected.astype(np.int8),
    }
    return pd.DataFrame(made)


def _sign(value) -> float:
    """+1 or -1; the survey and its brokers write t/f, 1/0, 1/-1 and True/False."""
    if isinstance(value, str):
        return 1.0 if value.strip().lower() in ("t", "1", "true", "+") else -1.0
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return 1.0
    return 1.0 if float(value) > 0 else -1.0


def _column(frame: pd.DataFrame, name: str) -> np.ndarray:
    if name not in frame:
        return np.full(len(frame), np.nan)
    return pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype=np.float64)
