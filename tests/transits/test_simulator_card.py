"""The simulator's card says what the code does: every share and range in it is compared."""

from __future__ import annotations

import json

import pytest

from lcnet.transits.labelled import SAMPLINGS, STARS, label
from lcnet.transits.matching import match_ephemeris
from lcnet.transits.simulate import MIXTURE, simulate
from lcnet.transits.simulator.curves import KINDS
from lcnet.transits.simulator.missions import MISSIONS
from lcnet.transits.simulator.systems import GIANTS
from lcnet.transits.simulator.variability import VARIABLES


@pytest.fixture(scope="module")
def card(root):
    return json.loads((root / "docs" / "cards" / "transits-simulator.json").read_text())


def test_the_card_is_the_code(card):
    assert card["mixture"] == MIXTURE and card["variables"] == VARIABLES
    assert card["training"]["stars"] == STARS
    told = [
        tuple(row[key] for key in ("share", "mission", "cadence_s", "segments"))
        for row in card["training"]["samplings"]
    ]
    assert told == [(share, name, cadence or MISSIONS[name].cadence, n) for share, name, cadence, n in SAMPLINGS]
    assert set(card["missions"]) == set(MISSIONS)
    for name, said in card["missions"].items():
        mission = MISSIONS[name]
        assert tuple(said["magnitudes"]) == mission.magnitudes and tuple(said["masses_msun"]) == mission.masses
        assert (said["white_noise_excess_mean"], said["crowding_mean"]) == (mission.excess, mission.crowding)
        assert (said["granulation_scale"], said["wavelength_nm"]) == (mission.granulation, mission.wavelength)
        assert said["giants"] == GIANTS[name]


def test_shares_are_shares():
    for shares in (MIXTURE, VARIABLES, *STARS.values(), {i: row[0] for i, row in enumerate(SAMPLINGS)}):
        assert sum(shares.values()) == pytest.approx(1.0, abs=1e-12)
    assert set(MIXTURE) | set(VARIABLES) | {kind for kinds in STARS.values() for kind in kinds} <= set(KINDS)


def test_drawn_stars_have_the_card_s_ranges(card):
    for name, said in card["missions"].items():
        curves = simulate(25, mission=name, kind="quiet", cadence=1800.0, seed=2)
        low, high = said["magnitudes"]
        assert all(low <= curve.truth["star"]["mag"] <= high for curve in curves)
        excess = [curve.truth["star"]["excess"] - 1 for curve in curves]
        # an exponential's mean of 25 scatters by a fifth of it
        assert min(excess) >= 0 and sum(excess) / 25 == pytest.approx(said["white_noise_excess_mean"], rel=0.9)


def test_the_verb():
    """A star of a seed does not depend on how many there are; its own words for segments; what is given is kept."""
    three = simulate(3, mission="k2", seed=9)
    (third,) = simulate(1, mission="K2", seed=9, first=2)
    assert (three[2].flux[5:50] == third.flux[5:50]).all() and three[2].truth == third.truth
    (curve,) = simulate(mission="Kepler", quarters=[3, 5], kind="quiet", star=dict(radius=0.5, mass=0.5, kepmag=11.0))
    assert curve.truth["sectors"] == [3, 5] and curve.truth["time_system"] == "BKJD" and curve.mission == "Kepler"
    star = curve.truth["star"]
    assert (star["radius"], star["mass"], star["kepmag"], star["rho"]) == (0.5, 0.5, 11.0, 4.0)
    assert 260 < curve.time[0] < 261 and 538 < curve.time[-1] < 539
    (dense,) = simulate(kind="quiet", star=dict(rho=2.0, radius=0.8), cadence=1800.0)
    assert dense.truth["star"]["mass"] == pytest.approx(2.0 * 0.8**3)
    assert simulate(0) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (dict(mission="PLATO"), "PLATO"),
        (dict(kind="moon"), "moon"),
        (dict(quarters=2), "sectors, not quarters"),
        (dict(mission="Kepler", quarters=[21], kind="quiet"), "quarters 0 to 17"),
        (dict(mission="K2", campaigns=[19], kind="quiet"), "campaigns 0 to 18"),
        (dict(star=dict(colour=1.0), kind="quiet"), "no 'colour'"),
        (dict(star=dict(radius=-1.0), kind="quiet"), "not positive"),
        (dict(cadence=-1.0, kind="quiet"), "cadence"),
        (dict(n=-1), "negative"),
        (dict(sectors=[5, 4], kind="quiet"), "order"),
    ],
)
def test_refusals(options, said):
    with pytest.raises(ValueError, match=said):
        simulate(**options)


def test_noise_changes_neither_times_nor_truth():
    loud, calm = (simulate(kind="planet", mission="Kepler", seed=4, snr=(0.0, 1e9), noise=n)[0] for n in (1.0, 0.5))
    assert (loud.time == calm.time).all() and (loud.model == calm.model).all()
    assert loud.truth["signals"] == calm.truth["signals"]


def test_an_occultation_is_no_planet():
    """A candidate at a hot Jupiter's secondary teaches nothing: neither a planet of its own nor an eclipse."""
    (curve,) = simulate(kind="hot_jupiter", cadence=1800.0, seed=3)
    planet, occultation = curve.truth["signals"]
    for signal, expected in ((planet, "planet"), (occultation, None)):
        match = match_ephemeris(
            curve.time, signal["period"], signal["epoch"], signal["duration"], curve.truth["signals"]
        )
        assert match.signal["kind"] == signal["kind"] and label(match) == expected
