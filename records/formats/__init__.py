"""Data of others, read and written: a module a format.

To be read, it has
  HEEDS                 the fields of `Options` that it heeds
  files(source)         the files of this format in a folder, by split
  rows(path, options)   (place, row or Broken) of each row, never all in memory
  record(row, context)  the record of a row: of `schema.question(several=True)`, or, where PAIRS is
                        true, of `schema.pair`; raises Broken where there is none
To be written, it has
  row(record, names)    what stands for a record, JSON values; `names` are its pictures' files
  FILE, LIST            the file of a split; whether it is one JSON list, or has a line a row
or, for other files,
  row, FILE and write_rows(rows, path)
or
  write(records, total, folder, split, per_file)
"""

import dataclasses
from pathlib import Path
from types import ModuleType

from records.errors import UserError
from records.formats.pictures import Pictures
from records.imports import module_at

FORMATS = {
    "gameqa": "records.formats.gameqa",
    "jsonl": "records.formats.jsonl",
    "hf": "records.formats.hf",
    "llava": "records.formats.llava",
    "share4o-sft": "records.formats.share4o_sft",
    "share4o-dpo": "records.formats.share4o_dpo",
    "vlmevalkit": "records.formats.vlmevalkit",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """What is said about a source; fields are the options of `python -m synth import`.

    Args:
      name: of the data set; the task of a row that does not tell one.
      chain: for gameqa the field that steps are read from, for hf the column.
      preset, question, answer, choices, pictures, id: for hf, see there.
    """

    name: str
    chain: str | None = None
    preset: str | None = None
    question: str | None = None
    answer: str | None = None
    choices: str | None = None
    pictures: str | None = None
    id: str | None = None


@dataclasses.dataclass(frozen=True)
class Context:
    """What a row is read with: its file, its place there, the pictures it may name."""

    path: Path
    place: str
    pictures: Pictures
    options: Options


def find_format(name: str) -> ModuleType:
    """A format by its name, or by the import path of a module. Raises UserError for none."""
    module = module_at(FORMATS.get(name, name))
    if module is None:
        raise UserError(
            f"there is no format {name}: take {', '.join(FORMATS)}, or the import path of a module."
        )
    return module
