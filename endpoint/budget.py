"""What requests may cost, looked at before each of them leaves."""

import argparse
import dataclasses
import threading
from collections.abc import Callable

from records.errors import UserError


class BudgetEnded(UserError):
    """The next request might cost more than is left."""

    exit_code = 1


def price(text: str) -> tuple[float, float]:
    """A price as commands take it, IN,OUT; the type of an argument for argparse."""
    try:
        of_prompts, of_replies = map(float, text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not like 0.5,1.5") from None
    return of_prompts, of_replies


@dataclasses.dataclass(frozen=True)
class Spent:
    """Since the endpoint was made. requests: those that left, retries included; cached: replies
    that were kept from before; cost: None without a price."""

    requests: int = 0
    cached: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None


@dataclasses.dataclass(frozen=True)
class Tokens:
    """Of one request: those of the prompt and those of the reply."""

    prompt: int = 0
    completion: int = 0


class Budget:
    """Counts what was spent, and what the requests on their way might still take.

    Args:
      max_requests, max_tokens, max_cost: limits, None for none; tokens are those of prompts and
        replies together, a retry is a request.
      price: of a million prompt tokens, and of a million of replies.

    Raises UserError for limits below 1 and for a max_cost without a price.
    """

    def __init__(
        self,
        max_requests: int | None = None,
        max_tokens: int | None = None,
        price: tuple[float, float] | None = None,
        max_cost: float | None = None,
    ):
        if any(most is not None and not most > 0 for most in (max_requests, max_tokens, max_cost)):
            raise UserError("a budget of requests, tokens or money must be above 0.")
        if price is not None and (len(price) != 2 or not all(each >= 0 for each in price)):
            raise UserError("a price is two numbers: of a million tokens in, and of a million out.")
        if max_cost is not None and price is None:
            raise UserError("a budget of money needs a price: of a million tokens in, and out.")
        self._limits = (max_requests, max_tokens, max_cost)
        self._price = price
        self._requests = self._cached = self._prompt = self._completion = 0
        self._under_way: list[Tokens] = []
        self._changed = threading.Condition()

    @property
    def spent(self) -> Spent:
        with self._changed:
            money = None if self._price is None else self._money(self._prompt, self._completion)
            return Spent(self._requests, self._cached, self._prompt, self._completion, money)

    def count_cached(self):
        with self._changed:
            self._cached += 1

    def reserve(self, most: Tokens, stopped: Callable[[], bool]) -> bool:
        """Lets a request leave that might take so many tokens; False where `stopped` says so.

        Waits where it may be the requests on their way that leave too little. Raises BudgetEnded
        where the limits have no room for it.
        """
        with self._changed:
            while not stopped():
                if reason := self._beyond([most], 1):
                    raise BudgetEnded(
                        f"the budget of {reason} leaves no room for another request: the same "
                        "command goes on from here, with a budget of its own."
                    )
                if not self._beyond([most, *self._under_way], 1):
                    self._requests += 1
                    self._under_way.append(most)
                    return True
                self._changed.wait()
            return False

    def settle(self, most: Tokens, taken: Tokens):
        """What a request that `reserve` let go has taken."""
        with self._changed:
            self._under_way.remove(most)
            self._prompt += taken.prompt
            self._completion += taken.completion
            self._changed.notify_all()

    def wake(self):
        """Has requests that wait for room look again whether they are stopped."""
        with self._changed:
            self._changed.notify_all()

    def _beyond(self, more: list[Tokens], requests: int) -> str | None:
        """The limit that would be passed, if any."""
        prompt = self._prompt + sum(each.prompt for each in more)
        completion = self._completion + sum(each.completion for each in more)
        most_requests, most_tokens, most_money = self._limits
        if most_requests is not None and self._requests + requests > most_requests:
            return f"{most_requests} requests"
        if most_tokens is not None and prompt + completion > most_tokens:
            return f"{most_tokens} tokens"
        if most_money is not None and self._money(prompt, completion) > most_money:
            return f"{most_money:g} in money"
        return None

    def _money(self, prompt: int, completion: int) -> float:
        return (prompt * self._price[0] + completion * self._price[1]) / 1e6
