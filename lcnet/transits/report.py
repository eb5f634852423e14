"""Pages people look at: one HTML file a star, and an index to sort and filter them.

A page holds everything: the curve with its transits marked, the periodogram, each candidate folded, odd beside even,
its secondary, the river, the single transits, the probabilities, the tests with their words, and what would change the
verdict. It loads nothing, so that it opens from a disk and can be sent in a mail.
"""

from __future__ import annotations

import hashlib
import os
import re
from functools import cache
from pathlib import Path

import numpy as np

from lcnet.transits import report_words as words
from lcnet.transits.batch import with_views
from lcnet.transits.report_figures import candidate_figures, curve_figures, explanation_figure, thumbnail

__all__ = ["page_name", "report", "write_index", "write_page"]

_MOST = 1000
LARGEST = 1_000_000  # bytes of a page; the points are drawn coarser until it fits
_INDEX_HEADS = (
    ("target", True),
    ("#", False),
    ("p(planet)", False),
    ("p(transit)", False),
    ("period [d]", False),
    ("depth [ppm]", False),
    ("duration [h]", False),
    ("SNR", False),
    ("transits", False),
    ("flags", True),
    ("status", True),
    ("reason", True),
)


def report(table, folder, *, curves=None, progress=None):
    """Write a page for every target of a table of candidates, and an index.

    Parameters
    ----------
    table : astropy.table.QTable or path-like
        From `score` or `search`, or read back from any of its files; or such a file. A VOTable read by astropy's own
        reader and a CSV do not say where the light curves are.
    folder : path-like
        Made if missing.
    curves : mapping of str to LightCurve or LightCurveCollection, optional
        The light curves by target, as `read` gives them; default: the files in ``table.meta["sources"]``.
    progress : callable, optional
        Called as ``progress(done, total, target)`` after every page. A star whose files cannot be read or measured
        has no page; the index says why.

    Returns
    -------
    pathlib.Path
        The index.

    Raises
    ------
    ValueError
        The table has no `target` column, or nothing says where its light curves are.
    OSError
        The folder cannot be written.
    """
    from lcnet.transits.table_files import as_written, read_table

    table = read_table(table) if isinstance(table, (str, os.PathLike)) else as_written(table)
    sources = dict(table.meta.get("sources") or {})
    stars: dict[str, list[dict]] = {}
    for row in table:
        stars.setdefault(str(row["target"]), []).append(_plain_row(row))
    wanted = {target: rows for target, rows in stars.items() if any(row["candidate"] for row in rows)}
    if curves is None and wanted and not sources:
        raise ValueError(
            "the table does not say where its light curves are: give them, report(table, folder, curves=read(...))"
        )
    Path(folder).mkdir(parents=True, exist_ok=True)
    explainer = _explainer(table.meta) if wanted else None
    problems = {}
    for done, (target, rows) in enumerate(wanted.items(), 1):
        try:
            if curves is None:
                if target not in sources:
                    raise ValueError("the table does not say where its light curve is")
                given = list(sources[target])
            else:
                if target not in curves:
                    raise ValueError("it is not among the curves given")
                given = curves[target]
            shown, rows, left_out = _measured(target, given, [row for row in rows if row["candidate"]])
            if explainer is not None:
                (shown,) = explainer.explained([with_views(shown)], attribute=True)
        except (LookupError, ValueError, TypeError, OSError) as error:  # its files have moved, changed or broken
            problems[target] = f"no page: {' '.join(str(error).split())}"
        else:
            try:
                write_page(shown, rows, folder, meta=table.meta)
                if left_out:
                    problems[target] = left_out
            except (LookupError, ValueError, TypeError) as error:
                problems[target] = f"no page: {' '.join(str(error).split())}"
        if progress is not None:
            progress(done, len(wanted), target)
    return write_index(table, folder, problems=problems)


def _explainer(meta):
    """Who explains the candidates of a table: the shipped network, if it is the very one that scored them."""
    from lcnet.core.registry import REGISTRY
    from lcnet.transits.explain import Explainer

    name = str(meta.get("network", ""))
    if name not in REGISTRY:
        return None
    import lcnet

    network = lcnet.load(name)
    return Explainer(network) if network.card.get("sha256") == meta.get("network_sha256") else None


def _measured(target, given, rows):
    """A star measured again at its rows' ephemerides: what can be drawn of it, its rows, and what is left out and why.

    Parameters
    ----------
    given : list of str, or LightCurve or LightCurveCollection
        Its files, or the light curve itself.

    Raises
    ------
    ValueError
        Nothing of it can be measured.
    """
    from lcnet.transits.batch import Found, measured_only
    from lcnet.transits.curves import curve_arrays
    from lcnet.transits.known import Ephemeris, measure_known, why_not
    from lcnet.transits.read import plan

    curve = plan(given)[0].curve() if isinstance(given, list) else curve_arrays(given, target=target)
    kept, ephemerides, refused = [], [], {}
    for row in rows:
        # days of an unstated zero are the light curve's own
        system = "" if row["time_system"] == "unknown" else row["time_system"]
        try:
            known = Ephemeris(row["period"], row["epoch"], row["duration"], system)
            ephemerides.append(known.counted_in(curve.time_system))
            kept.append(row)
        except ValueError as error:
            refused[row["candidate"]] = str(error)
    if ephemerides:
        arrays = curve.time, curve.flux, curve.flux_err
        search = measure_known(*arrays, segment=curve.segment, ephemerides=ephemerides)
        refused |= {row["candidate"]: said for k, row in enumerate(kept) if (said := why_not(search, k))}
    if len(refused) == len(rows):
        raise ValueError(next(iter(refused.values())))
    shown, kept = measured_only(Found(target, curve, search, star=curve.star), kept)
    return shown, kept, "; ".join(f"not on the page: candidate {number}: {said}" for number, said in refused.items())


def page_name(target: str) -> str:
    """The file name of a target's page: its own name where a file may bear it, else with a mark that tells it apart."""
    stem = re.sub(r"[^\w.+-]+", "_", Path(target).name if os.sep in target else target).strip("_") or "star"
    if not re.fullmatch(r"(KIC|TIC|EPIC) \d+", target):
        stem += "-" + hashlib.sha256(target.encode()).hexdigest()[:6]
    return f"{stem}.html"


def write_page(found, rows, folder, *, meta=None) -> Path:
    """Write one star's page, and its thumbnail for the index.

    Parameters
    ----------
    found : Found
        With `curve`, `search` (its arrays kept) and, where there are any, `vettings` and `explanations`.
    rows : sequence of mapping
        The star's rows of the table, plain numbers.
    folder : path-like
    meta : mapping, optional
        Of the table: network, prior, version.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    OSError
    """
    from lcnet.core.files import write_bytes

    path = Path(folder, page_name(found.target))
    for dpi, whole in ((110, _MOST), (80, _MOST), (60, 3), (45, 1)):
        html = _page(found, rows, dict(meta or {}), dpi, whole)
        if len(html.encode()) < LARGEST:
            break
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, html.encode())
    if found.search.candidates:
        picture = _thumb_path(path)
        picture.parent.mkdir(exist_ok=True)
        write_bytes(picture, thumbnail(found.search).encode())
    return path


def _thumb_path(page: Path) -> Path:
    return page.parent / "thumbnails" / f"{page.stem}.svg"


def _page(found, rows, meta, dpi, whole) -> str:
    from lcnet import __version__

    curve, search = found.curve, found.search
    meta.setdefault("lcnet", __version__)
    salt = Path(page_name(found.target)).stem
    rows = [row for row in rows if row.get("candidate")]
    candidates = []
    for number, row in enumerate(rows, 1):
        pairs, wide = candidate_figures(search, number, salt=salt, dpi=dpi)
        tests = _tests(found, number - 1)
        explanation = found.explanations[number - 1] if found.explanations else None
        candidates.append(
            {
                "number": row["candidate"],
                "title": f"{words.number(row['period'], '.6g')} d, {words.number(row['depth'], '.0f')} ppm",
                "cells": words.candidate_cells(row),
                "shares": _shares(row),
                "figures": pairs,
                "explanation": explanation_figure(explanation, salt=f"{salt}-{number}"),
                "explained": words.explained(explanation),
                # of a star with many candidates the single transits of the first ones
                "wide": wide if number <= whole else [],
                "tests": [_test_cells(test) for test in tests],
                "changes": words.changes(row, meta, tests, known=bool(found.known)),
            }
        )
    about = [" ".join(dict.fromkeys(word for word in (curve.mission, curve.author) if word))]
    segments = np.unique(search.segment)
    if kind := curve.meta.get("segments"):
        about.append(f"{kind}{'s' if segments.size > 1 else ''} {', '.join(map(str, segments))}")
    about.append(f"{search.time.size:,} points over {np.ptp(search.time):.1f} d")
    about += list(curve.notes)
    return (
        _templates()
        .get_template("page.html")
        .render(
            target=found.target,
            about=" · ".join(word for word in about if word),
            star=words.about_star(found.star),
            verdict=words.verdict(rows, search.reason),
            heads=words.HEADS,
            candidates=candidates,
            curve_figures=curve_figures(search, time_system=curve.time_system, salt=salt, dpi=dpi),
            footer=_footer(meta),
            meta=meta,
        )
    )


def _shares(row):
    if "out_of_distribution" in str(row.get("flags", "")).split():
        return None
    planet, transit = float(row.get("p_planet", np.nan)), float(row.get("p_transit", np.nan))
    if not np.isfinite(planet):
        return None
    return [("planet", planet), ("eclipse", max(transit - planet, 0.0)), ("junk", 1 - transit)]


def _tests(found, index):
    """The vetting of one candidate: made with the score where it was, else here."""
    if index < len(found.vettings) and found.vettings[index] is not None:
        return found.vettings[index].tests
    from lcnet.transits.vet import vet_candidate

    return vet_candidate(found.search, index, star=found.star or None).tests


def _test_cells(test) -> dict:
    from lcnet.transits.vet import TESTS

    about = TESTS.get(test.test, {})
    return {
        "name": str(test.test).replace("_", " "),
        "value": words.number(test.value),
        "sigma": f"{test.sigma:.1f} σ" if np.isfinite(test.sigma) else "–",
        "verdict": test.verdict,
        "words": test.words,
        "limit": about.get("limit", ""),
        "reference": about.get("reference", ""),
    }


def write_index(table, folder, *, problems=None) -> Path:
    """Write the index of a folder of pages: every row of the table, sortable and filterable.

    Parameters
    ----------
    table : astropy.table.QTable
    folder : path-like
    problems : mapping of str to str, optional
        Target to why it has no page, for the column of reasons.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    OSError
    """
    from lcnet import __version__
    from lcnet.core.files import write_bytes

    folder = Path(folder)
    meta = {"lcnet": __version__, **table.meta}
    rows = []
    # what is worth a look first: the likeliest planets, and what could not be scored last
    for row in sorted(map(_plain_row, table), key=_interest):
        told = (row["reason"], (problems or {}).get(row["target"], ""))
        rows.append(_index_row({**row, "reason": "; ".join(word for word in told if word)}, folder))
    stars = list(dict.fromkeys(str(target) for target in table["target"]))
    found = len({str(row["target"]) for row in table if row["candidate"]})
    html = (
        _templates()
        .get_template("index.html")
        .render(
            heads=_INDEX_HEADS,
            rows=rows,
            statuses=sorted({str(status) for status in table["status"]}),
            n_targets=len(stars),
            summary=f"{len(stars):,} target{'' if len(stars) == 1 else 's'}, {found:,} with candidates",
            footer=_footer(meta),
            meta=meta,
        )
    )
    path = folder / "index.html"
    folder.mkdir(parents=True, exist_ok=True)
    write_bytes(path, html.encode())
    return path


def _interest(row):
    planet = row["p_planet"]
    return row["status"] == "failed", not row["candidate"], -planet if planet == planet else 1.0


def _index_row(row, folder) -> dict:
    page = folder / page_name(row["target"])
    thumb = _thumb_path(page)
    cells = [(row["target"], row["target"])]
    if row["candidate"]:
        cells.append((str(row["candidate"]), row["candidate"]))
        for name, form in (
            ("p_planet", ".3f"),
            ("p_transit", ".3f"),
            ("period", ".5f"),
            ("depth", ".0f"),
            ("duration", ".2f"),
            ("snr", ".1f"),
            ("n_transits", "d"),
        ):
            value = row[name]
            if form == "d" and row["status"] == "failed":
                cells.append(("", ""))  # nobody counted
                continue
            cells.append((words.number(value, form) if form != "d" else str(value), value if value == value else ""))
    else:
        cells += [("", "")] * 8
    cells += [(text, text) for text in (row["flags"].replace("_", " "), row["status"].replace("_", " "), row["reason"])]
    planet = row["p_planet"]
    return {
        "cells": cells,
        "page": page.name if page.exists() else "",
        # one picture a star, of its strongest candidate
        "thumb": f"thumbnails/{thumb.name}" if row["candidate"] == 1 and thumb.exists() else "",
        "status": row["status"].replace("_", " "),
        "p": planet if planet == planet else "",
    }


def _footer(meta) -> list[str]:
    said = [f"Made by lcnet {meta['lcnet']}."]
    if meta.get("network"):
        prior = meta.get("prior_planet")
        share = f" Probabilities hold where {100 * prior:.2g} % of the candidates are planets." if prior else ""
        sha = str(meta.get("network_sha256", ""))[:12]
        said.append(f"Network {meta['network']} {meta.get('network_version', '')} (sha256 {sha}…).{share}")
    if meta.get("threshold_planet"):
        least = f"{meta['threshold_planet']:g}"
        said.append(f"A candidate counts as a planet from p(planet) = {least} on: noise does not reach it.")
    if meta.get("references"):
        said.append("Method: " + "; ".join(map(str, meta["references"])) + ".")
    return said


def _plain_row(row) -> dict:
    """A row of the table as plain numbers and text."""
    from lcnet.transits.table import COLUMNS, MISSING

    plain = {}
    for name in row.colnames:
        value = getattr(row[name], "value", row[name])
        if value is np.ma.masked:  # an array, of which a float would be NaN
            plain[name] = MISSING.get(COLUMNS.get(name, "s")[0], "")
        elif isinstance(value, (np.floating, float)):
            plain[name] = float(value)
        elif isinstance(value, (np.integer, int)):
            plain[name] = int(value)
        else:
            plain[name] = str(value)
    return plain


@cache
def _templates():
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=jinja2.select_autoescape(["html"]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
