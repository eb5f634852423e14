"""AstroNet as published: its parameters counted by hand, and its inputs those of the "kepler" views."""

import numpy as np
import torch

from lcnet.transits.astronet import ASTRONET
from lcnet.transits.astronet_net import AstroNet
from lcnet.transits.views import make_views


def test_parameters_are_those_of_the_paper():
    """Shallue & Vanderburg 2018, figure 7: convolutions that keep the length, pooling without padding."""

    def column(bins, channels, pool):
        count, inside = 0, 1
        for outside in channels:
            count += (5 * inside + 1) * outside + (5 * outside + 1) * outside
            bins = (bins - pool) // 2 + 1
            inside = outside
        return count, bins * inside

    whole, whole_features = column(2001, (16, 32, 64, 128, 256), 5)
    close, close_features = column(201, (16, 32), 7)
    assert (whole, whole_features) == (655_152, 59 * 256)
    assert (close, close_features) == (9_136, 46 * 32)
    dense = (59 * 256 + 46 * 32 + 1) * 512 + 3 * (512 + 1) * 512 + (512 + 1)
    assert whole + close + dense == 9_940_193  # "9.94 million"
    assert sum(value.numel() for value in AstroNet().parameters()) == 9_940_193


def test_the_softmax_of_its_outputs_is_the_papers_sigmoid():
    net = ASTRONET.tiny().eval()
    rng = torch.Generator().manual_seed(0)
    x = {name: torch.randn(3, *spec.shape, generator=rng) for name, spec in ASTRONET.inputs.items()}
    output = net(x)
    assert output.shape == (3, 2)
    torch.testing.assert_close(torch.softmax(output, dim=1)[:, 1], torch.sigmoid(output[:, 1]))
    assert output[:, 1].std() > 0


def test_it_takes_the_views_of_kind_kepler():
    time = np.arange(0, 90, 0.02)
    flux = 1 - 1e-3 * (np.abs((time - 2 + 1.5) % 3.0 - 1.5) < 0.06)
    views, _ = make_views(time, flux, 3.0, 2.0, 2.9, kind="kepler")
    assert {name: view.shape for name, view in views.items()} == {k: spec.shape for k, spec in ASTRONET.inputs.items()}


def test_augmentation_only_mirrors():
    rng = np.random.default_rng(0)
    batch = {name: rng.normal(size=(50, *spec.shape)).astype(np.float32) for name, spec in ASTRONET.inputs.items()}
    after = ASTRONET.augment(batch, rng)
    turned = (after["global_view"] != batch["global_view"]).any(axis=1)
    assert 10 < turned.sum() < 40
    for name, view in batch.items():
        np.testing.assert_array_equal(after[name][turned], view[turned, ::-1])
        np.testing.assert_array_equal(after[name][~turned], view[~turned])
