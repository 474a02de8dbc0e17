"""The source that a game is made from: read as text, never run, imported or followed."""

import dataclasses
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from records.errors import UserError, printable
from records.paths import reason

MOST_BYTES = 200_000
PASSED_OVER = {"__pycache__", "node_modules", "venv", "build", "dist"}
_LICENCE = re.compile(r"licen[cs]e|SPDX|copyright|public domain", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Source:
    """texts: of each file by its name in the source; licence: the first line that speaks of one."""

    name: str
    texts: dict[str, str]
    sha256: str
    licence: str | None
    left_out: tuple[str, ...]

    def about(self) -> dict:
        sizes = {name: len(text) for name, text in self.texts.items()}
        told = {"name": self.name, "sha256": self.sha256, "licence": self.licence}
        return {**told, "characters": sizes, "left out": list(self.left_out)}


def read(path: Path) -> Source:
    """A file, or all text files of a folder. Raises UserError where that is none or too much."""
    texts, left_out, digest, total = {}, [], hashlib.sha256(), 0
    for name, file in _files(path):
        try:
            data = file.read_bytes() if file.stat().st_size <= MOST_BYTES else None
        except OSError as error:
            raise UserError(f"{file} can't be read: {reason(error)}.") from error
        text = None if data is None else as_text(data)
        if text is None:
            left_out.append(printable(name))
            continue
        total += len(data)
        if total > MOST_BYTES:
            raise UserError(
                f"{path} holds more than {MOST_BYTES:,} bytes of text: name a file, or a folder "
                "with nothing but the files that hold the rules."
            )
        texts[printable(name)] = text
        digest.update(f"{name}\n{len(data)}\n".encode(errors="surrogateescape") + data)
    if not texts:
        raise UserError(f"{path} holds no text (UTF-8) of at most {MOST_BYTES:,} bytes.")
    name = printable(path.resolve().name)
    return Source(name, texts, digest.hexdigest(), _licence(texts), tuple(left_out))


def _files(path: Path) -> Iterator[tuple[str, Path]]:
    """In the order of their names; no links, nothing hidden, nothing that a build left."""
    if path.is_file():
        yield path.name, path
        return
    if not path.is_dir():
        raise UserError(f"{path} is neither a file nor a folder: name the source of a game.")
    for entry in sorted(path.iterdir()):
        if entry.is_symlink() or entry.name[0] == "." or entry.name in PASSED_OVER:
            continue
        if entry.is_dir():
            yield from ((f"{entry.name}/{name}", file) for name, file in _files(entry))
        elif entry.is_file():
            yield entry.name, entry


def as_text(data: bytes) -> str | None:
    """Text without what a terminal obeys; None for what is no UTF-8."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else clean(text)


def clean(text: str) -> str:
    """Text of several lines from elsewhere, without control characters but line ends."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").expandtabs(4)
    return "".join(c if c == "\n" or c.isprintable() else " " for c in text)


def _licence(texts: dict[str, str]) -> str | None:
    ranked = sorted(texts, key=lambda name: not re.search("licen|copying", name, re.IGNORECASE))
    for name in ranked:
        for line in texts[name].splitlines():
            if _LICENCE.search(line):
                return f"{name}: {line.strip(' #*/;-')[:200]}"
    return None
