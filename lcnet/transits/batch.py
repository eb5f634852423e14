"""The search and the views of many stars, one after the other or in several processes.

A star that fails is a result with its error, never an exception: one broken file must not end a night's run.
"""

from __future__ import annotations

import os
from collections import deque
from dataclasses import dataclass, replace

import numpy as np

from lcnet.transits.candidates import Search, candidate_views, find_candidates
from lcnet.transits.curves import Curve, curve_arrays
from lcnet.transits.read import ReadError, Source

__all__ = ["Found", "Options", "find", "find_all"]

_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True)
class Options:
    """What to search for, and what to keep of it.

    Attributes
    ----------
    period : (float, float) or None, days
    min_snr : float
    max_candidates : int
    views : bool
        Make the networks' views of every candidate.
    keep_curves : bool
        Keep the light curve and the periodograms (megabytes a star), for a figure.
    """

    period: tuple[float, float] | None = None
    min_snr: float = 7.1
    max_candidates: int = 5
    views: bool = True
    keep_curves: bool = False


@dataclass(frozen=True)
class Found:
    """What was found in one star.

    Attributes
    ----------
    target : str
    curve : Curve or None
        None when it could not be read; without its arrays unless they were to be kept.
    search : Search or None
        None when the search failed; likewise.
    views : tuple
        For each candidate (dict of view name to array, tuple of flags), or the Exception that making them raised.
    error : Exception or None
    """

    target: str
    curve: Curve | None = None
    search: Search | None = None
    views: tuple = ()
    error: Exception | None = None


def find(source: Source, options: Options) -> Found:
    """Read, flatten and search one star and make the views of what is found."""
    curve = None
    try:
        curve = curve_arrays(source.collection(), target=source.target)
        return search_curve(curve, options)
    except Exception as error:
        return Found(source.target, curve=_without_arrays(curve), error=_plain(error))


def search_curve(curve: Curve, options: Options) -> Found:
    """`find` for a star that has been read."""
    search = find_candidates(
        curve.time,
        curve.flux,
        curve.flux_err,
        segment=curve.segment,
        period=options.period,
        min_snr=options.min_snr,
        max_candidates=options.max_candidates,
    )
    views = tuple(_views(search, index) for index in range(len(search.candidates))) if options.views else ()
    if not options.keep_curves:
        curve = _without_arrays(curve)
        search = replace(search, **dict.fromkeys(("time", "flux", "flux_err", "trend", "raw_flux", "segment")))
        search = replace(search, periodograms=())
    return Found(curve.target, curve, search, views)


def _views(search, index):
    try:
        views, flags = candidate_views(search, index)
        for name, view in views.items():
            if not np.isfinite(view).all():  # the network would refuse the whole batch
                raise ValueError(f"{name} is not finite")
        return views, flags
    except ValueError as error:  # a candidate without a view is a row without probabilities, not a failed star
        return error


def _without_arrays(curve):
    return curve and replace(curve, **dict.fromkeys(("time", "flux", "flux_err", "segment")))


def _plain(error: Exception) -> Exception:
    """The error, or one that is certain to travel between processes; only our own need no name of their kind."""
    if type(error) in (ReadError, FileNotFoundError, TypeError, ValueError):
        return error
    return RuntimeError(f"{type(error).__name__}: {error}")


def find_all(sources, options: Options, *, jobs: int = 1):
    """`find` for every star, in order.

    Parameters
    ----------
    sources : sequence of Source
    options : Options
    jobs : int
        Processes, each with one thread. A script that asks for more than one needs the usual
        ``if __name__ == "__main__":`` guard.

    Yields
    ------
    Found
        In the order of `sources`, as they get ready.
    """
    if jobs <= 1 or len(sources) <= 1:
        for source in sources:
            yield find(source, options)
        return
    from concurrent.futures.process import BrokenProcessPool

    waiting = deque(sources)
    while waiting:
        pool, flying = _pool(min(jobs, len(waiting))), deque()
        try:
            while waiting or flying:
                # a window ahead, not the whole list: results wait in memory until their turn
                while waiting and len(flying) < 2 * jobs:
                    flying.append((waiting[0], pool.submit(find, waiting[0], options)))
                    waiting.popleft()
                found = _result(*flying[0])
                flying.popleft()
                yield found
        except BrokenProcessPool:
            pass  # one star took its process down (memory, mostly) and the pool with it
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        # which one cannot be told: those in flight, one at a time; then on with a new pool
        yield from _one_by_one(flying, options)


def _result(source, future) -> Found:
    """What a process sent back; `find` raises nothing, so any other error is one of sending."""
    from concurrent.futures.process import BrokenProcessPool

    try:
        return future.result()
    except BrokenProcessPool:
        raise
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        return Found(source.target, error=RuntimeError(f"cannot be sent to another process; use jobs=1 ({said})"))


def _one_by_one(flying, options):
    """The stars that were in flight when their pool broke; the one that breaks a pool of its own is an error."""
    from concurrent.futures.process import BrokenProcessPool

    pool = None
    try:
        for source, future in flying:
            try:
                if future.done() and not isinstance(future.exception(), BrokenProcessPool):
                    found = _result(source, future)
                else:
                    pool = pool or _pool(1)
                    found = _result(source, pool.submit(find, source, options))
            except BrokenProcessPool:
                found, pool = Found(source.target, error=RuntimeError("its process was killed (out of memory?)")), None
            yield found
    finally:
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)


def _pool(jobs: int):
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    # spawned, not forked: a fork of a process with threads (numba, torch) can hang
    return ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"), initializer=_one_thread)


def _one_thread() -> None:
    import numba
    import threadpoolctl

    for name in _THREADS:
        os.environ[name] = "1"  # for what is imported later
    numba.set_num_threads(1)
    threadpoolctl.threadpool_limits(1)
