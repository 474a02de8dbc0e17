"""1 for a response that a language model holds to be right, as in Game-RL (arXiv 2505.13886, 4.2).

config.grpo.judge names a server that speaks OpenAI's protocol. As in the paper's code, the judge
sees the right answer and the end of the response, not the question, at temperature 0, and its
reply counts if it has "Correctness: Yes". The wording is ours. Replies are kept in the working
directory, so that a resumed run hears them again. Where no reply comes, or one that says nothing,
the rules of `c2l_jax.answers` decide, aloud, for good: the paper's code then looks for the answer's
text in the response.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any

import jax

from c2l_jax.rewards import rule
from endpoint import Endpoint, Request, user
from records.errors import UserError
from records.paths import AnyPath

REPLY_TOKENS = 128
_YES = re.compile(r"correctness:\s*\**\s*yes", re.IGNORECASE)
_CONCLUDES = re.compile(r"therefore|conclusion", re.IGNORECASE)


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
        both = zip(records, responses, strict=True)
        asked = [Request([user(question(*each))], max_tokens=REPLY_TOKENS) for each in both]
        replies = [reply.text for reply in self._endpoint.ask_all(asked)]
        rewards = [float(bool(_YES.search(reply or ""))) for reply in replies]
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


def question(record: Mapping[str, Any], response: str) -> str:
    """What the judge is asked."""
    right = f"The right answer is {record['answer']}"
    if options := record["options"]:
        right = f"The right option is {record['answer']}: {options[ord(record['answer']) - 65]}"
    return (
        "Does a student's answer agree with the right one? Only the final answer counts, not how "
        "it is worded.\n\n"
        f"{right}\n\nThe student's answer:\n{ending(response)}\n\n"
        "Reply with one line and nothing else, either\nCorrectness: Yes\nor\nCorrectness: No"
    )


def ending(response: str) -> str:
    """What a response ends in: from its last "###" if there is one, else from the last empty line
    that follows no colon, else from the last "therefore" or "conclusion", else all of it."""
    if (at := response.rfind("###")) >= 0:
        return response[at:]
    breaks = [m.end() for m in re.finditer(r"(?<!:)\n[^\S\n]*\n", response)]
    found = breaks or [m.start() for m in _CONCLUDES.finditer(response)]
    return response[found[-1] :] if found else response
