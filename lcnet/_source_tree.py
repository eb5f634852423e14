"""``lcnet.catalogs`` in a source tree that is not installed.

The tables live in ``catalogs/`` beside the package, where people find and edit them; the wheel puts that folder inside
the package (``[tool.setuptools.package-dir]``). Run from a checkout without installing, ``PYTHONPATH=. python``, there
is no such mapping: this finder supplies it, for that one name only.
"""

from __future__ import annotations

import sys
from importlib.util import spec_from_file_location
from pathlib import Path

__all__ = ["install"]

_PACKAGE = Path(__file__).resolve().parent


class _CatalogsFinder:
    """A meta path finder that knows ``lcnet.catalogs`` and nothing else."""

    @staticmethod
    def find_spec(fullname, path=None, target=None):
        folder = _PACKAGE.parent / "catalogs"
        if fullname != "lcnet.catalogs" or not (folder / "__init__.py").is_file():
            return None
        return spec_from_file_location(fullname, folder / "__init__.py", submodule_search_locations=[str(folder)])


def install():
    """Add the finder, unless the package is installed with its catalogs inside."""
    if not (_PACKAGE / "catalogs").is_dir() and _CatalogsFinder not in sys.meta_path:
        # first: an editable install of another checkout has a finder too, and these tables belong to this code
        sys.meta_path.insert(0, _CatalogsFinder)
