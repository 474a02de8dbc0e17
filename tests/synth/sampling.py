"""Questions made once and looked at by several tests."""

import json
from string import ascii_uppercase as LETTERS

from synth.game import LEVELS
from synth.records import make_question
from synth.registry import all_games

TASKS = [(game.name, task.name) for game in all_games().values() for task in game.tasks]
CHOICES = [
    (game.name, task.name) for game in all_games().values() for task in game.tasks if task.n_options
]
_MADE = {task: [] for task in TASKS}


def questions(game: str, task: str, per_level: int) -> list[dict]:
    """Records without pictures, `per_level` of each plot level in turn."""
    made = _MADE[game, task]
    for index in range(len(made) // len(LEVELS), per_level):
        made += [make_question(game, task, level, 7, index) for level in LEVELS]
    return made[: per_level * len(LEVELS)]


def chosen(record: dict) -> str:
    """The text of the right option, or what is filled in."""
    options = record["options"]
    return options[LETTERS.index(record["answer"])] if options else record["answer"]


def state_and_params(record: dict) -> tuple[dict, dict]:
    return json.loads(record["state"]), json.loads(record["params"])
