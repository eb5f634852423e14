"""How many false planets a threshold on the score lets through, and how many true ones it keeps.

    python benchmarks/reliability.py --make [--stars N]       search the light curves once: --cache
    python benchmarks/reliability.py [--network NET] [--plot FILE.png] [--output FILE.csv]

Needs LCNET_DATA (default: ../shared/data) with `kepler_koi_lightcurves.npz`. The null stars are those of
`false_alarms.py`: Kepler curves upside down, cut into shuffled blocks, or both, in which no planet can be. Completeness
is of planets put into the same curves (their own transits cut out) and of simulated stars. What the search finds is
stored as points and ephemeris, so that another network, or another way to make views, needs no new search. A star
counts once, by its best candidate. Intervals are Clopper-Pearson, 95 %.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time as clock
from pathlib import Path

import numpy as np
from false_alarms import interval, null_sets, stars

CACHE = Path(__file__).resolve().parents[1] / ".train" / "reliability.npz"
BLOCK = 4.0  # days
THRESHOLDS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
NULL = "inverted, shuffled"
INJECTED = "injected"
PERIODS, SNRS, DEEPEST = (0.5, 30.0), (8.0, 100.0), 3e4  # days; white-noise SNR; ppm: deeper is no planet's
# kind of simulated star -> how many; the first is for completeness, the others for what is unlike a transit
SIMULATED = {"planet": 150, "rotation": 40, "pulsation": 40, "contact": 40, "heartbeat": 40, "flares": 60}
SAMPLINGS = (("TESS", 1800.0, 1), ("TESS", 600.0, 1), ("Kepler", None, 1), ("K2", None, 1))
NUMBERS = ("period", "epoch", "duration", "depth", "snr", "n_transits")


def injected(time, flux, known, rng):
    """One planet in a star's own light curve, its transits cut out: (time, flux, signal); None if it has no room."""
    from lcnet.transits.detrend import in_transit
    from lcnet.transits.injection import draw_injections, inject

    free = np.ones(time.size, bool)
    for period, epoch, duration in known:
        free &= ~in_transit(time, period, epoch, duration, widen=3.0)
    if free.sum() < 0.5 * time.size:
        return None
    time, flux = time[free], flux[free]
    steps = np.diff(flux)
    sigma = 1.4826 * np.median(np.abs(steps - np.median(steps))) / np.sqrt(2)
    low, high = PERIODS[0], min(PERIODS[1], 0.45 * np.ptp(time))
    period, wanted = (float(np.exp(rng.uniform(*np.log(limits)))) for limits in ((low, high), SNRS))
    # a central transit of the Sun lasts 13 h (P / yr)^(1/3): enough to choose a depth by
    inside = time.size * 13.0 * (period / 365.25) ** (1 / 3) / 24.0 / period
    depth = float(np.clip(1e6 * wanted * sigma / np.sqrt(max(inside, 1.0)), 10.0, DEEPEST))
    planet = draw_injections(
        1, start=time[0], period=(period, period), depth=(depth, depth), seed=int(rng.integers(2**31))
    )[0]
    exposure = 86400.0 * float(np.median(np.diff(time)))
    signal = {"period": planet.period, "epoch": planet.epoch, "duration": planet.duration, "depth": planet.depth}
    return time, inject(time, flux, planet, exposure=exposure), {**signal, "kind": "planet", "wanted": wanted}


def simulated(seed):
    """(name, star, time, flux, flux_err, segment, signals) of simulated stars."""
    from lcnet.transits.simulator.curves import simulate_star
    from lcnet.transits.simulator.missions import MISSIONS

    for kind, count in SIMULATED.items():
        for number in range(count):
            mission, cadence, sectors = SAMPLINGS[number % len(SAMPLINGS)]
            entropy = [seed, list(SIMULATED).index(kind), number]
            curve = simulate_star(
                np.random.default_rng(entropy), kind=kind, mission=mission, cadence=cadence, sectors=sectors
            )
            good = (curve.quality & MISSIONS[mission].dropped) == 0
            arrays = (curve.time[good], curve.flux[good], curve.flux_err[good], curve.segment[good])
            yield f"simulated {kind}", number, *arrays, curve.truth["signals"]


def light_curves(limit, seed):
    """Everything that is searched: (set, star, time, flux, flux_err, segment, signals)."""
    for count, (number, time, flux, known) in enumerate(stars()):
        if count == limit:
            break
        rng = np.random.default_rng([seed, number])
        for name, t, f in null_sets(time, flux, known, rng, BLOCK):
            yield name, number, t, f, None, None, []
        if (made := injected(time, flux, known, rng)) is not None:
            yield INJECTED, number, *made[:2], None, None, [made[2]]
    yield from simulated(seed)


def make(path, *, limit, seed):
    """Search all light curves; store how many were tried, and the points and ephemeris of every candidate."""
    from lcnet.core.files import replaced
    from lcnet.transits.candidates import candidate_points, find_candidates
    from lcnet.transits.matching import match_ephemeris

    tried, rows, points, start = {}, [], [], clock.process_time()
    for name, star, t, f, e, segment, signals in light_curves(limit, seed):
        try:
            search = find_candidates(t, f, e, segment=segment)
        except ValueError:
            continue
        tried[name] = tried.get(name, 0) + 1
        for k, c in enumerate(search.candidates):
            if c.harmonic_of:  # the same body: its score is never above the stronger one's
                continue
            match = match_ephemeris(search.time, c.period, c.epoch, c.duration, signals)
            free = candidate_points(search, k)
            numbers = [float(getattr(c, one)) for one in NUMBERS]
            rows.append((name, star, c.status, match.signal is not None and match.ratio == 1.0, *numbers))
            points.append((search.time[free], search.flux[free]))
        if sys.stderr.isatty():
            print(f"\r{sum(tried.values())} light curves", end="", file=sys.stderr)
    said, star, status, true, *numbers = zip(*rows, strict=True)
    seconds = clock.process_time() - start
    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(
            file,
            set=np.array(said),
            star=np.array(star),
            status=np.array(status),
            true=np.array(true),
            **{name: np.array(values) for name, values in zip(NUMBERS, numbers, strict=True)},
            offset=np.cumsum([0, *(t.size for t, _ in points)]),
            time=np.concatenate([t for t, _ in points]),
            flux=np.concatenate([f for _, f in points]).astype(np.float32),
            sets=np.array(list(tried)),
            tried=np.array(list(tried.values())),
            seconds=seconds,
        )
    print(f"{sum(tried.values())} light curves, {len(rows)} candidates, {seconds:.0f} s CPU: {path}")


def network_inputs(net, found):
    """What a network takes of the stored candidates, made by the present views."""
    from lcnet.transits.views import make_views

    offset, time, flux = found["offset"], found["time"], found["flux"].astype(float)
    rows = []
    for k in range(len(found["star"])):
        here = slice(offset[k], offset[k + 1])
        ephemeris = (float(found[name][k]) for name in ("period", "epoch", "duration"))
        rows.append(make_views(time[here], flux[here], *ephemeris)[0])
    inputs = {}
    for name in net.inputs:
        if name in rows[0]:
            inputs[name] = np.stack([row[name] for row in rows])
        elif name in NUMBERS:
            inputs[name] = found[name].astype(np.float32)
    return inputs


def scores(net, inputs, prior=None):
    """p_planet, array (n,), as `score` says it."""
    from lcnet.core.calibration import reweight
    from lcnet.transits.judge import prior_shares

    said = net.predict(inputs).astype(float)
    if prior is not None:
        trained = [net.card["prevalence"][name] for name in net.classes]
        said = reweight(said, trained, prior_shares(net, prior))
    return said[:, net.classes.index("planet")]


def best_scores(found, score, name, *, true=False):
    """The best score of every star of a set that has a candidate (that is the planet put in, with `true`)."""
    chosen = (found["set"] == name) & (found["true"] if true else True)
    best = {}
    for star, value in zip(found["star"][chosen], score[chosen], strict=True):
        best[star] = max(best.get(star, 0.0), float(value))
    return np.array(list(best.values()))


def table(found, score):
    """Rows (set, stars, with a candidate, then stars at or above each threshold)."""
    for name, n in zip(found["sets"], found["tried"], strict=True):
        true = name in (INJECTED, "simulated planet")
        best = best_scores(found, score, name, true=true)
        yield str(name), int(n), best.size, [int((best >= threshold).sum()) for threshold in THRESHOLDS]


def plot(found, score, path):
    """False planets per 100 stars, and the share of the planets kept, against the threshold."""
    from matplotlib.figure import Figure

    from lcnet.transits.judge import THRESHOLD

    figure = Figure(figsize=(8.6, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    at = np.linspace(0.01, 0.99, 197)
    tried = dict(zip(found["sets"].tolist(), found["tried"].tolist(), strict=True))
    for name, style in (("inverted", "--"), (NULL, "-"), ("cut, shuffled", ":")):
        best = best_scores(found, score, name)
        left.step(at, [100 * (best >= t).sum() / tried[name] for t in at], style, color="#D55E00", label=name)
    best = best_scores(found, score, NULL)
    limits = np.array([interval(int((best >= t).sum()), tried[NULL]) for t in at])
    left.fill_between(at, 100 * limits[:, 0], 100 * limits[:, 1], color="#D55E00", alpha=0.15, lw=0)
    left.axhline(1.0, color="0.5", lw=0.8)
    left.set_yscale("symlog", linthresh=0.1)
    left.set(ylabel="false planets per 100 stars", ylim=(0, 10))
    left.set_yticks([0, 0.1, 1, 10], ["0", "0.1", "1", "10"])
    for name, style, words in (
        (INJECTED, "-", "put into Kepler curves"),
        ("simulated planet", "--", "simulated stars"),
    ):
        best = best_scores(found, score, name, true=True)
        if best.size:
            right.plot(at, [(best >= t).mean() for t in at], style, color="#0072B2", label=words)
    right.set(ylabel="share of the planets found that is kept", ylim=(0, 1.02))
    for ax in (left, right):
        ax.axvline(THRESHOLD, color="0.5", lw=0.8, ls=(0, (1, 2)))
        ax.set(xlabel="threshold on p_planet", xlim=(0, 1))
        ax.legend(frameon=False)
    figure.savefig(path, dpi=110)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--make", action="store_true", help="search the light curves (some minutes) and store --cache")
    parser.add_argument("--cache", type=Path, default=CACHE)
    parser.add_argument("--stars", type=int, help="only so many of the Kepler stars")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--network", default="transits/candidate")
    parser.add_argument("--prior", type=float, help="share of planets among the candidates; default: the network's")
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--output", type=Path, help="every candidate with its score as CSV")
    options = parser.parse_args()
    if options.make:
        make(options.cache, limit=options.stars, seed=options.seed)
        return
    if not options.cache.is_file():
        raise SystemExit(f"skipped: {options.cache} is not there; --make searches the light curves and writes it")

    import lcnet

    found, net = dict(np.load(options.cache)), lcnet.load(options.network)
    score = scores(net, network_inputs(net, found), options.prior)
    print(f"{'set':<22}{'stars':>6}{'found':>6}" + "".join(f"{f'p>={t:g}':>8}" for t in THRESHOLDS))
    for name, n, some, hits in table(found, score):
        print(f"{name:<22}{n:>6}{some:>6}" + "".join(f"{hit:>8}" for hit in hits))
    for name, n, _, hits in table(found, score):
        if "simulated" not in name and name != INJECTED:
            print(f"{name}: false planets per 100 stars")
            for threshold, hit in zip(THRESHOLDS, hits, strict=True):
                low, high = interval(hit, n)
                print(f"  p_planet >= {threshold:<5g} {100 * hit / n:6.2f}  ({100 * low:.2f} to {100 * high:.2f})")
    if options.plot:
        plot(found, score, options.plot)
    if options.output:
        with open(options.output, "w", newline="") as file:
            writer = csv.writer(file)
            names = ("set", "star", "status", "true", *NUMBERS)
            writer.writerow([*names, "p_planet"])
            writer.writerows(zip(*(found[name].tolist() for name in names), score.tolist(), strict=True))


if __name__ == "__main__":
    main()
