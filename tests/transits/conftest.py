"""What the tests of the transit path share: light-curve files of known stars, and a network of known opinions."""

from __future__ import annotations

import numpy as np
import pytest


class FakeNetwork:
    """Three members whose opinions follow from the depth, so that a test can work out every number."""

    inputs = {"global_view": (201,), "local_view": (61,), "secondary_view": (61,), "period": (), "depth": (), "snr": ()}
    classes = ("planet", "eclipse", "junk")
    card = {
        "name": "transits/candidate",
        "version": "7",
        "sha256": "ab" * 32,
        "prevalence": {"planet": 0.1, "eclipse": 0.2, "junk": 0.7},
    }

    def __init__(self):
        self.calls = []

    @staticmethod
    def members(depth):
        planet = np.where(np.asarray(depth) < 5000, 0.8, 0.1)
        shift = np.array([-0.05, 0.0, 0.05])[:, None]
        return np.stack([planet + shift, 0.95 - planet - shift, np.full_like(planet + shift, 0.05)], axis=-1)

    def predict_members(self, inputs):
        self.calls.append({name: np.array(values) for name, values in inputs.items()})
        return self.members(inputs["depth"]).astype(np.float32)


@pytest.fixture
def network() -> FakeNetwork:
    return FakeNetwork()


# 30-minute cadence: a fortieth of the points of a 2-minute file, and the same path
STARS = {
    "planet": (5, 800_001, {"snr": (30.0, 80.0), "tmag": 9.0, "period": (2.0, 4.0)}),
    "eclipse": (2, 800_002, {"snr": (30.0, 1e4), "tmag": 9.0, "period": (2.0, 4.0)}),
    "quiet": (6, 800_003, {"tmag": 10.0}),
}


@pytest.fixture(scope="session")
def simulated():
    """Simulated stars by kind: their curves with truth."""
    from lcnet.transits.simulate import simulate_star

    return {
        kind: simulate_star(seed, kind=kind, cadence=1800.0, **options) for kind, (seed, _, options) in STARS.items()
    }


@pytest.fixture(scope="session")
def star_files(simulated, tmp_path_factory):
    """The simulated stars as archive-format FITS, by kind."""
    from lcnet.transits.write_fits import write_lightcurve

    folder = tmp_path_factory.mktemp("stars")
    return {
        kind: write_lightcurve(folder / kind, curve, tic=STARS[kind][1])[0] for kind, curve in simulated.items()
    }


@pytest.fixture(scope="session")
def make_network():
    """The class of `network`, for fixtures that live longer than a test."""
    return FakeNetwork
