"""Fast folding against folding by hand, and what the coarse search loses against the exact one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lcnet.transits.bls import bls_many, bls_search
from lcnet.transits.boxes import box_sums
from lcnet.transits.folding import EMPTY, LADDERS, NO_BOX, bin_cells, count_cells, count_trials, fold_search
from lcnet.transits.peaks import N_PEAKS
from lcnet.transits.two_stage import folding_bands, two_stage_search


def series(seed, n, *, gaps=0.2):
    """Cells of noise, as `bin_cells` makes them: s sums to about zero, the weights to one, some cells empty."""
    rng = np.random.default_rng(seed)
    weight = rng.uniform(0.2, 1.0, n) * (rng.random(n) > gaps)
    weight /= weight.sum()
    cells = np.empty(2 * n, np.float32)
    cells[0::2], cells[1::2] = rng.normal(size=n) * np.sqrt(weight), weight
    return cells


def folded(cells, m, oversample=2, low=None, high=None):
    """(period in cells, box) of every trial of one base period, or of all within [low, high)."""
    low, high = (m, m + 1.0) if low is None else (low, high)
    trials = count_trials(cells.size // 2, 1.0, low, high)
    period, box = np.empty(trials.sum()), np.empty((trials.sum(), 4), np.float32)
    widths, tried = np.array(LADDERS[oversample]), np.full(6, EMPTY)
    fold_search(cells, 1.0, int(low), int(low) + trials.size, low, high, oversample, widths, tried, period, box)
    return period, box


def shifts(rows, s):
    """By how many cells the halving moves each row in trial `s`: what `folding` says in words, row by row."""
    if rows == 1:
        return np.zeros(1, int)
    top = rows // 2
    upper = (2 * s * (top - 1) + rows - 1) // (2 * (rows - 1))
    lower = (2 * s * (rows - top - 1) + rows - 1) // (2 * (rows - 1))
    return np.concatenate([shifts(top, upper), shifts(rows - top, lower) + s - lower])


def by_hand(cells, m, s, oversample):
    """(power, first cell, width) of the best box of one trial, by sums over the whole series."""
    s_cells, w_cells = cells[0::2].astype(float), cells[1::2].astype(float)
    rows = -(-s_cells.size // m)
    padded = np.zeros((2, rows * m))
    padded[0, : s_cells.size], padded[1, : s_cells.size] = s_cells, w_cells
    orbit = np.zeros((2, m))
    for r, shift in enumerate(shifts(rows, s)):
        orbit += np.roll(padded[:, r * m : (r + 1) * m], -shift, axis=1)
    power = np.zeros((6, m))
    for k, width in enumerate(LADDERS[oversample]):
        box = sum(np.roll(orbit, -j, axis=1) for j in range(width))
        hit = (box[0] < 0) & (box[1] > 1e-9)
        power[k, hit] = box[0, hit] ** 2 / (box[1, hit] * (1 - box[1, hit]))
    return power


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**31), m=st.integers(34, 300), orbits=st.floats(1.2, 40.0), oversample=st.sampled_from([2, 3])
)
def test_every_trial_is_the_sum_of_its_moved_rows(seed, m, orbits, oversample):
    cells = series(seed, int(m * orbits))
    period, box = folded(cells, m, oversample)
    rows = -(-(cells.size // 2) // m)
    moved = np.arange(rows) / (rows - 1)
    expected = m**2 / (m - moved)
    np.testing.assert_allclose(period, expected[expected < (m + 1) * (1 - 1e-12)])
    for s in {0, (rows - 1) // 3, period.size - 1}:
        power = by_hand(cells, m, s, oversample)
        start, width, flux, weight = box[s].astype(float)
        ours = flux**2 / (weight * (1 - weight)) if weight > 0 else 0.0
        # float32 sums of some hundred numbers of order 1e-2, and the power of that
        assert ours == pytest.approx(power.max(), rel=2e-3, abs=1e-6)
        assert power[LADDERS[oversample].index(int(width)), int(start)] == pytest.approx(power.max(), rel=2e-3)


def halved(rows):
    """All trials of a block of rows (R, m, 2), float32, by halving: each sum of two is rounded as the fast one's is."""
    size, m, _ = rows.shape
    if size == 1:
        return rows
    top = size // 2
    upper, lower = halved(rows[:top]), halved(rows[top:])
    trials = []
    for s in range(size):
        one = (2 * s * (top - 1) + size - 1) // (2 * (size - 1))
        two = (2 * s * (size - top - 1) + size - 1) // (2 * (size - 1))
        trials.append(upper[one] + np.roll(lower[two], -(s - two), axis=0))
    return np.array(trials)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31), m=st.integers(13, 120), rows=st.integers(2, 70))
def test_quarters_add_up_to_the_bits_of_halves(seed, m, rows):
    cells = series(seed, m * rows - int(seed % m))
    _, box = folded(cells, m)
    whole = np.zeros(2 * m * rows, np.float32)
    whole[: cells.size] = cells
    expected = halved(whole.reshape(rows, m, 2))
    for s, (start, width, flux, weight) in enumerate(box):
        if width == 0:
            continue
        sums = np.zeros(2, np.float32)
        for k in range(int(start), int(start + width)):
            sums += expected[s, k % m]
        assert (flux, weight) == tuple(sums)


@pytest.mark.parametrize("rows", [2, 3, 7, 8, 55, 300, 2900])
def test_rows_are_moved_by_what_the_period_asks(rows):
    """Rounding strays from the straight line by at most half a cell in each of the log2(R) sums."""
    for s in {0, 1, rows // 2, rows - 1}:
        straight = s * np.arange(rows) / max(rows - 1, 1)
        assert np.max(np.abs(shifts(rows, s) - straight)) <= 0.5 * np.ceil(np.log2(rows)) + 1e-9


@pytest.mark.parametrize(("m", "orbits"), [(41, 2900), (75, 900), (300, 60), (2000, 5)])
def test_the_periods_are_those_at_which_dips_line_up(m, orbits):
    """Dips of known period, without noise: the strongest trial is that period, to the rounding of the halvings.

    Also over thousands of orbits, where rows are moved around the orbit tens of times.
    """
    rng = np.random.default_rng(m)
    for fraction in (0.1, 0.45, 0.9):
        true = m + fraction
        cells = np.zeros((m * orbits, 2), np.float32)
        cells[:, 1] = 1 / len(cells)
        centre = rng.uniform(0, true) + true * np.arange(orbits)
        for offset in (-2, -1, 0, 1, 2):
            hit = np.rint(centre + offset).astype(int)
            hit = hit[(hit >= 0) & (hit < len(cells))]
            cells[hit, 0] -= 1e-3
        cells[:, 0] -= cells[:, 0].mean()
        period, box = folded(cells.ravel(), m, low=float(m), high=m + 1.0)
        power = box[:, 2] ** 2 / (box[:, 3] * (1 - box[:, 3]))
        drift = (period[np.argmax(power)] / true - 1) * m * orbits
        assert abs(drift) <= 0.25 * np.log2(orbits) + 1


def test_widths_that_are_not_tried_are_not_found():
    cells = series(1, 4000)
    trials = count_trials(4000, 1.0, 100.0, 120.0)
    period, box = np.empty(trials.sum()), np.empty((trials.sum(), 4), np.float32)
    tried = np.array([NO_BOX, EMPTY, EMPTY, NO_BOX, NO_BOX, NO_BOX], np.float32)
    fold_search(cells, 1.0, 100, 120, 100.0, 120.0, 3, np.array(LADDERS[3]), tried, period, box)
    assert set(np.unique(box[:, 1])) == {4, 6}
    assert period[0] == 100 and np.all(np.diff(period) > 0) and period[-1] < 120


def test_cells_hold_every_point():
    rng = np.random.default_rng(2)
    time = np.sort(rng.uniform(0, 9, 500)) - 0.0
    time -= time[0]
    sums = rng.normal(size=(500, 2))
    cells = np.zeros(2 * count_cells(time[-1], 0.07), np.float32)
    bin_cells(time, sums, 0.07, cells)
    expected = np.bincount((time / 0.07).astype(int), sums[:, 0], count_cells(time[-1], 0.07))
    np.testing.assert_allclose(cells[0::2], expected, atol=1e-5)
    assert cells[1::2].sum() == pytest.approx(sums[:, 1].sum(), abs=1e-3)


def star(seed, *, period, span=27.0, cadence=10 / 1440, snr=30.0, width=1.0, gap=True):
    """A light curve with box transits of `width` central durations, unequal errors, and the matched SNR it has."""
    from lcnet.transits.periods import central_duration

    rng = np.random.default_rng(seed)
    time = np.arange(0, span, cadence) + 1e-4 * rng.normal(size=int(np.ceil(span / cadence)))
    if gap:
        time = time[np.abs(time - 0.5 * span) > 0.02 * span]
    err = 1e-3 * rng.uniform(0.7, 1.4, time.size)
    days = width * central_duration(period) / 24.0
    inside = np.abs((time - rng.uniform(0, period) + period / 2) % period - period / 2) < days / 2
    depth = snr / np.sqrt(np.sum(err[inside] ** -2.0))
    return 2000.0 + np.sort(time), 1 + err * rng.normal(size=time.size) - depth * inside, err, days


@pytest.mark.parametrize(("oversample", "loss"), [(3, 0.03), (2, 0.06)])
def test_the_coarse_search_loses_a_few_percent_and_the_peaks_nothing(oversample, loss):
    """The median over injected transits of the coarse peak's SNR against the exact engine's over the same range.

    Half of the coarse loss is where the box begins, to a cell: a quarter of a cell on average, 1/(4 x 8) of a transit
    of 0.8 central durations at 3 cells in 0.3 of one; the rest is the drift between trial periods and the widths.
    """
    coarse, refined = [], []
    for seed in range(24):
        rng = np.random.default_rng([seed, 7])
        period, width = np.exp(rng.uniform(np.log(0.6), np.log(9.0))), rng.uniform(0.5, 1.0)
        time, flux, err, _ = star(seed, period=period, width=width)
        near = (max(0.5, 0.97 * period), 1.03 * period)
        exact = bls_search(time, flux, err, period=near, engine="exact")
        two = bls_search(time, flux, err, period=near, engine="folding", oversample=oversample)
        sums = box_sums(flux, err)
        bands = folding_bands(*near, np.median(np.diff(time)))
        first = two_stage_search(time, sums, bands, oversample=oversample, n_peaks=0, threads=1)
        coarse.append(first.power.max() / exact.power.max())
        refined.append(two.power[two.best] / exact.power.max())
    assert 1 - np.median(coarse) <= loss
    # the refined period is not one of the grid's: a little better, or worse by what a step of a third of a duration is
    assert np.median(refined) > 0.995 and np.min(refined) > 0.97


@pytest.mark.parametrize(("oversample", "loss"), [(3, 0.03), (2, 0.06)])
def test_long_transits_of_the_shortest_periods_lose_no_more(oversample, loss):
    """Where no more than 0.16 of the period is tried, the ladder must still reach the longest duration."""
    octave, coarse = (0.54, 1.05), []
    for seed in range(16):
        rng = np.random.default_rng([seed, 9])
        period, width = rng.uniform(0.6, 0.95), rng.uniform(1.1, 1.7)
        time, flux, err, _ = star(seed, period=period, width=width)
        exact = bls_search(time, flux, err, period=octave, engine="exact", n_peaks=0)
        bands = folding_bands(*octave, np.median(np.diff(time)))
        first = two_stage_search(time, box_sums(flux, err), bands, oversample=oversample, n_peaks=0, threads=1)
        coarse.append(first.power.max() / exact.power.max())
    assert 1 - np.median(coarse) <= loss


def test_refined_peaks_are_exact():
    """Power, epoch, duration and depth of a refined peak are the exact engine's at that period."""
    time, flux, err, _ = star(3, period=3.3, snr=20.0)
    for objective in ("snr", "likelihood"):
        found = bls_search(time, flux, err, engine="folding", objective=objective)
        assert 0 < len(found.peaks) <= N_PEAKS
        octave = np.searchsorted([band.period[1] for band in folding_bands(0.4, 13.5, 10 / 1440)], 3.3)
        peak = found.peaks[0]
        hours = folding_bands(0.4, 0.5 * np.ptp(time), np.median(np.diff(time)))[octave].duration
        # `search_bands` closes the orbit as the second stage does
        from lcnet.transits.boxes import search_bands
        from lcnet.transits.periods import Band

        exact = search_bands(
            time, flux, err, [Band(np.array([peak.period]), hours)], oversample=5, objective=objective, threads=1
        )
        assert peak.power == pytest.approx(exact.power[0], rel=1e-9)
        assert peak.depth == pytest.approx(exact.depth[0], rel=1e-9)
        assert peak.depth_err == pytest.approx(exact.depth_err[0], rel=1e-9)
        assert peak.epoch == pytest.approx(exact.epoch[0], abs=1e-9)
        assert peak.duration == pytest.approx(exact.duration[0], rel=1e-12)
        for name in ("period", "power", "epoch", "duration", "depth", "depth_err"):
            assert getattr(found, name)[peak.index] == getattr(peak, name)


def test_the_grid_is_ascending_and_within_its_limits():
    time, flux, err, _ = star(4, period=2.0)
    found = bls_search(time, flux, err, period=(0.7, 11.0), engine="folding")
    assert np.all(np.diff(found.period) > 0) and found.period[0] >= 0.7 and found.period[-1] <= 11.0
    # no step lets the last transit drift by more than a cell, half of the shortest duration
    step = np.diff(found.period) * np.ptp(time) / found.period[1:] * 24
    assert np.max(step) < 0.75 * np.max(found.duration)
    for name in ("power", "epoch", "duration", "depth", "depth_err"):
        assert getattr(found, name).shape == found.period.shape
    assert np.all((found.epoch >= time[0]) & (found.epoch < time[0] + found.period + 1e-9))


def test_transits_a_peak_rests_on():
    rng = np.random.default_rng(5)
    time = np.arange(0, 24.0, 10 / 1440)
    err = np.full(time.size, 1e-3)
    flux = 1 + err * rng.normal(size=time.size)
    for start, depth in ((4.0, 6e-3), (15.0, 6e-3)):
        flux[np.abs(time - start) < 0.1] -= depth
    found = bls_search(time, flux, err, period=(0.5, 12.0), engine="folding")
    two = found.peaks[0]
    assert two.kind == "two_transits" and two.n_transits == 2 and abs(two.period - 11.0) < 0.2
    assert two.rest == pytest.approx(two.strongest, rel=0.2)
    flux[np.abs(time - 15.0) < 0.1] += 6e-3
    found = bls_search(time, flux, err, period=(0.5, 13.0), engine="folding")
    single = next(peak for peak in found.peaks if peak.kind == "single_transit")
    # the event, 29 points of 6 sigma, and nothing else; the ranking puts what repeats before it
    assert single.strongest > 5 * single.rest
    assert found.peaks[0].kind != "single_transit" or all(peak.kind == "single_transit" for peak in found.peaks)


def test_threads_and_batches_do_not_change_the_result():
    curves = [star(seed, period=2.0 + seed)[:3] for seed in range(4)]
    one = [bls_search(*curve, engine="folding", threads=1) for curve in curves]
    two = [bls_search(*curve, engine="folding", threads=2) for curve in curves]
    many = bls_many([*curves, ([1.0], [1.0])], engine="folding", threads=2)
    for a, b, c in zip(one, two, many[:4], strict=True):
        np.testing.assert_array_equal(a.power, b.power)
        np.testing.assert_array_equal(a.power, c.power)
    assert isinstance(many[4], ValueError)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    n=st.integers(3, 400),
    span=st.floats(1.5, 60.0),
    scale=st.sampled_from([1e-9, 1.0, 1e6]),
    trouble=st.sampled_from(["none", "equal fluxes", "one huge error", "unsorted", "doubled times", "one outlier"]),
)
def test_odd_light_curves_do_not_break_it(seed, n, span, scale, trouble):
    rng = np.random.default_rng(seed)
    time = np.sort(rng.uniform(0, span, n))
    time[0], time[-1] = 0.0, span
    flux, err = scale * rng.normal(size=n), scale * rng.uniform(0.5, 2.0, n)
    if trouble == "equal fluxes":
        flux[:] = scale
    elif trouble == "one huge error":
        err[n // 2] = 1e9 * scale
    elif trouble == "unsorted":
        rng.shuffle(time)
    elif trouble == "doubled times":
        time[1::2] = time[: time.size // 2 * 2 : 2][: time[1::2].size]
    elif trouble == "one outlier":
        flux[n // 3] -= 1e5 * scale
    limits = (0.3 * span, 0.5 * span)
    try:
        found = bls_search(time, flux, err, period=limits, engine="folding", threads=1)
    except ValueError as error:
        # sparse points: fewer than four in the shortest orbit
        assert "cannot be told apart" in str(error) or "usable points" in str(error)
        return
    for name in ("period", "power", "epoch", "duration", "depth"):
        assert np.all(np.isfinite(getattr(found, name))), name
    assert np.all(found.power >= 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"engine": "magic"}, "engine"),
        ({"engine": "folding", "period": [1.0, 2.0]}, "range"),
        ({"engine": "folding", "oversample": 7}, "oversample"),
        ({"density": -1.0}, "density"),
        ({"period": (0.01, 5.0)}, "four of them.*try period"),
    ],
)
def test_bad_options_are_named(options, message):
    time, flux, err, _ = star(6, period=2.0)
    with pytest.raises(ValueError, match=message):
        bls_search(time, flux, err, **options)


def test_auto_takes_the_cheaper_engine():
    time, flux, err, _ = star(7, period=2.0)
    # the exact grid of short durations is fine, and its cost with it
    assert bls_search(time, flux, err, period=(0.5, 13.0), duration=0.2).engine == "folding"
    assert bls_search(time, flux, err, period=(0.5, 13.0)).engine == "folding"
    assert bls_search(time, flux, err, period=(2.0, 2.003)).engine == "exact"
    assert bls_search(time, flux, err, period=np.linspace(1, 3, 50)).engine == "exact"


def test_a_denser_star_is_searched_with_shorter_boxes():
    time, flux, err, _ = star(8, period=2.0)
    sun, dwarf = (bls_search(time, flux, err, period=(4.0, 8.0), density=density) for density in (1.0, 8.0))
    # twice as fast at eight times the density
    assert np.min(dwarf.duration) < 0.6 * np.min(sun.duration)
    assert dwarf.period.size > 1.5 * sun.period.size
