"""Feature maps: those that the network itself computes, by name, and refused by name."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from toy import TOY, simulate

from lcnet.core.activations import activations, embeddings, layers, plot_activations, predict_and_embed
from lcnet.core.ensemble import train


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    folder = tmp_path_factory.mktemp("net")
    return train(
        TOY, simulate(300, 0), folder=folder, members=2, epochs=4, lr=5e-3, tiny=True, device="cpu", progress=False
    )


def test_a_layer_s_output_is_what_the_layer_computes(network):
    """The stem is a convolution of the curve alone: done by hand with its weights."""
    x = simulate(9, 1).inputs
    maps = activations(network, x, "stem", member=1, batch_size=4)
    assert maps.shape == (9, 8, 32) and maps.dtype == np.float32
    state = network.states()[1]
    curve = torch.from_numpy(x["curve"])[:, None]
    by_hand = torch.nn.functional.conv1d(curve, state["stem.weight"], state["stem.bias"], padding=2).numpy()
    np.testing.assert_allclose(maps, by_hand, atol=1e-5)
    assert not np.allclose(maps, activations(network, x, "stem", member=0))


def test_the_last_layer_gives_the_logits(network):
    x = simulate(5, 2).inputs
    from lcnet.core.network import outputs

    np.testing.assert_allclose(
        activations(network, x, "head"), outputs(network._nets[:1], network.specs, x)[0], atol=1e-6
    )
    assert {"stem", "block", "head"} <= set(layers(network))


@pytest.mark.parametrize("n", [0, 1, 9])
def test_one_pass_predicts_and_embeds(network, n):
    x = {name: values[:n] for name, values in simulate(9, 2).inputs.items()}
    members, hidden = predict_and_embed(network, x, batch_size=4)
    np.testing.assert_array_equal(members, network.predict_members(x, batch_size=4))
    np.testing.assert_array_equal(hidden, embeddings(network, x, batch_size=4))
    width = predict_and_embed(network, simulate(1, 2).inputs)[1].shape[1]
    assert members.shape[:2] == (2, n) and hidden.shape == (n, width) and hidden.dtype == np.float32


@pytest.mark.parametrize(
    ("options", "message"),
    [({"layer": "mouth"}, "no layer 'mouth'; there is stem"), ({"layer": "stem", "member": 5}, "2 members")],
)
def test_what_is_not_there_is_named(network, options, message):
    with pytest.raises(ValueError, match=message):
        activations(network, simulate(3, 0).inputs, **options)
    # nothing is left hanging on the network
    assert not any(module._forward_hooks for one in network._nets for module in one.modules())


def test_the_picture_has_a_row_a_channel(network):
    from matplotlib.figure import Figure

    maps = activations(network, simulate(3, 0).inputs, "stem")[0]
    ax = plot_activations(maps, Figure().add_subplot(), title="stem")
    assert ax.images[0].get_array().shape == maps.shape
    assert np.abs(ax.images[0].get_array()).max() == pytest.approx(1.0)
    with pytest.raises(ValueError, match="one example"):
        plot_activations(np.zeros((2, 3, 4)))
