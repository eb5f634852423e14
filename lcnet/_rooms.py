"""What makes a science's package light to import, and keeps its verbs from being hidden by their own files.

**Verbs and their files share a name**: ``views`` is the function in ``lcnet/transits/views.py``. Python, when it has
imported a submodule, binds the *module* to that name in the package, and would hide the function from then on. So such
a package is a module of its own class, `Room`, which binds the function instead. The submodules are still imported the
usual way (``from lcnet.transits.views import make_views``), and ``sys.modules`` or `importlib.import_module` give the
module itself.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

__all__ = ["Room", "open_room"]


class Room(ModuleType):
    """A package whose verbs are not hidden by the submodules of the same name."""

    def __setattr__(self, name, value):
        if isinstance(value, ModuleType):
            verb = vars(value).get(name)
            if callable(verb):
                value = verb
        super().__setattr__(name, value)


def open_room(name, where):
    """Make the package `name` a `Room` whose public names are imported on first use.

    Parameters
    ----------
    name : str
        ``__name__`` of the package.
    where : mapping of str to str
        Public name -> the file of the package it lives in.

    Returns
    -------
    callable, callable
        The package's ``__getattr__`` and ``__dir__``.
    """
    package = sys.modules[name]
    package.__class__ = Room

    def fetch(wanted):
        if wanted not in where:
            raise AttributeError(f"module {name!r} has no attribute {wanted!r}")
        value = getattr(importlib.import_module(f"{name}.{where[wanted]}"), wanted)
        vars(package)[wanted] = value
        return value

    def listing():
        return sorted({*vars(package), *where})

    return fetch, listing
