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
import pickle
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds
from tensorflow_datasets.core.writer import ExampleWriter
from tensorflow_datasets.proto import tf_example_pb2
from tqdm import tqdm

from synth.game import LEVELS, UserError, find_game
from synth.records import SPLITS, make_record, split_of

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


class SortedExampleWriter(ExampleWriter):
    """Writes the features of every record in the order of their names.

    A record is a protobuf map, and TFDS serialises maps in an order that varies from run to run.
    """

    def write(self, path, examples):
        return super().write(path, ((key, self._sorted(example)) for key, example in examples))

    def _sorted(self, serialized: bytes) -> bytes:
        return tf_example_pb2.Example.FromString(serialized).SerializeToString(deterministic=True)


class GameQA(tfds.core.GeneratorBasedBuilder):
    """Visual questions about games, each with its answer and the steps that lead to it."""

    name = "gameqa"
    VERSION = tfds.core.Version(VERSION)

    def __init__(self, plan: Plan, workers: int, **kwargs):
        self._plan, self._workers = plan, workers
        self.counts = collections.Counter()
        super().__init__(file_format="array_record", **kwargs)

    def _info(self):
        return self.dataset_info_from_configs(
            description=self.__doc__,
            features=tfds.features.FeaturesDict(FEATURES),
            metadata=tfds.core.MetadataDict(_as_json(self._plan)),
        )

    def _split_generators(self, dl_manager):
        """Makes every record once, kept in one file a split until TFDS asks for that split.

        The files have no name in the folder, so they vanish with the process, even a killed one.
        """
        spool = {split: tempfile.TemporaryFile(dir=self.data_path) for split in SPLITS}
        total = sum(end - first for *_, first, end, _ in self._plan.batches())
        for record in tqdm(records(self._plan, self._workers), total=total, unit=" records"):
            split = split_of(record["game"], record["state"])
            pickle.dump(record, spool[split], pickle.HIGHEST_PROTOCOL)
            self.counts[split] += 1
        return {
            split: self._generate_examples(spool[split], self.counts[split])
            for split in SPLITS
            if self.counts[split]  # TFDS refuses to write an empty split
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


def generate(out: Path, plan: Plan, workers: int) -> collections.Counter | None:
    """Writes the data set to out/gameqa/1.0.0 and returns the number of records by split.

    None if exactly this data set is there already. Raises UserError if another one is.
    """
    folder = out / GameQA.name / VERSION
    if folder.exists():
        kept = folder / "metadata.json"
        if kept.exists() and json.loads(kept.read_text()) == _as_json(plan):
            return None
        raise UserError(f"{folder} already holds another data set; choose a different --out.")
    for left_over in folder.parent.glob("incomplete.*"):
        shutil.rmtree(left_over)
    tfds.disable_progress_bar()
    builder = GameQA(plan, workers, data_dir=str(out))
    # TFDS prints about downloads, and there are none.
    with contextlib.redirect_stdout(io.StringIO()):
        builder.download_and_prepare()
    return builder.counts


def _as_json(plan: Plan) -> dict:
    return json.loads(json.dumps(dataclasses.asdict(plan)))


def open_dataset(out: Path, split: str):
    """A split as a random-access source of records; texts come as bytes, images as arrays."""
    return tfds.builder_from_directory(out / GameQA.name / VERSION).as_data_source(split)
