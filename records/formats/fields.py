"""From what other data say to the features of a record."""

import ast
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from string import ascii_uppercase as LETTERS
from typing import Any

from records.formats.rows import Broken
from records.schema import ANSWERS, PICTURE

_LEVELS = ("Easy", "Medium", "Hard")
_LETTER = re.compile(r"\(?([A-Z])[).:]?")
_LEADING = re.compile(rf"(?:{PICTURE}\s*)+")


def question_record(
    id: str, question: str, answer: str, images: Sequence[bytes], rest: Mapping, **given: Any
) -> dict:
    """A record of `schema.question(several=True)`.

    rest: what has no feature of its own is kept as `params`. Raises Broken for an empty question
    or answer.
    """
    if not question.strip() or not answer.strip():
        raise Broken(f"it has no {'answer' if question.strip() else 'question'}")
    texts = ("game", "category", "split_kind", "task", "qa_type", "plot_level", "qa_level")
    record = dict.fromkeys((*texts, "state", "description"), "")
    record |= {"options": [], "steps": [], "seed": 0}
    record |= {"params": as_text(dict(rest))}
    return record | {"id": id, "question": question, "answer": answer, "images": images} | given


def text_of(row: Mapping, name: str) -> str:
    """A field as text, "" where it is missing or null. Numbers, lists: as JSON writes them."""
    return as_text(row.get(name))


def as_text(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False, default=str)


def literal(text: str) -> Any:
    """A list as Python or JSON writes it; other texts as they are."""
    for read in (ast.literal_eval, json.loads):
        try:
            return read(text)
        except (ValueError, SyntaxError):
            continue
    return text


def most_frequent(value: Any) -> tuple[Any, dict[str, list[str]]]:
    """Of several answers the most frequent one, the first of equals, and all of them for `params`.

    A list of texts may be one text; one of numbers is an answer.
    """
    if isinstance(value, str) and value.startswith("["):
        several = literal(value)
        if isinstance(several, list) and all(isinstance(each, str) for each in several):
            value = several
    if not isinstance(value, list):
        return value, {}
    texts = [as_text(each) for each in value]
    return (Counter(texts).most_common(1)[0][0], {ANSWERS: texts}) if texts else (None, {})


def as_json(value: Any) -> str:
    """As `synth` writes states: the same text for equal values."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def level_of(text: str) -> str:
    """A level as games have it; "" for others."""
    return text.capitalize() if text.capitalize() in _LEVELS else ""


# ------------------------------------------------------------------------------- multiple choice


def bare_options(options: Sequence) -> list[str]:
    """The options' texts, without their letters if all have them ("A.red", "A: 6", "A) up").

    Raises Broken for more than there are letters.
    """
    texts = [as_text(option) for option in options]
    if len(texts) > len(LETTERS):
        raise Broken(f"it has {len(texts)} options, more than letters")
    marked = [re.match(rf"{at}[.:)] ?", text) for at, text in zip(LETTERS, texts, strict=False)]
    if texts and all(marked):
        return [text[mark.end() :] for text, mark in zip(texts, marked, strict=True)]
    return texts


def lettered(texts: Sequence[str]) -> list[str]:
    return [f"{at}. {text}" for at, text in zip(LETTERS, texts, strict=False)]


def right_option(options: Sequence, answer: Any, first: int = 1, text_first: bool = False) -> int:
    """Which option an answer names: by number, by letter, or by its text with or without letter.

    Args:
      options: as they were given, with or without letters.
      first: the number of the first option, where options are counted.
      text_first: an answer that is an option's text is that, even if it could be a number.

    Raises Broken for an answer that names none.
    """
    texts, bare = [as_text(option).strip() for option in options], bare_options(options)
    said = as_text(answer).strip()
    spelled = next((found.index(said) for found in (bare, texts) if said in found), None)
    if text_first and spelled is not None:
        return spelled
    number = int(said) - first if re.fullmatch(r"\d{1,3}", said) else -1
    if 0 <= number < len(texts):
        return number
    letter = _LETTER.fullmatch(said)
    if letter and LETTERS.index(letter[1]) < len(texts):
        return LETTERS.index(letter[1])
    if spelled is None:
        raise Broken(f"its answer {said!r} is none of its {len(texts)} options")
    return spelled


def choice(texts: Sequence[str], number: int, steps: Sequence[str]) -> dict:
    """options, answer and steps of a choice; the last step of a chain names the option."""
    last = last_step(texts[number], LETTERS[number])
    return {
        "options": list(texts),
        "answer": LETTERS[number],
        "steps": [*steps, last] if steps else [],
    }


def last_step(text: str, letter: str) -> str:
    return f"{text}: option {letter}."


def chain_of(record: Mapping) -> str:
    """The steps as one text, without the one that only names the option."""
    steps = record["steps"]
    if record["options"] and steps:
        letter = record["answer"]
        if steps[-1] == last_step(record["options"][LETTERS.index(letter)], letter):
            steps = steps[:-1]
    return "\n".join(steps)


def steps_of(chain: str) -> list[str]:
    """A chain's lines."""
    return chain.split("\n") if chain else []


# -------------------------------------------------------------------------- pictures in a question


def placed(text: str, pictures: int) -> str:
    """A question with a mark for each picture, or with none where all pictures come first.

    Those without a mark are put before the others. Raises Broken for more marks than pictures.
    """
    marks = text.count(PICTURE)
    if marks > pictures:
        raise Broken(f"it places {marks} pictures and has {pictures}")
    leading = _LEADING.match(text)
    if leading and leading[0].count(PICTURE) == marks:
        return text[leading.end() :]
    return f"{PICTURE}\n" * (pictures - marks if marks else 0) + text


def marked(text: str, pictures: int) -> str:
    """The other way round: with a mark for each picture in any case."""
    return text if PICTURE in text else f"{PICTURE}\n" * pictures + text
