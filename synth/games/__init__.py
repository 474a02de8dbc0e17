"""One file a game. SYNTH_GAMES names more folders with games, separated as in PATH."""

import os
from pathlib import Path

from synth.game import UserError

for folder in filter(None, os.environ.get("SYNTH_GAMES", "").split(os.pathsep)):
    if not Path(folder).is_dir():
        raise UserError(f"SYNTH_GAMES names {folder}, which is no folder.")
    __path__.append(os.path.abspath(folder))
