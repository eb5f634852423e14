"""Is the star a sine wave at the candidate's period? Rotation, pulsation and contact binaries make dips when flattened.

SWEET (Thompson et al. 2018, appendix): a sine is fitted to the light curve, transits left out and trend left in, at
half the period, the period and twice the period. Two things are added here. The error of its amplitude is taken from
its scatter among stretches of the light curve, because the residuals of a spotted star are far from white. And the wave
must be *at* that frequency: a star that turns in another period leaks into these three, and a planet must not be
blamed for its star's rotation.

One pass folds the points at twice the period: with x the phase there, the three sines are exp(i x), exp(2 i x) and
exp(4 i x). Their sums over short chunks of time are kept, so that a frequency a little off (df) is had by turning each
chunk by exp(2 pi i df t), not by another pass.
"""

from __future__ import annotations

from math import nan

import numpy as np

from lcnet.core.jit import njit
from lcnet.transits.vet_result import Test

__all__ = ["judge_sine", "sine_waves"]

CHUNKS = 64
MIN_CYCLES = 4.0  # in the data; fewer, and any slow drift is a sine wave
MAX_OFF = 0.30  # of the resolution 1/T: the peak of a wave at this frequency is closer
FAIL_SIGMA = 5.0
# of the dip, that the wave itself makes: the rest is what a wave that is no sine adds and what flattening took
MIN_SHARE = 0.25
LARGE = 3.0  # times the dip: of such a wave any detail can make it


@njit(nogil=True)
def _chunk_sums(time, raw, phase, period, half, start, length):
    """For each chunk and harmonic: n, sum y, and the sums of cos, sin, cos 2, sin 2, y cos, y sin of the wave."""
    sums = np.zeros((CHUNKS, 3, 8))
    power = 0.0
    for i in range(time.size):
        if abs(phase[i]) < half:
            continue
        c = min(CHUNKS - 1, max(0, int((time[i] - start) / length)))
        y = raw[i] - 1.0
        power += y * y
        turn = (time[i] - start) / (2.0 * period)
        x = 2.0 * np.pi * (turn - np.floor(turn))
        co, si = np.cos(x), np.sin(x)
        for h in range(3):  # exp(i x), exp(2 i x), exp(4 i x), each the square of the one before
            co2, si2 = co * co - si * si, 2.0 * co * si
            s = sums[c, h]
            s[0] += 1.0
            s[1] += y
            s[2] += co
            s[3] += si
            s[4] += co2
            s[5] += si2
            s[6] += y * co
            s[7] += y * si
            co, si = co2, si2
    return sums, power


@njit(nogil=True)
def _fit(total):
    """(cosine, sine, loss of chi2) of the best sine and mean, from sums as in `_chunk_sums`."""
    n, y, c, s, c2, s2, yc, ys = total
    if n < 5:
        return 0.0, 0.0, 0.0
    cc = 0.5 * (n + c2) - c * c / n
    ss = 0.5 * (n - c2) - s * s / n
    cs = 0.5 * s2 - c * s / n
    bc, bs = yc - y * c / n, ys - y * s / n
    det = cc * ss - cs * cs
    if det <= 1e-9 * n * n:
        return 0.0, 0.0, 0.0
    a = (bc * ss - bs * cs) / det
    b = (bs * cc - bc * cs) / det
    return a, b, a * bc + b * bs


@njit(nogil=True)
def _turned(sums, first, last, harmonic, angle):
    """The sums of chunks first ... last - 1 of one harmonic, each chunk k turned by `angle` k."""
    out = np.zeros(8)
    for k in range(first, last):
        s = sums[k, harmonic]
        ca, sa = np.cos(angle * k), np.sin(angle * k)
        ca2, sa2 = ca * ca - sa * sa, 2.0 * ca * sa
        out[0] += s[0]
        out[1] += s[1]
        out[2] += ca * s[2] - sa * s[3]
        out[3] += sa * s[2] + ca * s[3]
        out[4] += ca2 * s[4] - sa2 * s[5]
        out[5] += sa2 * s[4] + ca2 * s[5]
        out[6] += ca * s[6] - sa * s[7]
        out[7] += sa * s[6] + ca * s[7]
    return out


@njit(nogil=True)
def _waves(time, raw, phase, period, half, max_off):
    """Rows half the period, the period, twice the period: amplitude, error, offset of the peak [1/T], cycles."""
    start = time[0]
    span = time[time.size - 1] - start
    length = span / CHUNKS * (1.0 + 1e-9)
    sums, power = _chunk_sums(time, raw, phase, period, half, start, length)
    out = np.full((3, 4), np.nan)
    for h in range(3):
        cycles = span / period * (2.0 ** (h - 1))
        row = 2 - h
        out[row, 3] = cycles
        total = _turned(sums, 0, CHUNKS, h, 0.0)
        n = total[0]
        if n < 20:
            continue
        a, b, gain = _fit(total)
        # a peak: the nearest maximum of the periodogram within one resolution element, on a grid of a twentieth
        best, off = gain, 0.0
        for side in (-1.0, 1.0):
            last = gain
            for step in range(1, 21):
                df = side * step / 20.0
                g = _fit(_turned(sums, 0, CHUNKS, h, 2.0 * np.pi * df / CHUNKS))[2]
                if g < last:
                    break
                last = g
                if g > best:
                    best, off = g, df
        out[row, 2] = off
        if abs(off) <= max_off:  # the wave itself: its amplitude is that of its own frequency
            a, b, gain = _fit(_turned(sums, 0, CHUNKS, h, 2.0 * np.pi * off / CHUNKS))
        else:
            off = 0.0
        out[row, 0] = np.hypot(a, b)
        variance = max(0.0, (power - total[1] * total[1] / n - gain) / n)
        error2 = 2.0 * variance / n
        # the same wave in stretches of a cycle or more: how much it changes is the error that red noise leaves
        groups = min(16, int(cycles))
        if groups >= 3:
            s1, s2, used = 0.0, 0.0, 0
            for g in range(groups):
                part = _turned(sums, g * CHUNKS // groups, (g + 1) * CHUNKS // groups, h, 2.0 * np.pi * off / CHUNKS)
                if part[0] < 0.3 * n / groups:
                    continue
                pa, pb, _ = _fit(part)
                s1 += (pa - a) ** 2
                s2 += (pb - b) ** 2
                used += 1
            if used >= 3:
                error2 = max(error2, 0.5 * (s1 + s2) / (used * (used - 1.0)))
        out[row, 1] = np.sqrt(error2)
    return out


def sine_waves(event):
    """Sine waves at half, once and twice the period.

    Parameters
    ----------
    event : Event

    Returns
    -------
    array, shape (3, 4)
        Rows P/2, P, 2P; columns: amplitude (half of peak to peak) and its error, relative flux; how far the nearest
        peak of the periodogram is, in units of the resolution 1/T; cycles in the data.
    """
    half = min(0.75 * event.days, 0.3 * event.period)
    return _waves(event.time, event.raw, event.phase, event.period, half, MAX_OFF)


def _dip_of_wave(width):
    """What a box `width` waves long at the minimum of a wave of amplitude 1 falls short of what is beside it.

    Beside is from 0.75 to 2.25 widths on either side, as for a transit's local level: of a wave much longer than the
    box next to nothing is left.
    """
    x = np.pi * np.asarray(width, float)
    inside = np.sin(x) / x
    beside = (np.sin(4.5 * x) - np.sin(1.5 * x)) / (3.0 * x)
    return np.maximum(inside - beside, 0.0)


def judge_sine(event, flattened=False):
    """Is there a wave at P/2, P or 2P that is larger than the transit?

    Parameters
    ----------
    event : Event
    flattened : bool
        The light curve came without its slow variation: nothing can be said.

    Returns
    -------
    Test
        `value` amplitude over depth of the largest of the three that is certain, `sigma` over its error.
    """
    if flattened or not np.ptp(event.raw - event.flux) > 0:
        return Test("sine", nan, nan, "not_tested", "the light curve came flattened: waves are gone from it")
    waves = sine_waves(event)
    amplitude, error, off, cycles = waves.T
    known = (cycles >= MIN_CYCLES) & (error > 0)
    if not known.any():
        return Test("sine", nan, nan, "not_tested", "too few cycles in the data")
    sigma = np.where(known, amplitude / np.where(error > 0, error, np.inf), 0.0)
    at = known & (np.abs(off) <= MAX_OFF)
    made = _dip_of_wave(event.days / (event.period * np.array([0.5, 1.0, 2.0])))
    # of those that are certain the largest, else the most certain
    certain = at & (sigma >= FAIL_SIGMA)
    strongest = int(np.argmax(np.where(certain, amplitude, -1.0) if certain.any() else sigma))
    name = ("half the period", "the period", "twice the period")[strongest]
    value, s = float(amplitude[strongest] / event.depth) if event.depth > 0 else nan, float(sigma[strongest])
    words = f"a wave of {1e6 * amplitude[strongest]:.0f} ppm ({s:.0f} sigma) at {name}"
    if not certain.any():
        elsewhere = s >= FAIL_SIGMA
        words = "the star's waves are at other periods" if elsewhere else f"no wave at P/2, P or 2P ({s:.1f} sigma)"
        return Test("sine", value, s, "pass", words)
    if not event.depth > 0:
        return Test("sine", nan, s, "not_tested", f"{words}, but no dip to compare it with")
    share = float(np.max(np.where(certain, amplitude * made, 0.0)) / event.depth)
    if share >= MIN_SHARE or value >= LARGE:
        words += f", {value:.1f} times the transit: rotation, pulsation or a contact binary"
        return Test("sine", value, s, "fail", words, "sine")
    if value >= 1.0:
        words += f", {value:.1f} times the transit, which is too narrow to be the wave itself"
        return Test("sine", value, s, "warn", words, "sine")
    return Test("sine", value, s, "pass", f"{words}, {100 * value:.0f} % of the transit: tides or a phase curve")
