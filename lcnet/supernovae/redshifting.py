"""Bright and near supernovae as they would look farther away: Boone (2019, AJ 158, 257, section 3.3).

A spectroscopic sample is bright and near; what is to be classified is not. Each object's Gaussian process is moved to a
higher redshift (time stretched, wavelength shifted, dimmed by the distance), seen with the survey's visits and noise,
and kept if it passes the survey's cuts. The new redshifts follow the rates; no object of the sample to be classified
is used.
"""

from __future__ import annotations

import numpy as np

from lcnet.supernovae import sources, survey
from lcnet.supernovae.gaussian_process import fit_surface
from lcnet.supernovae.photometry import Photometry

__all__ = ["redshifted"]

_FARTHEST = 1.5  # largest (1 + z') / (1 + z): beyond, the bands show what was never observed (Boone 2019)
_NEAREST = 0.95
_POWER = {"Ia": 1.5}
_MJD = 56171.0
_TRIES = 200


def redshifted(photometry: Photometry, n: int, *, shares, seed: int = 0) -> Photometry:
    """`n` new objects made of those of `photometry`.

    Parameters
    ----------
    photometry : Photometry
        Typed objects with a redshift (``truth``).
    n : int
    shares : mapping of str to float
        Class -> its share of the new objects.
    seed : int

    Returns
    -------
    Photometry
        With the truths of what they are made of, but for the redshift; ``object`` is that of its source, with ``+`` and
        a number: never split between training and judging by anything but the part before the ``+``.
    """
    rng = np.random.default_rng([seed, 0xB00E])
    truth = photometry.truth
    z = truth["redshift"].to_numpy()
    kinds = truth["type"].to_numpy()
    wavelength = np.array([band.wavelength for band in photometry.bands])[photometry.band]
    surfaces: dict[int, tuple] = {}
    objects, truths, columns = [], [], []
    for kind, share in shares.items():
        rows = np.flatnonzero((kinds == kind) & np.isfinite(z) & (z > 0))
        wanted, made, tries = round(n * share), 0, 0
        if wanted and not len(rows):
            raise ValueError(f"no object of class {kind} with a redshift")
        while made < wanted and tries < _TRIES:
            tries += 1
            batch = 256
            new = sources.draw_redshifts(batch, _POWER.get(kind, 3.6), rng)
            ratio = (1 + new[:, None]) / (1 + z[rows])
            allowed = (ratio > _NEAREST) & (ratio < _FARTHEST)
            chosen = np.array([rng.choice(rows[one]) if one.any() else -1 for one in allowed])
            new, chosen = new[chosen >= 0], chosen[chosen >= 0]
            cadence = survey.draw_cadence(len(chosen), rng)
            flux = np.zeros(cadence.error.shape)
            spread = np.zeros(cadence.error.shape)
            for k, source in enumerate(chosen):
                if source not in surfaces:
                    surfaces[source] = _surface(photometry, wavelength, source)
                flux[k], spread[k] = _moved(*surfaces[source], z[source], new[k], cadence, k, rng)
            measured, error, passed = survey.observe(flux, cadence, rng)
            # what the process does not know is noise too (Boone 2019)
            error = np.where(error > 0, np.hypot(error, spread), 0.0)
            for k in np.flatnonzero(passed)[: wanted - made]:
                source = chosen[k]
                visit, band = np.nonzero(error[k] > 0)
                columns.append(
                    (
                        np.full(len(visit), len(objects)),
                        cadence.time[k, visit],
                        band,
                        measured[k][visit, band],
                        error[k][visit, band],
                    )
                )
                sigma = 0.03 * (1 + new[k])
                host = max(new[k] + sigma * rng.standard_normal(), 0.01)
                name = f"{photometry.objects['object'].iloc[source]}+{len(objects)}"
                objects.append({"object": name, "survey": "DES", "mwebv": 0.0, "redshift": host, "redshift_err": sigma})
                truths.append(truth.iloc[source].to_dict() | {"redshift": new[k], "peak_mjd": np.nan})
                made += 1
        if made < wanted:
            raise ValueError(f"only {made} of {wanted} objects of class {kind} pass the survey's cuts")
    owner, time, band, flux, error = (np.concatenate(column) for column in zip(*columns, strict=True))
    from lcnet.supernovae.simulate import band_of

    return Photometry.build(
        objects,
        owner,
        _MJD + time + 0.01 * band,
        np.array(survey.BANDS)[band],
        flux,
        error,
        truth=truths,
        lookup=band_of,
    )


def _surface(photometry, wavelength, number):
    points = slice(photometry.start[number], photometry.start[number + 1])
    time = photometry.mjd[points]
    flux, error = photometry.flux[points], photometry.flux_err[points]
    peak = time[np.argmax(flux / error)]
    keep = np.isfinite(wavelength[points])
    return fit_surface(time[keep] - peak, wavelength[points][keep], flux[keep], error[keep]), time - peak


def _moved(surface, seen, z, new, cadence, k, rng):
    """Flux and its uncertainty at the visits of object k, at redshift `new`."""
    ratio = (1 + new) / (1 + z)
    dimmer = 10 ** (-0.4 * (sources.distance_modulus(new) - sources.distance_modulus(z))) * ratio
    peak = rng.uniform(*survey.PEAKS)
    # where the light curve was not observed, a new one cannot be either: its season must lie inside
    time = (cadence.time[k] - peak) / ratio
    inside = (time > seen.min() - 5) & (time < seen.max() + 5)
    visit, band = np.nonzero((cadence.error[k] > 0) & inside[:, None])
    flux, spread = np.zeros(cadence.error[k].shape), np.zeros(cadence.error[k].shape)
    if len(visit):
        mean, sigma = surface.predict(time[visit], survey.WAVELENGTHS[band] / ratio)
        flux[visit, band], spread[visit, band] = mean * dimmer, sigma * dimmer
    cadence.error[k][~inside] = 0.0
    return flux, spread
