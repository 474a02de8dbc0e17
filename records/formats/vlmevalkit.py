"""The tables of VLMEvalKit: tab-separated, a picture in base64, options in columns A, B, C ...

`image` is a file in base64, a list of them written as Python writes it, or, in fewer than 64
characters, the `index` of the row whose picture this one shares. `answer` may be such a list, too,
of all texts that were accepted.
"""

import ast
import base64
import binascii
import csv
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from string import ascii_uppercase as LETTERS

from records.formats import Context, Options, fields
from records.formats.pictures import checked
from records.formats.rows import Broken
from records.formats.splits import by_names

HEEDS = ()
FILE = "{split}.tsv"
INDEX_SHORTER_THAN = 64
COLUMNS = ("index", "image", "question", "hint", *LETTERS, "answer", "category", "split", "record")


def files(source: Path) -> dict[str, list[Path]]:
    return by_names(source, (".tsv",))


def rows(path: Path, options: Options) -> Iterator[tuple[str, dict | Broken]]:
    shared = {row["image"] for row in _lines(path) if 0 < len(row.get("image") or "") < 64}
    pictures: dict[str, str] = {}
    for number, row in enumerate(_lines(path), 1):
        image = row.get("image") or ""
        if row.get("index") in shared and len(image) >= INDEX_SHORTER_THAN:
            pictures[row["index"]] = image
        row["image"] = pictures.get(image, image)
        if row.get("record"):
            row["record"] = json.loads(row["record"])
        else:
            row.pop("record", None)
        yield f"{path.name}, row {number}", row


def _lines(path: Path) -> Iterator[dict]:
    csv.field_size_limit(sys.maxsize)
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from csv.DictReader(file, dialect="excel-tab")


def record(row: dict, context: Context) -> dict:
    row = {name: value for name, value in row.items() if value not in (None, "", "nan")}
    images = [_decoded(text) for text in _listed(row.pop("image", ""))]
    question = "\n".join(filter(None, (row.pop("hint", ""), row.pop("question", ""))))
    options = [row.pop(at) for at in LETTERS if at in row]
    answer, several = fields.most_frequent(row.pop("answer", ""))
    given = {"task": context.options.name, "answer": fields.as_text(answer)}
    if options:
        number = fields.right_option(options, given["answer"])
        given |= fields.choice(options, number, [])
    id = row.pop("index", context.place)
    question = fields.placed(question, len(images))
    return fields.question_record(id, question, images=images, rest=row | several, **given)


def _listed(image: str) -> list[str]:
    return ast.literal_eval(image) if image.startswith("[") else [image] * bool(image)


def _decoded(text: str) -> bytes:
    try:
        return checked(base64.b64decode(text, validate=True), "in base64")
    except binascii.Error as error:
        raise Broken(f"its picture is not in base64 ({error})") from error


# --------------------------------------------------------------------------------------- writing


def row(record: Mapping, names: list[str]) -> dict:
    """The pictures of a record are in it."""
    coded = [base64.b64encode(data).decode() for data in record["images"]]
    made = {
        "image": coded[0] if len(coded) == 1 else str(coded) if coded else "",
        "question": record["question"],
        "answer": record["answer"],
        "category": record["task"],
    }
    return made | dict(zip(LETTERS, record["options"], strict=False))


def write_rows(rows: Iterable[dict], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, dialect="excel-tab")
        writer.writeheader()
        for index, row in enumerate(rows):  # which must be numbers there
            writer.writerow(row | {"index": index, "record": fields.as_text(row.get("record"))})
