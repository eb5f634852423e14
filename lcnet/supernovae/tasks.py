"""What the core can train for supernovae."""

from __future__ import annotations

import dataclasses

from lcnet.core.task import Input, Task
from lcnet.supernovae.augment import augment
from lcnet.supernovae.objective import TypedWithSidelines
from lcnet.supernovae.photometry import CLASSES
from lcnet.supernovae.window import NIGHTS

__all__ = ["CLASSES", "DES", "DES_SPECTROSCOPIC"]

BANDS = 4


def _net(**options):
    from lcnet.supernovae.nets import SupernovaNet

    return SupernovaNet(bands=BANDS, classes=len(CLASSES), auxiliary=DES.objective.auxiliary, **options)


def _tiny():
    return _net(width=16, layers=1, heads=2, queries=2, channels=4, dropout=0.0)


def _simulate(n, seed):
    from lcnet.supernovae.simulate import simulate_examples

    return simulate_examples(n, seed)


DES = Task(
    name="supernovae/des",
    inputs={
        "time": Input(
            (NIGHTS,),
            unit="d",
            doc="of each night from the peak estimated from the data; any value where there is none",
        ),
        "flux": Input((NIGHTS, BANDS), doc="FLUXCAL (zeropoint 27.5) in g r i z, Milky Way dust corrected"),
        "flux_err": Input((NIGHTS, BANDS), doc="its error; 0 where there is no observation"),
        "wavelength": Input(
            (BANDS,), unit="Angstrom", doc="effective, of each band's filter; any value where there is no point"
        ),
        "redshift": Input((), required=False, log=True, range=(0.01, 1.5), doc="of the host galaxy"),
        "redshift_err": Input((), required=False, log=True, range=(1e-4, 0.3), doc="its error"),
    },
    net=_net,
    tiny=_tiny,
    simulate=_simulate,
    objective=TypedWithSidelines(CLASSES),
    augment=augment,
    reference="Charnock & Moss 2017, ApJL 837, L28: AUC 0.986 on half of the challenge with redshifts",
)

# the same problem learnt from a spectroscopic, bright and near sample: a network of its own, under a name of its own
DES_SPECTROSCOPIC = dataclasses.replace(
    DES,
    name="supernovae/des-spectroscopic",
    reference="Revsbech, Trotta & van Dyk 2018, MNRAS 473, 3969: AUC 0.96 from its spectroscopic sample",
)
