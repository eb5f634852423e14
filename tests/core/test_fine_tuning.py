"""Starting from a trained network with some layers kept, and watching the held-out predictions on the way."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from toy import DEPTH, TOY, simulate, simulate_depths

from lcnet.core.checkpoint import PlanChanged
from lcnet.core.training import fit

SETTINGS = {"epochs": 2, "tiny": True, "device": "cpu", "progress": False}


def test_a_frozen_layer_stays_and_the_others_learn():
    first = fit(TOY, simulate(200, 0), seed=1, **SETTINGS).net.state_dict()
    second = fit(TOY, simulate(200, 5), seed=2, start=first, freeze=["stem", "block."], **SETTINGS).net.state_dict()
    for name, value in first.items():
        same = torch.equal(value, second[name])
        assert same == name.startswith(("stem.", "block.")), name


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (["tail"], "no layer 'tail' to freeze; there is stem, block, head"),
        (["stem", "block", "head"], "nothing is left"),
    ],
)
def test_what_cannot_be_frozen_is_named(layers, message):
    with pytest.raises(ValueError, match=message):
        fit(TOY, simulate(50, 0), freeze=layers, **SETTINGS)


def test_another_frozen_layer_is_another_plan(tmp_path):
    fit(TOY, simulate(100, 0), checkpoint=tmp_path, stop_after=1, **SETTINGS)
    with pytest.raises(PlanChanged, match="freeze"):
        fit(TOY, simulate(100, 0), checkpoint=tmp_path, resume=True, freeze=["stem"], **SETTINGS)


def test_the_callback_sees_what_is_predicted_and_changes_nothing():
    seen = []
    examples, held = simulate_depths(100, 0), simulate_depths(40, 1)
    watched = fit(DEPTH, examples, validation=held, on_epoch=lambda *told: seen.append(told), **SETTINGS)
    alone = fit(DEPTH, examples, validation=held, **SETTINGS)
    assert [epoch for epoch, _ in seen] == [0, 1]
    for _, prediction in seen:
        assert prediction.shape == (40, 1)
    rms = [float(np.sqrt(np.mean((prediction[:, 0] - held.targets["depth"]) ** 2))) for _, prediction in seen]
    np.testing.assert_allclose(rms, watched.history["rms"], rtol=1e-6)
    assert all(torch.equal(value, watched.net.state_dict()[name]) for name, value in alone.net.state_dict().items())
