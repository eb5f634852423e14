"""Transits: from a star's light curve to its candidates, their probabilities and the evidence.

>>> from lcnet import transits
>>> table = transits.score("tess2018206045859-s0001-0000000261136679-0120-s_lc.fits")  # doctest: +SKIP

Importing this package is light: each verb, with what it needs, is imported on first use. `lcnet._rooms` says how.
"""

from __future__ import annotations

import importlib
import sys

from lcnet._rooms import open_room

# public name -> the file it lives in
_WHERE = {
    "bls": "bls",
    "bls_many": "bls",
    "bls_search": "bls",
    "explain": "explain",
    "flatten": "flatten",
    "read": "read",
    "recover": "recover",
    "report": "report",
    "score": "score",
    "search": "search",
    "simulate": "simulate",
    "vet": "vet",
    "views": "views",
}

__all__ = sorted(_WHERE)

__getattr__, __dir__ = open_room(__name__, _WHERE)

if sys.modules.get("lightkurve"):  # its reader of formats learns those it lacks; later, `read` sees to it
    importlib.import_module(f"{__name__}.readers")
