"""Other wordings of the steps of some games, written by hand, to measure filters with.

They are in rewrites.txt. They keep what a step states and change how it is told: the order in it,
sentences, figures into words, what was said before said again, openings, a conclusion.
"""

import random
import re
import string
from collections.abc import Sequence
from pathlib import Path

PARTS = {
    "cell": r"\(\d+, \d+\)",
    "number": r"\d+",
    "word": r"\S+?",
    "way": "[Uu]p|[Dd]own|[Ll]eft|[Rr]ight",
    "text": ".+",
}
NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve".split()
OPENINGS = ["", "", "Let me work this out. ", "I take it step by step. ", "Now for the details. "]
JOINTS = ["", "", "", "Then: ", "Next, ", "After that, ", "Now, "]
CLOSINGS = [
    "",
    "So the answer is {answer}.",
    "That settles it: {answer}.",
    "Thus the result is {answer}.",
    "Therefore the answer is {answer}.",
]


def rules() -> dict[str, list[tuple[re.Pattern, list[str]]]]:
    """By game: what a whole step is like, and its other wordings."""
    found: dict[str, list[tuple[re.Pattern, list[str]]]] = {}
    lines = Path(__file__).with_suffix(".txt").read_text(encoding="utf-8").splitlines()
    for line in lines:
        mark, _, text = line.partition(" ")
        if mark == "==":
            of_game = found.setdefault(text, [])
        elif mark == "?":
            of_game.append((re.compile(_pattern(text)), []))
        elif mark == "-":
            of_game[-1][1].append(text)
    return found


def _pattern(step: str) -> str:
    plain, *parts = re.split(r"(<\w+:[^>]+>)", step)
    pattern = re.escape(plain)
    for part, plain in zip(parts[::2], parts[1::2], strict=True):
        name, _, kind = part[1:-1].partition(":")
        pattern += f"(?P<{name}>{PARTS.get(kind, kind)}){re.escape(plain)}"
    return pattern


RULES = rules()


class _Words(string.Formatter):
    def format_field(self, value, spec):
        if spec == "word" and value.isdigit() and int(value) < len(NUMBERS):
            return NUMBERS[int(value)]
        if spec == "low":
            return value.lower()
        if spec == "end":
            return f"{value}wards" if value in ("up", "down") else f"to the {value}"
        return value


def rewrite(game: str, steps: Sequence[str], answer: str, rng: random.Random) -> str | None:
    """A chain in other words; None where a step has no rule."""
    found = [_wordings(game, step) for step in steps]
    if not all(found):
        return None
    first, *rest = map(rng.choice, found)
    text = rng.choice(OPENINGS) + first
    for line in rest:
        joint = rng.choice(JOINTS)
        if joint.endswith(", "):  # the sentence goes on
            line = line if re.match(r"[A-Z]\W|[A-Z]\S*[A-Z]", line) else line[0].lower() + line[1:]
        text += rng.choice(["\n", "\n", " "]) + joint + line
    return f"{text}\n{rng.choice(CLOSINGS).format(answer=answer)}".strip()


def _wordings(game: str, step: str) -> list[str]:
    for pattern, wordings in RULES[game]:
        if found := pattern.fullmatch(step):
            parts = found.groupdict()
            parts |= {"way": parts["way"].lower()} if "way" in parts else {}
            said = [_Words().format(wording, **parts) for wording in wordings]
            return [one[0].upper() + one[1:] for one in said]
    return []
