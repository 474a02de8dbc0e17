"""Paths that users give: local ones with any name, and buckets ("gs://...", by etils.epath)."""

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import fsspec
from etils import epath

from records.errors import UserError

AnyPath = Path | epath.Path


def is_remote(path: AnyPath | str) -> bool:
    return "://" in os.fspath(path)


def anywhere(text: AnyPath | str) -> AnyPath:
    """A pathlib.Path, or for a bucket what etils makes of its address.

    (A pathlib.Path would lose a slash of "gs://".) Raises UserError where the package that knows
    such buckets is not installed.
    """
    if not is_remote(text):
        return Path(text)
    scheme = os.fspath(text).split("://")[0]
    try:
        fsspec.get_filesystem_class(scheme)
    except (ImportError, ValueError) as error:
        raise UserError(f"{text} can't be reached: {error}.") from error
    return epath.Path(text)


def recorded(path: AnyPath | str) -> str:
    """How a path is written down: right from any working directory."""
    return os.fspath(path) if is_remote(path) else str(Path(path).absolute())


def output_folder(path: AnyPath) -> AnyPath:
    """Makes the folder; raises UserError where nothing can be written in it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / f".writable.{os.getpid()}"
        probe.write_text("")
        probe.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(
            f"nothing can be written to {path} ({reason(error)}): choose another folder."
        ) from error
    return path


def reason(error: OSError) -> str:
    """An error of the file system in its own words."""
    return error.strerror or str(error).strip() or type(error).__name__


def size_of(path: AnyPath) -> int:
    """Bytes of a file."""
    return epath.Path(path).stat().length


def read_json(path: AnyPath) -> dict:
    """Raises UserError for a file that is missing, cut off or no JSON object."""
    if not path.is_file():
        raise UserError(f"{path} is missing: its folder must contain it.")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path} can't be read: {reason(error)}.") from error
    except ValueError as error:
        raise UserError(f"{path} is not valid JSON ({error}): copy or make it again.") from None
    if not isinstance(content, dict):
        raise UserError(f"{path} holds no JSON object: copy or make it again.")
    return content


def replace_text(path: AnyPath, content: str):
    """Writes a file that is at all times either the old one or the new one."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        temporary.write_text(content, encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def local_copy(folder: AnyPath) -> Path:
    """The folder itself, or a copy of a bucket's folder, made once in the user's cache.

    Files of another size or name make another copy. For model directories and data sets, which
    are read at random.
    """
    if not is_remote(folder):
        return folder
    digest = hashlib.sha256(f"{os.fspath(folder)}\n{listing(folder)}".encode()).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "c2l_jax" / digest
    copy = cache / folder.name
    if copy.is_dir():
        return copy
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as partial:
        for path in _files(folder):
            target = Path(partial) / "copy" / path.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            with path.open("rb") as source, target.open("wb") as sink:
                shutil.copyfileobj(source, sink, 1 << 24)
        with contextlib.suppress(FileExistsError, OSError):  # another process was faster
            (Path(partial) / "copy").rename(copy)
    return copy


def listing(folder: AnyPath) -> str:
    """Names and sizes of all files in a folder, a line a file."""
    files = sorted((os.fspath(path.relative_to(folder)), path) for path in _files(folder))
    return "\n".join(f"{name} {size_of(path)}" for name, path in files)


def remove_folder(path: AnyPath):
    """With all that is in it; nothing where there is none."""
    if is_remote(path):
        path.rmtree(missing_ok=True)
    else:
        shutil.rmtree(path, ignore_errors=True)


def upload(folder: Path, target: epath.Path):
    """Copies a local folder into a bucket."""
    for path in _files(folder):
        to = target / path.relative_to(folder).as_posix()
        to.parent.mkdir(parents=True, exist_ok=True)
        with path.open("rb") as source, to.open("wb") as sink:
            shutil.copyfileobj(source, sink, 1 << 24)


def _files(folder: AnyPath) -> Iterator[AnyPath]:
    for path in folder.iterdir():
        if path.is_dir():
            yield from _files(path)
        else:
            yield path
