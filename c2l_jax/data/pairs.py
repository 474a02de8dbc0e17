"""Preference pairs on disk: a TFDS data set of its own, TensorFlow never imported."""

import contextlib
import io
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds
from etils import epath
from tensorflow_datasets.core.writer import ExampleWriter
from tensorflow_datasets.proto import tf_example_pb2

from c2l_jax.errors import UserError
from c2l_jax.paths import AnyPath, is_remote, read_json, remove_folder, upload

VERSION = "1.0.0"
IMAGE = tfds.features.Image(shape=(None, None, 3), encoding_format="png")
_LOGPS = "log-probability under the reference of every token, the end-of-turn token included"
FEATURES = {
    "id": tfds.features.Text(),
    "record": tfds.features.Text(doc="id of the record that was asked"),
    "game": tfds.features.Text(),
    "task": tfds.features.Text(),
    "qa_type": tfds.features.Text(),
    "qa_level": tfds.features.Text(),
    "plot_level": tfds.features.Text(),
    "question": tfds.features.Text(),
    "options": tfds.features.Sequence(tfds.features.Text(), doc="empty: fill in"),
    "answer": tfds.features.Text(),
    "format": tfds.features.Text(doc="how it was asked: cot, open or direct"),
    "chosen": tfds.features.Text(doc="a response with the right answer, ended by itself"),
    "rejected": tfds.features.Text(doc="a response with a wrong answer"),
    "rejected_ended": tfds.features.Scalar(np.bool_, doc="by itself; False: it was cut off"),
    "chosen_answer": tfds.features.Text(doc="as read out of the response"),
    "rejected_answer": tfds.features.Text(doc="likewise"),
    "chosen_logps": tfds.features.Sequence(np.float32, doc=_LOGPS),
    "rejected_logps": tfds.features.Sequence(np.float32, doc=_LOGPS),
    "fingerprint": tfds.features.Text(doc="of the reference model's directory"),
}


class SortedExampleWriter(ExampleWriter):
    """Writes a record's features in the order of their names: the same bytes in every run."""

    def write(self, path, examples):
        examples = ((key, self._sorted(example)) for key, example in examples)
        if not is_remote(path):
            return super().write(path, examples)
        with tempfile.TemporaryDirectory() as local:  # array_record writes to local files only
            super().write(epath.Path(local) / epath.Path(path).name, examples)
            upload(Path(local), epath.Path(path).parent)

    def _sorted(self, serialized: bytes) -> bytes:
        return tf_example_pb2.Example.FromString(serialized).SerializeToString(deterministic=True)


class Pairs(tfds.core.GeneratorBasedBuilder):
    """Pairs of responses to visual questions, one right and one wrong."""

    name = "pairs"
    VERSION = tfds.core.Version(VERSION)

    def __init__(
        self, splits: Mapping[str, Callable[[], Iterable[dict]]], image: bool, metadata: dict, **kw
    ):
        self._splits, self._metadata = splits, metadata
        self._features = FEATURES | ({"image": IMAGE} if image else {})
        super().__init__(file_format="array_record", **kw)

    def _info(self):
        return self.dataset_info_from_configs(
            description=self.__doc__,
            features=tfds.features.FeaturesDict(self._features),
            metadata=tfds.core.MetadataDict(self._metadata),
        )

    def _split_generators(self, dl_manager):
        return {name: self._generate_examples(records) for name, records in self._splits.items()}

    def _example_writer(self):
        return SortedExampleWriter(self.info.file_format)

    def _generate_examples(self, records):
        for record in records():
            if "image" in record:
                record = record | {"image": io.BytesIO(record["image"])}
            yield record["id"], record


def folder(out: AnyPath) -> AnyPath:
    return out / Pairs.name / VERSION


def is_written(out: AnyPath, metadata: dict) -> bool:
    """Whether these very pairs are in `out`. Raises UserError if other ones are."""
    kept = folder(out) / "metadata.json"
    if not folder(out).exists():
        return False
    if kept.exists() and read_json(kept) == metadata:
        return True
    raise UserError(f"{folder(out)} already holds other pairs; choose a different --out.")


def write_pairs(
    out: AnyPath, splits: Mapping[str, Callable[[], Iterable[dict]]], *, image: bool, metadata: dict
):
    """Writes the data set to out/pairs/1.0.0, which appears only when it is complete.

    Args:
      splits: for each split a function that gives its records; none may be empty.
      image: whether the records have pictures (PNG, as bytes).
      metadata: what made them, JSON.
    """
    for left_over in folder(out).parent.glob("incomplete.*"):
        remove_folder(left_over)
    tfds.disable_progress_bar()
    builder = Pairs(splits, image, metadata, data_dir=str(out))
    with contextlib.redirect_stdout(io.StringIO()):  # TFDS prints about downloads
        builder.download_and_prepare()
