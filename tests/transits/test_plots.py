"""Figures: what is drawn where, with units, for stars with several candidates and with none."""

from __future__ import annotations

import numpy as np
import pytest

from lcnet.transits.candidates import find_candidates
from lcnet.transits.curves import curve_arrays
from lcnet.transits.plots import (
    plot_curve,
    plot_flattened,
    plot_folded,
    plot_periodogram,
    plot_probabilities,
    plot_target,
)
from lcnet.transits.read import read


@pytest.fixture(scope="module")
def found(star_files):
    """(Curve, Search) by kind."""
    pairs = {}
    for kind, path in star_files.items():
        curve = curve_arrays(next(iter(read(path).values())))
        pairs[kind] = curve, find_candidates(curve.time, curve.flux, curve.flux_err, segment=curve.segment)
    return pairs


@pytest.fixture
def axes():
    from matplotlib.figure import Figure

    return Figure(layout="constrained").add_subplot()


ROW = {
    "period": 3.0153,
    "period_err": 0.0002,
    "epoch": 1655.12345,
    "time_system": "BTJD",
    "duration": 2.9,
    "depth": 1229.0,
    "snr": 53.7,
    "n_transits": 8,
    "harmonic_of": 0,
    "flags": "",
    "p_planet": 0.7,
    "p_transit": 0.9,
    "p_planet_std": 0.02,
}


def test_every_function_draws_into_the_axes_it_is_given(found, axes):
    _, search = found["planet"]
    for draw in (plot_curve, plot_flattened, plot_periodogram, plot_folded):
        assert draw(search, ax=axes) is axes
        axes.clear()
    assert plot_probabilities(ROW, ax=axes) is axes


def test_without_axes_a_new_figure_is_made(found):
    from matplotlib import pyplot

    ax = plot_curve(found["planet"][1])
    assert ax.figure.number in pyplot.get_fignums()
    pyplot.close(ax.figure)


@pytest.mark.parametrize("system", ["BKJD", "BTJD", "BJD", "unknown"])
def test_the_time_axis_names_its_system(found, axes, system):
    label = plot_curve(found["planet"][1], axes, time_system=system).get_xlabel()
    assert ("zero unknown" if system == "unknown" else system) in label and "days" in label


def test_fluxes_have_units_that_fit_the_depth(found, axes):
    assert plot_folded(found["planet"][1], ax=axes).get_ylabel() == "Flux [ppm]"
    axes.clear()
    assert plot_folded(found["eclipse"][1], ax=axes).get_ylabel() == "Flux [%]"


def test_the_binned_transit_has_the_depth_and_place_of_the_candidate(found, axes):
    _, search = found["planet"]
    candidate = search.candidates[0]
    plot_folded(search, ax=axes, kind="local")
    (bars,) = axes.containers
    x, y = bars.lines[0].get_data()
    inside = np.abs(x) < 0.25 * candidate.duration
    # the box is the mean over ingress and egress too: the flat bottom is deeper, by at most the limb and ingress
    assert 0.9 < -np.median(y[inside]) / candidate.depth < 1.4
    assert abs(np.median(y[np.abs(x) > candidate.duration])) < 0.1 * candidate.depth


def test_each_transit_with_data_is_marked(found, axes):
    _, search = found["planet"]
    plot_flattened(search, axes)
    (marks,) = [line for line in axes.lines if line.get_marker() == "^"]
    assert len(marks.get_xdata()) == search.candidates[0].n_transits
    apart = (marks.get_xdata() - search.candidates[0].epoch) / search.candidates[0].period
    np.testing.assert_allclose(apart, np.rint(apart), atol=1e-9)


def test_the_periodogram_is_marked_at_the_candidates(found, axes):
    _, search = found["eclipse"]
    plot_periodogram(search, axes)
    marks = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "v"]
    np.testing.assert_allclose(marks, [candidate.period for candidate in search.candidates])
    assert axes.get_xscale() == "log" and axes.get_xlabel() == "Period [days]"


def test_the_page_has_a_line_for_every_candidate(found):
    curve, search = found["eclipse"]
    assert len(search.candidates) >= 2
    figure = plot_target(curve, search, [ROW] * len(search.candidates))
    assert len(figure.axes) == 3 + 4 * len(search.candidates)
    assert figure.get_suptitle().startswith("TIC 800002") and "sector" in figure.get_suptitle()
    labelled = [ax for ax in figure.axes if ax.axison and ax is not figure.axes[0]]
    assert all(ax.get_xlabel() and ax.get_ylabel() for ax in labelled)


def test_the_page_of_a_quiet_star_says_why(found):
    curve, search = found["quiet"]
    figure = plot_target(curve, search)
    assert len(figure.axes) == 3
    assert "no candidate" in figure.get_suptitle() and search.reason in figure.get_suptitle()


def test_the_bar_is_as_wide_as_the_probabilities(axes):
    plot_probabilities(ROW, axes)
    np.testing.assert_allclose([bar.get_width() for bar in axes.patches], [0.7, 0.2, 0.1], atol=1e-12)
    said = axes.texts[0].get_text()
    assert "p(planet) = 0.700 ± 0.020" in said and "p(eclipse) = 0.200" in said and "p(junk) = 0.100" in said
    assert "1229 ppm" in said and "1655.12345 BTJD" in said and "2.90 h" in said


def test_without_probabilities_the_rest_is_still_told(axes):
    plot_probabilities({**ROW, "p_planet": np.nan, "p_transit": np.nan, "harmonic_of": 1}, axes)
    assert not axes.patches
    assert "no probability" in axes.texts[0].get_text() and "harmonic of candidate 1" in axes.texts[0].get_text()


@pytest.mark.parametrize(
    ("error", "said"),
    [(0.00026, "8.50440 ± 0.00026 d"), (0.031, "8.504 ± 0.031 d"), (1.4, "8.5 ± 1.4 d"), (np.nan, "8.5044 d")],
)
def test_the_period_has_the_decimals_of_its_error(axes, error, said):
    plot_probabilities({**ROW, "period": 8.5044, "period_err": error}, axes)
    assert f"P = {said}" in axes.texts[0].get_text()


def _two_planets():
    """The second planet's transits are three times as long, so that its mask reaches into the first one's fold."""
    time = 1500 + np.arange(0, 27, 1 / 48)
    flux = 1 + 2e-4 * np.random.default_rng(0).normal(size=time.size)
    for period, epoch, days, depth in ((3.1, 1501.0, 0.12, 4e-3), (7.3, 1503.7, 0.36, 4e-3)):
        flux[np.abs((time - epoch + period / 2) % period - period / 2) < days / 2] -= depth
    return find_candidates(time, flux)


def test_the_fold_shows_the_points_the_views_are_made_of(axes):
    from lcnet.transits.candidates import candidate_points

    search = _two_planets()
    assert len(search.candidates) >= 2
    for number in (1, 2):
        axes.clear()
        plot_folded(search, number, axes, kind="global")
        free = candidate_points(search, number - 1)
        assert not free.all()
        assert axes.lines[0].get_xdata().size == free.sum()


@pytest.mark.parametrize("offset", [0.5, 0.2, 0.87])
def test_the_transit_left_out_beside_a_secondary_is_shaded(axes, offset):
    period, epoch, duration = 1.9, 1501.0, 4.8
    time = 1500 + np.arange(0, 27, 1 / 48)
    flux = 1 + 2e-4 * np.random.default_rng(0).normal(size=time.size)
    for shift, depth in ((0, 6e-3), (offset * period, 2e-3)):
        flux[np.abs((time - epoch - shift + period / 2) % period - period / 2) < duration / 48] -= depth
    search = find_candidates(time, flux, max_candidates=1, period=(1.5, 2.5))
    found = search.candidates[0]
    plot_folded(search, 1, axes, kind="secondary")
    low, high = axes.get_xlim()
    reach = max(found.duration, 0.1 * 24 * found.period)  # what `find_secondary` masks
    centres = (-24 * offset * period, 24 * (1 - offset) * period)
    expected = [(max(c - reach, low), min(c + reach, high)) for c in centres if c + reach > low and c - reach < high]
    assert len(expected) == (2 if offset == 0.5 else 1)
    shaded = [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in axes.patches]
    # drawn as far as there are points, about where the dip is found: half an hour's cadence and a tenth of a duration
    np.testing.assert_allclose(np.reshape(shaded, (-1, 2)), np.reshape(expected, (-1, 2)), atol=1.0)
    assert (axes.get_legend() is not None) == bool(expected)
    for low, high in shaded:
        x = axes.lines[0].get_xdata()
        assert not ((x > low + 0.1) & (x < high - 0.1)).any()


def test_an_unknown_kind_of_fold_is_refused(found, axes):
    with pytest.raises(ValueError, match="'local', 'global' or 'secondary'"):
        plot_folded(found["planet"][1], ax=axes, kind="odd")


def test_a_page_does_not_disturb_pyplot(found):
    from matplotlib import pyplot

    before = pyplot.get_fignums()
    plot_target(*found["planet"], [ROW])
    assert pyplot.get_fignums() == before
