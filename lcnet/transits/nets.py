"""The candidate network: folded views through convolutions, a few scalars beside them.

The shape is AstroNet's (Shallue & Vanderburg 2018, AJ 155, 94) with the secondary view that Yu et al. (2019, AJ 158,
25) added; it is far smaller (their 10 million parameters sit in the dense layers behind 2,001 bins), because 13,000
labelled events cannot feed more, and has group instead of no normalisation.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from lcnet.core.blocks import ResidualBlock1d, mlp
from lcnet.transits.measures import Measures

__all__ = ["CandidateNet"]


class ViewBranch(nn.Module):
    """Folded views (n, bins) or (n, views, bins) to features (n, channels[-1] x length left).

    The features keep their place in phase (no global pooling): where in the window a dip sits is what tells a transit
    from variability.
    """

    def __init__(self, bins: int, channels: tuple[int, ...], *, dropout: float, views: int = 1):
        super().__init__()
        self.shape = (views, bins)
        layers: list[nn.Module] = [nn.Conv1d(views, channels[0], 5, padding=2), nn.MaxPool1d(2)]
        bins //= 2
        for inside, outside in pairwise(channels):
            layers += [ResidualBlock1d(inside, outside, dropout=dropout), nn.MaxPool1d(2)]
            bins //= 2
        self.layers = nn.Sequential(*layers, nn.GELU(), nn.Flatten())
        self.features = bins * channels[-1]

    def forward(self, view: Tensor) -> Tensor:
        return self.layers(view.reshape(-1, *self.shape))


class CandidateNet(nn.Module):
    """Planet-like, eclipse or junk from folded views, what is measured on them, and scalars.

    Parameters
    ----------
    ranges : mapping of str to (low, high)
        Of the period [d], duration [h] and depth [ppm] that the task normalises.
    width : int
        Channels of the first block; they double from block to block.
    summary : int
        Numbers that a view's convolutions are squeezed into.
    hidden : int
        Units of the two dense layers.
    dropout : float
    """

    def __init__(self, ranges, *, width: int = 8, summary: int = 24, hidden: int = 384, dropout: float = 0.4):
        super().__init__()
        some = 0.5 * dropout
        self.branches = nn.ModuleDict(
            {
                "global_view": ViewBranch(201, (width, width, 2 * width, 2 * width), dropout=some),
                "local_view": ViewBranch(61, (width, 2 * width, 2 * width), dropout=some),
                "secondary_view": ViewBranch(61, (width, width, width), dropout=some),
                "odd_even_view": ViewBranch(61, (width, width, width), dropout=some, views=2),
            }
        )
        # each view's features through a layer of its own, so that none outvotes the others by its number of bins
        self.squeeze = nn.ModuleDict(
            {
                name: nn.Sequential(
                    nn.Dropout(dropout), nn.Linear(branch.features, summary), nn.GELU(), nn.Dropout(dropout)
                )
                for name, branch in self.branches.items()
            }
        )
        self.measures = Measures(ranges)
        self.head = mlp(4 * summary + Measures.size, (hidden, hidden), 3, dropout=dropout)

    def forward(self, x: dict[str, Tensor]) -> Tensor:
        """Logits (n, 3): planet, eclipse, junk.

        `x` holds ``global_view`` (n, 201), ``local_view`` (n, 61), ``secondary_view`` (n, 61), ``odd_even_view``
        (n, 122), the scalars (n,), and ``has_<name>`` (n,) of the optional ones.
        """
        odd, even = x["odd_even_view"].reshape(-1, 2, 61).unbind(dim=1)
        # what both have in common and what they have not: which is called odd does not matter
        inputs = {**x, "odd_even_view": torch.stack([0.5 * (odd + even), (odd - even).abs()], dim=1)}
        seen = {"global_view": 1.0, "local_view": 1.0}
        seen |= {name: x[f"has_{name}"][:, None] for name in ("secondary_view", "odd_even_view")}
        views = [self.squeeze[name](branch(inputs[name])) * seen[name] for name, branch in self.branches.items()]
        return self.head(torch.cat([*views, self.measures(x)], dim=1))
