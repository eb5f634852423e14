"""The network of ``transits/koi``: what an astronomer reads off a whole-orbit view, and a few scalars, in dense layers.

Four thousand views whose depth is lost do not feed convolutions: added to the readings they take 0.005 of the AUC away
where the scalars are known, for they learn stars by heart, and bring 0.003 where they are not.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lcnet.core.blocks import join, mlp

__all__ = ["KoiNet", "READINGS", "read_off", "rescale"]

SCALARS = ("period", "duration", "depth", "snr")
MIDDLE, FAR, SIDE = 100, 12, 4
READINGS = 10 + SIDE
# bring both, which scatter by a third, to the unit width that a dense layer learns from fastest
READING_SCALE, SCALAR_SCALE = 2.5, 4.0


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
    """False positive or planet from one view and scalars; a view read backwards gives the same.

    Parameters
    ----------
    hidden : int
        Units of the two dense layers.
    dropout : float
    """

    def __init__(self, *, hidden: int = 64, dropout: float = 0.15):
        super().__init__()
        self.head = mlp(READINGS + 2 * len(SCALARS), (hidden, hidden), 2, dropout=dropout)

    def forward(self, x: dict[str, Tensor]) -> Tensor:
        """Logits (n, 2): false positive, planet. `x` holds ``view`` (n, 201), the scalars (n,) and ``has_<name>``."""
        readings = read_off(rescale(x["view"]))
        return self.head(torch.cat([READING_SCALE * readings, SCALAR_SCALE * join(x, SCALARS)], dim=1))
