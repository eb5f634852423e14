"""Views of one event: the numba kernel beside the plain numpy definition that the tests hold it to.

    python benchmarks/views.py

One TESS sector at two minutes, 18,264 points, P 6.27 d; medians over interleaved repeats of process CPU time.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "transits"))

from test_views import reference_views  # noqa: E402

from lcnet.transits.views import make_views  # noqa: E402


def main(repeats=30):
    rng = np.random.default_rng(0)
    moment = np.arange(18264) / 720.0
    flux = 1 + 1e-3 * rng.normal(size=moment.size)
    flux[np.abs((moment - 1.3 + 3.135) % 6.27 - 3.135) < 3.1 / 48] -= 5e-4
    arguments = (moment, flux, 6.27, 1.3, 3.1)
    ours, theirs = [], []
    make_views(*arguments)
    for _ in range(repeats):
        for function, times in ((make_views, ours), (reference_views, theirs)):
            start = time.process_time()
            function(*arguments)
            times.append(1e3 * (time.process_time() - start))
    ratio = np.median(np.array(theirs) / np.array(ours))
    print(f"lcnet {np.median(ours):.2f} ms, numpy {np.median(theirs):.2f} ms a candidate: {ratio:.1f} times faster")


if __name__ == "__main__":
    main()
