"""Records on disk: worker processes make them, TensorFlow Datasets stores them.

The files are array_record; TensorFlow is never imported, neither here nor when reading with
`open_dataset`.
"""

import bisect
import collections
import contextlib
import dataclasses
import io
import itertools
import json
import multiprocessing
import os
import pickle
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds
from array_record.python import array_record_module
from etils import epath
from google.protobuf.json_format import ParseError
from google.protobuf.message import DecodeError
from tqdm import tqdm

from synth.code import code_of
from synth.game import LEVELS, UserError
from synth.records import SPLITS, make_record, split_of
from synth.registry import find_game
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
CODE = "code"  # where a data set's metadata say which code made it
BATCH = 16  # records a worker makes in one go


@dataclasses.dataclass(frozen=True)
class Plan:
    """What to generate; equal plans give byte-identical records.

    per_task: records for each task and plot level. size: side of the pictures in pixels.
    """

    games: tuple[str, ...]
    per_task: int
    seed: int
    size: int

    def batches(self) -> list[tuple]:
        """(game, task, level, seed, first index, end index, size), in the order of the records."""
        return [
            (game, task.name, level, self.seed, first, min(first + BATCH, self.per_task), self.size)
            for game in self.games
            for task in find_game(game).tasks
            for level in LEVELS
            for first in range(0, self.per_task, BATCH)
        ]


def make_batch(batch: tuple) -> list[dict]:
    game, task, level, seed, first, end, size = batch
    return [make_record(game, task, level, seed, index, size) for index in range(first, end)]


def records(plan: Plan, workers: int) -> Iterator[dict]:
    """The plan's records, in the same order whatever the number of worker processes."""
    if workers == 1:
        for batch in plan.batches():
            yield from make_batch(batch)
        return
    # Spawned, not forked: the parent may hold threads. Workers end when the parent is killed.
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        for made in pool.imap(make_batch, plan.batches()):
            yield from made


class GameQA(tfds.core.GeneratorBasedBuilder):
    """Visual questions about games, each with its answer and the steps that lead to it."""

    name = "gameqa"
    VERSION = tfds.core.Version(VERSION)

    def __init__(self, plan: Plan, workers: int, **kwargs):
        self.plan, self._workers = plan, workers
        super().__init__(file_format="array_record", **kwargs)

    def _info(self):
        return self.dataset_info_from_configs(
            description=GameQA.__doc__,
            features=tfds.features.FeaturesDict(FEATURES),
            metadata=tfds.core.MetadataDict(
                {**_as_json(self.plan), CODE: code_of(self.plan.games)}
            ),
        )

    def _split_generators(self, dl_manager):
        """Makes every record once, kept in one file a split until TFDS asks for that split.

        The files have no name in the folder, so they vanish with the process, even a killed one.
        """
        where = None if is_remote(self.data_path) else self.data_path
        spool = {split: tempfile.TemporaryFile(dir=where) for split in SPLITS}
        counts = collections.Counter()
        total = sum(end - first for *_, first, end, _ in self.plan.batches())
        for record in tqdm(records(self.plan, self._workers), total=total, unit=" records"):
            split = split_of(record["game"], record["state"])
            pickle.dump(record, spool[split], pickle.HIGHEST_PROTOCOL)
            counts[split] += 1
        return {
            split: self._generate_examples(spool[split], counts[split])
            for split in SPLITS
            if counts[split]  # TFDS refuses to write an empty split
        }

    def _example_writer(self):
        return IndexedExampleWriter(self.info.file_format)

    def _generate_examples(self, spool, count):
        with spool:
            spool.seek(0)
            for _ in range(count):
                record = pickle.load(spool)
                record["image"] = io.BytesIO(record["image"])
                yield record["id"], record


def generate(
    out: epath.PathLike, plan: Plan, workers: int, beam: str | None = None
) -> dict[str, int] | None:
    """Writes the data set to out/gameqa/1.0.0 and returns the number of records by split.

    out: may be in a bucket ("gs://...").
    beam: flags of Apache Beam, which then makes the records instead of `workers` processes.
    None if exactly this data set is there already. Raises UserError if another one is, or one that
    other code made, and if Beam finds a split without records.
    """
    folder = epath.Path(out) / GameQA.name / VERSION
    if folder.exists():
        _check_same(folder, plan)
        return None
    for left_over in folder.parent.glob("incomplete.*"):
        left_over.rmtree()
    tfds.disable_progress_bar()
    if beam is None:
        builder, config = GameQA(plan, workers, data_dir=os.fspath(out)), None
    else:
        from synth import beam as pipeline  # here, because it is an extra

        config = pipeline.config(beam)
        builder = pipeline.BeamGameQA(plan, 0, data_dir=os.fspath(out))
    # TFDS prints about downloads, and there are none.
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            builder.download_and_prepare(download_config=config)
        except Exception as error:  # Beam wraps the error that it was
            if "number of generated examples is 0" not in str(error):
                raise
            raise UserError("a split has no records; ask for more with --per-task.") from error
    return {split: info.num_examples for split, info in builder.info.splits.items()}


def _as_json(plan: Plan) -> dict:
    return json.loads(json.dumps(dataclasses.asdict(plan)))


def _check_same(folder: epath.Path, plan: Plan) -> None:
    """Raises UserError unless a data set has this plan and was made by the code that is here."""
    kept = _read_json(folder / "metadata.json")
    made_by = kept.pop(CODE, None)
    if kept != _as_json(plan):
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
        decoders = {"image": tfds.decode.SkipDecoding()}
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
        "image": raw["image"],
    }
