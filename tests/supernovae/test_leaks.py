"""What must not reach a network, does not: the same prediction to the bit whatever stands in the header."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from lcnet.supernovae import window
from lcnet.supernovae.classify import classify
from lcnet.supernovae.photometry import Photometry
from lcnet.supernovae.views import make_views

COLUMNS = ("p_Ia", "p_Ibc", "p_II", "p_Ia_std")


def said(folder, texts, network, **options):
    for number, content in enumerate(texts):
        (folder / f"{number}.DAT").write_text(content)
    table = classify([folder / f"{number}.DAT" for number in range(len(texts))], network=network, **options)
    return np.array([[row[name] for name in COLUMNS] for row in table])


@pytest.fixture(scope="module")
def base(simulated, text, network, tmp_path_factory):
    texts = [text(simulated, k) for k in range(len(simulated))]
    return said(tmp_path_factory.mktemp("base"), texts, network, redshift="host")


@pytest.mark.parametrize(
    "changed",
    [
        {"SIM_COMMENT": "SN Type = Ia , MODEL = SALT2", "SIM_REDSHIFT": "1.05", "SIM_PEAKMJD": "56300.0  days"},
        {"SIM_NON1a": "31", "SIM_DLMU": "41.7 mag", "SIM_PEAKMAG": "21 22 23 24  (griz obs)", "SIM_TRESTMAX": "7 days"},
        {"SEARCH_PEAKMJD": "56100.0", "PEAKMJD": "56100.0"},
        {"REDSHIFT_FINAL": "0.9 +- 0.0005 (CMB)", "REDSHIFT_SPEC": "0.9 +- 0.0005", "REDSHIFT_HELIO": "0.9 +- 0.0005"},
        {"SNTYPE": "1"},
        {"RA": "190 deg", "DECL": "80 deg", "FIELD": "deep", "HOST_GALAXY_GALID": "7"},
    ],
    ids=["sim", "more-sim", "peak", "redshift", "type", "place"],
)
def test_headers_do_not_matter(changed, simulated, text, network, base, tmp_path):
    texts = [text(simulated, k, **changed) for k in range(len(simulated))]
    assert np.array_equal(said(tmp_path, texts, network, redshift="host"), base)


def test_photometry_and_host_redshift_do_matter(simulated, text, network, base, tmp_path):
    """The test above can fail."""
    texts = [text(simulated, k, **{"HOST_GALAXY_PHOTO-Z": "0.8 +- 0.02"}) for k in range(len(simulated))]
    assert (said(tmp_path, texts, network, redshift="host")[:, 0] != base[:, 0]).all()
    texts = [text(simulated, k).replace("e+01 ", "e+00 ") for k in range(len(simulated))]
    assert (said(tmp_path, texts, network, redshift="host")[:, 0] != base[:, 0]).any()


@pytest.mark.parametrize("shift", [1000.0, -3333.25, 0.001, 41234.567])
def test_a_constant_shift_in_time_changes_no_bit(shift, simulated):
    moved = Photometry(**{**vars(simulated), "mjd": np.round(np.round(simulated.mjd, 3) + shift, 3)})
    still = Photometry(**{**vars(simulated), "mjd": np.round(simulated.mjd, 3)})
    one, two = make_views(still), make_views(moved)
    for name in one.inputs:
        assert np.array_equal(one.inputs[name], two.inputs[name]), name
    assert np.allclose(two.peak - one.peak, shift, atol=1e-6)


def test_padding_changes_no_bit(simulated, text, network, base, tmp_path):
    """Rows that are no measurements: sentinels, errors of zero, NaN; and whatever stands in the nights that are not."""
    padding = "OBS: 56200.5 g NULL 1e9 -1.0 0 128.0 0 99\nOBS: 56100.5 r NULL nan 1.0 0 99.0 0 99\n"
    padding += "OBS: 56300.5 z NULL 5.0 0.0 0 99.0 0 99\n"
    texts = [
        text(simulated, k).replace("OBS:", padding + "OBS:", 2).replace(padding, "", 1) for k in range(len(simulated))
    ]
    assert np.array_equal(said(tmp_path, texts, network, redshift="host"), base)
    inputs = make_views(simulated).inputs
    empty = ~(inputs["flux_err"] > 0)
    dirty = {
        "time": np.where(empty.all(axis=2), 1e6, inputs["time"]).astype(np.float32),
        "flux": np.where(empty, -777.0, inputs["flux"]).astype(np.float32),
        "flux_err": inputs["flux_err"],
        "wavelength": np.where(inputs["wavelength"] > 0, inputs["wavelength"], 5555.0).astype(np.float32),
    }
    assert np.array_equal(network.predict(dirty), network.predict(inputs))


def test_points_outside_the_window_change_no_bit(simulated, network):
    views = make_views(simulated)
    owner = simulated.owner
    phase = simulated.mjd - views.peak[owner]
    # beyond three times the bump's width they cannot move the peak either
    far = (phase > window.AFTER + 35) | (phase < -window.BEFORE - 35)
    assert far.any()
    changed = Photometry(**{**vars(simulated), "flux": np.where(far, 0.1 * simulated.flux, simulated.flux)})
    one, two = views.inputs, make_views(changed).inputs
    assert all(np.array_equal(one[name], two[name]) for name in one)


def test_no_window_feature_tells_the_redshift(challenge):
    """First and last night, nights and points of the window: no rank correlation with the true redshift."""
    views = make_views(challenge)
    z = challenge.truth["redshift"].to_numpy()
    night = (views.inputs["flux_err"] > 0).any(axis=2)
    time = views.inputs["time"]
    features = {
        "first": time[:, 0],
        "last": np.where(night, time, -np.inf).max(axis=1),
        "nights": night.sum(axis=1),
        "points": views.n_obs,
    }
    found = {name: spearmanr(values, z).statistic for name, values in features.items()}
    assert all(abs(value) < 0.1 for value in found.values()), found
    # what the crop removes: the last epoch of the file, from the very peak of the simulation
    raw = challenge.mjd[challenge.start[1:] - 1] - challenge.truth["peak_mjd"].to_numpy()
    cut = raw > 62 * (1 + z)
    assert cut.mean() > 0.2 and spearmanr(raw[cut], z[cut]).statistic > 0.95


def window_features(photometry, peak):
    """First and last night [d], nights and points between 30 d before and 70 d after `peak`, array (n, 4)."""
    owner = photometry.owner
    phase = photometry.mjd - peak[owner]
    inside = (phase >= -window.BEFORE) & (phase <= window.AFTER)
    owner, phase = owner[inside], np.round(phase[inside] * 8) / 8
    night = np.r_[True, (owner[1:] != owner[:-1]) | (np.diff(phase) > 0.5)]
    first, last = np.full(len(photometry), np.nan), np.full(len(photometry), np.nan)
    np.fmin.at(first, owner, phase)
    np.fmax.at(last, owner, phase)
    counts = [np.bincount(some, minlength=len(photometry)) for some in (owner[night], owner)]
    return np.column_stack([first, last, *counts])


def told_within_fields(features, z, field):
    """How well boosting tells the redshift from all features together: rank correlations, one a field."""
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.model_selection import KFold, cross_val_predict

    model = HistGradientBoostingRegressor(
        max_iter=40, learning_rate=0.1, max_leaf_nodes=15, min_samples_leaf=40, early_stopping=False, random_state=0
    )
    folds = KFold(5, shuffle=True, random_state=0)
    return np.array(
        [
            spearmanr(cross_val_predict(model, features[mine], z[mine], cv=folds), z[mine]).statistic
            for mine in (field == one for one in np.unique(field))
        ]
    )


def test_all_window_features_together(challenge):
    """Within a field the window tells of the redshift no more than the error of its own peak does.

    Visits are the same for all objects of a field, so that without a leak the window knows the redshift only through
    how late its peak is estimated, which is a matter of the light curve: what is told by a function of that error, and
    of dates, is at most what the error tells (the data processing inequality). About the true peak nothing is told at
    all: the file's ends do not reach into the window. Both to within the scatter under permuted redshifts.
    """
    views = make_views(challenge)
    z, true = challenge.truth["redshift"].to_numpy(), challenge.truth["peak_mjd"].to_numpy()
    field = np.round(challenge.objects["dec"].to_numpy(), 1)
    assert len(np.unique(field)) == 5
    features = window_features(challenge, views.peak)
    assert (features[:, 3] == views.n_obs).mean() > 0.99  # rounding moves a point at the window's edge
    together = told_within_fields(features, z, field).mean()
    rng, chance = np.random.default_rng(0), []
    for _ in range(6):
        mixed = z.copy()
        for one in np.unique(field):
            mixed[field == one] = rng.permutation(z[field == one])
        chance.append(told_within_fields(features, mixed, field).mean())
    scatter = np.std(chance, ddof=1)
    assert scatter < 3 / np.sqrt(len(z))  # that of a rank correlation of so many, and of the folds
    error = told_within_fields((views.peak - true)[:, None], z, field).mean()
    assert together < error + 3 * scatter, (together, error, scatter)
    about_true = told_within_fields(window_features(challenge, true), z, field).mean()
    assert abs(about_true) < 3 * scatter, (about_true, scatter)
    # and a leak is found: the whole file
    whole = np.column_stack([challenge.mjd[challenge.start[:-1]], challenge.mjd[challenge.start[1:] - 1]])
    assert told_within_fields(whole - views.peak[:, None], z, field).mean() > error + 3 * scatter


def test_trigger_of_the_challenge(challenge):
    views = make_views(challenge)
    assert np.isnan(views.trigger).mean() == pytest.approx(0.046, abs=0.003)
