"""``lightkurve.LightCurve.read(path, format=...)`` for what lightkurve has no reader for.

Importing this file registers the formats, in astropy's registry of readers; so does ``from lcnet import transits``
where lightkurve is there already, and the first light curve that `transits.read` reads.

====================  =====================================================================================
``format="lcnet"``    any light curve lcnet reads, told by its header: fast, and with its CHECKSUM verified
``format="k2sc"``     K2SC (Aigrain, Parviainen & Pope 2016, MNRAS 459, 2408), flux without the roll's systematics
``format="k2varcat"`` K2VARCAT (Armstrong et al. 2015, A&A 579, A19), its detrended flux
====================  =====================================================================================

lightkurve's own are kepler, tess, qlp, eleanor, k2sff, everest, pathos, cdips, tasoc, kepseismic, tglc and folded.
"""

from __future__ import annotations

from lcnet.transits.fitsfile import ReadError
from lcnet.transits.products import read_product

__all__ = ["FORMATS", "register"]

FORMATS = ("lcnet", "k2sc", "k2varcat")


def register() -> None:
    """Add `FORMATS` to what ``lightkurve.LightCurve.read`` knows; imports lightkurve. Calling it again does nothing."""
    from astropy.io import registry
    from lightkurve import LightCurve

    for name in FORMATS:
        try:
            registry.register_reader(name, LightCurve, _reader(name))
        except registry.IORegistryError:
            pass  # there already: ours, or of a later lightkurve that has its own


def _reader(name: str):
    def read(path, *, flux_column=None, quality_bitmask="default"):
        curve = read_product(path, flux_column=flux_column, quality_bitmask=quality_bitmask)
        if name not in ("lcnet", curve.meta["LCNET_AUTHOR"].lower()):
            raise ReadError(f"{path}: not a {name} file but of {curve.meta['LCNET_AUTHOR']}; use format='lcnet'")
        return curve

    return read


register()
