"""The network of supernova light curves: a transformer over the nights of a window beside convolutions over a picture.

A night is one token: flux, error and presence in every band, so that a colour is there without attention, and Fourier
features of its time (Vaswani et al. 2017; for supernovae Pimentel et al. 2023, AJ 165, 18, and Cabrera-Vives et al.
2024, A&A 689, A289, have one token a point). Learned queries read the set out (Lee et al. 2019, ICML 97, the set
transformer's pooling). The picture is a Gaussian process through the points (`picture`; Qu et al. 2021, AJ 162, 67),
its wavelengths the channels of convolutions over time. One head reads both. Nights that were not observed are masked:
neither their number nor their content changes anything.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from lcnet.core.blocks import join, mlp
from lcnet.supernovae.picture import draw_surface

__all__ = ["Nights", "Picture", "Scaled", "SupernovaNet", "scaled"]

_PERIODS = (6.0, 400.0)  # of the Fourier features [d]: from two nights apart to a slow decline
_SCALARS = ("redshift", "redshift_err")
_WHOLE = 1 + 2 * len(_SCALARS)  # numbers that hold of the whole object: its brightness, its redshift
_PER_BAND = 5
_FLOOR = 0.02  # smallest error as a share of the flux: below it are calibration and templates, not photons
_FILTERS = (4781.0, 6359.9, 7758.9, 9208.1)  # wavelengths [A] of the filters that need no correction


@dataclass(frozen=True)
class Scaled:
    """A batch as both parts of the network take it: fluxes in units of one sigma below each object's brightest point.

    Attributes
    ----------
    there : Tensor, shape (n, nights, bands)
        Where there is a point.
    time : Tensor, shape (n, nights)
        0 for a night without any.
    wavelength : Tensor, shape (n, bands)
        The challenge's filter for a band without any.
    flux, error : Tensor, shape (n, nights, bands)
        0 where there is no point.
    whole : Tensor, shape (n, 5)
        What holds of the whole object: log10 of the unit less 2; the redshift and its error, each with whether it is
        there.
    """

    there: Tensor
    time: Tensor
    wavelength: Tensor
    flux: Tensor
    error: Tensor
    whole: Tensor


def scaled(x: dict[str, Tensor], filters: Tensor) -> Scaled:
    """What both parts look at, of the network's inputs and the wavelengths (bands,) that need no correction [A]."""
    there = x["flux_err"] > 0
    flux = torch.where(there, x["flux"], 0.0)
    error = torch.where(there, torch.hypot(x["flux_err"], _FLOOR * flux), 0.0)
    # one sigma below the brightest point: a point of large error does not set the scale
    bright = torch.where(there, flux - error, -torch.inf).amax(dim=(1, 2))
    faint = torch.where(there, error, torch.inf).amin(dim=(1, 2))
    scale = torch.where(torch.isfinite(bright), torch.maximum(bright, faint), 1.0)
    whole = torch.cat([torch.log10(scale.clamp(0.01, 1e8))[:, None] - 2.0, join(x, _SCALARS)], dim=1)
    time = torch.where(there.any(dim=2), x["time"], 0.0)
    wavelength = torch.where(there.any(dim=1), x["wavelength"], filters)
    each = scale[:, None, None]
    return Scaled(there, time, wavelength, flux / each, error / each, whole)


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

    def forward(self, x: Tensor, there: Tensor, where: Tensor) -> Tensor:
        """(tokens of all objects, width); there (n, places) true where there is a token, where its flat places."""
        width = x.shape[1]
        qkv = _spread(self.qkv(self.before(x)), there, where).unflatten(2, (3, self.heads, width // self.heads))
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        read = functional.scaled_dot_product_attention(q, k, v, attn_mask=there[:, None, None])
        x = x + self.out(read.transpose(1, 2).reshape(-1, width).index_select(0, where))
        return x + self.mlp(self.between(x))


def _spread(x: Tensor, there: Tensor, where: Tensor) -> Tensor:
    """Rows (tokens, width) at their places (n, places, width), zero elsewhere: half of all places hold no night."""
    return x.new_zeros((there.numel(), x.shape[1])).index_copy(0, where, x).unflatten(0, there.shape)


class Nights(nn.Module):
    """What a transformer reads out of the nights, (n, width * (queries + 1))."""

    def __init__(self, *, bands: int, width: int, layers: int, heads: int, queries: int, frequencies: int = 8):
        super().__init__()
        periods = torch.logspace(math.log10(_PERIODS[0]), math.log10(_PERIODS[1]), frequencies)
        self.register_buffer("angular", 2 * math.pi / periods, persistent=False)
        self.register_buffer("filters", torch.tensor(_FILTERS[:bands]), persistent=False)
        self.embed = nn.Linear(_PER_BAND * bands + 2 * frequencies + 1, width)
        self.whole = mlp(_WHOLE, (width,), width)
        self.blocks = nn.ModuleList([Block(width, heads) for _ in range(layers)])
        self.after = nn.LayerNorm(width)
        self.queries = nn.Parameter(torch.randn(queries, width) / math.sqrt(width))
        self.values = nn.Linear(width, width)

    def forward(self, x: Scaled) -> Tensor:
        seen, flux, error = x.there, x.flux, torch.where(x.there, x.error, 1.0)
        shift = (10.0 * (x.wavelength / self.filters - 1)).clamp(-2.0, 2.0)[:, None]
        phase = x.time[..., None] * self.angular
        values = [
            flux.clamp(-3.0, 3.0),
            torch.asinh((flux / error).clamp(-1e4, 1e4)) / 3.0,
            torch.where(seen, torch.log10(error).clamp(-4.0, 3.0), 0.0),
            seen.float(),
            torch.where(seen, shift, 0.0),
            *(phase.sin(), phase.cos(), x.time[..., None] / 50.0),
        ]
        night = seen.any(dim=2)
        # the whole object is one more token, the first
        there = torch.cat([torch.ones_like(night[:, :1]), night], dim=1)
        where = there.flatten().nonzero()[:, 0]
        tokens = torch.cat([self.whole(x.whole)[:, None], self.embed(torch.cat(values, dim=2))], dim=1)
        tokens = tokens.flatten(0, 1).index_select(0, where)
        for block in self.blocks:
            tokens = block(tokens, there, where)
        tokens = self.after(tokens)
        keys, read = _spread(tokens, there, where), _spread(self.values(tokens), there, where)
        queries = self.queries.expand(len(keys), -1, -1)
        read = functional.scaled_dot_product_attention(queries, keys, read, attn_mask=there[:, None])
        return torch.cat([keys[:, 0], read.flatten(1)], dim=1)


class Picture(nn.Module):
    """What convolutions over time make of the light curve as a surface, (n, summary)."""

    def __init__(self, *, width: int, summary: int, dropout: float):
        super().__init__()
        # the window in steps of 2 d; the filters' range, which a surface of 6000 A correlation hardly leaves
        self.register_buffer("at_time", torch.linspace(-28.0, 66.0, 48), persistent=False)
        self.register_buffer("at_wavelength", torch.linspace(4000.0, 10000.0, 8), persistent=False)
        inside, layers = 2 * len(self.at_wavelength), []
        for outside in (3 * width, 4 * width, 4 * width):
            layers += [
                *(nn.Conv1d(inside, outside, 5, padding=2), nn.GroupNorm(math.gcd(8, outside), outside), nn.GELU()),
                *(nn.Conv1d(outside, outside, 3, padding=1), nn.GroupNorm(math.gcd(8, outside), outside), nn.GELU()),
                nn.MaxPool1d(2),
            ]
            inside = outside
        self.body = nn.Sequential(*layers)
        self.whole = mlp(_WHOLE, (2 * width,), 2 * width)
        length = len(self.at_time) // 8 * inside
        self.summary = nn.Sequential(nn.Dropout(dropout), nn.Linear(length + 2 * width, summary), nn.GELU())

    def forward(self, x: Scaled) -> Tensor:
        flux = x.flux.clamp(-3.0, 3.0)
        surface, information = draw_surface(x.time, x.wavelength, flux, x.error, self.at_time, self.at_wavelength)
        picture = torch.cat([surface.clamp(-3.0, 3.0), torch.log1p(information) / 5.0], dim=1)
        return self.summary(torch.cat([self.body(picture).flatten(1), self.whole(x.whole)], dim=1))


class SupernovaNet(nn.Module):
    """Type of a supernova from the nights of its window.

    Parameters
    ----------
    bands, classes : int
    auxiliary : int
        Further outputs, which the objective uses while it trains.
    width, layers, heads, queries : int
        Of the transformer; queries read the nights out.
    channels : int
        The convolutions have three and four times as many.
    dropout : float
        Of the head and the picture; what keeps the rest from learning its examples by heart is their augmentation.
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
        channels: int = 16,
        dropout: float = 0.1,
    ):
        super().__init__()
        self.nights = Nights(bands=bands, width=width, layers=layers, heads=heads, queries=queries)
        self.picture = Picture(width=channels, summary=2 * width, dropout=dropout)
        self.head = mlp(width * (queries + 3), (2 * width,), classes + auxiliary, dropout=dropout)

    def forward(self, x: dict[str, Tensor]) -> Tensor:
        """Logits (n, classes + auxiliary).

        Of ``time`` (n, nights), ``flux``, ``flux_err`` (n, nights, bands), ``wavelength`` (n, bands).
        """
        view = scaled(x, self.nights.filters)
        return self.head(torch.cat([self.nights(view), self.picture(view)], dim=1))
