"""The simulator: distances, time dilation, cuts; light curves moved to another redshift; figures of merit."""

from __future__ import annotations

import numpy as np
import pytest

from lcnet.supernovae import evaluation, sources, survey
from lcnet.supernovae.challenge import challenge_examples, challenge_split
from lcnet.supernovae.gaussian_process import fit_surface
from lcnet.supernovae.redshifting import redshifted
from lcnet.supernovae.simulate import simulate
from lcnet.supernovae.tasks import DES
from lcnet.supernovae.window import find_peaks, find_triggers, make_nights


def test_distances_are_astropys():
    from astropy.cosmology import FlatLambdaCDM

    z = np.linspace(0.02, 1.1, 40)
    expected = FlatLambdaCDM(H0=70, Om0=0.3, Tcmb0=0).distmod(z).value
    # a trapezoid in steps of 1e-3 and a linear look-up: errors of order (1e-3)^2 / z of the distance
    assert sources.distance_modulus(z) == pytest.approx(expected, abs=1e-4)


def test_redshifts_follow_the_rate():
    from astropy.cosmology import FlatLambdaCDM

    rng = np.random.default_rng(0)
    drawn = sources.draw_redshifts(200_000, 1.5, rng)
    edges = np.linspace(0.02, 1.1, 10)
    middle = np.linspace(0.02, 1.1, 4001)
    volume = FlatLambdaCDM(H0=70, Om0=0.3, Tcmb0=0).differential_comoving_volume(middle).value
    weight = volume * (1 + middle) ** 0.5
    expected = np.histogram(middle, edges, weights=weight)[0]
    counts = np.histogram(drawn, edges)[0]
    expected *= counts.sum() / expected.sum()
    assert np.abs(counts - expected).max() < 5 * np.sqrt(expected.max())


def test_type_ia_is_standard_and_red_with_distance():
    rng = np.random.default_rng(1)
    phase = np.zeros((3000, 1))
    z = np.full((3000, 1), 0.01)
    nearby = sources.magnitudes("Ia", phase, np.array([[4400.0, 5500.0]]) / (1 + z), rng)[:, 0]
    assert np.median(nearby[:, 0]) == pytest.approx(-19.4, abs=0.15)
    assert 0.2 < nearby[:, 0].std() < 0.6
    far = sources.magnitudes("Ia", phase, np.array([[4781.0, 7758.9]]) / 1.9, rng)[:, 0]
    # g sees the ultraviolet at z 0.9
    assert np.median(far[:, 0] - far[:, 1]) > 1.5


def test_simulated_objects_pass_the_cuts():
    found = simulate(60, seed=9)
    assert len(found) == 60 and set(found.truth["type"]) == {"Ia", "Ibc", "II"}
    for number in range(60):
        points = slice(found.start[number], found.start[number + 1])
        strong = found.band[points][found.flux[points] > 5 * found.flux_err[points]]
        assert len(set(strong)) >= 2
    again = simulate(60, seed=9)
    assert np.array_equal(found.flux, again.flux) and not np.array_equal(found.flux[:9], simulate(60, seed=8).flux[:9])
    assert found.truth["redshift"].between(0.02, 1.1).all()
    with pytest.raises(ValueError, match="positive"):
        simulate(0)


def test_no_rest_frame_truncation():
    """The last epoch ends with the season, whatever the redshift: in the challenge it ends at 70 (1 + z) d."""
    found = simulate(400, seed=2)
    last = found.mjd[found.start[1:] - 1]
    assert np.quantile(last.max() - last, 0.9) < 25


def test_peak_trigger_and_nights_by_hand():
    t = np.array([0.0, 0.01, 5, 10, 10.01, 20, 40, 120])
    flux = np.array([1.0, 2, 20, 100, 60, 80, 10, 500])
    error = np.array([2.0, 2, 2, 2, 2, 2, 2, 2])
    channel = np.array([0, 0, 1, 0, 1, 0, 1, 2])
    start = np.array([0, 7, 8])
    until = np.full(2, np.inf)
    peak = find_peaks(t, channel, flux, error, start, until, 4)
    assert 10 <= peak[0] <= 20 and peak[1] == 120
    assert find_triggers(t, flux, error, start)[0] == 10 and np.isnan(find_triggers(t, flux, error, start)[1])
    time, fluxes, errors = make_nights(t, channel, flux, error, start, peak, until, 4, 6)
    assert time[0, :5] + peak[0] == pytest.approx([0.005, 5, 10.005, 20, 40], abs=1 / 16 + 1e-5)
    # two points of one band in one night: the mean, with an error smaller by the root of two
    assert fluxes[0, 0, 0] == pytest.approx(1.5) and errors[0, 0, 0] == pytest.approx(np.sqrt(2))
    assert fluxes[0, 2, :2].tolist() == [100, 60] and errors[0, 5].max() == 0
    # fewer nights than there are: neighbours are merged, nothing is dropped
    _, _, merged = make_nights(t, channel, flux, error, start, peak, until, 4, 3)
    assert (1 / merged[0][merged[0] > 0] ** 2).sum() == pytest.approx(
        (1 / errors[0][errors[0] > 0] ** 2).sum(), rel=1e-5
    )


def test_gaussian_process_is_scikit_learns():
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import Matern

    rng = np.random.default_rng(4)
    time, flux = np.sort(rng.uniform(0, 80, 30)), 50 * rng.random(30)
    error = np.full(30, 3.0)
    surface = fit_surface(time, np.full(30, 6000.0), flux, error)
    peer = GaussianProcessRegressor(
        surface.amplitude**2 * Matern(length_scale=surface.length, nu=1.5),
        alpha=error**2 + (1e-3 * surface.amplitude) ** 2,
        optimizer=None,
    ).fit(time[:, None], flux)
    new = np.linspace(-10, 100, 23)
    mean, spread = peer.predict(new[:, None], return_std=True)
    ours = surface.predict(new, np.full(23, 6000.0))
    assert ours[0] == pytest.approx(mean, rel=1e-8, abs=1e-8) and ours[1] == pytest.approx(spread, rel=1e-6, abs=1e-6)


def test_moved_objects_are_fainter_and_keep_their_class():
    near = simulate(150, seed=6)
    moved = redshifted(near, 30, shares={"Ia": 0.5, "II": 0.5}, seed=1)
    assert moved.truth["type"].value_counts().to_dict() == {"Ia": 15, "II": 15}
    source = near.truth.set_index(near.objects["object"])["redshift"]
    origin = moved.objects["object"].str.partition("+")[0]
    ratio = (1 + moved.truth["redshift"].to_numpy()) / (1 + source.loc[origin].to_numpy())
    assert (ratio > 0.95).all() and (ratio < 1.5).all()
    examples = challenge_examples(moved, looks=1)
    assert set(examples.group) <= set(near.objects["object"])  # one group with the object it is made of
    with pytest.raises(ValueError, match="class"):
        redshifted(near, 5, shares={"Iax": 1.0})


def test_examples_and_splits():
    photometry = simulate(3000, seed=3)
    half = challenge_split(photometry, "half")
    assert half.sum() == 1500 and challenge_split(photometry, "representative-1103").sum() == 1103
    backwards = photometry.take(np.arange(3000)[::-1])
    assert np.array_equal(challenge_split(backwards, "half")[::-1], half)
    with pytest.raises(ValueError, match="spectrum"):
        challenge_split(photometry, "spectroscopic")
    with pytest.raises(ValueError, match="split"):
        challenge_split(photometry, "third")
    examples = challenge_examples(photometry.take(np.arange(40)), looks=2)
    examples.validate(DES)
    assert set(examples.meta["look"]) == {0, 1, 2} and len(set(examples.group)) == 40


def test_augmentation_loses_no_row():
    examples = DES.simulate(200, 1)
    batch = {name: np.asarray(values) for name, values in examples.inputs.items()}
    changed = DES.augment(batch, np.random.default_rng(0))
    assert ((changed["flux_err"] > 0) <= (batch["flux_err"] > 0)).all()
    assert ((changed["flux_err"] > 0).any(axis=(1, 2)) == (batch["flux_err"] > 0).any(axis=(1, 2))).all()
    assert 0.3 < np.isnan(changed["redshift"]).mean() < 0.7
    assert (np.isnan(changed["redshift"]) == np.isnan(changed["redshift_err"])).all()
    assert batch["flux"] is not changed["flux"] and np.isfinite(changed["flux"]).all()


def test_the_sidelines_do_not_judge():
    """Validation, predictions and temperature are of the classes alone; unknown templates and redshifts are silent."""
    import torch

    objective = DES.objective
    output = torch.randn(6, 3 + objective.auxiliary, generator=torch.Generator().manual_seed(0))
    targets = {"label": torch.arange(6) % 3}
    plain = torch.nn.functional.cross_entropy(output[:, :3], targets["label"])
    assert objective.loss(output, targets) == pytest.approx(float(plain))
    learning = output.clone().requires_grad_()
    known = targets | {"template": torch.full((6,), -1), "log1z": torch.full((6,), torch.nan)}
    assert float(objective.loss(learning, known).detach()) == pytest.approx(float(plain))
    more = known | {"template": torch.arange(6)}
    assert float(objective.loss(learning, more).detach()) > float(plain)
    assert objective.predict(output).shape == (6, 3)
    with pytest.raises(ValueError, match="template"):
        objective.check({"label": np.zeros(2, int), "template": np.array([0, 99])})


def test_figure_of_merit_by_hand():
    truth = np.array([1, 1, 1, 1, 0, 0, 0, 0], bool)
    chosen = np.array([1, 1, 1, 0, 1, 0, 0, 0], bool)
    assert evaluation.figure_of_merit(chosen, truth) == pytest.approx(0.75 * 3 / (3 + 3))
    assert evaluation.figure_of_merit(~truth, truth) == 0
    p = np.array([0.9, 0.8, 0.7, 0.2, 0.6, 0.3, 0.1, 0.05])
    threshold = evaluation.choose_threshold(p, truth)
    assert 0.6 < threshold <= 0.7 and evaluation.figure_of_merit(p >= threshold, truth) == 0.75
    probabilities = np.column_stack([p, (1 - p) / 3, 2 * (1 - p) / 3])
    found = evaluation.figures(probabilities, np.where(truth, 0, 2), threshold)
    assert found["efficiency"] == 0.75 and found["purity"] == 1.0 and found["accuracy_Ia"] == 0.75
    with pytest.raises(ValueError, match="no type Ia"):
        evaluation.choose_threshold(p, np.zeros(8, bool))


def test_calibration_of_calibrated_probabilities():
    rng = np.random.default_rng(2)
    p = rng.random(40_000)
    truth = rng.random(40_000) < p
    found = evaluation.calibration(p, truth)
    # binomial scatter of a bin of 2,700 is 0.01, of their mean deviation less
    assert found["ece_Ia"] < 0.015 and found["slope"] == pytest.approx(1, abs=0.05)
    assert evaluation.calibration(np.clip(2 * p - 0.5, 0, 1), truth)["slope"] < 0.7


def test_observed_errors_and_cuts():
    rng = np.random.default_rng(5)
    cadence = survey.draw_cadence(200, rng)
    _, error, passed = survey.observe(np.zeros(cadence.error.shape), cadence, rng)
    assert passed.mean() < 0.05  # noise alone
    assert np.array_equal(error > 0, cadence.error > 0) and (cadence.time[error.any(axis=2)] < survey.SEASON).all()
    bright = survey.observe(np.full(cadence.error.shape, 500.0), cadence, rng)
    assert bright[2].all() and (bright[1][error > 0] > error[error > 0]).all()
