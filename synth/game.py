"""What a game and a task are.

A new game is one new file in `synth/games/` ending in `GAME = Game(...)`; nothing else is edited.
`synth/games/maze.py` is the file to copy.
"""

import dataclasses
import json
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from PIL import Image

from records.errors import UserError
from synth import questions

LEVELS = ("Easy", "Medium", "Hard")
CATEGORIES = (
    "3D Spatial Perception and Understanding",
    "Pattern Recognition and Matching",
    "Multi-step Reasoning",
    "Strategic Planning",
)
SPLIT_KINDS = ("in_domain", "out_of_domain")
PERCEPTION, PREDICTION, STRATEGY = QA_TYPES = (
    "Target Perception",
    "State Prediction",
    "Strategy Optimization",
)


@dataclasses.dataclass(frozen=True)
class Solution:
    """What solving a question gives.

    answer: the right value (word, int, cell or tuple of values).
    steps: the reasoning in short sentences, made by the very run of the rules that made `answer`,
        beginning with what is read off the picture; never an option's letter.
    accepts: tells whether a value is right; needed only where a value other than `answer` could be.
    """

    answer: Any
    steps: Sequence[str]
    accepts: Callable[[Any], bool] | None = None

    def is_right(self, value) -> bool:
        return value == self.answer if self.accepts is None else self.accepts(value)


class Task:
    """One kind of question about a game's states; subclass it and fill in.

    `params` are the keyword arguments that vary from question to question (JSON values, lists as
    tuples). Only `pose`, `sample` and `distractors` may use chance, and only through `rng`.
    """

    name: ClassVar[str]
    qa_type: ClassVar[str]
    qa_level: ClassVar[str]
    n_options: ClassVar[int] = 0  # 0: fill-in

    def pose(self, game: "Game", rng: np.random.Generator, level: str) -> tuple[Any, dict] | None:
        """Draws (state, params). Override where the answer must be balanced over the states."""
        state = game.new(rng, level)
        params = self.sample(state, rng, level)
        return None if params is None else (state, params)

    def sample(self, state, rng: np.random.Generator, level: str) -> dict | None:
        """Draws the params; None where this state cannot carry the question."""
        return {}

    def ask(self, state, **params) -> str:
        """The question's own words; the game's rules are put before them."""
        raise NotImplementedError

    def solve(self, state, **params) -> Solution:
        """Answers by running the rules; no randomness."""
        raise NotImplementedError

    def distractors(self, state, rng: np.random.Generator, answer, **params) -> Sequence | None:
        """Draws the `n_options - 1` wrong values, by the very law that `answer` came from.

        Someone who sees only the options must not be able to tell which one is right: drawn so
        that swapping the answer with a distractor gives an equally likely question. If there are
        none (None), or two are equal, or one is right, the whole question is drawn anew.
        """
        raise NotImplementedError

    def text(self, value) -> str:
        """How an answer or option is written."""
        return questions.text(value)


@dataclasses.dataclass(frozen=True)
class Game:
    """Rules, states, pictures and tasks.

    split_kind: "out_of_domain" keeps the game out of training: its positions are all held out.
    rules: what one must know to answer (what the marks mean, coordinates, ties), concise.
    state: frozen dataclass of ints, strings, bools and nested tuples of them.
    new(rng, level): a random state of that plot level.
    draw(state, size): an RGB picture of size x size pixels.
    describe(state): the picture in words, complete: a reader of it needs no picture.
    parse(text): the state back from its description, which proves that.
    difficulty: what makes a state hard, as (what is counted, count(state)); its mean must grow
        from Easy to Hard.
    """

    name: str
    category: str
    split_kind: str
    rules: str
    state: type
    new: Callable[[np.random.Generator, str], Any]
    draw: Callable[[Any, int], Image.Image]
    describe: Callable[[Any], str]
    parse: Callable[[str], Any]
    difficulty: tuple[str, Callable[[Any], float]]
    tasks: tuple[Task, ...]

    def task(self, name: str) -> Task:
        """Raises UserError for an unknown name."""
        for task in self.tasks:
            if task.name == name:
                return task
        names = ", ".join(task.name for task in self.tasks)
        raise UserError(f"game {self.name} has no task '{name}'; choose one of: {names}.")


def check_level(level: str) -> str:
    """Raises UserError for anything but Easy, Medium and Hard."""
    if level not in LEVELS:
        raise UserError(f"there is no level '{level}'; choose one of: {', '.join(LEVELS)}.")
    return level


def to_json(value) -> str:
    """A state or params as one line of JSON, the same text for equal values."""
    if dataclasses.is_dataclass(value):
        value = dataclasses.asdict(value)
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def state_from_json(game: Game, text: str):
    """The inverse of `to_json` for a state of `game`; raises ValueError if it is not one."""
    values = _read_object(text)
    fields = [field.name for field in dataclasses.fields(game.state)]
    if sorted(values) != sorted(fields):
        raise ValueError(f"a state of {game.name} has the keys {', '.join(fields)}")
    return game.state(**values)


def params_from_json(text: str) -> dict:
    """The inverse of `to_json` for params; raises ValueError if it is not a JSON object."""
    return _read_object(text)


def _read_object(text: str) -> dict:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError(f"expected a JSON object, got: {text[:60]}")
    return {key: _tuples(item) for key, item in value.items()}


def _tuples(value):
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
