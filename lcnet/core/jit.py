"""Numba compilation whose machine code is cached where the user can write.

Numba caches beside the source file, or in a folder of its own choosing when that one is read-only, and raises an error
when neither can be written. A survey pipeline must not pay seconds of compilation in every process, so lcnet's kernels
are cached under ``LCNET_CACHE`` (default: the user's cache folder), wherever the package itself is installed.
"""

from __future__ import annotations

import numba

from lcnet.cache import cache_dir

__all__ = ["njit"]


def njit(function=None, **options):
    """`numba.njit` with caching on, its index and machine code under ``cache_dir("numba")``.

    Parameters
    ----------
    function : callable, optional
        The kernel; omitted when used with options, ``@njit(nogil=True)``.
    **options
        Passed to `numba.njit`.
    """
    if function is None:
        return lambda kernel: njit(kernel, **options)
    # numba picks the cache's place when the decorator runs: set it for that moment only, other users keep theirs
    previous = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = previous or str(cache_dir("numba"))
    try:
        return numba.njit(cache=True, **options)(function)
    finally:
        numba.config.CACHE_DIR = previous
