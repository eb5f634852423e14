"""Which cadences a quality bit mask leaves, with lightkurve's names and defaults, and without importing lightkurve.

The bits are those of the Kepler Archive Manual (KDMC-10008-006, table 2-3) and of the TESS Science Data Products
Description Document (EXP-TESS-ARC-ICD-0014, table 32).
"""

from __future__ import annotations

import numpy as np

__all__ = ["MASKS", "quality_mask"]

_KEPLER = 1 | 2 | 4 | 8 | 32 | 256 | 16384 | 65536 | 1048576
_TESS = 1 | 2 | 4 | 8 | 16 | 32 | 128 | 512 | 16384
# the same words and bits as lightkurve's KeplerQualityFlags and TessQualityFlags; a test compares them
MASKS = {
    "Kepler": {"none": 0, "default": _KEPLER, "hard": _KEPLER | 128 | 1024 | 8192 | 524288, "hardest": 2096639},
    "TESS": {"none": 0, "default": _TESS, "hard": _TESS | 64 | 1024 | 2048 | 4096, "hardest": 65535},
}
# QLP's own "low precision" bit, which moved in sector 56 (QLP data product description, v2)
_QLP_LOW_PRECISION = (1 << 12, 1 << 30)


def quality_mask(quality, bitmask="default", *, mission: str = "TESS", qlp_sector: int | None = None) -> np.ndarray:
    """True where no bit of `bitmask` is set.

    Parameters
    ----------
    quality : array of int, shape (N,)
    bitmask : "default", "hard", "hardest", "none", int or None
        lightkurve's: "default" leaves out the certainly useless cadences, "hard" the possibly bad ones too, "hardest"
        all that carry any flag.
    mission : str
        "Kepler" (also for K2), "TESS"; for any other the words mean any bit, except "none".
    qlp_sector : int, optional
        The sector of a QLP file, whose "hard" and "hardest" include a bit of its own.

    Returns
    -------
    array of bool, shape (N,)

    Raises
    ------
    ValueError
        An unknown word.
    """
    quality = np.asarray(quality)
    if bitmask is None:
        return np.ones(quality.shape, bool)
    if isinstance(bitmask, str):
        words = MASKS.get("Kepler" if mission == "K2" else mission)
        if bitmask not in MASKS["TESS"]:
            raise ValueError(f"quality_bitmask={bitmask!r} is not known; give an int, {', '.join(MASKS['TESS'])}")
        bits = words[bitmask] if words else (0 if bitmask == "none" else -1)
    else:
        bits = int(bitmask)
    keep = (quality.astype(np.int64) & bits) == 0
    if qlp_sector is not None and bitmask in ("hard", "hardest"):
        keep &= (quality.astype(np.int64) & _QLP_LOW_PRECISION[qlp_sector >= 56]) == 0
    return keep
