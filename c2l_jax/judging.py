"""Who says whether responses are right: a function `(records, responses) -> list[Verdict]`.

Records are as they were asked (see `processor.as_asked`), with their pictures; responses are texts,
one for each record. `c2l_jax.answers.judge` goes by rules; --judge takes any other, or a language
model behind a server (c2l_jax.model_judge).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from c2l_jax.answers import Verdict, stated, verdict
from c2l_jax.answers.plain import characters
from records.errors import UserError
from records.imports import module_at
from records.schema import accepted_answers

Judge = Callable[[Sequence[Mapping[str, Any]], Sequence[str]], list[Verdict]]


def function_at(path: str, setting: str) -> Callable:
    """The function that `setting` gives as package.module:function.

    Raises UserError where there is none.
    """
    module_name, _, name = path.partition(":")
    module = module_at(module_name) if module_name and name else None
    function = getattr(module, name, None)
    if not callable(function):
        raise UserError(f"{setting} {path!r}: there is no such function; give package.module:name.")
    return function


def import_path(function: Callable) -> str:
    """What `function_at` finds it by, or what a judge that is no function calls itself."""
    if name := getattr(function, "name", None):
        return name
    return f"{function.__module__}:{function.__qualname__}"


def verdicts(
    judge: Judge, records: Sequence[Mapping[str, Any]], responses: Sequence[str]
) -> list[Verdict]:
    """What a judge says of a batch. Raises UserError where that is not one verdict a response."""
    found = judge(records, responses)
    if len(found) != len(responses):
        raise UserError(
            f"the judge {import_path(judge)} gave {len(found)} verdicts on {len(responses)} "
            "responses: it must give one for each, in their order."
        )
    return found


def scored(
    measure: Callable[[str, Sequence[str]], float],
    records: Sequence[Mapping[str, Any]],
    responses: Sequence[str],
) -> list[Verdict]:
    """Verdicts by a measure of texts: what it gives a stated answer, in [0, 1], by all accepted
    answers of the record. Where there are options, the rules read which one is meant."""
    return [_scored(measure, *both) for both in zip(records, responses, strict=True)]


def _scored(measure, record: Mapping[str, Any], response: str) -> Verdict:
    if record["options"]:
        return verdict(response, record)
    answer = stated(response)
    if answer is None:
        return Verdict(None, correct=False)
    # Signs as `stated` writes them.
    score = measure(answer, [characters(each) for each in accepted_answers(record)])
    return Verdict(answer, correct=score == 1, score=score if 0 < score < 1 else None)
