"""Supernovae: from photometry to calibrated probabilities of their types, at any epoch, with or without a redshift.

>>> from lcnet import supernovae
>>> table = supernovae.classify("lightcurves/*.DAT")  # doctest: +SKIP

Importing this package is light: each verb, with what it needs, is imported on first use. `lcnet._rooms` says how.
"""

from __future__ import annotations

from lcnet._rooms import open_room

# public name -> the file it lives in
_WHERE = {
    "classify": "classify",
    "curves": "evaluation",
    "plot_classification": "plots",
    "plot_judgement": "plots",
    "read": "read",
    "simulate": "simulate",
}

__all__ = sorted(_WHERE)

__getattr__, __dir__ = open_room(__name__, _WHERE)
