"""Relaxed accuracy, of ChartQA (arXiv 2203.10244, section 5.1; after arXiv 1909.00997).

Numbers may be off by 5 %, years among them; all else is equal but for case. "12%" is 0.12, and a
number with commas is a text, as in the evaluation code that others use (pix2struct, lmms-eval).
"""

import math
from collections.abc import Sequence

from c2l_jax.judging import scored

TOLERANCE = 0.05


def judge(records, responses):
    return scored(relaxed_accuracy, records, responses)


def relaxed_accuracy(answer: str, accepted: Sequence[str]) -> float:
    return float(any(_matches(answer.strip(), each.strip()) for each in accepted))


def _matches(answer: str, accepted: str) -> bool:
    said, right = _number(answer), _number(accepted)
    if said is None or not right:  # there are no per cent of 0
        return answer.lower() == accepted.lower()
    return abs(said - right) / abs(right) <= TOLERANCE


def _number(text: str) -> float | None:
    try:
        number = float(text.rstrip("%")) / 100 if text.endswith("%") else float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
