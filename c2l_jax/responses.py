"""What `python -m c2l_jax.sample` leaves in its --out, and reading it."""

import json

from records.errors import UserError
from records.paths import AnyPath, read_json
from records.reading import Split

SETTINGS, RESPONSES = "sampling.json", "responses.jsonl"


def read_responses(directory: AnyPath) -> tuple[dict, list[dict]]:
    """(settings of sampling.json, lines of responses.jsonl, one a question).

    Raises UserError where there are none or they are not whole.
    """
    for name in (SETTINGS, RESPONSES):
        if not (directory / name).is_file():
            raise UserError(f"no {name} in {directory}: sample with `python -m c2l_jax.sample`.")
    settings = read_json(directory / SETTINGS)
    lines = (directory / RESPONSES).read_text().splitlines()
    try:
        questions = [json.loads(line) for line in lines]
    except ValueError:
        questions = []
    whole = [q for q in questions if len(q["responses"]) == settings["n"]]
    if not len(whole) == len(questions) == settings["questions"]:
        raise UserError(
            f"{directory / RESPONSES} is incomplete: {len(whole)} of {settings['questions']} "
            f"questions have {settings['n']} responses; run its `python -m c2l_jax.sample` again."
        )
    return settings, questions


def record_of(question: dict, split: Split, data: AnyPath) -> dict:
    """The record a question was made of. Raises UserError where the data set is another one."""
    index = question["index"]
    record = split[index] if index < len(split) else None
    if record is None or record["id"] != question["id"]:
        raise UserError(
            f"{data} has no record {question['id']} at place {index}: give --data the data set "
            "that the responses were sampled on."
        )
    return record
