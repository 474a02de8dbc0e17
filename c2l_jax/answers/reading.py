"""What a stated answer means for a record: right, wrong, or not to be read with certainty."""

import enum
import functools
import re
from collections.abc import Iterator, Sequence

from c2l_jax.answers.plain import characters, clean
from c2l_jax.answers.values import Items, Number, Value, leaves, parse, same, words


class Reading(enum.Enum):
    RIGHT = "right"
    WRONG = "wrong"  # another answer, several at once, or a denial
    UNREAD = "unread"


def letters_of(options: Sequence[str]) -> list[str]:
    return [chr(ord("A") + index) for index in range(len(options))]


# ------------------------------------------------------------------------------ words around values

_COPULA = re.compile(
    r"\A.*(?:\b(?:is|are|equals|makes|has|have|takes|needs|requires|falls|flips|contains|holds|"
    r"(?:stands|ends(?:\s+up)?|lands|stops|arrives|sits|lies)(?=\s+(?:at|in|on)\b))\b|[=:]|是|为)\s*",
    re.IGNORECASE | re.DOTALL,
)
_DENIAL = re.compile(
    r"\b(?:not|never|neither|nor|cannot|wrong|incorrect|except|excluding|anything\s+but|"
    r"other\s+than)\b|n't\b|不|没|错|非",
    re.IGNORECASE,
)
_HEDGE = re.compile(
    r"\b(?:or|either|maybe|perhaps|possibly|alternatively|equally|unsure|uncertain)\b|或|还是|可能",
    re.IGNORECASE,
)
_TAKES_BACK = re.compile(
    rf"{_HEDGE.pattern}|\b(?:wait|hmm+|oops|wrong|incorrect|not\s+(?:right|correct|true|sure|certain))\b",
    re.IGNORECASE,
)
_DOUBT = re.compile(rf"{_DENIAL.pattern}|{_HEDGE.pattern}", re.IGNORECASE)
# What may stand before and behind a value without changing it.
_BEFORE = re.compile(
    r"""\A(?:(?:most\s+likely | a\s+total\s+of | it's | going\s+with | namely
      | i\s+(?:would\s+)?(?:think|believe|guess|say)
      | (?:letter|solution|result|colou?r|choice|option|answer)(?=\s+(?:is|must|should|would)\b)
      | (?:the|it|this|that|is|are|be|must|should|would|so|then|thus|hence|therefore|clearly|simply
      |just|only|exactly|precisely|likely|probably|definitely|certainly|obviously|indeed|now|again|also|to|we|get|have
      |here|equal)\b)[\s,:]+ | i\.?e\.?[\s,:]+ | [=≈:→]\s*)+""",
    re.VERBOSE | re.IGNORECASE,
)
_BEHIND = re.compile(
    r"""(?:[\s,]+(?:in\s+total|in\s+all|altogether|overall|total|here|now|then|indeed|one|cells?
      |squares?|tiles?|pieces?|colou?red|colou?r|direction|respectively|as\s+well
      |(?:must|should|have\s+to|need\s+to)\s+be\s+\w+
      |(?:is|are)\s+(?:the\s+)?(?:correct|right)(?:\s+answer)?))+\Z""",
    re.VERBOSE | re.IGNORECASE,
)
# Where a value ends and an explanation begins.
_ASIDE = re.compile(
    r"""\s*(?: ,?\s+(?:i\.?e\.?|that\s+is|namely|which|where|because|since|as\s+(?!well))\b
      | ,\s+(?:as|so|it|this|that|there|we|the|with|meaning|due|given)\b
      | ,?\s*(?:因为|因此|所以|由于)
      | \s[-–—]\s(?!\d) | [;.!?]\s
      | \s\((?!\s*(?:or|and|not)\b)(?=[^()]*(?:[^\W\d]|=)[^()]*\)\Z) )""",
    re.VERBOSE | re.IGNORECASE,
)
# The value that is denied beside the stated one.
_CONTRAST = re.compile(
    r"(?:(?:,|\band|\bbut|\()\s*not\b(?!\s+(?:sure|certain|(?:right|correct|true)\W*\Z))"
    r"|,?\s(?:rather\s+than|instead\s+of)\b).*",
    re.IGNORECASE | re.DOTALL,
)


def _values(text: str, references: Sequence[str]) -> list[Value]:
    """What a stated value may be, with and without what a sentence puts around it."""
    text = _CONTRAST.sub("", text) or text
    bare = _ASIDE.split(text, maxsplit=1)[0]
    sure = [] if _TAKES_BACK.search(text[len(bare) :]) else [text, bare]
    wordings = [text]
    # What an aside denies is something else: "no, it can't".
    for each in (each for each in sure if not _doubtful(each, references)):
        bits = (each, _COPULA.sub("", each))
        wordings += [each, *(_BEHIND.sub("", _BEFORE.sub("", bit)) for bit in bits)]
    return [parse(each) for each in dict.fromkeys(map(clean, wordings)) if each]


def _doubtful(text: str, references: Sequence[str]) -> bool:
    """Whether a text denies or hedges; not if that is what an answer says ("neither")."""
    if not _DOUBT.search(text):
        return False
    for reference in references:
        if _DOUBT.search(reference):
            text = re.sub(rf"\b{re.escape(reference)}\b", " ", text, flags=re.IGNORECASE)
    return bool(_DOUBT.search(text))


# What an instruction has in the answer's place: "### Answer: X".
_PLACEHOLDERS = {
    *"X LETTER NUMBER VALUE OPTION ANSWER N/A NA TBD UNKNOWN UNDECIDED UNCLEAR UNSURE".split(),
    *["YOUR ANSWER", "FINAL ANSWER"],
}


def _surely_other(text: str, references: Sequence[str]) -> bool:
    """Whether a text that is none of these is another value of their form, or a denial or a list
    of them."""
    expected = [leaf for reference in references for leaf in leaves(parse(reference))]
    said = [leaf for leaf in expected if isinstance(leaf, str)]
    values = _values(text, references)
    if _doubtful(text, references) and len(values) == 1:
        found = f" {words(text)} "
        numbers = len(said) < len(expected) and re.search(r"\d", text)
        return bool(numbers) or any(f" {leaf} " in found for leaf in said)
    signs = all(not re.search(r"\w", leaf) for leaf in said)
    if words(text).upper() in _PLACEHOLDERS or not (signs or re.search(r"[\w←-↓]", text)):
        return False
    if said and any(sign.isalpha() and not sign.isascii() for sign in text):
        return False  # perhaps the same in another language
    return any(
        all(isinstance(leaf, Number) or _comparable(leaf, said) for leaf in leaves(value))
        for value in values
    )


def _comparable(leaf: str, expected: Sequence[str]) -> bool:
    """Whether words are as short as what is expected, or that and one more ("dark green")."""
    count = len(leaf.split())
    return any(
        count <= len(each.split())
        or (count == len(each.split()) + 1 and f" {each} " in f" {leaf} ")
        for each in expected
    )


def read_value(text: str, answer: str, strict: bool = False) -> Reading:
    """Of a fill-in: whether a text has the value of `answer`.

    strict: only numbers can be wrong, since words may be no answer.
    """
    reference, values = parse(answer), _values(text, [answer])
    if _spelled(text) == _spelled(answer) or any(same(reference, value) for value in values):
        return Reading.RIGHT
    if same(reference, parse(_ASIDE.split(text, maxsplit=1)[0])):
        return Reading.UNREAD  # and taken back, or doubted, by what follows
    if strict and any(isinstance(leaf, str) for value in values for leaf in leaves(value)):
        return Reading.UNREAD
    return Reading.WRONG if _surely_other(text, [answer]) else Reading.UNREAD


# ---------------------------------------------------------------------------------------- letters

# "C", "(C)", "C. (3, 5)", "option C: (3, 5)" and "(3, 5) is option C": the letter and the rest.
_OPTION = r"(?:the\s+)?(?:option|choice|answer|letter|选项|選項)"
_STATED_LETTERS = [
    re.compile(pattern, re.IGNORECASE | re.DOTALL)
    for pattern in (
        r"""[(\[{<"'\s]*(?P<letter>[A-Z])[)\]}>"'.:?\s]*(?P<rest>)""",
        rf"""{_OPTION}[\s:]+[(\["']*(?P<letter>[A-Z])\b[\s.)\]"':,=–—-]*(?P<rest>.*)""",
        r"""[(\["']*(?P<letter>[A-Z])(?:["'\s]*[.):\]]["']*(?!\w)\s*|\s*[-–—=]\s+|,\s+|\s+(?=[(\[]))"""
        r"(?P<rest>.*)",
        rf"(?P<rest>.*?)(?:\s+(?:is|means|corresponds\s+to|matches))?\s*(?:[:=→(\[–—-]\s*)?\b{_OPTION}"
        r"\s+\(?(?P<letter>[A-Z])[)\]]*",
        r"(?P<rest>.*\S)\s*[(\[](?P<letter>[A-Z])[)\]]",
        r"(?P<letter>[B-HJ-Z])\s+(?P<rest>.*)",
    )
]
# Elsewhere a capital that stands alone is a letter, unless it reads as the article ("A dead end")
# or the pronoun ("I think"); small letters need brackets or "option".
_LETTER = re.compile(
    r"""\b(?i:options?|choices?|letters?|选项)\s+\(?([A-Za-z])\b\)?
      | \(([A-Za-z])\)
      | (?<![\w'-])(?![AI]\s+(?!is\b|or\b|and\b|are\b|was\b|would\b|could\b|has\b|can)[a-z\d])
        ([A-Z])(?![\w']|-\w)""",
    re.VERBOSE,
)
_JOINED = re.compile(r"(?:\s*(?:[,/&+|]|\b(?:and|or|nor|及|和|与|或|或者)\b))*\s*", re.IGNORECASE)
_CLAUSE = re.compile(
    r"""[.!?;,:]+(?:\s|$) | \s[-–—]+\s | [()→] | 因为|由于|所以|但是?
      | \b(?:because|since|while|whereas|although|though|but|which|so|as)\b""",
    re.VERBOSE | re.IGNORECASE,
)
_DENIED_LETTER = re.compile(
    r"\b(?:not|rather\s+than|instead\s+of|over|unlike|anything\s+but|other\s+than|except|excluding|"
    r"(?:rul|eliminat)\w+(?:\s+out)?)\s+(?:(?i:options?)\s+)?"
    r"\(?[A-Z]\b\)?(?:(?:,\s*(?:and|or)\s|,\s*|\s+(?:and|or)\s+)\(?[A-Z]\b\)?)*"
    r"|(?:而?不是|而非|不选)\s*(?:选项\s*)?[A-Z](?![A-Za-z])"
)
_AGAINST = re.compile(
    rf"""{_DENIAL.pattern}
      | \b(?:distractors?|traps?|mistakes?|mistaken|errors?|unlike|excluded?s?|eliminat\w+
      |rul\w+\s+out|invalid|impossible|false|fails?|blocked|rejected|tempt\w*)\b|干扰""",
    re.VERBOSE | re.IGNORECASE,
)
# Another option beside a chosen one: "also possible" takes the choice back, "could" leaves it open.
_TOO = re.compile(
    rf"""{_HEDGE.pattern} | \b(?:both|as\s+well|too\s*\Z)
      | \balso\s+(?:(?:an?|the)\s+)?(?:possible|plausible|correct|right|valid|fine|acceptable|true
        |answer|works?|fits?)\b""",
    re.VERBOSE | re.IGNORECASE,
)
_OPEN = re.compile(
    r"\b(?:could|might|may|wait|actually|no|hmm|choose|pick|answers?|correct|best|likely|probably|"
    r"plausible|right(?!\s+(?:of|next|beside|above|below)))\b|正确",
    re.IGNORECASE,
)
_NOTE = re.compile(
    r"\A\W*(?:note|notice|remember|keep\s+in\s+mind|注意|unlike|the\s+other|others)\b",
    re.IGNORECASE,
)
_TAKEN_BACK = re.compile(
    r"\W*(?:(?:wait|actually|hmm+|oops|sorry|correction)\b|no\W*\Z|no\s+wait\b)", re.IGNORECASE
)
_REJECTION = re.compile(rf"{_AGAINST.pattern} | \bno\b", re.VERBOSE | re.IGNORECASE)
_MARK = "\ue000"
_WORDS_AMID_LETTERS = re.compile(r"\b(?!(?:and|or|either|both)\b)[^\W_]{2,}", re.IGNORECASE)


def read_choice(text: str, options: Sequence[str], right: int, strict: bool = False) -> Reading:
    """Which option a text settles on. strict: only a letter or an option's text as a whole counts.

    Several at once, a denial, and a letter beside another option's text are wrong.
    """
    chosen = _chosen(text, tuple(options), strict)
    if isinstance(chosen, Reading):
        return chosen
    return Reading.RIGHT if chosen == right else Reading.WRONG


def _chosen(text: str, options: tuple[str, ...], strict: bool) -> int | Reading:
    letters = letters_of(options)
    bare = _forms(_BEFORE.sub("", text))
    alone = next((form["letter"].upper() for form in bare if not form["rest"]), None)
    if alone in letters:
        return letters.index(alone)
    whole = _option_spelled(text, options)
    if whole is not None:
        return whole
    if words(text).upper() in _PLACEHOLDERS:
        return Reading.UNREAD
    if alone:  # the letter of no option
        return Reading.WRONG
    stated = [form for form in _forms(text) if form["letter"].upper() in letters]
    for form in stated:
        rest, index = form["rest"], letters.index(form["letter"].upper())
        others = {*_named(rest)} & {*letters} - {letters[index]}
        meant = (_option_spelled if others else _option_meant)(rest, options)
        if meant is not None:
            return meant if meant == index else Reading.WRONG
        if _several(rest, options) or f" not {words(options[index])} " in f" {words(rest)} ":
            return Reading.WRONG
    named = {*_named(text)} & {*letters}
    if len(named) > 1 and not _WORDS_AMID_LETTERS.search(text):
        return Reading.WRONG
    if named:
        return Reading.UNREAD if strict else _argued(text, options, letters)
    meant = _option_meant(text, options)
    if meant is not None:
        return meant
    return Reading.WRONG if not strict and _surely_other(text, options) else Reading.UNREAD


def _several(text: str, options: tuple[str, ...]) -> bool:
    """Whether a text is a list of options."""
    value = parse(text)
    items = value.items if isinstance(value, Items) else ()
    return sum(any(same(parse(option), item) for item in items) for option in options) > 1


def _forms(text: str) -> list[re.Match]:
    return [form for pattern in _STATED_LETTERS if (form := pattern.fullmatch(text))]


def _option_spelled(text: str, options: tuple[str, ...]) -> int | None:
    """The one option that is written like this, or a list of the same items."""
    for plain in (_spelled, _cleaned, parse):
        value = plain(text)
        equal = [i for i, option in enumerate(options) if same(plain(option), value)]
        # Words are no value yet: the "A" of "A. (4, 4)" is no article.
        if len(equal) == 1 and value and (plain is not parse or isinstance(value, Items)):
            return equal[0]
    return None


def _option_meant(text: str, options: tuple[str, ...]) -> int | None:
    """The one option whose value this has, alone or in a sentence."""
    spelled = _option_spelled(text, options)
    if spelled is not None:
        return spelled
    values = _values(text, options)
    meant = [
        index
        for index, option in enumerate(options)
        if any(same(parse(option), value) for value in values)
    ]
    return meant[0] if len(meant) == 1 else None


@functools.lru_cache(maxsize=4096)
def _cleaned(text: str) -> str:
    return clean(text).casefold()


@functools.lru_cache(maxsize=4096)
def _spelled(text: str) -> str:
    """As it is written, but for case and blanks: markup may be what an option consists of."""
    return " ".join(characters(text).casefold().split())


def _named(text: str) -> list[str]:
    return ["".join(filter(None, m.groups())).upper() for m in _LETTER.finditer(text)]


def _argued(text: str, options: tuple[str, ...], letters: list[str]) -> int | Reading:
    """The one letter that a sentence or two settle on, where others are only mentioned."""
    chosen, certain, kept, chosen_in = None, True, [], 0
    clauses = list(_clauses(_DENIED_LETTER.sub(" other ", text), letters))
    for place, (sentence, clause, named) in enumerate(clauses):
        if _AGAINST.search(clause) or _NOTE.search(clause):
            continue
        if chosen is None and named:
            if len(named) > 1 or re.search(r"\b(?:or|either)\b|或", clause):
                return Reading.WRONG
            (chosen,), chosen_in = named, sentence
        elif chosen and named - {chosen}:
            if sentence > chosen_in and _rejected_after(clauses[place:]):
                continue
            if len(re.findall(r"\w+", clause)) <= 1 or _TOO.search(clause):
                return Reading.WRONG
            certain = certain and not _OPEN.search(clause)
            continue  # what it says is of the other option
        elif chosen and _TAKEN_BACK.match(clause):
            certain = False
        kept.append(clause)
    if chosen is None:
        return Reading.WRONG  # every letter is denied
    index = letters.index(chosen)
    if not certain or _contradicts(" ".join(kept), index, options):
        return Reading.UNREAD
    return index


def _rejected_after(clauses: list[tuple[int, str, set[str]]]) -> bool:
    """Whether the first clause's sentence goes on with a denial: "the others, A and B, do not"."""
    (sentence, _, _), *more = clauses
    return any(
        _REJECTION.search(clause)
        for other, clause, named in more
        if other == sentence and not named
    )


def _clauses(text: str, letters: list[str]) -> Iterator[tuple[int, str, set[str]]]:
    """For each clause of a text the number of its sentence, what it says without its letters, and
    these.

    Letters in a row ("A, B and C") stay together.
    """
    runs: list[set[str]] = []
    text, parts, end = text.replace(_MARK, " "), [], 0
    for match in _LETTER.finditer(text):
        letter = "".join(filter(None, match.groups())).upper()
        if letter not in letters:
            continue
        between = text[end : match.start()]
        if runs and _JOINED.fullmatch(between):
            runs[-1].add(letter)
        else:
            parts += [between, _MARK]
            runs.append({letter})
        end = match.end()
    marked = re.sub(rf"\(\s*{_MARK}\s*\)", f" {_MARK} ", "".join([*parts, text[end:]]))
    rest = iter(runs)
    for number, sentence in enumerate(re.split(r"[.!?;]+\s", marked)):
        for clause in _CLAUSE.split(sentence):
            here = [next(rest) for _ in range(clause.count(_MARK))]
            yield number, clause.replace(_MARK, " "), set().union(*here)


def _contradicts(rest: str, index: int, options: tuple[str, ...]) -> bool:
    """Whether the words beside a letter name another option than the letter does."""
    said, own = f" {words(rest)} ", f" {words(options[index])} "
    found = [each for option in options if (each := f" {words(option)} ") in said]
    return bool(found) and (own not in found or any(own in each != own for each in found))
