"""Search light curves for transits, without a network's opinion."""

from __future__ import annotations

from lcnet.transits.score import score

__all__ = ["search"]


def search(target, *, min_snr=7.1, max_candidates=5, period=None, jobs=1, progress=None):
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
    jobs : int
        Processes.
    progress : callable, optional
        Called as ``progress(done, total, target)`` after every star.

    Returns
    -------
    astropy.table.QTable
        As `score` returns it, with the probabilities NaN.

    Raises
    ------
    ReadError, FileNotFoundError, TypeError, ValueError
        As `score`.
    """
    return score(
        target,
        period=period,
        min_snr=min_snr,
        max_candidates=max_candidates,
        jobs=jobs,
        progress=progress,
        network=None,
    )
