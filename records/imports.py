"""Modules that a name or a setting gives by their import path."""

import importlib
from types import ModuleType


def module_at(path: str) -> ModuleType | None:
    """None where there is no such module; what that itself fails to import is raised."""
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError as error:
        if not f"{path}.".startswith(f"{error.name}."):
            raise  # a module that the one asked for needs
        return None
