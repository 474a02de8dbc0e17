"""Multiple choice asked with the options in every rotation, as MMBench does (arXiv 2307.06281).

A question is right if it is in all rotations, so that a liking for a letter earns nothing; the
figure is the plain mean over rotations. Questions without options are asked once.
"""

import itertools
import re
from collections.abc import Sequence
from statistics import fmean
from typing import Any

from c2l_jax import evaluators
from c2l_jax.answers import judge, score_of, was_read
from c2l_jax.data.processor import letter
from records.reading import Split

__all__ = ["asked", "judge", "summarise"]

_ROTATED = re.compile(r", rotated by \d+\Z")  # behind an id


class Rotations(Sequence):
    """The questions of a split, those with n options n times, rotated ever further: rotation r of
    record i is at r * len(split) + i."""

    def __init__(self, split: Split):
        self._split = split

    def __len__(self) -> int:
        return 26 * len(self._split)  # letters: more options than any record has

    def __getitem__(self, index: int) -> dict:
        by, at = divmod(index, len(self._split))
        record = self._split[at]
        return rotated(record, by) if by else record


def rotated(record: dict, by: int) -> dict:
    """The record with its first options moved behind the others, and an id that says how many."""
    options = record["options"]
    right = (ord(record["answer"]) - ord("A") - by) % len(options)
    moved = {"options": options[by:] + options[:by], "answer": letter(right)}
    return record | moved | {"id": f"{record['id']}, rotated by {by}"}


def asked(split: Split, indices: Sequence[int]) -> tuple[Rotations, list[int]]:
    """The rotations of a question follow each other."""
    kinds, kind_n = split.kinds()
    return Rotations(split), [
        by * len(split) + index
        for index in indices
        for by in range(max(1, kinds[kind_n[index]]["options"]))
    ]


def summarise(questions: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of all rotations of a question, the worst response counts."""
    whole = []
    for _, group in itertools.groupby(questions, lambda each: _ROTATED.sub("", each["id"])):
        first, *others = group
        responses = zip(*(question["responses"] for question in (first, *others)), strict=True)
        whole.append(first | {"responses": [min(each, key=_worth) for each in responses]})
    every = [score_of(response) for question in questions for response in question["responses"]]
    return evaluators.summarise(whole) | {"figures": {"each rotation by itself": fmean(every)}}


def _worth(response: dict[str, Any]) -> tuple[float, bool]:
    return score_of(response), was_read(response)
