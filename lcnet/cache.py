"""The one folder lcnet writes to unasked: ``LCNET_CACHE``, or the user's cache folder."""

from __future__ import annotations

import os
import tempfile
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
    root = os.environ.get("LCNET_CACHE")
    if not root:
        root = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache"), "lcnet")
    folder = Path(root, *parts)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except OSError:
        pass
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    folder = Path(tempfile.gettempdir(), f"lcnet-{user}", *parts)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder
