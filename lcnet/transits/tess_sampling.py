"""When TESS looks, what its quality flags say and what its pointing leaves in the flux."""

from __future__ import annotations

import numpy as np

from lcnet.transits.stellar_noise import correlated_noise

__all__ = [
    "DESATURATION",
    "MANUAL",
    "OUTLIER",
    "SCATTERED",
    "Sampling",
    "glitches",
    "sample",
    "sector_start",
    "systematics",
]

# TESS Science Data Products Description Document (EXP-TESS-ARC-ICD-0014), table 32: bit n has the value 2^(n-1)
ARGABRIGHTENING, DESATURATION, MANUAL, OUTLIER, SCATTERED = 16, 32, 128, 512, 4096
# what lightkurve drops by default: tweaks, safe mode, coarse and Earth point, argabrightening, desaturation, manual,
# outlier, bad calibration (bits 1-6, 8, 10, 15)
DROPPED = 1 + 2 + 4 + 8 + ARGABRIGHTENING + DESATURATION + MANUAL + OUTLIER + 16384
_ORBIT = 13.7  # days, half a sector
_FIRST = 1325.3  # BTJD, start of sector 1
_DAY_S = 86400.0


def sector_start(sector):
    """BTJD at which sector number `sector` begins, all sectors taken as 27.4 days."""
    return _FIRST + 2.0 * _ORBIT * (sector - 1)


class Sampling:
    """One sector: mid-exposure times [d, BTJD], flags, start and end of its two orbits, and its momentum dumps."""

    def __init__(self, sector, time, quality, orbits, dumps):
        self.sector, self.time, self.quality, self.orbits, self.dumps = sector, time, quality, orbits, dumps


def sample(rng, sector, cadence):
    """Times and flags of one sector.

    Two orbits of 13.7 d, each ended by about a day without data (downlink); momentum dumps every 2.5 to 5.5 days,
    flagged for ten minutes; in three sectors of ten a stretch excluded by hand; scattered light flagged at an orbit's
    end.

    Parameters
    ----------
    rng : numpy.random.Generator
    sector : int
    cadence : float, seconds

    Returns
    -------
    Sampling
    """
    start = sector_start(sector)
    step = cadence / _DAY_S
    time = start + step * (np.arange(int(2.0 * _ORBIT / step)) + 0.5)
    orbits = [
        (start + rng.uniform(0.0, 0.1), start + _ORBIT - rng.uniform(0.7, 1.1)),
        (start + _ORBIT + rng.uniform(0.0, 0.2), start + 2.0 * _ORBIT - rng.uniform(0.3, 1.0)),
    ]
    on = np.zeros(time.size, bool)
    for low, high in orbits:
        on |= (time >= low) & (time <= high)
    time = time[on]
    quality = np.zeros(time.size, np.int32)
    spacing = rng.uniform(2.5, 5.5)
    dumps = [low + spacing * i for low, high in orbits for i in range(1, int((high - low) / spacing) + 1)]
    for dump in dumps:
        quality[np.abs(time - dump) <= max(5.0 / 1440.0, 0.5 * step)] |= DESATURATION
    if rng.random() < 0.3:
        begin = rng.uniform(orbits[0][0], orbits[1][1])
        quality[(time > begin) & (time < begin + rng.uniform(0.05, 0.8))] |= MANUAL
    if rng.random() < 0.3:
        high = orbits[int(rng.integers(2))][1]
        quality[(time > high - rng.uniform(0.1, 0.7)) & (time <= high)] |= SCATTERED
    quality[rng.random(time.size) < 2e-4] |= ARGABRIGHTENING
    quality[rng.random(time.size) < 5e-4] |= OUTLIER
    return Sampling(int(sector), time, quality, orbits, dumps)


def glitches(rng, sampling, *, strength):
    """Instrumental residuals, relative to the flux: what is left after the pipeline's correction.

    Parameters
    ----------
    rng : numpy.random.Generator
    sampling : Sampling
    strength : float
        1 is an ordinary star (ramps of some 100 ppm, now and then a step); 5 to 30 a star that yields false alarms.

    Returns
    -------
    array, shape of ``sampling.time``
    """
    time = sampling.time
    out = np.zeros(time.size)
    for low, high in sampling.orbits:
        inside = (time >= low) & (time <= high)
        for edge, sign in ((low, 1.0), (high, -1.0)):  # scattered light and thermal settling at the orbit's ends
            if rng.random() < 0.6:
                ramp = np.exp(-sign * (time[inside] - edge) / rng.uniform(0.05, 0.5))
                out[inside] += strength * rng.normal(0.0, 120e-6) * ramp
    # pointing shifts at momentum dumps: the same star moves the same way each time, and settles within hours
    kick, settle = rng.normal(0.0, 100e-6), rng.uniform(0.03, 0.3)
    if rng.random() < 0.5 or strength > 2.0:
        for dump in sampling.dumps:
            after = (time >= dump) & (time < dump + 8.0 * settle)
            out[after] += strength * kick * rng.uniform(0.6, 1.4) * np.exp(-(time[after] - dump) / settle)
    for _ in range(rng.poisson(0.05 * strength)):  # steps, and sudden sensitivity drops that recover within days
        at, height = rng.uniform(time[0], time[-1]), strength * rng.normal(0.0, 150e-6)
        after = time >= at
        lasting = np.exp(-(time[after] - at) / rng.uniform(0.2, 3.0)) if rng.random() < 0.7 else 1.0
        out[after] += height * lasting
    for _ in range(rng.poisson(0.05 * strength)):  # single dips and bumps of hours: background left in, a moving object
        at, width = rng.uniform(time[0], time[-1]), rng.uniform(0.04, 0.4)
        out -= (
            strength
            * abs(rng.normal(0.0, 150e-6))
            * rng.choice((1.0, 1.0, -0.5))
            * np.exp(-0.5 * ((time - at) / width) ** 4)
        )
    return out


def systematics(rng, samplings, *, strength, hourly):
    """Correlated noise of minutes to days and the glitches of each sector, relative to the flux.

    Parameters
    ----------
    rng : numpy.random.Generator
    samplings : sequence of Sampling
    strength : float
        As in `glitches`.
    hourly : float
        White noise over one hour, relative; the noise of pointing jitter is 0.1 to 1 of it.

    Returns
    -------
    array, shape (N,)
        All sectors, one after the other.
    """
    jitter, drift = rng.uniform(0.1, 1.0) * hourly, 10.0 ** rng.uniform(-4.5, -3.3)
    parts = []
    for s in samplings:
        part = correlated_noise(rng, s.time, sigma=jitter, tau=rng.uniform(0.02, 0.2))
        part += correlated_noise(rng, s.time, sigma=drift, tau=rng.uniform(2.0, 6.0))
        parts.append(part + glitches(rng, s, strength=strength))
    return np.concatenate(parts)
