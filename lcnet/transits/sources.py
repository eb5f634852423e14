"""One star before it is read: where its light curves are, and which of them are meant."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lcnet.transits.archive import Listing, look_up
from lcnet.transits.curves import curve_arrays
from lcnet.transits.names import Selection
from lcnet.transits.products import ReadError, read_product

__all__ = ["InArchive", "Source"]


@dataclass
class InArchive:
    """A star of the archive: what is asked for, and, once it was asked, what there is.

    Attributes
    ----------
    name : str
        From `names.star_name`.
    selection : Selection
    listing : Listing or None
    """

    name: str
    selection: Selection
    listing: Listing | None = None

    def look_up(self) -> Listing:
        """The archive's answer, asked for once."""
        if self.listing is None:
            self.listing = look_up(self.name, self.selection)
        return self.listing

    def fetch(self, progress=None) -> list[Path]:
        """The files, downloaded where they are not in a cache."""
        from lcnet.transits.download import fetch

        return fetch(self.look_up().products, name=self.name, progress=progress)


@dataclass
class Source:
    """What is known of one star before it is read.

    Attributes
    ----------
    target : str
        The star, or the path as given for a file whose header could not be read. A star asked for by its number that
        the archive has under another one (KIC 11446443 seen by TESS) changes its name when it is read.
    items : list of Path, LightCurve or InArchive
    error : Exception or None
        Why nothing can be read; of a star in the archive known only after `collection` has tried.
    notes : tuple of str
        Remarks on the choice of its light curves, complete when it was read.
    flux_column : str or None
        The column to read as flux; None is the product's own.
    quality_bitmask : str or int
        As in lightkurve.
    progress : callable, False or None
        Of downloads; see `read`.
    """

    target: str
    items: list[Any] = field(default_factory=list)
    error: Exception | None = None
    notes: tuple[str, ...] = ()
    flux_column: str | None = None
    quality_bitmask: str | int = "default"
    progress: Any = None

    def __getstate__(self):
        # a callback belongs to the process that draws
        return {**self.__dict__, "progress": self.progress if self.progress is False else None}

    def collection(self):
        """Read the star's curves, downloading those that are in the archive.

        Returns
        -------
        lightkurve.LightCurveCollection

        Raises
        ------
        ReadError, FileNotFoundError
        """
        curves = self._tried(lambda: [self._read(item) if isinstance(item, Path) else item for item in self._given()])
        import lightkurve

        return lightkurve.LightCurveCollection(curves)

    def curve(self):
        """The star's curves as plain arrays, one product a sector; files are read without lightkurve.

        Returns
        -------
        Curve
            Its notes with those on the choice of the light curves.

        Raises
        ------
        ReadError, FileNotFoundError
        """
        options = {"flux_column": self.flux_column, "quality_bitmask": self.quality_bitmask}
        # the name after the items: looking a star up in the archive may change it
        curve = self._tried(lambda: curve_arrays(self._given(), target=self.target, **options))
        return replace(curve, notes=(*curve.notes, *self.notes))

    def _tried(self, reading):
        """What `reading` gives; an error is kept, so that the next to ask need not try again."""
        if self.error is not None:
            raise self.error
        try:
            return reading()
        except (ReadError, OSError) as error:
            self.error = error
            raise

    def _given(self) -> list:
        """The star's files, downloaded where they have to be, and its lightkurve objects."""
        used = {item.resolve() for item in self.items if isinstance(item, Path)}
        return [part for item in self.items for part in self._parts(item, used)]

    def _parts(self, item, used):
        if not isinstance(item, InArchive):
            return [item if isinstance(item, Path) else self._column_of(item)]
        listing = item.look_up()
        # two names of a star mean the same files, which may also have been given as files
        paths = [path for path in item.fetch(self.progress) if path.resolve() not in used]
        used.update(path.resolve() for path in paths)
        self.notes = tuple(dict.fromkeys((*self.notes, *listing.notes)))
        if listing.star and self.target == item.name:
            self.target = listing.star
        return paths

    def _read(self, path):
        options = {}
        if self.flux_column is not None:
            options["flux_column"] = self.flux_column
        if self.quality_bitmask != "default":
            options["quality_bitmask"] = self.quality_bitmask
        return read_product(path, **options)

    def _column_of(self, curve):
        """A lightkurve object with the flux asked for; its quality flags were applied by whoever read it."""
        if self.flux_column is None or self.flux_column.lower() == "flux":
            return curve
        column = self.flux_column.lower()
        if column not in curve.columns:
            raise ReadError(
                f"{self.target}: its light curve has no column {column}; it has {', '.join(curve.colnames)}"
            )
        error = f"{column}_err"
        return curve.select_flux(column, flux_err_column=error if error in curve.columns else None)
