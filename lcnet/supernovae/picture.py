"""A light curve as a picture, flux over time and wavelength, inside a network: a Gaussian process's mean.

The process has the kernel of `gaussian_process` (Boone 2019, AJ 158, 257), its lengths fixed, and is what SCONE looks
at (Qu et al. 2021, AJ 162, 67). Its weights come of one linear system an object, and objects of about as many points
are solved together; a night's points share their time and a band's their wavelength, so that the picture is two small
products.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["draw_surface"]

_LENGTHS = (20.0, 6000.0)  # of the kernels in time [d] and wavelength [A]
# variance of every point beside its own error, in units of the process's: 2 % of the brightest flux. With it the matrix
# of 128 points has a condition of 3e5 at most, and its Cholesky factor exists in single precision
_JITTER = 4e-4
_STEP = 32  # objects whose number of points is alike to this are solved together,
_TOGETHER = 512  # at most so many: a matrix each


def draw_surface(
    time: Tensor, wavelength: Tensor, flux: Tensor, error: Tensor, at_time: Tensor, at_wavelength: Tensor
) -> tuple[Tensor, Tensor]:
    """Mean of a process of unit variance through the points of every object, and how well it is known.

    Parameters
    ----------
    time : Tensor, shape (n, nights), days
    wavelength : Tensor, shape (n, bands), Angstrom
    flux, error : Tensor, shape (n, nights, bands)
        In units of the process's standard deviation; an error of 0 where there is no point.
    at_time, at_wavelength : Tensor, shape (times,) and (wavelengths,)

    Returns
    -------
    mean, information : Tensor, shape (n, wavelengths, times)
        The information is the sum of the inverse variances of the points, weighted with the kernel: how much is known
        nearby, at a fraction of the cost of the process's own variance.
    """
    n, nights, bands = flux.shape
    with torch.autocast(flux.device.type, enabled=False):
        there = error > 0
        variance = torch.where(there, error**2 + _JITTER, 1.0)
        columns = (time[:, :, None].expand_as(flux), wavelength[:, None].expand_as(flux), flux, variance)
        weights = _weights(*(one.flatten(1) for one in columns), there.flatten(1)).reshape(n, nights, bands)
        inverse = torch.where(there, 1 / variance, 0.0)
        to_time = _matern(at_time.expand(n, -1), time, _LENGTHS[0])
        to_wavelength = _matern(at_wavelength.expand(n, -1), wavelength, _LENGTHS[1])
        mean, information = (to_wavelength @ (to_time @ one).transpose(1, 2) for one in (weights, inverse))
        return mean, information


def _weights(time, wavelength, flux, variance, there) -> Tensor:
    """(K + N)^-1 flux of each object, all (n, points); zero where there is no point."""
    found = torch.zeros_like(flux)
    count = there.sum(dim=1)
    # the points of each object first, in their order
    order = (~there).to(torch.uint8).argsort(dim=1, stable=True)
    for size in range(_STEP, flux.shape[1] + _STEP, _STEP):
        rows = ((count > size - _STEP) & (count <= size)).nonzero()[:, 0]
        for some in rows.split(_TOGETHER):
            index = order[some, :size]
            here = there[some].gather(1, index)
            t, w, f, v = (one[some].gather(1, index) for one in (time, wavelength, flux, variance))
            # what is no point stands alone: no kernel, no flux
            kernel = _matern(t, t, _LENGTHS[0]) * _matern(w, w, _LENGTHS[1]) * here[:, :, None] * here[:, None]
            kernel.diagonal(dim1=1, dim2=2).add_(v)
            factor = torch.linalg.cholesky_ex(kernel)[0]
            found[some[:, None], index] = torch.cholesky_solve(torch.where(here, f, 0.0)[..., None], factor)[..., 0]
    return found


def _matern(one: Tensor, other: Tensor, length: float) -> Tensor:
    """The Matern-3/2 kernel between (n, a) and (n, b), shape (n, a, b)."""
    far = math.sqrt(3) / length * (one[:, :, None] - other[:, None]).abs()
    return (1 + far) * torch.exp(-far)
