"""Reading a data set from disk (TFDS array_record, TensorFlow never imported)."""

import bisect
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds
from array_record.python import array_record_data_source, array_record_module
from google.protobuf.json_format import ParseError
from google.protobuf.message import DecodeError

from records.errors import UserError
from records.index import KIND, read_index
from records.paths import AnyPath, anywhere, local_copy, read_json

_AT_ONCE = 1024  # records read from disk by `Split.only`


def dataset_directory(path: AnyPath | str, name: str = "*") -> AnyPath:
    """The folder with dataset_info.json: `path` itself or the only path/NAME/VERSION.

    name: the data set's, where only that will do.
    """
    path = anywhere(path)
    if (path / "dataset_info.json").exists():
        return path
    found = sorted(info.parent for info in path.glob(f"{name}/*/dataset_info.json"))
    found = [directory for directory in found if not directory.name.startswith("incomplete.")]
    if len(found) == 1:
        return found[0]
    if not found:
        raise UserError(
            f"no data set in {path}: a folder without dataset_info.json, there or in NAME/VERSION, "
            "holds no data set; make one with `python -m synth generate --out DIR`."
        )
    raise UserError(
        f"{path} holds several data sets ({', '.join(str(f.relative_to(path)) for f in found)}): "
        "name one of them."
    )


class Split(Sequence):
    """Random access to one split. A record is a dict of str, int and list[str]; image is bytes.

    Records of other origin than games have images, a list of bytes, instead (`pictures_of`). Where
    there are no pictures (`has_pictures`), records have neither.

    Raises UserError, with the file, for files of the data set that are missing or damaged: when it
    is opened, but what is damaged in the middle of a file when that is read.
    """

    def __init__(self, directory: Path, split: str):
        info = _open_info(directory)
        if split not in info.splits or not info.splits[split].num_examples:
            raise UserError(
                f"{directory} has no records in split {split!r}; it has "
                f"{', '.join(sorted(name for name, s in info.splits.items() if s.num_examples))}."
            )
        self._files = [(Path(f.filename), f.take) for f in info.splits[split].file_instructions]
        for path, count in self._files:
            _check_file(path, count)
        self._ends = list(itertools.accumulate(count for _, count in self._files))
        self._features = info.features
        self._source = array_record_data_source.ArrayRecordDataSource(
            info.splits[split].file_instructions
        )

    @property
    def has_pictures(self) -> bool:
        return "image" in self._features or "images" in self._features

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> dict:
        if not 0 <= index < len(self):
            raise IndexError(f"record {index} of {len(self)}")
        return self._read([index], self._features)[0]

    def __iter__(self) -> Iterator[dict]:
        return (self[index] for index in range(len(self)))

    def only(self, *names: str, stride: int = 1) -> Iterator[dict]:
        """Every stride-th record, with these features alone, or, if none are named, with all but
        pictures; several times as fast as one at a time."""
        names = names or [name for name in self._features if name not in ("image", "images")]
        features = tfds.features.FeaturesDict({name: self._features[name] for name in names})
        indices = range(0, len(self), stride)
        for start in range(0, len(indices), _AT_ONCE):
            yield from self._read(indices[start : start + _AT_ONCE], features)

    def kinds(self) -> tuple[list[dict], np.ndarray]:
        """The kinds of question that there are, and which of them [n] each record is.

        A kind is {plot_level, game, task, options}, the last a number, 0 for a question to fill
        in. Told by the index beside each file; where one is missing, every record is read. Raises
        UserError for an index that is not its file's, and for records that do not tell.
        """
        if missing := [name for name in KIND if name not in self._features]:
            raise UserError(
                f"the records have no {', '.join(missing)}, so that no pattern can choose by them."
            )
        shards = [read_index(path, count) for path, count in self._files]
        if None in shards:
            every = [
                (*(record[name] for name in KIND[:-1]), len(record[KIND[-1]]))
                for record in self.only(*KIND)
            ]
            shards = [(every, np.arange(len(every)))]
        numbers: dict[tuple, int] = {}
        parts = []
        for kinds, of_record in shards:
            new = np.asarray([numbers.setdefault(kind, len(numbers)) for kind in kinds])
            parts.append(new[of_record])
        return [dict(zip(KIND, kind, strict=True)) for kind in numbers], np.concatenate(parts)

    def _read(self, indices: Sequence[int], features: tfds.features.FeaturesDict) -> list[dict]:
        decoders = {"image": tfds.decode.SkipDecoding()} if "image" in features else {}
        try:
            return [
                _plain_record(features.deserialize_example_np(serialised, decoders=decoders))
                for serialised in self._source.__getitems__(indices)
            ]
        # What array_record raises for a damaged file, and TFDS for other features.
        except (RuntimeError, ValueError, KeyError, TypeError, DecodeError) as error:
            if len(indices) > 1:  # which one?
                return [self._read([index], features)[0] for index in indices]
            number = bisect.bisect_right(self._ends, indices[0])
            path, count = self._files[number]
            raise UserError(
                f"record {indices[0] - self._ends[number] + count} of {path} can't be read "
                f"({_first_line(error)}): copy the file again, or make the data set anew."
            ) from error


def _open_info(directory: Path) -> tfds.core.DatasetInfo:
    for name in ("dataset_info.json", "features.json"):
        read_json(directory / name)
    try:
        return tfds.builder_from_directory(str(directory)).info
    except (ValueError, KeyError, TypeError, AttributeError, ImportError, ParseError) as error:
        raise UserError(
            f"{directory}/dataset_info.json or features.json doesn't describe a data set "
            f"({_first_line(error)}): copy them again, or make the data set anew."
        ) from error


def _check_file(path: Path, count: int):
    """Raises UserError where a file has not as many records as the data set says."""
    if not path.is_file():
        raise UserError(f"{path} is missing: copy it again, or make the data set anew.")
    try:
        reader = array_record_module.ArrayRecordReader(str(path))
        found = reader.num_records()
        reader.close()  # is what raises for a damaged file
    except RuntimeError:
        found = 0
    if found != count:
        raise UserError(
            f"{path} has {found} readable records, not the {count} of its data set: it is cut off "
            "or of another one; copy it again, or make the data set anew."
        )


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


def _plain_record(record: dict) -> dict:
    return {name: _plain(name, value) for name, value in record.items()}


def _plain(name: str, value):
    """TFDS hands strings out as bytes, and lists and numbers as NumPy's."""
    if isinstance(value, bytes):
        return value if name in ("image", "images") else value.decode()
    if isinstance(value, list | np.ndarray):
        return [_plain(name, item) for item in value]
    return value.item() if isinstance(value, np.generic) else value


def open_split(path: AnyPath | str, split: str) -> Split:
    """Opens one split of a data set, that of a bucket from a copy. Raises UserError for none."""
    return Split(local_copy(dataset_directory(path)), split)


def open_splits(path: AnyPath | str) -> dict[str, Split]:
    """All splits of a data set that have records, as `open_split`."""
    directory = local_copy(dataset_directory(path))
    found = _open_info(directory).splits
    return {name: Split(directory, name) for name, info in found.items() if info.num_examples}
