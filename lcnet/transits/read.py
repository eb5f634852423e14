"""Whatever an observer has of a star -- its name, files, a folder, lightkurve objects -- as LightCurveCollections.

Steps: list what a target names; tell from each header, or from the archive, which star it is; read and group by star.
The second step reads headers only, so that a folder of ten thousand files is not in memory at once, and downloads
nothing: what is in the archive is fetched when its turn comes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, ValuesView
from contextlib import nullcontext
from pathlib import Path

from lcnet.transits.curves import Curve, curve_arrays
from lcnet.transits.headers import identify
from lcnet.transits.listing import is_path, list_paths
from lcnet.transits.names import Selection, is_number, seconds_match, selection_of, star_name
from lcnet.transits.products import ReadError, read_header
from lcnet.transits.sources import InArchive, Source

__all__ = ["Curve", "ReadError", "Source", "curve_arrays", "plan", "read", "several"]


def read(
    target,
    *,
    author=None,
    mission=None,
    exptime=None,
    quarter=None,
    campaign=None,
    sector=None,
    flux_column=None,
    quality_bitmask="default",
    progress=None,
):
    """Read the light curves of one star or of many.

    Parameters
    ----------
    target : str, path-like, LightCurve, LightCurveCollection, or several of these
        A star's name ("Kepler-90", "KIC 11442793", "TIC 261136679", "EPIC 201367065", "TOI-700", "pi Men"), a FITS
        light curve (.fits, .fits.gz), a glob, or a folder, which is searched with its subfolders. What exists on disk
        is a path before it is a name. Several come as a list, a tuple, an iterator (``Path.glob``) or what `read`
        returned.
    author : str or sequence of str, optional
        Pipelines. Default for a name: the mission's own (Kepler, K2, SPOC), and where it has nothing the next best,
        which is said in the source's notes. "any" is all of them.
    mission : str or sequence of str, optional
        "Kepler", "K2", "TESS". Default for a name: the one it points to, else TESS.
    exptime : str or float, optional
        "long", "short", "fast", or seconds. Default for a name: long for Kepler and K2; never 20-second data.
    quarter, campaign, sector : int or sequence of int, optional
        Default: all.
    flux_column : str, optional
        The column to read as flux, "sap_flux".
    quality_bitmask : str or int
        As in lightkurve: "none", "default", "hard", "hardest", or bits.
    progress : callable, False or None
        Of downloads, called as ``progress(done, total, file)``. None draws a bar on a terminal; False draws nothing.

    Returns
    -------
    dict of str to lightkurve.LightCurveCollection
        Keyed by the star from the header, "TIC 261136679", in the order of the input; a curve without a number goes
        by its label, else "unnamed-1". All products of a star are in its collection.

    Raises
    ------
    ReadError
        A file is no light curve, or damaged; the message names it and says what to do. The archive has no such light
        curve, or is not available. Or there is nothing to read: an empty list or collection.
    FileNotFoundError
        No such file, and no star of this name.
    ValueError
        A keyword that makes no sense.

    Notes
    -----
    Downloads are kept in ``LCNET_CACHE``; files of lightkurve's own cache are used. Every file is examined (length,
    structure, CHECKSUM) before it is used, and a damaged one is fetched again, once.

    Examples
    --------
    >>> from lcnet import transits
    >>> curves = transits.read("Kepler-90", quarter=range(1, 5))  # doctest: +SKIP
    >>> list(curves)  # doctest: +SKIP
    ['KIC 11442793']
    """
    sources = plan(
        target,
        author=author,
        mission=mission,
        exptime=exptime,
        quarter=quarter,
        campaign=campaign,
        sector=sector,
        flux_column=flux_column,
        quality_bitmask=quality_bitmask,
        progress=progress,
    )
    found = {}
    for source in sources:
        curves = source.collection()
        if source.target in found:
            curves = type(curves)([*found[source.target], *curves])
        found[source.target] = curves
    return found


def plan(target, *, flux_column=None, quality_bitmask="default", progress=None, **selection) -> list[Source]:
    """Which stars a target names and where each one's curves are, from the headers alone.

    Parameters
    ----------
    target
        As in `read`, and so are the keywords. Of files and lightkurve objects those are left out that are not of the
        author, mission, cadence, quarter, campaign or sector asked for.
    **selection
        author, mission, exptime, quarter, campaign, sector.

    Returns
    -------
    list of Source
        In the order of the input, one a star. A file or name that cannot be read is a source with its `error`; a
        catalogue number is looked up in the archive only when its turn comes, and then its ``collection()`` raises.

    Raises
    ------
    ReadError
        The target is empty.
    ValueError
        A keyword that makes no sense.
    """
    wanted = selection_of(**selection)
    reading = {"flux_column": flux_column, "quality_bitmask": quality_bitmask, "progress": progress}
    stars: dict[str, Source] = {}
    left_out: dict[str, list] = {}
    seen: set[Path] = set()
    unnamed = 0
    items = list(_items(target))
    named = _named_stars({item for item in items if isinstance(item, str)}, wanted, progress)
    for item in items:
        if isinstance(item, Source):
            stars.setdefault(item.target, item)
            continue
        if isinstance(item, str):
            name, item, error = named[item]
            if error is not None:
                stars[name] = Source(name, error=error)
                continue
        else:
            if isinstance(item, Path):
                resolved = item.resolve()
                if resolved in seen:
                    continue
                seen.add(resolved)
                try:
                    label = read_header(item)
                except Exception as error:
                    stars[str(item)] = Source(str(item), error=error)
                    continue
            else:
                label = identify(item.meta)
            name = label.target or label.name or str(getattr(item, "label", None) or "")
            if not name:
                unnamed += 1
                name = f"unnamed-{unnamed}"
            if not _is_wanted(label, wanted):
                stars.setdefault(name, Source(name, **reading))
                left_out.setdefault(name, []).append(label)
                continue
        source = stars.setdefault(name, Source(name, **reading))
        source.items.append(item)
    for name, labels in left_out.items():
        if not stars[name].items:
            stars[name].error = ReadError(
                f"{name}: none of its light curves is as asked for ({wanted}): {_those(labels)}"
            )
    if not stars:
        raise ReadError(f"no light curve given: an empty {type(target).__name__}")
    return list(stars.values())


def several(target) -> bool:
    """Whether a target is a list of targets, of which one that cannot be read must not hide the others."""
    return isinstance(target, (list, tuple, Mapping, ValuesView, Iterator))


def _items(target):
    """The single curves, files and names of a target, in order; a `Source` with an error for what is none of these."""
    if isinstance(target, (str, os.PathLike)):
        given = os.fspath(target)
        if isinstance(target, str) and not is_path(given):
            yield given
            return
        for found in list_paths(given):
            yield found if isinstance(found, Path) else Source(found[0], error=found[1])
    elif all(hasattr(target, name) for name in ("flux", "time", "colnames")):  # a table, which is iterable too
        yield target
    elif several(target) or type(target).__name__ == "LightCurveCollection":
        for item in target.values() if isinstance(target, Mapping) else target:
            yield from _items(item)
    else:
        kind = type(target).__name__
        error = TypeError(
            f"cannot read a light curve from {kind}; give a star's name, a LightCurve, a FITS path, a folder or a list"
        )
        yield Source(f"<{kind}>", error=error)


def _named_stars(names, wanted: Selection, progress) -> dict[str, tuple]:
    """`_named_star` of each, with a bar on a terminal where the archive has to be asked."""
    from lcnet.terminal import progress_bar

    found = {}
    with nullcontext() if progress is False or len(names) < 2 else progress_bar("names", total=len(names)) as report:
        for name in sorted(names):
            if report:
                report(len(found), len(names), name)
            found[name] = _named_star(name, wanted)
    return found


def _named_star(text: str, wanted: Selection):
    """The star a name means: its key, the item to read, and the error where there is none.

    A catalogue number says which star it is; for a proper name the archive is asked at once, because the star's
    number is what its rows are called and what brings it together with files of the same star.
    """
    try:
        item = InArchive(star_name(text), wanted)
        if is_number(item.name):
            return item.name, item, None
        return item.look_up().star or item.name, item, None
    except (ValueError, OSError) as error:
        return text, None, error


def _is_wanted(label, wanted: Selection) -> bool:
    """Whether a curve is one of those asked for, by its header; what the header does not say cannot exclude it."""
    if not wanted:
        return True
    cadence, number = getattr(label, "cadence", float("nan")), getattr(label, "segment", None)
    units = {unit: getattr(wanted, unit) for unit in ("quarter", "campaign", "sector")}
    return (
        wanted.matches_author(label.author)
        and (wanted.missions is None or label.mission in wanted.missions)
        and (wanted.exptime is None or cadence != cadence or seconds_match(cadence, wanted.exptime))
        and all(
            numbers is None or (getattr(label, "segments", "") == unit and number in numbers)
            for unit, numbers in units.items()
        )
    )


def _those(labels) -> str:
    said = dict.fromkeys(
        " ".join(
            part
            for part in (
                label.mission,
                label.author,
                f"{label.cadence:.0f} s" if getattr(label, "cadence", 0.0) > 0 else "",
                f"{label.segments} {label.segment}" if getattr(label, "segment", None) is not None else "",
            )
            if part
        )
        for label in labels
    )
    return "; ".join(said)
