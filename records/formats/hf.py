"""Data sets of the Hugging Face hub, downloaded: parquet files, or what `save_to_disk` wrote.

Which columns hold what is told by a preset (`hf_presets`) or by options of the same names:
  question   columns, joined by newlines: "hint,question"
  answer     a text, a number, or a list of texts, of which the most frequent one counts; all are
             kept, for measures that accept them
  choices    a column with a list, or with one as text, or a column for each: "A,B,C,D"
  pictures   columns with a picture or a list of them each
  chain, id
"a|b" is the first of several columns that has something. A question may say <image 2> where its
second picture goes. A data set that `write` wrote needs none of this.
"""

import base64
import dataclasses
import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow
from pyarrow import parquet

from records.errors import UserError
from records.formats import Context, Options, fields
from records.formats.hf_presets import PRESETS, Columns
from records.formats.pictures import checked, suffix
from records.formats.rows import Broken
from records.formats.splits import by_names
from records.schema import PICTURE

HEEDS = ("preset", *(field.name for field in dataclasses.fields(Columns)))
_NUMBERED = re.compile(r"<image ?(\d+)>")
_LONGEST_PATH = 260
_ROWS = 64  # at a time
# What records have, as columns: all but the pictures.
TEXTS = ("id", "game", "category", "split_kind", "task", "qa_type", "plot_level", "qa_level")
TEXTS += ("question", "answer", "state", "params", "description")
LISTS = ("options", "steps")


def files(source: Path) -> dict[str, list[Path]]:
    return by_names(source, (".parquet", ".arrow"))


def rows(path: Path, options: Options) -> Iterator[tuple[str, dict | Broken]]:
    """Raises UserError for a damaged file, and where columns that are asked for are missing."""
    number = 0
    try:
        for batch in _batches(path):
            if not number and not _is_ours(batch.schema.names):
                _check(columns_of(options), batch.schema.names, path)
            for row in batch.to_pylist():
                number += 1
                yield f"{path.name}, row {number}", row
    except pyarrow.ArrowInvalid as error:
        raise UserError(
            f"{path} is damaged after row {number} ({str(error).splitlines()[0]}): copy it again."
        ) from error


def _batches(path: Path) -> Iterator:
    if path.suffix == ".arrow":
        with pyarrow.memory_map(str(path)) as file:
            for batch in pyarrow.ipc.open_stream(file):
                for start in range(0, len(batch), _ROWS):
                    yield batch.slice(start, _ROWS)
    else:
        yield from parquet.ParquetFile(path).iter_batches(_ROWS)


def columns_of(options: Options) -> Columns:
    """The preset's, or usual names, with what is given. Raises UserError for no preset."""
    if options.preset is not None and options.preset not in PRESETS:
        raise UserError(f"--preset {options.preset} is none of {', '.join(PRESETS)}.")
    given = {name: getattr(options, name, None) for name in HEEDS if name != "preset"}
    given = {name: value for name, value in given.items() if value is not None}
    return dataclasses.replace(PRESETS[options.preset or "plain"], **given)


def _check(columns: Columns, there: Sequence[str], path: Path) -> None:
    for name in ("question", "answer"):
        if not any(column in there for column in re.split("[,|]", getattr(columns, name))):
            raise UserError(
                f"{path} has no column {getattr(columns, name)}; it has {', '.join(there)}: name "
                f"one with --{name}, or take a --preset."
            )


def record(row: dict, context: Context) -> dict:
    if _is_ours(row):
        images = [checked(image["bytes"], image["path"]) for image in row["images"]]
        return {name: row[name] for name in (*TEXTS, *LISTS, "seed")} | {"images": images}
    columns = columns_of(context.options)
    answers, choices = _first(row, columns.answer), _choices(row, columns.choices)
    answer, several = fields.most_frequent(answers)
    chain = _first(row, columns.chain)
    steps = fields.steps_of(fields.as_text(chain[0] if isinstance(chain, list) else chain))
    question = "\n".join(
        filter(None, (fields.as_text(_first(row, name)) for name in columns.question.split(",")))
    )
    given = {"task": context.options.name, "steps": steps}
    pictures = list(_pictures(row, columns.pictures, context))
    question, choices, images = _arranged(question, choices, pictures)
    if choices:
        number = fields.right_option(choices, answer, columns.first, columns.text_first)
        given |= fields.choice(fields.bare_options(choices), number, steps)
        answer = given["answer"]
    given |= {"answer": fields.as_text(answer)}
    id = fields.as_text(_first(row, columns.id)) or context.place
    rest = _rest(row, columns) | several
    return fields.question_record(id, question, images=images, rest=rest, **given)


def _is_ours(names: Iterable[str]) -> bool:
    return {*TEXTS, *LISTS, "images"} <= set(names)


def _first(row: Mapping, columns: str) -> Any:
    found = (row.get(column) for column in columns.split("|"))
    return next((value for value in found if value not in (None, "", "nan", [])), None)


def _rest(row: Mapping, columns: Columns) -> dict:
    """What is left when the columns' values are taken; of a list of texts only one was."""
    one = ",".join((columns.question, columns.chain, columns.id))
    used = re.split("[,|]", f"{columns.pictures},{columns.choices},{columns.answer}")
    used += [name for name in re.split("[,|]", one) if not isinstance(row.get(name), list)]
    return {name: value for name, value in row.items() if name not in used and value is not None}


def _choices(row: Mapping, columns: str) -> list:
    if "," in columns:
        return [value for name in columns.split(",") if (value := _first(row, name)) is not None]
    value = _first(row, columns)
    if isinstance(value, str):
        value = fields.literal(value)
    if isinstance(value, dict):  # {"text": [...], "label": [...]}, or the texts by letter
        value = value.get("text") or [text for text in value.values() if text is not None]
    if not isinstance(value, list | None):
        raise Broken(f"its choices {value!r} are no list")
    return value or []


def _pictures(row: Mapping, columns: str, context: Context) -> Iterator[bytes]:
    for name in columns.split(","):
        value = _first(row, name)
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict):
                each = each.get("bytes") or each.get("path")
            if isinstance(each, bytes):
                yield checked(each, f"in column {name}")
            elif isinstance(each, str) and len(each) > _LONGEST_PATH:
                yield checked(base64.b64decode(each), f"in column {name}")
            elif each is not None:
                yield context.pictures.read(each)


def _arranged(question: str, choices: list, pictures: list[bytes]) -> tuple[str, list, list[bytes]]:
    """<image 2> becomes <image>, and the pictures come in the order of these.

    Where several were joined to one picture, it stays a name.
    """
    shown, said = [], " ".join([question, *map(fields.as_text, choices)])
    joined = len(pictures) == 1 and any(int(number) > 1 for number in _NUMBERED.findall(said))

    def mark(found: re.Match) -> str:
        number = int(found[1])
        if joined:
            return f"image {number}"
        if not 0 < number <= len(pictures):
            raise Broken(f"it shows picture {number} and has {len(pictures)}")
        shown.append(pictures[number - 1])
        return PICTURE

    question = _NUMBERED.sub(mark, question)
    choices = [_NUMBERED.sub(mark, fields.as_text(choice)) for choice in choices]
    unseen = [picture for picture in pictures if picture not in shown]
    if shown and unseen:
        question = f"{PICTURE}\n" * len(unseen) + question
    if not any(PICTURE in choice for choice in choices):
        question = fields.placed(question, len(unseen) + len(shown))
    return question, choices, unseen + shown


# --------------------------------------------------------------------------------------- writing


def write(records: Iterable[dict], total: int, folder: Path, split: str, per_file: int) -> None:
    """data/SPLIT-*.parquet, `per_file` records each, for `datasets.load_dataset(folder)`."""
    schema, data, records = _schema(), folder / "data", iter(records)
    data.mkdir(exist_ok=True)
    count = -(-total // per_file)
    for number in range(count):
        path = data / f"{split}-{number:05d}-of-{count:05d}.parquet"
        of_file = itertools.islice(records, per_file)
        with parquet.ParquetWriter(path, schema) as writer:
            while rows := [_row(record) for record in itertools.islice(of_file, _ROWS)]:
                writer.write_batch(pyarrow.RecordBatch.from_pylist(rows, schema))


def _row(record: Mapping) -> dict:
    images = [
        {"bytes": data, "path": f"{number}{suffix(data)}"}
        for number, data in enumerate(record["images"])
    ]
    return {name: record[name] for name in (*TEXTS, *LISTS, "seed")} | {"images": images}


def _schema():
    """With what `datasets` reads its features from."""
    picture = pyarrow.struct({"bytes": pyarrow.binary(), "path": pyarrow.string()})
    columns = {name: pyarrow.string() for name in TEXTS}
    columns |= {name: pyarrow.list_(pyarrow.string()) for name in LISTS}
    columns |= {"seed": pyarrow.int64(), "images": pyarrow.list_(picture)}
    text = {"dtype": "string", "_type": "Value"}
    features = {name: text for name in TEXTS} | {name: [text] for name in LISTS}
    features |= {"seed": {"dtype": "int64", "_type": "Value"}, "images": [{"_type": "Image"}]}
    told = json.dumps({"info": {"features": features}})
    return pyarrow.schema(list(columns.items()), metadata={"huggingface": told})


def card(splits: Mapping[str, int], name: str) -> str:
    """README.md of the folder, whose head says where the splits are."""
    lines = ["---", "configs:", "- config_name: default", "  data_files:"]
    for split in splits:
        lines += [f"  - split: {split}", f"    path: data/{split}-*"]
    lines += ["---", "", f"# {name}", "", "Visual questions, each with its answer.", ""]
    lines += [f"- {split}: {count} questions" for split, count in splits.items()]
    return "\n".join(lines) + "\n"
