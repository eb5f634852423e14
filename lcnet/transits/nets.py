"""The candidate network: folded views through convolutions, a few scalars beside them.

The shape is AstroNet's (Shallue & Vanderburg 2018, AJ 155, 94) with the secondary view that Yu et al. (2019, AJ 158,
25) added; it is far smaller (their 10 million parameters sit in the dense layers behind 2,001 bins), because 13,000
labelled events cannot feed more, and has group instead of no normalisation.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lcnet.core.blocks import ResidualBlock1d, join, mlp

__all__ = ["CandidateNet"]

SCALARS = ("period", "duration", "depth", "snr")


class ViewBranch(nn.Module):
    """One folded view (n, bins) to features (n, channels[-1] x length left).

    The features keep their place in phase (no global pooling): where in the window a dip sits is what tells a transit
    from variability.
    """

    def __init__(self, bins: int, channels: tuple[int, ...], *, dropout: float):
        super().__init__()
        layers: list[nn.Module] = [nn.Conv1d(1, channels[0], 5, padding=2)]
        for inside, outside in zip(channels[:1] + channels, channels, strict=False):
            layers += [ResidualBlock1d(inside, outside, dropout=dropout), nn.MaxPool1d(2)]
            bins //= 2
        self.layers = nn.Sequential(*layers, nn.GELU(), nn.Flatten())
        self.features = bins * channels[-1]

    def forward(self, view: Tensor) -> Tensor:
        return self.layers(view[:, None, :])


STATISTICS = 7


def view_statistics(whole: Tensor, local: Tensor) -> Tensor:
    """What an astronomer reads off the views first, in numbers near one.

    Parameters
    ----------
    whole : Tensor, shape (n, 201)
        The global view: the transit in the middle, one orbit.
    local : Tensor, shape (n, 61)
        The local view, +-2 durations.

    Returns
    -------
    Tensor, shape (n, 7)
        Of the whole orbit: log noise, depth of the deepest other dip (three bins, in depths of the transit), log of
        that over the noise, its phase; of the close-up: depth of the inner and of the outer half of the transit, log
        noise beside it. A second eclipse of a star is deep against the first, a planet's is not; a V has a shallow
        outer half.
    """
    outside = torch.cat([whole[:, :80], whole[:, 121:]], dim=1)
    noise = (outside - outside.median(dim=1, keepdim=True).values).abs().median(dim=1).values + 1e-3
    # the orbit is a circle: its ends are one phase, where a circular orbit has the second eclipse
    ring = torch.cat([whole[:, 121:], whole[:, :80]], dim=1)
    dips = -nn.functional.avg_pool1d(ring[:, None], 3, stride=1)[:, 0]
    deepest, place = dips.max(dim=1)
    deepest = deepest.clamp(0.0, 1.5)
    phase = (place + 1 - 79.5).abs() / 80.0
    core, wings = -local[:, 27:34].mean(dim=1), -torch.cat([local[:, 23:27], local[:, 34:38]], dim=1).mean(dim=1)
    beside = torch.cat([local[:, :16], local[:, 45:]], dim=1)
    quiet = (beside - beside.median(dim=1, keepdim=True).values).abs().median(dim=1).values + 1e-3
    logs = [torch.log10(noise) + 1.5, torch.log10(deepest / noise + 0.1), torch.log10(quiet) + 1.5]
    return torch.stack([logs[0], 4.0 * deepest, logs[1], phase, core, wings, logs[2]], dim=1)


class CandidateNet(nn.Module):
    """Planet-like, eclipse or junk from global, local and secondary views and scalars.

    Parameters
    ----------
    width : int
        Channels of the first block; they double from block to block.
    hidden : int
        Units of the two dense layers.
    dropout : float
    """

    def __init__(self, *, width: int = 16, hidden: int = 96, dropout: float = 0.2):
        super().__init__()
        self.global_view = ViewBranch(201, (width, width, 2 * width, 2 * width), dropout=0.5 * dropout)
        self.local_view = ViewBranch(61, (width, 2 * width, 2 * width), dropout=0.5 * dropout)
        self.secondary_view = ViewBranch(61, (width, width, width), dropout=0.5 * dropout)
        # each view's features through a layer of its own, so that none outvotes the others by its number of bins
        self.squeeze = nn.ModuleDict(
            {
                name: nn.Sequential(nn.Linear(branch.features, hidden), nn.GELU(), nn.Dropout(dropout))
                for name, branch in self.named_children()
                if isinstance(branch, ViewBranch)
            }
        )
        self.head = mlp(3 * hidden + 1 + STATISTICS + 2 * len(SCALARS), (hidden, hidden), 3, dropout=dropout)

    def forward(self, x: dict[str, Tensor]) -> Tensor:
        """Logits (n, 3): planet, eclipse, junk.

        `x` holds ``global_view`` (n, 201), ``local_view`` (n, 61), ``secondary_view`` (n, 61), the scalars (n,), and
        ``has_<name>`` (n,) of the optional ones.
        """
        seen = x["has_secondary_view"][:, None]
        views = [
            self.squeeze["global_view"](self.global_view(x["global_view"])),
            self.squeeze["local_view"](self.local_view(x["local_view"])),
            self.squeeze["secondary_view"](self.secondary_view(x["secondary_view"])) * seen,
            seen,
            view_statistics(x["global_view"], x["local_view"]),
        ]
        return self.head(torch.cat([*views, join(x, SCALARS)], dim=1))
