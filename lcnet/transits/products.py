"""One light-curve file of an archive: whose it is, which columns are its curve, and which rows are good.

What lightkurve's readers know of the products is followed column for column (default flux, errors, quality mask), but
the file is read here, from its bytes: an order of magnitude faster, the checksums verified, the star and pipeline told
from the header (lightkurve takes the pipeline from the file's name), the zero of the times as stated, and one sentence
about what is wrong with a file that cannot be read. `lightcurves` makes the lightkurve object.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from lcnet.transits.fits_rows import Rows
from lcnet.transits.fitsfile import ReadError, contents, extensions, named, open_stream, verify
from lcnet.transits.headers import Label, identify, product_kind, text, time_system
from lcnet.transits.quality import quality_mask

__all__ = [
    "ForLightkurve",
    "NoCadence",
    "NoColumn",
    "Product",
    "ReadError",
    "open_product",
    "read_header",
    "read_product",
]

_TIMES = ("time", "t", "bjd", "tmid_bjd")
# in the order of preference: systematics removed, then as it is, then other pipelines' names
_FLUXES = (
    *("pdcsap_flux", "flux", "fcor", "corr_flux", "cal_aper_flux", "kspsap_flux", "det_flux"),
    *("detflux", "sap_flux", "aptflux", "fraw"),
)
_SCALES = ("tdb", "tcb", "tcg", "tt", "tai", "utc", "local")
_DAYS = {"s": 1 / 86400, "sec": 1 / 86400, "min": 1 / 1440, "h": 1 / 24, "hr": 1 / 24, "hour": 1 / 24}
# kind -> author, default flux as in lightkurve, its error where it is not named after it, time system
_KNOWN = {
    "kepler": ("Kepler", "pdcsap_flux", (), "BKJD"),
    "tess": ("SPOC", "pdcsap_flux", (), "BTJD"),
    "qlp": ("QLP", "sap_flux", ("kspsap_flux_err", "det_flux_err"), "BTJD"),
    "k2sff": ("K2SFF", "fcor", (), "BKJD"),
    # lightkurve leaves EVEREST's errors NaN; its detrending is a linear model, so those of the raw flux hold
    "everest": ("EVEREST", "flux", ("fraw_err",), "BKJD"),
    "k2sc": ("K2SC", "flux", ("error",), "BKJD"),
    "k2varcat": ("K2VARCAT", "detflux", (), "BKJD"),
}
# what lightkurve has a reader for and this file has not
LIGHTKURVE_READS = ("eleanor", "pathos", "tasoc", "cdips", "kepseismic", "tglc")
NOTHING_LEFT = "no cadence is left after the quality flags; fetch another sector or quarter"
# keywords that describe the table, not the star; what astropy's Table.read leaves out of its meta
_STRUCTURE = re.compile(
    r"XTENSION|BITPIX|NAXIS\d*|PCOUNT|GCOUNT|TFIELDS|THEAP|"
    r"T(?:TYPE|FORM|UNIT|NULL|SCAL|ZERO|DISP|BCOL|DIM|CTYP|CUNI|CRPX|CRVL|CDLT|RPOS)\d+"
)


class NoColumn(ReadError):
    """The flux column that was asked for is not in this product."""


class NoCadence(ReadError):
    """No row of the file has a time and passes the quality mask."""


class ForLightkurve(ReadError):
    """A product that only lightkurve has a reader for."""


@dataclass(frozen=True)
class Product:
    """A light-curve file, opened: what to read and which rows to keep.

    Attributes
    ----------
    path : Path
    kind : str
        As `headers.product_kind`; "" for a file known by its columns only.
    cards : dict
        The primary header's, and below them the table's.
    rows : Rows
    system, zero
        As `headers.time_system`.
    label : Label
    time, flux, flux_err, quality : str or None
        Names of columns.
    days : array, shape (rows,), float64
        Times in days, in `system`; NaN where there is none.
    bitmask : str, int or None
    """

    path: Path
    kind: str
    cards: dict
    rows: Rows
    system: str
    zero: float | None
    label: Label
    time: str
    flux: str
    flux_err: str | None
    quality: str | None
    days: np.ndarray
    bitmask: object

    @property
    def scale(self) -> str:
        """astropy's name of the time scale, from TIMESYS; TDB where that says nothing known."""
        stated = text(self.cards.get("TIMESYS")).lower()
        return stated if stated in _SCALES else "tdb"

    @property
    def origin(self) -> str:
        """lightkurve's FLUX_ORIGIN: the column; of its own files, that they are."""
        creator = text(self.cards.get("CREATOR"))
        return creator if creator == "lightkurve.LightCurve.to_fits()" else self.flux

    @cached_property
    def timed(self) -> np.ndarray:
        """Rows with a time; shape (rows,), bool."""
        return np.isfinite(self.days)

    @cached_property
    def good(self) -> np.ndarray:
        """Of the rows with a time, those the quality mask leaves; shape (timed.sum(),), bool."""
        if self.quality is None:
            return np.ones(int(self.timed.sum()), bool)
        mission = {"kepler": "Kepler", "everest": "Kepler", "k2sc": "Kepler", "tess": "TESS", "qlp": "TESS"}
        sector = self.label.segment or 0
        return quality_mask(
            self.rows[self.quality][self.timed],
            self.bitmask,
            mission=mission.get(self.kind, self.label.mission),
            qlp_sector=sector if self.kind == "qlp" else None,
        )

    @cached_property
    def keep(self) -> np.ndarray:
        """Indices of the rows that are the light curve; a `NoCadence` where there are none."""
        rows = np.flatnonzero(self.timed)[self.good]
        if rows.size == 0:
            raise NoCadence(f"{self.path}: {NOTHING_LEFT}")
        return rows

    @property
    def crowding(self) -> str:
        """Whether the light of other stars in the aperture is taken out of the flux.

        Returns
        -------
        str
            "corrected" (PDCSAP: the share of the flux that CROWDSAP gives to other stars is subtracted; Kepler Data
            Processing Handbook, section 8), "not corrected", "unknown".
        """
        if self.flux == "pdcsap_flux" and self.kind in ("kepler", "tess"):
            return "corrected"
        if self.flux in ("sap_flux", "fraw", "aptflux") and self.kind != "qlp":
            return "not corrected"
        return "not corrected" if self.kind in ("k2sff", "everest") else "unknown"


def read_header(path) -> Label:
    """Whose light curve a file is, from its headers; its data are neither read nor verified.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    Label

    Raises
    ------
    ReadError, FileNotFoundError
    """
    path = Path(path)
    with named(path), open_stream(path) as stream:
        table, primary, kind, _, _ = _table(extensions(stream, path), path)
        return _label(kind, _merged(primary.cards, table.cards))


def open_product(path, *, flux_column: str | None = None, quality_bitmask="default", check: bool = True) -> Product:
    """Open one light-curve file.

    Parameters
    ----------
    path : path-like
    flux_column : str, optional
        The column to take as flux, "sap_flux"; default: lightkurve's for the product, PDCSAP where there is one.
    quality_bitmask : "default", "hard", "hardest", "none", int or None
        As in lightkurve.
    check : bool
        Compare the file with its CHECKSUM, where it has one. It takes a hundredth of the time of reading.

    Returns
    -------
    Product

    Raises
    ------
    ReadError
        The file is no light curve, damaged, has no such flux column (`NoColumn`), or is one of the products that only
        lightkurve knows (`ForLightkurve`).
    FileNotFoundError
    """
    path = Path(path)
    quality_mask(np.zeros(0, int), quality_bitmask)  # an unknown word is the caller's mistake, not the file's
    with named(path):
        raw = contents(path)
        table, primary, kind, time, fluxes = _table(extensions(raw, path), path)
        if kind in LIGHTKURVE_READS:
            raise ForLightkurve(f"{path}: lightkurve has the reader of {kind} files")
        if check:
            for extension in (primary, table):
                verify(raw, extension, path)
        cards = _merged(primary.cards, table.cards)
        label = _label(kind, cards)
        rows = Rows(raw, table)
        system, zero = time_system(table.cards, str(rows.units.get(time) or ""))
        flux = _flux(kind, fluxes, flux_column, rows, path)
        values = np.asarray(rows[time], dtype=np.float64)
        if values.ndim != 1 or np.ndim(rows[flux]) != 1:
            raise ValueError("the time and flux columns are not one number a row")
        scale = _DAYS.get(text(rows.units.get(time)).lower())
        days = (values if scale is None else values * scale) + (zero if system == "BJD" else 0.0)
        days = np.where(np.isfinite(days), days, np.nan)
        quality = next((name for name in _qualities(kind) if name in rows), None)
        error = _error(kind, flux, label, rows)
    return Product(
        path, kind, cards, rows, system, zero, label, time, flux, error, quality, days, quality_bitmask
    )  # fmt: skip


def read_product(path, *, flux_column: str | None = None, quality_bitmask="default", check: bool = True):
    """Read one light-curve file as a lightkurve object.

    Parameters
    ----------
    path : path-like
        A FITS light curve, plain or gzipped.
    flux_column, quality_bitmask, check
        As `open_product`.

    Returns
    -------
    lightkurve.LightCurve
        A `KeplerLightCurve` or `TessLightCurve` where lightkurve would make one, with its columns. The ``meta`` also
        has ``LCNET_TARGET``, ``LCNET_MISSION``, ``LCNET_AUTHOR``, ``LCNET_TIME_SYSTEM`` and ``LCNET_CROWDING``, told
        from the headers.

    Raises
    ------
    ReadError, FileNotFoundError
    """
    from lcnet.transits.lightcurves import light_curve

    return light_curve(path, flux_column=flux_column, quality_bitmask=quality_bitmask, check=check)


def _table(found, path: Path):
    """The first table of times and fluxes, the primary header, the kind, the time column and the possible fluxes."""
    primary = kind = None
    pixels = False
    for extension in found:
        if primary is None:
            primary = extension
            continue
        cards = extension.cards
        if cards.get("XTENSION") not in ("BINTABLE", "TABLE") or type(cards.get("TFIELDS")) is not int:
            continue
        if kind is None:
            kind = product_kind(primary.cards, cards)
            pixels = kind == "pixels"
            if kind in LIGHTKURVE_READS:
                return extension, primary, kind, None, ()
        names = {}
        for field in range(1, min(cards["TFIELDS"], 999) + 1):
            wide = re.match(r"\s*(\d+)[BIJKEDPQ]", str(cards.get(f"TFORM{field}") or ""))
            names.setdefault(text(cards.get(f"TTYPE{field}")).lower(), wide is not None and int(wide[1]) > 1)
        fluxes = [name for name in _FLUXES if name in names]
        time = next((name for name in _TIMES if name in names), None)
        if fluxes and names[fluxes[0]]:
            pixels = True
        elif fluxes and time and not pixels:
            if kind == "folded":
                raise ReadError(f"{path}: a folded light curve, phases without times; give the curve it was made of")
            return extension, primary, kind, time, fluxes
    if pixels:
        raise ReadError(
            f"{path}: a target-pixel file, not a light curve; make one with "
            "lightkurve.read(path).to_lightcurve() and pass that, or fetch the star's _lc.fits"
        )
    raise ReadError(f"{path}: no table with a time and a flux column; give a light-curve file (_lc.fits, _llc.fits)")


def _merged(primary, table) -> dict:
    """The table's cards without those on its structure, and over them the primary header's."""
    cards = {key: value for key, value in table.items() if not _STRUCTURE.fullmatch(key)}
    return {**cards, **primary}


def _label(kind, cards) -> Label:
    if kind in _KNOWN and not text(cards.get("AUTHOR")):
        cards["AUTHOR"] = _KNOWN[kind][0]
    if kind in LIGHTKURVE_READS and not text(cards.get("AUTHOR")):
        cards["AUTHOR"] = kind.upper()
    return identify(cards)


def _qualities(kind):
    if kind == "k2sff":
        return ()
    return {"kepler": ("sap_quality",), "tess": ("quality",)}.get(kind, ("quality", "sap_quality"))


def _flux(kind, fluxes, asked, rows, path) -> str:
    if asked is not None:
        asked = str(asked).lower()
        if asked not in rows:
            have = ", ".join(name for name in rows if "flux" in name and not name.endswith("_err")) or ", ".join(fluxes)
            raise NoColumn(f"{path}: no column {asked!r}; flux_column may be {have}")
        return asked
    # lightkurve writes its own files with a column "flux", whatever it was before
    default = [name for name in ("flux", _KNOWN[kind][1]) if name in rows] if kind in _KNOWN else []
    return (default or fluxes)[0]


def _error(kind, flux, label, rows) -> str | None:
    candidates = [f"{flux}_err"]
    if kind in _KNOWN and flux != "sap_bkg":
        own = _KNOWN[kind][2]
        if kind == "qlp":
            # one error for all of QLP's fluxes, renamed in sector 56; what lightkurve takes for any of them
            candidates = list(own if (label.segment or 0) < 56 else own[::-1])
        else:
            candidates += own
    return next((name for name in candidates if name in rows), None)
