"""Light curves of known content for the tests of vetting: times, dips and waves put in by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lcnet.transits.candidates import Candidate, Search

CADENCE = 5.0 / 1440  # d: a 27-day sector in 7,776 points


def times(days=27.0, gap=(13.0, 14.0), start=1325.0):
    """One sector with its gap."""
    time = start + np.arange(0.0, days, CADENCE)
    return time[(time < start + gap[0]) | (time >= start + gap[1])]


def dips(time, period, epoch, hours, depth):
    """A box of `depth` (relative) at every transit."""
    return -depth * (np.abs((time - epoch + period / 2) % period - period / 2) < hours / 48)


def candidate(period, epoch, hours, depth, **changes):
    """A candidate of `depth` (relative) as a search would give it."""
    plain = Candidate(
        period=period,
        period_err=1e-4,
        epoch=epoch,
        epoch_err=1e-3,
        duration=hours,
        depth=1e6 * depth,
        depth_err=10.0,
        snr=20.0,
        sde=10.0,
        n_transits=8,
        coverage=1.0,
    )
    return replace(plain, **changes)


def search(time, flux, candidates, *, raw=None, segment=None):
    """A Search whose light curve is flat but for what is in `flux` (about 1)."""
    return Search(
        candidates=tuple(candidates),
        status="ok",
        reason="",
        time=time,
        flux=flux,
        flux_err=np.full(time.size, 5e-4),
        trend=np.ones(time.size),
        raw_flux=flux if raw is None else raw,
        segment=np.zeros(time.size, int) if segment is None else segment,
        periodograms=(None,),
    )


def noisy(time, seed, sigma=5e-4):
    """1 with white noise."""
    return 1.0 + np.random.default_rng(seed).normal(0.0, sigma, time.size)
