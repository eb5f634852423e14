"""Light curves as the surveys write them, made of simulated objects, and a network that costs nothing to make."""

from __future__ import annotations

import numpy as np
import pytest


def snana_text(photometry, number, **header):
    """One object as an SNANA file; `header` adds or replaces keys."""
    points = slice(photometry.start[number], photometry.start[number + 1])
    truth = photometry.truth.iloc[number]
    keys = {
        "SURVEY": "DES",
        "SNID": photometry.objects["object"].iloc[number],
        "SNTYPE": "-9",
        "FILTERS": "griz",
        "RA": "0.5 deg",
        "DECL": "-43.0 deg",
        "MWEBV": "0.0111  MW E(B-V)",
        "REDSHIFT_FINAL": "0.35020 +- 0.04680  (CMB)",
        "REDSHIFT_SPEC": "-9.0 +- 9.0",
        "HOST_GALAXY_PHOTO-Z": "0.3502  +- 0.0468",
        "SIM_COMMENT": f"SN Type = {truth['subtype']} , MODEL = made-up",
        "SIM_REDSHIFT": f"{truth['redshift']:.4f}",
        "SIM_PEAKMJD": "56214.5  days",
        "SEARCH_PEAKMJD": "56214.434",
    } | header
    rows = [
        f"OBS:  {t:.3f}  {photometry.bands[b].letter} NULL  {f:.4e} {e:.4e}  {f / e:.2f} 99.000 5.000 99.0"
        for t, b, f, e in zip(
            photometry.mjd[points],
            photometry.band[points],
            photometry.flux[points],
            photometry.flux_err[points],
            strict=True,
        )
    ]
    head = [f"{key}:  {value}" for key, value in keys.items()]
    names = "VARLIST:  MJD  FLT FIELD   FLUXCAL   FLUXCALERR   SNR    MAG     MAGERR  SIM_MAG"
    return "\n".join([*head, "", f"NOBS: {len(rows)}", "NVAR: 9", names, *rows, "END:", ""])


@pytest.fixture(scope="session")
def simulated():
    """Twelve simulated objects."""
    from lcnet.supernovae.simulate import simulate

    return simulate(12, seed=5)


@pytest.fixture(scope="session")
def text():
    return snana_text


@pytest.fixture(scope="session")
def network():
    """An ensemble of two small networks of random weights: fast, and as sensitive to its inputs as any."""
    import torch

    from lcnet.core.inputs import describe
    from lcnet.core.network import Network
    from lcnet.supernovae.tasks import DES

    states = []
    for seed in (1, 2):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            states.append(DES.tiny().state_dict())
    card = {
        "name": DES.name,
        "task": DES.name,
        "size": "tiny",
        "classes": list(DES.objective.classes),
        "inputs": describe(DES.inputs),
        "calibration": {"parameters": {"temperature": 0.5}},
        "prevalence": {"Ia": 0.24, "Ibc": 0.13, "II": 0.63},
    }
    return Network(card, states)


@pytest.fixture(scope="session")
def challenge(data_dir):
    """The challenge's archive, read once."""
    from lcnet.supernovae.read import read

    path = data_dir / "supernovae" / "SIMGEN_PUBLIC_DES.tar.xz"
    if not path.is_file():
        pytest.skip(f"no {path.name} in {path.parent}")
    return read(path)


@pytest.fixture
def rng():
    return np.random.default_rng(3)
