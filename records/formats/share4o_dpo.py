"""ShareGPT-4o-Reasoning's preferences (arXiv 2410.16198): a line with question, chosen, rejected.

`image` is compulsory there; a path of a picture may go through a folder image_data. They become
pairs without a reference, to be trained with config.dpo.recompute_reference. Files are named
DATASET.pairwise.train.jsonl and DATASET.pairwise.dev.jsonl.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from records.formats import Context, Options, fields, llava
from records.formats.rows import Broken, json_rows
from records.formats.share4o_sft import within
from records.formats.splits import by_names

HEEDS = ()
PAIRS = True
LIST, FILE = False, "{split}.jsonl"


def files(source: Path) -> dict[str, list[Path]]:
    return by_names(source, (".jsonl", ".tar"))


def rows(path: Path, options: Options) -> Iterator[tuple[str, dict | Broken]]:
    return json_rows(path)


def record(row: dict, context: Context) -> dict:
    """A record of `schema.pair(several=True)`: a chain on either side makes it "cot"."""
    if missing := [name for name in ("question", "chosen", "rejected") if not row.get(name)]:
        raise Broken(f"it has no {missing[0]}")
    image = row.get("image") or row.get("images") or []
    paths = [image] if isinstance(image, str) else image
    images = [context.pictures.read(within(path)) for path in paths]
    answers = {side: llava.read_response(row[side])[1] for side in ("chosen", "rejected")}
    chain = any(llava.ANSWER in row[side] for side in answers)
    id = fields.text_of(row, "id") or fields.text_of(row, "idx") or context.place
    named = context.path.name.split(".pairwise")[0] if ".pairwise" in context.path.name else ""
    return {
        **dict.fromkeys(("game", "qa_type", "qa_level", "plot_level", "fingerprint"), ""),
        "id": id,
        "record": id,
        "task": named or context.options.name,
        "question": fields.placed(row["question"], len(images)),
        "options": [],
        "answer": fields.text_of(row, "answer") or answers["chosen"],
        "format": "cot" if chain else "direct",
        **{side: row[side] for side in answers},
        **{f"{side}_answer": answer for side, answer in answers.items()},
        **{f"{side}_logps": [] for side in answers},
        "rejected_ended": True,
        "images": images,
    }


def row(record: Mapping, names: list[str]) -> dict:
    return {
        "id": record["id"],
        "image": names[0] if len(names) == 1 else names,
        "question": fields.marked(llava.in_full(record), len(names)),
        **{name: record[name] for name in ("chosen", "rejected", "answer")},
    }
