"""Which split a file belongs to, told by its name."""

import re
from collections.abc import Sequence
from pathlib import Path

from records.errors import UserError

NAMES = {"val": "validation", "dev": "validation"}
_NAME = re.compile(r"(?<![a-z0-9])(train|validation|val|dev|testmini|test)(?![a-z0-9])")


def split_of(path: Path) -> str:
    """The last split that the file's name or its folder's holds; train where there is none."""
    found = _NAME.findall(path.name.lower()) or _NAME.findall(path.parent.name.lower())
    return NAMES.get(found[-1], found[-1]) if found else "train"


def by_names(source: Path, suffixes: Sequence[str]) -> dict[str, list[Path]]:
    """A file, or all of a folder's files (and its folders') with these suffixes, by split.

    Raises UserError where there is none.
    """
    if source.is_file():
        return {split_of(Path(source.name)): [source]}
    found: dict[str, list[Path]] = {}
    for path in sorted(path for path in source.rglob("*") if path.suffix in suffixes):
        found.setdefault(split_of(path.relative_to(source)), []).append(path)
    if not found:
        raise UserError(f"{source} holds no file with the ending {' or '.join(suffixes)}.")
    return found
