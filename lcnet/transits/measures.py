"""What an astronomer reads off folded views, as numbers near one that a network takes beside its convolutions.

Thirteen thousand labelled events are too few for convolutions to discover a trapezoid: the fit of one, the other dips
of the orbit, waves at the period and the density that period and duration ask of the star are handed to the network.
Nothing here is learnt; everything follows from the inputs of one event.

References
----------
Trapezoid: Carter et al. 2008, ApJ 689, 499. Density: Seager & Mallen-Ornelas 2003, ApJ 585, 1038. Waves at the period
and its half: the sine test of Thompson et al. 2018, ApJS 235, 38.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from lcnet.transits.views import GLOBAL_BINS, LOCAL_BINS, LOCAL_SPAN, LOCAL_WIDTH

__all__ = ["Measures", "trapezoids"]

WIDTHS = (0.35, 0.45, 0.55, 0.7, 0.85, 1.0, 1.2, 1.45, 1.75, 2.1)  # first to fourth contact, in durations
INGRESS = (0.02, 0.15, 0.3, 0.5, 0.75, 1.0)  # share of the half duration: 1 is a V
SHIFTS = (-0.2, -0.1, 0.0, 0.1, 0.2)  # in durations
# bins of the global view about the transit; those beyond form one ring, for its ends are one phase
TRANSIT = slice(80, 121)
# bins from the middle outwards, both sides averaged
EDGES = (0, 2, 4, 6, 8, 10, 12, 14, 17, 20, 24, 28, 31)


# median and scatter of the measures over published and simulated events, to bring each to order one
# fmt: off
CENTRE = (
    -0.651, 0.523, 1.85, 0.431, 1.53, -0.00195, -0.538, -0.011, -0.476, -0.000236, -0.75, 0.537, 1.0, 2.0, 2.0,  # orbit
    -1.56,
    1.2, 0.75, 0.0, 0.976, -1.44, 0.793, 0.722, 0.757, 0.758, -1.38, -0.741, 0.0559, 0.282, -1.77, -1.68,  # shape
    -1.55, -1.56, -0.907, -0.799, -0.597, -0.307, -0.0597, -0.00115, 0.00536, 0.0232, 0.0826, 0.0896, 0.034, 0.0161,
    -0.464, 0.367, 1.03,  # second
    0.802, 0.831, 0.0153, 0.528,  # parity
    0.12, 0.493, 3.59, -1.08, -1.12, -1.32, 2.63, 2.59, 3.01, 0.148, 0.5, 0.5, 0.5, 0.5, 0.5,  # scalars
)
SCALE = (
    0.73, 0.374, 2.07, 0.371, 0.582, 0.211, 0.551, 0.202, 0.535, 0.0507, 0.528, 0.352, 1.56, 2.34, 3.52,  # orbit
    0.7,
    0.547, 0.332, 0.0781, 0.339, 0.918, 0.322, 0.291, 0.311, 0.332, 1.22, 0.789, 0.152, 0.346, 0.529, 0.593,  # shape
    1.56, 1.58, 0.339, 0.315, 0.285, 0.256, 0.252, 0.252, 0.24, 0.203, 0.202, 0.201, 0.308, 0.426,
    0.469, 0.489, 4.88,  # second
    0.287, 0.245, 0.141, 6.92,  # parity
    0.753, 0.462, 0.906, 0.571, 1.06, 1.19, 0.831, 0.869, 0.92, 0.656, 0.5, 0.5, 0.5, 0.5, 0.5,  # scalars
)
# fmt: on


def trapezoids():
    """The bank of trapezoids on the bins of the local view.

    Returns
    -------
    shapes : array, shape (300, 61)
        Depth one, without their mean.
    parameters : array, shape (300, 3)
        Duration and shift in durations, ingress as a share of the half duration.
    """
    half = LOCAL_SPAN - 0.5 * LOCAL_WIDTH  # the middle of the last bin
    x = np.linspace(-half, half, LOCAL_BINS)
    parameters = np.array([(width, ingress, shift) for width in WIDTHS for ingress in INGRESS for shift in SHIFTS])
    width, ingress, shift = parameters.T[:, :, None]
    shapes = -np.clip((0.5 * width - np.abs(x - shift)) / (0.5 * ingress * width), 0, 1)
    return shapes - shapes.mean(axis=1, keepdims=True), parameters


def _scatter(x: Tensor) -> Tensor:
    """1.4826 x the median absolute deviation along the last axis, shape (n,), never zero."""
    return 1.4826 * (x - x.median(dim=1, keepdim=True).values).abs().median(dim=1).values + 1e-3


class Measures(nn.Module):
    """Measures of the views and scalars, shape (n, `Measures.size`).

    Parameters
    ----------
    ranges : mapping of str to (low, high)
        Of period [d], duration [h] and depth [ppm]: the network is given their logarithms on [-1, 1].
    """

    def __init__(self, ranges):
        super().__init__()
        shapes, parameters = trapezoids()
        self.ranges = {name: (math.log10(low), math.log10(high)) for name, (low, high) in ranges.items()}
        self.register_buffer("shapes", torch.tensor(shapes, dtype=torch.float32), persistent=False)
        self.register_buffer("bank", torch.tensor(parameters, dtype=torch.float32), persistent=False)
        phase = np.linspace(-np.pi, np.pi, GLOBAL_BINS, endpoint=False)
        far = np.abs(np.arange(GLOBAL_BINS) - GLOBAL_BINS // 2) > 10
        waves = [np.ones(far.sum())]
        waves += [f(k * phase[far]) for k in (1, 2, 3) for f in (np.cos, np.sin)]
        self.register_buffer("far", torch.tensor(np.flatnonzero(far)), persistent=False)
        solve = torch.tensor(np.linalg.pinv(np.stack(waves, axis=1)), dtype=torch.float32)  # least squares (7, bins)
        self.register_buffer("solve", solve, persistent=False)
        self.register_buffer("centre", torch.tensor(CENTRE), persistent=False)
        self.register_buffer("scale", torch.tensor(SCALE), persistent=False)

    size = 67

    def forward(self, x: dict[str, Tensor]) -> Tensor:
        """`x` as `CandidateNet.forward` is given it."""
        return ((self.raw(x) - self.centre) / self.scale).clamp(-4, 4)

    def raw(self, x: dict[str, Tensor]) -> Tensor:
        """The measures before they are brought to order one."""
        whole, orbit_noise = self.orbit(x["global_view"])
        shape, width, beside = self.shape(x["local_view"])
        second = self.second(x["secondary_view"]) * x["has_secondary_view"][:, None]
        parity = self.parity(x["odd_even_view"]) * x["has_odd_even_view"][:, None]
        scalars = self.scalars(x, orbit_noise, beside, width, whole[:, 1])
        return torch.cat([whole, shape, second, parity, scalars], dim=1)

    def orbit(self, view: Tensor):
        """Of the global view: noise, the deepest other dip and its phase, a brightening, three waves, smoothness."""
        ring = torch.cat([view[:, TRANSIT.stop :], view[:, : TRANSIT.start]], dim=1)
        ring = ring - ring.median(dim=1, keepdim=True).values
        noise = _scatter(ring)
        smooth = nn.functional.avg_pool1d(ring[:, None], 3, stride=1)[:, 0]
        deepest, place = (-smooth).max(dim=1)
        wave = view[:, self.far] @ self.solve.T
        dips = [((smooth < -t) & (smooth.roll(1, 1) >= -t)).float().sum(dim=1) for t in (0.5, 0.3, 0.2)]
        columns = [noise.log10(), deepest, deepest / noise, (place + 1 - 79.5).abs() / 80, smooth.amax(dim=1) / noise]
        for k in (1, 2, 3):
            cosine, sine = wave[:, 2 * k - 1], wave[:, 2 * k]
            columns += [cosine, (torch.hypot(cosine, sine) / noise + 0.01).log10()]
        columns.append((ring[:, 1:] * ring[:, :-1]).mean(dim=1) / (ring.square().mean(dim=1) + 1e-6))
        columns += [number.clamp(max=10) for number in dips]
        columns.append((view.diff(dim=1).square().mean(dim=1) + 1e-6).log10())
        return torch.stack(columns, dim=1), noise

    def shape(self, view: Tensor):
        """Of the local view: the best trapezoid, how well a U, something between and a V fit, its two sides."""
        flat = view - view.mean(dim=1, keepdim=True)
        match = flat @ self.shapes.T
        norm = self.shapes.square().sum(dim=1)
        gain = match.clamp(min=0).square() / norm
        total = flat.square().sum(dim=1) + 1e-9
        most, best = gain.max(dim=1)
        width, ingress, shift = self.bank[best].T
        depth = match.gather(1, best[:, None])[:, 0] / norm[best]
        sides = torch.cat([view[:, :16], view[:, 45:]], dim=1)
        noise = _scatter(sides)
        columns = [width, ingress, shift.abs(), depth, ((total - most) / LOCAL_BINS + 1e-5).log10(), most / total]
        columns += [gain[:, self.bank[:, 1] == q].amax(dim=1) / total for q in (INGRESS[0], 0.3, INGRESS[-1])]
        columns.append(((view - view.flip(1)).square().mean(dim=1) + 1e-5).log10())
        columns += [noise.log10(), (view[:, :15].mean(dim=1) - view[:, 46:].mean(dim=1)).abs()]
        columns.append(torch.minimum(view[:, :15].amax(dim=1), view[:, 46:].amax(dim=1)))
        columns += [
            (part.square().mean(dim=1) + 1e-6).log10() for part in (view.diff(dim=1), view[:, 24:37].diff(dim=1))
        ]
        columns += [(part.var(dim=1) + 1e-6).log10() for part in (view[:, :14], view[:, 47:])]
        middle = LOCAL_BINS // 2
        folded = 0.5 * (view[:, middle:] + view[:, : middle + 1].flip(1))
        columns += [folded[:, low:high].mean(dim=1) for low, high in pairwise(EDGES)]
        return torch.stack(columns, dim=1), width, noise

    def second(self, view: Tensor):
        """Of the secondary view: its noise, the depth in its middle, and that over the noise."""
        noise = _scatter(torch.cat([view[:, :20], view[:, 41:]], dim=1))
        depth = -view[:, 28:33].mean(dim=1)
        return torch.stack([noise.log10(), depth, depth / noise], dim=1)

    def parity(self, view: Tensor):
        """Of the odd-even view: depths of both, their difference, and that over the noise."""
        odd, even = view.reshape(-1, 2, LOCAL_BINS).unbind(dim=1)
        noise = _scatter(torch.cat([odd[:, :16], odd[:, 45:], even[:, :16], even[:, 45:]], dim=1))
        depths = torch.stack([-one[:, 26:35].mean(dim=1) for one in (odd, even)], dim=1)
        difference = (depths[:, 0] - depths[:, 1]).abs()
        return torch.stack(
            [depths.amin(dim=1), depths.amax(dim=1), difference, (difference / noise).clamp(max=30)], dim=1
        )

    def scalars(self, x, orbit_noise: Tensor, beside: Tensor, width: Tensor, deepest: Tensor):
        """Period, duration, depth and what they give together with the views; the middle of its range where missing."""
        value = {name: (x[name] + 1) / 2 * (high - low) + low for name, (low, high) in self.ranges.items()}
        period, duration, depth = value["period"], value["duration"], value["depth"]
        timed, deep = x["has_period"] * x["has_duration"], x["has_depth"]
        duty = (duration - math.log10(24.0) - period) * timed
        density = (period - 3 * duration) * timed
        fitted = (period - 3 * (duration + width.log10())) * timed
        levels = [level.clamp(min=1e-3).log10() for level in (orbit_noise, beside, deepest)]
        columns = [period * x["has_period"], duration * x["has_duration"], depth * deep, duty, density, fitted]
        columns += [(depth + level) * deep for level in levels]
        columns.append((0.5 * duty - levels[0]) * timed)  # signal to noise, up to the number of points
        columns += [x["has_period"], x["has_duration"], deep, x["has_secondary_view"], x["has_odd_even_view"]]
        return torch.stack(columns, dim=1)
