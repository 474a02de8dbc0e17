"""Hides torch from the commands that tests start: users have none, and its import takes seconds."""

import importlib.machinery

_find_spec = importlib.machinery.PathFinder.find_spec


def _without_torch(name, path=None, target=None):
    return None if name.partition(".")[0] == "torch" else _find_spec(name, path, target)


importlib.machinery.PathFinder.find_spec = _without_torch
