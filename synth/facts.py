"""What a text states: cells, numbers, marks of a board, colours, directions, states, in order.

A fact is a short text by which two wordings of one thing are equal: "(3,4)" for "(3, 4)", "5" for
"5" and "five", "up" for "upwards", "-##-" for "- # # -".
"""

import dataclasses
import functools
import re

CELL = r"\(\s*-?\d+(?:\s*,\s*-?\d+)+\s*\)"
NUMBER = r"-?\d+(?:\.\d+)?"
SUM = rf"(?<![\w.-]){NUMBER}(?:\s+[-+x*/×−]\s+{NUMBER})+(?:\s*=\s*{NUMBER})?(?![\w])"
LIST_MARK = re.compile(r"^\s*(?:\(?\d+[.)](?=\s)|[-*•](?=\s+[A-Za-z(]))\s*", re.I)
_TOKEN = re.compile(rf"(?P<cell>{CELL})|(?P<sum>{SUM})|(?P<word>\S+)")

NUMBERS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty"
).split()
_WORD_NUMBERS = {word: str(number) for number, word in enumerate(NUMBERS)}
_WORD_NUMBERS |= {"once": "1", "single": "1", "twice": "2", "half": "half"}
COLOURS = (
    "red orange yellow green blue cyan aqua purple indigo violet magenta pink brown black white "
    "gray grey silver slate lime teal gold navy maroon"
).split()
_DIRECTIONS = (
    "up down left right above below beneath clockwise horizontal vertical diagonal".split()
)
_STATES = (
    "alive dead lit dark empty hidden revealed blank flagged safe true false legal illegal "
    "reverse vivid pale bright filled"
).split()
_SAME = {
    "grey": "gray",
    "beneath": "below",
    "live": "alive",
    "living": "alive",
    "horizontally": "horizontal",
    "vertically": "vertical",
    "diagonally": "diagonal",
    "counterclockwise": "counter-clockwise",
    "anticlockwise": "counter-clockwise",
    "anti-clockwise": "counter-clockwise",
}
_SAME |= {
    f"{way}{end}": way for way in ("up", "down", "left", "right") for end in ("ward", "wards")
}
WAYS = frozenset(("up", "down", "left", "right"))
_TELLING = {*COLOURS, *WAYS}
WORDS = {word: word for word in (*COLOURS, *_DIRECTIONS, *_STATES)} | _SAME
# Left, as what remains; and ways of speaking that name no direction.
_IDIOMS = re.compile(
    r"\b(?:add|sum|make|set|pick|write|read|break|split|end|wind|total|turn)(?:s|ed|ing)?\s+"
    r"(?:(?:them|it|these|those|the \w+)\s+)?up\b(?! \d| to \()|\bup to (?!\()"
    r"|\blook(?:s|ed|ing)? up (?:its|the|their|a|each|every|what|which)\b"
    r"|\b(?:made|written|taken) up\b|\bwrit\w+ down\b|\ball right,"
    r"|\bright (?:answer|option|one|away|now|next|here|there)\b"
    r"|(?<!\bto )\bface (?:up|down)\b",
    re.IGNORECASE,
)
_REMAIN = re.compile(r"\bremain(?:s|ing|ed)?\b|\bleft over\b", re.IGNORECASE)
_MARKS = re.compile(r"^[^\s\w]*[#*|+_~^/\\?-][^\s\w]*$")


@dataclasses.dataclass(frozen=True)
class Fact:
    """kind: "cell", "number", "marks" or "word"; exact: False for a number written as a word."""

    kind: str
    text: str
    exact: bool = True

    @property
    def telling(self) -> bool:
        """Whether nobody would say it in passing, as one says "the one above" or "still"."""
        return self.exact and (self.kind != "word" or self.text in _TELLING)


def facts_in(text: str, names: frozenset[str] = frozenset()) -> list[Fact]:
    """The facts that a text states, in order.

    names: capitalised words that are facts, too (`names_in`).
    """
    found = []
    for line in text.split("\n"):
        line = LIST_MARK.sub("", line)
        line = _IDIOMS.sub(_keep_face, line)
        line = _REMAIN.sub("left", line)
        found += _facts_of_line(line, names)
    return found


def _keep_face(match: re.Match) -> str:
    """Cards lie face up or face down: that is a fact, though no direction."""
    said = match[0].lower()
    return said.replace(" ", "_") if said.startswith("face") else " "


def _facts_of_line(line: str, names: frozenset[str]) -> list[Fact]:
    facts: list[Fact] = []
    single: list[str] = []  # marks of one character each, with spaces between

    def flush():
        if len(single) > 2:
            facts.append(Fact("marks", "".join(single)))
        else:
            for one in single:
                facts.extend(_of_word(one, names))
        single.clear()

    for match in _TOKEN.finditer(line):
        if match["cell"]:
            flush()
            facts.append(Fact("cell", re.sub(r"\s", "", match["cell"])))
        elif match["sum"]:
            flush()
            facts += [
                Fact("number", _number(n))
                for n in re.findall(
                    r"(?<!\d)-?\d+(?:\.\d+)?", re.sub(r"\s[-−]\s", " + ", match["sum"])
                )
            ]
        else:
            word = match["word"]
            bare = word.rstrip(",;:.!)") or word[:1]
            if len(bare) == 1 and not re.fullmatch("[a-z=(]", bare):
                single.append(bare)
                if bare != word:
                    flush()
            else:
                flush()
                facts += _of_word(word, names)
    flush()
    return facts


def _number(text: str) -> str:
    value = float(text)
    return str(int(value)) if value == int(value) else f"{value:g}"


def _of_word(word: str, names: frozenset[str]) -> list[Fact]:
    """The facts of a piece of text without spaces."""
    bare = word.strip("\"'“”‘’`*_,;:!?()[]{}").rstrip(".,;:!?)") if re.search(r"\w", word) else word
    bare = re.sub(r"['’]s$", "", bare)
    if word in ("face_up", "face_down"):
        return [Fact("word", word)]
    if re.fullmatch(NUMBER, bare):
        return [Fact("number", _number(bare))]
    if ordinal := re.fullmatch(r"(\d+)(?:st|nd|rd|th|%)", bare):
        return [Fact("number", _number(ordinal[1]))]
    low = bare.lower()
    if low in _WORD_NUMBERS:
        return [Fact("number", _WORD_NUMBERS[low], exact=False)]
    if low in WORDS:
        return [Fact("word", WORDS[low])]
    if bare in names:
        return [Fact("marks", bare)]
    if not re.search(r"\w", bare):  # marks of a board, not a dash of the sentence
        marks = word.strip("()[]{},;:").rstrip(".")
        return [Fact("marks", marks)] if len(marks) > 1 and _MARKS.match(marks) else []
    return _of_compound(bare, low, names)


def _of_compound(bare: str, low: str, names: frozenset[str]) -> list[Fact]:
    if re.fullmatch(r"[a-z]+(?:-[a-z]+)+", low) and not re.search(r"\d", low):
        if low in _SAME:
            return [Fact("word", _SAME[low])]
        if "counter" in low:
            return [Fact("word", low)]
        return [fact for part in low.split("-") for fact in _of_word(part, names)]
    has_code = re.search(r"[#*|+_]|--|\d", bare) or re.fullmatch(r"[A-Z-]{2,}'?|[A-Z]+'", bare)
    return [Fact("marks", bare)] if has_code and "=" not in bare else []


@functools.lru_cache(maxsize=1024)
def names_in(texts: tuple[str, ...]) -> frozenset[str]:
    """Names (Blinky, Q, Pac-Man): words with a capital inside a sentence, and single capitals."""
    found = set()
    for text in texts:
        found.update(re.findall(r"(?<=[a-z0-9,;:)] )[A-Z][a-z]+(?:-[A-Z][a-z]+)?\b", text))
        found.update(re.findall(r"(?<![\w'])[B-HJ-Z](?![\w'])", text))
        found.update(re.findall(r"(?<=[a-z,] )A(?= (?:at|in|is|on)\b|[,;:.])", text))
    return frozenset(found)


def wrong_sum(text: str) -> str | None:
    """The first sum in a text, as "2 + 3 x 4 = 13", that does not hold; None if all do.

    To as many decimals as are written.
    """
    for found in re.finditer(SUM, text):
        left, equals, right = found[0].partition("=")
        if equals and not _holds(left, right):
            return found[0]
    return None


def _holds(left: str, right: str) -> bool:
    signs = ["+", *re.findall(r"\s([-+−])\s", left)]
    total = 0.0
    for sign, term in zip(signs, re.split(r"\s+[-+−]\s+", left.strip()), strict=True):
        value, *others = map(float, re.findall(NUMBER, term))
        for operator, number in zip(re.findall(r"\s([x*/×])\s", term), others, strict=True):
            if operator == "/" and not number:
                return False
            value = value / number if operator == "/" else value * number
        total += value if sign == "+" else -value
    decimals = len(right.strip().partition(".")[2])
    return abs(total - float(right)) <= 0.5 * 10**-decimals * (1 + 1e-9) * (decimals > 0) + 1e-9
