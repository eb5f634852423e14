"""A lightkurve object of a light-curve file, as lightkurve's own readers would make it, from the bytes `products` read.

Of the time `lightkurve.read` takes, half goes into an astropy Table that is copied four times over and a tenth into the
object itself. Here the columns are cut to the good rows once and given to the object as they are.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from lcnet.transits.fitsfile import ReadError, named, verify_file
from lcnet.transits.headers import identify, time_system
from lcnet.transits.products import NOTHING_LEFT, ForLightkurve, NoCadence, Product, open_product

__all__ = ["light_curve"]

_FORMATS = {"BKJD": "bkjd", "BTJD": "btjd", "BJD": "jd"}
_CLASSES = {
    **dict.fromkeys(("kepler", "k2sff", "everest", "k2sc", "k2varcat"), "KeplerLightCurve"),
    **dict.fromkeys(("tess", "qlp"), "TessLightCurve"),
}
_IDS = {"KeplerLightCurve": "KEPLERID", "TessLightCurve": "TICID"}
# names lightkurve gives some columns besides their own, and where it puts them (lightkurve.io.generic)
_ALIASES = (("cadenceno", "cadn", 3), ("centroid_col", "mom_centr1", 4), ("centroid_row", "mom_centr2", 5))


def light_curve(path, *, flux_column=None, quality_bitmask="default", check=True):
    """`products.read_product`."""
    path = Path(path)
    try:
        product = open_product(path, flux_column=flux_column, quality_bitmask=quality_bitmask, check=check)
    except ForLightkurve:
        return _lightkurve(path, flux_column, quality_bitmask, check)
    with named(path):
        return _built(product)


def _built(product: Product):
    import lightkurve
    from astropy import units as u
    from astropy.time import Time

    import lcnet.transits.readers  # noqa: F401  (registers the formats, now that lightkurve is there)

    kind = _CLASSES.get(product.kind, "LightCurve")
    natural = {"KeplerLightCurve": "bkjd", "TessLightCurve": "btjd"}.get(kind, "jd")
    time = Time(product.days[product.keep], format=_FORMATS.get(product.system, natural), scale=product.scale)
    columns = {"time": time}
    for name, source in _columns(product).items():
        columns[name] = _column(product.rows[source], product.keep, product.rows.units.get(source))
    flux = columns["flux"] = u.Quantity(columns["flux"], copy=False, subok=True)
    if "flux_err" in columns:  # lightkurve asks for one unit of both
        error = columns["flux_err"]
        columns["flux_err"] = u.Quantity(getattr(error, "value", error), flux.unit, copy=False, subok=True)
    curve = getattr(lightkurve, kind)(data=columns, copy=False)
    curve.meta.update(_meta(product, kind))
    return curve


def _columns(product: Product) -> dict[str, str]:
    """Name in the light curve -> name in the file, in lightkurve's order."""
    listed = {name: name for name in product.rows if name != product.time}
    order = list(listed)
    own_error = product.flux_err == f"{product.flux}_err"
    aliases = [("flux", product.flux, 0), ("flux_err", product.flux_err if own_error else None, 1)]
    aliases += [("quality", product.quality, 2), *_ALIASES]
    for name, source, place in aliases:
        if source in product.rows and name not in listed:
            order.insert(place, name)
            listed[name] = source
    listed["flux"] = product.flux
    listed.pop("flux_err", None)
    if product.flux_err:
        listed["flux_err"] = product.flux_err
    front = [name for name in ("flux", "flux_err") if name in listed]
    return {name: listed[name] for name in [*front, *order] if name in listed}


def _column(values, keep, unit):
    """What a LightCurve's column is made of: with its unit, masked where a column has NaN, as lightkurve has them."""
    from astropy.table import Column, MaskedColumn
    from astropy.units import Quantity
    from astropy.utils.masked import Masked

    unit = _unit(unit) if isinstance(unit, str) else None
    bad = np.isnan(values) if values.dtype.kind == "f" else np.zeros(0, bool)
    masked = bool(bad.any())
    kept = values[keep]
    if unit is None or kept.dtype.kind not in "fiu":
        return MaskedColumn(kept, mask=bad[keep]) if masked and kept.ndim == 1 else Column(kept)
    quantity = Quantity(kept, unit, copy=False, dtype=None)
    return Masked(quantity, mask=bad[keep]) if masked else quantity


@lru_cache(maxsize=256)
def _unit(text: str):
    """astropy's unit for a TUNIT; an unrecognised one for words it does not know."""
    from astropy import units as u

    words = {"e-/s": "electron / s", "pixels": "pixel", "ADU": "adu", "unitless": "", "degcelcius": "deg_C"}
    text = words.get(text, words.get(text.lower(), text))
    if text == "ppm":
        from lightkurve.units import ppm

        return ppm
    return u.Unit(text, parse_strict="silent")


def _meta(product: Product, kind: str) -> dict:
    cards, label = product.cards, product.label
    meta = {key: value for key, value in cards.items() if key != "COMMENT"}
    number = cards.get(_IDS[kind]) if kind in _IDS else cards.get("TARGETID")
    return meta | {
        "LABEL": cards.get("OBJECT"),
        "MISSION": cards.get("MISSION", cards.get("TELESCOP")),
        "RA": cards.get("RA_OBJ"),
        "DEC": cards.get("DEC_OBJ"),
        "FILENAME": str(product.path),
        "FLUX_ORIGIN": product.origin,
        "TARGETID": number,
        "QUALITY_BITMASK": product.bitmask,
        "QUALITY_MASK": product.good,
        **({"NORMALIZED": True} if product.kind == "qlp" else {}),
        **_stated(label, product.system, product.crowding),
    }


def _stated(label, system, crowding) -> dict:
    return {
        "AUTHOR": label.author,
        "LCNET_TARGET": label.target,
        "LCNET_MISSION": label.mission,
        "LCNET_AUTHOR": label.author,
        "LCNET_TIME_SYSTEM": system,
        "LCNET_CROWDING": crowding,
    }


def _lightkurve(path: Path, flux_column, quality_bitmask, check):
    """lightkurve's own reading of the products only it knows, of a file that was verified first."""
    import lightkurve

    if check:
        verify_file(path)
    asked = {} if flux_column is None else {"flux_column": flux_column}
    if quality_bitmask != "default":
        asked["quality_bitmask"] = quality_bitmask
    with named(path):
        curve = lightkurve.read(str(path), **asked)
        if not isinstance(curve, lightkurve.LightCurve):
            raise ReadError(f"{path}: not a light curve but a {type(curve).__name__}")
        label = identify(curve.meta)
        system, _ = time_system(curve.meta)
        if system == "unknown":
            system = {"bkjd": "BKJD", "btjd": "BTJD"}.get(curve.time.format, system)
    if len(curve) == 0:
        raise NoCadence(f"{path}: {NOTHING_LEFT}")
    curve.meta.update(FILENAME=str(path), **_stated(label, system, "unknown"))
    return curve
