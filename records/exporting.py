"""Records go to data of others: `export_data` for `records.formats`.

A row that a format has no place for all of its record in has the rest in `record`, so that what is
read back are the very records; readers of others pass over it.
"""

import io
import json
import re
import tarfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType

from tqdm import tqdm

from records.errors import UserError
from records.formats import Context, Options, find_format
from records.formats.pictures import suffix
from records.formats.rows import Broken
from records.importing import is_pairs, read_row
from records.paths import AnyPath, is_remote, output_folder, recorded, remove_folder
from records.reading import Split, open_splits
from records.schema import OF_RESPONSE, pictures_of

PER_FILE = 1000  # records of a parquet file


def export_data(
    format: str, data: AnyPath | str, out: Path, *, shards: int | None = None
) -> dict[str, int]:
    """Writes all splits of a data set to the folder `out`, which appears only when it is complete.

    Args:
      shards: records in each of several files: of tar with a JSON and the pictures of each record
        (as webdataset reads them), and of parquet for hf, which has 1000 else.

    Returns the number of records by split. Raises UserError for a format that can't be written, or
    not with these records, and where there is something in `out`.
    """
    module = find_format(format)
    if is_remote(out):
        raise UserError(f"{out} is in a bucket: export to a folder, and copy that.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} already holds something; choose a different --out.")
    splits = {name: _Whole(split) for name, split in open_splits(data).items()}
    first = next(iter(splits.values()))[0]
    if is_pairs(module) != ("chosen" in first):
        held = "preference pairs" if "chosen" in first else "questions"
        raise UserError(f"{data} holds {held}, which the format {format} is not for.")
    unfinished = out.with_name(f"{out.name}.unfinished")
    remove_folder(unfinished)
    output_folder(unfinished)
    for name, records in splits.items():
        _write(module, records, unfinished, name, shards)
    counts = {name: len(records) for name, records in splits.items()}
    if hasattr(module, "card"):
        (unfinished / "README.md").write_text(module.card(counts, Path(recorded(data)).name))
    if out.exists():
        out.rmdir()
    unfinished.rename(out)
    return counts


def _write(module: ModuleType, records: "_Whole", out: Path, split: str, shards: int | None):
    shown = tqdm(records, f"writing {split}", unit=" records")
    if hasattr(module, "write"):
        module.write(shown, len(records), out, split, shards or PER_FILE)
    elif hasattr(module, "write_rows"):
        if shards:
            raise UserError("--shards is for formats with pictures in files of their own, and hf.")
        rows = (row_of(module, record, []) for record in shown)
        module.write_rows(rows, out / module.FILE.format(split=split))
    elif shards:
        _write_shards(module, shown, out, split, shards)
    else:
        rows = (_beside(module, record, out, split, number) for number, record in enumerate(shown))
        path = out / module.FILE.format(split=split)
        with path.open("w", encoding="utf-8") as file:
            _write_json(rows, file.write, module.LIST)


class _Whole(Sequence):
    """A split whose records have `images`; of a response the question, whose steps are its own."""

    def __init__(self, split: Split):
        self._split = split

    def __len__(self) -> int:
        return len(self._split)

    def __getitem__(self, index: int) -> dict:
        record = self._split[index]
        left_out = {"image", *(OF_RESPONSE if "response" in record else ())}
        rest = {name: value for name, value in record.items() if name not in left_out}
        return rest | {"images": pictures_of(record)}


def row_of(module: ModuleType, record: dict, names: list[str]) -> dict:
    """A format's row of a record, with what is not read back from it in `record`."""
    row = module.row(record, names)
    known = _Known(dict(zip(names, record["images"], strict=False)))
    context = Context(Path("rows"), "", known, Options(name=""))
    try:
        again = read_row(module, json.loads(json.dumps(row)), context)
    except Broken as broken:
        raise UserError(f"record {record['id']} can't be written: {broken}.") from broken
    rest = {name: value for name, value in record.items() if again[name] != value}
    rest.pop("images", None)
    return row | ({"record": rest} if rest else {})


class _Known:
    """Stands for the pictures of the one record."""

    def __init__(self, pictures: dict[str, bytes]):
        self._pictures = pictures

    def read(self, path: str) -> bytes:
        return next(data for name, data in self._pictures.items() if name.endswith(path))


def _beside(module: ModuleType, record: dict, out: Path, split: str, number: int) -> dict:
    """A row whose pictures are files in images/, in a folder a game."""
    folder = re.sub(r"\W", "_", record["game"] or "other")
    names = [
        f"images/{folder}/{split}-{number:07d}-{place}{suffix(data)}"
        for place, data in enumerate(record["images"])
    ]
    for name, data in zip(names, record["images"], strict=True):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_bytes(data)
    return row_of(module, record, names)


def _write_json(rows: Iterator[dict], write: Callable[[str], object], is_list: bool):
    for number, row in enumerate(rows):
        if is_list:
            write(",\n" if number else "[\n")
        write(json.dumps(row, ensure_ascii=False))
        if not is_list:
            write("\n")
    if is_list:
        write("\n]\n")


def _write_shards(module: ModuleType, records: Iterator[dict], out: Path, split: str, size: int):
    archive = None
    for number, record in enumerate(records):
        if number % size == 0:
            if archive:
                archive.close()
            archive = tarfile.open(out / f"{split}-{number // size:05d}.tar", "w")
        key = f"{split}-{number:07d}"
        names = [f"{key}.{at}{suffix(data)}" for at, data in enumerate(record["images"])]
        row = json.dumps(row_of(module, record, names), ensure_ascii=False).encode()
        for name, data in [*zip(names, record["images"], strict=True), (f"{key}.json", row)]:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    archive.close()
