"""Rows of JSON files, one at a time: a list, an object a line, or a file each in a tar."""

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

from records.errors import UserError

_AT_ONCE = 1 << 20  # characters


class Broken(Exception):
    """Why a row can't become a record: half a sentence."""


def json_rows(path: Path) -> Iterator[tuple[str, dict | Broken]]:
    """(place, row) of a JSON list of objects, of lines with an object each, or of a *.tar with a
    *.json each; never all at once.

    What is no object comes as Broken. Raises UserError where a list breaks off, since what follows
    can't be told apart.
    """
    if path.suffix == ".tar":
        yield from _in_tar(path)
        return
    with path.open(encoding="utf-8-sig") as file:
        start = file.read(_AT_ONCE)
        file.seek(0)
        is_list = start.lstrip().startswith("[")
        for number, row in enumerate(_in_list(file, path) if is_list else _in_lines(file), 1):
            if not isinstance(row, dict | Broken):
                row = Broken("it is no JSON object")
            yield f"{path.name}, {'row' if is_list else 'line'} {number}", row


def _in_tar(path: Path) -> Iterator[tuple[str, dict | Broken]]:
    with tarfile.open(path) as archive:
        for member in archive:
            if member.name.endswith(".json"):
                yield f"{path.name}, {member.name}", _parsed(archive.extractfile(member).read())


def _in_lines(file) -> Iterator:
    for line in file:
        yield _parsed(line) if line.strip() else Broken("the line is empty")


def _parsed(text: str | bytes) -> dict | Broken:
    try:
        return json.loads(text)
    except ValueError as error:
        return Broken(f"it is not valid JSON ({error})")


def _in_list(file, path: Path) -> Iterator:
    decoder, buffer, at, count = json.JSONDecoder(), file.read(_AT_ONCE).lstrip()[1:], 0, 0
    while True:
        while at < len(buffer) and buffer[at] in " \t\r\n,":
            at += 1
        if buffer[at : at + 1] == "]":
            return
        try:
            row, end = decoder.raw_decode(buffer, at)
            complete = end < len(buffer)  # a number could go on
        except ValueError:
            complete = False
        if complete:
            yield row
            count, at = count + 1, end
            continue
        more = file.read(_AT_ONCE)
        if not more:
            raise UserError(
                f"{path} is no whole list of JSON: after row {count} it is cut off or damaged; "
                "copy it again."
            )
        buffer, at = buffer[at:] + more, 0
