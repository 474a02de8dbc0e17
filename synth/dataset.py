"""Records on disk: worker processes make them, TensorFlow Datasets stores them.

The files are array_record; TensorFlow is never imported, neither here nor when reading with
`open_dataset`.
"""

import collections
import contextlib
import dataclasses
import io
import json
import multiprocessing
import os
import pickle
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds
from etils import epath
from tensorflow_datasets.core.writer import ExampleWriter
from tensorflow_datasets.proto import tf_example_pb2
from tqdm import tqdm

from synth.game import LEVELS, UserError
from synth.records import SPLITS, make_record, split_of
from synth.registry import find_game

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


def _is_remote(path) -> bool:
    return "://" in os.fspath(path)


class SortedExampleWriter(ExampleWriter):
    """Writes the features of every record in the order of their names.

    A record is a protobuf map, and TFDS serialises maps in an order that varies from run to run.
    """

    def write(self, path, examples):
        examples = ((key, self._sorted(example)) for key, example in examples)
        if not _is_remote(path):
            return super().write(path, examples)
        with tempfile.TemporaryDirectory() as folder:  # array_record writes to local files only
            local = epath.Path(folder) / epath.Path(path).name
            super().write(local, examples)
            local.copy(path)

    def _sorted(self, serialized: bytes) -> bytes:
        return tf_example_pb2.Example.FromString(serialized).SerializeToString(deterministic=True)


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
            metadata=tfds.core.MetadataDict(_as_json(self.plan)),
        )

    def _split_generators(self, dl_manager):
        """Makes every record once, kept in one file a split until TFDS asks for that split.

        The files have no name in the folder, so they vanish with the process, even a killed one.
        """
        where = None if _is_remote(self.data_path) else self.data_path
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
        return SortedExampleWriter(self.info.file_format)

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
    None if exactly this data set is there already. Raises UserError if another one is, and if
    Beam finds a split without records.
    """
    folder = epath.Path(out) / GameQA.name / VERSION
    if folder.exists():
        kept = folder / "metadata.json"
        if kept.exists() and json.loads(kept.read_text()) == _as_json(plan):
            return None
        raise UserError(f"{folder} already holds another data set; choose a different --out.")
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
    """What a data set was generated from."""
    kept = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))
    return Plan(**{**kept, "games": tuple(kept["games"])})


def open_dataset(folder: Path) -> dict[str, Sequence]:
    """The splits as random-access sources of raw records; see `plain`. Images are PNG bytes."""
    builder = tfds.builder_from_directory(folder)
    decoders = {"image": tfds.decode.SkipDecoding()}
    return {
        split: builder.as_data_source(split, decoders=decoders) for split in builder.info.splits
    }


def plain(raw: dict) -> dict:
    """A record as it was made, from what TFDS hands out (texts as bytes, NumPy's numbers)."""
    texts = {key: value for key, value in raw.items() if isinstance(value, bytes | np.bytes_)}
    return {
        **{key: bytes(value).decode() for key, value in texts.items() if key != "image"},
        **{key: [text.decode() for text in raw[key]] for key in ("options", "steps")},
        "seed": int(raw["seed"]),
        "image": raw["image"],
    }
