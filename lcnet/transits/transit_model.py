"""Transits and eclipses of limb-darkened discs on Keplerian orbits, in numba.

The light lost behind an opaque disc is a surface integral over a lens-shaped region. Green's theorem turns it into a
line integral along the region's edge (Pal 2012, MNRAS 420, 1630; Agol, Luger & Foreman-Mackey 2020, AJ 159, 123): with
``mu = sqrt(1 - rho^2)`` the quadratic law is ``I = c0 + c1 mu + c2 mu^2``, of which the even powers are elementary.
The linear term along the occulter's limb, at half-angle ``psi`` from the direction to the star's centre, where
``rho^2 = (b - r)^2 + 4 b r sin^2 psi``, is

    (1/3) int [1 - (1 - rho^2)^(3/2)] [1 + (r^2 - b^2) / rho^2] dpsi
      = (2 psi_m / 3) (1 + r^2 - b^2) + (2/3) int_0^psi_m [(r^2 - b^2) mu^2 / (1 + mu) - mu^3] dpsi,

whose second form has no pole and no special case (b = r, b = 0, r = 1/2 need none), and whose integrand vanishes like
mu^2 at the contact points, so that Gauss-Legendre quadrature of fixed order converges fast everywhere. Elliptic
integrals would do the same in closed form with six branches.
"""

from __future__ import annotations

import math

import numpy as np

from lcnet.core.jit import njit

__all__ = [
    "eclipse_flux",
    "mean_anomaly_at",
    "occulted_fraction",
    "scaled_axis",
    "transit_duration",
    "transit_flux",
    "true_anomaly",
]

# 24 nodes on [0, pi/2]: see docs/transits-simulator.md for the measured error against batman and against 200 nodes
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)
_THETA = 0.25 * np.pi * (_NODES + 1.0)
_SIN, _COS = np.sin(_THETA), np.cos(_THETA)
_WEIGHT = 0.25 * np.pi * _WEIGHTS
_DAY_S = 86400.0
_G_CGS = 6.6743e-8  # cm^3 g^-1 s^-2, CODATA 2018
_SUBSAMPLE_S = 120.0  # sub-exposures no longer than this: see `_subsamples`


@njit(nogil=True)
def _occulted(b, r, u1, u2):
    """Fraction of a star's light behind an opaque disc of `r` stellar radii, its centre `b` stellar radii away."""
    if r <= 0.0 or b >= 1.0 + r:
        return 0.0
    if r >= 1.0 + b:
        return 1.0
    c0, c1, c2 = 1.0 - u1 - u2, u1 + 2.0 * u2, -u2
    b2, r2 = b * b, r * r
    top = 1.0 - (b - r) ** 2  # mu^2 where the occulter reaches deepest
    if b + r <= 1.0:
        psi, phi = 0.5 * math.pi, 0.0
        sin2, sin4 = 0.0, 0.0
    else:
        # twice the area of the kite spanned by both centres and the two points where the limbs cross
        kite = math.sqrt(max(0.0, top * ((b + r) ** 2 - 1.0)))
        psi = 0.5 * math.atan2(kite, b2 + r2 - 1.0)
        phi = math.atan2(kite, 1.0 + b2 - r2)
        sin2, sin4 = math.sin(2.0 * psi), math.sin(4.0 * psi)
    area = 2.0 * r2 * psi - r * b * sin2 + phi
    second = r2 * (r2 + b2) * psi - 0.5 * r * b * (3.0 * r2 + b2) * sin2 + b2 * r2 * (psi + 0.25 * sin4) + 0.5 * phi
    blocked = c0 * area + c2 * (area - second)
    if c1 != 0.0:
        tail = 0.0
        if b + r <= 1.0:
            for i in range(_SIN.size):
                mu2 = max(0.0, top - 4.0 * b * r * _SIN[i] * _SIN[i])
                mu = math.sqrt(mu2)
                tail += _WEIGHT[i] * mu2 * ((r2 - b2) / (1.0 + mu) - mu)
        else:
            # sin(psi) = kappa sin(theta) makes mu = sqrt(top) cos(theta): the root at the contact point goes away
            kappa2 = top / (4.0 * b * r)
            root, kappa = math.sqrt(top), math.sqrt(kappa2)
            for i in range(_SIN.size):
                mu = root * _COS[i]
                step = kappa * _COS[i] / math.sqrt(1.0 - kappa2 * _SIN[i] * _SIN[i])
                tail += _WEIGHT[i] * step * mu * mu * ((r2 - b2) / (1.0 + mu) - mu)
        blocked += c1 * (2.0 * psi * (1.0 + r2 - b2) + 2.0 * tail + 2.0 * phi) / 3.0
    return blocked / (math.pi * (1.0 - u1 / 3.0 - u2 / 6.0))


@njit(nogil=True)
def _occulted_many(b, r, u1, u2, out):
    for i in range(b.size):
        out[i] = _occulted(b[i], r, u1, u2)


@njit(nogil=True)
def _true_anomaly(mean, ecc):
    """Kepler's equation by Newton's method; ten steps from Danby's start reach machine precision for ecc <= 0.9."""
    mean = mean - 2.0 * math.pi * math.floor(mean / (2.0 * math.pi) + 0.5)
    e = mean + 0.85 * ecc * (1.0 if mean >= 0.0 else -1.0)
    for _ in range(10):
        step = (e - ecc * math.sin(e) - mean) / (1.0 - ecc * math.cos(e))
        e -= step
        if abs(step) < 1e-14:
            break
    return 2.0 * math.atan2(math.sqrt(1.0 + ecc) * math.sin(0.5 * e), math.sqrt(1.0 - ecc) * math.cos(0.5 * e))


@njit(nogil=True)
def _true_anomalies(mean, ecc, out):
    for i in range(mean.size):
        out[i] = _true_anomaly(mean[i], ecc)


def true_anomaly(mean, ecc):
    """True anomaly [rad], shape (N,), at mean anomalies `mean` [rad] of an orbit of eccentricity `ecc`."""
    mean = np.ascontiguousarray(mean, float)
    out = np.empty(mean.size)
    _true_anomalies(mean.ravel(), float(ecc), out)
    return out.reshape(mean.shape)


def mean_anomaly_at(ecc, omega, angle=90.0):
    """Mean anomaly [rad] where true anomaly + `omega` = `angle` [deg]: by default at the companion's conjunction."""
    f = math.radians(angle - omega)
    e = 2.0 * math.atan2(math.sqrt(1.0 - ecc) * math.sin(0.5 * f), math.sqrt(1.0 + ecc) * math.cos(0.5 * f))
    return e - ecc * math.sin(e)


@njit(nogil=True)
def _separation(phase, axis, cosi, ecc, omega, mean0):
    """Sky separation [stellar radii] at a phase [cycles from conjunction]; second value > 0: companion in front."""
    if ecc == 0.0:
        angle = 2.0 * math.pi * phase
        toward, across, distance = math.cos(angle), math.sin(angle), axis
    else:
        f = _true_anomaly(mean0 + 2.0 * math.pi * phase, ecc)
        toward, across = math.sin(omega + f), -math.cos(omega + f)
        distance = axis * (1.0 - ecc * ecc) / (1.0 + ecc * math.cos(f))
    return distance * math.sqrt(across * across + (cosi * toward) ** 2), toward


@njit(nogil=True)
def _light_curve(time, period, epoch, axis, cosi, ecc, omega, mean0, r, u1, u2, v1, v2, second, exposure, samples, out):
    """Light of both bodies relative to the first one's alone, each point the mean over its exposure [d]."""
    fastest = 2.0 * math.pi * axis / period * math.sqrt((1.0 + ecc) / (1.0 - ecc))
    reach = 1.0 + r + 0.5 * fastest * exposure
    for i in range(time.size):
        if not math.isfinite(time[i]):
            out[i] = math.nan
            continue
        phase = (time[i] - epoch) / period
        z, front = _separation(phase, axis, cosi, ecc, omega, mean0)
        if z >= reach or (front < -0.5 and second == 0.0):
            out[i] = 1.0 + second
            continue
        lost = 0.0
        for j in range(samples):
            shift = ((j + 0.5) / samples - 0.5) * exposure / period
            z, front = _separation(phase + shift, axis, cosi, ecc, omega, mean0)
            if front > 0.0:
                lost += _occulted(z, r, u1, u2)
            elif second > 0.0:
                lost += second * _occulted(z / r, 1.0 / r, v1, v2)
        out[i] = 1.0 + second - lost / samples


def _subsamples(exposure: float) -> int:
    # the midpoint rule over sub-exposures of 2 minutes leaves a relative error of about (120 s / ingress)^2 / 24 of the
    # depth in ingress, below 1e-3 of the depth for the shortest ingress in use (15 min)
    return max(1, math.ceil(exposure / _SUBSAMPLE_S))


def _orbit(period, a_rs, b, radii, ecc, omega):
    """Checked orbit: cosine of the inclination, argument of periastron [rad], mean anomaly at conjunction [rad]."""
    if not period > 0.0:
        raise ValueError(f"period must be positive (days), got {period}")
    if not 0.0 <= ecc < 1.0:
        raise ValueError(f"ecc must lie in [0, 1), got {ecc}")
    if not a_rs * (1.0 - ecc) > radii:
        raise ValueError(
            f"the bodies touch: a_rs (1 - ecc) = {a_rs * (1.0 - ecc):.3g} against radii of {radii:.3g} in all"
        )
    w = math.radians(omega)
    cosi = abs(b) * (1.0 + ecc * math.sin(w)) / (a_rs * (1.0 - ecc * ecc))
    if cosi > 1.0:
        raise ValueError(f"impact parameter {b} lies outside an orbit of {a_rs} stellar radii")
    return cosi, w, mean_anomaly_at(ecc, omega)


def occulted_fraction(z, rp, u1, u2):
    """Fraction of a quadratically limb-darkened star's light hidden by an opaque disc.

    Parameters
    ----------
    z : array, any shape, stellar radii
        Distance between the centres on the sky.
    rp : float, stellar radii
        Radius of the disc; any size (a star may hide a smaller one).
    u1, u2 : float
        Coefficients of ``I(mu) = 1 - u1 (1 - mu) - u2 (1 - mu)^2``.

    Returns
    -------
    array, shape of `z`, in [0, 1]

    References
    ----------
    Mandel & Agol 2002, ApJ 580, L171; Agol, Luger & Foreman-Mackey 2020, AJ 159, 123.
    """
    z = np.asarray(z, float)
    out = np.empty(z.size)
    _occulted_many(np.ascontiguousarray(np.abs(z).ravel()), float(rp), float(u1), float(u2), out)
    return out.reshape(z.shape)


def transit_flux(time, *, period, epoch, a_rs, rp, b, u1, u2, ecc=0.0, omega=90.0, exposure=0.0, oversample=None):
    """Relative flux of a star with one dark companion.

    Parameters
    ----------
    time : array, shape (N,), days
        Mid-exposure times; NaN gives NaN.
    period, epoch : float, days
        Orbital period and a time of inferior conjunction (mid-transit).
    a_rs, rp, b : float, stellar radii
        Semi-major axis, companion radius and impact parameter at conjunction.
    u1, u2 : float
        Quadratic limb darkening.
    ecc, omega : float, none and degrees
        Eccentricity and the star's argument of periastron.
    exposure : float, seconds
        Length of an exposure; the flux is averaged over it.
    oversample : int, optional
        Points an exposure; chosen from `exposure` when omitted (one for 120 s, 15 for 1800 s).

    Returns
    -------
    array, shape (N,)
        1 out of transit.

    Raises
    ------
    ValueError
        The orbit is impossible.
    """
    cosi, w, mean0 = _orbit(period, a_rs, b, 1.0 + rp, ecc, omega)
    time = np.ascontiguousarray(time, float)
    out = np.empty(time.size)
    samples = _subsamples(exposure) if oversample is None else int(oversample)
    _light_curve(
        time,
        float(period),
        float(epoch),
        float(a_rs),
        cosi,
        float(ecc),
        w,
        mean0,
        float(rp),
        float(u1),
        float(u2),
        0.0,
        0.0,
        0.0,
        float(exposure) / _DAY_S,
        samples,
        out,
    )
    return out


def eclipse_flux(
    time,
    *,
    period,
    epoch,
    a_rs,
    rp,
    b,
    u1,
    u2,
    surface_brightness,
    secondary_limb=(0.0, 0.0),
    third_light=0.0,
    ecc=0.0,
    omega=90.0,
    exposure=0.0,
    oversample=None,
):
    """Relative flux of two stars that eclipse each other, with the light of others in the aperture.

    Parameters
    ----------
    time, period, epoch, a_rs, rp, b, u1, u2, ecc, omega, exposure, oversample
        As in `transit_flux`, radii in units of the first star's, which is eclipsed at `epoch`.
    surface_brightness : float
        Mean surface brightness of the second star over the first one's; 0 is a dark companion.
    secondary_limb : (float, float)
        Quadratic limb darkening of the second star; (0, 0) is a uniform disc.
    third_light : float, in [0, 1)
        Share of the total light outside eclipse that belongs to neither star.

    Returns
    -------
    array, shape (N,)
        1 outside eclipse.
    """
    if not 0.0 <= third_light < 1.0:
        raise ValueError(f"third_light must lie in [0, 1), got {third_light}")
    cosi, w, mean0 = _orbit(period, a_rs, b, 1.0 + rp, ecc, omega)
    time = np.ascontiguousarray(time, float)
    out = np.empty(time.size)
    samples = _subsamples(exposure) if oversample is None else int(oversample)
    second = float(surface_brightness) * rp * rp
    _light_curve(
        time,
        float(period),
        float(epoch),
        float(a_rs),
        cosi,
        float(ecc),
        w,
        mean0,
        float(rp),
        float(u1),
        float(u2),
        float(secondary_limb[0]),
        float(secondary_limb[1]),
        second,
        float(exposure) / _DAY_S,
        samples,
        out,
    )
    return third_light + (1.0 - third_light) * out / (1.0 + second)


def transit_duration(period, a_rs, rp, b, *, ecc=0.0, omega=90.0):
    """Time from first to fourth contact, hours (Winn 2010, eqs. 14 and 16; arXiv:1001.2010).

    Parameters
    ----------
    period : float, days
    a_rs, rp, b : float, stellar radii
    ecc, omega : float, none and degrees

    Returns
    -------
    float, hours
        0 where the companion misses the star.
    """
    w = math.radians(omega)
    cosi = abs(b) * (1.0 + ecc * math.sin(w)) / (a_rs * (1.0 - ecc * ecc))
    chord2 = (1.0 + rp) ** 2 - b * b
    if chord2 <= 0.0 or cosi >= 1.0:
        return 0.0
    sine = math.sqrt(chord2) / (a_rs * math.sqrt(1.0 - cosi * cosi))
    factor = math.sqrt(1.0 - ecc * ecc) / (1.0 + ecc * math.sin(w))
    return 24.0 * period / math.pi * math.asin(min(1.0, sine)) * factor


def scaled_axis(period, density):
    """Semi-major axis in stellar radii from the mean stellar density (Winn 2010, eq. 30, companion's mass neglected).

    Parameters
    ----------
    period : float, days
    density : float, g cm^-3
    """
    return (_G_CGS * density * (period * _DAY_S) ** 2 / (3.0 * math.pi)) ** (1.0 / 3.0)
