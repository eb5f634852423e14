"""The network of supernova light curves: a transformer over the nights of a window.

A night is one token: flux, error and presence in every band, so that a colour is there without attention, and Fourier
features of its time (Vaswani et al. 2017; for supernovae Pimentel et al. 2023, AJ 165, 18, and Cabrera-Vives et al.
2024, A&A 689, A289, have one token a point). Learned queries read the set out (Lee et al. 2019, ICML 97, the set
transformer's pooling). Nights that were not observed are masked: neither their number nor their content changes
anything.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from lcnet.core.blocks import join, mlp

__all__ = ["NightsNet"]

_PERIODS = (6.0, 400.0)  # of the Fourier features [d]: from two nights apart to a slow decline
_SCALARS = ("redshift", "redshift_err")
_PER_BAND = 5
_FLOOR = 0.02  # smallest error as a share of the flux: below it are calibration and templates, not photons
_FILTERS = (4781.0, 6359.9, 7758.9, 9208.1)  # wavelengths [A] of the filters that need no correction


class Block(nn.Module):
    """Attention and a perceptron around shortcuts, pre-normed (Xiong et al. 2020)."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.before = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.between = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(n, tokens, width), mask (n, 1, 1, tokens) true where there is a token."""
        n, tokens, width = x.shape
        qkv = self.qkv(self.before(x)).reshape(n, tokens, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        read = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        x = x + self.out(read.transpose(1, 2).reshape(n, tokens, width))
        return x + self.mlp(self.between(x))


class NightsNet(nn.Module):
    """Type of a supernova from the nights of its window.

    Parameters
    ----------
    bands, classes : int
    auxiliary : int
        Further outputs, which the objective uses while it trains.
    width, layers, heads : int
    queries : int
        That read the nights out.
    frequencies : int
        Of the Fourier features of time.
    dropout : float
        Of the head; what keeps the rest from learning its examples by heart is their augmentation.
    """

    def __init__(
        self,
        *,
        bands: int = 4,
        classes: int = 3,
        auxiliary: int = 0,
        width: int = 64,
        layers: int = 4,
        heads: int = 4,
        queries: int = 4,
        frequencies: int = 8,
        dropout: float = 0.1,
    ):
        super().__init__()
        periods = torch.logspace(math.log10(_PERIODS[0]), math.log10(_PERIODS[1]), frequencies)
        self.register_buffer("angular", 2 * math.pi / periods, persistent=False)
        self.register_buffer("filters", torch.tensor(_FILTERS[:bands]), persistent=False)
        self.embed = nn.Linear(_PER_BAND * bands + 2 * frequencies + 1, width)
        # what holds of the whole object: its brightness, its redshift
        self.whole = mlp(1 + 2 * len(_SCALARS), (width,), width)
        self.blocks = nn.ModuleList([Block(width, heads) for _ in range(layers)])
        self.after = nn.LayerNorm(width)
        self.queries = nn.Parameter(torch.randn(queries, width) / math.sqrt(width))
        self.values = nn.Linear(width, width)
        self.head = mlp(width * (queries + 1), (2 * width,), classes + auxiliary, dropout=dropout)

    def forward(self, x: dict[str, Tensor]) -> Tensor:
        """Logits (n, classes + auxiliary).

        Of ``time`` (n, nights), ``flux``, ``flux_err`` (n, nights, bands), ``wavelength`` (n, bands).
        """
        seen = x["flux_err"] > 0
        flux = torch.where(seen, x["flux"], 0.0)
        error = torch.where(seen, torch.hypot(x["flux_err"], _FLOOR * flux), 1.0)
        shift = (10.0 * (x["wavelength"] / self.filters - 1)).clamp(-2.0, 2.0)[:, None]
        night = seen.any(dim=2)
        # one sigma below the brightest point: a point of large error does not set the scale
        bright = torch.where(seen, flux - error, -torch.inf).amax(dim=(1, 2))
        faint = torch.where(seen, error, torch.inf).amin(dim=(1, 2))
        scale = torch.where(torch.isfinite(bright), torch.maximum(bright, faint), 1.0)
        each = scale[:, None, None]
        values = [
            (flux / each).clamp(-3.0, 3.0),
            torch.asinh((flux / error).clamp(-1e4, 1e4)) / 3.0,
            torch.where(seen, torch.log10(error / each).clamp(-4.0, 3.0), 0.0),
            seen.float(),
            torch.where(seen, shift, 0.0),
        ]
        time = torch.where(night, x["time"], 0.0)
        phase = time[..., None] * self.angular
        tokens = torch.cat([*values, phase.sin(), phase.cos(), time[..., None] / 50.0], dim=2)
        whole = self.whole(torch.cat([torch.log10(scale.clamp(0.01, 1e8))[:, None] - 2.0, join(x, _SCALARS)], dim=1))
        tokens = torch.cat([whole[:, None], self.embed(tokens)], dim=1)
        mask = torch.cat([torch.ones_like(night[:, :1]), night], dim=1)[:, None, None]
        for block in self.blocks:
            tokens = block(tokens, mask)
        tokens = self.after(tokens)
        read = functional.scaled_dot_product_attention(
            self.queries.expand(len(tokens), -1, -1), tokens, self.values(tokens), attn_mask=mask[:, 0]
        )
        return self.head(torch.cat([tokens[:, 0], read.flatten(1)], dim=1))
