"""One file a game. SYNTH_GAMES names more folders with games, separated as in PATH."""

import os
from collections.abc import Iterable
from pathlib import Path

from records.errors import UserError


def add(folders: Iterable[str]) -> None:
    for folder in folders:
        if not Path(folder).is_dir():
            raise UserError(f"SYNTH_GAMES names {folder}, which is no folder.")
        __path__.append(os.path.abspath(folder))


add(filter(None, os.environ.get("SYNTH_GAMES", "").split(os.pathsep)))
