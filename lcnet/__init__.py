"""Networks for astronomical light curves: candidates found, classified and measured, with calibrated probabilities.

``lcnet.load(name)`` opens a shipped network, ``lcnet.transits`` and ``lcnet.supernovae`` are the sciences,
``lcnet.catalogs`` holds small reference tables. Each is imported on first use, so that ``import lcnet`` costs neither
torch nor astropy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from lcnet import _source_tree
from lcnet._version import __version__

if TYPE_CHECKING:
    from lcnet import catalogs, supernovae, transits
    from lcnet.core.network import load

__all__ = ["__version__", "catalogs", "load", "supernovae", "transits"]

_source_tree.install()

# name -> (module, attribute or None for the module itself); only rooms that exist are listed
_LAZY = {
    "catalogs": ("lcnet.catalogs", None),
    "load": ("lcnet.core.network", "load"),
    "supernovae": ("lcnet.supernovae", None),
    "transits": ("lcnet.transits", None),
}


def __getattr__(name):
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _LAZY[name]
    value = importlib.import_module(module)
    if attribute is not None:
        value = getattr(value, attribute)
    globals()[name] = value
    return value


def __dir__():
    return __all__
