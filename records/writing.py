"""Writing a data set: TFDS array_record files, the same bytes in every run, and indices.

TensorFlow is never imported.
"""

import contextlib
import io
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import tensorflow_datasets as tfds
from tensorflow_datasets.core.writer import ExampleWriter
from tensorflow_datasets.proto import tf_example_pb2

from records import buckets
from records.errors import UserError
from records.index import KIND, write_index
from records.paths import AnyPath, anywhere, is_remote, read_json, remove_folder, upload

VERSION = "1.0.0"
# What TFDS says of a split without records, made here or by Beam.
_EMPTY = ("No examples were yielded", "number of generated examples is 0")


def folder(out: AnyPath | str, name: str) -> AnyPath:
    """Where the data set of that name is written."""
    return anywhere(out) / name / VERSION


def is_written(out: AnyPath, name: str, metadata: Mapping, others: str) -> bool:
    """Whether the data set of this name that has this metadata is in `out`.

    Raises UserError, in which `others` names it, for one that has not.
    """
    target = folder(out, name)
    if not target.exists():
        return False
    kept = target / "metadata.json"
    if kept.exists() and read_json(kept) == metadata:
        return True
    raise UserError(f"{target} already holds {others}; choose a different --out.")


def write(
    out: AnyPath | str,
    name: str,
    features: dict,
    splits: Mapping[str, Callable[[], Iterable[dict]]] | Callable,
    metadata: dict,
    *,
    description: str = "",
    made_by: str = __name__,
    config: tfds.download.DownloadConfig | None = None,
) -> dict[str, int]:
    """Writes a data set to out/NAME/VERSION, which appears only when it is complete.

    Args:
      out: a folder, or one in a bucket ("gs://...").
      features: TFDS features by name, as those of `schema`.
      splits: for each split a function that gives its records, each with an `id` of its own and an
        image as the bytes of a PNG. Or a function that makes {split: collection of `example`s} of
        a pipeline of Apache Beam.
      metadata: what made them, JSON.
      made_by: the module that asks for it, as told in dataset_info.json.
      config: for a pipeline, its options.

    Returns the number of records by split. Raises UserError if there is a data set already, or a
    split has no records.
    """
    target = folder(out, name)
    if target.exists():
        if any(target.iterdir()):
            raise UserError(f"{target} already holds a data set; choose a different folder.")
        target.rmdir()  # TFDS would take it for a data set
    for left_over in target.parent.glob("incomplete.*"):
        remove_folder(left_over)
    tfds.disable_progress_bar()
    buckets.install()
    kind = _Builder if isinstance(splits, Mapping) else _BeamBuilder
    info = {"description": description, "metadata": tfds.core.MetadataDict(metadata)}
    info["features"] = tfds.features.FeaturesDict(features)
    builder = kind(name, made_by, info, splits, data_dir=str(anywhere(out)))
    # TFDS prints about downloads, and makes a folder for them; there are none.
    with contextlib.redirect_stdout(io.StringIO()), tempfile.TemporaryDirectory() as downloads:
        try:
            builder.download_and_prepare(download_dir=downloads, download_config=config)
        except Exception as error:  # Beam wraps the error that it was
            if not any(said in str(error) for said in _EMPTY):
                raise
            raise UserError("a split has no records; ask for more of them.") from error
    return {split: info.num_examples for split, info in builder.info.splits.items()}


def example(record: dict) -> tuple[str, dict]:
    """A record as TFDS takes it, with its key."""
    picture = {"image": io.BytesIO(record["image"])} if "image" in record else {}
    return record["id"], record | picture


class _Builder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    VERSION = tfds.core.Version(VERSION)

    def __init__(self, name: str, made_by: str, info: dict, splits, **kwargs):
        self.name, self.__module__ = name, made_by  # both are written into the data set
        self._told, self._splits = info, splits
        super().__init__(file_format="array_record", **kwargs)

    def _info(self):
        return self.dataset_info_from_configs(**self._told)

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(records) for split, records in self._splits.items()}

    def _generate_examples(self, records):
        return map(example, records())

    def _example_writer(self):
        return _SortedWriter(self.info.file_format, set(KIND) <= set(self.info.features))


class _BeamBuilder(_Builder, skip_registration=True):
    def _split_generators(self, dl_manager, pipeline):
        return self._splits(pipeline)


class _SortedWriter(ExampleWriter):
    """Writes the features of every record in the order of their names, and the index.

    A record is a protobuf map, and TFDS serialises maps in an order that varies from run to run.
    """

    def __init__(self, file_format, indexed: bool):
        super().__init__(file_format)
        self._indexed = indexed

    def write(self, path, examples):
        if not is_remote(path):
            self._write(Path(path), examples)
            return
        target = anywhere(path)
        with tempfile.TemporaryDirectory() as local:  # array_record writes to local files only
            self._write(Path(local) / target.name, examples)
            upload(Path(local), target.parent)

    def _write(self, path: Path, examples: Iterable[tuple]):
        kinds: dict[tuple, int] = {}
        numbers: list[int] = []
        super().write(path, self._sorted(examples, kinds, numbers))
        if self._indexed:
            write_index(path, list(kinds), numbers)

    def _sorted(self, examples, kinds: dict[tuple, int], numbers: list[int]) -> Iterator[tuple]:
        """The examples, whose kinds are noted."""
        for key, serialized in examples:
            example = tf_example_pb2.Example.FromString(serialized)
            if self._indexed:
                numbers.append(kinds.setdefault(_kind(example), len(kinds)))
            yield key, example.SerializeToString(deterministic=True)


def _kind(example: tf_example_pb2.Example) -> tuple:
    features = example.features.feature
    named = (features[name].bytes_list.value[0].decode() for name in KIND[:-1])
    return (*named, len(features[KIND[-1]].bytes_list.value))
