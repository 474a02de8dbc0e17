"""Records on disk: worker processes make them (see `unfinished`), TensorFlow Datasets stores them.

The files are array_record; TensorFlow is never imported, neither here nor when reading with
`open_dataset`.
"""

import bisect
import contextlib
import io
import itertools
import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds
from array_record.python import array_record_module
from etils import epath
from google.protobuf.json_format import ParseError
from google.protobuf.message import DecodeError
from tqdm import tqdm

from synth import buckets, unfinished
from synth.code import code_of
from synth.game import UserError
from synth.plan import Plan
from synth.records import SPLITS
from synth.writer import IndexedExampleWriter, is_remote

VERSION = "1.0.0"
FEATURES = {
    "id": tfds.features.Text(),
    "game": tfds.features.Text(),
    "category": tfds.features.Text(),
    "split_kind": tfds.features.Text(),
    "task": tfds.features.Text(),
    "qa_type": tfds.features.Text(),
    "plot_level": tfds.features.Text(),
    "qa_level": tfds.features.Text(),
    "question": tfds.features.Text(doc="rules and question, without the options"),
    "options": tfds.features.Sequence(tfds.features.Text(), doc="empty: fill in"),
    "answer": tfds.features.Text(doc="the right option's letter, or what to fill in"),
    "steps": tfds.features.Sequence(tfds.features.Text(), doc="the reasoning, step by step"),
    "state": tfds.features.Text(doc="JSON"),
    "params": tfds.features.Text(doc="JSON"),
    "image": tfds.features.Image(shape=(None, None, 3), encoding_format="png"),
    "description": tfds.features.Text(doc="the picture in words"),
    "seed": tfds.features.Scalar(np.int64, doc="the record's own seed"),
}
UNFINISHED = "unfinished"  # beside the data set, while it is made
CODE = "code"  # where a data set's metadata say which code made it


class GameQA(tfds.core.GeneratorBasedBuilder):
    """Visual questions about games, each with its answer and the steps that lead to it."""

    name = "gameqa"
    VERSION = tfds.core.Version(VERSION)

    def __init__(self, plan: Plan, workers: int, unfinished_at: epath.Path, **kwargs):
        self.plan, self._workers, self._unfinished = plan, workers, os.fspath(unfinished_at)
        super().__init__(file_format="array_record", **kwargs)

    def _info(self):
        features = dict(FEATURES)
        if self.plan.size is None:
            del features["image"]
        return self.dataset_info_from_configs(
            description=GameQA.__doc__,
            features=tfds.features.FeaturesDict(features),
            metadata=tfds.core.MetadataDict(_metadata(self.plan)),
        )

    def _split_generators(self, dl_manager):
        """Every record is made before TFDS asks for the first one."""
        counts = unfinished.finish(epath.Path(self._unfinished), self.plan, self._workers)
        return {
            split: self._generate_examples(split, counts[split])
            for split in SPLITS
            if counts[split]  # TFDS refuses to write an empty split
        }

    def _example_writer(self):
        return IndexedExampleWriter(self.info.file_format)

    def _generate_examples(self, split, count):
        with tqdm(total=count, unit=" records", desc=f"sorting {split}") as bar:
            for job in unfinished.jobs(self.plan):
                for record in unfinished.records_in(self._unfinished, job, split):
                    yield example(record)
                    bar.update()


def example(record: dict) -> tuple[str, dict]:
    """A record as TFDS takes it, with its key."""
    picture = {"image": io.BytesIO(record["image"])} if "image" in record else {}
    return record["id"], record | picture


def generate(
    out: epath.PathLike, plan: Plan, workers: int, beam: str | None = None
) -> dict[str, int] | None:
    """Writes the data set to out/gameqa/1.0.0 and returns the number of records by split.

    out: may be in a bucket ("gs://...").
    beam: flags of Apache Beam, which then makes the records instead of `workers` processes.
    None if exactly this data set is there already. Raises UserError if another one is, or one that
    other code made, or a part of one, if the plan has no records, and if Beam finds a split
    without any.
    """
    if not plan.total():
        raise UserError(f"a scale of {plan.scale:g} leaves no records; give a larger one.")
    folder = epath.Path(out) / GameQA.name / VERSION
    parts = folder.parent / UNFINISHED
    if folder.exists() and any(folder.iterdir()):
        _check_same(folder, plan)
        _remove(parts)
        return None
    if folder.exists():
        folder.rmdir()  # TFDS would take it for a data set
    unfinished.begin(parts, _metadata(plan))
    for left_over in folder.parent.glob("incomplete.*"):
        left_over.rmtree()
    tfds.disable_progress_bar()
    buckets.install()
    if beam is None:
        builder, config = GameQA(plan, workers, parts, data_dir=os.fspath(out)), None
    else:
        from synth import beam as pipeline  # here, because it is an extra

        config = pipeline.config(beam)
        builder = pipeline.BeamGameQA(plan, 0, parts, data_dir=os.fspath(out))
    # TFDS prints about downloads, and there are none.
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            # It makes a folder for them, too.
            builder.download_and_prepare(download_dir=os.fspath(parts), download_config=config)
        except Exception as error:  # Beam wraps the error that it was
            if "number of generated examples is 0" not in str(error):
                raise
            raise UserError("a split has no records; ask for more of them.") from error
    _remove(parts)
    return {split: info.num_examples for split, info in builder.info.splits.items()}


def _metadata(plan: Plan) -> dict:
    return {**plan.as_json(), CODE: code_of(plan.games)}


def _remove(folder: epath.Path) -> None:
    if folder.exists():
        folder.rmtree()


def _check_same(folder: epath.Path, plan: Plan) -> None:
    """Raises UserError unless a data set has this plan and was made by the code that is here."""
    try:
        for name in ("dataset_info.json", "features.json", "metadata.json"):
            kept = _read_json(folder / name)
        if not is_remote(folder):
            open_dataset(Path(folder))
    except UserError as error:
        raise UserError(
            f"{str(error).removesuffix('.')}: delete this folder (rm -r {folder}) and give the "
            "command again."
        ) from error
    made_by = kept.pop(CODE, None)
    if kept != plan.as_json():
        raise UserError(f"{folder} already holds another data set; choose a different --out.")
    if made_by is None:  # by a version that did not keep it
        return
    code = code_of(plan.games)
    names = sorted(made_by.keys() | code.keys())
    if changed := [name for name in names if made_by.get(name) != code.get(name)]:
        raise UserError(
            f"{folder} was made by other code than there is now ({', '.join(changed)} changed); "
            "choose a different --out, or delete the folder to make it anew."
        )


def _read_json(path: epath.Path) -> dict:
    """Raises UserError for a file of a data set that is missing, cut off or no JSON object."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}); make the data set anew.") from error
    if not isinstance(content, dict):
        raise UserError(f"{path} holds no JSON object; make the data set anew.")
    return content


def find_dataset(path: Path) -> Path:
    """The folder of the data set: `path` itself or what `generate` made in it.

    Raises UserError where there is none.
    """
    for folder in (path, path / GameQA.name / VERSION):
        if (folder / "dataset_info.json").exists():
            return folder
    raise UserError(
        f"{path} holds no data set; make one with 'python -m synth generate --out {path}'."
    )


def plan_of(folder: Path) -> Plan:
    """What a data set was generated from. Raises UserError where that is damaged."""
    path = folder / "metadata.json"
    kept = _read_json(path)
    kept.pop(CODE, None)
    try:
        return Plan(**{**kept, "games": tuple(kept["games"])})
    except (KeyError, TypeError) as error:
        raise UserError(f"{path} is not that of a data set of games ({error}).") from error


class Records(Sequence):
    """Random access to the raw records of a split; see `plain`. Images are PNG bytes.

    Raises UserError, with the file, where one is missing, cut off or damaged.
    """

    def __init__(self, builder: tfds.core.DatasetBuilder, split: str):
        self._files = builder.info.splits[split].file_instructions
        for file in self._files:
            _check_file(Path(file.filename), file.take)
        pictures = "image" in builder.info.features
        decoders = {"image": tfds.decode.SkipDecoding()} if pictures else None
        self._source = builder.as_data_source(split, decoders=decoders)

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> dict:
        if not 0 <= index < len(self):
            raise IndexError(f"record {index} of {len(self)}")
        try:
            return self._source[index]
        # What array_record raises for a damaged file, and TFDS for other features.
        except (RuntimeError, ValueError, KeyError, TypeError, DecodeError) as error:
            ends = list(itertools.accumulate(file.take for file in self._files))
            path = self._files[bisect.bisect_right(ends, index)].filename
            raise UserError(
                f"a record of {path} cannot be read ({_first_line(error)}); make the data set anew."
            ) from error


def open_dataset(folder: Path) -> dict[str, Records]:
    """The splits of a data set. Raises UserError for files that are missing, cut off or damaged."""
    for name in ("dataset_info.json", "features.json"):
        _read_json(folder / name)
    try:
        builder = tfds.builder_from_directory(folder)
    except (ValueError, KeyError, TypeError, AttributeError, ImportError, ParseError) as error:
        raise UserError(
            f"{folder}/dataset_info.json or features.json describes no data set "
            f"({_first_line(error)}); make it anew."
        ) from error
    return {split: Records(builder, split) for split in builder.info.splits}


def _check_file(path: Path, count: int) -> None:
    if not path.is_file():
        raise UserError(f"{path} is missing; make the data set anew.")
    try:
        reader = array_record_module.ArrayRecordReader(str(path))
        found = reader.num_records()
        reader.close()  # is what raises for a damaged file
    except RuntimeError:
        found = 0
    if found != count:
        raise UserError(
            f"{path} has {found} readable records, not the {count} of its data set: it is cut off "
            "or of another one; make the data set anew."
        )


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


def plain(raw: dict) -> dict:
    """A record as it was made, from what TFDS hands out (texts as bytes, NumPy's numbers)."""
    texts = {key: value for key, value in raw.items() if isinstance(value, bytes | np.bytes_)}
    return {
        **{key: bytes(value).decode() for key, value in texts.items() if key != "image"},
        **{key: [text.decode() for text in raw[key]] for key in ("options", "steps")},
        "seed": int(raw["seed"]),
        **({"image": raw["image"]} if "image" in raw else {}),
    }
