"""Reads the final answer out of a model's response and compares it with the record's answer.

Tolerant of wording, strict on value. The comparison is rule-based and needs no second model; the
Game-RL paper (arXiv 2505.13886, appendix H.4) lets a 72B model judge instead, so figures made here
are not comparable with its tables to the last point.
"""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any

from c2l_jax.answers.announced import MOST_CHARACTERS
from c2l_jax.answers.announcements import statements
from c2l_jax.answers.conclusions import conclusions
from c2l_jax.answers.plain import clean, flat, spoken
from c2l_jax.answers.reading import Reading, letters_of, read_choice, read_value
from c2l_jax.answers.values import parse, same
from records.errors import UserError

__all__ = [
    "Verdict",
    "extract",
    "judge",
    "matches",
    "parse",
    "same",
    "score_of",
    "stated",
    "verdict",
    "was_read",
]


_MARKED = re.compile(r"###[ ]*Answer:[ *]*(.*)", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Verdict:
    """extracted: the stated answer, None where there is none. unclear: it can't be read with
    certainty. An answer that is neither right nor unread is wrong. score: in [0, 1], where a
    measure knows more than right (1) and wrong (0)."""

    extracted: str | None
    correct: bool
    unclear: bool = False
    score: float | None = None

    @property
    def read(self) -> bool:
        return self.extracted is not None and not self.unclear

    def fields(self) -> dict[str, Any]:
        """What a line about a response says of its answer."""
        said = {"extracted": self.extracted, "correct": self.correct, "read": self.read}
        return said if self.score is None else said | {"score": self.score}


def was_read(judged: Mapping[str, Any]) -> bool:
    """`Verdict.read` of a response on disk; those of before there was such a field were read if
    something was extracted."""
    return judged["read"] if "read" in judged else judged["extracted"] is not None


def score_of(judged: Mapping[str, Any]) -> float:
    """`Verdict.score` of a response on disk; 1 or 0 where right and wrong are all there is."""
    return float(judged.get("score", judged["correct"]))


def judge(records: Sequence[Mapping[str, Any]], responses: Sequence[str]) -> list[Verdict]:
    """`verdict` on each of several responses, one for each record."""
    return [verdict(text, record) for text, record in zip(responses, records, strict=True)]


def verdict(response: str, record: Mapping[str, Any]) -> Verdict:
    """The verdict on a response's final answer; fields and errors of the record as in `matches`.

    A sentence that can't be read as an answer states none ("this answer is consistent"), so an
    earlier one counts; but nothing counts before an "Answer:" that can't be read.
    """
    _check(record)
    first = None
    for statement in conclusions(response):
        extracted = clean(statement.text)
        if not extracted:
            continue
        first = first or extracted
        reading = _read(extracted, record, statement.strict)
        if reading is not Reading.UNREAD or statement.formal:
            unclear = reading is Reading.UNREAD or statement.withdrawn
            return Verdict(extracted, reading is Reading.RIGHT and not unclear, unclear)
    return Verdict(first, False, unclear=first is not None)


def extract(response: str) -> str | None:
    """The text of the last final-answer statement; None when the response never concludes."""
    texts = (clean(statement.text) for statement in conclusions(response))
    return next(filter(None, texts), None)


def stated(response: str) -> str | None:
    """The final answer word for word, for measures that compare texts; None where there is none.

    What follows the last "### Answer:", the end of the chains that models are trained on; else what
    is announced in another way, or all of a response of one line that announces nothing.
    """
    said = spoken(response).strip()
    if marked := _MARKED.findall(said):
        return marked[-1].strip() or None
    if said and "\n" not in said and not statements(flat(said)):
        return said
    return extract(response)


def matches(answer: str | None, record: Mapping[str, Any]) -> bool:
    """Whether an extracted answer has the value of `record["answer"]`.

    `record["options"]` lists the option texts and `record["answer"]` is the right one's letter; for
    a fill-in, `options` is empty and `answer` is the text itself.

    Raises UserError when the record's answer is not a letter of one of its options.
    """
    _check(record)
    return _read(clean((answer or "")[:MOST_CHARACTERS]), record) is Reading.RIGHT


def _check(record: Mapping[str, Any]):
    letters = letters_of(record["options"])
    if letters and record["answer"] not in letters:
        raise UserError(
            f"the record's answer {record['answer']!r} is none of its {len(letters)} options' "
            f"letters ({', '.join(letters)}); make the data set again"
        )


def _read(text: str, record: Mapping[str, Any], strict: bool = False) -> Reading:
    if not text:
        return Reading.UNREAD
    if options := record["options"]:
        return read_choice(text, options, letters_of(options).index(record["answer"]), strict)
    return read_value(text, record["answer"], strict)
