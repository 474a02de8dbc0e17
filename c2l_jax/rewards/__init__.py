"""What responses are worth: functions `(records, responses) -> list[float]`, weighted and added.

Records are as they were asked (see `processor.as_asked`), with their pictures; responses are texts,
one for each record. config.grpo.rewards has a line (name, weight) for each; a name is a key of
REWARDS, whose modules have `make(settings, workdir)`, or the import path of a function,
package.module:function.
"""

import functools
import importlib
import math
import queue
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from c2l_jax.judging import function_at
from records.errors import UserError
from records.paths import AnyPath

Reward = Callable[[Sequence[Mapping[str, Any]], Sequence[str]], Sequence[float]]
REWARDS = {"rule": "c2l_jax.rewards.rule", "judge": "c2l_jax.rewards.judge"}


class Rewards:
    """The rewards that a run is for.

    Args:
      grpo: config.grpo.
      workdir: where a reward may keep what it found out.

    Raises UserError for one that does not exist, and for weights that make no sense.
    """

    def __init__(self, grpo, workdir: AnyPath):
        self._timeout = grpo.reward_timeout
        if not grpo.rewards:
            raise UserError("config.grpo.rewards is empty: give (name, weight) for at least one.")
        self.weights: dict[str, float] = {}
        self._rewards: dict[str, Reward] = {}
        for name, weight in grpo.rewards:
            if not math.isfinite(weight) or name in self.weights:
                raise UserError(
                    f"config.grpo.rewards: {name} has the weight {weight}; it must be finite, and "
                    "no name be there twice."
                )
            self.weights[name] = weight
            if name in REWARDS:
                module = importlib.import_module(REWARDS[name])
                self._rewards[name] = module.make(grpo, workdir)
            else:
                self._rewards[name] = function_at(name, "config.grpo.rewards")

    def __call__(
        self, records: Sequence[Mapping[str, Any]], responses: Sequence[str]
    ) -> dict[str, np.ndarray]:
        """Each reward by its name, float64 [n], not weighted.

        Raises UserError where one fails, gives anything but a finite number for each response, or
        takes longer than config.grpo.reward_timeout seconds.
        """
        return {name: self._ask(name, records, responses) for name in self._rewards}

    def _ask(self, name: str, records, responses) -> np.ndarray:
        found = within(self._timeout, functools.partial(self._rewards[name], records, responses))
        if found is None:
            raise UserError(
                f"the reward {name} has not returned from {len(responses)} responses after "
                f"config.grpo.reward_timeout = {self._timeout} seconds."
            )
        value, error = found
        if isinstance(error, UserError):
            raise error
        if error is not None:
            last = traceback.extract_tb(error.__traceback__)[-1]
            raise UserError(
                f"the reward {name} failed: {last.filename}, line {last.lineno}: "
                f"{type(error).__name__}: {error}"
            ) from error
        try:
            rewards = np.asarray(value, np.float64)
        except (TypeError, ValueError):
            rewards = np.full(1, np.nan)
        if rewards.shape != (len(responses),) or not np.isfinite(rewards).all():
            raise UserError(
                f"the reward {name} gave {str(value)[:200]} for {len(responses)} responses: it "
                "must give a list with one finite number for each."
            )
        return rewards


def within(seconds: float, function: Callable) -> tuple[Any, Exception | None] | None:
    """(its value, None) or (None, what it raised); None if that takes longer than `seconds`.

    It is called in a thread that the end of the process does not wait for.
    """
    done: queue.SimpleQueue = queue.SimpleQueue()

    def call():
        try:
            done.put((function(), None))
        except Exception as error:
            done.put((None, error))

    threading.Thread(target=call, daemon=True).start()
    try:
        return done.get(timeout=seconds)
    except queue.Empty:
        return None
