"""The network of ``transits/koi``: one whole-orbit view through circular convolutions, what an astronomer reads off it,
and a few scalars.

Four thousand views do not teach a convolution to sort bins or to compare the two sides of a dip: the readings do it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lcnet.core.blocks import join, mlp

__all__ = ["KoiNet", "READINGS", "read_off", "rescale"]

SCALARS = ("period", "duration", "depth", "snr")
MIDDLE, FAR, SIDE = 100, 12, 4
READINGS = 10 + SIDE
SCALE = 3.0  # brings readings and scalars, a third wide, to the unit width that a dense layer learns from fastest


def rescale(view: Tensor) -> Tensor:
    """Views (n, 201) of median 0 and deepest bin -1, whatever their brightest bin; a flat one is zero."""
    median = view.median(dim=1, keepdim=True).values
    depth = median - view.min(dim=1, keepdim=True).values
    return (view - median) / depth.clamp_min(1e-3)


def read_off(view: Tensor) -> Tensor:
    """Numbers near one that say what a rescaled view looks like.

    Parameters
    ----------
    view : Tensor, shape (n, 201)
        As `rescale` returns it, the ephemeris's transit in the middle.

    Returns
    -------
    Tensor, shape (n, READINGS)
        Depth in the middle and about it; where the deepest bin lies and whether that is the middle; noise, brightest
        bin, width of the dip, roughness; the deepest dip elsewhere and its phase; the two sides of the dip averaged,
        one to four bins from its middle.
    """
    middle = -view[:, MIDDLE]
    about = -view[:, MIDDLE - 1 : MIDDLE + 2].mean(dim=1)
    away = (view.argmin(dim=1) - MIDDLE).abs().float()
    noise = view.abs().median(dim=1).values + 1e-3
    rough = view.diff(dim=1).abs().mean(dim=1) / (view.abs().mean(dim=1) + 1e-3)
    bins = torch.arange(view.shape[1], device=view.device)
    elsewhere = torch.where((bins - MIDDLE).abs() > FAR, view, torch.zeros_like(view))
    second, where = elsewhere.min(dim=1)
    width = (view[:, MIDDLE - 30 : MIDDLE + 31] < -0.5).float().sum(dim=1)
    first = [
        middle,
        about,
        torch.log1p(away) / 2.0,
        (away < 0.5).float(),
        torch.log10(noise) + 1.0,
        view.amax(dim=1),
        torch.log1p(width),
        rough,
        -second,
        (where - MIDDLE).abs().float() / MIDDLE,
    ]
    before = view[:, MIDDLE - SIDE : MIDDLE].flip(1)
    after = view[:, MIDDLE + 1 : MIDDLE + SIDE + 1]
    return torch.cat([torch.stack(first, dim=1), 0.5 * (before + after)], dim=1)


class KoiNet(nn.Module):
    """False positive or planet from one view and scalars.

    Parameters
    ----------
    width : int
        Channels of the first convolution.
    hidden : int
        Units of the dense layers.
    dropout : float
    """

    def __init__(self, *, width: int = 8, hidden: int = 64, dropout: float = 0.15):
        super().__init__()
        ring = {"padding_mode": "circular"}  # the ends of an orbit are neighbours
        self.orbit = nn.Sequential(
            nn.Conv1d(1, width, 9, stride=3, padding=4, **ring),
            nn.GELU(),
            nn.Conv1d(width, 2 * width, 5, padding=2, **ring),
            nn.GELU(),
            nn.MaxPool1d(2),
            nn.Conv1d(2 * width, 2 * width, 5, padding=2, **ring),
            nn.GELU(),
        )
        self.squeeze = nn.Sequential(nn.Linear(4 * width, hidden // 8), nn.GELU(), nn.Dropout(2 * dropout))
        self.head = mlp(hidden // 8 + READINGS + 2 * len(SCALARS), (hidden, hidden), 2, dropout=dropout)

    def forward(self, x: dict[str, Tensor]) -> Tensor:
        """Logits (n, 2): false positive, planet. `x` holds ``view`` (n, 201), the scalars (n,) and ``has_<name>``."""
        view = rescale(x["view"])
        orbit = self.orbit(view[:, None])
        pooled = torch.cat([orbit.mean(dim=2), orbit.amax(dim=2)], dim=1)
        parts = [self.squeeze(pooled), SCALE * read_off(view), SCALE * join(x, SCALARS)]
        return self.head(torch.cat(parts, dim=1))
