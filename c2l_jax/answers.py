"""Reads the final answer out of a model's response and compares it with the record's answer.

Tolerant of wording, strict on value. The comparison is rule-based and needs no second model; the
Game-RL paper (arXiv 2505.13886, appendix H.4) lets a 72B model judge instead, so figures made here
are not comparable with its tables to the last point.
"""

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from c2l_jax.errors import UserError


@dataclasses.dataclass(frozen=True)
class Verdict:
    extracted: str | None
    correct: bool


@dataclasses.dataclass(frozen=True)
class Number:
    amount: Decimal
    unit: str = ""


@dataclasses.dataclass(frozen=True)
class Items:
    """A move list (ordered), a cell (an ordered pair of numbers) or a set (not ordered)."""

    items: tuple["Value", ...]
    ordered: bool


Value = Number | Items | str  # str: words, as `_words` leaves them

# ------------------------------------------------------------------ the final answer in a response

# What announces a final answer. A denial ("the answer is not C") and a remark about the answer
# ("my answer is correct") announce nothing.
_STATEMENT = re.compile(
    r"""^[ \t]*\#+[ \t]*(?:final[ \t]+)?answer\b[ \t]*[:=]?
      | \banswer\b[\s*_]*[:=：]
      | \b(?:answer | (?:correct|right|best|final)\s+(?:option|choice))
        (?:\s+(?:to|for)\s[^.:\n]{1,60}?)?
        \s+(?:is|are|should\s+be|must\s+be|would\s+be|will\s+be)\b
        (?!\s+(?:not|correct|incorrect|wrong)\b)[ \t]*[:：]?
      | <answer>
      | \\boxed\s*\{""",
    re.VERBOSE | re.IGNORECASE | re.MULTILINE,
)
_LONE_LETTER = re.compile(r"[*_\"]*(?:option\s+)?[(\[]?[A-Z][)\]]?[.!*_\"]*", re.IGNORECASE)
_LIST_OF_NUMBERS = re.compile(r"[(\[{][-+.,\d\s()\[\]{}]{1,300}[)\]}]\.?")
_BOLD_LINE = re.compile(r"\*\*[^*\n]+\*\*\W*")
_MOST_WORDS_IN_A_DIRECT_ANSWER = 8
_MOST_CHARACTERS = 2000  # a path through a large maze fits; a model's endless repetition does not


def judge(response: str, record: Mapping[str, Any]) -> Verdict:
    extracted = extract(response)
    return Verdict(extracted, matches(extracted, record))


def extract(response: str) -> str | None:
    """The text of the last final-answer statement; None when the response never concludes.

    Without a statement ("### Answer: X", "the answer is X", "\\boxed{X}", "<answer>X</answer>")
    the last line counts if it is one bold phrase or one letter, and so does a response that is
    nothing but a short line.
    """
    texts = (_clean(content[:_MOST_CHARACTERS]) for content in _conclusions(response))
    return next(filter(None, texts), None)


def _conclusions(response: str) -> Iterator[str]:
    """What may be the final answer, the most likely first."""
    for match in reversed(list(_STATEMENT.finditer(response))):
        after = response[match.end() : match.end() + _MOST_CHARACTERS]
        if match.group().startswith("\\boxed"):
            yield _up_to_closing_brace(after)
        else:
            # "Answer:" may stand alone, with the answer on the next line.
            line = _first_line(after.lstrip(" \t*_:`\r\n"))
            yield _first_sentence(re.split(r"</answer>", line, flags=re.IGNORECASE)[0])
    lines = [line.strip() for line in response.splitlines() if line.strip()]
    last = lines[-1][:_MOST_CHARACTERS] if lines else ""
    stands_out = _BOLD_LINE.fullmatch(last) or _LONE_LETTER.fullmatch(last)
    whole = " ".join(lines)
    if stands_out or (len(lines) == 1 and _is_direct(last)):
        yield last
    elif _LIST_OF_NUMBERS.fullmatch(whole):
        yield whole


def _first_line(text: str) -> str:
    """The first line, with those over which a list in square brackets goes on."""
    lines = text.splitlines() or [""]
    joined = ""
    for line in lines:
        joined += f"{line} "
        if joined.count("[") <= joined.count("]"):
            return joined
    return lines[0]  # the list never ends


def _up_to_closing_brace(text: str) -> str:
    depth = 1
    for position, character in enumerate(text):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth == 0:
            return text[:position]
    return ""  # cut off inside the box: not an answer


def _first_sentence(text: str) -> str:
    """Cuts explanations off; keeps what follows a lone letter, for it may contradict the letter."""
    text = re.split(r"\s(?:because|since)\b", text, maxsplit=1)[0]
    for end in re.finditer(r"[.!?][*_]*\s(?=[A-Z])", text):
        if not _LONE_LETTER.fullmatch(text[: end.start()].strip()):
            return text[: end.start()]
    return text


def _is_direct(line: str) -> bool:
    """True for a bare answer, False for a one-line chain that was cut off before its end."""
    if re.search(r"\banswer\b|\\boxed", line, re.IGNORECASE):
        return False  # a statement that denies or was cut off
    if len(line.split()) <= _MOST_WORDS_IN_A_DIRECT_ANSWER:
        return True
    parts, _ = _split(line)
    return all(len(part.split()) <= 2 for part in parts)


def _clean(text: str) -> str:
    """Without markup (Markdown, LaTeX), wrapping quotes and closing punctuation."""
    text = re.sub(r"\\(?:text|mathrm|mathbf|textbf)\s*\{([^{}]*)\}", r"\1", text)
    text = re.sub(r"\\(?:rightarrow|to)\b", "→", text)
    text = re.sub(r"\\([(){}\[\],; ])", r"\1", text)
    text = re.sub(r"\*\*|__|[`$]", "", text).replace("−", "-").replace("’", "'")
    text = " ".join(text.split())
    previous = None
    while text != previous:
        previous = text
        text = text.strip().strip("*_").rstrip(".!,;:").strip()
        if len(text) > 1 and text[0] + text[-1] in ('""', "''", "“”", "‘'"):
            text = text[1:-1]
    return text


# ------------------------------------------------------------------------------ values and equality

_NUMBER_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen twenty"
).split()
_NUMBER = re.compile(
    rf"""(?P<digits>[+-]?(?:\d{{1,3}}(?:,\d{{3}})+|\d+)(?:\.\d+)?|[+-]?\.\d+)?
         (?P<word>{"|".join(sorted(_NUMBER_WORDS, key=len, reverse=True))})?
         (?P<unit>\s*%|(?:\s+[a-z]+){{0,2}})""",
    re.VERBOSE | re.IGNORECASE,
)
# Words after a number that change its value or leave it open, so they are no unit.
_NOT_UNITS = {*_NUMBER_WORDS, *"or and to not of plus minus times hundred thousand million".split()}
_ROW, _COLUMN = r"row[\s:=]*(?P<row>-?\d+)", r"col(?:umn)?[\s:=]*(?P<column>-?\d+)"
_BETWEEN = r"(?:\s*[,;]?\s*(?:and\s+)?)"
_LABELLED_CELLS = [
    re.compile(first + _BETWEEN + second, re.IGNORECASE)
    for first, second in ((_ROW, _COLUMN), (_COLUMN, _ROW))
]
_PLACE = re.compile(
    r"\A(?:at\s+)?(?:the\s+)?(?:(?:cell|square|position|coordinates?)\s*)?(?=[(\[\d])",
    re.IGNORECASE,
)
_BRACKETS = {"(": ")", "[": "]", "{": "}"}
_SPLIT = re.compile(
    r"[(\[{]|[)\]}]|[,;]?\s*\b(?:and\s+then|then|and)\b|[,;&]|→|⟶|➔|➡|->|=>", re.IGNORECASE
)
_ARTICLES = {"a", "an", "the"}
_DIRECTIONS = {name[0]: name for name in ("up", "down", "left", "right")} | {
    name[0]: name for name in ("north", "east", "south", "west")
}


def parse(text: str) -> Value:
    """The value a text stands for: "seven" is 7, "row 3, column 5" is (3, 5), "The red" is "red".

    Written with commas or arrows a sequence is ordered; with braces or "and" it is a set.
    """
    value = _parse(_PLACE.sub("", _clean(text)))
    if isinstance(value, Items) and len(value.items) == 1 and not isinstance(value.items[0], Items):
        return value.items[0]  # "[up]" and "(7)": one value in brackets
    return value


def _parse(text: str, depth: int = 0) -> Value:
    text = text.strip()
    # No value of a game nests deeper; a model's endless "((((" must not exhaust the stack.
    wrapped = depth < 4 and _is_wrapped(text)
    inner = text[1:-1] if wrapped else text
    for pattern in _LABELLED_CELLS:
        if cell := pattern.fullmatch(inner.strip()):
            row, column = Decimal(cell["row"]), Decimal(cell["column"])
            return Items((Number(row), Number(column)), ordered=True)
    number = None if wrapped else _number(text)
    if number is not None:
        return number
    parts, ordered = _split(inner)
    if wrapped or len(parts) > 1:
        items = tuple(_parse(part, depth + 1) for part in parts)
        return Items(items, ordered and not text.startswith("{"))
    return _words(text)


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


def _number(text: str) -> Number | None:
    match = _NUMBER.fullmatch(text)
    if not match or (match["digits"] is None) == (match["word"] is None):
        return None
    unit = match["unit"].casefold().strip()
    if _NOT_UNITS & set(unit.split()):
        return None
    if match["word"]:
        return Number(Decimal(_NUMBER_WORDS.index(match["word"].casefold())), unit)
    return Number(Decimal(match["digits"].replace(",", "")), unit)


def _split(text: str) -> tuple[list[str], bool]:
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


def _words(text: str) -> str:
    """Lower-case words without articles and punctuation; signs that carry meaning stay ("U'")."""
    text = re.sub(r"(?<=[^\W\d])-(?=[^\W\d])", " ", text.casefold())
    words = re.sub(r"\.(?!\d)|[,;:!?\"*_(){}\[\]]", " ", text).split()
    return " ".join([word for word in words[:-1] if word not in _ARTICLES] + words[-1:]) or text


def same(reference: Value, answer: Value) -> bool:
    """Equality of values; whether order counts is the reference's to say."""
    if isinstance(reference, Items):
        if isinstance(answer, str):  # "up up left", "3 5"
            answer = Items(tuple(map(_parse, answer.split())), ordered=True)
        if not isinstance(answer, Items) or len(answer.items) != len(reference.items):
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
    if isinstance(reference, Number) and isinstance(answer, Number):
        units = {number.unit.rstrip("s") for number in (reference, answer)} - {""}
        return reference.amount == answer.amount and len(units) <= 1
    return reference == answer or (
        isinstance(answer, str) and _DIRECTIONS.get(answer, "") == reference
    )


# ----------------------------------------------------------------------------- answer and record

_COPULA = re.compile(r"\A.*(?:\b(?:is|are|equals)\b|[=:])\s*", re.IGNORECASE | re.DOTALL)
# "C", "(C)", "C. (3, 5)", "option C: (3, 5)" and "(3, 5) is option C": the letter and the rest.
_STATED_LETTERS = [
    re.compile(pattern, re.IGNORECASE | re.DOTALL)
    for pattern in (
        r"(?:option|choice)\s+\(?(?P<letter>[A-Z])\b[\s.):,–-]*(?P<rest>.*)",
        r"[(\[]?(?P<letter>[A-Z])(?:\s*[.):\]](?!\w)\s*(?P<rest>.*)|$)",
        r"(?P<rest>.*?)(?:\s+is)?\s+(?:option|choice)\s+\(?(?P<letter>[A-Z])\)?",
    )
]
# Elsewhere a capital that stands alone is a letter, unless it reads as the article ("A dead end")
# or the pronoun ("I think"); small letters need brackets or "option".
_LETTER = re.compile(
    r"""\b(?i:option|choice|letter)\s+\(?([A-Za-z])\b\)?
      | \(([A-Za-z])\)
      | (?<![\w'-])(?![AI]\s+(?!is\b|or\b|and\b)[a-z])([A-Z])(?![\w']|-\w)""",
    re.VERBOSE,
)
_DENIED_LETTER = re.compile(
    r"\b(?:not|rather\s+than|instead\s+of)\s+(?:(?i:option)\s+)?\(?[A-Z]\b\)?"
)
_DENIAL = re.compile(r"\b(?:not|never|neither|nor|wrong|incorrect)\b|n't\b", re.IGNORECASE)
_DOUBT = re.compile(rf"{_DENIAL.pattern}|\bor\b", re.IGNORECASE)


def matches(answer: str | None, record: Mapping[str, Any]) -> bool:
    """Whether an extracted answer has the value of `record["answer"]`.

    `record["options"]` lists the option texts and `record["answer"]` is the right one's letter; for
    a fill-in, `options` is empty and `answer` is the text itself.

    Raises UserError when the record's answer is not a letter of one of its options.
    """
    options = record["options"]
    if options and record["answer"] not in _letters(options):
        raise UserError(
            f"the record's answer {record['answer']!r} is none of its {len(options)} options' "
            f"letters ({', '.join(_letters(options))}); make the data set again"
        )
    text = _clean(answer or "")
    if not text:
        return False
    if options:
        return _chosen(text, options) == _letters(options).index(record["answer"])
    reference = parse(record["answer"])
    return same(reference, parse(text)) or same(reference, parse(_predicate(text)))


def _predicate(text: str) -> str:
    """What a sentence says of its subject ("the player is at (3, 5)"); "" when it is in doubt."""
    return "" if _DOUBT.search(text) else _COPULA.sub("", text)


def _letters(options: Sequence[str]) -> list[str]:
    return [chr(ord("A") + index) for index in range(len(options))]


def _chosen(text: str, options: Sequence[str]) -> int | None:
    """The index of the one option that a text settles on, None when it settles on none."""
    letters = _letters(options)
    forms = (pattern.fullmatch(text) for pattern in _STATED_LETTERS)
    stated = next((form for form in forms if form and form["letter"].upper() in letters), None)
    whole = _option_with_value((stated["rest"] or "") if stated else text, options)
    if whole is not None:
        return whole if not stated or letters[whole] == stated["letter"].upper() else None
    text = _DENIED_LETTER.sub(" ", text)
    named = {"".join(filter(None, match.groups())).upper() for match in _LETTER.finditer(text)}
    if stated:
        named.add(stated["letter"].upper())
    named &= set(letters)
    if not named:
        return _option_with_value(_predicate(text), options)
    if len(named) > 1 or _DENIAL.search(text):
        return None
    index = letters.index(named.pop())
    rest = stated["rest"] or "" if stated else _LETTER.sub(" ", text)
    return None if _contradicts(rest, index, options) else index


def _option_with_value(text: str, options: Sequence[str]) -> int | None:
    if not text:
        return None
    plain = [" ".join(_clean(each).casefold().split()) for each in (text, *options)]
    if plain[1:].count(plain[0]) == 1:
        return plain.index(plain[0], 1) - 1
    value = parse(text)
    equal = [index for index, option in enumerate(options) if same(parse(option), value)]
    return equal[0] if len(equal) == 1 else None


def _contradicts(rest: str, index: int, options: Sequence[str]) -> bool:
    """Whether the words beside a letter name another option than the letter does."""
    other = _option_with_value(_predicate(rest), options)
    if other is not None:
        return other != index
    said, own = f" {_words(rest)} ", f" {_words(options[index])} "
    found = [words for option in options if (words := f" {_words(option)} ") in said]
    return bool(found) and (own not in found or any(own in each != own for each in found))
