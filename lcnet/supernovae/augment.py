"""What may happen to a light curve between one look and the next: noise, lost points, a peak estimated elsewhere.

Vectorised numpy on a task's normalised arrays: `augment` is given thousands of rows at once.
"""

from __future__ import annotations

import numpy as np

__all__ = ["augment"]

_NO_REDSHIFT = 0.5  # share of the rows that lose their redshift: one network serves with and without
_NOISY, _MOST_NOISE = 0.5, 1.5  # share of rows with more noise; its largest, in units of the errors there are
_MOST_LOST = 0.3  # largest share of an object's points that are lost
_LOST_BAND = 0.05  # share of rows that lose a whole band
_SHIFT = 1.5  # scatter of the estimated peak [d]
_ZEROPOINT = 0.03  # scatter of a band's calibration [mag]


def augment(batch: dict[str, np.ndarray], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Rows as they might have been observed as well.

    Parameters
    ----------
    batch : dict of str to array
        ``time`` (n, nights), ``flux``, ``flux_err`` (n, nights, bands), ``redshift``, ``redshift_err`` (n,), of which
        NaN is missing.
    rng : numpy.random.Generator

    Returns
    -------
    dict of str to array
    """
    batch = dict(batch)
    flux, error = batch["flux"], batch["flux_err"]
    n, nights, bands = flux.shape
    seen = error > 0
    more = rng.random((n, 1, 1), dtype=np.float32) * _MOST_NOISE * (rng.random((n, 1, 1)) < _NOISY)
    flux = flux + error * more.astype(np.float32) * rng.standard_normal(flux.shape, dtype=np.float32)
    error = error * np.sqrt(1 + more.astype(np.float32) ** 2)
    gain = 10 ** (0.4 * _ZEROPOINT * rng.standard_normal((n, 1, bands), dtype=np.float32))
    lost = rng.random(flux.shape, dtype=np.float32) < rng.random((n, 1, 1), dtype=np.float32) * _MOST_LOST
    band = rng.integers(bands, size=n)
    without = rng.random(n) < _LOST_BAND
    lost[np.flatnonzero(without), :, band[without]] = True
    # a row that would lose everything keeps what it has
    kept = (seen & ~lost).any(axis=(1, 2), keepdims=True)
    seen = np.where(kept, seen & ~lost, seen)
    batch["flux"] = np.where(seen, flux * gain, 0).astype(np.float32)
    batch["flux_err"] = np.where(seen, error * gain, 0).astype(np.float32)
    batch["time"] = batch["time"] + _SHIFT * rng.standard_normal((n, 1), dtype=np.float32)
    missing = rng.random(n) < _NO_REDSHIFT
    for name in ("redshift", "redshift_err"):
        values = batch[name].copy()
        values[missing] = np.nan
        batch[name] = values
    return batch
