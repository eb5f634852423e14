"""Supernovae as the challenge's survey would have seen them, from nothing but a seed: `simulate`.

Redshifts from the rates, a type, its light curve (`sources`), the survey's visits and noise (`survey`), its cuts.
Unlike in the challenge's files, no light curve ends at a rest-frame day: the season's limits are the only ones.
Networks also learn from objects of other surveys (`cameras`): nearer, brighter, through other filters.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from lcnet.core.examples import Examples
from lcnet.supernovae import cameras, sources, survey
from lcnet.supernovae.photometry import CLASSES, Band, Photometry
from lcnet.supernovae.views import make_views

__all__ = ["CARD", "band_of", "simulate", "simulate_examples"]

_RATE = {"Ia": 1.5, "CC": 3.6}  # growth with (1 + z)
_SHARE_IA = 0.09  # of the explosions: gives the challenge's share of type Ia after the cuts
_SHARE_IA_ELSEWHERE = 0.22  # the same for `cameras`, whose redshifts are not those of a volume
_ELSEWHERE = 0.5  # share of the examples that are of other surveys
_PHOTO_Z = 0.03  # scatter of the host's photometric redshift, per (1 + z)
_MJD = 56171.0
_BATCH = 512

CARD = {
    "redshift": "0.02 to 1.1, rate (1 + z)^1.5 (Ia) and (1 + z)^3.6 (core collapse) in flat LCDM 0.3, 70",
    "types": "Ia 9% of the explosions; of the rest Ibc 29%, IIP 59%, IIL 8%, IIn 4% (Smartt et al. 2009)",
    "light curves": "Ia: mean spectra of Hsiao et al. 2007, SALT2's stretch and colour, alpha 0.11, beta 3.2; core "
    "collapse: cooling black bodies, mean and scatter after Richardson et al. 2014; 0.12 mag coherent, 0.04 mag band "
    "by band, a ripple of 0.06 mag over time and wavelength",
    "dust": "host: exponential, mean A_V 0.10 mag (core collapse), in the colour of Ia; Milky Way: none, as corrected",
    "survey": "season of 180 d, visits 1 to 10.5 d apart, 58% of the objects in deep fields; errors log-normal about "
    "the challenge's medians, with photon noise",
    "cuts": "five epochs, points of SNR > 5 in two bands; no limit in rest-frame days",
    "other surveys": "half of the examples: redshifts from 0.004, filters moved by up to 7.5%, any depth and cadence, "
    "follow-up, dusty hosts, 1991bg-like Ia (see lcnet.supernovae.cameras)",
    "host redshift": "scatter 0.03 (1 + z); none catastrophic",
    "lacks": "spectra (a band is its effective wavelength), peculiar Ia, superluminous supernovae, other transients, "
    "artefacts of difference imaging, host light in the noise, correlated noise",
}


def simulate(n: int, *, seed: int = 0, elsewhere: bool = False) -> Photometry:
    """`n` supernovae that pass the survey's cuts, with their truth.

    Parameters
    ----------
    n : int
    seed : int
    elsewhere : bool
        Seen by other surveys, each by one of its own (`cameras`), instead of the challenge's.

    Returns
    -------
    Photometry
        Names ``sim-<seed>-<number>``; ``truth`` has type, subtype, redshift and peak.

    Raises
    ------
    ValueError
        Unless n is positive.
    """
    if n < 1:
        raise ValueError(f"n must be positive, not {n}")
    rng = np.random.default_rng([seed, int(elsewhere), 0x5EED])
    parts, have = [], 0
    while have < n:
        parts.append(_batch(min(_BATCH, 64 + 6 * n), rng, elsewhere))
        have += len(parts[-1][0])
    kinds, z, peak, name, time, flux, error = (np.concatenate(columns)[:n] for columns in zip(*parts, strict=True))
    seen = error > 0
    owner, visit, band = np.nonzero(seen)
    host = np.maximum(z + _PHOTO_Z * (1 + z) * rng.standard_normal(n), 0.01)
    objects = [
        {
            "object": f"sim-{seed}-{i}",
            "survey": name[i],
            "mwebv": 0.0,
            "redshift": host[i],
            "redshift_err": _PHOTO_Z * (1 + z[i]),
        }
        for i in range(n)
    ]
    truth = [
        {"type": kind if kind in CLASSES else "II", "subtype": kind, "redshift": z[i], "peak_mjd": _MJD + peak[i]}
        for i, kind in enumerate(map(str, kinds))
    ]
    return Photometry.build(
        objects,
        owner,
        # each band a minute after the last, as at the telescope
        _MJD + time[owner, visit] + 0.01 * band,
        np.array(survey.BANDS)[band],
        flux[seen],
        error[seen],
        truth=truth,
        lookup=band_of,
    )


def simulate_examples(n: int, seed: int) -> Examples:
    """`n` labelled examples, one an object; two of three as they looked some time after the trigger."""
    far = round(n * (1 - _ELSEWHERE))
    parts = [simulate(m, seed=seed, elsewhere=other) for m, other in ((far, False), (n - far, True)) if m]
    photometry = Photometry.concatenate(parts)
    rng = np.random.default_rng([seed, 0x10C6])
    early = np.where(rng.random(n) < 2 / 3, 60.0 * rng.random(n) ** 1.5, np.inf)
    whole = make_views(photometry)
    views = make_views(photometry, epoch=early)
    there = views.n_obs > 0  # one that never triggers is seen whole
    inputs = {
        name: np.where(there.reshape(-1, *[1] * (values.ndim - 1)), values, whole.inputs[name])
        for name, values in views.inputs.items()
    }
    true = photometry.truth["redshift"].to_numpy()
    sigma = 10 ** rng.uniform(-4, -1, n)
    inputs["redshift"] = np.maximum(true + sigma * rng.standard_normal(n), 0.01).astype(np.float32)
    inputs["redshift_err"] = sigma.astype(np.float32)
    label = np.array([CLASSES.index(one) for one in photometry.truth["type"]], dtype=np.int64)
    targets = {
        "label": label,
        "template": np.full(n, -1, dtype=np.int64),
        "log1z": np.log10(1 + true).astype(np.float32),
    }
    meta = pd.DataFrame({"subtype": photometry.truth["subtype"].astype(str), "true_redshift": true})
    return Examples(inputs, targets, np.arange(n), meta=meta)


def _batch(n: int, rng, elsewhere: bool):
    kinds = np.array(list(sources.CORE_COLLAPSE))[
        rng.choice(len(sources.CORE_COLLAPSE), size=n, p=list(sources.CORE_COLLAPSE.values()))
    ].astype("U4")
    ia = rng.random(n) < (_SHARE_IA_ELSEWHERE if elsewhere else _SHARE_IA)
    kinds[ia] = "Ia"
    if elsewhere:
        z, cadence = cameras.draw_distances(n, rng), cameras.draw_cameras(n, rng)
    else:
        z = np.where(ia, sources.draw_redshifts(n, _RATE["Ia"], rng), sources.draw_redshifts(n, _RATE["CC"], rng))
        cadence = survey.draw_cadence(n, rng)
    flux = np.zeros(cadence.error.shape)
    for kind in sources.TYPES:
        rows = kinds == kind
        if not rows.any():
            continue
        stretch = 1 + z[rows][:, None]
        phase = (cadence.time[rows] - cadence.peak[rows][:, None]) / stretch
        absolute = sources.magnitudes(kind, phase, cadence.wavelength[rows] / stretch, rng, nearby=elsewhere)
        apparent = absolute + sources.distance_modulus(z[rows])[:, None, None] - 2.5 * np.log10(stretch)[:, :, None]
        flux[rows] = 10 ** (0.4 * (27.5 - apparent))
    measured, error, passed = survey.observe(flux, cadence, rng)
    names = np.array(cadence.survey, dtype=object)
    return tuple(one[passed] for one in (kinds, z, cadence.peak, names, cadence.time, measured, error))


def band_of(name: str, letter: str) -> Band:
    """The filter `letter` of the challenge's survey, or of a drawn one, whose wavelengths are its name."""
    # without the catalogue, which needs astropy: a network trains on a bare machine
    number = survey.BANDS.index(letter)
    wavelength = survey.WAVELENGTHS[number] if name == "DES" else name.split("-")[number]
    return Band(name, letter, letter, "AB", float(wavelength))
