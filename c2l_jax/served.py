"""A model behind a server, asked the questions of a data set as a model here is.

It gets a user's message with the pictures as they are on disk and the same text; no system prompt.
"""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence

import jax
from tqdm import tqdm

from c2l_jax.asking import Answer, Model, Settings, Source
from c2l_jax.data.processor import user_text
from endpoint import Endpoint, Reply, Request, user
from records.errors import UserError
from records.paths import AnyPath, anywhere
from records.schema import pictures_of


def source(
    model: AnyPath | str | None, endpoint: Endpoint | None, *, rows: int, lanes: int
) -> Source:
    """Whichever of both is given. Raises UserError unless it is one."""
    if (model is None) == (endpoint is None):
        raise UserError("give either --model or --endpoint: who is to respond.")
    return Served(endpoint) if model is None else Model(anywhere(model), rows, lanes)


@dataclasses.dataclass(frozen=True)
class Served:
    """Responds from an endpoint. Raises UserError where several processes would ask it."""

    endpoint: Endpoint

    def __post_init__(self):
        if jax.process_count() > 1:
            raise UserError("--endpoint is asked by one process: leave the others out.")

    @property
    def identity(self) -> dict[str, str | int]:
        return {"model": self.endpoint.model, "endpoint": self.endpoint.url}

    def answers(
        self, split: Sequence[dict], asked: Sequence[int], left: Sequence[int], settings: Settings
    ) -> Iterator[tuple[int, list[Answer]]]:
        if settings.top_k:
            raise UserError("--top-k is nothing that OpenAI's protocol knows: leave it out.")
        replies = self.endpoint.ask_all(_requests(split, left, settings))
        for index in tqdm(left, "asking", unit="question"):
            yield index, [_answer(reply) for reply in itertools.islice(replies, settings.n)]


def _requests(split: Sequence[dict], left: Sequence[int], settings: Settings) -> Iterator[Request]:
    for index in left:
        record = split[index]
        message = user(user_text(record, settings.format), *pictures_of(record))
        for number in range(settings.n):
            # A server that draws by a seed would give one seed one response.
            seed = settings.seed * settings.n + number if settings.temperature else None
            yield Request(
                [message], number, settings.temperature, settings.top_p, settings.max_tokens, seed
            )


def _answer(reply: Reply) -> Answer:
    return Answer(
        text=reply.text or "",
        logp=None,
        tokens=reply.completion_tokens,
        ended=reply.failure is None,
        failure=reply.failure,
    )
