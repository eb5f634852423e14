"""Photons, background and read-out: the white noise of one exposure of TESS, Kepler and K2."""

from __future__ import annotations

import math

__all__ = ["flux_rate", "white_noise"]

# TESS
_ZERO_POINT = 20.44  # magnitude that gives one e-/s: TESS Instrument Handbook v0.1 (2018), section 6
_LIVE = 0.8 * 0.99  # cosmic-ray mitigation drops 2 of 10 exposures; 1.98 of 2.00 s collect light
_READ_NOISE = 10.0  # e- a pixel and 2-s exposure, same source
_SKY = 60.0  # e-/s a pixel: zodiacal light near V = 22.7 mag/arcsec^2 (Sullivan et al. 2015, section 6.4.1)
_FLOOR_1H = 18e-6  # systematic floor over one hour, required below 60 ppm (Ricker et al. 2015); as of pi Men, Tmag 5.1

# Kepler: c = 3.46 10^(0.4 (12 - Kp) + 8) electrons a long cadence (Jenkins et al. 2010, ApJL 713, L120)
_ELECTRONS, _LONG_CADENCE = 3.46e8, 1765.46
_DARK = 7e6  # e-^2 a long cadence at Kp <= 14, background and read-out, same source
# over 6.5 h: half of what detectors add at Kp 12 (10.8 ppm, Gilliland et al. 2011, ApJS 197, 6, table 4), as much as
# the quietest bright stars leave room for; the other half is correlated and is `systematics`' jitter
_DETECTOR = 6e-6
_K2_EXTRA = 1.2  # wider apertures (Van Cleve et al. 2016, PASP 128, 075002: 20-30 % above Kepler's at Kp 12)


def flux_rate(mag, mission="TESS"):
    """Electrons per second of a star of magnitude `mag` (Tmag of TESS, Kp of Kepler and K2)."""
    if mission == "TESS":
        return 10.0 ** (0.4 * (_ZERO_POINT - mag))
    return _ELECTRONS / _LONG_CADENCE * 10.0 ** (0.4 * (12.0 - mag))


def white_noise(mag, cadence, mission="TESS"):
    """Relative white noise of one exposure: star, sky and read noise in the aperture, and the floor, in quadrature.

    Parameters
    ----------
    mag : float
        Tmag, or Kp for Kepler and K2.
    cadence : float, seconds
    mission : str
        "TESS": Sullivan et al. 2015, ApJ 809, 77, section 6. "Kepler": the lower envelope of Jenkins et al. 2010,
        ``sqrt(c + 7e6 max(1, Kp / 14)^4) / c``, and the detector's own noise. "K2": 1.2 times that; its roll is in
        `systematics`.

    Returns
    -------
    float
        Standard deviation over the flux (1e-3 = 1000 ppm).
    """
    if mission == "TESS":
        # ~15 pixels at 6, 5 at 10, after the SPOC apertures' trend
        pixels = min(60.0, max(4.0, 10.0 ** (1.9 - 0.12 * mag)))
        live = cadence * _LIVE
        star = flux_rate(mag) * live
        sky = pixels * _SKY * live
        read = pixels * _READ_NOISE**2 * (live / 2.0)
        return math.hypot(math.sqrt(star + sky + read) / star, _FLOOR_1H * math.sqrt(3600.0 / cadence))
    exposures = cadence / _LONG_CADENCE
    c = _ELECTRONS * 10.0 ** (0.4 * (12.0 - mag)) * exposures
    envelope = math.sqrt(c + _DARK * exposures * max(1.0, mag / 14.0) ** 4) / c
    white = math.hypot(envelope, _DETECTOR * math.sqrt(6.5 * 3600.0 / cadence))
    return white * (_K2_EXTRA if mission == "K2" else 1.0)
