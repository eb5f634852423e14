"""Numba compilation whose machine code is cached where the user can write.

Numba caches beside the source file, or in a folder of its own choosing when that one is read-only, and raises an error
when neither can be written. A survey pipeline must not pay seconds of compilation in every process, so lcnet's kernels
are cached under ``LCNET_CACHE`` (default: the user's cache folder), wherever the package itself is installed.

Numba asks of a cached kernel only whether its own file has changed. Machine code of a kernel holds that of those it
calls, from other files too: after an update, or an edit, it would go on with the old ones (numba's manual: "cache
invalidation fails to recognize changes in functions defined in a different file"), or crash. So the cache's folder is
named by what all of lcnet's kernels say.
"""

from __future__ import annotations

import hashlib
import shutil
from functools import cache
from pathlib import Path

import numba

from lcnet.cache import cache_dir

__all__ = ["njit"]

_KEPT = 4  # folders of other sources: another environment's, a checkout beside an installed release


def njit(function=None, **options):
    """`numba.njit` with caching on, its index and machine code below ``cache_dir("numba")``.

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
    numba.config.CACHE_DIR = previous or _folder()
    try:
        return numba.njit(cache=True, **options)(function)
    finally:
        numba.config.CACHE_DIR = previous


@cache
def _folder() -> str:
    """The cache's folder for these sources; the oldest of other sources' go."""
    digest = hashlib.sha256()
    package = Path(__file__).resolve().parents[1]
    for path in sorted(package.rglob("*.py")):
        source = path.read_bytes()
        if b"njit" in source:
            digest.update(path.relative_to(package).as_posix().encode() + b"\0" + source)
    folder = cache_dir("numba", digest.hexdigest()[:16])
    try:
        folder.touch()  # this one was used last
        others = [path for path in folder.parent.iterdir() if path.is_dir() and path != folder]
        for old in sorted(others, key=lambda path: path.stat().st_mtime, reverse=True)[_KEPT:]:
            shutil.rmtree(old, ignore_errors=True)
    except OSError:
        pass  # another process tidies up, or the cache cannot be written: it is only a cache
    return str(folder)
