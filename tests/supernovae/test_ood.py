"""What is no supernova is flagged, each kind for its own reason; supernovae are not."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from lcnet.supernovae import ood
from lcnet.supernovae.read import read
from lcnet.supernovae.simulate import simulate
from lcnet.supernovae.views import make_views

SPAN, OBJECTS = 170.0, 30
COLOURS = {"g": 0.7, "r": 1.0, "i": 1.1, "z": 1.15}


def rr_lyrae(time, rng):
    """A fast rise and a slow fall, 0.5 to 1 mag in 0.4 to 0.8 d."""
    phase = (time / rng.uniform(0.4, 0.8) + rng.random()) % 1
    saw = np.where(phase < 0.15, phase / 0.15, (1 - phase) / 0.85)
    return 10 ** (0.4 * rng.uniform(0.5, 1.0) * (saw - 0.5))


def flare(time, rng):
    """Two days, then nothing."""
    start = rng.uniform(20, time.max() - 20)
    return ((time > start) & (time < start + 2)).astype(float)


KINDS = {
    "a constant star": (lambda time, rng: np.ones_like(time), "bright throughout"),
    "RR Lyrae, not subtracted": (rr_lyrae, "bright throughout"),
    "RR Lyrae, subtracted": (lambda time, rng: rr_lyrae(time, rng) - 1, "below zero"),
    "an active galaxy, not subtracted": (
        lambda time, rng: 1 + 0.15 * np.sin(2 * np.pi * (time / 200 + rng.random())),
        "bright throughout",
    ),
    "noise": (lambda time, rng: np.zeros_like(time), "nothing rises above the noise"),
    # between two nights it is noise
    "a flare of two days": (flare, "a flash|nothing rises above the noise"),
}


def observed(shape, *, n=OBJECTS, span=SPAN, every=2.0, level=(2.0, 3.5), seed=0):
    """`n` sources in griz; the shape is of time in days, and of a random generator."""
    rng, frames = np.random.default_rng(seed), []
    for number in range(n):
        time = np.arange(0, span, every)
        time = time + 0.3 * rng.standard_normal(len(time))
        relative, scale = shape(time, rng), 10 ** rng.uniform(*level)
        for band, colour in COLOURS.items():
            seen = rng.random(len(time)) < 0.7
            flux = scale * colour * relative[seen]
            error = np.sqrt(25 + 0.1 * np.abs(flux) + (0.01 * flux) ** 2)
            flux = flux + error * rng.standard_normal(len(flux))
            frames.append(
                pd.DataFrame(
                    {"object": f"o{number}", "mjd": 56000 + time[seen], "band": band, "flux": flux, "flux_err": error}
                )
            )
    return read(pd.concat(frames))


def said(photometry, **options):
    return ["; ".join(one) for one in ood.doubts(photometry, make_views(photometry), **options)]


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_flagged_for_its_reason(kind):
    shape, words = KINDS[kind]
    found = said(observed(shape))
    assert all(re.search(words, one) for one in found), [one for one in found if not re.search(words, one)]


def test_a_constant_star_in_fifty_days():
    """Of a plateau's length; a source that varies by half needs longer."""
    found = said(observed(KINDS["a constant star"][0], span=60.0))
    assert all("bright throughout" in one for one in found)


def test_supernovae_are_not_flagged():
    """Of the challenge's survey, and of any other, from z = 0.004 on: of 1,000 fewer than five."""
    for elsewhere in (False, True):
        found = said(simulate(500, seed=21, elsewhere=elsewhere))
        assert sum(map(bool, found)) < 3, [one for one in found if one]


def plateau(time, rng):
    """A hundred days of the same flux; the blue half fades (see below)."""
    return np.where(time < 30, 0, np.where(time < 130, 1.0, 0.2))


def test_a_plateau_that_fades_in_blue_is_a_supernova():
    photometry = observed(plateau, n=5)
    before = photometry.mjd < 56030
    blue = np.array([band.name for band in photometry.bands])[photometry.band] == "g"
    photometry.flux[blue & ~before] *= 10 ** (-0.4 * 0.015 * (photometry.mjd - 56030)[blue & ~before])
    assert not any(said(photometry))
    # nor if it was found when it was there already
    late = photometry.to_frame()
    assert not any(said(read(late[(late["mjd"] > 56032) & (late["mjd"] < 56128)])))


def test_one_bad_point_makes_no_flash():
    shape = lambda time, rng: np.exp(-0.5 * ((time - 60) / 15) ** 2)  # noqa: E731
    photometry = observed(shape, n=5)
    assert not any(said(photometry))
    photometry.flux[photometry.start[:-1] + 3] = 1e4
    assert not any("flash" in one for one in said(photometry))


def test_noise_is_nothing_in_999_of_1000_seasons():
    """The limit of the brightening; it is no doubt of the first nights, on which nothing has risen yet."""
    found = said(observed(KINDS["noise"][0], n=1000))
    assert np.mean(["nothing rises" in one for one in found]) > 0.996  # 1 expected, 4 has a chance of 0.02
    early = observed(KINDS["noise"][0], n=20, span=25.0)
    assert not any("nothing rises" in one for one in said(early))


def test_a_flag_does_not_see_later_points():
    """A flash is one from the night on that shows it gone."""
    photometry = observed(flare, n=1, seed=4)
    frame = photometry.to_frame()
    peak = frame["mjd"][frame["flux"].idxmax()]
    for until in (peak + 0.5, peak + 14):
        cut = read(frame[frame["mjd"] <= until])
        views = make_views(photometry, until=np.array([until]))
        now = ["; ".join(one) for one in ood.doubts(photometry, views, until=np.array([until]))]
        assert now == said(cut)
        assert ("flash" in now[0]) == (until > peak + 1)
