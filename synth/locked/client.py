"""Games and oracles that answer from locked processes, in place of imported ones."""

import numpy as np

from synth import registry
from synth.engine import About, Made, Told
from synth.locked import replies
from synth.locked.process import Failed, Limits, Process
from synth.locked.sandbox import Sandbox


class LockedEngine:
    """`synth.engine.Engine`, in a locked process. All calls raise Failed."""

    def __init__(self, process: Process, name: str):
        self._process, self._name, self._about = process, name, None

    def about(self) -> About:
        if self._about is None:
            about = self._ask(lambda value: replies.read(About, value), "about")
            if about.name != self._name:
                raise Failed(f"the file of the game '{self._name}' calls it '{about.name}'.")
            self._about = about
        return self._about

    def make(self, task: str, level: str, seed: int) -> Made:
        made = self._ask(lambda v: replies.read(Made, v), "make", task=task, level=level, seed=seed)
        if len(made.options) != self.about().task(task).n_options:
            raise Failed(f"the game {self._name} gave {len(made.options)} options in {task}.")
        if made.options and made.options.count(made.text) != 1:
            raise Failed(f"the game {self._name} has the answer in {task} not once as an option.")
        return made

    def told(self, task: str, state: str, params: str) -> Told:
        return self._ask(
            lambda v: replies.read(Told, v), "told", task=task, state=state, params=params
        )

    def parse(self, description: str) -> str:
        return self._ask(replies.json_object, "parse", description=description)

    def draw(self, state: str, size: int) -> np.ndarray:
        return self._ask(lambda value: replies.pixels(value, size), "draw", state=state, size=size)

    def close(self) -> None:
        self._process.close()

    def _ask(self, check, call: str, **arguments):
        value = self._process.ask(call, **arguments)
        try:
            return check(value)
        except replies.Wrong as error:
            raise Failed(f"the game {self._name}: what it says to {call} {error}.") from None


class LockedOracle:
    """`synth.oracle.Oracle`, in a locked process. All calls raise Failed."""

    def __init__(self, process: Process, name: str):
        self._process, self._name, self._tasks = process, name, None

    def tasks(self) -> list[str]:
        if self._tasks is None:
            self._tasks = self._checked(replies.texts, self._process.ask("tasks"))
        return self._tasks

    def solve(self, task: str, state: str, params: str) -> str | None:
        value = self._process.ask("solve", task=task, state=state, params=params)
        return None if value is None else self._checked(replies.text, value)

    def judge(self, task: str, state: str, params: str, texts: list[str]) -> list[bool]:
        verdicts = self._process.ask("judge", task=task, state=state, params=params, texts=texts)
        if not isinstance(verdicts, list) or len(verdicts) != len(texts):
            raise Failed(f"the oracle {self._name} has not judged {len(texts)} texts.")
        return [self._checked(replies.flag, verdict) for verdict in verdicts]

    def close(self) -> None:
        self._process.close()

    def _checked(self, check, value):
        try:
            return check(value)
        except replies.Wrong as error:
            raise Failed(f"the oracle {self._name}: what it says {error}.") from None


class Answering:
    """What `registry.answered_by` takes: a process for each game and oracle, started when asked."""

    def __init__(self, sandbox: Sandbox, limits: Limits):
        self._sandbox, self._limits, self._open = sandbox, limits, {}

    def engine(self, name: str, again: bool) -> LockedEngine:
        return self._opened(LockedEngine, "game", name, again)

    def oracle(self, name: str) -> LockedOracle:
        return self._opened(LockedOracle, "oracle", name, False)

    def for_workers(self):
        return _enter, (self._sandbox, self._limits)

    def _opened(self, kind, of: str, name: str, again: bool):
        if (of, name, again) not in self._open:
            process = Process(self._sandbox, of, name, self._limits)
            self._open[of, name, again] = kind(process, name)
        return self._open[of, name, again]

    def close(self) -> None:
        for one in self._open.values():
            one.close()
        self._open.clear()


def _enter(sandbox: Sandbox, limits: Limits) -> None:
    """For a worker process, whose locked processes die with it."""
    registry.answer_by(Answering(sandbox, limits))
