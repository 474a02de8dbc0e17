"""Where a response announces its final answer."""

import re

# A letter of an option, and words that may stand between others.
_LETTER = (
    r"""(?:the\s+)?(?:(?:option|choice|letter|answer|选项|選項)\s*)?["'(\[]*(?-i:[A-Z])(?![\w'])"""
)
_ADVERB = r"(?:(?:most\s+likely|[a-z]{2,12}ly|therefore|thus|then|hence|indeed|still|also|just)\s+)"
_OTHER_LANGUAGES = (
    "antwort|respuesta|réponse|risposta|resposta|ответ|答案|答え|回答|正解|정답|(?:^|(?<=\\s))답"
)
_LINE = r"^[^\w\n]{0,9}"  # where a line begins, but for markup
_FORMS = {
    # "### Answer: B", and a line that reads "Answer"
    "heading": rf"""^[ \t]*\#+[ \t]*(?:(?:the|my|final|correct|short|your)[ \t]+)*answers?\b
        (?![ \t]+(?:explanation|check|choices|options|verification|format|key)\b)
        (?:[ \t]+(?:to|for)[ \t][^:\n]{{1,60}}(?=:))?[ \t]*(?:[:=]|[-–—]+>?|→|\#+[ \t]*$)?
      | {_LINE}(?:(?:the|my|final|correct|short)[ ]){{0,3}}answer[^\w\n]{{0,5}}$""",
    # "Answer: B", "Correct option: B"
    "label": rf"""\b(?:answers?|ans\b\.?)(?:\s+(?:choice|option|letter|key|text))?(?!'?\w)
        (?:\s*\([^()\n]{{1,20}}\))?(?:\s+(?:to|for|of|in)\s[^.:\n]{{1,60}}?)?[\s"'*_\]]*[:=]
      | ^\|[ ]?(?:final[ ])?answer[ ]?\|
      | \b(?:final|correct|best|right|chosen|selected|my)\s+
        (?:option|choice|selection|result|output|decision)\s*[:=]
      | (?:{_OTHER_LANGUAGES})\s*:""",
    # "Final answer - B", and "Hence the answer, B" at the end of a line
    "dash": rf"""(?:\b(?:final|correct|my)\s+|{_LINE}(?:the\s+)?(?=answer))
        (?:answer|option|choice)\s*(?:\s[-–—]|[-–—=]+>|→|–|—)\s*(?=\S)
      | \b(?:final|the|correct)\s+answer,?\s+(?={_LETTER}[^\w\n?]{{0,5}}$)
      | {_LINE}(?:final\s+)?answer\s+(?={_LETTER}[^\w\n]{{0,9}}$)""",
    # "the answer is B"; a denial ("the answer is not C") announces nothing
    "prose": rf"""\b(?:answers?|(?:correct|right|best|final|my|only\s+(?:possible|valid|correct))
          \s+(?:option|choice|solution|result))
        (?:\s+(?:to|for|of|in)\s[^.:\n]{{1,60}}?|\s+(?:here|now)
          |\s+(?:that|which|I|we)\s[^.:;!?\n]{{1,40}}?|,\s[^.,:;!?\n]{{1,40}},
          |\s\([^()\n]{{1,40}}\))?
        \s+{_ADVERB}?(?:is|are|(?:should|must|would|will|can\s+only|has\s+to|have\s+to|seems?\s+to
          |appears?\s+to)\s+{_ADVERB}?be|equals|becomes|remains|turns\s+out\s+to\s+be)\b
        (?!\s+(?:{_ADVERB}?not|correct|incorrect|wrong)\b|n't)
        (?:\s+(?:clear|obvious|simple|straightforward|as\s+follows|the\s+following|given\s+by)
          \s*[:,–—-]|\s+given\s+by\b)?[ \t]*:?""",
    "chinese": rf"""(?:答案|正确选项|正確選項|最佳选项)\s*(?:应该|应当|應該|应|就|即|只能)?
        \s*(?:是|为|為|选|選)\s*:?(?!\s*(?:不|错|对的|正确))
      | (?:选择|選擇|选|選)\s*:?\s*(?={_LETTER}) | \[答案\]\s*:? | ^\s*答\s*:""",
    # "I choose B"
    "choose": rf"""\b(?:I'm|I\s+am|we\s+are)\s+(?:choosing|picking|selecting|going\s+with)
        \s+(?={_LETTER})
      | \b(?:I|we)(?:'d|'ll|\s+(?:would|will|shall|must|should|therefore|thus|hence|then|have\s+to
          |am\s+going\s+to))*
        \s+(?:choose|pick|select|go\s+(?:for|with)|opt\s+for|settle\s+(?:on|for)|answer
          |conclude\s+that\s+it\s+is)\s+(?={_LETTER})""",
    # "B is the correct answer": what follows the letter
    "reverse": rf"""\s(?:is|must\s+be|should\s+be|has\s+to\s+be)\s+{_ADVERB}?(?:the\s+)?
        (?:(?:only|one)\s+)?(?:(?:correct|right|best|final)
          (?:\s+(?:answer|option|choice|one|solution))?|answer)
        (?=\s*(?:[.,!;)]|$|\b(?:because|since|as|here|for|given)\b))
      | \sas\s+(?:the|our|my)\s+(?:(?:final|correct|only)\s+){{0,2}}(?:answer|choice)\b
      | \s(?:才|就)?(?:是|为)?\s*(?:唯一)?(?:正确|對的|对的)""",
    "tag": r"<(?:final[_ ]?)?answer(?:\s[^<>\n]{0,40})?>|<\|begin_of_box\|>",
    "boxed": r"\\?\b(?:boxed|fbox)\s*\{",
}
_STATEMENT = re.compile(
    "|".join(f"(?P<{name}>{form})" for name, form in _FORMS.items()),
    re.VERBOSE | re.IGNORECASE | re.MULTILINE,
)
# Each statement has one of these, and most lines of a chain have none.
_CUES = [
    *"answer ans: ans. box correct best final chosen select choos pick choice settle".split(),
    *["conclude", "go with", "going with", "go for", "opt for", "my "],
    *["the right", "is right", "be right"],
    *"答 选 選 正 정답 antwort respuesta réponse risposta resposta ответ".split(),
]
# What stands before "is the correct answer": the nearest letter.
_SAID = re.compile(
    rf"""[\s\S]*(?<![\w'-])(?P<said>{_LETTER}["')\]]*(?:
          [.:)][ ]?(?!(?:the|my|so)?[ ]?(?:answer|option|choice)\b)[^.:?!\n]{{1,60}}
        | \s\([^()\n]{{1,60}}\))?)\Z""",
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
_SENTENCE_END = re.compile(r"[.!?]\s+|\n\s*")


def statements(text: str) -> list[re.Match]:
    """All announcements in a flat text, in order; group names say of which form they are.

    They are looked for only near a word that each of them has one of.
    """
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


def sentence_start(text: str, match: re.Match) -> int:
    """Where the sentence with a statement begins, at most 200 characters before it."""
    first = max(0, match.start() - 200)
    ends = [end.end() for end in _SENTENCE_END.finditer(text, first, match.start())]
    return ends[-1] if ends else first


def begin(text: str, match: re.Match) -> int:
    """Where a statement begins; one that ends in "is the correct answer" before what it matched."""
    if not match["reverse"]:
        return match.start()
    said = _SAID.match(text, max(0, match.start() - 90), match.start())
    return said.start("said") if said else match.start()


def is_ours(text: str, match: re.Match) -> bool:
    """False in a sentence about another question, a mistake, a condition or a denial."""
    if match["tag"] or match["boxed"]:
        return True
    before = text[sentence_start(text, match) : begin(text, match)]
    if _NOT_OURS.search(before) or _NOT_OURS.search(match.group()):
        return False
    return not (_CONDITION.search(before) and re.search(r"\bwould\b", match.group(), re.IGNORECASE))


def is_formal(text: str, match: re.Match) -> bool:
    """Whether a statement is set off from sentences, like "Answer: B" on a line of its own."""
    if match["heading"] or match["tag"]:
        return True
    line = text[text.rfind("\n", max(0, match.start() - 40), match.start()) + 1 : match.start()]
    colon = match["label"] or match["dash"] or (match["chinese"] or "").rstrip().endswith(":")
    return bool(colon) and len(line) < 40 and _LINE_START.match(line) is not None


def is_remark(text: str, match: re.Match, value: str) -> bool:
    """ "This answer is consistent with the picture" states no answer."""
    if not match["prose"] or match.group().rstrip().endswith(":"):
        return False
    theirs = re.search(r"\b(?:my|this|that|your|our)\s+\Z", text[: match.start()][-10:], re.I)
    return bool(_REMARK.match(value) or (theirs and re.match(r"\s*(?:right|good|fine)\b", value)))
