"""Where games are found: `synth/games/` and the folders that SYNTH_GAMES names.

A game is a file NAME.py, or a package NAME/ where one file would be too long; it has a line that
begins with "GAME = ". A package without one is no game, such as the oracles beside a game.
"""

import contextlib
import functools
import importlib
import os
import pkgutil
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from records.errors import UserError
from synth.engine import Engine
from synth.game import Game

LOCKED = "SYNTH_LOCKED"  # a variable of the environment: no game may be imported
_instead = None  # what answers for games that are not imported: a `synth.locked.client.Answering`


@functools.cache
def game_names() -> tuple[str, ...]:
    """The names of all games in order; no game is imported for that."""
    import synth.games as folder  # here, because the games import this package

    found = []
    for info in pkgutil.iter_modules(folder.__path__):
        home = Path(info.module_finder.path) / info.name
        file = home / "__init__.py" if info.ispkg else home.with_suffix(".py")
        if re.search("^GAME = ", file.read_text(encoding="utf-8", errors="replace"), re.MULTILINE):
            found.append(info.name)
        elif not info.ispkg:
            raise UserError(f"{file} is no game: it has no line that begins with 'GAME = '.")
    return tuple(sorted(found))


def more_folders() -> list[str]:
    """The folders with games besides our own."""
    import synth.games as ours

    return list(ours.__path__)[1:]


def look_in(folders: Iterable[str]) -> None:
    """Games in these folders are found, too, in a process that SYNTH_GAMES does not reach."""
    import synth.games as ours

    if new := [folder for folder in folders if folder not in ours.__path__]:
        ours.add(new)
        game_names.cache_clear()


@contextlib.contextmanager
def found_in(folder: str):
    """Games in this folder are found, too, for a time."""
    import synth.games as ours

    look_in([folder])
    try:
        yield
    finally:
        ours.__path__.remove(folder)
        game_names.cache_clear()


def known(name: str) -> str:
    """The name of a game, which is not imported for that. Raises UserError for an unknown one."""
    if name not in game_names():
        raise UserError(f"there is no game '{name}'; choose one of: {', '.join(game_names())}.")
    return name


def find_game(name: str) -> Game:
    """Imports the game of that name. Raises UserError for an unknown one."""
    if _instead is not None or LOCKED in os.environ:
        raise RuntimeError(f"{name} may not be imported here: games are locked in")
    return _import(known(name))


@functools.cache
def _import(name: str) -> Game:
    game = importlib.import_module(f"synth.games.{name}").GAME
    if game.name != name:
        raise UserError(f"the file of the game '{name}' calls it '{game.name}'; rename one.")
    return game


def engine(name: str, again: bool = False) -> Engine:
    """What answers for the game of that name. Raises UserError for an unknown one.

    again: one that knows nothing of what the first was asked, where games are locked in.
    """
    return Engine(find_game(name)) if _instead is None else _instead.engine(known(name), again)


def answer_by(answering) -> None:
    """From here on this answers for games: neither we nor processes we start can import one."""
    global _instead
    _instead = answering
    os.environ[LOCKED] = "1"


@contextlib.contextmanager
def answered_by(answering):
    """`answer_by`, for a time."""
    global _instead
    before, was_locked = _instead, os.environ.get(LOCKED)
    answer_by(answering)
    try:
        yield
    finally:
        _instead = before
        if was_locked is None:
            del os.environ[LOCKED]


def answering():
    """What answers for games in place of an import; None: they are imported."""
    return _instead


def for_workers() -> tuple[Callable | None, tuple]:
    """The initializer of a pool of processes, and its arguments: it is as here in them."""
    return (None, ()) if _instead is None else _instead.for_workers()


def all_games() -> dict[str, Game]:
    """Every game by name, in the order of the names."""
    return {name: find_game(name) for name in game_names()}
