"""The main job: a star in, its transit candidates with calibrated probabilities out; or what is known of it, scored.

Read, flatten and search -- or measure a known ephemeris --, look at every candidate's views with one network, vet it,
and write the table. One network of three classes (planet-like, eclipse, junk) gives both ``p_transit`` = 1 - junk and
``p_planet``, so that the two never contradict each other.
"""

from __future__ import annotations

from lcnet.transits.asked import run_known, run_search
from lcnet.transits.judge import NETWORK, load_judge
from lcnet.transits.tces import is_table

__all__ = ["score"]


def score(
    target=None,
    *,
    period=None,
    epoch=None,
    duration=None,
    ephemeris=None,
    star=None,
    min_snr=7.1,
    max_candidates=5,
    prior=None,
    jobs=1,
    progress=None,
    figures=None,
    report=None,
    network=NETWORK,
    binaries=None,
    output=None,
    resume=False,
    **selection,
):
    """Find and score the transit candidates of one star or of many, or score ephemerides that are known.

    Parameters
    ----------
    target : LightCurve, LightCurveCollection, path-like, str, or several of these; or a table
        As in `read`: star names, FITS files, a glob, a folder, lightkurve objects; a list or iterator of them, or what
        `read` returned. An astropy Table or a DataFrame is a table of known events that names its stars itself, as
        `ephemeris`.
    period : (float or Quantity, float or Quantity), days, optional
        Range to search; default 0.4 d to half the baseline. Or, with `epoch` and `duration`, the known period, or an
        array of them.
    epoch : float, Quantity or Time, or array of them, days, optional
        A mid-transit, in the light curve's own time system or as full BJD (recognised by its value > 2,400,000). It may
        lie outside of the data.
    duration : float or Quantity, or array of them, hours, optional
    ephemeris : Table, DataFrame or path-like, optional
        Known events, a row each, of the stars in `target` (or in a column of its own): periods, epochs and durations by
        the names of the NASA Exoplanet Archive's tables (``koi_period``, ``pl_orbper``, ``tce_period`` ...), lcnet's or
        plain ones; stars by number (``kepid``, ``tid``, ``tic_id`` ...), name or path. A file is CSV, ECSV, VOTable,
        IPAC, Parquet or FITS.
    star : dict, optional
        ``radius`` [R_sun], ``mass`` [M_sun], ``teff`` [K], ``rho`` [solar], ``tmag`` of the one star in `target`; each
        goes before the header's.
    min_snr : float
        Red-noise SNR from which on a dip is a candidate.
    max_candidates : int
        At most so many a star.
    prior : float or mapping of str to float, optional
        What share of the candidates of this search are planets, or the share of every class ("planet", "eclipse",
        "junk"); default: that of the training set, ``lcnet.load("transits/candidate").card["prevalence"]``.
    jobs : int
        Processes. A script that asks for more than one needs the ``if __name__ == "__main__":`` guard.
    progress : callable, optional
        Called as ``progress(done, total, target)`` after every star.
    figures : path-like, optional
        Folder for one PNG a star. A figure that cannot be made is a remark in `reason`.
    report : path-like, optional
        Folder for one HTML page a star and an index of all.
    network : str, path, Network or None
        A name or file for `lcnet.load`, or what it gave; None searches only and leaves the probabilities NaN.
    binaries : table or sequence of (name, period [d], epoch [BJD]), optional
        Known eclipsing binaries, for the match of ephemerides at the end (`vet.match_ephemerides`).
    output : path-like, optional
        Write the table to this file too: .ecsv, .vot, .xml, .parquet or .csv. While stars are scored their rows go to a
        journal beside it, ``<output>.part``, which is removed when the table is written.
    resume : bool
        Go on with the journal of a run of the same plan that was stopped.
    **selection
        As in `read`: author, mission, exptime, quarter, campaign, sector, flux_column, quality_bitmask.

    Returns
    -------
    astropy.table.QTable
        Of a search: one row a candidate, in the order of the input and the strongest candidate first; one row
        "no_candidate" for a star with nothing found, one "failed" with its `reason` for one that could not be scored.
        Of known events: one row each, in the table's order; those that could not be scored "failed". `epoch` is then
        the first mid-transit in the data. A harmonic is the same body as the stronger candidate it belongs to
        (`harmonic_of`): its `p_planet` is never above that one's. The meta names the network, its version, sha256 and
        prior.

    Raises
    ------
    ReadError, FileNotFoundError, TypeError
        A single file, folder or glob of which nothing can be read; in a list it is a "failed" row. Or an empty list or
        collection.
    ValueError
        A prior, option, ephemeris or table that makes no sense.
    JournalError, NotWritten
        The output or its journal cannot be written, or the journal is of another batch.

    Examples
    --------
    >>> from lcnet import transits
    >>> table = transits.score("folder/*_lc.fits", figures="figures")  # doctest: +SKIP
    >>> table["target", "period", "depth", "p_planet"]  # doctest: +SKIP
    >>> transits.score(lc, period=6.2679, epoch=2458325.504, duration=2.95)  # doctest: +SKIP
    >>> transits.score("folder", ephemeris="cumulative.csv")  # doctest: +SKIP
    """
    options = {"min_snr": min_snr, "max_candidates": max_candidates, "jobs": jobs, "star": star}
    batch = {"progress": progress, "figures": figures, "report": report, "output": output, "resume": resume}
    batch["binaries"] = binaries
    if ephemeris is None and is_table(target):
        target, ephemeris = None, target
    judge = load_judge(network, prior)
    if ephemeris is None and epoch is None and duration is None:
        return run_search(target, period, judge, options, batch, selection)
    if ephemeris is not None and not (period is None and epoch is None and duration is None):
        raise ValueError("give either a table of ephemerides or period, epoch and duration")
    return run_known(target, ephemeris, (period, epoch, duration), judge, options, batch, selection)
