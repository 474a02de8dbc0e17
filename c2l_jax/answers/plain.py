"""What a model wrote, with signs and markup that mean the same made the same.

`spoken` keeps of a response what its answer may be in, `flat` takes Markdown and HTML off it line
by line, and `clean` makes one stated value plain, LaTeX included.
"""

import html
import re
import unicodedata

# ------------------------------------------------------------------------------------ characters

# By Unicode's compatibility decompositions: full-width Ｂ, styled 𝐁 and circled Ⓑ are B. Not by
# all of them: "3²" is not 32 and "1½" not 11⁄2.
_SAME = {"<wide>", "<narrow>", "<font>", "<circle>", "<noBreak>", "<compat>", "<small>", "<square>"}
_SIGNS = {
    **dict.fromkeys("−‐‑﹣", "-"),
    **dict.fromkeys("’‘′", "'"),
    **dict.fromkeys("“”„«»「」『』《》", '"'),
    **dict.fromkeys("【〔", "["),
    **dict.fromkeys("】〕", "]"),
    **dict.fromkeys("⟶➔➡➜⇒⟹", "→"),
    **dict.fromkeys("⬆⇧", "↑"),
    **dict.fromkeys("⬇⇩", "↓"),
    **dict.fromkeys("⬅⇦", "←"),
    **dict.fromkeys("\x0b\x0c\x85\u2028\u2029", "\n"),
    **dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\ufe0e\ufe0f\u00ad", ""),
    **{chr(ord("①") + index): f"{index + 1}. " for index in range(20)},
    **dict.fromkeys("✅✔✓☑👉➤►▶🎯⭐📌🟢💡", ""),  # what answers are decorated with
    "。": ". ",
    "｡": ". ",
    "、": ", ",
    "∶": ":",
}
_CJK = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_BETWEEN_SCRIPTS = re.compile(rf"(?<=[{_CJK}])(?=[^\W{_CJK}])|(?<=[^\W{_CJK}])(?=[{_CJK}])")


class _Characters(dict):
    """For str.translate: filled as characters are met."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        kind = unicodedata.decomposition(character).split(" ")[0]
        plain = unicodedata.normalize("NFKC", character) if kind in _SAME else character
        self[code] = plain
        return plain


_CHARACTERS = _Characters({ord(sign): plain for sign, plain in _SIGNS.items()})


def characters(text: str) -> str:
    """One sign for each meaning, and blanks between Chinese characters and Latin words."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "&" in text:
        text = html.unescape(text)
    if text.isascii():
        return text.replace("\x0b", "\n").replace("\x0c", "\n")
    text = text.translate(_CHARACTERS)
    return _BETWEEN_SCRIPTS.sub(" ", text)


# ---------------------------------------------------------------------------- what was said last

_OPENING = re.compile(
    r"\s*(?:<\|(?:im_start|begin_of_text|assistant)\|>|<s>|assistant\s*[:\n])\s*", re.IGNORECASE
)
_IN_TURN = re.compile(r"<\|(?:box|object_ref|quad|vision|ref|det)_(?:start|end)\|>|<\|\w+_pad\|>")
# Nothing after one of these was said to the question: end-of-text tokens that were written out, and
# what a next turn begins with.
_END_TOKEN = re.compile(
    r"<\|(?!(?:begin|end)_of_box)[\w▁-]{1,30}\||</?s>|<(?:eos|(?:start|end)_of_turn)>|\[/?INST\]",
    re.IGNORECASE,
)
_NEXT_TURN = re.compile(
    r"""^[ \t]*(?:\#{1,4}[ \t]*|\*\*|\[)?(?:user|human|assistant)(?:\*\*|\])?[ \t]*(?::|$)
      | ^[ \t]*\#{1,4}[ \t]*(?:instruction|input)\b""",
    re.VERBOSE | re.IGNORECASE | re.MULTILINE,
)
_THOUGHT = r"(?:think|thinking|thoughts?|reasoning|reflection|scratchpad)"
_THOUGHT_START = re.compile(rf"<{_THOUGHT}>|\[THINK\]|◁think▷", re.IGNORECASE)
_THOUGHT_END = re.compile(rf"</{_THOUGHT}>|\[/THINK\]|◁/think▷", re.IGNORECASE)
_TAG = re.compile(r"<(?:final[_ ]?)?answer\b", re.IGNORECASE)


def spoken(response: str) -> str:
    """What a response says to its question: without thoughts, end tokens and later turns.

    A thought that never ends says nothing, but for an <answer> within.
    """
    text, start = _IN_TURN.sub(" ", characters(response)), 0
    while opening := _OPENING.match(text, start):
        start = opening.end()
    text = _END_TOKEN.split(text[start:], maxsplit=1)[0]
    for turn in _NEXT_TURN.finditer(text):
        if text[: turn.start()].strip():
            text = text[: turn.start()]
            break
    text = _THOUGHT_END.split(text)[-1]
    if start := _THOUGHT_START.search(text):
        answer = _TAG.search(text, start.end())
        text = text[: start.start()] + (text[answer.start() :] if answer else "")
    return text


# ---------------------------------------------------------------------------------------- markup

_RULE = re.compile(r"^[ \t]*(?:(?:```|~~~)\w*|-{3,}|={3,}|\*{3,})[ \t]*$", re.MULTILINE)
_HTML = re.compile(r"<(/?)(br|p|li|div|b|i|u|em|strong|code|span|center|mark|font)\b[^<>\n]{0,80}>")
_QUOTED_LINE = re.compile(r"^[ \t]*(?:>[ \t]*)+", re.MULTILINE)
_BLANK_LINES = re.compile(r"\n{3,}")
_EMPHASIS = [
    ("~~", re.compile(r"~~[^~\n]+~~"), ""),
    ("``", re.compile(r"``([^`'\n]{1,200})''"), r'"\1"'),  # LaTeX's quotation marks
    ("**", re.compile(r"\*\*([^*\n]+)\*\*"), r"\1"),
    ("*", re.compile(r"(?<![\w*])\*(?=\S)([^*\n]+)(?<=\S)\*(?![\w*])"), r"\1"),
    ("_", re.compile(r"(?<!\w)__?(?=[^\s_])([^_\n]+)(?<=[^\s_])__?(?!\w)"), r"\1"),
    ("`", re.compile(r"`"), ""),
]


def flat(text: str) -> str:
    """Without Markdown's emphasis, code and quotation marks and without HTML; lines stay lines.

    No blanks begin or end a line or follow another, nor does a blank line.
    """
    if "<" in text:
        text = _HTML.sub(lambda tag: "\n" if tag[2] in ("br", "p", "li", "div") else "", text)
    if any(sign in text for sign in ("```", "~~~", "---", "===", "***")):
        text = _RULE.sub("", text)
    if ">" in text:
        text = _QUOTED_LINE.sub("", text)
    lines = (" ".join(line.split()) for line in _without_emphasis(text).split("\n"))
    return _BLANK_LINES.sub("\n\n", "\n".join(lines))


def _without_emphasis(text: str) -> str:
    for sign, pattern, inner in _EMPHASIS:
        if sign in text:
            text = pattern.sub(inner, text)
    return text


# ----------------------------------------------------------------------------------------- LaTeX

_MATRIX = re.compile(
    r"\\begin\{(?:[bpvBV]?matrix|array)\}(?:\{[^{}]{0,40}\})?(.{0,2000}?)\\end\{\w{1,10}\}",
    re.DOTALL,
)
_WRAPPER = re.compile(
    r"\\(?:text\w{0,2}|math[a-z]{2,4}|mbox|operatorname|boldsymbol|bm|emph|fbox|boxed)\s*\{([^{}]*)\}"
)
_LATEX = [
    (re.compile(r"\\(?:left|right|[bB]igg?[lrm]?)(?![A-Za-z])"), ""),
    (re.compile(r"\\\\"), " "),
    (re.compile(r"\\[()\[\]]"), " "),  # where formulas begin and end
    (re.compile(r"\\(?:[,;:! ]|q?quad\b|hspace\{[^{}]*\}|displaystyle\b)|(?<=\w)~(?=\w)"), " "),
    (re.compile(r"\\(?:long)?(?:right|Right)arrow\b|\\(?:to|implies)\b"), " → "),
    (re.compile(r"\\(up|down|left)arrow\b"), r" \1 "),
    (re.compile(r"\\(?:color|textcolor)\s*\{[^{}]*\}|\\(?:large|Large|bf|rm|it)\b"), " "),
    (re.compile(r"\\langle\b"), "("),
    (re.compile(r"\\rangle\b"), ")"),
    (re.compile(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}"), r"\1/\2"),
    (re.compile(r"\\([^\w\s])"), r"\1"),  # \{ \} \% and Markdown's \* \_
]


def _grid(matrix: re.Match) -> str:
    rows = [row.strip() for row in re.split(r"\\\\", matrix[1])]
    return "[" + ", ".join(f"[{row.replace('&', ',')}]" for row in rows if row) + "]"


def _without_latex(text: str) -> str:
    text = _MATRIX.sub(_grid, text)
    for _ in range(4):  # a wrapper in a wrapper
        text = _WRAPPER.sub(r"\1", text)
    for pattern, plain in _LATEX:
        text = pattern.sub(plain, text)
    return text


# ------------------------------------------------------------------------------------- one value

_PAIRS = {"(": ")", "[": "]", "{": "}"}
QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'|<[^<>]*>")
_STRAY = re.compile(r"\A[*_]+(?=[^\s*_])|(?<=[^\s*_])[*_]+\Z")


def clean(text: str) -> str:
    """A value without markup, wrapping quotes, closing punctuation and half brackets."""
    text = characters(text)
    if "\\" in text:
        text = _without_latex(text)
    text = " ".join(_without_emphasis(text.replace("$", "")).split())
    previous = None
    while text != previous:
        previous = text
        text = _STRAY.sub("", text.strip()).rstrip(".!,;:").strip()
        if QUOTED.fullmatch(text):
            text = text[1:-1]
        for opening, closing in _PAIRS.items():
            text = text.lstrip(closing)
            excess = text.count(closing) - text.count(opening)
            if excess > 0:
                text = text[: max(len(text) - excess, len(text.rstrip(closing)))]
    return text
