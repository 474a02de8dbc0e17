"""Which rewritten chains are kept: pure functions of the engine's chain and the model's text.

A filter returns why it rejects, or None. None of them asks a model.
"""

import collections
import dataclasses
import itertools
import re
from collections.abc import Sequence

from records.formats.fields import last_step
from records.schema import answer_text
from synth.facts import COLOURS, LIST_MARK, SUM, WAYS, Fact, facts_in, names_in, wrong_sum
from synth.locked.replies import CONTROL

SHORTEST, LONGEST, MOST_WORDS = 0.5, 6.0, 2000  # times the words of the engine's chain; words
REPEATED, GRAM, FEWEST_WORDS = 0.7, 4, 20
LOOP = 4  # sentences
OPPOSITE = {"above": "below", "below": "above"}
SPEECH = 0.12  # share of English function words in what is neither a number nor a mark

ANSWER = re.compile(
    r"(?:^|\n)\W*(?:final |correct |right )?(?:answer|result)\b(?: is)?[*_]*\s*[:=]?\s*(.+)"
    r"|\b(?:final |correct |right )?(?:answer|result) "
    r"(?:is|(?:must|should|would) be|turns out to be)"
    r"[*_]*\s*:?\s*(.+?)(?=[.;!?]*\s*(?:\n|$)|[.;!?]\s+[A-Z])"
    r"|\\boxed\{([^}]*)\}|<answer>(.*?)</answer>",
    re.IGNORECASE,
)
MENTIONS = re.compile(
    r"\bground[- ]truth\b|\bas an? (?:AI|artificial|(?:large )?language)\b|\blanguage model\b"
    r"|\b(?:given|provided|supplied|expected|stated|known|reference) (?:final |correct |right )?"
    r"(?:answer|solution|reasoning|steps?|chain)\b"
    r"|\banswer (?:is |was |that (?:is|was) |as )?(?:given|provided|supplied)\b"
    r"|\b(?:steps?|reasoning|solution|chain) (?:(?:is|are|was|were) )?"
    r"(?:provided|given|above|listed above)\b"
    r"|\b(?:i|we) (?:was|were|have been|am|are) (?:told|given|asked|provided)\b"
    r"|\brewr(?:ite|itten|iting|ote)\b|\breword(?:ed|ing)?\b|\brephras(?:e|ed|ing)\b"
    r"|\b(?:here is|here's) (?:a|an|the|your|my) (?:\w+ )?"
    r"(?:chain|reasoning|text|version|explanation)\b"
    r"|^\s*(?:sure|certainly|of course)\b"
    r"|\bthe (?:user|prompt|instructions?)\b|\boption [A-Z]\b",
    re.IGNORECASE,
)
REFUSES = re.compile(
    r"\b(?:i'm|i am|we are|we're) (?:sorry|unable|not able)\b|\bsorry\b"
    r"|\bi (?:can't|can’t|cannot|can not|won't|will not|must decline|do not have|don't have)\b"
    r"|\bunable to (?:see|view|help|assist|comply|answer|access)\b",
    re.IGNORECASE,
)
SPOKEN = frozenset(
    "a all also an and are as at be because been before but by can each every first for from goes "
    "has have here hence how if in into is it its like look looking makes must next now of on onto "
    "one only or other out over since so stands stays still than that the them then there therefore"
    " these they this those thus to together we what when where which while with you".split()
)
DENIES = re.compile(r"\b(?:not|cannot|never|hardly)\b|n['’]t\b", re.IGNORECASE)
NEGATIONS = re.compile(
    rf"{DENIES.pattern}|\b(?:no|none|nothing|nobody|nowhere|neither|nor|without)\b", re.IGNORECASE
)
# Negates nothing that a step could have said.
FILLER = re.compile(
    r"\bnothing else\b|\bno (?:doubt|matter|need|longer|further)\b|\bnot only\b"
    r"|\bwithout (?:further|moving|changing)\b",
    re.IGNORECASE,
)
# What says the same as a negation, "is not" and "no".
DENYING = re.compile(
    r"\b(?:empty|fails?|failed|only|off|outside|beyond|missing|lacks?|dead|impossible|illegal"
    r"|invalid|false|blocked|unable|stays?|still|un\w+ed|wall|body)\b",
    re.IGNORECASE,
)
TWICE = re.compile(rf"(?:{DENIES.pattern})\W+(?:\w+\W+){{0,3}}?(?:{DENYING.pattern})", re.I)
NEGATIVE = re.compile(
    rf"{DENYING.pattern}|(?<!row )(?<!column )\b(?:0|zero)\b(?!:)"
    r"|\b(?:free|except|remains?|other|ignored|unless|rather|instead|most|least|best|\w+est)\b",
    re.IGNORECASE,
)


@dataclasses.dataclass(frozen=True)
class Chain:
    """What a rewrite is compared with. steps: without the one that names the option's letter.

    asked: the question without the rules; answer: its text; rules: of the game.
    """

    steps: tuple[str, ...]
    asked: str
    answer: str
    rules: str = ""

    @property
    def text(self) -> str:
        return "\n".join(self.steps)


def chain_of(record: dict) -> Chain:
    """The chain of a record that is rewritten."""
    steps = record["steps"][: len(record["steps"]) - len(letter_step(record))]
    rules, _, asked = record["question"].partition("\n\n")
    return Chain(tuple(steps), asked or rules, answer_text(record), rules if asked else "")


def letter_step(record: dict) -> list[str]:
    """The last step where it only names the option's letter: it is kept as it is."""
    letter = record["answer"]
    ends = [last_step(text, letter) for text in record["options"]]
    return [step for step in record["steps"][-1:] if step in ends]


def lines_of(reply: str, chain: Chain) -> list[str]:
    """The lines of a reply; a last one that gives the right answer in our form is taken off."""
    lines = [line.strip() for line in reply.strip().split("\n") if line.strip()]
    if lines and (last := re.fullmatch(r"#+ *answer:? *(.*)", lines[-1], re.IGNORECASE)):
        if _plain(last[1]) == _plain(chain.answer):
            return lines[:-1]
    return lines


def rejected(reply: str, chain: Chain, cut: bool = False) -> tuple[str, str] | None:
    """(filter, reason) of the first filter that rejects a reply; None where all let it pass.

    cut: the model was stopped before its end.
    """
    text = "\n".join(lines_of(reply, chain))
    for name, check in FILTERS.items():
        if reason := ("the reply was cut off" if name == "cut" and cut else check(text, chain)):
            return name, reason
    return None


# --------------------------------------------------------------------------- the form of a text


def control(text: str, chain: Chain) -> str | None:
    if CONTROL.search(text) or "�" in text:
        return "has control characters or bytes that are no text"
    return None


def refusal(text: str, chain: Chain) -> str | None:
    found = REFUSES.search(text)
    return f"refuses: '{found[0]}'" if found else None


def cut(text: str, chain: Chain) -> str | None:
    ended = re.search(r"[.!?)\]\"'”’`*]\W*$", text)
    return None if ended else "ends in the middle of a sentence"


def length(text: str, chain: Chain) -> str | None:
    words, right = len(text.split()), len(chain.text.split())
    if not SHORTEST * right <= words <= max(LONGEST * right, 60):
        return f"has {words} words where the steps have {right}"
    return f"has {words} words" if words > MOST_WORDS else None


def repetition(text: str, chain: Chain) -> str | None:
    """Repeated 4-grams of words, and sentences said again right after."""
    words = re.findall(r"\S+", text.lower())
    grams = list(zip(*(words[at:] for at in range(GRAM)), strict=False))
    if len(words) >= FEWEST_WORDS and 1 - len(set(grams)) / len(grams) > REPEATED:
        return f"more than {REPEATED:.0%} of its {GRAM}-grams are repeated"
    own = collections.Counter(_plain(one) for one in sentences_of(chain.text))
    said = [_plain(one) for one in sentences_of(text)]
    for at, length in itertools.product(range(len(said)), range(1, LOOP + 1)):
        again = said[at : at + length]
        before = said[max(0, at - length) : at]
        steps = any(step in one for one in again for step, count in own.items() if count > 1)
        if again == before and len(" ".join(again).split()) > 2 and not steps:
            return f"says again: '{' '.join(again)}'"
    return None


def copied(text: str, chain: Chain) -> str | None:
    said = collections.Counter(_plain(text).split())
    own = collections.Counter(_plain(chain.text).split())
    return "has the words of the steps unchanged" if said == own else None


def language(text: str, chain: Chain) -> str | None:
    letters = [c for c in text if c.isalpha()]
    if sum(c.isascii() for c in letters) < 0.95 * len(letters):
        return "is not written in Latin letters"
    own = set(re.findall(r"[a-z]+", f"{chain.text} {chain.asked} {chain.rules}".lower()))
    words = re.findall(r"(?<![\w#-])[a-z]{2,}(?![\w#-])", text.lower())
    spoken = sum(word in SPOKEN or word in own for word in words)
    if len(words) >= 8 and spoken < 3 * SPEECH * len(words):
        return "is not written in English"
    return None


def mentions(text: str, chain: Chain) -> str | None:
    """Of what only the prompt knew: that there was an answer, or steps."""
    for found in MENTIONS.finditer(text):
        if found[0].lower() not in f"{chain.text}\n{chain.asked}\n{chain.rules}".lower():
            return f"mentions: '{found[0].strip()}'"
    return None


# ------------------------------------------------------------------------------- what it says


def answer(text: str, chain: Chain) -> str | None:
    """An answer that is announced must be the right one, in whatever words follow or precede it."""
    right = _plain(chain.answer)
    for found in ANSWER.finditer(text):
        told = next(filter(None, found.groups()), "")
        if found[0].lower() in chain.text.lower() or not told:
            continue
        if not _tells(_plain(told), right):
            return f"announces another answer: '{told}'"
    return None


def _tells(told: str, right: str) -> bool:
    """Whether the right answer is told, not denied, and no other number or cell beside it."""
    if NEGATIONS.search(told) and not NEGATIONS.search(right):
        return False
    if not re.search(rf"(?<!\w){re.escape(right)}(?!\w)", told):
        words = [fact.text for fact in facts_in(told)]
        return words[:1] == [right] and set(words) == {right}
    rest = told.replace(right, " ")
    return not re.search(r"\d", rest) or bool(
        re.search(r"\b(?:because|since|as|in|at|after|of)\b", rest)
    )


def arithmetic(text: str, chain: Chain) -> str | None:
    wrong = wrong_sum(text)
    return f"is wrong: '{wrong}'" if wrong else None


def facts(text: str, chain: Chain) -> str | None:
    """Every step's facts, step by step in order; and none that the steps before do not know.

    The facts of a step may stand in any order. Its part of the text begins where that of the step
    before it ends, and ends with the last of its facts. In a part there may also be facts of the
    steps before it, of the question, colours of the rules, and results of sums written out. After
    the last part there may be facts of the last two steps, the answer and the question. A step
    without facts is not looked for.
    """
    names = names_in((*chain.steps, chain.asked))
    sentences = [facts_in(one, names) for one in sentences_of(_unnumbered(text, chain))]
    said = list(itertools.chain(*sentences))
    closing = len(said) - len(sentences[-1]) if sentences else 0
    answer = facts_in(chain.answer, names)
    told = {fact.text for fact in facts_in(chain.asked, names)}
    told |= {fact.text for fact in facts_in(chain.rules) if fact.text in COLOURS}
    if not WAYS & {fact.text for step in chain.steps for fact in facts_in(step)}:
        told |= WAYS  # none to be mistaken for, as in "going down the rows"
    asked = told | {fact.text for fact in answer}
    asked |= {fact.text for sum_ in re.findall(SUM, text) for fact in facts_in(sum_)}
    at, known = 0, [asked]
    for step in chain.steps:
        own = facts_in(step, names)
        end = _end_of(said, at, own)
        if end is None:
            short = step if len(step) < 80 else f"{step[:77]}..."
            return f"lacks {_first_missing(said, at, own)} of step '{short}'"
        known.append({fact.text for fact in own})
        if strange := _strange(said[at:end], set().union(*known)):
            return f"says {strange} before a step does"
        # Where only the conclusion has what is missing, the step itself may be told wrongly.
        if step == chain.steps[-1] and end > closing > at:
            own_texts, here = collections.Counter(fact.text for fact in own), said[at:closing]
            more = collections.Counter(fact.text for fact in here if fact.telling) - own_texts
            if strange := next(iter(more.keys() - told), None):
                return f"says {strange} where the last step has {_first_missing(here, 0, own)}"
        at = end
    if strange := _strange(said[at:], asked.union(*known[-2:])):
        return f"says {strange}, which no step does"
    last = sentences[-1] if at <= closing and sentences else []
    if last != answer and [fact.kind for fact in last] == [fact.kind for fact in answer]:
        return f"ends with {' '.join(fact.text for fact in last)}" if last else None
    return None


def _end_of(said: Sequence[Fact], at: int, own: Sequence[Fact]) -> int | None:
    """Where the part that begins at `at` has all of a step's facts; None if it never does."""
    open_ = _needed(own)
    waiting = sum(open_.values())
    for end in range(at, len(said) + 1):
        if not waiting:
            return end
        if end < len(said) and open_[said[end].text] > 0:
            open_[said[end].text] -= 1
            waiting -= 1
    return None


def _needed(own: Sequence[Fact]) -> collections.Counter[str]:
    """A number that is a word ("one step") can be told without; so can which is above the other."""
    return collections.Counter(
        fact.text for fact in own if fact.exact and fact.text not in OPPOSITE
    )


def _first_missing(said: Sequence[Fact], at: int, own: Sequence[Fact]) -> str:
    missing = _needed(own)
    missing -= collections.Counter(fact.text for fact in said[at:])
    return next(iter(missing), "a fact")


def _strange(part: Sequence[Fact], known: set[str]) -> str | None:
    for fact in part:
        wrong = fact.telling or OPPOSITE.get(fact.text) in known
        if wrong and fact.text not in known:
            return fact.text
    return None


def negation(text: str, chain: Chain) -> str | None:
    """As many negations, sentence by sentence, as the steps told there have, or can have.

    A step can have one more for each word that says the same, such as "empty".
    """
    names = names_in((*chain.steps, chain.asked))
    sentences = sentences_of(FILLER.sub("", _unnumbered(text, chain)))
    said = [(fact, at) for at, one in enumerate(sentences) for fact in facts_in(one, names)]
    told: list[list[str]] = [[] for _ in sentences]  # the steps that each of them is of
    at = 0
    for step in chain.steps:
        end = _end_of([fact for fact, _ in said], at, facts_in(step, names))
        if end is None:
            return None  # facts says so
        here = {sentence for _, sentence in said[at:end]}
        for sentence in here:
            told[sentence].append(step)
        whole = " ".join(sentences[max(0, min(here) - 1) : max(here) + 2]) if here else "no"
        if NEGATIONS.search(step) and not (NEGATIONS.search(whole) or NEGATIVE.search(whole)):
            return f"does not negate what a step does: '{step}'"
        at = end
    bare = [step for step in chain.steps if not facts_in(step, names)]
    for number, (sentence, steps) in enumerate(zip(sentences, told, strict=True)):
        if not steps:  # it may belong to what is around it
            around = itertools.chain(told[:number][-1:], told[number + 1 :][:1], [bare])
            steps = [step for some in around for step in some]
        if (twice := TWICE.search(sentence)) and not any(map(TWICE.search, steps)):
            return f"denies what the steps say: '{twice[0]}'"
        for negates, alike in ((DENIES, DENYING), (NEGATIONS, NEGATIVE)):
            most = sum(len(NEGATIONS.findall(one)) + len(alike.findall(one)) for one in steps)
            if len(negates.findall(sentence.replace(chain.answer, " "))) > most:
                return f"negates what the steps do not: '{sentence}'"
    return None


def _unnumbered(text: str, chain: Chain) -> str:
    """Without "Step 1:" and so on at the beginning of lines, where the steps do not say that."""
    if any(step.startswith("Step ") for step in chain.steps):
        return text
    return re.sub(r"^\W*step \d+\W*", "", text, flags=re.IGNORECASE | re.MULTILINE)


def sentences_of(text: str) -> list[str]:
    """The sentences of all lines, without the marks of a list."""
    lines = (LIST_MARK.sub("", line) for line in text.split("\n"))
    found = (re.split(r"(?<=[^\s.][.!?])\s+(?=[A-Z(\d\"'])", line) for line in lines)
    return [one for line in found for one in line if one.strip()]


def _plain(text: str) -> str:
    """Words, numbers and marks alone, in small letters."""
    kept = re.sub(r"[^\w()#+*/|.,-]+", " ", text.lower().replace("*", " ")).strip(" .,")
    return re.sub(r"\s+", " ", re.sub(r"[.,](?=\s|$)", " ", kept)).strip(" .,")


FILTERS = {
    "control": control,
    "refusal": refusal,
    "language": language,
    "mentions": mentions,
    "answer": answer,
    "cut": cut,
    "repetition": repetition,
    "length": length,
    "copied": copied,
    "arithmetic": arithmetic,
    "facts": facts,
    "negation": negation,
}
