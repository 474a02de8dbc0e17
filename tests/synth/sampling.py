"""Questions made once and looked at by several tests."""

import functools

from synth.game import LEVELS, all_games
from synth.records import make_question

TASKS = [(game.name, task.name) for game in all_games().values() for task in game.tasks]
CHOICES = [
    (game.name, task.name) for game in all_games().values() for task in game.tasks if task.n_options
]


@functools.cache
def questions(game: str, task: str, per_level: int) -> list[dict]:
    """Records without pictures, `per_level` of each plot level in turn."""
    return [
        make_question(game, task, level, 7, index) for index in range(per_level) for level in LEVELS
    ]
