"""ShareGPT-4o-Reasoning's chains and short answers (arXiv 2410.16198): LLaVA's conversations.

Folders DATASET with the files direct.*.jsonl and cot.*.jsonl; the task of a question is
"DATASET.direct" or "DATASET.cot", so that config.data.tasks can tell what is asked for a chain. A
path of a picture may go through a folder image_data.
"""

from pathlib import Path

from records.formats import Context, llava
from records.formats.splits import by_names

HEEDS = ()
LIST, FILE = False, "{split}.jsonl"
rows, row = llava.rows, llava.row
ROOT = "image_data/"


def files(source: Path) -> dict[str, list[Path]]:
    return by_names(source, (".jsonl", ".json", ".tar"))


def record(row: dict, context: Context) -> dict:
    if isinstance(row.get("image"), str):
        row["image"] = within(row["image"])
    kind = context.path.name.split(".")[0]
    made = llava.record(row, context)
    if kind in ("direct", "cot"):
        made["task"] = f"{context.path.parent.name}.{kind}"
    return made


def within(path: str) -> str:
    """A path of a picture after image_data/."""
    return path.rpartition(ROOT)[2]
