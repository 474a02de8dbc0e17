"""What may be a response's final answer: announced, or standing out by its place."""

import dataclasses
import json
import re
from collections.abc import Iterator

from c2l_jax.answers.announced import LETTERED, LONE_LETTER, MOST_CHARACTERS, announced, listed
from c2l_jax.answers.announcements import is_formal, is_ours, is_remark, statements
from c2l_jax.answers.plain import clean, flat, spoken
from c2l_jax.answers.values import split

_MOST_STATEMENTS = 10
_MOST_WORDS_IN_A_DIRECT_ANSWER = 8


@dataclasses.dataclass(frozen=True)
class Statement:
    """What may be the final answer.

    formal: set off from the sentences around, so that it is one, whether it can be read or not.
    strict: counts only as a letter or an answer as a whole, for it may be something else.
    withdrawn: taken back by what follows.
    """

    text: str
    formal: bool = False
    strict: bool = False
    withdrawn: bool = False


_WITHDRAWAL = re.compile(
    r"""(?:^|[.!?…)]|\s[-–—])\s*(?:
        (?:wait|hmm+|oops|hold\s+on)(?:[\s,.!…–—-]|$)
      | scratch\s+that | on\s+second\s+thought | correction\s*: | no,\s
      | (?:sorry|actually),\s | i\s+(?:have\s+)?made\s+an?\s+(?:mistake|error)
      | let\s+me\s+(?:re-?(?:think|consider|do|examine|check|count|look)|look\s+again|start\s+over)
      | (?:that|this|it)(?:'s|\s+is)\s+(?:wrong|incorrect|not\s+(?:right|correct))(?!\s*[\d,])
      | i\s+was\s+wrong
      | 等等|等一下|不对|我错了)""",
    re.VERBOSE | re.IGNORECASE | re.MULTILINE,
)
_NEXT_QUESTION = re.compile(
    r"^[^\w\n]{0,9}(?:next\s+|new\s+|another\s+)?"
    r"(?:question|problem|exercise|puzzle|example|问题|題目|题目)\s*\d*\s*[:.]",
    re.IGNORECASE | re.MULTILINE,
)


def conclusions(response: str) -> Iterator[Statement]:
    """What may be a response's final answer, the most likely first.

    Without a statement ("### Answer: X", "the answer is X", "\\boxed{X}", "<answer>X</answer>",
    {"answer": "X"}) the last line counts if it is one bold phrase or one letter, and so does a
    response that is nothing but a short line or a list, or that begins with an answer.
    """
    marked = spoken(response)
    whole = flat(marked)
    text, ours = _json_answers(whole)
    found = statements(text)
    first = next((match for match in found if is_formal(text, match)), None)
    if first and (other := _NEXT_QUESTION.search(text, first.end())):
        found = [match for match in found if match.start() < other.start()]
        text = text[: other.start()]
    remarks = []
    for match in reversed(found[-_MOST_STATEMENTS:]):
        if not is_ours(text, match):
            continue
        value, end = announced(text, match, found)
        # From the value's full stop on, after which a sentence may take it back.
        withdrawn = _WITHDRAWAL.search(text, end - 1, end + MOST_CHARACTERS) is not None
        if is_remark(text, match, value):
            remarks.append(Statement(value, strict=True, withdrawn=withdrawn))
        else:
            formal = is_formal(text, match)
            ours.append((match.start(), Statement(value, formal=formal, withdrawn=withdrawn)))
    for _, statement in sorted(ours, key=lambda each: -each[0]):
        yield statement
    yield from remarks
    yield from _unannounced(whole, marked)


# ----------------------------------------------------------------------------------------- JSON

_KEY = re.compile(
    r'"(?:[a-z_ ]{0,20}answer[a-z_ ]{0,20}|choice|option|selected_?option|selection)"\s*:', re.I
)
_DECODER = json.JSONDecoder()


def _json_answers(text: str) -> tuple[str, list[tuple[int, Statement]]]:
    """The text without the objects that hold an answer, and the answers with their places."""
    found = []
    for key in reversed(list(_KEY.finditer(text))[-3:]):
        start = key.start()
        for _ in range(4):  # the innermost object that the key is in
            start = text.rfind("{", max(0, key.start() - MOST_CHARACTERS), start)
            if start < 0:
                break
            try:
                value, length = _DECODER.raw_decode(text[start : start + 2 * MOST_CHARACTERS])
            except (ValueError, RecursionError):
                continue
            if start + length > key.start():
                names = sorted(value, key=lambda name: "answer" not in name.casefold())
                stated = next(value[name] for name in names if _KEY.match(f'"{name}":'))
                found.append((start, Statement(_plain(stated), formal=True)))
                text = text[:start] + " " * length + text[start + length :]
                break
    return text, found


def _plain(value: object, depth: int = 0) -> str:
    """A JSON value as an answer is written: {"row": 3, "column": 5} is "row 3, column 5"."""
    if isinstance(value, str):
        return value
    if isinstance(value, list | dict) and depth > 3:
        return ""
    if isinstance(value, list):
        return f"[{', '.join(_plain(each, depth + 1) for each in value)}]"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(each, depth + 1)}" for name, each in value.items())
    return "" if value is None else json.dumps(value)


# --------------------------------------------------------------------------- answers unannounced

_LIST_OF_NUMBERS = re.compile(r"[(\[{][-+.,\d\s()\[\]{}]{1,300}[)\]}]\.?")
_BOLD_LINE = re.compile(r"\s*\*\*[^*\n]+\*\*\W*")
_LEADS = re.compile(
    r"\W*\b(?:so|thus|therefore|hence|conclusion|result|output|solution|choice|option|selection|"
    r"response)\b(?:\s+(?:it\s+is|it's))?[\s:,]+|\s*(?:#{2,}|∴|→|=>)\s*|\s*(?:it\s+is|it's)\s+",
    re.IGNORECASE,
)
_SHORT = re.compile(r"-?\d+(?:\.\d+)?%?|[(\[][-+.,\d\s]{1,60}[)\]]")
_OPENING = re.compile(
    r"[*_\"'(\[]*(?:option\s+)?[(\[]?(?P<letter>[A-Z])[)\]*]*[,.:]?(?:\s+(?:because|since|as)\b)",
    re.IGNORECASE,
)
_TO_A_LETTER = re.compile(r"(?:→|[-=]>)\s*(?P<letter>(?:option\s+)?\(?(?-i:[A-Z])\)?)\W*\Z", re.I)
_EXPLAINS = re.compile(
    r"\W*(?:explanation|because|reason\w*|since|the|this|there|here|it|in|to|we|i|note|as|from|"
    r"looking|based|counting|justification|解释|因为|理由)\b",
    re.IGNORECASE,
)


def _unannounced(text: str, marked: str) -> Iterator[Statement]:
    """Answers that stand out by their place."""
    places = [match.span() for match in re.finditer(r"\S[^\n]*", text)]
    lines = [text[start:end].strip() for start, end in places]
    if not lines:
        return
    last = lines[-1][:MOST_CHARACTERS]
    lead = _LEADS.match(last)
    bare = last[lead.end() :] if lead else last
    bold = marked.rstrip().rsplit("\n", 1)[-1][:MOST_CHARACTERS]
    whole = " ".join(lines)[: MOST_CHARACTERS + 1]
    if LONE_LETTER.fullmatch(bare) or (lead and _SHORT.fullmatch(bare.rstrip(". "))):
        yield Statement(bare)
    elif arrow := _TO_A_LETTER.search(last):
        yield Statement(arrow["letter"], strict=True)
    elif len(lines) == 1 and _is_direct(last):
        parts, _ = split(last)
        yield Statement(last, strict=max(len(part.split()) for part in parts or [last]) > 2)
    elif _BOLD_LINE.fullmatch(bold):
        yield Statement(last, strict=True)
    elif _LIST_OF_NUMBERS.fullmatch(whole) or (whole[0] == "[" and clean(whole)[-1:] == "]"):
        yield Statement(whole[:MOST_CHARACTERS])
    elif len(lines) < 200 and (items := listed(lines)[0]) and len(items) == len(lines):
        yield Statement(", ".join(items), strict=True)
    yield from _opening(text, places, lines)


def _opening(text: str, places: list[tuple[int, int]], lines: list[str]) -> Iterator[Statement]:
    """An answer with which a response begins and that the rest explains."""
    withdrawn = _WITHDRAWAL.search(text, places[0][1], places[0][1] + MOST_CHARACTERS) is not None
    if (opening := _OPENING.match(lines[0])) and opening["letter"] not in "Ia":
        yield Statement(opening["letter"], strict=True, withdrawn=withdrawn)
    if len(lines) < 2 or any(LETTERED.match(line) for line in lines[1:]):
        return
    apart = "\n\n" in text[places[0][1] - 1 : places[1][0]].replace(" ", "")
    if _is_direct(lines[0]) and lines[0][-1] != ":" and (apart or _EXPLAINS.match(lines[1])):
        yield Statement(lines[0], strict=True, withdrawn=withdrawn)


def _is_direct(line: str) -> bool:
    """True for a bare answer, False for a one-line chain that was cut off before its end."""
    if re.search(r"\banswer\b|\\boxed|答案", line, re.IGNORECASE):
        return False  # a statement that denies or was cut off
    # A cell is a word, and an option's letter none.
    line = re.sub(r"[(\[][-\d, ]{1,40}[)\]]", "0", line)
    line = re.sub(r"\A\W*(?:option\s+)?[A-Z][).:]+\s", "", line, flags=re.IGNORECASE)
    if len(line.split()) <= _MOST_WORDS_IN_A_DIRECT_ANSWER:
        return True
    parts, _ = split(line)
    return all(len(part.split()) <= 2 for part in parts)
