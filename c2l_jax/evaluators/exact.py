"""Exact match: an accepted answer letter by letter, but for case and blanks."""

from collections.abc import Sequence

from c2l_jax.judging import scored


def judge(records, responses):
    return scored(exact_match, records, responses)


def exact_match(answer: str, accepted: Sequence[str]) -> float:
    said = answer.casefold().split()
    return float(any(said == each.casefold().split() for each in accepted))
