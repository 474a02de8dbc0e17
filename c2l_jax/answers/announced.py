"""What an announcement announces: the rest of a line, what is in a box or a tag, a list below."""

import re

from c2l_jax.answers.announcements import begin, sentence_start
from c2l_jax.answers.values import leaves, parse

MOST_CHARACTERS = 2000  # a path through a large maze fits; a model's endless repetition does not

LONE_LETTER = re.compile(
    r"[*_\"'\[({<$]*(?:the\s+)?(?:option|choice|选项)?\s*[(\[{\"']*[A-Z][)\]}>\"'$.!*_]*",
    re.IGNORECASE,
)
_IN_A_ROW = re.compile(
    r"[\s$]*(?:,|;|/|&|→|->|,?\s*(?:or|and|then)"
    r"|\\(?:to|rightarrow|(?:text|quad)\s*\{?[^{}]*\}?))[\s$]*"
)
_MARKS = [
    re.compile(r"\s*[-*+•▪◦‣·●○–]\s+(?=\S)"),
    re.compile(r"\s*\(?(?P<number>\d{1,3})[.)]\s+(?=\S)"),
    re.compile(r"\s*(?:step|move)\s*(?P<number>\d{1,3})\s*[:.)-]\s*(?=\S)", re.IGNORECASE),
]
_NUMBERED = re.compile(r"(?:\A|[\s,;]+)\(?(\d{1,3})[.)]\s+(?=\S)")
_ITEM_END = re.compile(r":\s|\s[-–—]\s|(?<=[a-z])\s\(")  # and an explanation begins
LETTERED = re.compile(r"\s*[(\[]?[A-Z][.)\]:]\s+\S")
_PLAIN_ITEM = re.compile(r"""["']?[^\W\d_]{1,12}(?:\s\d{1,3})?["']?,?|[-\d,. |()\[\]]{1,80}""")


def announced(text: str, match: re.Match, found: list[re.Match]) -> tuple[str, int]:
    """The text that a statement announces, and where it ends."""
    if match["reverse"]:
        return text[begin(text, match) : match.start()], match.end()
    if match["boxed"]:
        return _boxed(text, match, found)
    # The next statement's sentence is its own.
    following = (each for each in found if each.start() >= match.end())
    own = next((s for s in (sentence_start(text, each) for each in following)), len(text))
    limit = own if own > match.end() else len(text)
    after = text[match.end() : min(match.end() + MOST_CHARACTERS, limit)]
    if match["tag"]:
        after = re.split(r"</|<\|end_of_box", after, maxsplit=1)[0]
        value, _ = _stated(f"\n{after}")
        return value, match.end() + len(after)
    value, length = _stated(re.split(r"</answer>", after, maxsplit=1, flags=re.IGNORECASE)[0])
    return value, match.end() + length


def _boxed(text: str, match: re.Match, found: list[re.Match]) -> tuple[str, int]:
    """The box, with those before that it is in a row with ("\\boxed{A} or \\boxed{B}")."""
    value, end = _up_to_closing_brace(text, match.end())
    start = match.start()
    for earlier in reversed(found[: found.index(match)]):
        inner, closed = _up_to_closing_brace(text, earlier.end())
        between = text[closed:start] if earlier["boxed"] and 0 < start - closed < 30 else ""
        if not 0 < len(value) < MOST_CHARACTERS or not inner or not _IN_A_ROW.fullmatch(between):
            break
        value, start = f"{inner} {between.replace('$', ' ')} {value}", earlier.start()
    return value[:MOST_CHARACTERS], end


def _up_to_closing_brace(text: str, start: int) -> tuple[str, int]:
    depth = 1
    for position in range(start, min(start + MOST_CHARACTERS, len(text))):
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        if depth == 0:
            return text[start:position], position + 1
    return "", start  # cut off inside the box: not an answer


def _stated(after: str) -> tuple[str, int]:
    """What is stated on the rest of a line or, where that is empty, below it; and its length."""
    lead = re.match(r"[ \t:=]*(?:\*+(?=\S))?", after).end()
    lines = after[lead:].splitlines() or [""]
    first = lines[0]
    if not first.strip() or (first.rstrip().endswith(":") and listed(lines[1:])[0]):
        below = [line for line in lines[1:]]
        while below and not below[0].strip(" \t*_"):
            del below[0]
        items, used = listed(below)
        if items:
            length = len(after) - len("\n".join(below[used:]))
            return ", ".join(items), length
        lines = below or [""]
    line = _first_line(lines)
    value = _numbered_in_line(line) or _first_sentence(line)
    return value, after.find(value[:40]) + len(value) if value else len(after)


def _first_line(lines: list[str]) -> str:
    """The first line, with those over which a list goes on."""
    joined = ""
    for line in lines:
        joined += f"{line} "
        open_list = joined.count("[") > joined.count("]")
        if not open_list and not joined.rstrip().endswith((",", "→", "->")):
            return joined.rstrip()
    return lines[0]  # the list never ends


def _first_sentence(text: str) -> str:
    """Cuts explanations off; keeps what follows a lone letter, for it may contradict the letter."""
    text = re.split(r"\s(?:because|since)\b|因为|由于|\[(?:解析|分析)", text, maxsplit=1)[0]
    for end in re.finditer(
        r"(?<!\bi\.e)(?<!\be\.g)[.!?][*_\"')]*\s+(?=[A-Z\d(\[\"\u3400-\u9fff])", text
    ):
        if not LONE_LETTER.fullmatch(text[: end.start()].strip()):
            return text[: end.start() + 1]
    return text


def _numbered_in_line(text: str) -> str | None:
    """ "1. up 2. up" as "up, up"; None for anything else."""
    before, *parts = _NUMBERED.split(text)
    numbers, items = parts[::2], parts[1::2]
    in_order = numbers == [str(number) for number in range(1, len(numbers) + 1)]
    if (
        before.strip()
        or len(items) < 2
        or not in_order
        or any(len(item.split()) > 3 for item in items)
    ):
        return None
    return ", ".join(items)


def listed(lines: list[str]) -> tuple[list[str], int]:
    """The items of a list with one item a line, and how many lines it takes; none for no list."""
    mark = next((mark for mark in _MARKS if lines and mark.match(lines[0])), None)
    if mark:
        return _marked_items(lines, mark)
    if lines and LETTERED.match(lines[0]):
        count = next((i for i, x in enumerate(lines) if not LETTERED.match(x)), len(lines))
    else:
        count = next((i for i, line in enumerate(lines) if not _alike(lines[0], line)), len(lines))
    rows = [line.strip().strip(",|").strip() for line in lines[:count]]
    if len(rows) < 2 or any(row.count("[") != row.count("]") for row in rows):
        return [], 0
    return [_as_row(row) for row in rows], count


def _alike(first: str, line: str) -> bool:
    """Whether a line looks like another item of the same list."""
    both = [each.strip() for each in (first, line)]
    if not all(_PLAIN_ITEM.fullmatch(each) for each in both) or LONE_LETTER.fullmatch(both[0]):
        return False
    same_case = both[0][:1].islower() == both[1][:1].islower()
    types = [set(map(type, leaves(parse(each)))) for each in both]
    return same_case and types[0] == types[1]


def _as_row(row: str) -> str:
    """A row of numbers as a list: "1 0 1" and "1 | 0 | 1" are [1, 0, 1]."""
    numbers = re.split(r"[\s|,]+", row)
    if len(numbers) > 1 and all(re.fullmatch(r"-?\d+", number) for number in numbers):
        return f"[{', '.join(numbers)}]"
    return row


def _marked_items(lines: list[str], mark: re.Pattern) -> tuple[list[str], int]:
    items, used = [], 0
    for index, line in enumerate(lines):
        found = mark.match(line)
        number = found and found.groupdict().get("number")
        if found and (number is None or int(number) == len(items) + 1):
            rest = line[found.end() :]
            items.append(_ITEM_END.split(rest, maxsplit=1)[0].strip(" ,.;"))
            used = index + 1
        elif line.strip():
            break
    # "- 1" is a number, and "7. So it is" no list that begins with its seventh item.
    alone = len(items) == 1 and re.match(r"\s*-?\s*\d", lines[0])
    return ([], 0) if not items or alone else (items, used)
