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
        self._verdict = None

    def tasks(self) -> list[str]:
        return sorted(self._oracles)

    def solve(self, task: str, state: str, params: str) -> str | None:
        """The right answer; None where the solver judges texts instead (`judge`)."""
        self._verdict = self._oracles[task](json.loads(state), json.loads(params))
        return None if callable(self._verdict) else self._verdict

    def judge(self, texts: list[str]) -> list[bool]:
        """Which of the texts are right, of the question that was solved last."""
        return [bool(self._verdict(text)) for text in texts]
