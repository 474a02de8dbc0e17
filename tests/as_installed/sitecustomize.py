"""Hides the modules named in HIDDEN_MODULES from the commands that tests start."""

import importlib.machinery
import os

_find_spec = importlib.machinery.PathFinder.find_spec
_hidden = set(os.environ["HIDDEN_MODULES"].split(","))


def _visible(name, path=None, target=None):
    return None if name.partition(".")[0] in _hidden else _find_spec(name, path, target)


importlib.machinery.PathFinder.find_spec = _visible
