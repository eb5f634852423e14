"""Integrated gradients: exact where the network is linear, complete where it is not."""

from __future__ import annotations

import numpy as np
import pytest
from toy import CLASSES, INPUTS, TOY, simulate

import lcnet
from lcnet.core.ensemble import train
from lcnet.core.objectives import Classification
from lcnet.core.saliency import integrated_gradients
from lcnet.core.task import Task

OPTIONS = {"epochs": 2, "lr": 5e-3, "device": "cpu", "progress": False}


def linear():
    from torch import nn

    class Linear(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(32, 2)

        def forward(self, x):
            return self.head(x["curve"])

    return Linear()


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return train(TOY, simulate(300, 0), folder=tmp_path_factory.mktemp("net"), members=2, tiny=True, **OPTIONS)


def test_a_linear_network_s_attributions_are_its_weights_times_the_input(tmp_path):
    task = Task("toy/line", {"curve": INPUTS["curve"]}, linear, linear, simulate, Classification(("dip", "noise")))
    examples = simulate(300, 0)
    examples.inputs = {"curve": examples.inputs["curve"]}
    examples.targets = {"label": (examples.targets["label"] == 2).astype(int)}
    net = train(task, examples, folder=tmp_path, members=1, **OPTIONS)
    x = examples.inputs["curve"][:7]
    found = integrated_gradients(net, {"curve": x}, "noise", steps=3)
    # of two classes the logit of a probability is the difference of the network's logits, over the temperature
    weights = net.states()[0]["head.weight"].numpy()
    by_hand = (weights[1] - weights[0]) * x / net.card["calibration"]["parameters"]["temperature"]
    # float32: the softmax and its logit each round to 6e-8 of a probability that is nowhere below 0.01
    np.testing.assert_allclose(found.values["curve"], by_hand, atol=2e-5)
    np.testing.assert_allclose(found.gap, 0.0, atol=1e-4)
    elsewhere = integrated_gradients(net, {"curve": x}, "noise", baseline={"curve": np.ones(32)}, steps=3)
    np.testing.assert_allclose(elsewhere.values["curve"], by_hand * (x - 1) / x, atol=1e-4)


@pytest.mark.parametrize("of", ["logit", "probability"])
def test_attributions_sum_to_the_change_of_the_prediction(network, of):
    """The midpoint rule misses at most max |f'''| / (24 steps^2), f being the prediction at the cube of the share."""
    x = simulate(20, 3).inputs
    found = {steps: integrated_gradients(network, x, "vee", of=of, steps=steps) for steps in (1, 16, 64)}
    said = network.predict(x)[:, CLASSES.index("vee")].astype(float)
    wanted = np.log(said / (1 - said)) if of == "logit" else said
    np.testing.assert_allclose(found[64].output, wanted, atol=1e-4)
    shares, along = np.linspace(0, 1, 65) ** 3, []
    for share in shares:
        part = {name: share * x[name] if name != "period" else x[name] for name in x}
        p = network.predict(part)[:, CLASSES.index("vee")].astype(float)
        along.append(np.log(p / (1 - p)) if of == "logit" else p)
    third = np.abs(np.diff(along, n=3, axis=0)).max(axis=0) * 64**3
    for steps in (16, 64):
        # twice: a third derivative between the samples may be larger; weights made to sum to one; float32 outputs
        bound = 2 * third / (24 * steps**2) + np.abs(along[-1] - along[0]) / (4 * steps**2 - 1) + 2e-5
        assert (np.abs(found[steps].gap) <= bound).all()
    # it is the quadrature that is missed, and not by accident nothing
    assert np.abs(found[1].gap).max() > 20 * np.abs(found[64].gap).max()


def test_what_the_baseline_leaves_alone_says_nothing(network):
    x = simulate(6, 4).inputs
    found = integrated_gradients(network, x, "box", steps=4)
    assert found.values["period"].shape == (6,) and not found.values["period"].any()
    assert not found.values["detail"][::3].any() and found.values["detail"][1].any()  # every third is missing
    same = integrated_gradients(network, x, "box", baseline={"curve": x["curve"]}, steps=4)
    assert not any(values.any() for values in same.values.values()) and not same.gap.any()
    period = integrated_gradients(network, x, "box", baseline={"period": 1.0}, steps=8)
    assert period.values["period"].any() and not period.values["curve"].any()


def test_a_reading_says_the_same_of_the_sum():
    """transit = 1 - junk, so what speaks for one speaks against the other."""
    rng = np.random.default_rng(0)
    x = {"global_view": rng.normal(size=(2, 201)), "local_view": rng.normal(size=(2, 61)), "period": [3.0, 4.0]}
    whole = integrated_gradients(lcnet.load("transits/candidate"), x, "junk", steps=2)
    read = integrated_gradients(lcnet.load("transits/triage"), x, "transit", steps=2)
    for name in ("global_view", "local_view"):
        scale = np.abs(whole.values[name]).max()
        np.testing.assert_allclose(read.values[name], -whole.values[name], atol=1e-3 * scale)


def test_what_cannot_be_explained_is_named(network):
    x = simulate(3, 0).inputs
    with pytest.raises(ValueError, match="box, vee, noise apart, not 'planet'"):
        integrated_gradients(network, x, "planet")
    with pytest.raises(ValueError, match="of must be"):
        integrated_gradients(network, x, "box", of="odds")
    with pytest.raises(ValueError, match="baseline has colour"):
        integrated_gradients(network, x, "box", baseline={"colour": 0.0})
    with pytest.raises(ValueError, match="missing required input 'curve'"):
        integrated_gradients(network, {"period": x["period"]}, "box")
