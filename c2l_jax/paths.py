"""What a run writes bit by bit, in a local folder or a bucket, and folders as Orbax takes them."""

import glob
import tempfile
import time
from pathlib import Path

from etils import epath
from tensorboardX import SummaryWriter

from records.paths import AnyPath, is_remote, replace_text

_UPLOAD_SECONDS = 30.0  # between two uploads of a file that grows


class _Escaped(type(epath.Path("/"))):
    """etils takes the name of a folder for a part of the pattern; here "[1]" is just a name."""

    def glob(self, pattern):
        return (self / found for found in glob.glob(pattern, root_dir=self))


def for_orbax(path: AnyPath) -> epath.Path:
    """The absolute path of a folder in which Orbax finds its files, whatever the folder's name."""
    return path if is_remote(path) else _Escaped(path.absolute())


class Lines:
    """A text file that grows by whole lines; in a bucket, which can't append, it is sent anew.

    kept: the lines it begins with.
    """

    def __init__(self, path: AnyPath, kept: list[str]):
        self._path, self._lines = path, kept
        self._uploaded = time.monotonic()
        replace_text(path, "".join(kept))
        self._file = None if is_remote(path) else path.open("a", encoding="utf-8")

    def add(self, line: str):
        if self._file:
            self._file.write(line)
            self._file.flush()
            return
        self._lines.append(line)
        if time.monotonic() - self._uploaded > _UPLOAD_SECONDS:
            self._upload()

    def _upload(self):
        replace_text(self._path, "".join(self._lines))
        self._uploaded = time.monotonic()

    def close(self):
        if self._file:
            self._file.close()
        else:
            self._upload()


class Board:
    """TensorBoard events in a folder; for a bucket they are kept here and sent at times."""

    def __init__(self, folder: AnyPath, **options):
        self._folder, self._sent = folder, time.monotonic()
        self._local = tempfile.TemporaryDirectory() if is_remote(folder) else None
        self.writer = SummaryWriter(self._local.name if self._local else str(folder), **options)

    def send(self, *, at_once: bool = False):
        """To a bucket, if the last time is long ago; nothing for a local folder."""
        if self._local and (at_once or time.monotonic() - self._sent > _UPLOAD_SECONDS):
            self.writer.flush()
            for path in Path(self._local.name).iterdir():
                (self._folder / path.name).write_bytes(path.read_bytes())
            self._sent = time.monotonic()

    def close(self):
        self.writer.close()
        self.send(at_once=True)
        if self._local:
            self._local.cleanup()

    def __enter__(self) -> SummaryWriter:
        return self.writer

    def __exit__(self, *error):
        self.close()
