"""Model-shift: the strongest second dip at any phase of the orbit, and whether the first one stands out at all.

A box of the transit's duration slides over the folded light curve. The significance of a place is its mean depth times
sqrt(points) over the white noise; how much these significances scatter where nothing is, over the 1 that white noise
would give, is the red noise F_red. Primary, secondary, tertiary and the strongest brightening are the extremes, each
away from the earlier ones (Coughlin et al. 2016, appendix; Coughlin 2017, KSCI-19105; Thompson et al. 2018, appendix).

A second eclipse means a binary, unless it is what a planet's own light gives: shallow against the transit, and no more
than all of the starlight that falls on the planet (geometric albedo below 1; Thompson et al. 2018).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, nan, pi, sin, sqrt

import numpy as np

from lcnet.core.jit import njit
from lcnet.transits.vet_result import Test, false_alarm_threshold, ppm

__all__ = ["ModelShift", "model_shift", "judge_secondary", "judge_unique"]

STEPS = 12  # places a duration
TRIALS = 20_000  # folded light curves among which noise may pass once (Coughlin et al. 2016)
MAX_PLACES = 60_000
LOCAL_ORBIT = 8.0  # durations; a shorter orbit has no room for a level beside each dip
EQUAL_SIGMA, EQUAL_SHARE = 3.0, 0.02
PLANET_SHARE = 0.1  # of the transit's depth, that a planet's own eclipse may reach (Thompson et al. 2018)


@dataclass(frozen=True)
class ModelShift:
    """The extremes of a folded light curve; sigmas are white-noise ones, to be divided by `red`.

    Attributes
    ----------
    primary, secondary, tertiary, positive : float
        Sigma; NaN where no place is left.
    phase : float
        Of the secondary, cycles after mid-transit.
    depth, depth_err : float
        Of the secondary, relative flux; the error includes red noise.
    red : float
        F_red, at least 1.
    false_alarm_1, false_alarm_2 : float
        Sigma noise reaches once in `TRIALS` light curves, and once in this one.
    """

    primary: float
    secondary: float
    tertiary: float
    positive: float
    phase: float
    depth: float
    depth_err: float
    red: float
    false_alarm_1: float
    false_alarm_2: float


@njit(nogil=True)
def _folded(phase, flux, level, period, n_places):
    """Sum of the dips below `level`, and number, of the points at each place of the orbit."""
    total, count = np.zeros(n_places), np.zeros(n_places)
    scale = n_places / period
    for i in range(phase.size):
        j = min(max(int((phase[i] + 0.5 * period) * scale), 0), n_places - 1)
        total[j] += level - flux[i]
        count[j] += 1.0
    return total, count


@njit(nogil=True)
def _without_tides(total, count, width):
    """The folded sums less the best mean, cos, sin and cos 2 of the orbit: tides, a phase curve, beaming.

    Fitted away from the eclipses (one duration about phase 0 and 0.5); left as they are where less than a third of the
    orbit is.
    """
    n = total.size
    normal, right, row = np.zeros((4, 4)), np.zeros(4), np.empty(4)
    used = 0
    for j in range(n):
        from_primary = abs(j - n // 2)
        if count[j] == 0 or from_primary < width or from_primary > n // 2 - width:
            continue
        used += 1
        x = 2.0 * np.pi * (j + 0.5) / n
        row[0], row[1], row[2], row[3] = 1.0, np.cos(x), np.sin(x), np.cos(2.0 * x)
        for a in range(4):
            right[a] += row[a] * total[j]
            for b in range(4):
                normal[a, b] += row[a] * row[b] * count[j]
    if used < n / 3:
        return total
    c = np.linalg.solve(normal + 1e-9 * used * np.eye(4), right)
    out = total.copy()
    for j in range(n):
        x = 2.0 * np.pi * (j + 0.5) / n
        out[j] -= count[j] * (c[0] + c[1] * np.cos(x) + c[2] * np.sin(x) + c[3] * np.cos(2.0 * x))
    return out


@njit(nogil=True)
def _slide(total, count, width, wanted, local):
    """Depth and its white-noise error, for a scatter of 1, of a box of `width` places (k ... k + width - 1) at each k.

    NaN where it holds fewer than `wanted` points. With `local` the depth is that below the mean of the points from
    0.75 to 2.25 durations on either side, those of the transit left out: a phase curve or tides are no second eclipse.
    """
    n = total.size
    pad = int(2.25 * width) + 1
    sums, counts = np.zeros(n + 2 * pad + width + 1), np.zeros(n + 2 * pad + width + 1)
    free_sums, free_counts = np.zeros_like(sums), np.zeros_like(sums)
    for m in range(sums.size - 1):  # running sums round the orbit, from `pad` places before its start
        j = (m - pad) % n
        free = abs(j - n // 2) >= 0.75 * width
        sums[m + 1], counts[m + 1] = sums[m] + total[j], counts[m] + count[j]
        free_sums[m + 1] = free_sums[m] + (total[j] if free else 0.0)
        free_counts[m + 1] = free_counts[m] + (count[j] if free else 0.0)
    depth, error = np.full(n, np.nan), np.full(n, np.nan)
    near, far = width // 4, width // 4 + int(1.5 * width)
    for k in range(n):
        a, b = k + pad, k + pad + width
        points = counts[b] - counts[a]
        if points < wanted:
            continue
        depth[k], error[k] = (sums[b] - sums[a]) / points, 1.0 / np.sqrt(points)
        if local:
            left = free_counts[a - near] - free_counts[a - far]
            right = free_counts[b + far] - free_counts[b + near]
            if left >= 0.5 * points and right >= 0.5 * points:
                beside = 0.5 * (free_sums[a - near] - free_sums[a - far]) / left
                beside += 0.5 * (free_sums[b + far] - free_sums[b + near]) / right
                depth[k] -= beside
                error[k] = np.sqrt(1.0 / points + 0.25 / left + 0.25 / right)
    return depth, error


@njit(nogil=True)
def _apart(k, other, n_places):
    """Places between two, the short way round."""
    d = abs(k - other)
    return min(d, n_places - d)


@njit(nogil=True)
def _extremes(sigma, n_places, centre, reach, guard, guard_bright):
    """Indices of primary, secondary, tertiary, brightest (-1: none), the scatter elsewhere, and its places."""
    pri = -1
    for k in range(n_places):
        if _apart(k, centre, n_places) <= reach and sigma[k] == sigma[k] and (pri < 0 or sigma[k] > sigma[pri]):
            pri = k
    if pri < 0:
        pri = centre
    sec = -1
    for k in range(n_places):
        if _apart(k, pri, n_places) >= guard and sigma[k] == sigma[k] and (sec < 0 or sigma[k] > sigma[sec]):
            sec = k
    ter, pos = -1, -1
    s1, s2, n = 0.0, 0.0, 0
    for k in range(n_places):
        if sigma[k] != sigma[k]:
            continue
        from_pri = _apart(k, pri, n_places)
        from_sec = _apart(k, sec, n_places) if sec >= 0 else n_places
        if from_pri >= guard and from_sec >= guard:
            s1 += sigma[k]
            s2 += sigma[k] * sigma[k]
            n += 1
            if ter < 0 or sigma[k] > sigma[ter]:
                ter = k
        if from_pri >= guard_bright and from_sec >= guard_bright and (pos < 0 or sigma[k] < sigma[pos]):
            pos = k
    scatter = np.sqrt(max(0.0, s2 / n - (s1 / n) ** 2)) if n > 0 else np.nan
    return pri, sec, ter, pos, scatter, n


def model_shift(event):
    """Slide the transit's box over the folded light curve of an `Event`.

    Returns
    -------
    ModelShift, or None where the box is longer than a quarter of the orbit.
    """
    if event.days > 0.25 * event.period:
        return None
    n_places = int(min(MAX_PLACES, max(4 * STEPS, round(STEPS * event.period / event.days))))
    width = max(1, round(event.days / event.period * n_places))
    # half of the points an evenly filled orbit would have, and at least half of a cadence's worth
    wanted = max(1.0, 0.5 * event.time.size * event.days / event.period)
    if wanted < 2:  # a long orbit seen a few times: some phases hold one transit's worth of points, others none
        wanted = max(1.0, 0.3 * event.days / event.cadence)
    total, count = _folded(event.phase, event.flux, event.level, event.period, n_places)
    local = event.period >= LOCAL_ORBIT * event.days
    if not local:
        total = _without_tides(total, count, width)
    depth, error = _slide(total, count, width, wanted, local)
    sigma = depth / (event.sigma * error)
    centre = (n_places // 2 - width // 2) % n_places
    # two durations as in DR25; where the orbit is short, less, but never so little that the wings are met
    guard = min(2.0 * width, max(1.5 * width, 0.125 * n_places))
    pri, sec, ter, pos, scatter, n = _extremes(sigma, n_places, centre, width // 2, guard, 1.5 * guard)
    # elsewhere there may be room for less than five boxes: the scatter in time says more then
    red = max(1.0, scatter) if n >= 5 * width and isfinite(scatter) else event.beta
    return ModelShift(
        primary=float(sigma[pri]),
        secondary=float(sigma[sec]) if sec >= 0 else nan,
        tertiary=float(sigma[ter]) if ter >= 0 else nan,
        positive=float(-sigma[pos]) if pos >= 0 else nan,
        phase=float((sec - pri) / n_places % 1.0) if sec >= 0 else nan,
        depth=float(depth[sec]) if sec >= 0 else nan,
        depth_err=float(event.sigma * red * error[sec]) if sec >= 0 else nan,
        red=float(red),
        false_alarm_1=false_alarm_threshold(event.days, event.period, TRIALS),
        false_alarm_2=false_alarm_threshold(event.days, event.period),
    )


def scaled_axis_of(event, density=None):
    """a/R*: from the star's density [solar], else the largest that the transit's duration allows (b = 0)."""
    if density:
        return 4.2082 * density ** (1 / 3) * event.period ** (2 / 3)  # Kepler's third law, P in days
    k = sqrt(max(event.depth, 0.0))
    return (1.0 + k) / max(sin(min(0.5 * pi, pi * event.days / event.period)), 1e-6)


def judge_secondary(event, shift, *, density=None, planet_sized=True):
    """Is there a second eclipse, and may it be the planet's own?

    Parameters
    ----------
    event : Event
    shift : ModelShift or None
    density : float, solar, optional
        The star's; without it the albedo is an upper limit from the transit's duration.
    planet_sized : bool
        Whether the transit is shallow enough for a planet; nothing else has reflected light.

    Returns
    -------
    Test
        `value` the secondary's depth [ppm], `sigma` sig_sec / F_red.
    """
    if shift is None or not isfinite(shift.secondary):
        return Test("secondary", nan, nan, "not_tested", "no part of the orbit is free for a second eclipse")
    sigma, depth = shift.secondary / shift.red, shift.depth
    stands_out = (
        sigma > shift.false_alarm_1
        and not shift.secondary - shift.tertiary <= shift.false_alarm_2 * shift.red  # NaN: nothing to compare with
        and not shift.secondary - shift.positive <= shift.false_alarm_2 * shift.red
    )
    where = f"at phase {shift.phase:.3f} of {ppm(depth)} ({sigma:.1f} sigma)"
    if not stands_out:
        words = f"no second eclipse: the strongest dip elsewhere, {where}, is what this light curve's noise gives"
        return Test("secondary", 1e6 * depth, sigma, "pass", words)
    half = abs(shift.phase - 0.5) < max(0.25 * event.days, event.cadence) / event.period
    # as deep to within the transits' own errors, or to what two durations of one light curve can tell apart
    alike = event.single_error * sqrt(2.0 / max(1, event.number.size)) * EQUAL_SIGMA
    if half and abs(event.depth - depth) < max(alike, EQUAL_SHARE * event.depth):
        words = f"a dip {where} is as deep as the transit: the period may be half of this, or two equal stars eclipse"
        return Test("secondary", 1e6 * depth, sigma, "warn", words, "half_period")
    axis = scaled_axis_of(event, density)
    albedo = depth / event.depth * axis**2 if event.depth > 0 else nan
    if depth < PLANET_SHARE * event.depth and albedo < 1.0 and planet_sized:
        known = "" if density else "at most "
        words = (
            f"secondary {where}: possible hot Jupiter, its depth fits reflected or thermal light "
            f"(geometric albedo {known}{albedo:.2f} < 1)"
        )
        return Test("secondary", 1e6 * depth, sigma, "warn", words, "planet_secondary")
    why = "the body is too large for a planet"
    if depth >= PLANET_SHARE * event.depth:
        why = f"{100 * depth / event.depth:.0f} % of the transit"
    elif not albedo < 1.0:
        why = f"an albedo of {albedo:.1f} would be needed"
    return Test("secondary", 1e6 * depth, sigma, "fail", f"second eclipse {where}: {why}", "secondary")


def judge_unique(event, shift):
    """Does the transit stand out from the other dips and brightenings of its own folded light curve?

    Returns
    -------
    Test
        `value` F_red, `sigma` sig_pri / F_red.
    """
    if shift is None or not isfinite(shift.primary):
        return Test("unique", nan, nan, "not_tested", "the transit fills too much of the orbit to compare it with")
    sigma = shift.primary / shift.red
    problems = []
    if sigma < shift.false_alarm_1:
        problems.append(f"noise reaches {shift.false_alarm_1:.1f} sigma in {TRIALS} light curves")
    # the secondary eclipse of a binary is no reason to doubt that there is an eclipse: the third dip counts
    if shift.primary - shift.tertiary < shift.false_alarm_2:
        problems.append(f"another dip has {shift.tertiary / shift.red:.1f}")
    if shift.primary - shift.positive < shift.false_alarm_2:
        problems.append(f"a brightening has {shift.positive / shift.red:.1f}")
    if problems:
        words = f"the dip of {sigma:.1f} sigma does not stand out: {', '.join(problems)}"
        return Test("unique", shift.red, sigma, "fail", words, "not_unique")
    words = f"the dip of {sigma:.1f} sigma stands out (red noise {shift.red:.1f} times the white)"
    return Test("unique", shift.red, sigma, "pass", words)
