"""Transits: from a star's light curve to its candidates, their probabilities and the evidence.

>>> from lcnet import transits
>>> table = transits.score("tess2018206045859-s0001-0000000261136679-0120-s_lc.fits")  # doctest: +SKIP

Importing this package is light: each verb, with what it needs, is imported on first use.

**Verbs and their files share a name**: ``views`` is the function in ``lcnet/transits/views.py``. Python, when it has
imported a submodule, binds the *module* to that name in the package, and would hide the function from then on. So this
package is a module of its own class, `_Room`, which binds the function instead. The submodules are still imported the
usual way (``from lcnet.transits.views import make_views``), and ``sys.modules`` or `importlib.import_module` give the
module itself.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

# public name -> the file it lives in
_WHERE = {
    "bls": "bls",
    "bls_many": "bls",
    "bls_search": "bls",
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


if sys.modules.get("lightkurve"):  # its reader of formats learns those it lacks; later, `read` sees to it
    importlib.import_module(f"{__name__}.readers")
