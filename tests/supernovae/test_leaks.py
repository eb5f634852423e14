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


def test_trigger_of_the_challenge(challenge):
    views = make_views(challenge)
    assert np.isnan(views.trigger).mean() == pytest.approx(0.046, abs=0.003)
