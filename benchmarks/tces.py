"""Known events (TCEs) scored: how many a second, and where the time goes.

    python benchmarks/tces.py [--events 5000]

Simulated TESS stars of one sector, at 30 minutes and at 2 minutes, one event a star and four. Their light curves are
prepared: in memory, as they are once a file is read. What is timed is all the rest of `score`: flattening, measuring,
views, tests, network, rows and table. CPU time of one process with one thread; two cores do two seconds of it in one.
The second table has its parts, for one event.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from dataclasses import dataclass
from typing import Any

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"

import numpy as np  # noqa: E402

from lcnet.transits.batch import Job, Options, search_curve  # noqa: E402
from lcnet.transits.candidates import candidate_views  # noqa: E402
from lcnet.transits.curves import Curve  # noqa: E402
from lcnet.transits.judge import load_judge  # noqa: E402
from lcnet.transits.known import Ephemeris, measure_known  # noqa: E402
from lcnet.transits.pipeline import run_batch  # noqa: E402
from lcnet.transits.rows import star_rows  # noqa: E402
from lcnet.transits.simulate import simulate_star  # noqa: E402
from lcnet.transits.vet import vet_candidate  # noqa: E402

STARS = 20  # distinct ones; the others are the same light curves under other names
CASES = (("30 min", 1800.0, 1), ("30 min", 1800.0, 4), ("2 min", 120.0, 1), ("2 min", 120.0, 4))


@dataclass
class Prepared:
    """A star whose light curve has been read, in the place of a `Source`."""

    target: str
    read: Curve
    items: tuple[Any, ...] = ()
    error: Exception | None = None

    def curve(self) -> Curve:
        return self.read


def stars_at(cadence):
    """Simulated stars with a planet each."""
    options = {"kind": "planet", "cadence": cadence, "snr": (10.0, 80.0), "tmag": 9.5}
    return [simulate_star(seed, **options) for seed in range(STARS)]


def jobs_of(stars, events, each):
    """`events` events, `each` of a star: its planet, and others at periods where there is nothing."""
    rng = np.random.default_rng(0)
    jobs = []
    for number in range(events // each):
        star = stars[number % len(stars)]
        signal = star.truth["signals"][0]
        # each copy's clock runs at its own rate: five hundred stars of one ephemeris would be one binary, five hundred
        # times reported
        rate = 1 + rng.uniform(-0.02, 0.02)
        time = star.time[0] + rate * (star.time - star.time[0])
        epoch = star.time[0] + rate * (signal["epoch"] - star.time[0])
        known = [Ephemeris(rate * signal["period"], epoch, rate * signal["duration"])]
        known += [Ephemeris(rng.uniform(1, 9), rng.uniform(1500, 1510), rng.uniform(1.5, 4)) for _ in range(each - 1)]
        arrays = (time, star.flux, star.flux_err, star.segment)
        curve = Curve(f"TIC {number + 1}", "TESS", "SPOC", "BTJD", (), *arrays, star={"radius": 1.0, "mass": 1.0})
        places = tuple(range(number * each, (number + 1) * each))
        jobs.append(Job(Prepared(curve.target, curve), tuple(known), places))
    return jobs


def milliseconds(work, repeats):
    work()
    start = time.process_time()
    for _ in range(repeats):
        work()
    return 1e3 * (time.process_time() - start) / repeats


def parts(job, judge):
    """CPU time [ms] of each step, for a star with one event."""
    curve = job.source.curve()
    ephemeris = job.known[0].counted_in(curve.time_system)
    arrays = {"segment": curve.segment, "ephemerides": [ephemeris]}
    search = measure_known(curve.time, curve.flux, curve.flux_err, **arrays)
    many = [search_curve(curve, Options(), known=job.known)] * 64
    judged = judge.probabilities(many)
    return {
        "flatten, measure": milliseconds(lambda: measure_known(curve.time, curve.flux, curve.flux_err, **arrays), 30),
        "views": milliseconds(lambda: candidate_views(search, 0), 30),
        "tests": milliseconds(lambda: vet_candidate(search, 0, star=curve.star), 30),
        "network": milliseconds(lambda: judge.probabilities(many), 5) / 64,
        "rows": milliseconds(lambda: star_rows(many[0], judged[0]), 30),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=5000)
    events = parser.parse_args().events
    warnings.simplefilter("ignore")
    import torch

    torch.set_num_threads(1)
    judge = load_judge("transits/candidate")
    print(f"{'sampling':10}{'events a star':>14}{'events':>8}{'CPU ms an event':>17}{'a second on 2 cores':>21}")
    steps = {}
    for name, cadence, each in CASES:
        jobs = jobs_of(stars_at(cadence), events, each)
        run_batch(jobs[:64], Options(), judge)  # kernels compiled and loaded
        start = time.process_time()
        table = run_batch(jobs, Options(), judge)
        used = time.process_time() - start
        scored = int(np.isfinite(table["p_planet"]).sum())
        print(f"{name:10}{each:>14}{scored:>8}{1e3 * used / scored:>17.2f}{2 * scored / used:>21.0f}", flush=True)
        if each == 1:
            steps[name] = parts(jobs[0], judge)
    print(f"\n{'CPU ms':20}" + "".join(f"{name:>10}" for name in steps))
    for step in next(iter(steps.values())):
        print(f"{step:20}" + "".join(f"{values[step]:>10.2f}" for values in steps.values()))


if __name__ == "__main__":
    main()
