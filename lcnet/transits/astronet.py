"""The task ``transits/astronet``: AstroNet as Shallue & Vanderburg (2018, AJ 155, 94) published it, for reference.

Fed by ``views(lc, period, epoch, duration, kind="kepler")``: 2,001 bins of the whole orbit, 201 about the transit. No
weights are shipped: it has 9.94 million parameters, and lcnet's own network does better on less.
"""

from __future__ import annotations

import numpy as np

from lcnet.core.objectives import Classification
from lcnet.core.task import Input, Task

__all__ = ["ASTRONET", "CLASSES"]

CLASSES = ("not_planet", "planet")


def _net(**options):
    from lcnet.transits.astronet_net import AstroNet

    return AstroNet(**options)


def _tiny():
    return _net(global_channels=(4, 4, 8), local_channels=(16, 32), dense=1, hidden=64)


def _simulate(n, seed):
    from lcnet.transits.kepler_simulate import simulate_kepler

    return simulate_kepler(n, seed, lambda candidate, views: views("kepler"))


def _augment(batch, rng):
    """Half of the events read backwards in time (their section 4.3)."""
    backwards = rng.random(len(batch["global_view"])) < 0.5
    batch = dict(batch)
    for name in ("global_view", "local_view"):
        batch[name] = np.where(backwards[:, None], batch[name][:, ::-1], batch[name])
    return batch


ASTRONET = Task(
    name="transits/astronet",
    inputs={
        "global_view": Input((2001,), doc='whole orbit, median 0, deepest bin -1 (views.make_views, kind="kepler")'),
        "local_view": Input((201,), doc="+-4 durations about the transit"),
    },
    net=_net,
    tiny=_tiny,
    simulate=_simulate,
    objective=Classification(CLASSES),
    augment=_augment,
    reference="Shallue & Vanderburg 2018, AJ 155, 94: AUC 0.988 on Kepler's DR24 (mean of 10 networks)",
)
