"""When TESS, Kepler and K2 look, and what their quality flags say."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from lcnet.transits.simulator.missions import MISSIONS

__all__ = ["FLAGS", "Sampling", "sample", "sector_start"]

_DAY_S = 86400.0
_ORBIT = 13.7  # days, half a sector
_FIRST = 1325.3  # BTJD, start of sector 1

# TESS: EXP-TESS-ARC-ICD-0014, table 32. Kepler and K2: Archive Manual, table 2-3. Bit n has the value 2^(n-1)
FLAGS = {
    "TESS": dict(argabrightening=16, desaturation=32, manual=128, outlier=512, scattered=4096),
    "Kepler": dict(
        safe_mode=2, earth_point=8, desaturation=32, argabrightening=64, cosmic=128, manual=256, dropout=1024,
        outlier=2048, no_data=65536, rolling_band=131072, thruster=1048576,
    ),
}  # fmt: skip
FLAGS["K2"] = FLAGS["Kepler"]

# BKJD of the first and last cadence of quarters 0 to 17, from the archive's files
_QUARTERS = (
    (120.54, 130.25), (131.51, 164.98), (169.52, 258.47), (260.22, 349.50), (352.38, 442.20), (443.49, 538.16),
    (539.45, 629.30), (630.17, 719.55), (735.36, 802.34), (808.52, 905.93), (906.85, 1000.27), (1001.21, 1098.33),
    (1099.41, 1182.02), (1182.74, 1273.06), (1274.14, 1371.32), (1373.49, 1471.14), (1472.10, 1557.96),
    (1559.23, 1591.00),
)  # fmt: skip
# campaigns 0 to 18 as stretches of 80 d, one every 82 d: their real dates vary by a few days
_CAMPAIGN = 1939.1, 82.0, 80.0  # BKJD of campaign 0, spacing, length
_FIRST_LONG = 108.9343  # BKJD at which long-cadence number 0 would have been


@dataclass
class Sampling:
    """One sector, quarter or campaign.

    Attributes
    ----------
    mission : str
    number : int
    time : array, shape (N,), days
        Mid-exposure times in the mission's system.
    quality : array of int32, shape (N,)
    orbits : list of (float, float), days
        Stretches between gaps.
    dumps : list of float, days
        Momentum dumps (TESS), desaturations (Kepler) or thruster firings (K2).
    """

    mission: str
    number: int
    time: np.ndarray
    quality: np.ndarray
    orbits: list
    dumps: list = field(default_factory=list)


def sector_start(sector):
    """BTJD at which sector number `sector` begins, all sectors taken as 27.4 days."""
    return _FIRST + 2.0 * _ORBIT * (sector - 1)


def _grid(first, last, step, origin):
    """Mid-exposure times on the mission's own beat, so that cadence numbers are whole."""
    low, high = int(np.ceil((first - origin) / step)), int(np.floor((last - origin) / step))
    return origin + step * np.arange(low, high + 1)


def sample(rng, number, cadence, mission="TESS"):
    """Times and flags of one sector, quarter or campaign.

    TESS: two orbits of 13.7 d, each ended by about a day without data (downlink); momentum dumps every 2.5 to 5.5 days,
    flagged for ten minutes; in three sectors of ten a stretch excluded by hand; scattered light flagged at an orbit's
    end. Kepler: the quarters' real dates, a downlink of 0.65 to 1.3 d about every month, in one quarter of eight a safe
    mode of 1.5 to 6 d, a desaturation every 2.98 d that costs a cadence. K2: 80 d, a firing of the thrusters every
    6 h or a multiple of it, which costs a cadence; a gap of 1 to 3 d in one campaign of five.

    Parameters
    ----------
    rng : numpy.random.Generator
    number : int
        Sector, quarter (0-17) or campaign.
    cadence : float, seconds
    mission : str

    Returns
    -------
    Sampling

    Raises
    ------
    ValueError
        A quarter or campaign that there was not.
    """
    step = cadence / _DAY_S
    return {"TESS": _tess, "Kepler": _kepler, "K2": _k2}[mission](rng, int(number), step)


def _tess(rng, sector, step):
    flags = FLAGS["TESS"]
    start = sector_start(sector)
    time = start + step * (np.arange(int(2.0 * _ORBIT / step)) + 0.5)
    orbits = [
        (start + rng.uniform(0.0, 0.1), start + _ORBIT - rng.uniform(0.7, 1.1)),
        (start + _ORBIT + rng.uniform(0.0, 0.2), start + 2.0 * _ORBIT - rng.uniform(0.3, 1.0)),
    ]
    time = time[_within(time, orbits)]
    quality = np.zeros(time.size, np.int32)
    spacing = rng.uniform(2.5, 5.5)
    dumps = [low + spacing * i for low, high in orbits for i in range(1, int((high - low) / spacing) + 1)]
    for dump in dumps:
        quality[np.abs(time - dump) <= max(5.0 / 1440.0, 0.5 * step)] |= flags["desaturation"]
    if rng.random() < 0.3:
        begin = rng.uniform(orbits[0][0], orbits[1][1])
        quality[(time > begin) & (time < begin + rng.uniform(0.05, 0.8))] |= flags["manual"]
    if rng.random() < 0.3:
        high = orbits[int(rng.integers(2))][1]
        quality[(time > high - rng.uniform(0.1, 0.7)) & (time <= high)] |= flags["scattered"]
    quality[rng.random(time.size) < 2e-4] |= flags["argabrightening"]
    quality[rng.random(time.size) < 5e-4] |= flags["outlier"]
    return Sampling("TESS", sector, time, quality, orbits, dumps)


def _within(time, orbits):
    on = np.zeros(time.size, bool)
    for low, high in orbits:
        on |= (time >= low) & (time <= high)
    return on


def _broken(first, last, gaps):
    """What is left of (first, last) without the gaps, [(start, length), ...]."""
    orbits, low = [], first
    for start, length in sorted(gaps):
        if start > low:
            orbits.append((low, start))
        low = max(low, start + length)
    return [*orbits, (low, last)] if low < last else orbits


def _kepler(rng, quarter, step):
    if not 0 <= quarter < len(_QUARTERS):
        raise ValueError(f"Kepler has quarters 0 to {len(_QUARTERS) - 1}, not {quarter}")
    flags, (first, last) = FLAGS["Kepler"], _QUARTERS[quarter]
    months = max(1, round((last - first) / 31.0))
    gaps = [
        (first + (last - first) * i / months + rng.uniform(-2.0, 2.0), rng.uniform(0.65, 1.3)) for i in range(1, months)
    ]
    if rng.random() < 0.125:
        gaps.append((rng.uniform(first + 1.0, last - 7.0), rng.uniform(1.5, 6.0)))
    orbits = _broken(first, last, gaps)
    time = _grid(first, last, step, _FIRST_LONG)
    time = time[_within(time, orbits)]
    quality = np.zeros(time.size, np.int32)
    dumps = list(np.arange(first + rng.uniform(0.0, 2.98), last, 2.98))
    for dump in dumps:
        quality[np.abs(time - dump) <= max(5.0 / 1440.0, 0.5 * step)] |= flags["desaturation"]
    if rng.random() < 0.15:  # an argabrightening: seconds of light over the whole field
        quality[int(rng.integers(time.size))] |= flags["argabrightening"]
    quality[rng.random(time.size) < 0.05] |= flags["cosmic"]  # corrected, and kept by everybody
    quality[rng.random(time.size) < 5e-4] |= flags["outlier"]
    return Sampling("Kepler", quarter, time, quality, orbits, dumps)


def _k2(rng, campaign, step):
    if not MISSIONS["K2"].segments[0] <= campaign <= MISSIONS["K2"].segments[1]:
        raise ValueError(f"K2 has campaigns 0 to {MISSIONS['K2'].segments[1]}, not {campaign}")
    flags, (start, spacing, length) = FLAGS["K2"], _CAMPAIGN
    first = start + spacing * campaign
    last = first + length - rng.uniform(0.0, 5.0)
    gaps = [(rng.uniform(first + 10.0, last - 10.0), rng.uniform(1.0, 3.0))] if rng.random() < 0.2 else []
    orbits = _broken(first, last, gaps)
    time = _grid(first, last, step, _FIRST_LONG)
    time = time[_within(time, orbits)]
    quality = np.zeros(time.size, np.int32)
    dumps, at, centre = [], first + rng.uniform(0.0, 0.245), first + 0.5 * length
    while at < last:
        dumps.append(at)
        # near the campaign's middle the Sun pushes little: fewer firings (Howell et al. 2014, PASP 126, 398)
        calm = abs(at - centre) / (0.5 * length) < 0.2
        at += 0.2452 * (int(rng.integers(1, 5)) if calm else 1)
    for dump in dumps:
        quality[np.abs(time - dump) <= 0.5 * max(step, 600.0 / _DAY_S)] |= flags["thruster"]
    quality[rng.random(time.size) < 0.05] |= flags["cosmic"]
    quality[rng.random(time.size) < 1e-3] |= flags["outlier"]
    return Sampling("K2", campaign, time, quality, orbits, dumps)
