"""Views against a plain numpy reference, their invariants, and the published views of a real star."""

import csv
import gzip

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lcnet.transits.views import find_secondary, fold, make_views, median_bins, views

SHAPES = {"global_view": (201,), "local_view": (61,), "secondary_view": (61,), "odd_even_view": (122,)}
STORED = ("global_view", "local_view", "secondary_view")  # what Yu et al. (2019) published


def reference_bins(x, y, low, high, n_bins, width):
    """The definition, one bin at a time."""
    start = low + (high - low - width) / (n_bins - 1) * np.arange(n_bins)
    return np.array([np.median(y[m]) if (m := (x >= s) & (x < s + width)).any() else np.nan for s in start])


def reference_view(x, y, half_window, n_bins, width, period):
    half_window = min(half_window, 0.5 * period)
    bins = reference_bins(x, y, -half_window, half_window, n_bins, width)
    index = np.arange(n_bins)
    filled = np.isfinite(bins)
    bins = np.interp(index, index[filled], bins[filled]) if filled.any() else np.zeros(n_bins)
    bins = bins - np.median(bins)
    return bins / -bins.min() if bins.min() < 0 else np.zeros(n_bins)


def reference_secondary(time, flux, period, epoch, duration):
    """The definition: one box after the other."""
    days = duration / 24
    phase = (time - epoch + period / 2) % period - period / 2
    guard = max(days * (0.5 if period < 1 else 1.0), 0.1 * period)
    masked = np.abs(phase) < guard
    since, rest = (phase % period)[~masked], flux[~masked] - np.median(flux[~masked])
    best, strongest = np.nan, 0.0
    for centre in np.arange(guard, period - guard, 0.1 * days):
        box = rest[(since >= centre - days / 2) & (since < centre + days / 2)]
        if box.size and -box.sum() / np.sqrt(box.size) > strongest:
            best, strongest = centre, -box.sum() / np.sqrt(box.size)
    return best, masked


def reference_views(time, flux, period, epoch, duration):
    keep = flux <= np.median(flux) + 5 * 1.4826 * np.median(np.abs(flux - np.median(flux)))
    time, flux = time[keep], flux[keep]
    phase, days = fold(time, period, epoch), duration / 24
    offset, masked = reference_secondary(time, flux, period, epoch, duration)
    shifted = fold(time, period, epoch + offset)[~masked]
    return {
        "global_view": reference_view(phase, flux, period / 2, 201, 1.2 * period / 201, period),
        "local_view": reference_view(phase, flux, 2 * days, 61, 0.16 * days, period),
        "secondary_view": reference_view(shifted, flux[~masked], 4 * days, 61, 0.16 * days, period),
        "odd_even_view": reference_odd_even(time, flux, period, epoch, days),
    }


def reference_odd_even(time, flux, period, epoch, days):
    """Two folds at twice the period, on one scale."""
    half, view = min(2 * days, 0.5 * period), []
    for parity in (0, 1):
        x = fold(time, 2 * period, epoch + parity * period)
        bins = reference_bins(x, flux, -half, half, 61, 0.16 * days)
        view.append(np.interp(np.arange(61), np.flatnonzero(~np.isnan(bins)), bins[~np.isnan(bins)]))
    view = np.concatenate(view) - np.median(np.concatenate(view))
    return view / -view.min()


def light_curve(seed=0, *, n=4000, period=3.1, epoch=1001.0, duration=2.5, depth=1e-3, noise=2e-4):
    rng = np.random.default_rng(seed)
    time = np.sort(rng.uniform(1000, 1027, n))
    flux = 1 + noise * rng.normal(size=n)
    flux[np.abs(fold(time, period, epoch)) < duration / 48] -= depth
    return time, flux


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(1, 400),
    n_bins=st.integers(2, 70),
    overlap=st.floats(0.5, 3.0),
    seed=st.integers(0, 2**31),
    on_edges=st.booleans(),
)
def test_median_bins_equal_the_definition(n, n_bins, overlap, seed, on_edges):
    rng = np.random.default_rng(seed)
    width = min(overlap * 2.0 / n_bins, 1.0)
    x = rng.uniform(-1.2, 1.2, n)
    if on_edges:  # points exactly on the edges of bins are where index arithmetic goes wrong
        spacing = (2.0 - width) / (n_bins - 1)
        x = -1.0 + spacing * rng.integers(0, n_bins, n) + width * rng.integers(0, 2, n)
    y = rng.normal(size=n)
    expected = reference_bins(x, y, -1.0, 1.0, n_bins, width)
    np.testing.assert_array_equal(np.isnan(median_bins(x, y, -1.0, 1.0, n_bins, width)), np.isnan(expected))
    np.testing.assert_allclose(median_bins(x, y, -1.0, 1.0, n_bins, width), expected, rtol=1e-14)


@pytest.mark.parametrize(("period", "duration"), [(3.1, 2.5), (0.6, 3.0), (12.0, 5.0), (0.41, 6.0)])
def test_views_equal_the_numpy_reference(period, duration):
    time, flux = light_curve(period=period, duration=duration)
    made, flags = make_views(time, flux, period, 1001.0, duration)
    assert flags == ()
    assert {name: view.shape for name, view in made.items()} == SHAPES
    assert all(view.dtype == np.float32 for view in made.values())
    expected = reference_views(time, flux, period, 1001.0, duration)
    for name, view in expected.items():
        np.testing.assert_allclose(made[name], view, atol=1e-6, err_msg=name)  # float32 of numbers of order 1
    # where the secondary was looked for
    offset, masked = find_secondary(time, flux, period, 1001.0, duration)
    centre, outside = reference_secondary(time, flux, period, 1001.0, duration)
    assert offset == pytest.approx(centre, abs=1e-9)
    np.testing.assert_array_equal(masked, outside)


def reference_kepler_view(x, y, half_window, n_bins, width, period):
    """AstroNet's: what no point falls into is the median of everything."""
    half_window = min(half_window, 0.5 * period)
    bins = reference_bins(x, y, -half_window, half_window, n_bins, width)
    bins = np.where(np.isnan(bins), np.median(y), bins)
    bins = bins - np.median(bins)
    return bins / -bins.min()


@pytest.mark.parametrize(("period", "duration"), [(3.1, 2.5), (0.6, 3.0), (12.0, 5.0)])
def test_kepler_views_equal_the_numpy_reference(period, duration):
    """Shallue & Vanderburg (2018), section 3.3; 4,000 points leave some of the 2,001 bins of the orbit empty."""
    time, flux = light_curve(period=period, duration=duration)
    flux[::97] += 0.01  # no bright point is left out here
    made, flags = make_views(time, flux, period, 1001.0, duration, kind="kepler")
    assert flags == () and {name: view.shape for name, view in made.items()} == {
        "global_view": (2001,),
        "local_view": (201,),
    }
    phase, days = fold(time, period, 1001.0), duration / 24
    whole = reference_kepler_view(phase, flux, period / 2, 2001, period / 2001, period)
    local = reference_kepler_view(phase, flux, 4 * days, 201, 0.16 * days, period)
    assert np.isnan(reference_bins(phase, flux, -period / 2, period / 2, 2001, period / 2001)).any()
    np.testing.assert_allclose(made["global_view"], whole, atol=1e-6)
    np.testing.assert_allclose(made["local_view"], local, atol=1e-6)


def test_scaling_and_flux_unit_do_not_matter():
    time, flux = light_curve()
    one, _ = make_views(time, flux, 3.1, 1001.0, 2.5)
    for view in one.values():
        assert view.min() == -1 and abs(np.median(view)) < 1e-6
    two, _ = make_views(time, 1 + 10 * (flux - 1), 3.1, 1001.0 + 4 * 3.1, 2.5)
    for name in one:
        np.testing.assert_allclose(one[name], two[name], atol=2e-5)


def test_bright_points_go_and_faint_ones_stay():
    time, flux = light_curve(noise=1e-4, depth=0.0)
    at_transit = np.flatnonzero(np.abs(fold(time, 3.1, 1001.0)) < 0.05)
    flared, dimmed = flux.copy(), flux.copy()
    flared[at_transit] += 1.0
    dimmed[at_transit] -= 1.0
    # every point of the dip is 10,000 sigma away: bright, it is removed and interpolated; faint, it is the transit
    assert np.argmin(make_views(time, dimmed, 3.1, 1001.0, 2.5)[0]["local_view"]) in range(20, 41)
    assert make_views(time, flared, 3.1, 1001.0, 2.5)[0]["local_view"].max() < 2


@pytest.mark.parametrize("offset", [0.5, 0.3, 0.77])
def test_the_secondary_is_where_it_was_put(offset):
    period, epoch, duration = 4.0, 1001.0, 3.0
    time, flux = light_curve(2, period=period, duration=duration, depth=5e-3)
    flux[np.abs(fold(time, period, epoch + offset * period)) < duration / 48] -= 1e-3
    found, _ = find_secondary(time, flux, period, epoch, duration)
    # steps of a tenth of a duration; the noise moves the best box by about as much
    assert abs(found / period - offset) < 0.3 * duration / 24 / period
    view = make_views(time, flux, period, epoch, duration)[0]["secondary_view"]
    # +-4 durations on 61 bins: the dip of one duration is the 8 bins in the middle, and the primary is not in it
    assert view[28:33].mean() < -0.5 and abs(view[:20].mean()) < 0.3 and abs(view[-20:].mean()) < 0.3


def test_a_view_with_nothing_below_its_median_is_zeros_and_flagged():
    time = np.linspace(0, 27, 5000)
    made, flags = make_views(time, np.ones(5000), 3.0, 1.0, 2.0)
    assert set(flags) == {"flat_global_view", "flat_local_view", "flat_secondary_view", "flat_odd_even_view"}
    assert not any(view.any() for view in made.values())


def test_a_gap_at_transit_is_flagged_empty():
    time, flux = light_curve()
    keep = np.abs(fold(time, 3.1, 1001.0)) > 0.3
    made, flags = make_views(time[keep], flux[keep], 3.1, 1001.0, 2.5)
    assert "empty_local_view" in flags and not made["local_view"].any()
    assert np.isnan(made["odd_even_view"]).all()


def test_odd_and_even_transits_of_a_binary_at_half_its_period():
    """Depths 1 and 0.4 in turn: both halves on the scale of the deeper."""
    time, flux = light_curve(depth=0.0, noise=1e-6)
    flux[np.abs(fold(time, 6.2, 1001.0)) < 2.5 / 48] -= 1e-3
    flux[np.abs(fold(time, 6.2, 1004.1)) < 2.5 / 48] -= 4e-4
    odd, even = make_views(time, flux, 3.1, 1001.0, 2.5)[0]["odd_even_view"].reshape(2, 61)
    assert odd[30] == pytest.approx(-1, abs=0.01) and even[30] == pytest.approx(-0.4, abs=0.01)
    odd, even = make_views(time, flux, 3.1, 1004.1, 2.5)[0]["odd_even_view"].reshape(2, 61)
    assert odd[30] == pytest.approx(-0.4, abs=0.01) and even[30] == pytest.approx(-1, abs=0.01)
    # one transit in the data: nothing to compare
    assert np.isnan(make_views(time, flux, 20.0, 1013.4, 2.5)[0]["odd_even_view"]).all()


@pytest.mark.parametrize(
    ("period", "epoch", "duration", "message"),
    [
        (3.0, 1.0, 72.0, "hours"),
        (-3.0, 1.0, 2.0, "positive"),
        (3.0, np.nan, 2.0, "finite"),
        (3.0, 1.0, 0.0, "positive"),
    ],
)
def test_impossible_ephemerides_are_named(period, epoch, duration, message):
    with pytest.raises(ValueError, match=message):
        make_views(np.arange(100.0), np.ones(100), period, epoch, duration)
    with pytest.raises(ValueError, match="no finite point"):
        make_views(np.full(5, np.nan), np.ones(5), 3.0, 1.0, 2.0)


def yu_row(data_dir, tic, disposition):
    """Index and columns of a row of Yu et al. (2019), and the stored views."""
    folder = data_dir / "transits"
    if not (folder / "tess_yu2019.npz").is_file():
        pytest.skip("Yu et al. (2019) views are not in the data folder")
    with gzip.open(folder / "tess_yu2019.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    index = [i for i, row in enumerate(rows) if (row["tic_id"], row["disposition"]) == (str(tic), disposition)]
    assert len(index) == 1
    with np.load(folder / "tess_yu2019.npz") as stored:
        return rows[index[0]], {name: stored[name][index[0]] for name in STORED}


@pytest.fixture(scope="module")
def pi_mensae(data_dir):
    """(lightkurve object, Yu's row, Yu's views) of the planet candidate of TIC 261136679, pi Men c."""
    import lightkurve

    row, stored = yu_row(data_dir, 261136679, "PC")
    paths = sorted((data_dir / "transits" / "lightcurves" / "tess_pipeline").glob("*261136679*"))
    if not paths:
        pytest.skip("pi Men's light curve is not in the data folder")
    return lightkurve.read(paths[0]), row, stored


def test_views_remade_from_the_archive_are_those_the_network_was_trained_on(pi_mensae):
    """The test that guards the product: else the network is used off its distribution and nothing notices."""
    lc, row, stored = pi_mensae
    made = views(lc, float(row["Period"]), float(row["Epoc"]), 24 * float(row["Duration"]))
    assert np.corrcoef(made["local_view"], stored["local_view"])[0, 1] >= 0.95
    assert np.corrcoef(made["global_view"], stored["global_view"])[0, 1] >= 0.83


def test_so_are_those_the_search_makes(pi_mensae):
    """`score` goes another way than the verb `views`: its own mask, a window tied to the longest period searched."""
    from dataclasses import replace

    from lcnet.transits.candidates import candidate_views, find_candidates

    lc, row, stored = pi_mensae
    search = find_candidates(lc.time.value, lc.flux.value, lc.flux_err.value)
    truth = {"period": float(row["Period"]), "epoch": float(row["Epoc"]), "duration": 24 * float(row["Duration"])}
    at_yus = replace(search, candidates=(replace(search.candidates[0], **truth),))
    made, _ = candidate_views(at_yus, 0)
    assert np.corrcoef(made["local_view"], stored["local_view"])[0, 1] >= 0.95
    assert np.corrcoef(made["global_view"], stored["global_view"])[0, 1] >= 0.83


def test_stored_and_remade_views_get_the_same_verdict(pi_mensae):
    import lcnet

    lc, row, stored = pi_mensae
    period, duration = float(row["Period"]), 24 * float(row["Duration"])
    made = views(lc, period, float(row["Epoc"]), duration)
    net = lcnet.load("transits/triage")
    scalars = {"period": period, "duration": duration, "depth": float(row["Transit_Depth"])}
    for extra in ({}, scalars):
        p_transit = net.predict(
            {name: np.stack([made[name], stored[name]]) for name in STORED}
            | {name: np.full(2, value, np.float32) for name, value in extra.items()}
        )[:, list(net.classes).index("transit")]
        assert abs(p_transit[0] - p_transit[1]) <= 0.1


def test_units_and_full_julian_dates_are_understood(pi_mensae):
    import astropy.units as u

    lc, row, _ = pi_mensae
    period, epoch, duration = float(row["Period"]), float(row["Epoc"]), 24 * float(row["Duration"])
    plain = views(lc, period, epoch, duration)
    quantities = views(lc, period * u.d, epoch + 2457000.0, (duration / 24) * u.d)
    for name in plain:
        # a full BJD keeps 0.1 ms: a point or two may change bins
        np.testing.assert_allclose(plain[name], quantities[name], atol=0.05)
    with pytest.raises(ValueError, match="tess"):
        views(lc, period, epoch, duration, kind="k2")
    assert {name: view.size for name, view in views(lc, period, epoch, duration, kind="kepler").items()} == {
        "global_view": 2001,
        "local_view": 201,
    }
