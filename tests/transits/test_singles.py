"""Single events: found where they are, told from steps and drops, and not paired into periods."""

from types import SimpleNamespace

import numpy as np
import pytest

from lcnet.transits.candidates import find_candidates
from lcnet.transits.detrend import in_transit
from lcnet.transits.singles import find_events, shortest_period
from lcnet.transits.whole import whole_transits

CADENCE = 1 / 48
SIGMA = 2e-4


def flat(seed=0, *, days=80.0, dips=()):
    """White noise with boxes (mid, hours, depth)."""
    time = np.arange(0, days, CADENCE)
    flux = 1 + SIGMA * np.random.default_rng(seed).normal(size=time.size)
    for mid, hours, depth in dips:
        flux -= depth * (np.abs(time - mid) < hours / 48)
    return SimpleNamespace(
        time=time, flux=flux, flux_err=np.full(time.size, SIGMA), raw_flux=flux, segment=np.zeros(time.size, int)
    )


def test_events_are_found_the_strongest_first():
    light = flat(dips=[(20.3, 8.0, 1e-3), (55.1, 12.0, 2e-3)])
    events = find_events(light, longest=0.7, min_snr=7).events
    assert [round(one.epoch, 0) for one in events] == [55.0, 20.0]
    for event, (mid, hours, depth) in zip(events, [(55.1, 12.0, 2e-3), (20.3, 8.0, 1e-3)], strict=True):
        assert abs(event.epoch - mid) < 0.25 * hours / 24
        # against its sides, each as long: their mean has half of the box's variance. A quarter for the steps in length
        # and place and the scatter's own error
        assert event.snr == pytest.approx(depth / SIGMA * np.sqrt(hours / 24 / CADENCE / 1.5), rel=0.25)


def test_white_noise_has_no_event():
    for seed in range(5):
        assert find_events(flat(seed), longest=0.7, min_snr=7).events == ()


@pytest.mark.parametrize("where", ["first", "last", "gap"])
def test_what_begins_or_ends_with_the_data_is_no_event(where):
    mid = {"first": 0.1, "last": 79.9, "gap": 40.1}[where]
    light = flat(dips=[(mid, 10.0, 2e-3)])
    keep = (light.time < 36) | (light.time > 40) if where == "gap" else np.ones(light.time.size, bool)
    light = SimpleNamespace(**{name: value[keep] for name, value in vars(light).items()})
    assert find_events(light, longest=0.7, min_snr=7).events == ()


def test_one_faint_point_is_no_event():
    light = flat()
    light.flux[1000] -= 20 * SIGMA
    assert find_events(light, longest=0.7, min_snr=4).events == ()


def test_a_transit_is_whole_and_a_drop_that_decays_is_not():
    transit, drop, step = flat(dips=[(20.0, 10.0, 2e-3)]), flat(), flat()
    after = drop.time - 20.0
    drop.flux -= 2e-3 * np.where(after > 0, np.exp(-after / 0.3), 0.0)
    step.flux -= 1e-3 * (step.time > 20.0)
    assert whole_transits(transit, [20.0], 10.0, sigma=SIGMA, better=1.1).tolist() == [True]
    for shift in (0.0, 0.1, 0.2, 0.3):
        assert whole_transits(drop, [20.0 + shift], 10.0, sigma=SIGMA).tolist() == [False]
    assert whole_transits(step, [20.2], 10.0, sigma=SIGMA).tolist() == [False]


def test_the_shape_of_two_transits_is_told_by_both():
    """Beside one of them the detector lost sensitivity and regained it: alone it looks like a drop that decays."""

    def after(light, mid, depth):
        since = light.time - mid
        light.flux -= depth * np.where(since > 0, np.exp(-np.maximum(since, 0) / 0.15), 0.0)

    mids, depth = [20.0, 50.0], 4e-4
    both = flat(dips=[(mid, 10.0, depth) for mid in mids])
    after(both, 49.22, 1e-3)
    assert whole_transits(both, mids[1:], 10.0, sigma=SIGMA).tolist() == [False]
    assert whole_transits(both, mids, 10.0, sigma=SIGMA).tolist() == [True, True]
    drops = flat()
    for mid in mids:
        after(drops, mid, 2e-3)
    assert whole_transits(drops, [mid + 0.1 for mid in mids], 10.0, sigma=SIGMA).tolist() == [False, False]


def test_a_star_that_jumps_in_a_dip_has_no_transit():
    light = flat(dips=[(20.0, 10.0, 1e-3)])
    jump = SimpleNamespace(**vars(light))
    jump.raw_flux = light.flux + 3e-3 * (light.time > 20)
    assert whole_transits(light, [20.0], 10.0, sigma=SIGMA).tolist() == [True]
    assert whole_transits(jump, [20.0], 10.0, sigma=SIGMA).tolist() == [False]


def test_the_shortest_period_is_where_no_other_transit_was_seen():
    time = np.arange(0, 80, CADENCE)
    assert shortest_period(time, 20.0, 6.0) == pytest.approx(60.0, abs=1.0)
    gap = time[(time < 45) | (time > 55)]
    # its next would be in the gap, the one after next beyond the data, the one before at -10 d
    period = shortest_period(gap, 20.0, 6.0)
    assert 30.0 - 5 < period < 30.0 + 5.5
    assert not any(in_transit(gap, period, 20.0, 6.0)[np.abs(gap - 20) > 1])


def test_one_event_is_reported_with_its_epoch_and_no_period_error():
    light = flat(dips=[(31.0, 8.0, 3e-3)])
    found = find_candidates(light.time, light.flux, light.flux_err).candidates
    assert [one.status for one in found] == ["single_transit"] and found[0].n_transits == 1
    assert abs(found[0].epoch - 31.0) < 0.1 and np.isnan(found[0].period_err) and "one_event" in found[0].flags
    assert found[0].period > 40 and found[0].depth == pytest.approx(3000, rel=0.1)


def test_two_planets_seen_once_each_are_no_period():
    light = flat(dips=[(21.0, 14.0, 8e-3), (57.0, 10.0, 3e-3)])
    found = find_candidates(light.time, light.flux, light.flux_err).candidates
    assert [one.status for one in found] == ["single_transit"] * 2
    assert sorted(round(one.epoch) for one in found) == [21, 57]


def test_two_equal_transits_are_a_period_and_say_so():
    light = flat(dips=[(21.0, 8.0, 2e-3), (57.0, 8.0, 2e-3)])
    found = find_candidates(light.time, light.flux, light.flux_err).candidates
    assert found[0].status == "ok" and found[0].period == pytest.approx(36.0, abs=0.1)
    assert "two_transits" in found[0].flags


def test_a_planet_is_found_beside_a_deep_single_event():
    light = flat(dips=[(33.3, 12.0, 1e-2), *((2.0 + 9.1 * k, 5.0, 1e-3) for k in range(9))])
    found = find_candidates(light.time, light.flux, light.flux_err).candidates
    assert any(one.status == "ok" and abs(one.period - 9.1) < 0.02 for one in found)
    assert any(one.status == "single_transit" and abs(one.epoch - 33.3) < 0.1 for one in found)
