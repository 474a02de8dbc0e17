"""Conversations as LLaVA is trained on: JSON, or a line each.

`conversations` are turns of "human" and "gpt"; `image` is a path or a list of them, missing or null
for text alone; "<image>" in a turn is where a picture goes, and one without is put first. Each turn
of "gpt" is a question of its own, and what was said before is a part of it. A response is a chain
if it has the line "### Answer: ..." at its end, else the answer.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from records.formats import Context, Options, fields
from records.formats.rows import Broken, json_rows
from records.formats.splits import by_names

HEEDS = ()
LIST, FILE = True, "{split}.json"
ANSWER = "### Answer:"
_MARK = re.compile(rf"\s*{ANSWER} ?(.*)\Z", re.DOTALL)
_SPEAKERS = {"human": "human", "user": "human", "gpt": "gpt", "assistant": "gpt"}


def files(source: Path) -> dict[str, list[Path]]:
    return by_names(source, (".json", ".jsonl", ".tar"))


def rows(path: Path, options: Options) -> Iterator[tuple[str, dict | Broken]]:
    """A row for each turn of "gpt", with what was said before as one turn of "human"."""
    for place, row in json_rows(path):
        turns = row.get("conversations") if isinstance(row, dict) else None
        if not isinstance(turns, list) or len(turns) <= 2:
            yield place, row
            continue
        try:
            said = _said(turns)
        except Broken as broken:
            yield place, broken
            continue
        id = fields.text_of(row, "id") or place
        for number in range(1, len(said), 2):
            before, response = "\n\n".join(said[:number]), said[number]
            both = [{"from": "human", "value": before}, {"from": "gpt", "value": response}]
            yield place, row | {"id": f"{id}-turn{number // 2 + 1}", "conversations": both}


def _said(turns: list) -> list[str]:
    """What "human" and "gpt" say by turns."""
    said = []
    for turn in turns:
        if not isinstance(turn, dict) or not isinstance(turn.get("value"), str):
            raise Broken(f"its turn {len(said) + 1} has no text as value")
        if _SPEAKERS.get(turn.get("from")) != ("human", "gpt")[len(said) % 2]:
            raise Broken(f"{turn.get('from')!r} speaks where another should")
        said.append(turn["value"])
    if len(said) % 2 or not said:
        raise Broken("its last turn has no response")
    return said


def record(row: dict, context: Context) -> dict:
    image = row.pop("image", None) or row.pop("images", None) or []
    paths = [image] if isinstance(image, str) else image
    images = [context.pictures.read(path) for path in paths]
    question, response = _said(row.pop("conversations"))
    steps, answer = read_response(response)
    given = {"task": context.options.name, "steps": steps}
    id = fields.as_text(row.pop("id", None)) or context.place
    question = fields.placed(question, len(images))
    return fields.question_record(id, question, answer, images=images, rest=row, **given)


def read_response(text: str) -> tuple[list[str], str]:
    """(steps, answer) of a response."""
    marked = _MARK.search(text, text.rfind(ANSWER)) if ANSWER in text else None
    if not marked:
        return [], text
    return fields.steps_of(text[: text.rfind(ANSWER)].rstrip()), marked[1].strip()


# --------------------------------------------------------------------------------------- writing


def row(record: Mapping, names: list[str]) -> dict:
    question = fields.marked(in_full(record), len(names))
    turns = [{"from": "human", "value": question}, {"from": "gpt", "value": response(record)}]
    image = {"image": names[0] if len(names) == 1 else names} if names else {}
    return {"id": record["id"], **image, "conversations": turns}


def in_full(record: Mapping) -> str:
    """The question with its options, as the trainer asks it."""
    if not record["options"]:
        return record["question"]
    return "\n".join([record["question"], "Options:", *fields.lettered(record["options"])])


def response(record: Mapping) -> str:
    """The chain and, after a blank line, the answer; the answer alone where there is no chain."""
    if not record["steps"]:
        return record["answer"]
    return "\n".join(record["steps"]) + f"\n\n{ANSWER} {record['answer']}"
