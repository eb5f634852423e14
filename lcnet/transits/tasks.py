"""What the core can train for transits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lcnet.core.objectives import Classification
from lcnet.core.task import Input, Task

__all__ = ["CANDIDATE", "CLASSES", "KEPLER"]

CLASSES = ("planet", "eclipse", "junk")


def _net(**options):
    from lcnet.transits.nets import CandidateNet

    return CandidateNet({name: CANDIDATE.inputs[name].range for name in ("period", "duration", "depth")}, **options)


def _tiny():
    return _net(width=4, summary=8, hidden=16, dropout=0.0)


def _simulate(n, seed):
    from lcnet.transits.simulate import simulate_candidates

    return simulate_candidates(n, seed)


# how often an input that may be missing at the telescope is taken away in training
MISSING = {"secondary_view": 0.05, "odd_even_view": 0.3, "period": 0.05, "duration": 0.05, "depth": 0.05}


def _augment(batch, rng):
    """Events read backwards, views shifted by a bin, inputs that may be missing at the telescope left out.

    A transit seen backwards in time is one as likely; the shift is the error of an epoch.
    """
    batch = dict(batch)
    n = len(batch["global_view"])
    backwards = rng.random(n) < 0.5
    for name, views in (("global_view", 1), ("local_view", 1), ("secondary_view", 1), ("odd_even_view", 2)):
        if name in batch:
            view = batch[name].reshape(n, views, -1).copy()
            view[backwards] = view[backwards, :, ::-1]
            shift = rng.integers(-1, 2, n)
            columns = (np.arange(view.shape[2])[None, :] + shift[:, None]) % view.shape[2]
            batch[name] = np.take_along_axis(view, columns[:, None, :], axis=2).reshape(n, -1)
    for name, missing in MISSING.items():
        if name in batch:
            values = batch[name].copy()
            values[rng.random(n) < missing] = np.nan
            batch[name] = values
    return batch


CANDIDATE = Task(
    name="transits/candidate",
    inputs={
        "global_view": Input((201,), doc="whole orbit, median 0, deepest bin -1 (views.make_views)"),
        "local_view": Input((61,), doc="+-2 durations about the transit"),
        "secondary_view": Input((61,), required=False, doc="+-4 durations about the strongest dip elsewhere"),
        "odd_even_view": Input((122,), required=False, doc="odd, then even transits: +-2 durations, on one scale"),
        # ranges: what a search can return, and beyond which published tables hold unphysical values
        "period": Input((), required=False, log=True, range=(0.2, 50.0), unit="d"),
        "duration": Input((), required=False, log=True, range=(0.4, 24.0), unit="h"),
        "depth": Input((), required=False, log=True, range=(50.0, 5e5), unit="ppm"),
        "snr": Input(
            (), required=False, log=True, range=(5.0, 1000.0), doc="taken and not used: no published event has it"
        ),
    },
    net=_net,
    tiny=_tiny,
    simulate=_simulate,
    objective=Classification(CLASSES),
    augment=_augment,
    reference="Yu et al. 2019, AJ 158, 25: triage average precision 0.97, vetting 0.69",
)

# the same question, inputs and network, learnt for the mixture and the sampling of Kepler's Objects of Interest
KEPLER = replace(
    CANDIDATE,
    name="transits/kepler",
    reference="Shallue & Vanderburg 2018, AJ 155, 94: AUC 0.988 on the DR24 events of four years, with their depths",
)
