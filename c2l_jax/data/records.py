"""Reading a data set of questions from disk (TFDS array_record, TensorFlow never imported)."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds

from c2l_jax.errors import UserError
from c2l_jax.paths import AnyPath, anywhere, local_copy

SPLITS = ("train", "validation", "test")
_AT_ONCE = 1024  # records read from disk by `Split.only`


def dataset_directory(path: AnyPath | str) -> Path:
    """The folder with dataset_info.json: `path` itself or the only one two levels below it."""
    path = local_copy(anywhere(path))
    if (path / "dataset_info.json").exists():
        return path
    found = sorted(info.parent for info in path.glob("*/*/dataset_info.json"))
    found = [directory for directory in found if ".incomplete" not in directory.name]
    if len(found) == 1:
        return found[0]
    if not found:
        raise UserError(
            f"no data set in {path}: expected dataset_info.json there or in {path}/NAME/VERSION; "
            "make one with `python -m synth generate --out DIR`."
        )
    raise UserError(
        f"{path} holds several data sets ({', '.join(str(f.relative_to(path)) for f in found)}): "
        "name one of them."
    )


class Split(Sequence):
    """Random access to one split. A record is a dict of str, int and list[str]; image is bytes."""

    def __init__(self, directory: Path, split: str):
        builder = tfds.builder_from_directory(str(directory))
        if split not in builder.info.splits or not builder.info.splits[split].num_examples:
            raise UserError(
                f"{directory} has no records in split {split!r}; "
                f"it has {', '.join(sorted(builder.info.splits))}."
            )
        decoders = {"image": tfds.decode.SkipDecoding()} if "image" in builder.info.features else {}
        self._source = builder.as_data_source(split=split, decoders=decoders)

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> dict:
        return {name: _plain(name, value) for name, value in self._source[index].items()}

    def __iter__(self) -> Iterator[dict]:
        return (self[index] for index in range(len(self)))

    def only(self, *names: str) -> Iterator[dict]:
        """All records in order, with these features alone; five times as fast as whole ones."""
        every = self._source.dataset_info.features
        features = tfds.features.FeaturesDict({name: every[name] for name in names})
        for start in range(0, len(self), _AT_ONCE):
            indices = range(start, min(start + _AT_ONCE, len(self)))
            for serialised in self._source.data_source.__getitems__(indices):
                record = features.deserialize_example_np(serialised)
                yield {name: _plain(name, value) for name, value in record.items()}


def _plain(name: str, value):
    """TFDS hands strings out as bytes, and lists and numbers as NumPy's."""
    if isinstance(value, bytes):
        return value if name == "image" else value.decode()
    if isinstance(value, list | np.ndarray):
        return [_plain(name, item) for item in value]
    return value.item() if isinstance(value, np.generic) else value


def open_split(path: AnyPath | str, split: str) -> Split:
    """Opens one split of a data set. Raises UserError where there is none."""
    return Split(dataset_directory(path), split)
