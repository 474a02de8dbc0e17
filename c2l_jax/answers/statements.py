"""Where a response states its final answer."""

import dataclasses
import json
import re
from collections.abc import Iterator

from c2l_jax.answers.plain import clean, flat, spoken
from c2l_jax.answers.values import leaves, parse, split


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


MOST_CHARACTERS = 2000  # a path through a large maze fits; a model's endless repetition does not
_MOST_STATEMENTS = 10
_MOST_WORDS_IN_A_DIRECT_ANSWER = 8

# ------------------------------------------------------------------------- what announces an answer

_LETTER = r"""(?:the\s+)?(?:(?:option|choice|letter|answer|选项|選項)\s*)?["'(\[]*(?-i:[A-Z])(?![\w'])"""
_ADVERB = r"(?:(?:most\s+likely|[a-z]{2,12}ly|therefore|thus|then|hence|indeed|still|also|just)\s+)"
_OTHER_LANGUAGES = (
    "antwort|respuesta|réponse|risposta|resposta|ответ|答案|答え|回答|正解|정답|(?:^|(?<=\\s))답"
)
# A denial ("the answer is not C") and a remark about the answer announce nothing.
_STATEMENT = re.compile(
    rf"""(?P<heading>^[ \t]*\#+[ \t]*(?:(?:the|my|final|correct|short|your)[ \t]+)*answers?\b
        (?![ \t]+(?:explanation|check|choices|options|verification|format|key)\b)
        (?:[ \t]+(?:to|for)[ \t][^:\n]{{1,60}}(?=:))?[ \t]*(?:[:=]|[-–—]+>?|→|\#+[ \t]*$)?
        | ^[^\w\n]{{0,9}}(?:(?:the|my|final|correct|short)[ ]){{0,3}}answer[^\w\n]{{0,5}}$)
      | (?P<label>\b(?:answers?|ans\b\.?)(?:\s+(?:choice|option|letter|key|text))?(?!'?\w)
            (?:\s*\([^()\n]{{1,20}}\))?(?:\s+(?:to|for|of|in)\s[^.:\n]{{1,60}}?)?[\s"'*_\]]*[:=]
        | ^\|[ ]?(?:final[ ])?answer[ ]?\|
        | \b(?:final|correct|best|right|chosen|selected|my)\s+
            (?:option|choice|selection|result|output|decision)\s*[:=]
        | (?:{_OTHER_LANGUAGES})\s*:)
      | (?P<dash>(?:\b(?:final|correct|my)\s+|^[^\w\n]{{0,9}}(?:the\s+)?(?=answer))(?:answer|option|choice)
            \s*(?:\s[-–—]|[-–—=]+>|→|–|—)\s*(?=\S)
        | \b(?:final|the|correct)\s+answer,?\s+(?={_LETTER}[^\w\n?]{{0,5}}$)
        | ^[^\w\n]{{0,9}}(?:final\s+)?answer\s+(?={_LETTER}[^\w\n]{{0,9}}$))
      | (?P<prose>\b(?:answers?|(?:correct|right|best|final|my|only\s+(?:possible|valid|correct))
            \s+(?:option|choice|solution|result))
        (?:\s+(?:to|for|of|in)\s[^.:\n]{{1,60}}?|\s+(?:here|now)
            |\s+(?:that|which|I|we)\s[^.:;!?\n]{{1,40}}?|,\s[^.,:;!?\n]{{1,40}},
            |\s\([^()\n]{{1,40}}\))?\s+{_ADVERB}?(?:is|are|(?:should|must|would|will|can\s+only|has\s+to|have\s+to
            |seems?\s+to|appears?\s+to)\s+{_ADVERB}?be|equals|becomes|remains|turns\s+out\s+to\s+be)\b
        (?!\s+(?:{_ADVERB}?not|correct|incorrect|wrong)\b|n't)
        (?:\s+(?:clear|obvious|simple|straightforward|as\s+follows|the\s+following|given\s+by)
            \s*[:,–—-]|\s+given\s+by\b)?[ \t]*:?)
      | (?P<chinese>(?:答案|正确选项|正確選項|最佳选项)\s*(?:应该|应当|應該|应|就|即|只能)?\s*(?:是|为|為|选|選)\s*:?(?!\s*(?:不|错|对的|正确))
        | (?:选择|選擇|选|選)\s*:?\s*(?={_LETTER})
        | \[答案\]\s*:? | ^\s*答\s*:)
      | (?P<choose>\b(?:I'm|I\s+am|we\s+are)\s+(?:choosing|picking|selecting|going\s+with)
            \s+(?={_LETTER})
        | \b(?:I|we)(?:'d|'ll|\s+(?:would|will|shall|must|should|therefore|thus|hence|then
            |have\s+to|am\s+going\s+to))*\s+(?:choose|pick|select|go\s+(?:for|with)|opt\s+for
            |settle\s+(?:on|for)|answer|conclude\s+that\s+it\s+is)\s+(?={_LETTER}))
      | (?P<reverse>(?:\s(?:is|must\s+be|should\s+be|has\s+to\s+be)\s+{_ADVERB}?
            (?:the\s+)?(?:(?:only|one)\s+)?(?:(?:correct|right|best|final)
            (?:\s+(?:answer|option|choice|one|solution))?|answer)
            (?=\s*(?:[.,!;)]|$|\b(?:because|since|as|here|for|given)\b))
          | \sas\s+(?:the|our|my)\s+(?:(?:final|correct|only)\s+){{0,2}}(?:answer|choice)\b
          | \s(?:才|就)?(?:是|为)?\s*(?:唯一)?(?:正确|對的|对的)))
      | (?P<tag><(?:final[_ ]?)?answer(?:\s[^<>\n]{{0,40}})?>|<\|begin_of_box\|>)
      | (?P<boxed>\\?\b(?:boxed|fbox)\s*\{{)""",
    re.VERBOSE | re.IGNORECASE | re.MULTILINE,
)
# Each statement has one of these, and most lines of a chain have none.
_CUES = [
    *"answer ans: ans. box correct best final chosen select choos pick choice settle".split(),
    *["conclude", "go with", "going with", "go for", "opt for", "the right", "is right", "be right", "my "],
    *"答 选 選 正 정답 antwort respuesta réponse risposta resposta ответ".split(),
]
# What stands before "is the correct answer".
_SAID = re.compile(
    rf"""{_LETTER}["')\]]*(?:[.:)][ ]?(?!(?:the|my|so)?[ ]?(?:answer|option|choice)\b)[^.:?!\n]{{1,60}}
        | \s\([^()\n]{{1,60}}\))?\Z""",
    re.VERBOSE | re.IGNORECASE,
)
_LINE_START = re.compile(
    r"\W*(?:(?:so|thus|therefore|hence|and|the|my|our|final|correct|最终|最后|正确|正確)\W*)*\Z",
    re.IGNORECASE,
)
# What makes a sentence one about another question, a mistake, a condition or a doubt.
_NOT_OURS = re.compile(
    r"""\b(?:previous|next|another|other|second|earlier|following|similar|different|last)\s+
        (?:\w+\s+)?(?:questions?|puzzle|problem|task|board|picture|image|game|round|exercise)\b
      | \b(?:mistakes?|mistaken|mistakenly|wrongly|incorrectly|erroneously|tempt\w*|pretend)\b
      | \b(?:might|may|could)\s+(?:\w+\s+)?(?:think|guess|believe|assume|be\s+tempted)\b
      | \b(?:some|others?|people|someone|many|nobody|no\s+one)\s+(?:\w+\s+){0,2}
        (?:think|say|guess|believe|assume|conclude|argue|claim|answer|expect)\b
      | \b(?:nor|or)\s+(?:that\s+)?(?:the\s+)?\Z
      | \b(?:suppose|supposing|assume|assuming|imagine)\s+(?:that\s+)?(?:the\s+)?\Z
      | \b(?:whether|what\s+if|is\s+it|if|unless)\s+(?:that\s+)?(?:the\s+)?(?:\w+\s+)?\Z
      | (?:\b(?:not|never|cannot|doubt|deny|false|wrong|untrue)|n't)\s+
        (?:(?!so\b|thus\b|hence\b|then\b|therefore\b|and\b|but\b|because\b)(?-i:[a-z]+)\s+){0,4}\Z
      | (?:不|非|未|别)[^.,;!?\n]{0,4}\Z""",
    re.VERBOSE | re.IGNORECASE,
)
_CONDITION = re.compile(r"\b(?:if|unless|suppose|supposing|assuming)\b", re.IGNORECASE)
_REMARK = re.compile(
    r"""\s*(?:consistent|inconsistent|valid|invalid|supported|confirmed|verified|based|derived
      |obtained|found|reached|determined|justified|clear|obvious|unique|unambiguous|certain|uncertain
      |unclear|unknown|reasonable|plausible|as\s|what|because|easy|hard|simple|straightforward
      |important|given|shown|stated|written|presented|explained|already|the\s+same|complete|accurate
      |different|expected|required|in\s+(?:line|agreement|accordance|the\s+(?:form|format|range))
      |(?:a|the)\s+(?:single|unique|common|only)|among|one\s+of)\b""",
    re.VERBOSE | re.IGNORECASE,
)
_WITHDRAWAL = re.compile(
    r"""(?:^|[.!?…)]|\s[-–—])\s*(?:
        (?:wait|hmm+|oops|hold\s+on)(?:[\s,.!…–—-]|$)
      | scratch\s+that | on\s+second\s+thought | correction\s*: | no,\s
      | (?:sorry|actually),\s | i\s+(?:have\s+)?made\s+an?\s+(?:mistake|error)
      | let\s+me\s+(?:re-?(?:think|consider|do|examine|check|count|look)|look\s+again|start\s+over)
      | (?:that|this|it)(?:'s|\s+is)\s+(?:wrong|incorrect|not\s+(?:right|correct)) | i\s+was\s+wrong
      | 等等|等一下|不对|我错了)""",
    re.VERBOSE | re.IGNORECASE | re.MULTILINE,
)
_SENTENCE_END = re.compile(r"[.!?]\s+|\n\s*")
_NEXT_QUESTION = re.compile(
    r"^[^\w\n]{0,9}(?:next\s+|new\s+|another\s+)?(?:question|problem|exercise|puzzle|example|问题|題目|题目)"
    r"\s*\d*\s*[:.]",
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
    found = _statements(text)
    if found and (other := _NEXT_QUESTION.search(text, found[0].end())):
        found = [match for match in found if match.start() < other.start()]
        text = text[: other.start()]
    remarks = []
    for match in reversed(found[-_MOST_STATEMENTS:]):
        if not _is_ours(text, match):
            continue
        value, end = _value(text, match, found)
        withdrawn = _WITHDRAWAL.search(text, end, end + MOST_CHARACTERS) is not None
        if _is_remark(text, match, value):
            remarks.append(Statement(value, strict=True, withdrawn=withdrawn))
        else:
            formal = _is_formal(text, match)
            ours.append((match.start(), Statement(value, formal=formal, withdrawn=withdrawn)))
    for _, statement in sorted(ours, key=lambda each: -each[0]):
        yield statement
    yield from remarks
    yield from _unannounced(whole, marked)


def _statements(text: str) -> list[re.Match]:
    """All matches of _STATEMENT, which is looked for only near a word that each has one of."""
    lower = text.lower()
    if len(lower) != len(text):
        return list(_STATEMENT.finditer(text))
    spans: list[list[int]] = []
    for start, end in sorted(_lines_with_cues(lower)):
        if spans and start <= spans[-1][1]:
            spans[-1][1] = max(end, spans[-1][1])
        else:
            spans.append([start, end])
    return [match for start, end in spans for match in _STATEMENT.finditer(text, start, end)]


def _lines_with_cues(lower: str) -> set[tuple[int, int]]:
    """Where lines with a cue begin, and where the ones below them end."""
    lines = set()
    for cue in _CUES:
        place = lower.find(cue)
        while place >= 0:
            end = lower.find("\n", place) % (len(lower) + 1)
            below = lower.find("\n", end + 1) % (len(lower) + 1)
            lines.add((lower.rfind("\n", 0, place) + 1, max(end, below)))
            place = lower.find(cue, end)
    return lines


def _sentence_start(text: str, match: re.Match) -> int:
    first = max(0, match.start() - 200)
    ends = [end.end() for end in _SENTENCE_END.finditer(text, first, match.start())]
    return ends[-1] if ends else first


def _begin(text: str, match: re.Match) -> int:
    """Where a statement begins; one that ends in "is the correct answer" before what it matched."""
    if not match["reverse"]:
        return match.start()
    said = _SAID.search(text, max(0, match.start() - 90), match.start())
    return said.start() if said else match.start()


def _is_ours(text: str, match: re.Match) -> bool:
    """False in a sentence about another question, a mistake, a condition or a denial."""
    if match["tag"] or match["boxed"]:
        return True
    before = text[_sentence_start(text, match) : _begin(text, match)]
    if _NOT_OURS.search(before) or _NOT_OURS.search(match.group()):
        return False
    return not (_CONDITION.search(before) and re.search(r"\bwould\b", match.group(), re.IGNORECASE))


def _is_formal(text: str, match: re.Match) -> bool:
    if match["heading"] or match["tag"]:
        return True
    line = text[text.rfind("\n", max(0, match.start() - 40), match.start()) + 1 : match.start()]
    colon = match["label"] or match["dash"] or (match["chinese"] or "").rstrip().endswith(":")
    return bool(colon) and len(line) < 40 and _LINE_START.match(line) is not None


def _is_remark(text: str, match: re.Match, value: str) -> bool:
    """ "This answer is consistent with the picture" states no answer."""
    if not match["prose"] or match.group().rstrip().endswith(":"):
        return False
    theirs = re.search(r"\b(?:my|this|that|your|our)\s+\Z", text[: match.start()][-10:], re.I)
    return bool(_REMARK.match(value) or (theirs and re.match(r"\s*(?:right|good|fine)\b", value)))


# ---------------------------------------------------------------------------- what is announced


def _value(text: str, match: re.Match, found: list[re.Match]) -> tuple[str, int]:
    """The text that a statement announces, and where it ends."""
    if match["reverse"]:
        return text[_begin(text, match) : match.start()], match.end()
    if match["boxed"]:
        return _boxed(text, match, found)
    # The next statement's sentence is its own.
    following = (each for each in found if each.start() >= match.end())
    own = next((s for s in (_sentence_start(text, each) for each in following)), len(text))
    limit = own if own > match.end() else len(text)
    after = text[match.end() : min(match.end() + MOST_CHARACTERS, limit)]
    if match["tag"]:
        after = re.split(r"</|<\|end_of_box", after, maxsplit=1)[0]
        value, _ = _announced(f"\n{after}")
        return value, match.end() + len(after)
    value, length = _announced(re.split(r"</answer>", after, maxsplit=1, flags=re.IGNORECASE)[0])
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


_IN_A_ROW = re.compile(
    r"[\s$]*(?:,|;|/|&|→|->|,?\s*(?:or|and|then)|\\(?:to|rightarrow|(?:text|quad)\s*\{?[^{}]*\}?))[\s$]*"
)


def _up_to_closing_brace(text: str, start: int) -> tuple[str, int]:
    depth = 1
    for position in range(start, min(start + MOST_CHARACTERS, len(text))):
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        if depth == 0:
            return text[start:position], position + 1
    return "", start  # cut off inside the box: not an answer


def _announced(after: str) -> tuple[str, int]:
    """What is stated on the rest of a line or, where that is empty, below it; and its length."""
    lead = re.match(r"[ \t:=]*(?:\*+(?=\S))?", after).end()
    lines = after[lead:].splitlines() or [""]
    first = lines[0]
    if not first.strip() or (first.rstrip().endswith(":") and _listed(lines[1:])[0]):
        below = [line for line in lines[1:]]
        while below and not below[0].strip(" \t*_"):
            del below[0]
        items, used = _listed(below)
        if items:
            length = len(after) - len("\n".join(below[used:]))
            return ", ".join(items), length
        lines = below or [""]
    value = _first_sentence(_first_line(lines))
    value = _numbered_in_line(value) or value
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
    for end in re.finditer(r"[.!?][*_\"')]*\s+(?=[A-Z\u3400-\u9fff])", text):
        if not _LONE_LETTER.fullmatch(text[: end.start()].strip()):
            return text[: end.start() + 1]
    return text


_MARKS = [
    re.compile(r"\s*[-*+•▪◦‣·●○–]\s+(?=\S)"),
    re.compile(r"\s*\(?(?P<number>\d{1,3})[.)]\s+(?=\S)"),
    re.compile(r"\s*(?:step|move)\s*(?P<number>\d{1,3})\s*[:.)-]\s*(?=\S)", re.IGNORECASE),
]
_NUMBERED = re.compile(r"(?:\A|[\s,;]+)\(?(\d{1,3})[.)]\s+(?=\S)")


def _numbered_in_line(text: str) -> str | None:
    """ "1. up 2. up" as "up, up"; None for anything else."""
    _, *parts = _NUMBERED.split(text)
    numbers, items = parts[::2], parts[1::2]
    in_order = numbers == [str(number) for number in range(1, len(numbers) + 1)]
    if len(items) < 2 or not in_order or any(len(item.split()) > 3 for item in items):
        return None
    return ", ".join(items)


_ITEM_END = re.compile(r":\s|\s[-–—]\s|(?<=[a-z])\s\(")  # and an explanation begins
_LETTERED = re.compile(r"\s*[(\[]?[A-Z][.)\]:]\s+\S")
_PLAIN_ITEM = re.compile(r"""["']?[^\W\d_]{1,12}(?:\s\d{1,3})?["']?,?|[-\d,. |()\[\]]{1,80}""")


def _listed(lines: list[str]) -> tuple[list[str], int]:
    """The items of a list with one item a line, and how many lines it takes; none for no list."""
    mark = next((mark for mark in _MARKS if lines and mark.match(lines[0])), None)
    if mark:
        return _marked_items(lines, mark)
    if lines and _LETTERED.match(lines[0]):
        count = next((i for i, x in enumerate(lines) if not _LETTERED.match(x)), len(lines))
    else:
        count = next((i for i, line in enumerate(lines) if not _alike(lines[0], line)), len(lines))
    rows = [line.strip().strip(",|").strip() for line in lines[:count]]
    if len(rows) < 2 or any(row.count("[") != row.count("]") for row in rows):
        return [], 0
    return [_as_row(row) for row in rows], count


def _alike(first: str, line: str) -> bool:
    """Whether a line looks like another item of the same list."""
    both = [each.strip() for each in (first, line)]
    if not all(_PLAIN_ITEM.fullmatch(each) for each in both) or _LONE_LETTER.fullmatch(both[0]):
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

_LONE_LETTER = re.compile(
    r"[*_\"'\[({<$]*(?:the\s+)?(?:option|choice|选项)?\s*[(\[{\"']*[A-Z][)\]}>\"'$.!*_]*", re.IGNORECASE
)
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
    if _LONE_LETTER.fullmatch(bare) or (lead and _SHORT.fullmatch(bare.rstrip(". "))):
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
    elif len(lines) < 200 and (items := _listed(lines)[0]) and len(items) == len(lines):
        yield Statement(", ".join(items), strict=True)
    yield from _opening(text, places, lines)


def _opening(text: str, places: list[tuple[int, int]], lines: list[str]) -> Iterator[Statement]:
    """An answer with which a response begins and that the rest explains."""
    withdrawn = _WITHDRAWAL.search(text, places[0][1], places[0][1] + MOST_CHARACTERS) is not None
    if (opening := _OPENING.match(lines[0])) and opening["letter"] not in "Ia":
        yield Statement(opening["letter"], strict=True, withdrawn=withdrawn)
    if len(lines) < 2 or any(_LETTERED.match(line) for line in lines[1:]):
        return
    apart = "\n\n" in text[places[0][1] - 1 : places[1][0]].replace(" ", "")
    short = len(lines[0].split()) <= _MOST_WORDS_IN_A_DIRECT_ANSWER and lines[0][-1] != ":"
    if short and (apart or _EXPLAINS.match(lines[1])):
        yield Statement(lines[0], strict=True, withdrawn=withdrawn)


def _is_direct(line: str) -> bool:
    """True for a bare answer, False for a one-line chain that was cut off before its end."""
    if re.search(r"\banswer\b|\\boxed|答案", line, re.IGNORECASE):
        return False  # a statement that denies or was cut off
    if len(line.split()) <= _MOST_WORDS_IN_A_DIRECT_ANSWER:
        return True
    parts, _ = split(line)
    return all(len(part.split()) <= 2 for part in parts)
