"""Many stars, one after the other or shared among processes; whichever, in order.

A star that takes its process down is a result with its error too, and a process whose parent is gone goes as well.
"""

from __future__ import annotations

import os
import signal
from collections import deque

from lcnet.transits.batch import Found, Options, find

__all__ = ["find_all", "threads_a_process"]

_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


def threads_a_process(jobs: int) -> int:
    """How many threads each of `jobs` processes may use, so that together they use every core once."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // jobs)


def find_all(jobs_to_do, options: Options, *, jobs: int = 1):
    """`find` for every star, in order.

    Parameters
    ----------
    jobs_to_do : sequence of Job
    options : Options
    jobs : int
        Processes. A script that asks for more than one needs the usual ``if __name__ == "__main__":`` guard.

    Yields
    ------
    Found
        In the order of the jobs, as they get ready. Closing the generator ends its processes at once.
    """
    if jobs <= 1 or len(jobs_to_do) <= 1:
        for job in jobs_to_do:
            yield find(job, options)
        return
    from concurrent.futures.process import BrokenProcessPool

    waiting = deque(jobs_to_do)
    while waiting:
        pool, flying, threads = None, deque(), threads_a_process(jobs)
        try:
            pool = _pool(min(jobs, len(waiting)), threads)
            while waiting or flying:
                # a window ahead, not the whole list: results wait in memory until their turn
                while waiting and len(flying) < 2 * jobs:
                    flying.append((waiting[0], _submit(pool, waiting[0], options)))
                    waiting.popleft()
                found = _result(*flying[0])
                flying.popleft()
                yield found
        except BrokenProcessPool:
            pass  # one star took its process down (memory, mostly) and the pool with it
        except BaseException:
            _end(pool)
            raise
        finally:
            if pool is not None:
                pool.shutdown(wait=False, cancel_futures=True)
        # which one cannot be told: those in flight, one at a time; then on with a new pool
        yield from _one_by_one(flying, options, threads)


def _result(job, future) -> Found:
    """What a process sent back; `find` raises nothing, so any other error is one of sending."""
    from concurrent.futures.process import BrokenProcessPool

    try:
        return future.result()
    except BrokenProcessPool:
        raise
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        return _failed(job, f"cannot be sent to another process; use jobs=1 ({said})")


def _failed(job, said) -> Found:
    return Found(job.source.target, known=job.known or (), error=RuntimeError(said))


def _one_by_one(flying, options, threads):
    """The stars that were in flight when their pool broke; the one that breaks a pool of its own is an error."""
    from concurrent.futures.process import BrokenProcessPool

    pool = None
    try:
        for job, future in flying:
            try:
                if future.done() and not isinstance(future.exception(), BrokenProcessPool):
                    found = _result(job, future)
                else:
                    pool = pool or _pool(1, threads)
                    found = _result(job, _submit(pool, job, options))
            except BrokenProcessPool:
                found, pool = _failed(job, "its process was killed (out of memory?)"), None
            yield found
    except BaseException:
        _end(pool)
        raise
    finally:
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)


def _pool(jobs: int, threads: int = 1):
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    # spawned, not forked: a fork of a process with threads (numba, torch) can hang
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(jobs, mp_context=context, initializer=_settle, initargs=(threads,))


def _submit(pool, job, options):
    """Give a pool a star; it starts its processes at the first one.

    Ctrl-C reaches every process of a terminal. The children inherit that it is blocked, so that none dies of it, and
    says so at length, before it has come to `_settle`; here it is delivered a moment later.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        return pool.submit(find, job, options)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return pool.submit(find, job, options)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end(pool) -> None:
    """Stop a pool's processes now: a star of four years takes minutes, and nobody waits for it any more."""
    # Python 3.14 has terminate_workers for this
    for process in list((getattr(pool, "_processes", None) or {}).values()):
        process.terminate()


def _settle(threads: int) -> None:
    """Make this process a good worker: its share of the threads, no interrupts of its own, no life after its parent."""
    import numba
    import threadpoolctl

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    _leave_with_parent()
    for name in _THREADS:
        os.environ[name] = str(threads)  # for what is imported later
    # Numba is imported by now. Each of its compilations reads the environment again, and one that finds another number
    # than its threads were launched with is an error: so it learns the number before there are any threads.
    numba.config.reload_config()
    threadpoolctl.threadpool_limits(threads)


def _leave_with_parent() -> None:
    """A killed parent tells its workers nothing, and each holds the others' queue open: they would wait for ever."""
    import multiprocessing
    import threading

    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()
