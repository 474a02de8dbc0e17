"""An independent solver asked in plain values. Only the standard library: it is locked in as it is.

A solver is a module with ORACLES: for each task a function (state, params) of JSON values that
returns the right answer as text, or a function that says of a text whether it is right.
"""

import json
from collections.abc import Callable, Mapping


class Oracle:
    """The solver of a game in this process."""

    def __init__(self, oracles: Mapping[str, Callable]):
        self._oracles = oracles
        self._last = None, None

    def tasks(self) -> list[str]:
        return sorted(self._oracles)

    def solve(self, task: str, state: str, params: str) -> str | None:
        """The right answer; None where the solver judges texts instead (`judge`)."""
        verdict = self._verdict(task, state, params)
        return None if callable(verdict) else verdict

    def judge(self, task: str, state: str, params: str, texts: list[str]) -> list[bool]:
        """Which of the texts are right."""
        is_right = self._verdict(task, state, params)
        return [bool(is_right(text)) for text in texts]

    def _verdict(self, *question: str):
        """The solver's, which is kept: texts are judged right after a question is solved."""
        if self._last[0] != question:
            task, state, params = question
            self._last = question, self._oracles[task](json.loads(state), json.loads(params))
        return self._last[1]
