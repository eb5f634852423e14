"""Regression with a predicted uncertainty: the loss, the pool, the calibration, and a network that learns its noise."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from lcnet.core.ensemble import cross_validate, train
from lcnet.core.examples import Examples
from lcnet.core.network import load
from lcnet.core.regression import Regression
from lcnet.core.task import Input, Task

DEPTH = Regression(("depth",), ("ppm",), centre=(1000.0,), scale=(200.0,))


def simulate(n, seed):
    """The depth of a box in a curve, known to 20 ppm on one half of the examples and to 100 on the other."""
    rng = np.random.default_rng(seed)
    sigma = np.where(rng.random(n) < 0.5, 20.0, 100.0)
    seen = rng.uniform(600, 1400, n)
    inside = np.abs(np.linspace(-1, 1, 32)) < 0.4
    curve = -(seen[:, None] - 1000) / 400 * inside
    curve[:, :4] = (sigma[:, None] - 60) / 40
    depth = seen + sigma * rng.normal(size=n)
    return Examples({"curve": curve.astype(np.float32)}, {"depth": depth}, np.arange(n))


def make_net_of_curve():
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.Sequential(nn.Linear(32, 32), nn.GELU(), nn.Linear(32, 32), nn.GELU(), nn.Linear(32, 2))

        def forward(self, x):
            return self.layers(x["curve"])

    return Net()


TASK = Task("toy/regression", {"curve": Input((32,))}, make_net_of_curve, make_net_of_curve, simulate, DEPTH)


def test_the_loss_is_the_gaussian_one():
    """At unit variance the factor of the beta-NLL is one; otherwise it is the variance to the power 1/2."""
    truth, mean = torch.tensor([1100.0, 900.0]), torch.tensor([[0.2], [-0.4]])
    for log_variance in (0.0, 1.3, -2.0):
        output = torch.cat([mean, torch.full((2, 1), log_variance)], dim=1)
        z = (truth.numpy() - 1000) / 200
        each = -stats.norm.logpdf(z, mean[:, 0].numpy(), np.exp(log_variance / 2)) - 0.5 * np.log(2 * np.pi)
        wanted = float(np.mean(each) * np.exp(0.5 * log_variance))
        assert float(DEPTH.loss(output, {"depth": truth})) == pytest.approx(wanted, rel=1e-6)
        alone = float(DEPTH.loss(output, {"depth": truth}, torch.tensor([0.0, 3.0])))
        assert alone == pytest.approx(each[1] * np.exp(0.5 * log_variance), rel=1e-6)


def test_the_pool_is_the_mixture():
    """Against draws from the members' Gaussians: mean and deviation to the error of a million draws."""
    members = np.array([[[[3.0, 1.0]]], [[[5.0, 2.0]]], [[[4.0, 0.5]]]])
    rng = np.random.default_rng(0)
    draws = np.concatenate([rng.normal(m, s, 400_000) for m, s in members[:, 0, 0]])
    mean, std = DEPTH.pool(members)[0, 0]
    assert mean == pytest.approx(draws.mean(), abs=5 * draws.std() / np.sqrt(draws.size))
    assert std == pytest.approx(draws.std(), rel=5 / np.sqrt(2 * draws.size))


@pytest.mark.parametrize("factor", [0.4, 1.0, 3.0])
def test_the_calibration_finds_the_factor(factor):
    """Deviations stated `factor` times too small come back right, to the error of the variance of n residuals."""
    rng, n = np.random.default_rng(1), 20_000
    mean = rng.normal(size=n)
    truth = {"depth": 1000 + 200 * (mean + 0.5 * rng.normal(size=n))}
    output = np.stack([mean, np.full(n, 2 * np.log(0.5 / factor))], axis=-1)[None]
    found = DEPTH.calibrate(output, truth)
    assert found["spread_depth"] == pytest.approx(factor, rel=4 / np.sqrt(2 * n))
    DEPTH.check_calibration(found)
    assert DEPTH.doubts(found, output, truth) == []


def test_a_calibration_at_its_bound_is_doubted():
    n = 50
    output = np.zeros((1, n, 2))
    found = DEPTH.calibrate(output, {"depth": np.full(n, 1000.0)})
    assert found == {"spread_depth": 0.05} and "not calibrated" in DEPTH.doubts(found, output, {})[0]


@pytest.mark.parametrize("bad", [{"spread_width": 1.0}, {"spread_depth": -1.0}, {"spread_depth": np.inf}])
def test_a_calibration_from_a_file_is_checked(bad):
    with pytest.raises(ValueError, match="calibration parameter"):
        DEPTH.check_calibration(bad)


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ({}, "missing target 'depth'"),
        ({"depth": np.array([1.0, np.nan])}, "not finite in row"),
        ({"depth": np.ones((2, 1))}, "shape"),
        ({"depth": np.array(["a"])}, "numbers"),
    ],
)
def test_targets_that_cannot_be_learnt_are_named(targets, message):
    with pytest.raises(ValueError, match=message):
        DEPTH.check(targets)


@pytest.mark.parametrize("wrong", [{"targets": ()}, {"targets": ("a", "a")}, {"scale": (0.0,)}, {"units": ("m", "s")}])
def test_a_declaration_that_makes_no_sense(wrong):
    with pytest.raises(ValueError, match="regression|scales"):
        Regression(**{"targets": ("a",), "units": ("",), **wrong})


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("regression")
    settings = {"epochs": 60, "lr": 1e-2, "patience": 60, "device": "cpu", "progress": False}
    return train(TASK, simulate(2000, 1), folder=folder, members=2, seed=0, **settings), folder


def test_a_network_learns_its_noise(trained):
    """Twenty and a hundred ppm, told apart by the first points of the curve; residuals of unit variance in both."""
    network, _ = trained
    test = simulate(3000, 2)
    prediction = network.predict(test.inputs)
    assert prediction.shape == (3000, 1, 2) and prediction.dtype == np.float32
    z = (test.targets["depth"] - prediction[:, 0, 0]) / prediction[:, 0, 1]
    for sigma in (20.0, 100.0):
        rows = np.isclose(test.inputs["curve"][:, 0], (sigma - 60) / 40)
        # 300 held-out examples set the factor: its error of 5 % counts beside what is left to learn
        assert np.median(prediction[rows, 0, 1]) == pytest.approx(sigma, rel=0.35)
        assert 0.75 < np.std(z[rows]) < 1.35
    metrics = TASK.objective.metrics(prediction, test.targets)
    assert metrics["r2_depth"] > 0.85 and 0.6 < metrics["within_1_depth"] < 0.76


def test_what_is_saved_is_what_is_loaded(trained):
    network, folder = trained
    again = load(folder, task=TASK)
    x = simulate(20, 3).inputs
    np.testing.assert_array_equal(again.predict(x), network.predict(x))
    assert (again.targets, again.units, again.classes) == (("depth",), ("ppm",), ())
    assert "unit variance" in again.card["calibration"]["method"] and again.card["prevalence"] == {}
    members = again.predict_members(x).astype(float)
    np.testing.assert_allclose(TASK.objective.pool(members), again.predict(x), rtol=1e-5)


def test_cross_validation_pools_too():
    found = cross_validate(TASK, simulate(300, 4), folds=3, members=2, epochs=2, device="cpu", progress=False)
    assert found.prediction.shape == (300, 1, 2) and found.member_predictions.shape == (2, 300, 1, 2)
    np.testing.assert_allclose(found.prediction, TASK.objective.pool(found.member_predictions))
    assert found.metrics["rms_depth"].low <= found.metrics["rms_depth"].value


@pytest.mark.parametrize("start", [60.0, -60.0])
def test_a_log_variance_that_ran_out_comes_back(start):
    """Far beyond either bound there is a slope, and it leads back; in between nothing is changed."""
    truth = {"depth": torch.full((50,), 1000.0) + 200 * torch.linspace(-1, 1, 50)}
    log_variance = torch.tensor([start], requires_grad=True)

    def deviation():
        output = torch.stack([torch.zeros(50), log_variance.expand(50)], dim=-1)
        return output, float(DEPTH.predict(output.detach())[0, 0, 1])

    optimizer = torch.optim.Adam([log_variance], lr=0.5)
    for _ in range(600):
        optimizer.zero_grad()
        DEPTH.loss(deviation()[0], truth).backward()
        assert float(log_variance.grad.abs()) > 0
        optimizer.step()
    assert deviation()[1] == pytest.approx(200 * float(np.std(np.linspace(-1, 1, 50))), rel=0.02)
    wide = torch.tensor([[0.0, -1e6], [0.0, -11.0], [0.0, 7.0], [0.0, 1e6]])
    found = 2 * np.log(DEPTH.predict(wide)[:, 0, 1].numpy() / 200)
    np.testing.assert_allclose(found, [-14, -11, 7, 10], atol=1e-4)
