"""Which sampled responses become preference pairs, and which are to be imitated."""

import dataclasses
import hashlib
import math
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from c2l_jax.answers import score_of, was_read
from records.schema import task_name


@dataclasses.dataclass(frozen=True)
class Pair:
    """Responses, as in responses.jsonl, to questions[question]; `number` counts a question's.

    Without a rejected one, the chosen is to be imitated.
    """

    question: int
    number: int
    chosen: dict
    rejected: dict | None = None


def accuracy(question: dict) -> float:
    return sum(r["correct"] for r in question["responses"]) / len(question["responses"])


def sides(question: dict, seed: int) -> tuple[list[dict], list[dict]]:
    """The right and the wrong responses to a question, in random order.

    Responses with the same text count as one. Right ones have ended. Those whose answer could not
    be read are of neither kind, nor are those that are right in part.
    """
    texts: dict[str, dict] = {}
    for response in question["responses"]:
        if response["text"] not in texts or response["ended"]:
            texts[response["text"]] = response
    rng = np.random.default_rng([seed, stable_hash(question["id"])])
    responses = [list(texts.values())[i] for i in rng.permutation(len(texts))]
    right = [r for r in responses if r["correct"] and r["ended"]]
    return right, [r for r in responses if score_of(r) == 0 and was_read(r)]


def random_pairs(right: list[dict], wrong: list[dict], most: int) -> list[tuple[dict, dict]]:
    """At most `most` different (chosen, rejected); no response comes twice before all others of its
    kind have come."""
    if not right or not wrong:
        return []
    # Both in turn; every time that would meet again, the wrong ones move on by one.
    turn = math.lcm(len(right), len(wrong))
    return [
        (right[i % len(right)], wrong[(i + i // turn) % len(wrong)])
        for i in range(min(most, len(right) * len(wrong)))
    ]


def near_pairs(
    right: list[dict], wrong: list[dict], most: int, tokens: Callable[[str], Sequence[int]]
) -> list[tuple[dict, dict]]:
    """At most `most` (chosen, rejected), those with the fewest differing tokens: each wrong one
    once at most, with the right one that is nearest to it. tokens: of a text."""
    if not right:
        return []
    tokens_of_right = [tokens(response["text"]) for response in right]
    found = []
    for response in wrong:
        own = tokens(response["text"])
        distances = [differing_tokens(own, others) for others in tokens_of_right]
        nearest = int(np.argmin(distances))
        found.append((distances[nearest], right[nearest], response))
    return [tuple(both) for _, *both in sorted(found, key=lambda each: each[0])[:most]]


def right_alone(right: list[dict], wrong: list[dict], most: int) -> list[tuple[dict]]:
    """At most `most` right responses."""
    del wrong
    return [(response,) for response in right[:most]]


def differing_tokens(first: Sequence[int], second: Sequence[int]) -> int:
    """How many tokens have to be taken out of both for the same to be left.

    By the length of the longest common subsequence, a row of whose table is the bits of a number
    (Hyyro 2004, Bit-parallel LCS-length computation revisited).
    """
    places: dict[int, int] = {}
    for place, token in enumerate(first):
        places[token] = places.get(token, 0) | 1 << place
    every = (1 << len(first)) - 1
    row = every
    for token in second:
        met = row & places.get(token, 0)
        row = (row + met | row - met) & every
    common = len(first) - row.bit_count()
    return len(first) + len(second) - 2 * common


def choose(
    questions: Sequence[dict],
    find: Callable[[list[dict], list[dict]], list[tuple[dict, ...]]],
    *,
    low: float,
    high: float,
    balance: bool,
    seed: int,
) -> tuple[list[Pair], Counter]:
    """Pairs of the questions whose accuracy is in [low, high], and how many were what.

    find: pairs of the right and wrong responses to a question, or right ones alone.
    balance: no task keeps more pairs than the mean number a task; which ones is random.
    """
    pairs, counts = [], Counter(dict.fromkeys(("too easy", "too hard", "unused", "kept"), 0))
    for index, question in enumerate(questions):
        share, found = accuracy(question), []
        if share < low or share > high:
            counts["too hard" if share < low else "too easy"] += 1
        else:
            found = find(*sides(question, seed))
            counts["kept" if found else "unused"] += 1
        pairs += [Pair(index, number, *both) for number, both in enumerate(found)]
    if balance and pairs:
        by_task: dict[str, list[Pair]] = {}
        for pair in pairs:
            by_task.setdefault(task_name(questions[pair.question]), []).append(pair)
        cap = -(-len(pairs) // len(by_task))

        def drawn(pair):
            return stable_hash(f"{seed} {questions[pair.question]['id']} {pair.number}")

        capped = [pair for group in by_task.values() for pair in sorted(group, key=drawn)[:cap]]
        pairs = sorted(capped, key=lambda pair: (pair.question, pair.number))
        left = len({pair.question for pair in pairs})
        counts["balanced away"], counts["kept"] = counts["kept"] - left, left
    return pairs, counts


def count_unread(questions: Sequence[dict]) -> int:
    """Responses that are in no pair because their answers could not be read."""
    return sum(not was_read(r) for question in questions for r in question["responses"])


def stable_hash(text: str) -> int:
    """64 bits."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
