"""Picture files of other data: found beside it or in an archive, checked, kept as they are."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from PIL import Image

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
        raise Broken(f"the picture {name} can't be read ({type(error).__name__}: {error})") from error
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
    """Pictures by the paths that rows name: absolute, or in a folder or one of its *.zip files.

    The last one is remembered, since several questions about a picture often follow each other.
    """

    def __init__(self, *folders: Path):
        self._folders = folders
        self._zipped: dict[str, tuple[zipfile.ZipFile, str]] | None = None
        self._last = ("", b"")

    def read(self, path: str) -> bytes:
        """The checked file. Raises Broken where there is none."""
        if not isinstance(path, str) or not path:
            raise Broken(f"{path!r} is no path of a picture")
        if self._last[0] != path:
            self._last = (path, checked(self._find(path), path))
        return self._last[1]

    def _find(self, path: str) -> bytes:
        for folder in self._folders:  # an absolute path stays one
            if (folder / path).is_file():
                return (folder / path).read_bytes()
        if self._zipped is None:
            self._zipped = dict(self._members())
        if path not in self._zipped:
            raise Broken(f"there is no picture {path}")
        archive, name = self._zipped[path]
        return archive.read(name)

    def _members(self) -> Iterator[tuple[str, tuple[zipfile.ZipFile, str]]]:
        """By name, and by the name without a folder around them all."""
        for path in sorted(path for folder in self._folders for path in folder.glob("*.zip")):
            archive = zipfile.ZipFile(path)
            for name in archive.namelist():
                yield f"{path.stem}/{name}", (archive, name)
                if len(inner := PurePosixPath(name).parts) > 1:
                    yield str(PurePosixPath(*inner[1:])), (archive, name)
                yield name, (archive, name)
