"""A game asked in plain values: states and params are JSON, and nothing of the game comes along.

This is all that making and checking records needs to know of a game. What answers may therefore be
the game itself (`Engine`), or a process that is locked in (`synth.locked.client`).
"""

import dataclasses
import functools

import numpy as np

from records.errors import UserError
from synth.game import Game, params_from_json, state_from_json, to_json
from synth.questions import options_of

MAX_DRAWS = 10_000


@dataclasses.dataclass(frozen=True)
class AboutTask:
    name: str
    qa_type: str
    qa_level: str
    n_options: int


@dataclasses.dataclass(frozen=True)
class About:
    """What a game says of itself. counts: what makes a state hard."""

    name: str
    category: str
    split_kind: str
    rules: str
    counts: str
    tasks: tuple[AboutTask, ...]

    def task(self, name: str) -> AboutTask:
        """Raises UserError for an unknown name."""
        for task in self.tasks:
            if task.name == name:
                return task
        raise UserError(f"game {self.name} has no task '{name}'.")


@dataclasses.dataclass(frozen=True)
class Made:
    """A question drawn by chance. text: the right answer; options: empty for a fill-in."""

    state: str
    params: str
    asked: str
    options: list[str]
    text: str
    steps: list[str]
    description: str


@dataclasses.dataclass(frozen=True)
class Told:
    """What follows from state and params. several: values other than the answer could be right."""

    asked: str
    text: str
    steps: list[str]
    several: bool
    description: str
    difficulty: float


class Engine:
    """A game in this process."""

    def __init__(self, game: Game):
        self._game = game

    def about(self) -> About:
        return _about(self._game)

    def make(self, task: str, level: str, seed: int) -> Made:
        """A question, a function of the arguments alone.

        Raises RuntimeError if no drawn state can carry it.
        """
        its_task = self._game.task(task)
        rng = np.random.Generator(np.random.PCG64(seed))
        for _ in range(MAX_DRAWS):
            posed = its_task.pose(self._game, rng, level)
            if posed is None:
                continue
            state, params = posed
            solution = its_task.solve(state, **params)
            values = []
            if its_task.n_options:
                values = options_of(its_task, state, params, solution, rng)
            if values is None:
                continue
            return Made(
                to_json(state),
                to_json(params),
                its_task.ask(state, **params),
                [its_task.text(value) for value in values],
                its_task.text(solution.answer),
                list(solution.steps),
                self._game.describe(state),
            )
        raise RuntimeError(
            f"none of {MAX_DRAWS} draws of {self._game.name}/{task} at level {level} could carry "
            "the question; loosen its sample() or distractors()"
        )

    def told(self, task: str, state: str, params: str) -> Told:
        """Words and solves a question again."""
        its_task, its_state = self._game.task(task), state_from_json(self._game, state)
        values = params_from_json(params)
        solution = its_task.solve(its_state, **values)
        return Told(
            its_task.ask(its_state, **values),
            its_task.text(solution.answer),
            list(solution.steps),
            solution.accepts is not None,
            self._game.describe(its_state),
            float(self._game.difficulty[1](its_state)),
        )

    def parse(self, description: str) -> str:
        """The state that a description tells, as JSON."""
        return to_json(self._game.parse(description))

    def draw(self, state: str, size: int) -> np.ndarray:
        """A state's picture: uint8 [size, size, 3]."""
        return np.asarray(self._game.draw(state_from_json(self._game, state), size))


@functools.cache
def _about(game: Game) -> About:
    tasks = (AboutTask(t.name, t.qa_type, t.qa_level, t.n_options) for t in game.tasks)
    return About(
        game.name, game.category, game.split_kind, game.rules, game.difficulty[0], tuple(tasks)
    )
