"""Picture files of other data: found beside it or in an archive, checked, kept as they are."""

import functools
import io
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image

from records.errors import UserError
from records.formats.rows import Broken

MAX_ASPECT = 200  # `smart_resize` of transformers has the same
KEPT = ("PNG", "JPEG")


def checked(data: bytes, name: str) -> bytes:
    """The file of a picture that can be shown: as it is if it is PNG or JPEG, else as PNG.

    Raises Broken for one that can't be decoded, or is too narrow for the models.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            if image.format not in KEPT:
                data = _png(image)
            width, height = image.size
    except Exception as error:  # Pillow raises whatever its formats come across
        raise Broken(
            f"the picture {name} can't be read ({type(error).__name__}: {error})"
        ) from error
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise Broken(f"the picture {name} is too narrow with {width} x {height} px")
    return data


def suffix(data: bytes) -> str:
    """Of a file that `checked` gave."""
    return ".png" if data.startswith(b"\x89PNG") else ".jpg"


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    if image.mode not in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        image = image.convert("RGB")
    image.save(file, "PNG")
    return file.getvalue()


class Pictures:
    """Pictures by the paths that rows name: absolute, in a folder, or in its *.zip and *.tar.

    The last one is remembered, since several questions about a picture often follow each other.
    """

    def __init__(self, *folders: Path):
        self._folders = folders
        self._packed: dict[str, Callable[[], bytes]] | None = None
        self._last = ("", b"")

    def read(self, path: str) -> bytes:
        """The checked file. Raises Broken where there is none."""
        if not isinstance(path, str) or not path:
            raise Broken(f"{path!r} is no path of a picture")
        if self._last[0] != path:
            try:
                found = self._find(path)
            except (OSError, zipfile.BadZipFile, zlib.error) as error:
                raise Broken(f"the picture {path[:80]} can't be read ({error})") from error
            self._last = (path, checked(found, path))
        return self._last[1]

    def _find(self, path: str) -> bytes:
        for folder in self._folders:  # an absolute path stays one
            if (folder / path).is_file():
                return (folder / path).read_bytes()
        if self._packed is None:
            self._packed = dict(self._members())
        if path not in self._packed:
            raise Broken(f"there is no picture {path}")
        return self._packed[path]()

    def _members(self) -> Iterator[tuple[str, Callable[[], bytes]]]:
        """What reads a packed file, by its name; by that in a folder named as the archive; and
        without the folder that it is in."""
        for path in sorted(path for folder in self._folders for path in folder.glob("*.*")):
            for name, read in _packed(path):
                yield f"{path.stem}/{name}", read
                if "/" in name:
                    yield name.partition("/")[2], read
                yield name, read


def _packed(path: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Raises UserError for a damaged archive."""
    try:
        if path.suffix == ".zip":
            archive = zipfile.ZipFile(path)
            for name in archive.namelist():
                yield name, functools.partial(archive.read, name)
        elif path.suffix == ".tar":
            archive = tarfile.open(path)
            for member in archive.getmembers():
                if member.isfile():
                    yield member.name, archive.extractfile(member).read
    except (zipfile.BadZipFile, tarfile.TarError) as error:
        raise UserError(f"{path} is damaged ({error}): copy it again.") from error
