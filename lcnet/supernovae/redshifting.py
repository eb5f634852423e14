"""Bright and near supernovae as they would look farther away: Boone (2019, AJ 158, 257, section 3.3).

A spectroscopic sample is bright and near; what is to be classified is not. Each object's Gaussian process is moved to a
higher redshift (time stretched, wavelength shifted, dimmed by the distance), seen with the survey's visits and noise,
and kept if it passes the survey's cuts. The new redshifts follow the rates; no object of the sample to be classified
is used. A sample that is limited in brightness holds too many luminous core-collapse supernovae: each is drawn with the
inverse of the volume in which it would have been in the sample (Schmidt 1968, ApJ 151, 393).
"""

from __future__ import annotations

import numpy as np

from lcnet.supernovae import cameras, sources, survey
from lcnet.supernovae.gaussian_process import fit_surface
from lcnet.supernovae.photometry import Photometry

__all__ = ["redshifted"]

_FARTHEST = 1.5  # largest (1 + z') / (1 + z): beyond, the bands show what was never observed (Boone 2019)
_NEAREST = 0.95
_POWER = {"Ia": 1.5}
_LIMIT = 0.95  # quantile of a sample's magnitudes that is taken for its limit
_HEAVIEST = 5.0  # times the median: a single faint object must not be most of a class
_MJD = 56171.0
_TRIES = 2000


def redshifted(
    photometry: Photometry, n: int, *, shares, seed: int = 0, elsewhere: bool = False, smooth: bool = False
) -> Photometry:
    """`n` new objects made of those of `photometry`.

    Parameters
    ----------
    photometry : Photometry
        Typed objects with a redshift (``truth``).
    n : int
    shares : mapping of str to float
        Class -> its share of the new objects.
    seed : int
    elsewhere : bool
        Seen by other surveys (`cameras`), at redshifts as theirs, instead of by the challenge's.
    smooth : bool
        Scatter the luminosities of core-collapse supernovae: for a network that has little else to learn from.

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
    magnitude = _magnitudes(photometry)
    weight = np.where(kinds == "Ia", 1.0, _inverse_volumes(magnitude, z))
    luminosity = magnitude - sources.distance_modulus(np.maximum(z, 0.005))
    surfaces: dict[int, tuple] = {}
    objects, truths, columns = [], [], []
    for kind, share in shares.items():
        rows = np.flatnonzero((kinds == kind) & np.isfinite(z) & (z > 0))
        wanted, made, tries = round(n * share), 0, 0
        scatter = _bandwidth(luminosity[rows], weight[rows]) if smooth and kind != "Ia" and len(rows) else 0.0
        if wanted and not len(rows):
            raise ValueError(f"no object of class {kind} with a redshift")
        while made < wanted and tries < _TRIES:
            tries += 1
            batch = 256
            if elsewhere:
                new = cameras.draw_distances(batch, rng)
            else:
                new = sources.draw_redshifts(batch, _POWER.get(kind, 3.6), rng)
            ratio = (1 + new[:, None]) / (1 + z[rows])
            allowed = (ratio > _NEAREST) & (ratio < _FARTHEST)
            # from all of them, and those that cannot be moved there are lost: far away few are bright enough
            some = rng.choice(len(rows), size=batch, p=weight[rows] / weight[rows].sum())
            near = allowed[np.arange(batch), some]
            new, chosen = new[near], rows[some[near]]
            cadence = (cameras.draw_cameras if elsewhere else survey.draw_cadence)(len(chosen), rng)
            names = cadence.survey
            flux = np.zeros(cadence.error.shape)
            spread = np.zeros(cadence.error.shape)
            for k, source in enumerate(chosen):
                if source not in surfaces:
                    surfaces[source] = _surface(photometry, wavelength, source)
                fainter = scatter * rng.standard_normal() if scatter else 0.0
                flux[k], spread[k] = _moved(*surfaces[source], z[source], new[k], cadence, k, fainter)
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
                objects.append(
                    {"object": name, "survey": names[k], "mwebv": 0.0, "redshift": host, "redshift_err": sigma}
                )
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


def _magnitudes(photometry) -> np.ndarray:
    """Of the brightest point in r or i, array (n,)."""
    brightest = np.zeros(len(photometry))
    red = np.isin([band.name for band in photometry.bands], ("r", "i"))[photometry.band]
    np.maximum.at(brightest, photometry.owner[red], (photometry.flux - photometry.flux_err)[red])
    return 27.5 - 2.5 * np.log10(np.maximum(brightest, 1.0))


def _inverse_volumes(magnitude, z) -> np.ndarray:
    """One over the volume within which each object is brighter than the sample's limit, array (n,)."""
    spare = np.maximum(np.quantile(magnitude, _LIMIT) - magnitude, 0)
    grid = np.linspace(0.005, 2.5, 2500)
    farthest = np.interp(sources.distance_modulus(np.maximum(z, 0.005)) + spare, sources.distance_modulus(grid), grid)
    volume = (10 ** (sources.distance_modulus(farthest) / 5) / (1 + farthest)) ** 3
    return np.minimum(1 / volume, _HEAVIEST * np.median(1 / volume))


def _bandwidth(values, weight) -> float:
    """By Silverman's rule, of a weighted sample; 0 for a single value."""
    from scipy.stats import gaussian_kde

    if len(values) < 2 or np.ptp(values) == 0:
        return 0.0
    return float(np.sqrt(gaussian_kde(values, bw_method="silverman", weights=weight).covariance[0, 0]))


def _surface(photometry, wavelength, number):
    points = slice(photometry.start[number], photometry.start[number + 1])
    time = photometry.mjd[points]
    flux, error = photometry.flux[points], photometry.flux_err[points]
    peak = time[np.argmax(flux / error)]
    keep = np.isfinite(wavelength[points])
    return fit_surface(time[keep] - peak, wavelength[points][keep], flux[keep], error[keep]), time - peak


def _moved(surface, seen, z, new, cadence, k, fainter):
    """Flux and its uncertainty at the visits of object k, at redshift `new`, by so many magnitudes `fainter`."""
    ratio = (1 + new) / (1 + z)
    farther = sources.distance_modulus(new) - sources.distance_modulus(z)
    dimmer = 10 ** (-0.4 * (farther + fainter)) * ratio
    # where the light curve was not observed, a new one cannot be either: its season must lie inside
    time = (cadence.time[k] - cadence.peak[k]) / ratio
    inside = (time > seen.min() - 5) & (time < seen.max() + 5)
    visit, band = np.nonzero((cadence.error[k] > 0) & inside[:, None])
    flux, spread = np.zeros(cadence.error[k].shape), np.zeros(cadence.error[k].shape)
    if len(visit):
        mean, sigma = surface.predict(time[visit], cadence.wavelength[k, band] / ratio)
        flux[visit, band], spread[visit, band] = mean * dimmer, sigma * dimmer
    cadence.error[k][~inside] = 0.0
    return flux, spread
