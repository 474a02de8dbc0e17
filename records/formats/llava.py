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
    """A row for each turn of "gpt"."""
    for place, row in json_rows(path):
        if isinstance(row, Broken):
            yield place, row
            continue
        try:
            turns = list(_turns(row))
        except Broken as error:
            yield place, error
            continue
        for number, (question, response) in enumerate(turns, 1):
            id = fields.text_of(row, "id") or place
            rest = {name: value for name, value in row.items() if name != "conversations"}
            rest |= {"id": id if len(turns) == 1 else f"{id}-turn{number}"}
            yield place, rest | {"question": question, "response": response}


def _turns(row: Mapping) -> Iterator[tuple[str, str]]:
    """(all that was said before, response) of each turn."""
    said, turns = [], row.get("conversations")
    if not isinstance(turns, list) or not turns:
        raise Broken("it has no conversations")
    for turn in turns:
        if not isinstance(turn, dict) or not isinstance(turn.get("value"), str):
            raise Broken(f"its turn {turn!r} is none")
        speaker = _SPEAKERS.get(turn.get("from"))
        if speaker is None or (speaker == "gpt") != bool(len(said) % 2):
            raise Broken(f"{turn.get('from')!r} speaks where another should")
        if speaker == "gpt":
            yield "\n\n".join(said), turn["value"]
        said.append(turn["value"])
    if len(said) % 2:
        raise Broken("its last turn has no response")


def record(row: dict, context: Context) -> dict:
    image = row.pop("image", None) or row.pop("images", None) or []
    paths = [image] if isinstance(image, str) else image
    images = [context.pictures.read(path) for path in paths]
    question = fields.placed(row.pop("question"), len(images))
    steps, answer = read_response(row.pop("response"))
    given = {"task": context.options.name, "steps": steps}
    return fields.question_record(row.pop("id"), question, answer, images=images, rest=row, **given)


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
