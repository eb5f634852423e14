"""Supernovae: from photometry to calibrated probabilities of their types, at any epoch, with or without a redshift.

>>> from lcnet import supernovae
>>> table = supernovae.classify("lightcurves/*.DAT")  # doctest: +SKIP

Importing this package is light: each verb, with what it needs, is imported on first use. **Verbs and their files share
a name**, ``classify`` is the function in ``lcnet/supernovae/classify.py``: Python binds a submodule it has imported to
that name in the package, and this package, a module of its own class, binds the function instead.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

# public name -> the file it lives in
_WHERE = {
    "classify": "classify",
    "plot_classification": "plots",
    "read": "read",
    "simulate": "simulate",
}

__all__ = sorted(_WHERE)


class _Room(ModuleType):
    """A package whose verbs are not hidden by the submodules of the same name."""

    def __setattr__(self, name, value):
        if isinstance(value, ModuleType):
            verb = vars(value).get(name)
            if callable(verb):
                value = verb
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Room


def __getattr__(name):
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *__all__})
