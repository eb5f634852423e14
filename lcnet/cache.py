"""The one folder lcnet writes to unasked: ``LCNET_CACHE``, or the user's cache folder."""

from __future__ import annotations

import os
import stat
import tempfile
from functools import cache
from pathlib import Path

__all__ = ["cache_dir"]


def cache_dir(*parts: str) -> Path:
    """A folder below the cache, created if missing.

    Parameters
    ----------
    *parts : str
        Folder names below the cache's root, e.g. ``cache_dir("numba")``.

    Returns
    -------
    pathlib.Path
        ``$LCNET_CACHE``, else ``$XDG_CACHE_HOME/lcnet``, else ``~/.cache/lcnet``; where none of these can be written
        (a container without a home), a folder of this user's in the temporary directory.
    """
    # a shell expands ~, a Dockerfile or a job's settings do not: a folder named "~" is what nobody meant
    root = os.path.expanduser(os.environ.get("LCNET_CACHE", ""))
    if not root:
        root = Path(os.environ.get("XDG_CACHE_HOME") or Path(os.path.expanduser("~"), ".cache"), "lcnet")
    folder = Path(root, *parts)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except OSError:
        pass
    folder = Path(_temporary_root(), *parts)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@cache
def _temporary_root() -> Path:
    # numba's cache holds pickles and machine code: a folder of this name that someone else made in a shared /tmp would
    # run their code, so it must be a real folder, ours, and closed to others; else a fresh one, for this process only
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    folder = Path(tempfile.gettempdir(), f"lcnet-{user}")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        ours = not hasattr(os, "getuid") or (found.st_uid == user and not found.st_mode & 0o022)
        if stat.S_ISDIR(found.st_mode) and ours:
            return folder
    except OSError:
        pass
    return Path(tempfile.mkdtemp(prefix="lcnet-"))
