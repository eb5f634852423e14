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
from lcnet.supernovae.views import make_views
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
    other = redshifted(near, 20, shares={"Ia": 0.5, "II": 0.5}, seed=1, elsewhere=True)
    assert len(set(other.objects["survey"])) == 20 and len(other.bands) > 40


def test_luminosities_of_core_collapse_are_scattered_those_of_candles_are_not():
    near = simulate(150, seed=6)
    shares = {"Ia": 0.5, "II": 0.5}
    plain, smooth = (redshifted(near, 60, shares=shares, seed=1, smooth=one) for one in (False, True))
    candles = int(plain.start[30])
    # the candles come first, and the random numbers of the rest are drawn after theirs
    assert np.array_equal(plain.flux[:candles], smooth.flux[:candles])
    assert not np.array_equal(plain.flux[candles:], smooth.flux[candles:])


def test_the_bandwidth_is_silverman_s():
    from lcnet.supernovae.redshifting import _bandwidth

    rng = np.random.default_rng(2)
    values, weight = rng.normal(-17, 0.9, 144), rng.uniform(0.2, 5, 144)
    # (4 / 3 n)^(1/5) sigma: for a normal distribution the bandwidth of the least mean square error
    n = weight.sum() ** 2 / (weight**2).sum()
    spread = np.sqrt(np.cov(values, aweights=weight))
    assert _bandwidth(values, weight) == pytest.approx((4 / (3 * n)) ** 0.2 * spread, rel=1e-12)
    assert _bandwidth(values[:1], weight[:1]) == 0 and _bandwidth(np.full(9, -17.0), np.ones(9)) == 0


def test_a_bright_sample_is_weighted_by_the_inverse_volume():
    """Schmidt 1968: weights give back the population that a limit in brightness has thinned."""
    from lcnet.supernovae.redshifting import _inverse_volumes

    rng = np.random.default_rng(8)
    n = 4000
    z = sources.draw_redshifts(n, 1.0, rng, low=0.02, high=0.3)
    absolute = rng.choice([-19.0, -18.0], n)
    magnitude = absolute + sources.distance_modulus(z)
    bright = magnitude < 21.0
    share = (absolute[bright] == -18).mean()
    weight = _inverse_volumes(magnitude[bright], z[bright])
    faint = absolute[bright] == -18
    assert share < 0.35 and 0.4 < weight[faint].sum() / weight.sum() < 0.6


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


def test_other_surveys_are_nearer_brighter_and_of_their_own_filters():
    here, there = simulate(400, seed=4), simulate(400, seed=4, elsewhere=True)
    assert there.truth["redshift"].min() < 0.015 and there.truth["redshift"].median() < here.truth["redshift"].median()
    views = [make_views(one) for one in (here, there)]
    brightest = [one.inputs["flux"].max(axis=(1, 2)) for one in views]
    assert np.quantile(brightest[1], 0.9) > 10 * np.quantile(brightest[0], 0.9)
    filters = views[1].inputs["wavelength"]
    assert np.array_equal(filters > 0, views[1].seen)
    ratio = filters / survey.WAVELENGTHS
    assert (np.abs(ratio[views[1].seen] - 1) < 0.08).all() and ratio[views[1].seen].std() > 0.03
    known = views[0].inputs["wavelength"][views[0].seen.all(axis=1)]
    assert np.allclose(known, survey.WAVELENGTHS)
    # some cameras have no z
    assert 0.1 < 1 - views[1].seen[:, 3].mean() < 0.5 and views[0].seen[:, 3].mean() > 0.95


def test_template_of_type_ia():
    """Hsiao et al. 2007: 15 days after its peak B has fallen by 1 mag, and i has a second maximum."""
    rng = np.random.default_rng(0)
    phase = np.tile([0.0, 15.0, 25.0], (4000, 1))
    found = sources.magnitudes("Ia", phase, np.tile([[4400.0, 7700.0]], (4000, 1)), rng)
    middle = np.median(found, axis=0)
    assert middle[1, 0] - middle[0, 0] == pytest.approx(1.05, abs=0.12)
    assert middle[2, 1] < middle[1, 1]  # brighter again in i
    assert np.isinf(sources.magnitudes("Ia", np.full((5, 1), -40.0), np.full((5, 1), 5000.0), rng)).all()


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
    p, threshold = np.array([0.9, 0.8, 0.7, 0.2, 0.6, 0.3, 0.1, 0.05]), 0.65
    assert evaluation.figure_of_merit(p >= threshold, truth) == 0.75
    probabilities = np.column_stack([p, (1 - p) / 3, 2 * (1 - p) / 3])
    found = evaluation.figures(probabilities, np.where(truth, 0, 2), threshold)
    assert found["efficiency"] == 0.75 and found["purity"] == 1.0 and found["accuracy_Ia"] == 0.75
    with pytest.raises(ValueError, match="no type Ia"):
        evaluation.choose_threshold(p, np.zeros(8, bool))


def test_the_threshold_of_few_objects_is_nearly_the_best():
    """Chosen on 1,000 objects and used on others; also where the probabilities are too sharp."""
    rng = np.random.default_rng(3)
    for sharp in (1.0, 2.0):
        q = rng.beta(0.2, 0.6, 100_000)
        truth = rng.random(len(q)) < q
        p = q**sharp / (q**sharp + (1 - q) ** sharp)
        best = max(evaluation.figure_of_merit(p >= one, truth) for one in np.linspace(0.3, 0.999, 100))
        few = [slice(first, first + 1000) for first in range(0, 20_000, 1000)]
        chosen = [evaluation.choose_threshold(p[some], None if sharp == 1 else truth[some]) for some in few]
        merits = [evaluation.figure_of_merit(p >= one, truth) for one in chosen]
        assert np.mean(merits) > best - 0.01 and min(merits) > best - 0.03
    only = p[truth][:50]
    assert evaluation.choose_threshold(only, np.ones(50, bool)) == only.min()


def test_calibration_of_calibrated_probabilities():
    rng = np.random.default_rng(2)
    p = rng.random(40_000)
    truth = rng.random(40_000) < p
    found = evaluation.calibration(p, truth)
    # binomial scatter of a bin of 2,700 is 0.01, of their mean deviation less
    assert found["ece_Ia"] < 0.015 and found["slope"] == pytest.approx(1, abs=0.05)
    assert evaluation.calibration(np.clip(2 * p - 0.5, 0, 1), truth)["slope"] < 0.7
    # 100 samples of 400: the mean error of perfect probabilities is what counting predicts
    each = [evaluation.calibration(p[k : k + 400], truth[k : k + 400]) for k in range(0, 40_000, 400)]
    errors = np.array([one["ece_Ia_middle"] for one in each])
    perfect = [evaluation.perfect_calibration(p[k : k + 400], draws=50) for k in range(0, 40_000, 400)]
    perfect = [one["ece_Ia_middle_perfect"] for one in perfect]
    assert errors.mean() == pytest.approx(np.mean([one.value for one in perfect]), abs=4 * errors.std() / 10)
    # and its central 68% hold 68 of the 100, within three binomial sigma
    held = [one.low <= error <= one.high for one, error in zip(perfect, errors, strict=True)]
    assert np.mean(held) == pytest.approx(0.68, abs=3 * np.sqrt(0.68 * 0.32 / 100))


def test_no_interval_of_a_calibration_error():
    """A bootstrap's would lie above the value; a slope, which may err to both sides, has one."""
    rng = np.random.default_rng(6)
    p = rng.beta(0.3, 0.6, 2_000)
    label = np.where(rng.random(len(p)) < p, 0, 2)
    found = evaluation.judge(np.column_stack([p, (1 - p) / 3, 2 * (1 - p) / 3]), label, 0.5, resamples=50)
    for name in ("ece_Ia", "ece_Ia_middle"):
        assert np.isnan(found[name].low) and "[" not in str(found[name])
        perfect = found[f"{name}_perfect"]
        assert 0 < perfect.low < perfect.value < perfect.high
    assert found["slope"].low < found["slope"].value < found["slope"].high


def test_curves_by_hand():
    p, truth = [0.9, 0.6, 0.6, 0.2], [True, True, False, False]
    table = evaluation.curves_at(evaluation.curves(p, truth), [0.1, 0.6, 0.7, 0.95])
    assert table["called"].tolist() == [4, 3, 1, 0]
    assert table["efficiency"].tolist() == [1, 1, 0.5, 0]
    assert table["false_positive_rate"].tolist() == [1, 0.5, 0, 0]
    assert table["purity"][:3].tolist() == pytest.approx([0.5, 2 / 3, 1]) and np.isnan(table["purity"][3])


def test_observed_errors_and_cuts():
    rng = np.random.default_rng(5)
    cadence = survey.draw_cadence(200, rng)
    _, error, passed = survey.observe(np.zeros(cadence.error.shape), cadence, rng)
    assert passed.mean() < 0.05  # noise alone
    assert np.array_equal(error > 0, cadence.error > 0) and (cadence.time[error.any(axis=2)] < survey.SEASON).all()
    bright = survey.observe(np.full(cadence.error.shape, 500.0), cadence, rng)
    assert bright[2].all() and (bright[1][error > 0] > error[error > 0]).all()
