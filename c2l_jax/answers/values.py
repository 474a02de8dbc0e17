"""The values that answers stand for, and their equality."""

import dataclasses
import functools
import re
from fractions import Fraction

from c2l_jax.answers.plain import QUOTED, clean


@dataclasses.dataclass(frozen=True)
class Number:
    amount: Fraction
    unit: str = ""


@dataclasses.dataclass(frozen=True)
class Items:
    """A move list (ordered), a cell (an ordered pair of numbers) or a set (not ordered)."""

    items: tuple["Value", ...]
    ordered: bool


Value = Number | Items | str  # str: words, as `words` leaves them

_NUMBER_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen twenty"
).split()
_NUMBER_WORD = "|".join(sorted(_NUMBER_WORDS, key=len, reverse=True))
_NUMBER = re.compile(
    rf"""(?P<digits>[+-]?(?:\d{{1,3}}(?:,\d{{3}})+|\d+)(?:\.\d+)?|[+-]?\.\d+)?
         (?:/(?P<divisor>\d+))?
         (?P<word>{_NUMBER_WORD})?
         (?P<unit>\s*%|(?:\s+[^\W\d_]+){{0,2}})""",
    re.VERBOSE | re.IGNORECASE,
)
# Words after a number that change its value or leave it open, so they are no unit.
_NOT_UNITS = {
    *_NUMBER_WORDS,
    *"or and to not of plus minus times hundred thousand million dozen half".split(),
    *"is are was were wrong 或 和".split(),
}
_INDEX = r"[\s:=]*(?:index|number|no\.?)?[\s:=]*"
_ROW = rf"(?:row{_INDEX}|r\s*)(?P<row>-?\d+)"
_COLUMN = rf"(?:col(?:umn)?{_INDEX}|c\s*)(?P<column>-?\d+)"
_BETWEEN = r"(?:\s*[,;]?\s*(?:and\s+)?)"
_LABELLED_CELLS = [
    re.compile(rf"(?<![\w-]){first}{_BETWEEN}{second}(?![\w.])", re.IGNORECASE)
    for first, second in (
        (_ROW, _COLUMN),
        (_COLUMN, _ROW),
        (r"第?\s*(?P<row>\d+)\s*行", r"第?\s*(?P<column>\d+)\s*列"),
    )
]
_PLACE = re.compile(
    r"\A(?:(?:at|in|on)\s+)?(?:the\s+)?"
    r"(?:(?:cell|square|position|coordinates?|location|point)\s*(?:at\s+)?)?(?=[(\[\d])",
    re.IGNORECASE,
)
_BRACKETS = {"(": ")", "[": "]", "{": "}"}
_SPLIT = re.compile(
    r"[(\[{]|[)\]}]|[,;]?\s*\b(?:and\s+)?fac(?:es|ing)\b|[,;]?\s*\b(?:and\s+then|and\s+finally|then|finally|and)\b|[,;&|]|→|->|=>|"
    r"(?<=[^\W\d])\s*[–—>]\s*(?=[^\W\d])",
    re.IGNORECASE,
)
_ARTICLE = re.compile(r"(?<![\w'-])(?:a|an|the)\s+(?=\S)")  # "A. up" and "column a" have none
_DIRECTIONS = {name[0]: name for name in ("up", "down", "left", "right")} | {
    name[0]: name for name in ("north", "east", "south", "west")
}
_SIDES = {*_DIRECTIONS, *_DIRECTIONS.values()}
_SIDE = r"(?P<side>up|down|left|right)(?:wards?)?"
_TIMES = {"once": 1, "twice": 2, "thrice": 3}
_COUNT = rf"(?P<count>\d{{1,3}}|{_NUMBER_WORD}|{'|'.join(_TIMES)})"
_GO = r"(?:(?:first|next|lastly)\s+)?(?:(?:move|go|step)\s+)?"
_STEPS = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"{_GO}{_SIDE}(?:\s*(?:by\s+|for\s+)?[x×(:]{{0,2}}\s*{_COUNT}\s*\)?"
        r"(?:\s*(?:x|×|steps?|cells?|squares?|times))?)?",
        rf"{_GO}{_COUNT}\s*(?:x|×|steps?|cells?|squares?|times)?\s+"
        rf"(?:to\s+the\s+)?{_SIDE}",
    )
]
_MOST_STEPS = 2000
_ARROWS = str.maketrans({"↑": " up ", "↓": " down ", "←": " left ", "→": " right "})
_ONLY_ARROWS = re.compile(r"[\s,;\[\]()]*→[\s,;\[\]()]*|[\s,;\[\]()↑↓←→]*[↑↓←][\s,;\[\]()↑↓←→]*")


@functools.lru_cache(maxsize=4096)
def parse(text: str) -> Value:
    """The value a text stands for: "seven" is 7, "row 3, column 5" is (3, 5), "The red" is "red".

    Written with commas or arrows a sequence is ordered; with braces or "and" it is a set.
    """
    text = clean(text)
    if _ONLY_ARROWS.fullmatch(text):
        text = text.translate(_ARROWS)
    text = re.sub(r"\A(?:minus|negative)\s+(?=\d)", "-", text, flags=re.IGNORECASE)
    for pattern in _LABELLED_CELLS:
        text = pattern.sub(r"(\g<row>, \g<column>)", text)
    value = _parse(text)
    if isinstance(value, Items) and len(value.items) == 1 and not isinstance(value.items[0], Items):
        return value.items[0]  # "[up]" and "(7)": one value in brackets
    return value


def _parse(text: str, depth: int = 0) -> Value:
    text = _PLACE.sub("", text.strip())
    if QUOTED.fullmatch(text):
        text = text[1:-1].strip()
    # No value of a game nests deeper; a model's endless "((((" must not exhaust the stack.
    wrapped = depth < 4 and _is_wrapped(text)
    inner = text[1:-1] if wrapped else text
    if wrapped and text[0] == "(" and inner[:1] == "(" and _is_wrapped(inner):
        return _parse(inner, depth + 1)  # "((3, 5))": one pair too many
    # "2 right" is a step among moves, and 2 of something by itself.
    readings = [] if wrapped else [_step, _number] if depth else [_number, _step]
    value = next((found for read in readings if (found := read(text)) is not None), None)
    if value is not None:
        return value
    parts, ordered = split(inner)
    if wrapped or len(parts) > 1:
        items = tuple(_parse(part, depth + 1) for part in parts)
        return Items(items, ordered and not text.startswith("{"))
    return words(text)


def _is_wrapped(text: str) -> bool:
    """True when one pair of brackets encloses the whole text."""
    if not text or text[-1] != _BRACKETS.get(text[0]):
        return False
    depth = 0
    for position, character in enumerate(text):
        depth += (character in "([{") - (character in ")]}")
        if depth == 0:
            return position == len(text) - 1
    return False


def _step(text: str) -> str | None:
    """ "up", or "up 2" for "2 steps up" and "up x2" and the like."""
    if len(text) > 40:
        return None
    found = next((step for pattern in _STEPS if (step := pattern.fullmatch(text))), None)
    if not found:
        return None
    side, count = found["side"].casefold(), found["count"]
    return f"{side} {_counted(count)}" if count else side


def _counted(text: str) -> int:
    text = text.casefold()
    return int(text) if text.isdecimal() else _TIMES.get(text) or _NUMBER_WORDS.index(text)


def _number(text: str) -> Number | None:
    match = _NUMBER.fullmatch(text)
    if not match or (match["digits"] is None) == (match["word"] is None):
        return None
    unit = match["unit"].casefold().strip()
    divisor = int(match["divisor"] or 1)
    if _NOT_UNITS & set(unit.split()) or not divisor or (match["divisor"] and match["word"]):
        return None
    if match["word"]:
        return Number(Fraction(_NUMBER_WORDS.index(match["word"].casefold())), unit)
    return Number(Fraction(match["digits"].replace(",", "")) / divisor, unit)


def split(text: str) -> tuple[list[str], bool]:
    """The parts between commas, arrows and "and" outside brackets, and whether order counts."""
    parts, start, depth, ordered = [], 0, 0, True
    for match in _SPLIT.finditer(text):
        mark = match.group()
        if mark in _BRACKETS:
            depth += 1
        elif mark in _BRACKETS.values():
            depth -= 1
        elif depth == 0:
            parts.append(text[start : match.start()].strip())
            start = match.end()
            ordered = ordered and not mark.casefold().endswith(("and", "&"))
    parts.append(text[start:].strip())
    return [part for part in parts if part], ordered


def words(text: str) -> str:
    """Lower-case words without articles and punctuation; signs that carry meaning stay ("U'")."""
    text = re.sub(r"(?<=[^\W\d])-(?=[^\W\d])", " ", text.casefold())
    plain = re.sub(r"\.(?!\d)|[,;:!?\"*_(){}\[\]]", " ", _ARTICLE.sub(" ", text))
    return " ".join(plain.split()) if re.search(r"\w", plain) else text


def same(reference: Value, answer: Value) -> bool:
    """Equality of values; whether order counts is the reference's to say."""
    if isinstance(reference, Items):
        return _same_items(reference, answer)
    if isinstance(reference, Number) and isinstance(answer, Number):
        units = {number.unit.rstrip("s") for number in (reference, answer)}
        return reference.amount == answer.amount and len(units - {""}) <= 1 and units != {"", "%"}
    if reference == answer or _same_way(reference, answer):
        return True
    return isinstance(answer, str) and _DIRECTIONS.get(answer, "") == reference


def _same_items(reference: Items, answer: Value) -> bool:
    if isinstance(answer, str):  # "up up left", "3 5", "UUL"
        compact = len(answer) == len(reference.items) and set(answer) <= set("udlr")
        parts = answer if compact else answer.split()
        if len(parts) != len(reference.items):
            return False
        answer = Items(tuple(map(_parse, parts)), ordered=True)
    if not isinstance(answer, Items):
        return False
    if reference.ordered and _same_way(reference, answer):
        return True
    if len(answer.items) != len(reference.items):
        return False
    if reference.ordered:
        return all(map(same, reference.items, answer.items))
    left = list(answer.items)
    for item in reference.items:
        found = next((i for i, other in enumerate(left) if same(item, other)), None)
        if found is None:
            return False
        del left[found]
    return True


def _same_way(reference: Value, answer: Value) -> bool:
    way = _way(reference)
    return way is not None and way == _way(answer)


def _way(moves: Value) -> list[str] | None:
    """One direction a step, where there are nothing but steps: "up 2, left" is up, up, left."""
    way = []
    for move in moves.items if isinstance(moves, Items) else (moves,):
        side, _, count = move.partition(" ") if isinstance(move, str) else ("", "", "")
        side = _DIRECTIONS.get(side, side)
        if side not in _SIDES or not (count or "1").isdecimal():
            return None
        way += [side] * int(count or 1)
        if len(way) > _MOST_STEPS:
            return None
    return way


def leaves(value: Value) -> list[Number | str]:
    """The numbers and words that a value is made of."""
    if isinstance(value, Items):
        return [leaf for item in value.items for leaf in leaves(item)]
    if isinstance(value, str) and set(value.split()) <= _SIDES:  # "up left"
        return value.split()
    return [value]
