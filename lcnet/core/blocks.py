"""Small pieces that networks of every science are made of.

Normalisation is by group, never by batch: a prediction must not depend on which other rows are in its batch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

__all__ = ["ResidualBlock1d", "join", "mlp"]


class ResidualBlock1d(nn.Module):
    """Two convolutions around a shortcut, pre-activated (He et al. 2016, ECCV), along one axis.

    Parameters
    ----------
    inside, outside : int
        Channels in and out.
    kernel : int
        Odd width of both convolutions [samples].
    stride : int
        Of the first convolution; the axis shrinks by it.
    dropout : float
    """

    def __init__(self, inside: int, outside: int, *, kernel: int = 5, stride: int = 1, dropout: float = 0.0):
        super().__init__()
        if kernel % 2 == 0:
            raise ValueError(f"kernel must be odd, not {kernel}")
        self.body = nn.Sequential(
            nn.GroupNorm(math.gcd(8, inside), inside),
            nn.GELU(),
            nn.Conv1d(inside, outside, kernel, stride=stride, padding=kernel // 2),
            nn.GroupNorm(math.gcd(8, outside), outside),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Conv1d(outside, outside, kernel, padding=kernel // 2),
        )
        same = inside == outside and stride == 1
        self.shortcut = nn.Identity() if same else nn.Conv1d(inside, outside, 1, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        """(n, inside, length) -> (n, outside, ceil(length / stride))."""
        return self.shortcut(x) + self.body(x)


def mlp(inside: int, hidden: Sequence[int], outside: int, *, dropout: float = 0.0) -> nn.Sequential:
    """Fully connected layers with GELU between them, (n, inside) -> (n, outside)."""
    layers: list[nn.Module] = []
    for width in hidden:
        layers += [nn.Linear(inside, width), nn.GELU(), nn.Dropout(dropout)]
        inside = width
    return nn.Sequential(*layers, nn.Linear(inside, outside))


def join(x: Mapping[str, Tensor], names: Sequence[str]) -> Tensor:
    """Scalars and vectors of the named inputs side by side, each optional one followed by whether it is there.

    Parameters
    ----------
    x : mapping of str to Tensor
        What ``forward`` is given.
    names : sequence of str
        Inputs of shape (n,) or (n, m).

    Returns
    -------
    Tensor, shape (n, sum of widths + number of optional inputs)
    """
    columns = []
    for name in names:
        columns.append(x[name].reshape(len(x[name]), -1))
        if f"has_{name}" in x:
            columns.append(x[f"has_{name}"].reshape(-1, 1))
    return torch.cat(columns, dim=1)
