"""What a layer of a network makes of an example: its feature maps, as numbers and as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from lcnet.core.network import outputs

if TYPE_CHECKING:
    from lcnet.core.network import Network

__all__ = ["activations", "embeddings", "layers", "plot_activations", "predict_and_embed"]


def layers(net: Network) -> tuple[str, ...]:
    """The names of a network's layers, the outer ones first, as `activations` takes them."""
    return tuple(name for name, _ in net._nets[0].named_modules() if name)


def activations(net: Network, inputs: Mapping, layer: str, *, member: int = 0, batch_size: int = 256) -> np.ndarray:
    """The output of one layer of one member of an ensemble.

    Parameters
    ----------
    net : Network
    inputs : mapping of str to array, shape (n, *shape)
        As `Network.predict` takes them.
    layer : str
        One of `layers`.
    member : int
        Of the ensemble.
    batch_size : int

    Returns
    -------
    array, shape (n, ...), float32
        Of a convolution (n, channels, positions). A layer used several times in a pass gives its last output.

    Raises
    ------
    ValueError
        No such layer or member, a layer without a tensor for an output, or inputs as in `Network.predict`.
    """
    if not -len(net._nets) <= member < len(net._nets):
        raise ValueError(f"the ensemble has {len(net._nets)} members, there is no member {member}")
    model = net._nets[member]
    known = dict(model.named_modules())
    if layer not in known or not layer:
        raise ValueError(f"no layer {layer!r}; there is {', '.join(layers(net))}")
    parts, latest = [], [None]

    def keep(module, given, found):
        if not hasattr(found, "detach"):
            raise ValueError(f"layer {layer!r} gives no tensor, but a {type(found).__name__}")
        latest[0] = found.detach().float().cpu().numpy()

    def collect(module, given, found):
        if latest[0] is None:
            raise ValueError(f"layer {layer!r} took no part in the prediction")
        parts.append(latest[0])
        latest[0] = None

    handles = [known[layer].register_forward_hook(keep), model.register_forward_hook(collect)]
    try:
        outputs([model], net.specs, inputs, batch_size=batch_size)
    finally:
        for handle in handles:
            handle.remove()
    return np.concatenate(parts)


def embeddings(net: Network, inputs: Mapping, *, batch_size: int = 256) -> np.ndarray:
    """What the last hidden layer of each member makes of examples, the members side by side.

    The last hidden layer is what the last fully connected layer to run is given.

    Parameters
    ----------
    net : Network
    inputs : mapping of str to array, shape (n, *shape)
        As `Network.predict` takes them.
    batch_size : int

    Returns
    -------
    array, shape (n, members x width), float32

    Raises
    ------
    ValueError
        A network without such a layer, or inputs as in `Network.predict`.
    """
    return predict_and_embed(net, inputs, batch_size=batch_size)[1]


def predict_and_embed(net: Network, inputs: Mapping, *, batch_size: int = 256) -> tuple[np.ndarray, np.ndarray]:
    """What each member says, as `Network.predict_members`, and its last hidden layer, as `embeddings`, in one pass.

    Parameters
    ----------
    net : Network
    inputs : mapping of str to array, shape (n, *shape)
    batch_size : int

    Returns
    -------
    members : array, shape (members, n, ...), float32
    hidden : array, shape (n, members x width), float32

    Raises
    ------
    ValueError
        As `embeddings`.
    """
    from torch import nn

    parts: list[list[np.ndarray]] = [[] for _ in net._nets]
    latest: list = [None] * len(net._nets)
    handles = []
    for number, model in enumerate(net._nets):

        def keep(module, given, number=number):
            latest[number] = given[0].detach()

        def collect(module, given, found, number=number):
            if latest[number] is None or latest[number].ndim != 2:
                raise ValueError("the network does not end in a fully connected layer over examples")
            parts[number].append(latest[number].float().cpu().numpy())
            latest[number] = None

        handles += [one.register_forward_pre_hook(keep) for one in model.modules() if isinstance(one, nn.Linear)]
        handles.append(model.register_forward_hook(collect))
    try:
        raw = outputs(net._nets, net.specs, inputs, batch_size=batch_size)
    finally:
        for handle in handles:
            handle.remove()
    # of no examples the hooks have seen the row of zeros that stands for them
    hidden = np.concatenate([np.concatenate(one) for one in parts], axis=1)[: raw.shape[1]]
    return net._told(raw).astype(np.float32), hidden


def plot_activations(maps, ax=None, *, title=""):
    """The feature maps of one example: a row a channel, the strongest at the bottom.

    Parameters
    ----------
    maps : array, shape (channels, positions)
        One example of `activations`; (features,) is drawn as one row.
    ax : matplotlib.axes.Axes, optional
    title : str

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        For an array of another number of dimensions.
    """
    maps = np.atleast_2d(np.asarray(maps, float))
    if maps.ndim != 2:
        raise ValueError(f"give the maps of one example, (channels, positions), not an array of shape {maps.shape}")
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(layout="constrained")
    order = np.argsort(-np.ptp(maps, axis=1), kind="stable")
    # each channel over its own largest value: weights scale channels at will
    scale = np.abs(maps).max(axis=1, keepdims=True)
    drawn = ax.imshow(
        np.divide(maps, scale, out=np.zeros_like(maps), where=scale > 0)[order],
        aspect="auto",
        origin="lower",
        cmap="RdBu_r",
        vmin=-1,
        vmax=1,
        interpolation="nearest",
    )
    ax.set(xlabel="position", ylabel="channel, by its range", title=title)
    ax.figure.colorbar(drawn, ax=ax, label="activation / channel's largest")
    return ax
