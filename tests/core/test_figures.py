"""Splits, metrics and calibration against what is known without them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from sklearn.metrics import average_precision_score, log_loss

from lcnet.core.calibration import HIGHEST, LOWEST, at_bound, ensemble_probabilities, fit_temperature, reweight
from lcnet.core.metrics import (
    bootstrap,
    brier_skill,
    calibration_error,
    calibration_slope,
    classification_metrics,
    expected_calibration_error,
    paired_bootstrap,
    reliability,
)
from lcnet.core.splits import components, connect, grouped_folds, grouped_split


@settings(max_examples=60, deadline=None)
@given(
    groups=st.lists(st.integers(0, 12), min_size=3, max_size=80).filter(lambda groups: len(set(groups)) >= 3),
    seed=st.integers(0, 2**31),
    fraction=st.floats(0.05, 0.95),
)
def test_a_group_is_never_split(groups, seed, fraction):
    groups = np.array(groups)
    labels = groups % 3
    held = grouped_split(groups, fraction, seed=seed, labels=labels)
    assert held.any() and not held.all()
    assert not set(groups[held]) & set(groups[~held])
    fold = grouped_folds(groups, 3, seed=seed, labels=labels)
    assert set(fold) == {0, 1, 2}
    assert all(len(set(fold[groups == group])) == 1 for group in set(groups))


def test_the_rare_class_is_spread_evenly():
    rng = np.random.default_rng(0)
    group = rng.integers(4000, size=6000)
    labels = (rng.random(6000) < 0.03).astype(int)
    fold = grouped_folds(group, 5, seed=1, labels=labels)
    planets = np.bincount(fold, labels)
    # whole groups of one to a few rows: off by at most a few of them
    assert np.ptp(planets) <= 6 and np.ptp(np.bincount(fold)) < 60
    assert abs(grouped_split(group, 0.15, labels=labels).mean() - 0.15) < 0.01
    assert not np.array_equal(fold, grouped_folds(group, 5, seed=2, labels=labels))


def test_too_few_groups():
    with pytest.raises(ValueError, match="two groups"):
        grouped_split(np.zeros(5), 0.5)
    with pytest.raises(ValueError, match="folds"):
        grouped_folds(np.arange(3), 5)


def test_connected_groups():
    assert components([(0, 3), (3, 4)], 6).tolist() == [0, 1, 2, 0, 0, 3]
    star = np.array(["a", "a", "b", "c", "", ""], dtype=object)
    ephemeris = np.array([1.0, 2.0, 2.0, np.nan, np.nan, 7.0])
    assert connect(star, ephemeris).tolist() == [0, 0, 0, 1, 2, 3]


def test_metrics_are_scikit_learns():
    rng = np.random.default_rng(1)
    labels = rng.integers(3, size=500)
    p = softmax(rng.normal(size=(500, 3)) + 1.5 * np.eye(3)[labels], axis=1)
    found = classification_metrics(p, labels, ("a", "b", "c"))
    assert found["log_loss"] == pytest.approx(log_loss(labels, p))
    assert found["average_precision_b"] == pytest.approx(average_precision_score(labels == 1, p[:, 1]))
    assert found["brier"] == pytest.approx(np.mean(np.sum((p - np.eye(3)[labels]) ** 2, axis=1)))
    only = classification_metrics(p[labels < 2], labels[labels < 2], ("a", "b", "c"))
    assert np.isnan(only["auc_c"]) and not np.isnan(only["auc"])


def test_calibration_error_of_the_calibrated_and_the_certain():
    rng = np.random.default_rng(2)
    p = rng.uniform(0.5, 1, 60_000)
    labels = (rng.random(60_000) > p).astype(int)
    both = np.stack([p, 1 - p], axis=1)
    # binomial scatter of 4000 rows a bin: |error| averages 0.8 sigma, sigma <= 0.5 / sqrt(4000) = 0.008
    assert expected_calibration_error(both, labels) < 0.008
    certain = np.stack([np.ones(60_000), np.zeros(60_000)], axis=1)
    assert expected_calibration_error(certain, labels) == pytest.approx(labels.mean())
    table = reliability(both[:, 0], labels == 0)
    assert (np.abs(table["predicted"] - table["observed"]) < 4.5 * table["observed_err"]).all()


def test_reliability_between_edges():
    p, true = np.array([0.0, 0.1, 0.3, 0.8, 1.0, 0.2]), np.array([0, 0, 1, 1, 1, 0])
    table = reliability(p, true, bins=[0, 0.1, 0.5, 0.6, 1])
    assert table["n"].tolist() == [1, 3, 2] and table["observed"].tolist() == pytest.approx([0, 1 / 3, 1])
    assert table["predicted"].tolist() == pytest.approx([0, 0.2, 0.9])
    assert reliability(p, true, bins=[0.25, 0.9])["n"].tolist() == [2]


def test_bootstrap_resamples_groups_not_rows():
    rng = np.random.default_rng(3)
    value = np.repeat(rng.normal(size=200), 25)
    group = np.repeat(np.arange(200), 25)

    def mean(rows):
        return {"mean": value[rows].mean()}

    found = bootstrap(mean, group, n=400, seed=1)["mean"]
    # the standard error is that of 200 independent values; 400 draws know it to 1 / sqrt(800) = 3.5%, thrice for both
    assert (found.high - found.low) / 2 == pytest.approx(value.std() / np.sqrt(200), rel=0.15)
    assert found.low < found.value < found.high
    zero = paired_bootstrap(mean, mean, group, n=20)["mean"]
    assert (zero.low, zero.value, zero.high) == (0, 0, 0)


@pytest.mark.parametrize("true", [0.4, 1.0, 3.0])
def test_temperature_is_recovered(true):
    rng = np.random.default_rng(4)
    logits = rng.normal(size=(40_000, 3)) * 2
    cumulative = softmax(logits, axis=1).cumsum(axis=1)
    labels = np.minimum((rng.random((40_000, 1)) > cumulative).sum(axis=1), 2)
    # the network says true * logits: dividing by `true` is right; scatter of the fit about 1 / sqrt(n) ~ 1%
    assert fit_temperature((true * logits)[None], labels) == pytest.approx(true, rel=0.04)


def test_temperature_is_of_the_average_not_of_one_member():
    rng = np.random.default_rng(5)
    signal = rng.normal(size=(20_000, 2)) * 2
    labels = (rng.random(20_000) > softmax(signal, axis=1)[:, 0]).astype(int)
    members = signal + rng.normal(size=(5, 20_000, 2)) * 2
    pooled, single = fit_temperature(members, labels), fit_temperature(members[:1], labels)
    assert pooled < 0.9 * single  # averaging disagreeing members already makes them less sure

    def loss(temperature):
        return log_loss(labels, ensemble_probabilities(members, temperature))

    assert loss(pooled) < min(loss(single), loss(0.95 * pooled), loss(1.05 * pooled))


def test_reweighting_is_bayes():
    rng = np.random.default_rng(6)
    x = np.linspace(-3, 3, 7)
    likelihood = np.stack([np.exp(-0.5 * (x - mean) ** 2) for mean in (-1, 0, 2)], axis=1)

    def posterior(prior):
        weighted = likelihood * prior
        return weighted / weighted.sum(axis=1, keepdims=True)

    trained, other = rng.dirichlet([1, 1, 1]), rng.dirichlet([1, 1, 1])
    np.testing.assert_allclose(reweight(posterior(trained), trained, 10 * other), posterior(other), rtol=1e-12)
    np.testing.assert_allclose(reweight([[1.0, 0, 0]], trained, [0, 1, 1]), [[0, 0.5, 0.5]])
    with pytest.raises(ValueError, match="did not have"):
        reweight([[0.5, 0.5]], [1, 0], [0.5, 0.5])
    with pytest.raises(ValueError, match="prior must have 2"):
        reweight([[0.5, 0.5]], [1, 1], [1, 1, 1])


def test_weights_of_a_temperature_are_repeats():
    rng = np.random.default_rng(4)
    labels = rng.integers(3, size=200)
    outputs = 3 * rng.normal(size=(2, 200, 3)) + 2 * np.eye(3)[labels]
    times = rng.integers(0, 4, size=200)
    repeated = fit_temperature(np.repeat(outputs, times, axis=1), np.repeat(labels, times))
    # the same function of the temperature, summed in another order; the minimiser stops within 1e-4 of its logarithm
    assert fit_temperature(outputs, labels, times) == pytest.approx(repeated, rel=2e-4)
    assert abs(np.log(fit_temperature(outputs, labels) / repeated)) > 1e-2  # here the weights do matter
    with pytest.raises(ValueError, match="weight zero"):
        fit_temperature(outputs, labels, np.zeros(200))


def test_a_temperature_at_its_bound_is_known_as_such():
    rng = np.random.default_rng(5)
    labels = rng.integers(3, size=300)
    useless = 50 * rng.normal(size=(1, 300, 3))
    # tiny differences that are right but once: the flatter, the worse, down to where the one error costs most
    sure = 0.05 * np.eye(3)[labels][None]
    sure[0, 0] = sure[0, 0, ::-1] + 0.04 * np.eye(3)[labels[0]]
    for outputs, bound in ((sure, LOWEST), (useless, HIGHEST)):
        found = fit_temperature(outputs, labels)
        assert found == pytest.approx(bound, rel=1e-3) and at_bound(found)
    assert not at_bound(1.0) and not at_bound(1.01 * LOWEST) and not at_bound(HIGHEST / 1.01)


def test_calibration_of_what_is_likely_and_what_is_not():
    rng = np.random.default_rng(3)
    p = rng.uniform(0, 1, 40_000)
    outcomes = rng.random(p.size) < p
    # the mean absolute deviation of shares of 4,000 draws is at most sqrt(2 / pi / (4 * 4000)) = 0.0063
    assert calibration_error(p, outcomes, bins=10) < 0.0126
    assert calibration_slope(p, outcomes) == pytest.approx(1, abs=0.06)  # its error is some 0.015
    # odds squared: confidence twice too high
    bold = p**2 / (p**2 + (1 - p) ** 2)
    assert calibration_slope(bold, outcomes) == pytest.approx(0.5, abs=0.03)
    # all that is unlikely left out: two rows, .2 and .4 from what came true
    some = np.array([0.01, 0.02, 0.8, 0.6])
    assert calibration_error(some, [True, True, True, True], least=0.1, bins=2) == pytest.approx(0.3)
    assert calibration_error(some, [True, True, True, True], least=0.1, bins=9) == pytest.approx(0.3)
    assert np.isnan(calibration_error(some, [True] * 4, least=0.9))


def test_brier_skill_is_one_for_truth_and_nought_for_the_base_rate():
    outcomes = np.array([1, 0, 0, 1, 0])
    assert brier_skill(outcomes, outcomes) == 1
    assert brier_skill(np.full(5, 0.4), outcomes) == pytest.approx(0)
    assert brier_skill(1 - outcomes, outcomes) == pytest.approx(1 - 1 / 0.24)
