"""Files of records: the same bytes in every run, each with an index beside it.

The index saves its readers from reading every record to know which kind of question it is. That of
NAME.array_record-M-of-N is NAME.index-M-of-N.json, two lines of JSON. The second holds `kinds`, a
list of [plot_level, game, task, number of options], and `records`, for each record in order the
number of its kind. The first says what the index belongs to: the file's number of `records`, its
size in `bytes`, `tail`, the SHA-256 of the file's last TAIL bytes (which tell where every record
is), and `sha256`, that of the second line.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator

from etils import epath
from tensorflow_datasets.core.writer import ExampleWriter
from tensorflow_datasets.proto import tf_example_pb2

TAIL = 1 << 18
_NAMED = ("plot_level", "game", "task")


def is_remote(path: epath.PathLike) -> bool:
    return "://" in os.fspath(path)


class IndexedExampleWriter(ExampleWriter):
    """Writes the features of every record in the order of their names, and the index.

    A record is a protobuf map, and TFDS serialises maps in an order that varies from run to run.
    """

    def write(self, path, examples):
        path = epath.Path(path)
        if is_remote(path):
            with tempfile.TemporaryDirectory() as folder:  # array_record writes to local files only
                self.write(epath.Path(folder) / path.name, examples)
                for made in epath.Path(folder).iterdir():
                    made.copy(path.parent / made.name)
            return
        kinds: dict[tuple, int] = {}
        numbers: list[int] = []
        super().write(path, self._sorted(examples, kinds, numbers))
        _write_index(path, kinds, numbers)

    def _sorted(self, examples, kinds: dict[tuple, int], numbers: list[int]) -> Iterator[tuple]:
        """The examples, whose kinds are noted."""
        for key, serialized in examples:
            example = tf_example_pb2.Example.FromString(serialized)
            numbers.append(kinds.setdefault(_kind(example), len(kinds)))
            yield key, example.SerializeToString(deterministic=True)


def _kind(example: tf_example_pb2.Example) -> tuple:
    features = example.features.feature
    named = (features[name].bytes_list.value[0].decode() for name in _NAMED)
    return (*named, len(features["options"].bytes_list.value))


def _write_index(path: epath.Path, kinds: dict[tuple, int], numbers: list[int]) -> None:
    body = json.dumps({"kinds": list(kinds), "records": numbers}).encode()
    size = path.stat().length
    with path.open("rb") as file:
        file.seek(max(0, size - TAIL))
        tail = file.read()
    head = {
        "records": len(numbers),
        "bytes": size,
        "tail": hashlib.sha256(tail).hexdigest(),
        "sha256": hashlib.sha256(body).hexdigest(),
    }
    name = path.name.replace(".array_record-", ".index-") + ".json"
    path.with_name(name).write_bytes(json.dumps(head).encode() + b"\n" + body)
