"""The plainest: a line a question, {"image": path, "question": ..., "answer": ...}.

Besides: `images` (a list) or none of both, `options` (the answer then by number from 1, letter or
text), `chain` (one text) or `steps` (a list), `id`, and whatever a record has; the rest is kept.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from records.formats import Context, Options, fields
from records.formats.rows import Broken, json_rows
from records.formats.splits import by_names

HEEDS = ()
LIST, FILE = False, "{split}.jsonl"
TEXTS = ("game", "category", "split_kind", "task", "qa_type", "plot_level", "qa_level")


def files(source: Path) -> dict[str, list[Path]]:
    return by_names(source, (".jsonl", ".json", ".tar"))


def rows(path: Path, options: Options) -> Iterator[tuple[str, dict | Broken]]:
    return json_rows(path)


def record(row: dict, context: Context) -> dict:
    image, images = row.pop("image", None), row.pop("images", None) or []
    images = [context.pictures.read(path) for path in ([image] if image else images)]
    chain, steps = fields.text_of(row, "chain"), row.pop("steps", None)
    row.pop("chain", None)
    given = {"task": context.options.name, "steps": steps or fields.steps_of(chain)}
    given |= {name: fields.as_text(row.pop(name)) for name in TEXTS if name in row}
    answer = row.pop("answer", None)
    if options := row.pop("options", None):
        number = fields.right_option(options, answer)
        given |= fields.choice(fields.bare_options(options), number, given["steps"])
        answer = given["answer"]
    given |= {"answer": fields.as_text(answer)}
    question = fields.placed(fields.as_text(row.pop("question", None)), len(images))
    id = fields.as_text(row.pop("id", None)) or context.place
    return fields.question_record(id, question, images=images, rest=row, **given)


def row(record: Mapping, names: list[str]) -> dict:
    made = {"id": record["id"], **({"image": names[0]} if len(names) == 1 else {"images": names})}
    made |= {name: record[name] for name in ("question", "answer")}
    if record["options"]:
        made["options"] = fields.lettered(record["options"])
    if chain := fields.chain_of(record):
        made["chain"] = chain
    return made | {name: record[name] for name in TEXTS if record[name]}
