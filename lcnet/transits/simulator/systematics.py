"""What pointing, temperature and detectors leave in the flux after the pipeline's correction, mission by mission."""

from __future__ import annotations

import numpy as np

from lcnet.transits.simulator.sampling import FLAGS
from lcnet.transits.simulator.stochastic import correlated_noise

__all__ = ["dropout", "glitches", "levels", "systematics"]


def levels(rng, samplings):
    """The level of each segment over the star's mean: another aperture on another detector.

    TESS 0.3 %; Kepler 0.5 % for each of the four seasons, whose detectors return every year, and 0.2 % a quarter.

    Returns
    -------
    list of float
    """
    seasons = 1.0 + rng.normal(0.0, 0.005, 4)
    each = rng.normal(0.0, 1.0, len(samplings))
    return [
        float(seasons[s.number % 4] * (1.0 + 0.002 * x)) if s.mission == "Kepler" else float(1.0 + 0.003 * x)
        for s, x in zip(samplings, each, strict=True)
    ]


def dropout(time, *, at, depth, recovered, tau):
    """A sudden pixel sensitivity dropout: a step down of which a part comes back within hours.

    Parameters
    ----------
    time : array, shape (N,), days
    at, tau : float, days
        The hit, and the time scale of the recovery.
    depth, recovered : float
        Relative depth at the hit, and the share of it that comes back (Kolodziejczak & Morris 2011, KSOC-21008;
        Stumpe et al. 2012, PASP 124, 985: 0.05-1 %, typically half).
    """
    after = np.asarray(time) >= at
    out = np.zeros(after.size)
    out[after] = -depth * (1.0 - recovered * -np.expm1(-(time[after] - at) / tau))
    return out


def glitches(rng, sampling, *, strength, steps=0.0):
    """Instrumental residuals, relative to the flux: what is left after the pipeline's correction.

    Parameters
    ----------
    rng : numpy.random.Generator
    sampling : Sampling
        Cadences with a dropout or a rolling band are flagged in it, some of them, as the pipelines do.
    strength : float
        1 is an ordinary star (ramps of some 100 ppm, now and then a step); 5 to 30 a star that yields false alarms.
    steps : float
        Mean number of extra steps and dropouts.

    Returns
    -------
    array, shape of ``sampling.time``
    """
    time = sampling.time
    out = {"TESS": _tess, "Kepler": _kepler, "K2": _k2}[sampling.mission](rng, sampling, strength)
    for _ in range(rng.poisson(0.05 * strength)):  # steps that last, or recover within days
        at, height = rng.uniform(time[0], time[-1]), strength * rng.normal(0.0, 150e-6)
        after = time >= at
        lasting = np.exp(-(time[after] - at) / rng.uniform(0.2, 3.0)) if rng.random() < 0.7 else 1.0
        out[after] += height * lasting
    for _ in range(rng.poisson(0.05 * strength)):  # single dips and bumps of hours: background left in, a moving object
        at, width = rng.uniform(time[0], time[-1]), rng.uniform(0.04, 0.4)
        sign = rng.choice((1.0, 1.0, -0.5))
        out -= strength * abs(rng.normal(0.0, 150e-6)) * sign * np.exp(-0.5 * ((time - at) / width) ** 4)
    for _ in range(rng.poisson(steps + (0.0 if sampling.mission == "TESS" else 0.01 * strength))):
        at = rng.uniform(time[0], time[-1])
        depth = 10.0 ** rng.uniform(-3.3, -2.0)
        out += dropout(time, at=at, depth=depth, recovered=rng.uniform(0.1, 0.9), tau=rng.uniform(0.05, 1.0))
        if sampling.mission != "TESS" and rng.random() < 0.5:  # the pipeline noticed, and still left it
            sampling.quality[np.searchsorted(time, at)] |= FLAGS[sampling.mission]["dropout"]
    return out


def _tess(rng, sampling, strength):
    time, out = sampling.time, np.zeros(sampling.time.size)
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
    return out


def _kepler(rng, sampling, strength):
    time, out = sampling.time, np.zeros(sampling.time.size)
    # after each Earth point or safe mode focus and flux come back over days (Kepler Data Characteristics Handbook, 5.2)
    thermal, tau = strength * rng.normal(0.0, 120e-6), rng.uniform(0.5, 2.5)
    for low, high in sampling.orbits:
        inside = (time >= low) & (time <= high)
        out[inside] += thermal * rng.uniform(0.5, 1.5) * np.exp(-(time[inside] - low) / tau)
    # the wheels' momentum cycle of 3 d
    saw = rng.normal(0.0, 10e-6) * strength
    edges = np.concatenate([[time[0] - 3.0], sampling.dumps])
    out += saw * ((time - edges[np.searchsorted(edges, time, side="right") - 1]) / 2.98 - 0.5)
    if rng.random() < 0.2:  # reaction-wheel heaters: the focus breathes every 3.0 to 6 h (same handbook, 5.3)
        out += rng.exponential(8e-6) * min(strength, 3.0) * np.sin(2.0 * np.pi * time / rng.uniform(0.125, 0.25))
    # rolling bands of the moire drift: trains of waves of hours, on a few channels (Kolodziejczak et al. 2010)
    for _ in range(rng.poisson(0.02 * strength)):
        at, width = rng.uniform(time[0], time[-1]), rng.uniform(0.5, 5.0)
        train = np.exp(-0.5 * ((time - at) / width) ** 2)
        out += strength * rng.exponential(30e-6) * train * np.sin(2.0 * np.pi * (time - at) / rng.uniform(0.2, 1.0))
        if rng.random() < 0.7:
            sampling.quality[train > 0.3] |= FLAGS["Kepler"]["rolling_band"]
    return out


def _k2(rng, sampling, strength):
    """The roll: the field drifts for 6 h and is set back; what is left of it after a correction by arc length.

    Raw amplitudes are 0.1-1 %, of which a self-flat-field leaves a few per cent (Vanderburg & Johnson 2014, PASP 126,
    948); it follows the arc by a low polynomial that changes slowly over the campaign.
    """
    time = sampling.time
    firings = np.concatenate([[time[0] - 0.2452], sampling.dumps])
    last = firings[np.searchsorted(firings, time, side="right") - 1]
    # the torque of sunlight grows away from the middle of the campaign and changes its sign there
    torque = np.clip((time - 0.5 * (time[0] + time[-1])) / (0.5 * np.ptp(time)), -1.0, 1.0)
    arc = torque * (time - last) / 0.2452 + rng.normal(0.0, 0.1)  # where on the pixels the star starts
    left = strength * 10.0 ** rng.uniform(-4.5, -3.7)
    slow = 1.0 + 0.5 * correlated_noise(rng, time, sigma=1.0, tau=10.0)
    c1, c2, c3 = rng.normal(0.0, 1.0), rng.normal(0.0, 0.5), rng.normal(0.0, 0.3)
    out = left * slow * (c1 * arc + c2 * arc**2 + c3 * arc**3)
    firing = (sampling.quality & FLAGS["K2"]["thruster"]) != 0  # the star is smeared while the thrusters fire
    out[firing] += strength * rng.normal(0.0, 500e-6, int(firing.sum()))
    return out


def systematics(rng, samplings, *, strength, hourly, steps=0.0):
    """Correlated noise of minutes to days and the glitches of each segment, relative to the flux.

    Parameters
    ----------
    rng : numpy.random.Generator
    samplings : sequence of Sampling
    strength, steps : float
        As in `glitches`.
    hourly : float
        White noise over one hour, relative. The noise of pointing jitter is 0.1 to 1 of it for TESS, 0.02 to 0.3 for
        Kepler's steadier pointing, 0.1 to 0.6 for K2.

    Returns
    -------
    array, shape (N,)
        All segments, one after the other.
    """
    mission = samplings[0].mission
    low, high = {"TESS": (0.1, 1.0), "Kepler": (0.02, 0.3), "K2": (0.1, 0.6)}[mission]
    jitter = rng.uniform(low, high) * hourly
    # what cotrending leaves of the slow drift of focus and temperature
    drift = 10.0 ** rng.uniform(*{"TESS": (-4.5, -3.3), "Kepler": (-4.7, -3.7), "K2": (-4.3, -3.3)}[mission])
    slowest = (2.0, 6.0) if mission == "TESS" else (4.0, 15.0)
    parts = []
    for s in samplings:
        part = correlated_noise(rng, s.time, sigma=jitter, tau=rng.uniform(0.02, 0.2))
        part += correlated_noise(rng, s.time, sigma=drift, tau=rng.uniform(*slowest))
        parts.append(part + glitches(rng, s, strength=strength, steps=steps))
    return np.concatenate(parts)
