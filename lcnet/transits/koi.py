"""The task ``transits/koi``: is a Kepler Object of Interest a planet, from one stored whole-orbit view?

A benchmark on published views (`koi_views`); `score` does not use it. The network is fed what a min-max scaled view has
left: shape, noise, and whether the deepest bin is where the ephemeris says.
"""

from __future__ import annotations

import numpy as np

from lcnet.core.objectives import Classification
from lcnet.core.task import Input, Task

__all__ = ["CLASSES", "KOI", "SCALARS"]

CLASSES = ("false_positive", "planet")
SCALARS = ("period", "duration", "depth", "snr")
BINS = 201


def _net(**options):
    from lcnet.transits.koi_net import KoiNet

    return KoiNet(**options)


def _tiny():
    return _net(hidden=16, dropout=0.0)


def _simulate(n, seed):
    from lcnet.transits.kepler_simulate import simulate_kepler

    def inputs(candidate, views):
        view = views("tess")["global_view"]
        spread = float(np.ptp(view))
        scaled = (view - view.min()) / spread if spread > 0 else np.zeros_like(view)
        return {"view": scaled, **{name: getattr(candidate, name) for name in SCALARS}}

    return simulate_kepler(n, seed, inputs)


KOI = Task(
    name="transits/koi",
    inputs={
        "view": Input((BINS,), doc="whole orbit in 201 bins from 0 (deepest) to 1, the transit in the middle"),
        "period": Input((), required=False, log=True, range=(0.3, 700.0), unit="d"),
        "duration": Input((), required=False, log=True, range=(0.5, 50.0), unit="h"),
        "depth": Input((), required=False, log=True, range=(10.0, 5e5), unit="ppm"),
        "snr": Input((), required=False, log=True, range=(5.0, 5000.0), doc="the catalogue's, of its transit model"),
    },
    net=_net,
    tiny=_tiny,
    simulate=_simulate,
    objective=Classification(CLASSES),
    reference="Gradient boosting on the same stored views: AUC 0.857, with period, duration, depth and SNR 0.931",
)
