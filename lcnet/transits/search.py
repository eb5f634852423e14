"""Search light curves for transits, without a network's opinion."""

from __future__ import annotations

from lcnet.transits.asked import run_search
from lcnet.transits.judge import Judge

__all__ = ["search"]


def search(
    target,
    *,
    min_snr=7.1,
    max_candidates=5,
    period=None,
    star=None,
    jobs=1,
    progress=None,
    figures=None,
    report=None,
    binaries=None,
    output=None,
    resume=False,
    **selection,
):
    """Find the transit candidates of one star or of many.

    Parameters
    ----------
    target : LightCurve, LightCurveCollection, path-like, str, or several of these
        As in `read`.
    min_snr : float
        SNR against the light curve's own (red) noise from which on a dip is a candidate.
    max_candidates : int
        At most so many a star.
    period : (float or Quantity, float or Quantity), days, optional
        Range to search; default 0.4 d to half the baseline.
    star : dict, optional
        As in `score`.
    jobs : int
        Processes.
    progress : callable, optional
        Called as ``progress(done, total, target)`` after every star.
    figures, report, binaries, output, resume
        As in `score`.
    **selection
        As in `read`: author, mission, exptime, quarter, campaign, sector, flux_column, quality_bitmask.

    Returns
    -------
    astropy.table.QTable
        As `score` returns it, with the probabilities NaN.

    Raises
    ------
    ReadError, FileNotFoundError, TypeError, ValueError, JournalError, NotWritten
        As `score`.
    """
    options = {"min_snr": min_snr, "max_candidates": max_candidates, "jobs": jobs, "star": star}
    batch = {"progress": progress, "figures": figures, "report": report, "output": output, "resume": resume}
    return run_search(target, period, Judge(), options, {**batch, "binaries": binaries}, selection)
