"""Data of others become records on disk: `import_data` for `records.formats`."""

import collections
import contextlib
import dataclasses
import functools
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType

from tqdm import tqdm

from records import schema
from records.errors import UserError
from records.formats import Context, Options, find_format
from records.formats.pictures import Pictures
from records.formats.rows import Broken
from records.paths import AnyPath, anywhere, output_folder, read_json, recorded, replace_text
from records.reading import open_splits
from records.writing import folder, write

NAME = "imported"
DESCRIPTION = "Visual questions from elsewhere."
LEFT_OUT = "left_out.jsonl"  # beside the data set: rows that became no record, and why


@dataclasses.dataclass(frozen=True)
class Plan:
    """Where records come from: fields but the first as `import_data`.

    files: of each split the files, with the source each was found in.
    """

    files: Mapping[str, Sequence[tuple[Path, Path]]]
    module: ModuleType
    options: Options
    images: Path | None
    validation: float


def import_data(
    format: str,
    sources: Sequence[Path],
    out: AnyPath | str,
    options: Options,
    *,
    split: str | None = None,
    images: Path | None = None,
    ratios: Sequence[int] | None = None,
    validation: float = 0.0,
) -> tuple[dict[str, int], dict[str, str]] | None:
    """Writes a data set to out/imported/1.0.0, which appears only when it is complete.

    Args:
      format: one of `formats.FORMATS`, or the import path of a module.
      sources: files or folders.
      split: what all records belong to, in place of what the files' names say.
      images: where the paths of pictures begin; else the folder of the file that names them, the
        source, and image_data in it.
      ratios: how often the records of each source come.
      validation: share of train that is held out as validation, by the hash of the picture, so that
        questions about one picture stay together.

    Returns (records by split, reasons of the rows left out by place); None where exactly this is
    there already. Raises UserError for sources that are missing or of another format, where no row
    becomes a record, and for other data in `out`.
    """
    module, out = find_format(format), anywhere(out)
    metadata = {"format": format, "sources": [recorded(source) for source in sources]}
    metadata |= {"split": split, "images": images and recorded(images), "validation": validation}
    metadata |= {"ratios": list(ratios or []), "options": dataclasses.asdict(options)}
    if _is_there(out, metadata):
        return None
    files = _files(module, sources, split, ratios or [1] * len(sources))
    if validation:
        if "train" not in files or "validation" in files:
            raise UserError(
                f"--validation is for data with train and without validation; it has "
                f"{', '.join(files)}."
            )
        files["validation"] = files["train"]
    plan = Plan(files, module, options, images, validation)
    left_out: dict[str, str] = {}
    splits = _with_records(plan, left_out)
    features = schema.pair if is_pairs(module) else schema.question
    output_folder(out)
    counts = write(
        out,
        NAME,
        features(several=True),
        {name: functools.partial(_records, plan, name, left_out) for name in splits},
        metadata,
        description=DESCRIPTION,
        made_by=__name__,
    )
    lines = [json.dumps({"place": place, "why": why}) for place, why in left_out.items()]
    replace_text(out / LEFT_OUT, "".join(f"{line}\n" for line in lines))
    return counts, left_out


def is_pairs(module: ModuleType) -> bool:
    return getattr(module, "PAIRS", False)


def read_row(module: ModuleType, row: dict, context: Context) -> dict:
    """The record of a row, with what `exporting` put beside it. Raises Broken where there is none.

    The row is used up.
    """
    own = row.pop("record", {})
    try:
        record = module.record(row, context)
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        raise Broken(f"it is not of this format ({type(error).__name__}: {error})") from error
    if isinstance(own, dict) and own.keys() <= record.keys():
        return record | own
    return record


def _is_there(out: AnyPath, metadata: dict) -> bool:
    target = folder(out, NAME)
    if not target.exists() or not any(target.iterdir()):
        return False
    if read_json(target / "metadata.json") == metadata:
        open_splits(target)
        return True
    raise UserError(f"{target} already holds other data; choose a different --out.")


def _files(
    module: ModuleType, sources: Sequence[Path], split: str | None, ratios: Sequence[int]
) -> dict[str, list[tuple[Path, Path]]]:
    if len(ratios) != len(sources) or min(ratios) < 1:
        raise UserError(f"--sample-ratios has {len(ratios)} numbers for {len(sources)} sources.")
    files: dict[str, list[tuple[Path, Path]]] = {}
    for source, times in zip(sources, ratios, strict=True):
        if not source.exists():
            raise UserError(f"there is no {source}.")
        for name, paths in module.files(source).items():
            files.setdefault(split or name, []).extend([(path, source) for path in paths] * times)
    return files


def _with_records(plan: Plan, left_out: dict[str, str]) -> list[str]:
    """The splits that have one; a benchmark's test often has no answers.

    Raises UserError where none has, or one that --validation asks for has not.
    """
    found = [name for name in plan.files if any(True for _ in _records(plan, name, left_out))]
    if not found:
        where, why = next(iter(left_out.items()), ("its files", "there is no row"))
        raise UserError(f"not one row became a record: {where}: {why}.")
    if plan.validation and not {"train", "validation"} <= set(found):
        raise UserError(
            f"--validation {plan.validation} leaves train or validation without a record: give "
            "another share."
        )
    return found


def _records(plan: Plan, split: str, left_out: dict[str, str]) -> Iterator[dict]:
    """The records of a split, each with an id of its own; what is left out is noted."""
    ids: collections.Counter[str] = collections.Counter()
    with contextlib.closing(tqdm(unit=" rows", desc=f"reading {split}", leave=False)) as bar:
        for path, source in plan.files[split]:
            for place, row, context in _rows(plan, path, source):
                bar.update()
                try:
                    if isinstance(row, Broken):
                        raise row
                    record = read_row(plan.module, row, context)
                except Broken as broken:
                    left_out[place] = str(broken)
                    continue
                if plan.validation and _is_held_out(record, plan.validation) == (split == "train"):
                    continue
                ids[record["id"]] += 1
                if (count := ids[record["id"]]) > 1:
                    record["id"] += f"#{count}"
                yield record


def _rows(plan: Plan, path: Path, source: Path) -> Iterator[tuple[str, dict | Broken, Context]]:
    root = source if source.is_dir() else source.parent
    roots = [plan.images] if plan.images else [path.parent, root, root / "image_data"]
    pictures = _pictures(*roots)
    for place, row in plan.module.rows(path, plan.options):
        yield place, row, Context(path, place, pictures, plan.options)


@functools.lru_cache(maxsize=64)
def _pictures(*folders: Path) -> Pictures:
    """One for all files of a folder: a big archive is listed once."""
    return Pictures(*dict.fromkeys(folders))


def _is_held_out(record: dict, share: float) -> bool:
    pictures = record["images"] or [record["id"].encode()]
    digest = hashlib.sha256(b"held out" + pictures[0]).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64
