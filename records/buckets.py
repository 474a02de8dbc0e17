"""Where TFDS keeps what it sorts beyond a gigabyte: its own files would need TensorFlow."""

import pickle
import tempfile
from collections.abc import Iterator
from pathlib import Path

from etils import epath
from tensorflow_datasets.core import shuffle

from records.paths import is_remote


class Bucket:
    """Stands in for `shuffle._Bucket`. Opened anew for each record: there are a thousand."""

    def __init__(self, path: epath.Path):
        folder = tempfile.gettempdir() if is_remote(path) else path.parent
        self._path = Path(folder) / path.name
        self._length = self.size = 0

    def __len__(self) -> int:
        return self._length

    def add(self, key: int, data: bytes) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab") as file:
            pickle.dump((key, data), file)
        self._length += 1
        self.size += len(data)

    def flush(self) -> None:
        """Every record is on disk already."""

    def read_values(self) -> Iterator[tuple[int, bytes]]:
        if self._length:
            with self._path.open("rb") as file:
                for _ in range(self._length):
                    yield pickle.load(file)

    def del_file(self) -> None:
        self._path.unlink(missing_ok=True)


def install() -> None:
    shuffle._Bucket = Bucket
