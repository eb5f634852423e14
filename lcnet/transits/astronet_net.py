"""The network of AstroNet (Shallue & Vanderburg 2018, AJ 155, 94, figure 7), layer by layer."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

__all__ = ["AstroNet"]


def _column(channels: Sequence[int], *, pool: int) -> nn.Sequential:
    """Blocks of two convolutions of width 5 with ReLU, each ended by a maximum over `pool` bins in steps of two."""
    layers: list[nn.Module] = []
    inside = 1
    for outside in channels:
        for width in (inside, outside):
            layers += [nn.Conv1d(width, outside, 5, padding=2), nn.ReLU()]
        layers.append(nn.MaxPool1d(pool, stride=2))
        inside = outside
    return nn.Sequential(*layers, nn.Flatten())


class AstroNet(nn.Module):
    """Two convolutional columns, four dense layers, one sigmoid output.

    Parameters
    ----------
    global_channels, local_channels : sequence of int
        Of the blocks of each column: the paper's by default, as all that follows.
    dense, hidden : int
        How many dense layers, and units of each.
    """

    def __init__(
        self,
        *,
        global_channels: Sequence[int] = (16, 32, 64, 128, 256),
        local_channels: Sequence[int] = (16, 32),
        dense: int = 4,
        hidden: int = 512,
    ):
        super().__init__()
        self.global_column = _column(global_channels, pool=5)
        self.local_column = _column(local_channels, pool=7)
        with torch.no_grad():
            inside = self.global_column(torch.zeros(1, 1, 2001)).shape[1]
            inside += self.local_column(torch.zeros(1, 1, 201)).shape[1]
        layers: list[nn.Module] = []
        for _ in range(dense):
            layers += [nn.Linear(inside, hidden), nn.ReLU()]
            inside = hidden
        self.head = nn.Sequential(*layers, nn.Linear(inside, 1))
        # TensorFlow's defaults, with which the paper's networks were trained; torch's own make the signal fade
        for name, value in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(value)
            else:
                nn.init.xavier_uniform_(value)

    def forward(self, x: dict[str, Tensor]) -> Tensor:
        """Logits (n, 2), not planet and planet, of ``global_view`` (n, 2001) and ``local_view`` (n, 201).

        The first is 0: a softmax of the two is the paper's sigmoid of the second.
        """
        columns = [self.global_column(x["global_view"][:, None]), self.local_column(x["local_view"][:, None])]
        planet = self.head(torch.cat(columns, dim=1))
        return torch.cat([torch.zeros_like(planet), planet], dim=1)
