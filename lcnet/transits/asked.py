"""What was asked for, checked and turned into jobs: the part that `search` and `score` share."""

from __future__ import annotations

from lcnet.transits.batch import Job, Options
from lcnet.transits.ephemeris import plain
from lcnet.transits.joining import join, join_to_own
from lcnet.transits.pipeline import run_batch
from lcnet.transits.read import plan, several
from lcnet.transits.star import check_star
from lcnet.transits.tces import ephemerides, is_table, load_tces

__all__ = ["run_known", "run_search"]


def run_search(target, period, judge, options, batch, selection):
    """The table of a search, judged or not: what `search` and `score` share.

    Parameters
    ----------
    target, period
        As in `score`.
    judge : Judge
    options, batch, selection : dict
        Of the search, for `pipeline.run_batch`, and for `read`.
    """
    checked = _options(judge, options, batch, period=_range(period))
    if target is None:
        raise TypeError("score needs a target: a star's name, a light curve, a FITS path, a folder or a table")
    sources = plan(target, **selection)
    alone = _alone(target, sources)
    _check_star_count(checked.star, len(sources))
    jobs_to_do = [Job(source) for source in sources]
    about = {name: str(value) for name, value in selection.items()}
    return run_batch(jobs_to_do, checked, judge, jobs=int(options["jobs"]), alone=alone, about=about, **batch)


def run_known(target, table, given, judge, options, batch, selection):
    """The table of known events.

    Parameters
    ----------
    target : as in `score`, or None where the table names its stars.
    table : Table, DataFrame, path-like or None
    given : (period, epoch, duration)
        As in `score`, where there is no table.
    judge, options, batch, selection
        As in `run_search`.
    """
    checked = _options(judge, options, batch)
    about = {name: str(value) for name, value in selection.items()}
    by_hand = table is None
    if by_hand:
        tces, own = ephemerides(*given), {}
    else:
        tces, own = load_tces(table)
        about |= {} if is_table(table) else {"ephemeris_table": str(table)}
    if target is None:
        if by_hand:
            raise TypeError("score needs a target: a star's name, a light curve, a FITS path or a folder")
        jobs_to_do, unscored, idle = join_to_own(tces, sources=own, **selection)
        alone = False
    else:
        sources = plan(target, **selection)
        alone = by_hand and _alone(target, sources)
        if by_hand and len(sources) > 1:
            raise ValueError(
                f"period, epoch and duration are of one star, and {len(sources)} are given: put them into a table with "
                "a column of stars, ephemeris=..."
            )
        jobs_to_do, unscored, idle = join(tces, sources)
    if idle:
        about["stars_without_ephemeris"] = idle
    _check_star_count(checked.star, len(jobs_to_do))
    options = {"jobs": int(options["jobs"]), "alone": alone, "about": about, "unscored": unscored}
    return run_batch(jobs_to_do, checked, judge, **options, **batch)


def _alone(target, sources) -> bool:
    """Whether one target was asked for by itself; if it cannot be read, that is an error, and raised here or later."""
    alone = len(sources) == 1 and not several(target)
    if alone and sources[0].error is not None:
        raise sources[0].error
    return alone


def _options(judge, options, batch, *, period=None) -> Options:
    """Options for one star, checked; a ValueError for those that make no sense."""
    if not options["min_snr"] > 0:
        raise ValueError(f"min_snr must be positive, got {options['min_snr']}")
    if int(options["max_candidates"]) < 1 or int(options["jobs"]) < 1:
        raise ValueError("max_candidates and jobs must be at least 1")
    return Options(
        period=period,
        min_snr=float(options["min_snr"]),
        max_candidates=int(options["max_candidates"]),
        views=judge.network is not None,
        keep_curves=batch.get("figures") is not None or batch.get("report") is not None,
        star=check_star(options.get("star")),
    )


def _range(period):
    """The period range in plain days."""
    if period is None:
        return None
    try:
        values = tuple(plain(value, "d") for value in period)
    except TypeError:
        values = ()
    if len(values) != 2 or not 0 < values[0] < values[1]:
        raise ValueError(
            f"period must be (shortest, longest) in days, got {period}; to score a known ephemeris give epoch and "
            "duration too"
        )
    return values


def _check_star_count(star, count) -> None:
    if star and count > 1:
        raise ValueError(f"star= describes one star, and {count} are given")
