"""1 for a response that a language model holds to be right, as in Game-RL (arXiv 2505.13886, 4.2).

config.grpo.judge names a server that speaks OpenAI's protocol; c2l_jax.model_judge says what it is
asked. Replies are kept in the working directory, so that a resumed run hears them again. Where no
reply comes, or one that says nothing, the rules of `c2l_jax.answers` decide, aloud, for good: the
paper's code then looks for the answer's text in the response.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import jax

from c2l_jax.model_judge import ask, correctness
from c2l_jax.rewards import rule
from endpoint import Endpoint
from records.errors import UserError
from records.paths import AnyPath


def make(grpo, workdir: AnyPath) -> "Judge":
    return Judge(grpo.judge, workdir / f"judge-{jax.process_index()}.sqlite")


class Judge:
    """The reward. Raises UserError without a model's name.

    kept: file of replies.
    """

    def __init__(self, settings, kept: AnyPath):
        if not settings.model:
            raise UserError("config.grpo.judge: give the model's name as the server knows it.")
        self._settings, self._kept = settings, kept
        self._endpoint: Endpoint | None = None

    def __call__(
        self, records: Sequence[Mapping[str, Any]], responses: Sequence[str]
    ) -> list[float]:
        if self._endpoint is None:  # now: the working directory is there
            self._endpoint = self._connected()
        replies = ask(self._endpoint, records, responses)
        rewards = [float(correctness(reply) is True) for reply in replies]
        if silent := [place for place, reply in enumerate(replies) if reply is None]:
            logging.warning(
                "the judge at %s gave no reply to %d of %d responses: the rules decided",
                self._settings.url,
                len(silent),
                len(responses),
            )
            ruled = rule.reward([records[i] for i in silent], [responses[i] for i in silent])
            for place, reward in zip(silent, ruled, strict=True):
                rewards[place] = reward
        return rewards

    def _connected(self) -> Endpoint:
        settings = self._settings
        return Endpoint(
            settings.url,
            settings.model,
            cache=self._kept,
            concurrency=settings.concurrency,
            timeout=settings.timeout,
            max_wait=settings.max_wait,
            keep_failures=True,
        )
