"""What may come out of a locked process: values of known types, sizes and characters.

Everything is data of an enemy until it has passed here.
"""

import base64
import json
import re
import zlib
from collections.abc import Iterable

import numpy as np

from synth.engine import About, AboutTask, Made, Told
from synth.game import CATEGORIES, LEVELS, QA_TYPES, SPLIT_KINDS

MOST_TEXT, MOST_TEXTS = 200_000, 10_000  # characters; texts in a list
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class Wrong(ValueError):
    """A value that is not of the kind that it must be."""


def text(value) -> str:
    if not isinstance(value, str) or len(value) > MOST_TEXT:
        raise Wrong(f"is no text of at most {MOST_TEXT} characters")
    if CONTROL.search(value) or any("\ud800" <= c <= "\udfff" for c in value):
        raise Wrong("has control characters")
    return value


def texts(value) -> list[str]:
    if not isinstance(value, list) or len(value) > MOST_TEXTS:
        raise Wrong(f"is no list of at most {MOST_TEXTS} texts")
    return [text(item) for item in value]


def flag(value) -> bool:
    if not isinstance(value, bool):
        raise Wrong("is neither true nor false")
    return value


def _number(value) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e15:
        raise Wrong("is no number of a common size")
    return float(value)


def json_object(value) -> str:
    """A JSON object in the only way that `game.to_json` writes it."""
    text(value)
    try:
        found = json.loads(value, parse_constant=float)
        again = json.dumps(found, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except (ValueError, RecursionError) as error:
        raise Wrong(f"is no JSON object ({type(error).__name__})") from None
    if not isinstance(found, dict) or value != again:
        raise Wrong("is no JSON object in its one way of writing")
    return value


def _name(value) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_]{1,80}", text(value)):
        raise Wrong("is no name of letters, digits and _")
    return value


def _one_of(choices: Iterable[str]):
    def check(value) -> str:
        if value not in tuple(choices):
            raise Wrong(f"is none of {', '.join(choices)}")
        return value

    return check


def _count(value) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 26:
        raise Wrong("is no number of options")
    return value


def _tasks(value) -> tuple[AboutTask, ...]:
    if not isinstance(value, list | tuple) or not 0 < len(value) <= 100:
        raise Wrong("is no list of 1 to 100 tasks")
    tasks = tuple(read(AboutTask, one) for one in value)
    if len({task.name for task in tasks}) < len(tasks):
        raise Wrong("has two tasks of one name")
    return tasks


KINDS = {
    AboutTask: {
        "name": _name,
        "qa_type": _one_of(QA_TYPES),
        "qa_level": _one_of(LEVELS),
        "n_options": _count,
    },
    About: {
        "name": _name,
        "category": _one_of(CATEGORIES),
        "split_kind": _one_of(SPLIT_KINDS),
        "rules": text,
        "counts": text,
        "tasks": _tasks,
    },
    Made: {
        "state": json_object,
        "params": json_object,
        "asked": text,
        "options": texts,
        "text": text,
        "steps": texts,
        "description": text,
    },
    Told: {
        "asked": text,
        "text": text,
        "steps": texts,
        "several": flag,
        "description": text,
        "difficulty": _number,
    },
}


def read(kind: type, value):
    """A reply as a dataclass, each field checked. Raises Wrong."""
    checks = KINDS[kind]
    if not isinstance(value, dict) or value.keys() != checks.keys():
        raise Wrong(f"has not the keys {', '.join(checks)}")
    return kind(**{key: _field(key, check, value[key]) for key, check in checks.items()})


def _field(key: str, check, value):
    try:
        return check(value)
    except Wrong as error:
        raise Wrong(f"'{key}' {error}") from None


def pixels(value, size: int) -> np.ndarray:
    match value:
        case [[height, width, 3], "uint8", str(packed)] if height == width == size:
            inflate = zlib.decompressobj()
            try:
                data = inflate.decompress(base64.b64decode(packed, validate=True), 3 * size**2 + 1)
            except (ValueError, zlib.error):
                data = b""
            if len(data) == 3 * size**2:
                return np.frombuffer(data, np.uint8).reshape(size, size, 3)
    raise Wrong(f"is no RGB picture of {size} x {size} pixels")
