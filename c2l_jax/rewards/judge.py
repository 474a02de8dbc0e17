"""1 for a response that a language model holds to be right, as in Game-RL (arXiv 2505.13886, 4.2).

config.grpo.judge names a server that speaks OpenAI's protocol. As in the paper's code, the judge
sees the right answer and the end of the response, not the question, at temperature 0, and its
reply counts if it has "Correctness: Yes". The wording is ours. Replies are kept in the working
directory, so that a resumed run hears them again. Where no reply comes after all retries the rules
of `c2l_jax.answers` decide, aloud, for good: the paper's code then looks for the answer's text in
the response.
"""

import hashlib
import json
import logging
import os
import random
import re
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax

from c2l_jax.paths import Lines
from c2l_jax.rewards import rule
from records.errors import UserError
from records.paths import AnyPath

REPLY_TOKENS = 128
_YES = re.compile(r"correctness:\s*\**\s*yes", re.IGNORECASE)
_CONCLUDES = re.compile(r"therefore|conclusion", re.IGNORECASE)
_LONGEST_WAIT = 30.0  # seconds between two tries
_RETRIED = (408, 409, 429, 500, 502, 503, 504)  # the server may think otherwise later


def make(grpo, workdir: AnyPath) -> "Judge":
    return Judge(grpo.judge, workdir / f"judge-{jax.process_index()}.jsonl")


class Judge:
    """The reward. Raises UserError without a model's name.

    kept: file of replies; a line each.
    """

    def __init__(self, settings, kept: AnyPath):
        if not settings.model or settings.concurrency < 1 or not settings.timeout > 0:
            raise UserError(
                "config.grpo.judge: give the model's name as the server knows it, at least 1 "
                "request at a time and a timeout above 0."
            )
        self._settings, self._file = settings, kept
        self._replies: dict[str, str | None] = {}  # by a request's digest; None: there was none
        self._lines: Lines | None = None

    def __call__(
        self, records: Sequence[Mapping[str, Any]], responses: Sequence[str]
    ) -> list[float]:
        if self._lines is None:  # now: the working directory is there
            self._open()
        asked = [self._request(*both) for both in zip(records, responses, strict=True)]
        keys = [hashlib.sha256(request).hexdigest() for request in asked]
        new = {k: r for k, r in zip(keys, asked, strict=True) if k not in self._replies}
        with ThreadPoolExecutor(self._settings.concurrency) as pool:
            for key, reply in zip(new, pool.map(self._ask, new.values()), strict=True):
                self._replies[key] = reply
                self._lines.add(json.dumps({"key": key, "reply": reply}) + "\n")
        silent = [place for place, key in enumerate(keys) if self._replies[key] is None]
        rewards = [float(bool(_YES.search(self._replies[key] or ""))) for key in keys]
        if silent:
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

    def _open(self):
        lines = []
        if self._file.exists():
            content = self._file.read_bytes()
            lines = content[: content.rfind(b"\n") + 1].decode().splitlines(keepends=True)
            self._replies = {line["key"]: line["reply"] for line in map(json.loads, lines)}
        self._lines = Lines(self._file, lines)

    def _request(self, record: Mapping[str, Any], response: str) -> bytes:
        content = {
            "model": self._settings.model,
            "messages": [{"role": "user", "content": question(record, response)}],
            "temperature": 0,
            "max_tokens": REPLY_TOKENS,
        }
        return json.dumps(content).encode()

    def _ask(self, request: bytes) -> str | None:
        """The judge's reply; None where there is none after all retries.

        Raises UserError for an answer of the server that no retry would change.
        """
        settings = self._settings
        headers = {"Content-Type": "application/json"}
        if key := os.environ.get("OPENAI_API_KEY"):
            headers["Authorization"] = f"Bearer {key}"
        url = f"{settings.url.rstrip('/')}/chat/completions"
        for attempt in range(settings.retries + 1):
            try:
                call = urllib.request.Request(url, request, headers)
                with urllib.request.urlopen(call, timeout=settings.timeout) as answer:
                    return json.load(answer)["choices"][0]["message"]["content"]
            except urllib.error.HTTPError as error:
                if error.code not in _RETRIED:
                    reason = error.read(200).decode(errors="replace")
                    raise UserError(f"the judge at {url} answers {error.code}: {reason}") from error
            except (OSError, ValueError, LookupError, TypeError):
                pass  # no connection, too late, or no reply in what came: told by the caller
            if attempt < settings.retries:
                time.sleep(min(_LONGEST_WAIT, 2**attempt * random.uniform(0.1, 0.5)))
        return None


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
